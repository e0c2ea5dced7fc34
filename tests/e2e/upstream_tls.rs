//! ServersTransport: what TLS to servers is made of beyond trust in a name, which `upstreams` has.

use pingora::tls::ssl::{AlpnError, SslAcceptorBuilder, SslVersion, select_next_proto};
use pingora::tls::x509::X509;
use tokio::task::JoinSet;

use crate::support::backend::CERTIFICATE;
use crate::support::certificates::{Authority, EXPIRED, Issued, Key};
use crate::support::{Backend, Gateway, Manifests, Wire, http2, object, route, secret, tcp};

const TRUST: &str = "serverName: backend.example, rootCAs: [{secret: ca}]";

/// A route to a server with this transport, and the authority that it trusts.
fn by(backend: &Backend, transport: &str) -> Manifests {
    let transport = object("ServersTransport", "t", &format!("{{{transport}}}"));
    route("r").rule("Host(`a.example`)").to(backend).by("{scheme: https, serversTransport: t}")
        + transport
        + secret("ca", "tls.ca", CERTIFICATE)
}

#[tokio::test]
async fn a_certificate_is_shown_to_servers_that_want_one() {
    let (authority, stranger) = (Authority::new("ca"), Authority::new("stranger"));
    let backend = Backend::tls_with(authority.wanted()).await;
    let identities = authority.issue(&["gateway"]).secret("good")
        + stranger.issue(&["gateway"]).secret("foreign")
        + authority.issue_with(&["gateway"], Key::Rsa, EXPIRED).secret("expired");
    for (transport, status) in [
        ("certificatesSecrets: [good]", 200),
        ("certificatesSecrets: [good, foreign]", 200),
        // With a context of our own.
        ("certificatesSecrets: [good], minVersion: VersionTLS12", 200),
        ("certificatesSecrets: [foreign]", 502),
        ("certificatesSecrets: [expired]", 502),
        ("certificatesSecrets: [gone]", 502),
        ("disableHTTP2: true", 502),
    ] {
        let gateway = Gateway::start(by(&backend, &format!("{TRUST}, {transport}")) + identities.clone()).await;
        let reply = gateway.get("a.example", "/").await;
        assert_eq!(reply.status(), status, "{transport}: {reply:?}");
        if status == 200 {
            reply.echoed().assert_header("X-Client", "gateway");
        }
    }
}

#[tokio::test]
async fn versions_and_suites_are_those_of_the_transport() {
    let at_most = |version: SslVersion| {
        move |acceptor: &mut SslAcceptorBuilder| acceptor.set_max_proto_version(Some(version)).unwrap()
    };
    let (any, old) = (Backend::tls().await, Backend::tls_with(at_most(SslVersion::TLS1_2)).await);
    let chacha = Backend::tls_with(|acceptor| {
        acceptor.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        acceptor.set_cipher_list("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305").unwrap();
    })
    .await;
    for (backend, transport, version) in [
        (&any, "", Some("TLSv1.3")),
        (&any, "minVersion: VersionTLS12, maxVersion: VersionTLS13", Some("TLSv1.3")),
        (&any, "minVersion: VersionTLS11, maxVersion: VersionTLS12", Some("TLSv1.2")),
        (&old, "", Some("TLSv1.2")),
        (&old, "minVersion: VersionTLS13", None),
        (
            &chacha,
            "cipherSuites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256]",
            Some("TLSv1.2"),
        ),
        (
            &chacha,
            "cipherSuites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            None,
        ),
    ] {
        let transport = format!("{TRUST}, {transport}");
        let gateway = Gateway::start(by(backend, transport.trim_end_matches(", "))).await;
        let reply = gateway.get("a.example", "/").await;
        assert_eq!(reply.status(), if version.is_some() { 200 } else { 502 }, "{transport}");
        if let Some(version) = version {
            reply.echoed().assert_header("X-Version", version);
        }
    }
}

#[tokio::test]
async fn a_server_must_be_called_what_is_asked_for() {
    let backend = Backend::tls().await;
    for (names, status) in [
        ("peerCertSANs: [{type: DNSName, value: backend.example}]", 200),
        ("peerCertSANs: [{type: DNSName, value: other.example}, {type: DNSName, value: backend.example}]", 200),
        ("peerCertSANs: [{type: DNSName, value: other.example}]", 502),
        ("peerCertURI: 'spiffe://a'", 502),
        // Names say nothing where nobody vouches for them.
        ("insecureSkipVerify: true, peerCertURI: 'spiffe://a'", 502),
    ] {
        let gateway = Gateway::start(by(&backend, &format!("{TRUST}, {names}"))).await;
        assert_eq!(gateway.get("a.example", "/").await.status(), status, "{names}");
    }
    let gateway = Gateway::start(by(&backend, &format!("{TRUST}, spiffe: {{trustDomain: a}}"))).await;
    gateway.get("a.example", "/").await.assert_status(404);
    gateway.logs("SPIFFE is not spoken by this version").await;
}

