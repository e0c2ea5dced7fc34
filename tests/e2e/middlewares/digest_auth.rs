//! `digestAuth` with a client that knows how: curl.

use std::process::Stdio;

use pingora::tls::hash::{MessageDigest, hash};
use tokio::process::Command;

use crate::support::protocol::BOTH;
use crate::support::{Backend, Gateway, middleware, route, secret, within};

/// `ann` with the password `secret`, of the realm `traefik`.
const ANN: &str = "ann:traefik:e008efc4676c740d22dfb8460b00c71f";

/// What curl gets: the status, then the body.
async fn curl(gateway: &Gateway, arguments: &[&str]) -> String {
    let url = format!("http://{}/a?b=1", gateway.web());
    let curl = Command::new("curl")
        .args(["--silent", "--show-error", "--write-out", "\n%{http_code}", "--max-time", "20"])
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .output();
    let output = within("curl", curl).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn who_knows_the_password_is_let_in() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["auth"]).to(&backend)
            + middleware("auth", "digestAuth: {secret: users, removeHeader: true, headerField: X-User}")
            + secret("users", "users", ANN),
    )
    .await;
    let right = curl(&gateway, &["--digest", "--user", "ann:secret"]).await;
    assert!(right.ends_with("\n200"), "{right}");
    backend.last().assert_header("X-User", "ann").assert_no_header("Authorization");
    for user in ["ann:wrong", "bob:secret"] {
        let wrong = curl(&gateway, &["--digest", "--user", user]).await;
        assert_eq!(wrong, "401 Unauthorized\n\n401", "{user}");
    }
    let basic = curl(&gateway, &["--basic", "--user", "ann:secret"]).await;
    assert_eq!(basic, "401 Unauthorized\n\n401");
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn a_proof_serves_once_whatever_the_protocol() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["auth"]).to(&backend)
            + middleware("auth", "digestAuth: {secret: users}")
            + secret("users", "users", ANN),
    )
    .await;
    for protocol in BOTH {
        let challenge = protocol.get(&gateway, "a", "/x").await;
        let challenge = challenge.assert_status(401).header("WWW-Authenticate").unwrap();
        let part = |name: &str| challenge.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        let (nonce, opaque) = (part("nonce"), part("opaque"));
        let request = md5("GET:/x");
        let proof = md5(&format!("{}:{nonce}:00000001:c:auth:{request}", md5("ann:traefik:secret")));
        let header = format!(
            "Digest username=\"ann\", realm=\"traefik\", nonce=\"{nonce}\", uri=\"/x\", qop=auth, nc=00000001, \
             cnonce=\"c\", response=\"{proof}\", opaque=\"{opaque}\", algorithm=MD5"
        );
        let ask = async || protocol.ask(&gateway, "GET", "a", "/x", &[("Authorization", &header)], "").await;
        ask().await.assert_status(200);
        let stale = ask().await;
        assert!(stale.assert_status(401).header("WWW-Authenticate").unwrap().ends_with(", stale=true"), "{stale:?}");
    }
    assert_eq!(backend.requests(), 2);
}

#[tokio::test]
async fn a_proof_with_anything_wrong_in_it_is_none() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").rule("Host(`a`)").middlewares(&["auth"]).to(&backend)
            + route("chained").rule("Host(`chained`)").middlewares(&["chain"]).to(&backend)
            + middleware("auth", "digestAuth: {secret: users}")
            + middleware("chain", "chain: {middlewares: [{name: auth}]}")
            + secret("users", "users", ANN),
    )
    .await;
    for protocol in BOTH {
        for host in ["a", "chained"] {
            let challenge = protocol.get(&gateway, host, "/x").await;
            let challenge = challenge.header("WWW-Authenticate").unwrap();
            let part = |name: &str| challenge.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
            let (nonce, opaque) = (part("nonce"), part("opaque"));
            let proof = md5(&format!("{}:{nonce}:00000001:c:auth:{}", md5("ann:traefik:secret"), md5("GET:/x")));
            let right = format!(
                "Digest username=\"ann\", realm=\"traefik\", nonce=\"{nonce}\", uri=\"/x\", qop=auth, nc=00000001, \
                 cnonce=\"c\", response=\"{proof}\", opaque=\"{opaque}\", algorithm=MD5"
            );
            let mut wrong = vec!["Digest".to_owned(), "Digest ".to_owned(), "Digest é=\"".to_owned()];
            for (given, other) in [
                ("Digest", "Basic"),
                ("ann", "bob"),
                ("\"traefik\"", "\"other\""),
                (nonce, "made-up"),
                ("uri=\"/x\"", "uri=\"/y\""),
                ("qop=auth", "qop=auth-int"),
                ("qop=auth, ", ""),
                ("nc=00000001", "nc=00000002"),
                ("nc=00000001", "nc=nonsense"),
                ("cnonce=\"c\"", "cnonce=\"d\""),
                (proof.as_str(), ""),
                (opaque, "made-up"),
                ("algorithm=MD5", "algorithm=SHA-256"),
                ("algorithm=MD5", "algorithm=\"MD5"),
            ] {
                assert!(right.contains(given), "{given}");
                wrong.push(right.replace(given, other));
            }
            for header in &wrong {
                let reply = protocol.ask(&gateway, "GET", host, "/x", &[("Authorization", header)], "").await;
                assert_eq!(reply.status(), 401, "{protocol:?} {header}");
            }
            // Another request than the one it was made for.
            protocol.ask(&gateway, "PUT", host, "/x", &[("Authorization", &right)], "").await.assert_status(401);
            protocol.ask(&gateway, "GET", host, "/x?y", &[("Authorization", &right)], "").await.assert_status(401);
            assert_eq!(backend.requests(), 0);
        }
    }
}

fn md5(text: &str) -> String {
    let digest = hash(MessageDigest::md5(), text.as_bytes()).unwrap();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn who_says_nothing_is_asked() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(
        route("r").middlewares(&["outer", "auth"]).to(&backend)
            + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
            + middleware("auth", "digestAuth: {secret: users, realm: traefik}")
            + secret("users", "users", ANN),
    )
    .await;
    for protocol in BOTH {
        let asked = protocol.get(&gateway, "a", "/").await;
        asked.assert_status(401).assert_body("401 Unauthorized\n").assert_header("X-Outer", "here");
        let challenge = asked.header("WWW-Authenticate").unwrap();
        assert!(challenge.starts_with("Digest realm=\"traefik\", nonce=\""), "{challenge}");
        assert!(challenge.ends_with("algorithm=MD5, qop=\"auth\""), "{challenge}");
    }
    assert_eq!(backend.requests(), 0);
}
