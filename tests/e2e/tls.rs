//! TLS with clients: which certificate they are shown, which protocol is spoken, what servers see of it.
//! What options change is in `tls_options`, what comes before a handshake in `opening`.

use std::process::Stdio;
use std::time::Duration;

use http::Request;
use pingora::tls::ssl::SslVersion;
use tokio::process::Command;

use crate::support::certificates::{Authority, Key, VALID, pair};
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, http2, object, route, tcp, within};

const TWO: &str = "{entryPoints: {websecure: {}}}";
const DEFAULT: &str = "TRAEFIK DEFAULT CERT";

#[tokio::test]
async fn http_1_and_2_are_served_as_agreed() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let secure = route("r").entry_point("websecure").rule("Host(`a.example`)").tls("{secretName: a}").to(&backend);
    let gateway = Gateway::configured(TWO, secure + authority.issue(&["a.example"]).secret("a")).await;
    let address = gateway.address("websecure");

    let client = Tls::to("a.example").alpn(&["http/1.1", "h2"]).connect(address).await.unwrap();
    assert_eq!(
        (client.alpn().as_deref(), client.version(), client.subject().as_str()),
        (Some("h2"), "TLSv1.3", "a.example")
    );
    let client = http2::over(client.wire()).await;
    for _ in 0..3 {
        let answer = http2::get(&client, "https://a.example/x").await;
        assert_eq!(answer.head.status, 200);
    }
    let seen = backend.last();
    seen.assert_header("X-Forwarded-Proto", "https").assert_header("X-Forwarded-Port", "443");
    seen.assert_header("Host", "a.example").assert_header("X-Forwarded-For", "127.0.0.1");

    for (offered, agreed) in [(&["http/1.1"][..], Some("http/1.1")), (&[], None)] {
        let client = match offered.is_empty() {
            true => Tls::to("a.example"),
            false => Tls::to("a.example").alpn(offered),
        };
        let client = client.connect(address).await.unwrap();
        assert_eq!(client.alpn().as_deref(), agreed);
        let mut wire = client.wire();
        for _ in 0..3 {
            let reply = wire.ask("GET /y HTTP/1.1\nHost: a.example:8443\n\n").await;
            assert_eq!(reply.status(), 200);
        }
        backend.last().assert_header("X-Forwarded-Port", "8443").assert_header("X-Forwarded-Proto", "https");
    }
    let refused = Tls::to("a.example").alpn(&["imap"]).connect(address).await.err().unwrap();
    assert!(refused.contains("no application protocol"), "{refused}");
}

#[tokio::test]
async fn names_that_nothing_is_for_get_the_default_certificate_and_404() {
    let backend = Backend::echo().await;
    let plain = route("plain").entry_point("web").rule("Host(`a.example`)").to(&backend);
    let secure = route("secure").entry_point("websecure").rule("Host(`a.example`)").tls("{}").to(&backend);
    let gateway = Gateway::configured(TWO, plain + secure).await;
    let (web, websecure) = (gateway.address("web"), gateway.address("websecure"));
    let mut shown = Vec::new();
    // TLS where there are only routes without it, too.
    for (address, name, host, status) in [
        (websecure, "a.example", "a.example", 200),
        (websecure, "b.example", "b.example", 404),
        (websecure, "", "a.example", 200),
        (web, "a.example", "a.example", 404),
    ] {
        let client = Tls::to(name).connect(address).await.unwrap();
        assert_eq!(client.subject(), DEFAULT);
        shown.push(client.certificate());
        assert_eq!(client.get(host, "/").await, Ok(status), "{name:?} at {address}");
    }
    // Clear text where there is only TLS.
    let reply = crate::support::Wire::connect(websecure).await.ask("GET / HTTP/1.1\nHost: a.example\n\n").await;
    assert_eq!(reply.status(), 404);
    // It stays the same when the configuration changes.
    gateway.change(route("plain").entry_point("web").rule("Host(`c.example`)").to(&backend));
    gateway.until("c.example", "/", |reply| reply.status() == 200).await;
    shown.push(Tls::to("a.example").connect(websecure).await.unwrap().certificate());
    assert!(shown.windows(2).all(|two| two[0] == two[1]), "several default certificates");
}

