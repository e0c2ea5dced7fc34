//! References from one object to another by name: which generated name they mean, and whether they are allowed.
//! A reference that isn't is reported and `None`; one to an object that doesn't exist is reported, but keeps its name,
//! because what refers to it is emitted and then disabled.

use super::context::Context;
use super::names;
use crate::diagnostic::ObjectRef;

/// The provider that ingora's own names belong to.
pub(super) const PROVIDER: &str = "kubernetescrd";

/// The provider of what is built in: `api@internal`, `ping@internal`, ….
const INTERNAL: &str = "internal";

/// What is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Middleware,
    MiddlewareTcp,
    TlsOption,
    ServersTransport,
    ServersTransportTcp,
    TraefikService,
}

// === impl Target ===

impl Target {
    fn kind(self) -> &'static str {
        match self {
            Target::Middleware => "Middleware",
            Target::MiddlewareTcp => "MiddlewareTCP",
            Target::TlsOption => "TLSOption",
            Target::ServersTransport => "ServersTransport",
            Target::ServersTransportTcp => "ServersTransportTCP",
            Target::TraefikService => "TraefikService",
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Target::Middleware => "MiddlewareNotFound",
            Target::MiddlewareTcp => "MiddlewareTCPNotFound",
            Target::TlsOption => "TLSOptionNotFound",
            Target::ServersTransport => "ServersTransportNotFound",
            Target::ServersTransportTcp => "ServersTransportTCPNotFound",
            Target::TraefikService => "TraefikServiceNotFound",
        }
    }

    /// The field that holds the name: transports are referred to by a mere text.
    fn field(self, path: &str) -> String {
        match self {
            Target::ServersTransport | Target::ServersTransportTcp => path.to_owned(),
            _ => format!("{path}.name"),
        }
    }

    fn exists(self, cx: &Context<'_>, namespace: &str, name: &str) -> bool {
        match self {
            Target::Middleware => cx.find(|s| &s.middlewares, namespace, name).is_some(),
            Target::MiddlewareTcp => cx.find(|s| &s.middleware_tcps, namespace, name).is_some(),
            Target::TlsOption => cx.find(|s| &s.tls_options, namespace, name).is_some(),
            Target::ServersTransport => cx.find(|s| &s.servers_transports, namespace, name).is_some(),
            Target::ServersTransportTcp => cx.find(|s| &s.servers_transport_tcps, namespace, name).is_some(),
            Target::TraefikService => cx.find(|s| &s.traefik_services, namespace, name).is_some(),
        }
    }
}

/// The generated name that a reference means.
///
/// `home` is the namespace that counts where the reference has none (empty counts as none): the referring object's,
/// or for a `ServersTransport` that of the Kubernetes Service. `path` is the reference, without `.name`.
/// `None` where the reference is not allowed; that is reported.
pub(super) fn resolve(
    cx: &mut Context<'_>,
    target: Target,
    (name, namespace): (&str, Option<&str>),
    home: &str,
    object: &ObjectRef,
    path: &str,
) -> Option<String> {
    let namespace = namespace.filter(|n| !n.is_empty());
    if let Some((bare, provider)) = name.rsplit_once('@') {
        return other_provider(cx, target, (bare, provider), namespace, object, path);
    }
    let wanted = namespace.unwrap_or(home);
    if !namespace_allowed(cx, target.kind(), name, wanted, home, object, path) {
        return None;
    }
    let exists = target.exists(cx, wanted, name);
    if !exists {
        missing(cx, target, wanted, name, object, path);
    }
    if target == Target::TlsOption && exists {
        return Some(tls_option(cx, wanted, name, object, path));
    }
    Some(names::key(wanted, name))
}

/// Whether an object of namespace `home` may refer to one of namespace `wanted`; if not, that is reported.
pub(super) fn namespace_allowed(
    cx: &mut Context<'_>,
    kind: &str,
    name: &str,
    wanted: &str,
    home: &str,
    object: &ObjectRef,
    path: &str,
) -> bool {
    let allowed = cx.options.allow_cross_namespace || wanted == home;
    if !allowed {
        let message = format!(
            "refers to {kind} {wanted}/{name} in another namespace than {home}: that needs the provider's option \
            allowCrossNamespace: true, or {kind} {name} in namespace {home}"
        );
        cx.error("CrossNamespaceNotAllowed", object, format!("{path}.namespace"), message);
    }
    allowed
}

/// `name@provider`: used as written, except for TraefikServices, whose names are normalised.
fn other_provider(
    cx: &mut Context<'_>,
    target: Target,
    (name, provider): (&str, &str),
    namespace: Option<&str>,
    object: &ObjectRef,
    path: &str,
) -> Option<String> {
    let kind = target.kind();
    let field = target.field(path);
    let own = provider == PROVIDER;
    let listed = cx.options.cross_provider_namespaces.as_ref();
    if listed.is_some_and(|namespaces| !namespaces.contains(&object.namespace)) {
        let message = format!(
            "refers to {kind} {name}@{provider}: namespace {} is not in the provider's option \
            crossProviderNamespaces, so references with @ are not allowed; write name and namespace instead",
            object.namespace
        );
        cx.error("CrossProviderNotAllowed", object, &field, message);
        return None;
    }
    if own && !cx.options.allow_cross_namespace {
        let message = format!(
            "refers to {kind} {name}@{provider}, which may be of any namespace: that needs the provider's option \
            allowCrossNamespace: true; write name and namespace instead"
        );
        cx.error("CrossNamespaceNotAllowed", object, &field, message);
        return None;
    }
    if target == Target::TraefikService && own {
        // Traefik puts the namespace of the reference before the name, and nothing where there is none.
        return Some(names::key(namespace.unwrap_or_default(), name));
    }
    if let Some(namespace) = namespace {
        let message = format!("namespace {namespace} is ignored, because the name has a provider (@{provider})");
        cx.warning("NamespaceIgnored", object, format!("{path}.namespace"), message);
    }
    if !own && provider != INTERNAL {
        let message = format!(
            "refers to {kind} {name}@{provider}: there is no provider {provider}, only {PROVIDER} and {INTERNAL}"
        );
        cx.error("UnknownProvider", object, &field, message);
    }
    Some(match target {
        Target::TraefikService => format!("{}@{provider}", names::normalize(name)),
        _ => format!("{name}@{provider}"),
    })
}

/// The id of a TLSOption that exists. Ids are not normalised, so that a reference to a name with dots works, which
/// doesn't in Traefik; and an object named `default` is not reachable under its name, as in Traefik.
fn tls_option(cx: &mut Context<'_>, namespace: &str, name: &str, object: &ObjectRef, path: &str) -> String {
    if name == "default" {
        let message = "a TLSOption named default is used by all routers that name no options, and can't be named: \
        leave options out";
        cx.error("TLSOptionNotFound", object, format!("{path}.name"), message);
    }
    names::id(namespace, name)
}

fn missing(cx: &mut Context<'_>, target: Target, namespace: &str, name: &str, object: &ObjectRef, path: &str) {
    let kind = target.kind();
    let hint = if !cx.filter.watches(namespace) {
        format!("; namespace {namespace} is not among the provider's namespaces")
    } else if !cx.options.label_selector.is_empty() {
        format!(", or the provider's labelSelector {:?} leaves it out", cx.options.label_selector)
    } else {
        String::new()
    };
    let message = format!("{kind} {namespace}/{name} does not exist{hint}: what refers to it is not served");
    cx.error(target.missing(), object, target.field(path), message);
}
