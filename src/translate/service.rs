//! A reference to a service, wherever it stands: the servers behind it, and the name it is known by.

use ingora_crds::service::ServiceRef;

use super::context::Context;
use crate::diagnostic::ObjectRef;
use crate::objects::Group;

/// The service of an `errors` middleware: puts it in, and gives back its name.
/// `middleware` is the middleware's generated name, `path` the reference (`spec.errors.service`).
/// `None` where it is broken; that is reported, and the middleware must not be emitted.
pub(super) fn error_page(
    cx: &mut Context<'_>,
    middleware: &str,
    reference: &ServiceRef,
    group: Group,
    object: &ObjectRef,
    path: &str,
) -> Option<String> {
    let _ = (cx, middleware, reference, group, object, path);
    None
}