#[tokio::test]
async fn the_nearest_certificate_is_shown() {
    let authority = Authority::new("ca");
    let cases: &[(&str, &[&str], Key)] = &[
        ("exact", &["a.example"], Key::Rsa),
        ("exact-ec", &["a.example", "b.example"], Key::Ecdsa),
        ("wildcard", &["*.example"], Key::Ecdsa),
        ("address", &["127.0.0.1"], Key::Ecdsa),
        ("edwards", &["ed.example"], Key::Ed25519),
        ("fallback", &["fallback"], Key::Ecdsa),
    ];
    let mut objects = object(
        "TLSStore",
        "default",
        "{defaultCertificate: {secretName: fallback}, certificates: [{secretName: exact}, {secretName: exact-ec}, \
         {secretName: wildcard}, {secretName: address}, {secretName: edwards}]}",
    );
    let mut issued = Vec::new();
    for (secret, names, key) in cases {
        let certificate = authority.issue_with(names, *key, VALID);
        objects = objects + certificate.secret(secret);
        issued.push((*secret, certificate.certificate.to_der().unwrap()));
    }
    let gateway = Gateway::configured(TWO, objects).await;
    const RSA: &str = "rsa_pss_rsae_sha256:rsa_pkcs1_sha256";
    for (name, signatures, expected) in [
        ("a.example", RSA, "exact"),
        ("a.example", "ecdsa_secp256r1_sha256", "exact-ec"),
        ("A.Example", "ecdsa_secp256r1_sha256", "exact-ec"),
        ("b.example", "ecdsa_secp256r1_sha256", "exact-ec"),
        ("c.example", "ecdsa_secp256r1_sha256", "wildcard"),
        ("x.c.example", "ecdsa_secp256r1_sha256", "fallback"),
        ("example", "ecdsa_secp256r1_sha256", "fallback"),
        ("", "ecdsa_secp256r1_sha256", "address"),
        ("ed.example", "ed25519", "edwards"),
    ] {
        for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
            let client = Tls::to(name).version(version).signatures(signatures);
            let client = client.connect(gateway.address("websecure")).await.unwrap_or_else(|e| panic!("{name:?}: {e}"));
            let shown = client.certificate();
            let shown = issued.iter().find(|(_, der)| *der == shown).map(|(secret, _)| *secret);
            assert_eq!(shown, Some(expected), "{name:?} with {signatures}");
        }
    }
}

#[tokio::test]
async fn who_connects_to_an_address_gets_its_certificate_on_any_listener() {
    let authority = Authority::new("ca");
    let strict = object("TLSOption", "default", "{sniStrict: true}");
    let backend = Backend::echo().await;
    let any = route("r").entry_point("websecure").tls("{secretName: address}").to(&backend);
    // As Traefik's `:443`: of both families.
    let address = crate::support::ports::free();
    let config = format!("{{entryPoints: {{websecure: {{address: '[::]:{}'}}}}}}", address.port());
    let objects = any + strict + authority.issue(&["127.0.0.1"]).secret("address");
    let gateway = Gateway::configured(&config, objects).await;
    let client = Tls::to("").connect(([127, 0, 0, 1], address.port()).into()).await.unwrap();
    assert_eq!(client.subject(), "127.0.0.1");
    assert_eq!(client.get("127.0.0.1", "/").await, Ok(200));
    drop(gateway);
}

#[tokio::test]
async fn renewed_secrets_are_shown_at_once_and_broken_ones_are_not() {
    let authority = Authority::new("ca");
    let backend = Backend::echo().await;
    let secure = || route("r").entry_point("websecure").rule("Host(`a.example`)").tls("{secretName: a}").to(&backend);
    let (first, second) = (authority.issue(&["a.example"]), authority.issue(&["a.example"]));
    let gateway = Gateway::configured(TWO, secure() + first.secret("a")).await;
    let address = gateway.address("websecure");
    let shown = async || Tls::to("a.example").connect(address).await.unwrap().certificate();
    let (one, two) = (first.certificate.to_der().unwrap(), second.certificate.to_der().unwrap());
    assert_eq!(shown().await, one);
    let open = Tls::to("a.example").connect(address).await.unwrap();

    gateway.change(secure() + second.secret("a"));
    within("the renewed certificate", async { while shown().await != two {} }).await;
    // A connection that was there goes on.
    assert_eq!(open.get("a.example", "/").await, Ok(200));

    // A key that is another's: told, and what was good stays.
    gateway.change(secure() + pair("a", &first.certificate_pem(), &second.key_pem()));
    gateway.logs("the one before stays: tls.key does not belong to the first certificate of tls.crt").await;
    assert_eq!(shown().await, two);
    // Something else changes meanwhile.
    gateway.change(secure().priority(7) + pair("a", &first.certificate_pem(), &second.key_pem()));
    gateway.change(secure() + pair("a", "-----BEGIN CERTIFICATE-----", &first.key_pem()));
    gateway.logs("the one before stays: tls.crt").await;
    assert_eq!(shown().await, two);
    gateway.change(secure() + first.secret("a"));
    within("the first certificate", async { while shown().await != one {} }).await;
}

#[tokio::test]
async fn entry_points_give_tls_and_send_clear_text_there() {
    let backend = Backend::echo().await;
    let config = "
entryPoints:
  web: {http: {redirections: {entryPoint: {to: websecure}}}}
  websecure: {asDefault: true, http: {tls: {}, middlewares: [default-marked@kubernetescrd]}}";
    let marked = object("Middleware", "marked", "{headers: {customRequestHeaders: {X-Marked: 'yes'}}}");
    let gateway = Gateway::configured(config, route("r").rule("Host(`a.example`)").to(&backend) + marked).await;
    let port = gateway.address("websecure").port();
    let reply = gateway.get("a.example", "/x?y").await;
    assert_eq!(reply.status(), 301);
    reply.assert_header("Location", &format!("https://a.example:{port}/x?y"));
    let client = Tls::to("a.example").connect(gateway.address("websecure")).await.unwrap();
    assert_eq!(client.get("a.example", "/x").await, Ok(200));
    backend.last().assert_header("X-Marked", "yes");
}

