//! Clients that TLSOptions ask for certificates: whose count, what is closed for want of authorities, and no way around it
//! by an old session or another connection. What options do else is in `tls_options`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use http::Request;
use pingora::tls::ssl::SslVersion;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::certificates::Authority;
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Manifests, http2, object, route, secret, tcp, within};

const CONFIG: &str = "{entryPoints: {websecure: {}}}";

fn option(name: &str, spec: &str) -> Manifests {
    object("TLSOption", name, spec)
}

/// A route for `<name>.example` with these settings of TLS.
fn host(name: &str, tls: &str, backend: &Backend) -> Manifests {
    route(name).entry_point("websecure").rule(&format!("Host(`{name}.example`)")).tls(tls).to(backend).into()
}

/// A route for a host of the same name as its options.
fn with_options(name: &str, backend: &Backend) -> Manifests {
    host(name, &format!("{{options: {{name: {name}}}}}"), backend)
}

/// Asks for certificates by these Secrets; without a policy where that is empty.
fn client_auth(secrets: &str, policy: &str) -> String {
    let policy = if policy.is_empty() { String::new() } else { format!(", clientAuthType: {policy}") };
    format!("{{clientAuth: {{secretNames: {secrets}{policy}}}}}")
}

async fn get(client: Tls, address: SocketAddr, host: &str) -> Result<u16, String> {
    client.connect(address).await?.get(host, "/").await
}

#[tokio::test]
async fn authorities_come_from_several_secrets_under_either_key() {
    let [one, two, stranger] = ["one", "two", "stranger"].map(Authority::new);
    let backend = Backend::echo().await;
    let mut objects = secret("by-tls-ca", "tls.ca", &one.0.certificate_pem()) + two.secret("by-ca-crt");
    const POLICIES: [&str; 6] = [
        "NoClientCert",
        "RequestClientCert",
        "RequireAnyClientCert",
        "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
        "",
    ];
    for (n, policy) in POLICIES.iter().enumerate() {
        // One that is missing leaves the others.
        let name = format!("policy{n}");
        let auth = client_auth("[by-tls-ca, gone, by-ca-crt]", policy);
        objects = objects + option(&name, &auth) + with_options(&name, &backend);
    }
    let gateway = Gateway::configured(CONFIG, objects).await;
    gateway.logs("Secret default/gone does not exist").await;
    let address = gateway.address("websecure");
    for (n, policy) in POLICIES.iter().enumerate() {
        let name = format!("policy{n}.example");
        for authority in [&one, &two] {
            let client = Tls::to(&name).identity(&authority.issue(&["client"]));
            assert_eq!(get(client, address, &name).await, Ok(200), "{policy}");
        }
        let foreign = get(Tls::to(&name).identity(&stranger.issue(&["client"])), address, &name).await;
        let verifies = policy.is_empty() || policy.contains("Verify");
        assert_eq!(foreign == Ok(200), !verifies, "{policy}: {foreign:?}");
        let without = get(Tls::to(&name), address, &name).await;
        let requires = policy.is_empty() || policy.contains("Require");
        assert_eq!(without == Ok(200), !requires, "{policy}: {without:?}");
    }
}

#[tokio::test]
async fn who_loses_all_authorities_lets_nobody_in() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    const POLICIES: [&str; 4] = ["", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert", "RequireAnyClientCert"];
    let mut objects = Manifests::default();
    for (n, policy) in POLICIES.iter().enumerate() {
        let name = format!("policy{n}");
        objects = objects + option(&name, &client_auth("[ca]", policy)) + with_options(&name, &backend);
    }
    let mark = |n: usize| route("mark").entry_point("web").rule(&format!("Path(`/{n}`)")).to(&backend);
    let with = || objects.clone() + mark(1) + authority.secret("ca");
    let gateway = Gateway::configured(CONFIG, with()).await;
    let address = gateway.address("websecure");
    let good = authority.issue(&["client"]);
    let outcome = async |policy: usize, shows: bool| {
        let name = format!("policy{policy}.example");
        let client = Tls::to(&name);
        get(if shows { client.identity(&good) } else { client }, address, &name).await
    };
    for (n, policy) in POLICIES.iter().enumerate() {
        assert_eq!(outcome(n, true).await, Ok(200), "{policy:?}");
    }
    for (n, gone) in [(2, Manifests::default()), (3, secret("ca", "other", "x"))] {
        gateway.change(objects.clone() + mark(n) + gone);
        gateway.until("a", &format!("/{n}"), |reply| reply.status() == 200).await;
        for (n, policy) in POLICIES.iter().enumerate() {
            // Any certificate is any certificate, though nobody vouches for it.
            let open = *policy == "RequireAnyClientCert";
            let (shown, not) = (outcome(n, true).await, outcome(n, false).await);
            assert!(not.is_err(), "{policy:?}: {not:?}");
            assert_eq!(shown == Ok(200), open, "{policy:?}: {shown:?}");
        }
    }
    gateway.change(with());
    gateway.until("a", "/1", |reply| reply.status() == 200).await;
    assert_eq!(outcome(0, true).await, Ok(200));
    assert!(outcome(0, false).await.is_err());
}

