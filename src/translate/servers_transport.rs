//! Translates ServersTransports and ServersTransportTCPs: how servers are dialled, and whom TLS to them trusts.
//! A Secret that can't be read is left out, with an error on the object that names it; the rest is used.

use ingora_crds::duration::GoDuration;
use ingora_crds::servers_transport::{self as crd, RootCa};
use ingora_crds::{ServersTransportSpec, ServersTransportTCPSpec};

use super::context::Context;
use super::secret::{self, SoleKey};
use super::{names, tls};
use crate::diagnostic::ObjectRef;
use crate::dynamic::Section;
use crate::dynamic::http::{ForwardingTimeouts, PeerCertSan, ServersTransport, Spiffe};
use crate::dynamic::tcp::{ProxyProtocol, TcpClientTls, TcpServersTransport};
use crate::dynamic::tls::Certificate;

/// Translates a ServersTransport; `None` where it doesn't count.
pub(super) fn translate_http(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.servers_transports, namespace, name)?;
    let object = ObjectRef::new("ServersTransport", namespace, name);
    let id = names::key(namespace, name);
    let transport = http(cx, namespace, &custom.object.spec, &object);
    cx.origin(Section::HttpServersTransport, &id, &object, "spec");
    cx.out.http.servers_transports.insert(id, transport);
    Some(())
}

/// Translates a ServersTransportTCP; `None` where it doesn't count.
pub(super) fn translate_tcp(cx: &mut Context<'_>, namespace: &str, name: &str) -> Option<()> {
    let custom = cx.find(|s| &s.servers_transport_tcps, namespace, name)?;
    let object = ObjectRef::new("ServersTransportTCP", namespace, name);
    let id = names::key(namespace, name);
    let transport = tcp(cx, namespace, &custom.object.spec, &object);
    cx.origin(Section::TcpServersTransport, &id, &object, "spec");
    cx.out.tcp.servers_transports.insert(id, transport);
    Some(())
}

fn http(cx: &mut Context<'_>, namespace: &str, spec: &ServersTransportSpec, object: &ObjectRef) -> ServersTransport {
    let (min_version, max_version) = versions(cx, spec, object);
    if spec.forwarding_timeouts.as_ref().is_some_and(|timeouts| timeouts.ping_timeout.is_some()) {
        let message = "has no effect: a ping of HTTP/2 has as long for its answer as there is between two pings \
                       (readIdleTimeout); delete it";
        cx.info("NoEffect", object, "spec.forwardingTimeouts.pingTimeout", message);
    }
    ServersTransport {
        server_name: spec.server_name.clone(),
        insecure_skip_verify: spec.insecure_skip_verify,
        root_cas: authorities(cx, namespace, &spec.root_cas, &spec.root_cas_secrets, object, "spec"),
        certificates: certificates(cx, namespace, &spec.certificates_secrets, object, "spec"),
        cipher_suites: cipher_suites(cx, &spec.cipher_suites, object),
        min_version,
        max_version,
        max_idle_conns_per_host: spec.max_idle_conns_per_host,
        forwarding_timeouts: Some(timeouts(spec.forwarding_timeouts.clone().unwrap_or_default())),
        disable_http2: spec.disable_http2,
        peer_cert_uri: spec.peer_cert_uri.clone(),
        peer_cert_sans: sans(&spec.peer_cert_sans),
        spiffe: spiffe(spec.spiffe.as_ref()),
    }
}

fn tcp(
    cx: &mut Context<'_>,
    namespace: &str,
    spec: &ServersTransportTCPSpec,
    object: &ObjectRef,
) -> TcpServersTransport {
    TcpServersTransport {
        dial_keep_alive: Some(spec.dial_keep_alive.unwrap_or(GoDuration::from_secs(15))),
        dial_timeout: Some(spec.dial_timeout.unwrap_or(GoDuration::from_secs(30))),
        proxy_protocol: spec.proxy_protocol.as_ref().map(|p| ProxyProtocol { version: p.version.unwrap_or(2) }),
        termination_delay: Some(spec.termination_delay.unwrap_or(GoDuration::from_millis(100))),
        tls: spec.tls.as_ref().map(|tls| TcpClientTls {
            server_name: tls.server_name.clone(),
            insecure_skip_verify: tls.insecure_skip_verify,
            root_cas: authorities(cx, namespace, &tls.root_cas, &tls.root_cas_secrets, object, "spec.tls"),
            certificates: certificates(cx, namespace, &tls.certificates_secrets, object, "spec.tls"),
            peer_cert_uri: tls.peer_cert_uri.clone(),
            peer_cert_sans: sans(&tls.peer_cert_sans),
            spiffe: spiffe(tls.spiffe.as_ref()),
        }),
    }
}

/// Traefik's defaults where nothing is said. What is off by default stays unsaid when it is set to zero.
fn timeouts(given: crd::ForwardingTimeouts) -> ForwardingTimeouts {
    let some = |d: &GoDuration| *d != GoDuration::default();
    ForwardingTimeouts {
        dial_timeout: Some(given.dial_timeout.unwrap_or(GoDuration::from_secs(30))),
        response_header_timeout: given.response_header_timeout.filter(some),
        idle_conn_timeout: Some(given.idle_conn_timeout.unwrap_or(GoDuration::from_secs(90))),
        read_idle_timeout: given.read_idle_timeout.filter(some),
        ping_timeout: Some(given.ping_timeout.unwrap_or(GoDuration::from_secs(15))),
    }
}

