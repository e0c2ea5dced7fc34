//! Which route gets a connection, and who is let in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpSocket;

use super::{all, echoes, name, named};
use crate::support::{Gateway, Manifests, Wire, object, route, within};

/// A connection from an address of loopback.
async fn from(gateway: &Gateway, ip: &str) -> Wire {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
    Wire::new(within("a connection", socket.connect(gateway.web())).await.unwrap())
}

async fn is_let_in(gateway: &Gateway, ip: &str) -> bool {
    from(gateway, ip).await.bytes(1).await.is_ok()
}

#[tokio::test]
async fn an_allow_list_closes_to_all_others() {
    let backend = named("a").await;
    for spec in [
        "ipAllowList: {sourceRange: [127.7.0.0/16, 127.0.0.9]}",
        "ipWhiteList: {sourceRange: [127.7.0.0/16, 127.0.0.9]}",
    ] {
        let gateway =
            Gateway::start(all("r").to(&backend).middlewares(&["m"]) + object("MiddlewareTCP", "m", spec)).await;
        for (ip, let_in) in [("127.7.1.2", true), ("127.0.0.9", true), ("127.0.0.1", false), ("127.8.0.1", false)] {
            assert_eq!(is_let_in(&gateway, ip).await, let_in, "{ip} {spec}");
        }
    }
}

#[tokio::test]
async fn connections_of_an_address_are_limited_over_changes() {
    let backend = named("a").await;
    let limited = |more: &Manifests| {
        all("r").to(&backend).middlewares(&["m"]) + object("MiddlewareTCP", "m", "inFlightConn: {amount: 2}") + more
    };
    let gateway = Gateway::start(limited(&Manifests::default())).await;
    let mut held = vec![from(&gateway, "127.0.0.1").await, from(&gateway, "127.0.0.1").await];
    for wire in &mut held {
        wire.bytes(3).await.unwrap();
    }
    assert!(!is_let_in(&gateway, "127.0.0.1").await);
    assert!(is_let_in(&gateway, "127.0.0.2").await, "another address");
    gateway.change(limited(&route("other").to(&backend).into()));
    gateway.logs("configuration served: 2 routes").await;
    assert!(!is_let_in(&gateway, "127.0.0.1").await);
    for wire in &mut held {
        echoes(wire, "still here").await;
    }
    drop(held.pop());
    let free = async {
        while !is_let_in(&gateway, "127.0.0.1").await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("a free place", free).await;
}

#[tokio::test]
async fn middlewares_are_asked_in_turn() {
    let backend = named("a").await;
    let objects = all("r").to(&backend).middlewares(&["list", "limit"])
        + object("MiddlewareTCP", "list", "ipAllowList: {sourceRange: [127.0.0.1]}")
        + object("MiddlewareTCP", "limit", "inFlightConn: {amount: 1}");
    let gateway = Gateway::start(objects).await;
    let mut held = from(&gateway, "127.0.0.1").await;
    held.bytes(1).await.unwrap();
    assert!(!is_let_in(&gateway, "127.0.0.1").await);
    assert!(!is_let_in(&gateway, "127.0.0.2").await);
}

#[tokio::test]
async fn a_route_with_a_broken_middleware_does_not_serve() {
    let [open, closed] = &[named("open").await, named("closed").await];
    for broken in ["{}", "ipAllowList: {sourceRange: []}", "ipAllowList: {sourceRange: [nonsense]}"] {
        let objects = all("a").to(closed).middlewares(&["m"]).with("priority: 10")
            + object("MiddlewareTCP", "m", broken)
            + all("b").to(open);
        assert_eq!(name(&Gateway::start(objects).await).await, "open", "{broken}");
    }
}

#[tokio::test]
async fn rules_ask_for_the_client() {
    let [seven, others] = &[named("seven").await, named("others").await];
    let objects = all("a").rule("HostSNI(`*`) && ClientIP(`127.7.0.0/16`)").to(seven) + all("b").to(others);
    let gateway = Gateway::start(objects).await;
    for (ip, expected) in [(Ipv4Addr::new(127, 7, 0, 1), "seven\r\n"), (Ipv4Addr::LOCALHOST, "others\r\n")] {
        let mut wire = from(&gateway, &IpAddr::from(ip).to_string()).await;
        assert_eq!(wire.bytes(expected.len()).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn http_has_what_no_tcp_route_takes() {
    let [tcp, http] = &[named("tcp").await, crate::support::Backend::named("http").await];
    let objects = all("t").rule("ClientIP(`127.7.0.1`)").to(tcp) + route("h").to(http);
    let gateway = Gateway::start(objects).await;
    assert_eq!(gateway.get("a", "/").await.backend(), "http");
    assert_eq!(from(&gateway, "127.7.0.1").await.bytes(5).await.unwrap(), "tcp\r\n");
    // A route for every connection leaves nothing to HTTP, as in Traefik.
    gateway.change(all("t").to(tcp) + route("h").to(http));
    let all_of_them = async {
        loop {
            let mut wire = gateway.connect().await;
            // HTTP waits for its client.
            if !wire.is_silent(Duration::from_millis(100)).await {
                return assert_eq!(wire.bytes(5).await.unwrap(), "tcp\r\n");
            }
        }
    };
    within("the change", all_of_them).await;
}

#[tokio::test]
async fn a_trusted_header_says_who_the_client_is_and_servers_are_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = "entryPoints: {web: {proxyProtocol: {trustedIPs: [127.0.0.1]}}}";
    let route = all("r").rule("HostSNI(`*`) && ClientIP(`192.0.0.0/8`)").at(&[listener.local_addr().unwrap()]);
    let gateway = Gateway::configured(
        config,
        route.by("serversTransport: t").middlewares(&["m"])
            + object("ServersTransportTCP", "t", "proxyProtocol: {version: 1}")
            + object("MiddlewareTCP", "m", "ipAllowList: {sourceRange: [192.0.2.0/24]}"),
    )
    .await;
    const HEADER: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n";
    let mut client = from(&gateway, "127.0.0.1").await;
    client.send(format!("{HEADER}hello")).await.unwrap();
    let mut server = Wire::new(within("a connection", listener.accept()).await.unwrap().0);
    assert_eq!(server.bytes(HEADER.len() + 5).await.unwrap(), format!("{HEADER}hello"));
    // Another client; and a header of somebody who isn't trusted, which is then no more than bytes.
    for (ip, header) in [("127.0.0.1", "PROXY TCP4 192.0.3.7 198.51.100.1 1234 443\r\n"), ("127.0.0.2", HEADER)] {
        let mut other = from(&gateway, ip).await;
        other.send(format!("{header}GET / HTTP/1.1\r\n\r\n")).await.unwrap();
        let said = within("an end", other.rest()).await.unwrap_or_default();
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{ip}: {said:?}");
    }
}