#[tokio::test]
async fn of_two_options_named_default_none_is_used() {
    let backend = Backend::echo().await;
    let second = "---\napiVersion: traefik.io/v1alpha1\nkind: TLSOption\n\
                  metadata: {name: default, namespace: other}\nspec: {}\n";
    let first = option("default", "{minVersion: VersionTLS13}");
    let routes = host("a", "{}", &backend)
        + with_options("named", &backend)
        + option("named", "{}")
        + tcp("t").rule("HostSNI(`tcp.example`)").spec("{entryPoints: [websecure], tls: {}}").to(&backend)
        + route("mark").entry_point("web").rule("Path(`/2`)").to(&backend);
    let gateway = Gateway::configured(CONFIG, routes.clone() + first.clone() + second).await;
    let address = gateway.address("websecure");
    gateway.logs("DuplicateDefault").await;
    for name in ["a.example", "tcp.example", "nobody.example", ""] {
        let closed = Tls::to(name).connect(address).await.err().unwrap_or_else(|| panic!("{name:?} is served"));
        assert!(!closed.contains("alert"), "{name:?}: {closed}");
    }
    assert_eq!(get(Tls::to("named.example"), address, "named.example").await, Ok(200));
    // Nor is there another way to its route.
    assert_eq!(get(Tls::to("named.example"), address, "a.example").await, Ok(404));
    // One of them alone is the default.
    gateway.change(routes + first);
    within("the options", async { while Tls::to("a.example").connect(address).await.is_err() {} }).await;
    assert_eq!(get(Tls::to("a.example"), address, "a.example").await, Ok(200));
    let refused = Tls::to("a.example").version(SslVersion::TLS1_2).connect(address).await.err().unwrap();
    assert!(refused.contains("protocol version"), "{refused}");
}

#[tokio::test]
async fn requests_of_one_http2_connection_stay_with_its_options() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let objects = host("a", "{}", &backend)
        + host("b", "{}", &backend)
        + option("closed", "{clientAuth: {secretNames: [ca]}}")
        + with_options("closed", &backend)
        + host("too", "{options: {name: closed}}", &backend)
        + authority.secret("ca");
    let gateway = Gateway::configured(CONFIG, objects).await;
    let address = gateway.address("websecure");
    let identity = authority.issue(&["client"]);
    for (name, expected) in [
        ("a", [("a", 200), ("closed", 421), ("b", 200), ("too", 421), ("nobody", 404), ("a", 200)]),
        ("closed", [("closed", 200), ("too", 200), ("a", 421), ("closed", 200), ("nobody", 404), ("b", 421)]),
    ] {
        let client = Tls::to(&format!("{name}.example")).identity(&identity).alpn(&["h2"]);
        let client = http2::over(client.connect(address).await.unwrap().wire()).await;
        for (host, status) in expected {
            let served = backend.requests();
            let answer = http2::get(&client, &format!("https://{host}.example/")).await;
            assert_eq!(answer.head.status.as_u16(), status, "{host} on a connection for {name}");
            assert_eq!(backend.requests() - served, usize::from(status == 200), "{host} on a connection for {name}");
        }
        // At the same time, too.
        let streams = expected.map(|(host, status)| {
            let client = client.clone();
            async move {
                let request = Request::get(format!("https://{host}.example/"));
                let answer = http2::reply(http2::send(&client, request, true).await.0).await.unwrap();
                assert_eq!(answer.head.status.as_u16(), status, "{host} on a connection for {name}");
            }
        });
        futures_util::future::join_all(streams).await;
    }
}

