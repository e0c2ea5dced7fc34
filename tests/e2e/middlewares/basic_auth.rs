//! `basicAuth` with every kind of hash in a Secret, and every way to get its header wrong.

use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::process::Command;

use crate::support::protocol::{BOTH, Protocol};
use crate::support::{Backend, Gateway, Manifests, middleware, route, secret, within};

/// A user for each hash, as `htpasswd` and `openssl passwd` write them.
const USERS: &str = "\
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
apr1:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0
md5:$1$saltsalt$9xy1btjgzLYfb7hivXtC//
bcrypt:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
";

/// User and password of each.
const RIGHT: [(&str, &str); 4] = [("sha", "secret"), ("apr1", "secret"), ("md5", "secret"), ("bcrypt", "U*U")];

fn basic(credentials: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

/// A route behind the middleware, and one behind a chain of it.
fn objects(backend: &Backend, spec: &str) -> Manifests {
    route("r").rule("Host(`a`)").middlewares(&["auth"]).to(backend)
        + route("chained").rule("Host(`chained`)").middlewares(&["chain"]).to(backend)
        + middleware("auth", spec)
        + middleware("chain", "chain: {middlewares: [{name: outer}, {name: auth}]}")
        + middleware("outer", "headers: {customResponseHeaders: {X-Outer: here}}")
        + secret("users", "users", USERS)
}

#[tokio::test]
async fn the_password_of_every_hash_lets_in() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(objects(&backend, "basicAuth: {secret: users}")).await;
    for protocol in BOTH {
        for (user, password) in RIGHT {
            for (host, scheme) in [("a", "Basic"), ("chained", "bAsIc")] {
                let header = basic(format!("{user}:{password}")).replace("Basic", scheme);
                let asked = [("Authorization", header.as_str())];
                // The second time it is known.
                for _ in 0..2 {
                    let reply = protocol.ask(&gateway, "GET", host, "/", &asked, "").await;
                    assert_eq!(reply.status(), 200, "{protocol:?} {user}: {reply:?}");
                    reply.echoed().assert_header("Authorization", &header);
                }
                for wrong in ["", "wrong", "secret ", &format!("{password}x")] {
                    let header = basic(format!("{user}:{wrong}"));
                    let reply = protocol.ask(&gateway, "GET", host, "/", &[("Authorization", &header)], "").await;
                    assert_eq!(reply.status(), 401, "{protocol:?} {user}:{wrong}");
                }
            }
        }
    }
}

#[tokio::test]
async fn everything_else_is_401() {
    let backend = Backend::echo().await;
    let gateway = Gateway::start(objects(&backend, "basicAuth: {secret: users, realm: 'the realm'}")).await;
    let right = basic("sha:secret");
    let long = basic(format!("sha:{}", "x".repeat(8000)));
    let credentials = right.strip_prefix("Basic ").unwrap();
    let wrong = [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic sha:secret",
        &format!("Basic  {credentials}"),
        &format!("Basic {credentials}="),
        &format!("Basic {}", &credentials[..credentials.len() - 1]),
        &format!("Bearer {credentials}"),
        &format!("Digest {credentials}"),
        &format!("Basic{credentials}"),
        credentials,
        &basic("sha"),
        &basic(":secret"),
        &basic("sha:"),
        &basic("nobody:secret"),
        &basic("SHA:secret"),
        &basic("sha:secret\0"),
        &basic("sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="),
        &basic(b"\xff\xfe:secret"),
        &basic("é:secret"),
        "Basic é",
        &long,
    ];
    for protocol in BOTH {
        for header in wrong {
            for host in ["a", "chained"] {
                let reply = protocol.ask(&gateway, "GET", host, "/", &[("Authorization", header)], "").await;
                assert_eq!(reply.status(), 401, "{protocol:?} {header}");
                reply.assert_body("401 Unauthorized\n").assert_header("WWW-Authenticate", "Basic realm=\"the realm\"");
                reply.assert_header("Content-Type", "text/plain");
                assert_eq!(reply.header("X-Outer"), (host == "chained").then_some("here"));
            }
        }
        protocol.get(&gateway, "a", "/").await.assert_status(401);
        // The first counts, whatever comes with it.
        let both = [("Authorization", "Basic x"), ("Authorization", &right)];
        protocol.ask(&gateway, "GET", "a", "/", &both, "").await.assert_status(401);
    }
    assert_eq!(backend.requests(), 0);
}

#[tokio::test]
async fn servers_are_told_the_user_and_not_the_password() {
    let backend = Backend::echo().await;
    let spec = "basicAuth: {secret: users, removeHeader: true, headerField: X-WebAuth-User}";
    let gateway = Gateway::start(objects(&backend, spec)).await;
    let header = basic("bcrypt:U*U");
    for protocol in BOTH {
        let headers = [("Authorization", header.as_str()), ("X-WebAuth-User", "root"), ("x-webauth-user", "root")];
        for host in ["a", "chained"] {
            let seen = protocol.ask(&gateway, "GET", host, "/", &headers, "").await.echoed();
            seen.assert_no_header("Authorization").assert_header("X-WebAuth-User", "bcrypt");
            let written = seen.head.contains("\r\nX-WebAuth-User: ");
            assert!(written || protocol == Protocol::Http2, "as it is written: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_may_hold_one_user_in_the_clear() {
    let backend = Backend::echo().await;
    let pair = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pair", "namespace": "default"},
        "type": "kubernetes.io/basic-auth", "stringData": {"username": "ann", "password": "pass:word"},
    });
    let gateway = Gateway::start(
        objects(&backend, "basicAuth: {secret: pair}")
            + format!("---\n{}", serde_yaml::to_string(&pair).unwrap()).as_str(),
    )
    .await;
    // A client that knows how.
    let curl = |user: &'static str| {
        let url = format!("http://{}/", gateway.web());
        let options =
            ["--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "20"];
        Command::new("curl")
            .args(options)
            .args(["--user", user, "--header", "Host: a", &url])
            .stdin(Stdio::null())
            .output()
    };
    for (user, status) in [("ann:pass:word", "200"), ("ann:pass", "401"), ("bob:pass:word", "401")] {
        let output = within("curl", curl(user)).await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), status, "{user}");
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_or_has_no_users_closes_the_route() {
    let backend = Backend::echo().await;
    let guarded = |name: &str| route(name).rule(&format!("Host(`{name}`)")).middlewares(&[name]).to(&backend);
    let gateway = Gateway::start(
        objects(&backend, "basicAuth: {secret: users}")
            + guarded("missing")
            + guarded("empty")
            + guarded("two-keys")
            + guarded("two-colons")
            + middleware("missing", "basicAuth: {secret: nowhere}")
            + middleware("empty", "basicAuth: {secret: empty}")
            + middleware("two-keys", "basicAuth: {secret: two-keys}")
            + middleware("two-colons", "basicAuth: {secret: two-colons}")
            + secret("empty", "users", "\n\n")
            + secret("two-colons", "users", "ann:realm:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
            + "---\n{apiVersion: v1, kind: Secret, metadata: {name: two-keys, namespace: default}, stringData: {a: 'x:y', b: 'x:y'}}\n",
    )
    .await;
    let header = basic("ann:secret");
    for protocol in BOTH {
        for host in ["missing", "empty", "two-keys", "two-colons"] {
            for headers in [&[][..], &[("Authorization", header.as_str())][..]] {
                let reply = protocol.ask(&gateway, "GET", host, "/", headers, "").await;
                assert_eq!(reply.status(), 404, "{protocol:?} {host}");
            }
        }
    }
    assert_eq!(backend.requests(), 0);
}