#[tokio::test]
async fn authorities_come_from_secrets_and_config_maps() {
    let backend = Backend::tls().await;
    let map = |key: &str, text: &str| {
        Manifests(format!(
            "---\n{}",
            serde_yaml::to_string(&serde_json::json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cas", "namespace": "default"},
                "data": {key: text},
            }))
            .unwrap()
        ))
    };
    const NAME: &str = "serverName: backend.example";
    for (transport, more, status) in [
        ("rootCAs: [{configMap: cas}]", map("ca.crt", CERTIFICATE), 200),
        ("rootCAs: [{configMap: cas}]", map("tls.ca", CERTIFICATE), 200),
        ("rootCAsSecrets: [ca]", Manifests::default(), 200),
        ("rootCAsSecrets: [gone], rootCAs: [{secret: ca}]", Manifests::default(), 200),
        // No authority is not every authority.
        ("rootCAs: [{secret: empty}]", secret("empty", "ca.crt", "none"), 502),
        ("rootCAs: [{secret: empty}], minVersion: VersionTLS12", secret("empty", "ca.crt", "none"), 502),
    ] {
        let gateway = Gateway::start(by(&backend, &format!("{NAME}, {transport}")) + more).await;
        assert_eq!(gateway.get("a.example", "/").await.status(), status, "{transport}");
    }
}

#[tokio::test]
async fn http2_is_spoken_where_both_sides_know_it() {
    let backend = Backend::handshaking(
        |acceptor| {
            acceptor.set_alpn_select_callback(|_, offered| {
                select_next_proto(b"\x02h2\x08http/1.1", offered).ok_or(AlpnError::NOACK)
            });
        },
        |tls, seen| async move {
            if tls.ssl().selected_alpn_protocol() != Some(b"h2") {
                let mut wire = Wire::new(tls);
                while wire.request().await?.is_some() {
                    wire.send("HTTP/1.1 200 OK\r\nX-Backend: h1\r\nContent-Length: 0\r\n\r\n").await?;
                }
                return Ok(());
            }
            let mut connection = h2::server::handshake(tls).await.map_err(std::io::Error::other)?;
            let mut answers = JoinSet::new();
            while let Some(Ok((request, respond))) = connection.accept().await {
                answers.spawn(http2::echo(request, respond, seen.clone()));
            }
            Ok(())
        },
    )
    .await;
    for (transport, spoken) in [("", "h2"), ("disableHTTP2: true", "h1")] {
        let transport = format!("{TRUST}, {transport}");
        let gateway = Gateway::start(by(&backend, transport.trim_end_matches(", "))).await;
        let mut client = gateway.connect().await;
        for _ in 0..3 {
            let reply = client.ask("GET / HTTP/1.1\nHost: a.example\n\n").await;
            assert_eq!(reply.assert_status(200).backend(), spoken, "{transport}");
        }
    }
}

#[tokio::test]
async fn an_authority_counts_whoever_stands_above_it() {
    let root = Authority::new("root");
    let (below, other) = (root.subordinate("below"), root.subordinate("other"));
    let issued = below.issue(&["127.0.0.1"]);
    let showing = |above: Vec<X509>| {
        let issued = issued.clone();
        move |acceptor: &mut SslAcceptorBuilder| {
            acceptor.set_certificate(&issued.certificate).unwrap();
            acceptor.set_private_key(&issued.key).unwrap();
            above.into_iter().for_each(|certificate| acceptor.add_extra_chain_cert(certificate).unwrap());
        }
    };
    let alone = Backend::tls_with(showing(Vec::new())).await;
    let chain = Backend::tls_with(showing(vec![below.0.certificate.clone()])).await;
    let pem = |of: &[&Issued]| of.iter().map(|issued| issued.certificate_pem()).collect::<String>();
    for (backend, believed, good) in [
        (&alone, pem(&[&below.0]), true),
        (&chain, pem(&[&below.0]), true),
        (&alone, pem(&[&below.0, &root.0]), true),
        (&alone, pem(&[&other.0, &root.0]), false),
        (&alone, pem(&[&root.0]), false),
        (&chain, pem(&[&root.0]), true),
        (&chain, pem(&[&other.0]), false),
        (&alone, pem(&[&issued]), true),
        (&alone, pem(&[&below.issue(&["127.0.0.1"])]), false),
    ] {
        let objects = route("web").entry_point("web").to(backend).by("{scheme: https, serversTransport: t}")
            + tcp("raw").spec("entryPoints: [raw]").to(backend).by("{tls: true, serversTransport: t}")
            + object("ServersTransport", "t", "{rootCAs: [{secret: ca}]}")
            + object("ServersTransportTCP", "t", "{tls: {rootCAs: [{secret: ca}]}}")
            + secret("ca", "ca.crt", &believed);
        let gateway = Gateway::configured("entryPoints: {raw: {}}", objects).await;
        assert_eq!(gateway.get("a", "/").await.status(), if good { 200 } else { 502 }, "{believed}");
        let mut raw = Wire::connect(gateway.address("raw")).await;
        let _ = raw.say("GET / HTTP/1.1\nHost: a\n\n").await;
        assert_eq!(raw.reply().await.is_ok(), good, "{believed}");
    }
}
