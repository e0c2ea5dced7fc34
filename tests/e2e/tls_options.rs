//! TLSOption: what each setting makes of a handshake, for the names of the routers that name it and no others.

use pingora::tls::ssl::SslVersion;

use crate::support::certificates::{Authority, EXPIRED, Issued, Key, VALID};
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Manifests, object, route};

const CONFIG: &str = "{entryPoints: {websecure: {}}}";
const TLS12: SslVersion = SslVersion::TLS1_2;
const TLS13: SslVersion = SslVersion::TLS1_3;

fn option(name: &str, spec: &str) -> Manifests {
    object("TLSOption", name, spec)
}

/// A route for a host of the same name as its options.
fn with_options(host: &str, options: &str, backend: &Backend) -> crate::support::manifests::Route {
    route(host)
        .entry_point("websecure")
        .rule(&format!("Host(`{host}`)"))
        .tls(&format!("{{options: {{name: {options}}}}}"))
        .to(backend)
}

#[tokio::test]
async fn versions_suites_curves_and_protocols_are_those_of_the_name() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let mut objects = authority.issue_with(&["*.example"], Key::Rsa, VALID).secret("rsa");
    objects = objects + object("TLSStore", "default", "{certificates: [{secretName: rsa}]}");
    for (name, spec) in [
        ("new", "{minVersion: VersionTLS13}"),
        ("old", "{maxVersion: VersionTLS12}"),
        ("ancient", "{minVersion: VersionTLS10}"),
        (
            "suites",
            "{maxVersion: VersionTLS12, cipherSuites: [TLS_RSA_WITH_AES_256_GCM_SHA384, TLS_RSA_WITH_RC4_128_SHA]}",
        ),
        ("curve", "{curvePreferences: [CurveP521, secp384r1]}"),
        ("http1", "{alpnProtocols: [http/1.1]}"),
    ] {
        objects = objects + option(name, spec) + with_options(&format!("{name}.example"), name, &backend);
    }
    let any = route("any").entry_point("websecure").rule("Host(`any.example`)").tls("{}").to(&backend);
    let gateway = Gateway::configured(CONFIG, objects + any).await;
    let address = gateway.address("websecure");
    for (name, client, expected) in [
        ("any", Tls::to("any.example"), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("any", Tls::to("any.example").version(TLS12), Ok(("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"))),
        ("any", Tls::to("any.example").version(SslVersion::TLS1_1).weak(), Err("protocol version")),
        ("any", Tls::to("any.example").version(TLS12).suites("AES128-GCM-SHA256"), Err("handshake failure")),
        ("any", Tls::to("any.example").groups("X25519MLKEM768"), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("any", Tls::to("any.example").groups("P-521"), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("new", Tls::to("new.example"), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("new", Tls::to("new.example").version(TLS12), Err("protocol version")),
        ("old", Tls::to("old.example"), Ok(("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"))),
        ("old", Tls::to("old.example").version(TLS13), Err("protocol version")),
        ("ancient", Tls::to("ancient.example").version(SslVersion::TLS1).weak(), Ok(("TLSv1", "ECDHE-RSA-AES128-SHA"))),
        (
            "ancient",
            Tls::to("ancient.example").version(SslVersion::TLS1_1).weak(),
            Ok(("TLSv1.1", "ECDHE-RSA-AES128-SHA")),
        ),
        ("suites", Tls::to("suites.example").suites("ALL"), Ok(("TLSv1.2", "AES256-GCM-SHA384"))),
        ("suites", Tls::to("suites.example").suites("ECDHE"), Err("handshake failure")),
        ("curve", Tls::to("curve.example").groups("P-521:X25519"), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("curve", Tls::to("curve.example").groups("P-384"), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("curve", Tls::to("curve.example").groups("X25519:P-256"), Err("handshake failure")),
        ("http1", Tls::to("http1.example").alpn(&["h2", "http/1.1"]), Ok(("TLSv1.3", "TLS_AES_128_GCM_SHA256"))),
        ("http1", Tls::to("http1.example").alpn(&["h2"]), Err("no application protocol")),
    ] {
        let client = client.connect(address).await;
        match (client, expected) {
            (Ok(client), Ok((version, suite))) => {
                assert_eq!((client.version(), client.suite()), (version, suite), "{name}");
                if client.alpn().as_deref() != Some("h2") {
                    assert_eq!(client.get(&format!("{name}.example"), "/").await, Ok(200), "{name}");
                }
            }
            (Err(e), Err(alert)) => assert!(e.contains(alert), "{name}: {e}"),
            (Ok(client), Err(alert)) => panic!("{name}: {} instead of {alert}", client.version()),
            (Err(e), Ok(_)) => panic!("{name}: {e}"),
        }
    }
    // What the library hasn't got is told.
    gateway.logs("hasn't got TLS_RSA_WITH_RC4_128_SHA").await;
}

#[tokio::test]
async fn strict_names_and_unusable_options_close() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let strict = object("TLSOption", "default", "{sniStrict: true}");
    let known = route("known").entry_point("websecure").rule("Host(`a.example`)").tls("{secretName: a}").to(&backend);
    let unknown = route("unknown").entry_point("websecure").rule("Host(`b.example`)").tls("{}").to(&backend);
    let objects = known + unknown + strict + authority.issue(&["a.example"]).secret("a");
    let broken = option("broken", "{cipherSuites: [TLS_NOTHING]}")
        + with_options("broken.example", "broken", &backend)
        + with_options("gone.example", "gone", &backend);
    let gateway = Gateway::configured(CONFIG, objects + broken).await;
    let address = gateway.address("websecure");
    assert_eq!(Tls::to("a.example").connect(address).await.unwrap().get("a.example", "/").await, Ok(200));
    for name in ["b.example", "c.example", ""] {
        let refused = Tls::to(name).connect(address).await.err().unwrap();
        assert!(refused.contains("unrecognized name"), "{name:?}: {refused}");
    }
    for name in ["broken.example", "gone.example"] {
        let closed = Tls::to(name).connect(address).await.err().unwrap();
        assert!(!closed.contains("alert"), "{name:?}: {closed}");
        // And there is no other way to its route.
        let status = Tls::to("a.example").connect(address).await.unwrap().get(name, "/").await;
        assert_eq!(status, Ok(404), "{name}");
    }
}

#[tokio::test]
async fn clients_certificates_are_asked_for_by_five_policies() {
    let (authority, stranger) = (Authority::new("ca"), Authority::new("stranger"));
    let backend = Backend::echo().await;
    let mut objects = authority.secret("ca");
    let policies = [
        ("none", "NoClientCert"),
        ("request", "RequestClientCert"),
        ("any", "RequireAnyClientCert"),
        ("given", "VerifyClientCertIfGiven"),
        ("verify", "RequireAndVerifyClientCert"),
        ("unsaid", ""),
    ];
    for (name, policy) in policies {
        let spec = format!("{{clientAuth: {{secretNames: [ca], clientAuthType: '{policy}'}}}}");
        let spec = if policy.is_empty() { "{clientAuth: {secretNames: [ca]}}".to_owned() } else { spec };
        objects = objects + option(name, &spec) + with_options(&format!("{name}.example"), name, &backend);
    }
    let gateway = Gateway::configured(CONFIG, objects).await;
    let address = gateway.address("websecure");
    let good = authority.issue(&["client"]);
    let expired = authority.issue_with(&["client"], Key::Ecdsa, EXPIRED);
    let foreign = stranger.issue(&["client"]);
    // Nothing, one of ours, an expired one, one of an authority that is not known.
    let shown: [Option<&Issued>; 4] = [None, Some(&good), Some(&expired), Some(&foreign)];
    const NO: &str = "alert";
    for (name, expected) in [
        ("none", ["", "", "", ""]),
        ("request", ["", "", "", ""]),
        ("any", [NO, "", "", ""]),
        ("given", ["", "", "expired", "unknown"]),
        ("verify", [NO, "", "expired", "unknown"]),
        ("unsaid", [NO, "", "expired", "unknown"]),
    ] {
        for (identity, refused) in shown.iter().zip(expected) {
            for version in [TLS12, TLS13] {
                let host = format!("{name}.example");
                let client = Tls::to(&host).version(version);
                let client = match identity {
                    Some(issued) => client.identity(issued),
                    None => client,
                };
                let outcome = match client.connect(address).await {
                    Ok(client) => client.get(&host, "/").await,
                    Err(e) => Err(e),
                };
                match (outcome, refused) {
                    (Ok(200), "") => {}
                    (Err(e), refused) if !refused.is_empty() && e.contains(refused) => {}
                    (outcome, _) => panic!("{name}, {version:?}: {outcome:?}, expected {refused:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn no_session_is_resumed_under_other_options() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let objects = authority.secret("ca")
        + option("open", "{}")
        + option("closed", "{clientAuth: {secretNames: [ca]}}")
        + option("forgetful", "{disableSessionTickets: true}")
        + with_options("open.example", "open", &backend)
        + with_options("closed.example", "closed", &backend)
        + with_options("forgetful.example", "forgetful", &backend);
    let gateway = Gateway::configured(CONFIG, objects).await;
    let address = gateway.address("websecure");
    let identity = authority.issue(&["client"]);
    for version in [TLS12, TLS13] {
        let session = async |name: &str| {
            let client = Tls::to(name).version(version).identity(&identity).connect(address).await.unwrap();
            let sessions = client.sessions.clone();
            assert_eq!(client.get(name, "/").await, Ok(200), "{name}");
            sessions.lock().unwrap().pop()
        };
        for (from, to, resumes) in [
            ("open.example", "open.example", true),
            // BoringSSL resumes by tickets alone from TLS 1.3 on, and those don't hold a client's whole chain.
            ("closed.example", "closed.example", cfg!(not(feature = "boringssl")) || version == TLS12),
            ("open.example", "closed.example", false),
            ("closed.example", "open.example", false),
            ("forgetful.example", "forgetful.example", false),
        ] {
            let Some(session) = session(from).await else {
                assert!(!resumes, "{from} gives no session, {version:?}");
                continue;
            };
            let client =
                Tls::to(to).version(version).identity(&identity).resume(session).connect(address).await.unwrap();
            assert_eq!(client.resumed(), resumes, "{from} to {to}, {version:?}");
            assert_eq!(client.get(to, "/").await, Ok(200), "{from} to {to}, {version:?}");
        }
        // Without the certificate that the other options ask for, it is no way in.
        let stolen = session("open.example").await.unwrap();
        let outcome = match Tls::to("closed.example").version(version).resume(stolen).connect(address).await {
            Ok(client) => client.get("closed.example", "/").await,
            Err(e) => Err(e),
        };
        assert!(outcome.is_err(), "{outcome:?}, {version:?}");
    }
}

#[tokio::test]
async fn requests_for_names_with_other_options_are_misdirected() {
    let backend = Backend::echo().await;
    let host = |name: &str, tls: &str| {
        route(name).entry_point("websecure").rule(&format!("Host(`{name}.example`)")).tls(tls).to(&backend)
    };
    let objects = option("strict", "{minVersion: VersionTLS12}")
        + option("other", "{minVersion: VersionTLS13}")
        + host("a", "{}")
        + host("b", "{}")
        + host("strict", "{options: {name: strict}}")
        + host("strict2", "{options: {name: strict}}")
        + host("other", "{options: {name: other}}")
        + route("everything").entry_point("websecure").rule("PathPrefix(`/everything`)").tls("{}").to(&backend)
        + route("both-1")
            .entry_point("websecure")
            .rule("Host(`both.example`) && PathPrefix(`/1`)")
            .tls("{options: {name: strict}}")
            .to(&backend)
        + route("both-2")
            .entry_point("websecure")
            .rule("Host(`both.example`) && PathPrefix(`/2`)")
            .tls("{}")
            .to(&backend);
    let gateway = Gateway::configured(CONFIG, objects).await;
    let address = gateway.address("websecure");
    for (name, host, target, status) in [
        ("a", "a", "/", 200),
        ("a", "b", "/", 200),
        ("a", "strict", "/", 421),
        ("a", "other", "/", 421),
        ("strict", "a", "/", 421),
        ("strict", "strict2", "/", 200),
        ("strict", "other", "/", 421),
        ("strict", "nobody", "/", 404),
        ("strict", "nobody", "/everything", 421),
        ("a", "nobody", "/everything", 200),
        ("nobody", "a", "/", 200),
        // Two opinions of one name: the default options.
        ("both", "both", "/1", 200),
        ("both", "both", "/2", 200),
        ("a", "both", "/1", 200),
        ("strict", "both", "/1", 421),
    ] {
        for host in [format!("{host}.example"), format!("{host}.example.")] {
            let client = Tls::to(&format!("{name}.example")).connect(address).await.unwrap();
            let outcome = client.get(&host, target).await;
            assert_eq!(outcome, Ok(status), "{host}{target} on a connection for {name}");
        }
    }
    gateway.logs("both.example has other TLS options in default-both-").await;
}