#[tokio::test]
async fn an_http2_connection_ends_after_its_requests_or_its_time() {
    let backend = Backend::echo().await;
    let config = "entryPoints: {websecure: {transport: {keepAliveMaxRequests: 3}}}";
    let secure = route("r").entry_point("websecure").rule("Host(`a.example`)").tls("{}").to(&backend);
    let gateway = Gateway::configured(config, secure).await;
    let client = Tls::to("a.example").alpn(&["h2"]).connect(gateway.address("websecure")).await.unwrap();
    let client = http2::over(client.wire()).await;
    let mut served = 0;
    while served < 20 {
        let request = Request::get("https://a.example/").body(()).unwrap();
        let Ok(mut ready) = client.clone().ready().await else { break };
        let Ok((response, _)) = ready.send_request(request, true) else { break };
        match response.await {
            Ok(response) if response.status() == 200 => served += 1,
            _ => break,
        }
    }
    assert!((3..=4).contains(&served), "{served} requests on a connection that may have 3");
}

#[tokio::test]
async fn real_clients_get_through() {
    let authority = Authority::new("ca");
    let backend = Backend::replying("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello").await;
    let secure = route("r").entry_point("websecure").rule("Host(`a.example`)").tls("{secretName: a}").to(&backend);
    let issued = authority.issue(&["a.example"]);
    let gateway = Gateway::configured(TWO, secure + issued.secret("a")).await;
    let address = gateway.address("websecure");
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.0.certificate_pem()).unwrap();
    for (version, expected) in [("--http1.1", "hello 200 1.1"), ("--http2", "hello 200 2")] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", version, "-w", " %{http_code} %{http_version}", "--cacert"]).arg(&ca);
        curl.args(["--resolve", &format!("a.example:{}:127.0.0.1", address.port())]);
        curl.arg(format!("https://a.example:{}/", address.port()));
        let output = within("curl", curl.output()).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
    }
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", &address.to_string(), "-servername", "a.example", "-verify_return_error"]);
    openssl.args(["-CAfile"]).arg(&ca).stdin(Stdio::null());
    let output = within("openssl", openssl.output()).await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("Verify return code: 0 (ok)"), "{output:?}");
}

#[tokio::test]
async fn slow_clients_get_all_of_a_large_answer() {
    const MUCH: usize = 24 << 20;
    let body = || (0..MUCH).map(|i| (i % 251) as u8).collect::<Vec<u8>>();
    let backend = Backend::serving(move |mut wire, _| async move {
        while wire.request().await?.is_some() {
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n")).await?;
            wire.send(body()).await?;
        }
        Ok(())
    })
    .await;
    let raw = Backend::serving(move |mut wire, _| async move {
        wire.send(body()).await?;
        wire.rest().await.map(drop)
    })
    .await;
    let objects = route("r").rule("Host(`a.example`)").tls("{}").to(&backend)
        + tcp("t").rule("HostSNI(`raw.example`)").spec("{entryPoints: [web], tls: {}}").to(&raw);
    let gateway = Gateway::start(objects).await;
    let pause = || tokio::time::sleep(Duration::from_millis(20));
    let connect =
        async |name: &str, protocol: &str| Tls::to(name).alpn(&[protocol]).connect(gateway.web()).await.unwrap().wire();
    let expected = body();

    for (name, asks) in [("raw.example", false), ("a.example", true)] {
        let mut wire = connect(name, "http/1.1").await;
        if asks {
            wire.say("GET / HTTP/1.1\nHost: a.example\n\n").await.unwrap();
            wire.head().await.unwrap().unwrap().assert_status(200);
        }
        // Until the process can't write any more.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for part in expected.chunks(MUCH / 32) {
            let read = wire.bytes(part.len()).await.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(read == part, "{name}");
            pause().await;
        }
    }
    let client = http2::over(connect("a.example", "h2").await).await;
    // Several share the connection.
    let answers = (0..2).map(|_| async {
        let (response, _) = http2::send(&client, Request::get("https://a.example/"), true).await;
        let mut answer = within("an answer", response).await.unwrap().into_body();
        let mut read = 0;
        while let Some(data) = within("data", answer.data()).await {
            let data = data.unwrap_or_else(|e| panic!("after {read} bytes: {e}"));
            assert!(data == expected[read..read + data.len()], "after {read} bytes");
            read += data.len();
            answer.flow_control().release_capacity(data.len()).unwrap();
            if read / (1 << 20) != (read - data.len()) / (1 << 20) {
                pause().await;
            }
        }
        assert_eq!(read, MUCH);
    });
    futures_util::future::join_all(answers).await;
}
