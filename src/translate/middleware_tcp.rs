//! Translates MiddlewareTCPs: who may connect.
//! What Traefik's build would refuse is emitted all the same, so the routers that use it are refused, and told here.

use super::context::Context;
use super::middleware::check;
use super::names;
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::tcp::{InFlightConn, TcpIpAllowList, TcpMiddleware};

/// Translates a MiddlewareTCP; `None` where it doesn't count.
pub(super) fn translate(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.middleware_tcps, namespace, name)?;
    let object = ObjectRef::new("MiddlewareTCP", namespace, name);
    let id = names::key(namespace, name);
    let spec = &custom.object.spec;
    let list = |source_range: &Vec<String>| TcpIpAllowList { source_range: source_range.clone() };
    let translated = TcpMiddleware {
        in_flight_conn: spec.in_flight_conn.as_ref().map(|c| InFlightConn { amount: c.amount }),
        ip_white_list: spec.ip_white_list.as_ref().map(|l| list(&l.source_range)),
        ip_allow_list: spec.ip_allow_list.as_ref().map(|l| list(&l.source_range)),
    };
    check_keys(cx, &translated, &object);
    cx.origin(Section::TcpMiddleware, &id, &object, "spec");
    cx.out.tcp.middlewares.insert(id, translated);
    Some(())
}

fn check_keys(cx: &mut Context<'_>, middleware: &TcpMiddleware, object: &ObjectRef) {
    let (allow, white, conn) = (&middleware.ip_allow_list, &middleware.ip_white_list, &middleware.in_flight_conn);
    let set: Vec<_> =
        [("ipAllowList", allow.is_some()), ("ipWhiteList", white.is_some()), ("inFlightConn", conn.is_some())]
            .into_iter()
            .filter_map(|(key, set)| set.then_some(key))
            .collect();
    match set.as_slice() {
        [] => {
            let message = "is empty: set one of ipAllowList and inFlightConn";
            cx.error("MiddlewareKeyCount", object, "spec", message);
        }
        [used, ignored @ ..] if !ignored.is_empty() => {
            let message = format!("sets {}: only {used} counts, make a MiddlewareTCP of each", set.join(" and "));
            cx.warning("MiddlewareKeyCount", object, "spec", message);
        }
        _ => {}
    }
    for (key, list) in [("ipAllowList", allow), ("ipWhiteList", white)] {
        if let Some(list) = list {
            for (path, message) in check::source_range(&format!("spec.{key}"), &list.source_range) {
                cx.error("BadOption", object, path, message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
