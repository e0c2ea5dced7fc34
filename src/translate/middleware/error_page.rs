//! The replacement of error responses by a page: the service that has the pages is made beside the Middleware.
//! A broken service refuses the Middleware.

use ingora_crds::middleware::ErrorPage;
use ingora_middleware::config;

use super::{Refused, Scope};
use crate::translate::context::Context;
use crate::translate::service;

/// Names the service, and makes it where it is a Kubernetes one.
pub(super) fn translate(
    cx: &mut Context<'_>,
    scope: &Scope<'_>,
    given: &ErrorPage,
) -> Result<config::ErrorPage, Refused> {
    let path = "spec.errors.service";
    let Some(reference) = &given.service else {
        cx.error(
            "ServiceMissing",
            scope.object,
            path,
            "is absent: name the Service that has the error \
            pages, and its port",
        );
        return Err(Refused);
    };
    if !reference.middlewares.is_empty() {
        let message = "are not run for a page, and the service isn't asked without them: the status is sent alone; name a \
                       service without middlewares";
        cx.warning("MiddlewaresIgnored", scope.object, format!("{path}.middlewares"), message);
    }
    let service = service::error_page(cx, scope.id, reference, scope.group, scope.object, path).ok_or(Refused)?;
    Ok(config::ErrorPage {
        status: given.status.clone(),
        status_rewrites: given.status_rewrites.clone(),
        service,
        query: given.query.clone(),
        error_request_headers: given.error_request_headers.clone(),
    })
}
