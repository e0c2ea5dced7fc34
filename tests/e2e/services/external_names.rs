//! Services that are not their endpoints: names with several addresses, of either family, or without any; a cluster's own
//! addresses, and those of nodes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::answers;
use crate::support::namespace::{own_addresses, own_names};
use crate::support::{Backend, Gateway, Manifests, Wire, isolated, middleware, object, route, within};

const PORT: u16 = 8080;
const CONFIG: &str = "providers: {manifests: {allowExternalNameServices: true}}";
const HOSTS: &str = "
127.0.0.1 localhost
10.77.9.1 several.example both.example
10.77.9.2 several.example
10.77.9.3 several.example
fd77::1   both.example six.example
";

/// A route for each name, by that name.
fn named(names: &[&str]) -> Manifests {
    names.iter().fold(Manifests::default(), |all, name| all + to(name, name))
}

fn to(host: &str, name: &str) -> Manifests {
    let id = host.replace('.', "-");
    route(&id).rule(&format!("Host(`{host}`)")).to_service(&id).by(&format!("port: {PORT}"))
        + format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {id}, namespace: default}}\n\
             spec: {{type: ExternalName, externalName: {name}, ports: [{{port: {PORT}}}]}}\n"
        )
        .as_str()
}

/// Says its address, and closes: one that is dropped is gone.
async fn at(ip: &'static str) -> Backend {
    Backend::bound((ip.parse::<IpAddr>().unwrap(), PORT), move |tcp, seen| async move {
        let mut wire = Wire::new(tcp);
        if let Some(request) = wire.request().await? {
            seen.push(request);
            let head = "Content-Length: 0\r\nConnection: close";
            wire.send(format!("HTTP/1.1 200 OK\r\nX-Backend: {ip}\r\n{head}\r\n\r\n")).await?;
        }
        Ok(())
    })
    .await
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn all_addresses_of_a_name_serve_and_dead_ones_are_passed_over() {
    isolated(async {
        own_addresses(&["fd77::1/128"]);
        own_names(HOSTS);
        let (one, two, three, six) =
            (at("10.77.9.1").await, at("10.77.9.2").await, at("10.77.9.3").await, at("fd77::1").await);
        let gateway = Gateway::configured(CONFIG, named(&["several.example", "both.example", "six.example"])).await;
        let answering =
            async |host: &str| -> BTreeSet<String> { answers(&gateway, host, "/", 12).await.into_iter().collect() };
        assert_eq!(answering("several.example").await, set(&["10.77.9.1", "10.77.9.2", "10.77.9.3"]));
        assert_eq!(answering("both.example").await, set(&["10.77.9.1", "fd77::1"]));
        assert_eq!(answering("six.example").await, set(&["fd77::1"]));
        six.last().assert_header("Host", "six.example");

        drop(two);
        assert_eq!(answering("several.example").await, set(&["10.77.9.1", "10.77.9.3"]));
        drop((one, three));
        gateway.get("several.example", "/").await.assert_status(502).assert_body("Bad Gateway");
        assert_eq!(answering("both.example").await, set(&["fd77::1"]));
    });
}

#[test]
fn a_name_without_an_address_is_a_server_that_cannot_be_reached() {
    isolated(async {
        own_names(HOSTS);
        let _one = at("10.77.9.1").await;
        let stand_in = "failover: {service: {name: nowhere, port: 8080}, fallback: {name: other, port: 8080}, \
                        errors: {status: ['502']}}";
        let gateway = Gateway::configured(
            CONFIG,
            to("nowhere", "nowhere.example")
                + to("other", "several.example")
                + route("held").rule("Host(`held`)").middlewares(&["held"]).to_service("nowhere").by("port: 8080")
                + middleware("held", "buffering: {}")
                + route("stood-in").rule("Host(`stood-in`)").to_service("f").by("{kind: TraefikService, port: null}")
                + object("TraefikService", "f", stand_in),
        )
        .await;
        for host in ["nowhere", "held"] {
            gateway.get(host, "/").await.assert_status(502).assert_body("Bad Gateway");
        }
        gateway.logs("nowhere.example").await;
        gateway
            .logs("502: the name of the server has no address, GET /, Host: nowhere, router: default-nowhere-")
            .await;
        gateway.get("stood-in", "/").await.assert_status(200);
        // The others are as they were.
        gateway.get("other", "/").await.assert_status(200);
    });
}

#[test]
fn a_name_that_appears_is_found_soon() {
    isolated(async {
        own_names("127.0.0.1 localhost");
        let _one = at("10.77.9.1").await;
        let gateway = Gateway::configured(CONFIG, named(&["several.example"])).await;
        gateway.get("several.example", "/").await.assert_status(502);
        own_names(HOSTS);
        within("the name", async { while gateway.get("several.example", "/").await.status() != 200 {} }).await;
    });
}

#[test]
fn each_address_of_a_name_has_its_own_health() {
    isolated(async {
        own_names(HOSTS);
        let (_one, _three) = (at("10.77.9.1").await, at("10.77.9.3").await);
        let _ill = Backend::bound((Ipv4Addr::new(10, 77, 9, 2), PORT), |tcp, seen| async move {
            let mut wire = Wire::new(tcp);
            while let Some(request) = wire.request().await? {
                let status = if request.target() == "/health" { "500 No" } else { "200 OK" };
                seen.push(request);
                wire.send(format!("HTTP/1.1 {status}\r\nX-Backend: ill\r\nContent-Length: 0\r\n\r\n")).await?;
            }
            Ok(())
        })
        .await;
        let check = format!("{{port: {PORT}, healthCheck: {{path: /health, interval: 50ms}}}}");
        let checked = route("checked").rule("Host(`checked`)").to_service("several-example").by(&check);
        let gateway = Gateway::configured(CONFIG, named(&["several.example"]) + checked).await;
        let down = "http://several.example:8080 at 10.77.9.2:8080 is down: ";
        gateway.logs(down).await;
        gateway.logs("its health check was answered with 500").await;
        // It may still be told before it is so.
        let well = set(&["10.77.9.1", "10.77.9.3"]);
        let answering = async || answers(&gateway, "checked", "/", 12).await.into_iter().collect::<BTreeSet<_>>();
        within("the change", async { while answering().await != well {} }).await;
        assert_eq!(answering().await, well);
        // Who doesn't ask for its health still sends it requests.
        let answering: BTreeSet<String> = answers(&gateway, "several.example", "/", 12).await.into_iter().collect();
        assert!(answering.contains("ill"), "{answering:?}");
    });
}

#[tokio::test]
async fn services_may_be_asked_by_their_own_address_or_by_their_nodes() {
    let [own, one, two] = &[Backend::named("own").await, Backend::named("one").await, Backend::named("two").await];
    let service = |name: &str, ip: IpAddr, port: u16| {
        let ports = format!("[{{port: {port}, nodePort: {port}}}]");
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: default}}\n\
             spec: {{type: NodePort, clusterIP: {ip}, ports: {ports}}}\n"
        )
    };
    let node = |name: &str, ip: IpAddr| {
        let addresses = format!("[{{type: Hostname, address: {name}}}, {{type: InternalIP, address: {ip}}}]");
        format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus: {{addresses: {addresses}}}\n")
    };
    // Nodes have one port for a Service.
    let port = one.address.port();
    let beside = Backend::named_at("beside", (crate::support::ports::own_address(), port)).await;
    let by = |more: &str, port: u16| format!("{{port: {port}, {more}: true}}");
    let gateway = Gateway::start(
        route("own").rule("Host(`own`)").to_service("own").by(&by("nativeLB", own.address.port()))
            + route("nodes").rule("Host(`nodes`)").to_service("nodes").by(&by("nodePortLB", port))
            + service("own", own.address.ip(), own.address.port()).as_str()
            + service("nodes", two.address.ip(), port).as_str()
            + node("first", one.address.ip()).as_str()
            + node("second", beside.address.ip()).as_str(),
    )
    .await;
    let answering =
        async |host: &str| -> BTreeSet<String> { answers(&gateway, host, "/", 6).await.into_iter().collect() };
    assert_eq!(answering("own").await, set(&["own"]));
    assert_eq!(answering("nodes").await, set(&["one", "beside"]));
}
