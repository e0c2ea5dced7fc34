//! Translates Middlewares: references resolved, Secrets read, Traefik's defaults filled in.
//! One that can't be read is not emitted, so the routers that use it serve nothing rather than without it.

mod auth;
mod chain;
pub(super) mod check;
mod defaults;
mod error_page;
mod forward_auth;
mod plugin;
mod rate_limit;

use ingora_crds::MiddlewareSpec;

pub(super) use self::chain::check as check_chains;

use super::context::Context;
use super::names;
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::http::Middleware;
use crate::objects::Group;

/// A Middleware that is being translated: where its findings go, and where its references start.
pub(super) struct Scope<'s> {
    /// The Middleware.
    pub object: &'s ObjectRef,
    /// The name its translation will have.
    pub id: &'s str,
    /// The API group it was written for.
    pub group: Group,
}

/// It can't be emitted; the reason has been told.
#[derive(Debug)]
pub(super) struct Refused;

/// Translates a Middleware; `None` where it doesn't count.
pub(super) fn translate(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.middlewares, namespace, name)?;
    let object = ObjectRef::new("Middleware", namespace, name);
    let id = names::key(namespace, name);
    let scope = Scope { object: &object, id: &id, group: custom.group };
    check::keys(cx, &custom.object.spec, &object);
    let Ok(translated) = resolve(cx, &scope, &custom.object.spec) else { return Some(()) };
    for (path, message) in check::options(&translated) {
        cx.error("BadOption", &object, path, message);
    }
    for (path, message) in check::without_effect(&translated) {
        cx.warning("NoEffect", &object, path, message);
    }
    cx.origin(Section::HttpMiddleware, &id, &object, "spec");
    cx.out.http.middlewares.insert(id, translated);
    Some(())
}

fn resolve(cx: &mut Context<'_>, scope: &Scope<'_>, spec: &MiddlewareSpec) -> Result<Middleware, Refused> {
    Ok(Middleware {
        add_prefix: spec.add_prefix.clone(),
        strip_prefix: spec.strip_prefix.clone().map(|strip| defaults::strip_prefix(strip, scope.group)),
        strip_prefix_regex: spec.strip_prefix_regex.clone(),
        replace_path: spec.replace_path.clone(),
        replace_path_regex: spec.replace_path_regex.clone(),
        basic_auth: spec.basic_auth.as_ref().map(|b| auth::basic(cx, scope, b)).transpose()?,
        digest_auth: spec.digest_auth.as_ref().map(|d| auth::digest(cx, scope, d)).transpose()?,
        forward_auth: spec.forward_auth.as_ref().map(|f| forward_auth::translate(cx, scope, f)).transpose()?,
        errors: spec.errors.as_ref().map(|e| error_page::translate(cx, scope, e)).transpose()?,
        plugin: plugin::translate(cx, scope, &spec.plugin)?,
        rate_limit: spec.rate_limit.as_ref().map(|r| rate_limit::translate(cx, scope, r)).transpose()?,
        chain: spec.chain.as_ref().map(|c| chain::translate(cx, scope, c)).transpose()?,
        ip_white_list: spec.ip_white_list.clone(),
        ip_allow_list: spec.ip_allow_list.clone(),
        headers: spec.headers.clone().map(|headers| defaults::headers(headers, scope.group)),
        encoded_characters: spec.encoded_characters.clone(),
        redirect_regex: spec.redirect_regex.clone(),
        redirect_scheme: spec.redirect_scheme.clone(),
        in_flight_req: spec.in_flight_req.clone(),
        buffering: spec.buffering.clone(),
        circuit_breaker: spec.circuit_breaker.clone().map(defaults::circuit_breaker),
        compress: spec.compress.clone().map(|compress| defaults::compress(compress, scope.group)),
        pass_tls_client_cert: spec
            .pass_tls_client_cert
            .clone()
            .map(|pass| defaults::pass_tls_client_cert(pass, scope.group)),
        retry: spec.retry.clone().map(defaults::retry),
        content_type: spec.content_type.clone().map(|detect| defaults::content_type(detect, scope.group)),
        grpc_web: spec.grpc_web.clone(),
    })
}

// === impl Scope ===

impl Scope<'_> {
    fn namespace(&self) -> &str {
        &self.object.namespace
    }
}

#[cfg(test)]
mod tests;
