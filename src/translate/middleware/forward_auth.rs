//! Authentication by another server, and the TLS that calls to servers of Middlewares are made with.
//! A Secret that is missing or malformed refuses the Middleware.

use ingora_crds::middleware::{ClientTls as Given, ForwardAuth};
use ingora_middleware::config::{self, ClientTls};

use super::{Refused, Scope};
use crate::translate::context::Context;
use crate::translate::secret::{self, Problem, SoleKey};
use crate::translate::tls;

/// Fills in Traefik's defaults: bodies and answers of any size.
pub(super) fn translate(
    cx: &mut Context<'_>,
    scope: &Scope<'_>,
    given: &ForwardAuth,
) -> Result<config::ForwardAuth, Refused> {
    if given.address.is_empty() {
        let message = "is empty: write the URL of the server that authenticates";
        cx.error("NoAddress", scope.object, "spec.forwardAuth.address", message);
        return Err(Refused);
    }
    let tls = given.tls.as_ref().map(|tls| client_tls(cx, scope, tls, "spec.forwardAuth.tls")).transpose()?;
    Ok(config::ForwardAuth {
        address: given.address.clone(),
        tls,
        trust_forward_header: given.trust_forward_header,
        auth_response_headers: given.auth_response_headers.clone(),
        auth_response_headers_regex: given.auth_response_headers_regex.clone(),
        auth_request_headers: given.auth_request_headers.clone(),
        add_auth_cookies_to_response: given.add_auth_cookies_to_response.clone(),
        header_field: given.header_field.clone(),
        forward_body: given.forward_body,
        max_body_size: Some(given.max_body_size.unwrap_or(-1)),
        max_response_body_size: Some(given.max_response_body_size.unwrap_or(-1)),
        preserve_location_header: given.preserve_location_header,
        preserve_request_method: given.preserve_request_method,
        auth_signin_url: given.auth_signin_url.clone(),
    })
}

/// TLS with the authority and the key pair read from their Secrets. `path` is the field's own.
pub(super) fn client_tls(
    cx: &mut Context<'_>,
    scope: &Scope<'_>,
    given: &Given,
    path: &str,
) -> Result<ClientTls, Refused> {
    let namespace = scope.namespace();
    let mut tls = ClientTls {
        insecure_skip_verify: given.insecure_skip_verify,
        ca_optional: given.ca_optional,
        ..ClientTls::default()
    };
    if !given.ca_secret.is_empty() {
        let path = format!("{path}.caSecret");
        let read = secret::authority(&cx.reader, namespace, &given.ca_secret, SoleKey::Accepted);
        tls.ca = or_refuse(cx, scope, read, &path)?;
        let what = format!("the authority in Secret {namespace}/{}", given.ca_secret);
        tls::doubt_pem(cx, &tls.ca, &what, scope.object, &path);
    }
    if !given.cert_secret.is_empty() {
        let path = format!("{path}.certSecret");
        let read = secret::key_pair(&cx.reader, namespace, &given.cert_secret);
        let pair = or_refuse(cx, scope, read, &path)?;
        tls::doubt_pair(cx, &pair, namespace, &given.cert_secret, scope.object, &path);
        tls.cert = pair.cert_file;
        tls.key = Some(pair.key_file);
    }
    Ok(tls)
}

fn or_refuse<T>(cx: &mut Context<'_>, scope: &Scope<'_>, read: Result<T, Problem>, path: &str) -> Result<T, Refused> {
    read.map_err(|problem| {
        problem.report(cx, scope.object, path);
        Refused
    })
}
