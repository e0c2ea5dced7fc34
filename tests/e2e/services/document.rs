//! The chapter on TraefikServices of the Traefik v2.3 document: the manifests of `tests/document`, word for word, in a network
//! of their own, where pods have the addresses of the document and the gateway is at `localhost:8000`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::shares;
use crate::support::namespace::own_addresses;
use crate::support::{Backend, Gateway, Whoami, isolated, within};

/// A gateway with an example's files as they are, as the document's cluster would allow them.
async fn gateway(example: &str) -> Gateway {
    let path = format!("{}/tests/document/{example}", env!("CARGO_MANIFEST_DIR"));
    let manifests = format!("{{path: '{path}', allowCrossNamespace: true, allowExternalNameServices: true}}");
    let config =
        format!("{{entryPoints: {{web: {{address: '127.0.0.1:8000'}}}}, providers: {{manifests: {manifests}}}}}");
    Gateway::configured(&config, "").await
}

fn pod(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 42, 0, n)
}

/// Pods `svc1`, `svc2` and `svc3`.
async fn pods() -> [Backend; 3] {
    own_addresses(&["10.42.0.1/16"]);
    [
        Backend::named_at("svc1", (pod(1), 80)).await,
        Backend::named_at("svc2", (pod(2), 80)).await,
        Backend::named_at("svc3", (pod(3), 80)).await,
    ]
}

fn expected<const N: usize>(shares: [(&str, usize); N]) -> BTreeMap<String, usize> {
    shares.into_iter().map(|(name, share)| (name.to_owned(), share)).collect()
}

/// Waits for copies, which come after the answers, and sees that there are no more.
async fn got(backend: &Backend, requests: usize) {
    within("copies", async {
        while backend.requests() < requests {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(backend.requests(), requests);
}

#[test]
fn kubernetes_services_share_the_load() {
    isolated(async {
        let _pods = pods().await;
        let gateway = gateway("server-load-balancing").await;
        let shares = shares(&gateway, "example.com", "/foo", 40).await;
        assert_eq!(shares, expected([("svc1", 20), ("svc2", 20)]));
        gateway.get("example.com", "/").await.assert_status(404);
        gateway.get("example.org", "/foo").await.assert_status(404);
    });
}

#[test]
fn weighted_services_hold_services_and_mirrors() {
    isolated(async {
        let [one, two, three] = pods().await;
        let gateway = gateway("weighted-round-robin").await;
        // A third each: svc1, wrr2 with svc2 and svc3, and mirror1 before svc1, whose copies go to svc2.
        let shares = shares(&gateway, "example.com", "/foo", 60).await;
        assert_eq!(shares, expected([("svc1", 40), ("svc2", 10), ("svc3", 10)]));
        got(&two, 10 + 20 * 20 / 100).await;
        assert_eq!((one.requests(), three.requests()), (40, 10));
    });
}

#[test]
fn a_kubernetes_service_is_mirrored() {
    isolated(async {
        let [one, two, three] = pods().await;
        let gateway = gateway("mirroring-a-kubernetes-service").await;
        assert_eq!(shares(&gateway, "example.com", "/foo", 100).await, expected([("svc1", 100)]));
        // svc2 by itself, and as what the TraefikService svc3 is made of.
        got(&two, 20 + 20).await;
        assert_eq!((one.requests(), three.requests()), (100, 0));
    });
}

#[test]
fn a_traefik_service_is_mirrored() {
    isolated(async {
        let [one, two, _] = pods().await;
        let gateway = gateway("mirroring-a-traefik-service-as-meant").await;
        assert_eq!(shares(&gateway, "example.com", "/foo", 100).await, expected([("svc1", 100)]));
        got(&two, 20 + 20).await;
        assert_eq!(one.requests(), 100);
    });
}

#[test]
fn the_misprinted_example_serves_nothing_and_is_told() {
    isolated(async {
        let _pods = pods().await;
        let gateway = gateway("mirroring-a-traefik-service-as-printed").await;
        gateway.get("example.com", "/foo").await.assert_status(404);
        gateway.logs("mirroring.yaml").await;
        gateway.logs("[TraefikServiceNotFound] IngressRoute default/ingressroutebar").await;
    });
}

/// What a shell makes of a line.
async fn shell(line: &str) -> String {
    let output = within("the shell", Command::new("sh").args(["-c", line]).kill_on_drop(true).output()).await.unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The pod that answered.
fn name(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("Name: ")).unwrap_or_else(|| panic!("nobody answered: {answer}"))
}

#[test]
fn a_session_is_kept_on_both_levels() {
    isolated(async {
        own_addresses(&["10.42.0.1/16"]);
        let mut pods = Vec::new();
        for n in 6..=9 {
            pods.push(Whoami::start(&format!("pod{n}"), (pod(n), 80).into()).await);
        }
        let gateway = gateway("stickiness-on-two-levels").await;
        assert_eq!(gateway.web().to_string(), "127.0.0.1:8000");

        // As it is printed there.
        let line = r#"curl -H Host:example.com -b "lvl1=default-whoami1-80; lvl2=http://10.42.0.6:80" http://localhost:8000/foo"#;
        for _ in 0..10 {
            let answer = shell(line).await;
            assert_eq!(name(&answer), "pod6");
            assert!(answer.contains("GET /foo HTTP/1.1") && answer.contains("Host: example.com"), "{answer}");
        }
        for n in 6..=9 {
            let service = if n < 8 { "whoami1" } else { "whoami2" };
            let line = line.replace("10.42.0.6", &format!("10.42.0.{n}")).replace("whoami1", service);
            assert_eq!(name(&shell(&line).await), format!("pod{n}"));
        }

        // Clients that begin without a cookie come to all pods, each to its own from then on.
        let directory = tempfile::tempdir().unwrap();
        let mut seen = BTreeMap::new();
        for client in 0..8 {
            let jar = directory.path().join(client.to_string());
            // A cookie without a domain is for the host in the URL.
            let line = format!("curl -sS -c {0} -b {0} -H Host:example.com http://localhost:8000/foo", jar.display());
            let first = shell(&line).await;
            for _ in 0..3 {
                assert_eq!(name(&shell(&line).await), name(&first));
            }
            let jar = std::fs::read_to_string(jar).unwrap();
            assert!(jar.contains("\tlvl1\t") && jar.contains("\tlvl2\t"), "{jar}");
            *seen.entry(name(&first).to_owned()).or_default() += 1;
        }
        assert_eq!(seen, expected([("pod6", 2), ("pod7", 2), ("pod8", 2), ("pod9", 2)]));
    });
}