/// What OpenSSL's client says of a connection for `o.example`, and what it is answered.
async fn s_client(address: SocketAddr, arguments: &[&str], session: (&str, &Path)) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &address.to_string(), "-servername", "o.example", "-ign_eof"]);
    client.args(arguments).arg(session.0).arg(session.1);
    let mut client =
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: o.example\r\nConnection: close\r\n\r\n";
    // It may be gone already.
    let _ = client.stdin.take().unwrap().write_all(request).await;
    let output = within("openssl", client.wait_with_output()).await.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn a_session_of_before_is_no_way_around_changed_options() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let identity = authority.issue(&["client"]);
    let certificate = file("client.crt", &identity.certificate_pem());
    let key = file("client.key", &identity.key_pem());
    let shown = ["-cert", certificate.to_str().unwrap(), "-key", key.to_str().unwrap()];
    let other = Authority::new("other");
    let objects = |n: usize, spec: &str, ca: &Authority| {
        option("o", spec)
            + with_options("o", &backend)
            + ca.secret("ca")
            + route("mark").entry_point("web").rule(&format!("Path(`/{n}`)")).to(&backend)
    };
    const OPEN: &str = "{}";
    const CLOSED: &str = "{clientAuth: {secretNames: [ca]}}";
    for version in ["-tls1_2", "-tls1_3"] {
        let session = directory.path().join(format!("session{version}"));
        let gateway = Gateway::configured(CONFIG, objects(0, OPEN, &authority)).await;
        let address = gateway.address("websecure");
        let mut changes = 0;
        let mut change = async |spec: &str, ca: &Authority| {
            changes += 1;
            gateway.change(objects(changes, spec, ca));
            gateway.until("a", &format!("/{changes}"), |reply| reply.status() == 200).await;
        };
        let served = |said: &str| said.contains("HTTP/1.1 200");
        let resumed = |said: &str| said.contains("Reused, TLSv1");

        let said = s_client(address, &[version], ("-sess_out", &session)).await;
        assert!(served(&said) && !resumed(&said), "{said}");
        let said = s_client(address, &[version], ("-sess_in", &session)).await;
        assert!(served(&said) && resumed(&said), "{said}");

        // Now a certificate is asked for, which that session never had.
        change(CLOSED, &authority).await;
        let said = s_client(address, &[version], ("-sess_in", &session)).await;
        assert!(!served(&said) && !resumed(&said), "{said}");
        let said = s_client(address, &[&[version], &shown[..]].concat(), ("-sess_in", &session)).await;
        assert!(served(&said) && !resumed(&said), "{said}");

        // One of a client with a certificate, once its authority does not count any more.
        let said = s_client(address, &[&[version], &shown[..]].concat(), ("-sess_out", &session)).await;
        assert!(served(&said), "{said}");
        let said = s_client(address, &[version], ("-sess_in", &session)).await;
        // BoringSSL resumes by tickets alone from TLS 1.3 on, and those don't hold a client's whole chain.
        let resumes = cfg!(not(feature = "boringssl")) || version == "-tls1_2";
        assert_eq!((served(&said), resumed(&said)), (resumes, resumes), "{said}");
        change(CLOSED, &other).await;
        for identity in [&[][..], &shown] {
            let said = s_client(address, &[&[version], identity].concat(), ("-sess_in", &session)).await;
            assert!(!served(&said) && !resumed(&said), "{said}");
        }
    }
}

#[tokio::test]
async fn an_authority_counts_whoever_stands_above_it() {
    let root = Authority::new("root");
    let (one, other) = (root.subordinate("one"), root.subordinate("other"));
    let backend = Backend::echo().await;
    let pinned = root.issue(&["pinned"]);
    let objects = one.secret("ca")
        + secret("pin", "ca.crt", &pinned.certificate_pem())
        + option("below", &client_auth("[ca]", ""))
        + option("pin", &client_auth("[pin]", ""))
        + with_options("below", &backend)
        + with_options("pin", &backend);
    let gateway = Gateway::configured(CONFIG, objects).await;
    let address = gateway.address("websecure");
    for (name, identity, good) in [
        ("below.example", one.issue(&["client"]), true),
        ("below.example", other.issue(&["client"]), false),
        ("below.example", root.issue(&["client"]), false),
        // A certificate may be believed by itself.
        ("pin.example", pinned, true),
        ("pin.example", root.issue(&["pinned"]), false),
    ] {
        for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
            let outcome = get(Tls::to(name).version(version).identity(&identity), address, name).await;
            assert_eq!(outcome == Ok(200), good, "{name}: {outcome:?}");
        }
    }
}