/// PEM texts of authorities: the deprecated list of Secrets first, as Traefik orders them.
fn authorities(
    cx: &mut Context<'_>,
    namespace: &str,
    root_cas: &[RootCa],
    secrets: &[String],
    object: &ObjectRef,
    at: &str,
) -> Vec<String> {
    if !secrets.is_empty() {
        let message = "is deprecated: name each Secret as an entry `secret: <name>` of rootCAs instead";
        cx.info("Deprecated", object, format!("{at}.rootCAsSecrets"), message);
    }
    let deprecated = secrets.iter().enumerate().map(|(i, s)| (format!("{at}.rootCAsSecrets[{i}]"), Some(s), None));
    let current = root_cas
        .iter()
        .enumerate()
        .map(|(i, ca)| (format!("{at}.rootCAs[{i}]"), ca.secret.as_ref(), ca.config_map.as_ref()));
    let mut texts = Vec::new();
    for (path, secret, config_map) in deprecated.chain(current) {
        let (read, what) = match (secret, config_map) {
            (Some(secret), None) => (
                secret::authority(&cx.reader, namespace, secret, SoleKey::Accepted),
                format!("the authority in Secret {namespace}/{secret}"),
            ),
            (None, Some(map)) => (
                secret::config_map_authority(&cx.reader, namespace, map),
                format!("the authority in ConfigMap {namespace}/{map}"),
            ),
            (both, _) => {
                let found = if both.is_some() { "names both a Secret and a ConfigMap" } else { "names nothing" };
                let message = format!("{found}: write one of `secret` and `configMap`");
                cx.error("BadRootCa", object, path, message);
                continue;
            }
        };
        match read {
            Ok(text) => {
                tls::doubt_pem(cx, &text, &what, object, &path);
                texts.push(text);
            }
            Err(problem) => problem.report(cx, object, &path),
        }
    }
    texts
}

fn certificates(
    cx: &mut Context<'_>,
    namespace: &str,
    secrets: &[String],
    object: &ObjectRef,
    at: &str,
) -> Vec<Certificate> {
    let mut pairs = Vec::new();
    for (i, name) in secrets.iter().enumerate() {
        let path = format!("{at}.certificatesSecrets[{i}]");
        match secret::key_pair(&cx.reader, namespace, name) {
            Ok(pair) => {
                tls::doubt_pair(cx, &pair, namespace, name, object, &path);
                if !pairs.is_empty() {
                    let message = "is not shown to servers: the first certificate that can be read is; delete it";
                    cx.warning("CertificateNotUsed", object, &path, message);
                }
                pairs.push(pair);
            }
            Err(problem) => problem.report(cx, object, &path),
        }
    }
    pairs
}

/// The suites as given; none at all where one of them is unknown.
fn cipher_suites(cx: &mut Context<'_>, given: &[String], object: &ObjectRef) -> Vec<String> {
    let mut all_known = true;
    for (i, suite) in given.iter().enumerate() {
        if let Some(message) = tls::unknown(suite, &tls::CIPHER_SUITES) {
            all_known = false;
            let message = format!("{message} (until then the default suites are used)");
            cx.error("UnknownTlsName", object, format!("spec.cipherSuites[{i}]"), message);
        }
    }
    if all_known { given.to_vec() } else { Vec::new() }
}

/// The range of versions. One that leaves nothing to choose from is replaced by "1.2 and up", as Traefik does.
fn versions(cx: &mut Context<'_>, spec: &ServersTransportSpec, object: &ObjectRef) -> (String, String) {
    let mut accept = |path: &str, given: &str| {
        if given.is_empty() {
            return None;
        }
        if let Some(message) = tls::unknown(given, &tls::VERSIONS) {
            cx.error("UnknownTlsName", object, path, message);
        }
        tls::VERSIONS.iter().position(|known| *known == given)
    };
    let min = accept("spec.minVersion", &spec.min_version);
    let max = accept("spec.maxVersion", &spec.max_version);
    if !spec.min_version.is_empty() && !spec.max_version.is_empty() && min >= max {
        if min.is_some() && max.is_some() {
            let message = format!(
                "is {} and maxVersion is {}: it must be below; until then versions from VersionTLS12 on are used",
                spec.min_version, spec.max_version
            );
            cx.error("TlsVersionsCrossed", object, "spec.minVersion", message);
        }
        return ("VersionTLS12".to_owned(), String::new());
    }
    let name =
        |rank: Option<usize>| rank.and_then(|r| tls::VERSIONS.get(r)).map(|v| (*v).to_owned()).unwrap_or_default();
    (name(min), name(max))
}

fn sans(given: &[crd::PeerCertSan]) -> Vec<PeerCertSan> {
    given.iter().map(|san| PeerCertSan { kind: san.kind.clone(), value: san.value.clone() }).collect()
}

fn spiffe(given: Option<&crd::Spiffe>) -> Option<Spiffe> {
    given.map(|s| Spiffe { ids: s.ids.clone(), trust_domain: s.trust_domain.clone() })
}

#[cfg(test)]
mod tests;
