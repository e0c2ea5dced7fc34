//! IPv6: listeners, servers and clients of HTTP, TCP and UDP; and sockets of both families, where IPv4 clients stay IPv4.
//! A machine without IPv6 has nothing to test here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use pingora::tls::ssl::{Ssl, SslAcceptor, SslMethod};
use pingora::tls::tokio_ssl::SslStream;
use tokio::net::{TcpListener, TcpStream};

use crate::support::certificates::Authority;
use crate::support::layer4::{Asker, Datagrams};
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Wire, middleware, object, ports, route, tcp, udp, within};

const SIX: Ipv6Addr = Ipv6Addr::LOCALHOST;
const FOUR: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A port that is free for both families; none on a machine that has only one.
fn free() -> Option<u16> {
    (0..100).map(|_| ports::free().port()).find(|port| std::net::TcpListener::bind((SIX, *port)).is_ok())
}

/// Answers with the head of each request.
async fn http() -> Backend {
    Backend::listening(SIX, |tcp, seen| async move {
        let mut wire = Wire::new(tcp);
        while let Some(request) = wire.request().await? {
            let length = request.head.len();
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", request.head)).await?;
            seen.push(request);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn http_is_served_from_end_to_end() {
    let Some(port) = free() else { return };
    let backend = http().await;
    let config = format!("entryPoints: {{web: {{address: '[::1]:{port}'}}}}");
    let authority = Authority::new("ca");
    let objects = route("in").rule("ClientIP(`::1`) && Path(`/in`)").to(&backend)
        + route("net").rule("ClientIP(`::/64`) && Path(`/net`)").to_service("in-0")
        + route("out")
            .rule("ClientIP(`2001:db8::/32`, `fe80::/10`) && Path(`/out`)")
            .with("syntax: v2")
            .to_service("in-0")
        + route("own").rule("Path(`/own`)").to_service("in-0").by("passHostHeader: false")
        + route("listed").rule("Path(`/listed`)").to_service("in-0").middlewares(&["list"])
        + route("unlisted").rule("Path(`/unlisted`)").to_service("in-0").middlewares(&["other"])
        + route("secure").rule("Path(`/secure`)").tls("{secretName: address}").to_service("in-0")
        + middleware("list", "ipAllowList: {sourceRange: ['::1/128']}")
        + middleware("other", "ipAllowList: {sourceRange: ['2001:db8::/32', 127.0.0.1]}")
        + authority.issue(&["::1"]).secret("address");
    let gateway = Gateway::configured(&config, objects).await;
    let host = format!("[::1]:{port}");
    for (target, status) in
        [("/in", 200), ("/net", 200), ("/out", 404), ("/own", 200), ("/listed", 200), ("/unlisted", 403)]
    {
        gateway.get(&host, target).await.assert_status(status);
    }
    let seen = gateway.get(&host, "/in").await.echoed();
    seen.assert_header("Host", &host).assert_header("X-Forwarded-Port", &port.to_string());
    seen.assert_header("X-Forwarded-For", "::1").assert_header("X-Real-Ip", "::1");
    gateway.get(&host, "/own").await.echoed().assert_header("Host", &backend.address.to_string());

    // Who connects to an address is shown its certificate.
    let client = Tls::to("").connect((SIX, port).into()).await.unwrap();
    assert_eq!(client.subject(), "::1");
    assert_eq!(client.get(&host, "/secure").await, Ok(200));
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["-sS", "-g", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", &format!("http://{host}/in")]);
    assert_eq!(String::from_utf8_lossy(&within("curl", curl.output()).await.unwrap().stdout), "200");
}

#[tokio::test]
async fn clients_of_a_socket_for_both_families_have_their_own_address() {
    let (Some(web), Some(raw)) = (free(), free()) else { return };
    let (four, six) = (Backend::named("four").await, Backend::named("six").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = format!("entryPoints: {{web: {{address: ':{web}'}}, raw: {{address: ':{raw}'}}}}");
    let at = listener.local_addr().unwrap();
    let told = |name: &str, client: &str| {
        tcp(name)
            .rule(&format!("ClientIP(`{client}`)"))
            .spec("entryPoints: [raw]")
            .at(&[at])
            .by("serversTransport: told")
            .middlewares(&[name])
            + object("MiddlewareTCP", name, &format!("ipAllowList: {{sourceRange: ['{client}']}}"))
    };
    let objects = route("four").entry_point("web").rule("ClientIP(`127.0.0.0/8`)").to(&four)
        + route("six").entry_point("web").rule("ClientIP(`::1`)").to(&six)
        + told("tcp4", "127.0.0.1")
        + told("tcp6", "::1")
        + object("ServersTransportTCP", "told", "proxyProtocol: {version: 1}");
    let gateway = Gateway::configured(&config, objects).await;
    for (ip, name, family) in [(FOUR.into(), "four", "TCP4"), (std::net::IpAddr::from(SIX), "six", "TCP6")] {
        let reply = Wire::connect(SocketAddr::new(ip, web)).await.ask("GET / HTTP/1.1\nHost: a\n\n").await;
        assert_eq!(reply.backend(), name);
        reply.echoed().assert_header("X-Forwarded-For", &ip.to_string()).assert_header("X-Real-Ip", &ip.to_string());

        let client = TcpStream::connect((ip, raw)).await.unwrap();
        let (server, _) = within("a connection", listener.accept()).await.unwrap();
        let expected = format!("PROXY {family} {ip} {ip} {} {raw}\r\n", client.local_addr().unwrap().port());
        assert_eq!(Wire::new(server).bytes(expected.len()).await.unwrap(), expected);
    }
    drop(gateway);
}

#[tokio::test]
async fn tcp_goes_from_either_family_to_the_other() {
    let (Some(first), Some(second)) = (free(), free()) else { return };
    let config = format!("entryPoints: {{six: {{address: '[::1]:{first}'}}, four: {{address: '127.0.0.1:{second}'}}}}");
    let servers = [TcpListener::bind((FOUR, 0)).await.unwrap(), TcpListener::bind((SIX, 0)).await.unwrap()];
    for server in &servers {
        for version in [1, 2] {
            let transport = object("ServersTransportTCP", "told", &format!("proxyProtocol: {{version: {version}}}"));
            let to = tcp("r").spec("entryPoints: [six, four]").at(&[server.local_addr().unwrap()]);
            let gateway = Gateway::configured(&config, to.by("serversTransport: told") + transport).await;
            for entry_point in ["six", "four"] {
                let mut client = Wire::connect(gateway.address(entry_point)).await;
                let (server, _) = within("a connection", server.accept()).await.unwrap();
                let mut server = Wire::new(server);
                // What the server is told is as long as the client's family makes it.
                match (version, entry_point) {
                    (1, _) => assert!(server.bytes(10).await.unwrap().starts_with(b"PROXY TCP")),
                    (_, "four") => assert_eq!(server.bytes(28).await.unwrap()[13..16], [0x11, 0, 12]),
                    _ => assert_eq!(server.bytes(52).await.unwrap()[13..16], [0x21, 0, 36]),
                }
                server.send("server\n").await.unwrap();
                assert_eq!(client.bytes(7).await.unwrap(), "server\n");
                client.send("client\n").await.unwrap();
                let heard = within("what the client says", async {
                    let mut heard = Vec::new();
                    while !heard.ends_with(b"client\n") {
                        heard.extend_from_slice(&server.bytes(1).await.unwrap());
                    }
                    heard
                });
                assert!(heard.await.ends_with(b"client\n"));
            }
        }
    }
}

#[tokio::test]
async fn datagrams_go_from_either_family_to_the_other() {
    let Some(port) = free() else { return };
    let servers = [Datagrams::on("four", FOUR.into()).await, Datagrams::on("six", SIX.into()).await];
    let config = format!("entryPoints: {{six: {{address: '[::1]:{port}/udp'}}, four: {{address: /udp}}}}");
    for server in &servers {
        let gateway = Gateway::configured(&config, udp("r").at(&[server.address])).await;
        for address in [(SIX, port).into(), gateway.address("four")] {
            let client = Asker::of(address).await;
            let name = if server.address.is_ipv4() { "four" } else { "six" };
            for datagram in ["x", "", &"y".repeat(9000)] {
                let answer = client.ask(datagram).await;
                assert_eq!((&*answer.server, answer.datagram), (name, datagram.as_bytes().to_vec()), "{address}");
            }
        }
    }
}

/// Echoes with TLS, as these names.
async fn tls(names: &[&str], authority: &Authority) -> Backend {
    let issued = authority.issue(names);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_certificate(&issued.certificate).unwrap();
    acceptor.set_private_key(&issued.key).unwrap();
    let acceptor = Arc::new(acceptor.build());
    Backend::listening(SIX, move |tcp, _| {
        let acceptor = acceptor.clone();
        async move {
            let mut tls = SslStream::new(Ssl::new(acceptor.context())?, tcp).map_err(std::io::Error::other)?;
            Pin::new(&mut tls).accept().await.map_err(std::io::Error::other)?;
            let mut wire = Wire::new(tls);
            while wire.request().await?.is_some() {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
            }
            Ok(())
        }
    })
    .await
}

#[tokio::test]
async fn certificates_of_servers_are_for_their_addresses() {
    if free().is_none() {
        return;
    }
    let authority = Authority::new("ca");
    for (names, good) in [(&["::1"][..], true), (&["::2", "127.0.0.1", "localhost"], false)] {
        let server = tls(names, &authority).await;
        for more in ["", ", minVersion: VersionTLS12"] {
            let spec = format!("{{rootCAs: [{{secret: ca}}]{more}}}");
            let objects = route("web").entry_point("web").to(&server).by("{scheme: https, serversTransport: t}")
                + tcp("raw").spec("entryPoints: [raw]").to(&server).by("{tls: true, serversTransport: t}")
                + object("ServersTransport", "t", &spec)
                + object("ServersTransportTCP", "t", "{tls: {rootCAs: [{secret: ca}]}}")
                + authority.secret("ca");
            let gateway = Gateway::configured("entryPoints: {raw: {}}", objects).await;
            let status = gateway.get("a", "/").await.status();
            assert_eq!(status, if good { 200 } else { 502 }, "{names:?} {more}");
            let mut raw = Wire::connect(gateway.address("raw")).await;
            let _ = raw.say("GET / HTTP/1.1\nHost: a\n\n").await;
            assert_eq!(raw.reply().await.is_ok(), good, "{names:?}");
        }
    }
}

#[tokio::test]
async fn services_and_nodes_may_be_dialled_themselves() {
    if free().is_none() {
        return;
    }
    let (web, raw, datagrams) = (http().await, http().await, Datagrams::on("six", SIX.into()).await);
    for lb in ["nativeLB", "nodePortLB"] {
        let mut objects = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n\
                           status: {addresses: [{type: InternalIP, address: '::1'}]}\n"
            .to_owned();
        for (kind, protocol, rule, address) in [
            ("", "TCP", "match: PathPrefix(`/`), ", web.address),
            ("TCP", "TCP", "match: HostSNI(`*`), ", raw.address),
            ("UDP", "UDP", "", datagrams.address),
        ] {
            let (name, port) = (if kind.is_empty() { "web" } else { &*kind.to_lowercase() }, address.port());
            let (ip, port, kind_of, node_port) = match lb {
                "nativeLB" => ("'::1'", port, "ClusterIP", 0),
                _ => ("10.0.0.1", 80, "NodePort", port),
            };
            objects += &format!(
                "---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec: {{type: {kind_of}, clusterIP: {ip}, ports: [{{port: {port}, nodePort: {node_port}, protocol: {protocol}}}]}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute{kind}
metadata: {{name: r, namespace: default}}
spec: {{entryPoints: [{name}], routes: [{{{rule}services: [{{name: {name}, port: {port}, {lb}: true}}]}}]}}
"
            );
        }
        let config = "entryPoints: {tcp: {}, udp: {address: /udp}}";
        let gateway = Gateway::configured(config, objects.as_str()).await;
        gateway.get("a", "/").await.assert_status(200);
        let mut wire = Wire::connect(gateway.address("tcp")).await;
        wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);
        assert_eq!(Asker::of(gateway.address("udp")).await.ask("x").await.server, "six", "{lb}");
    }
}

#[tokio::test]
async fn hosts_may_be_addresses() {
    let backend = Backend::echo().await;
    let config = "{entryPoints: {redirecting: {http: {redirections: {entryPoint: {to: ':8443'}}}}}}";
    let objects = route("r").entry_point("web").rule("Host(`::1`) && Path(`/bare`)").to(&backend)
        + route("b").entry_point("web").rule("Host(`2001:db8::1`) && Path(`/brackets`)").to_service("r-0")
        + route("all").entry_point("web").rule("Path(`/all`)").to_service("r-0");
    let gateway = Gateway::configured(config, objects).await;
    for (host, target, status) in [
        ("[::1]:8000", "/bare", 200),
        ("[2001:db8::1]", "/brackets", 200),
        ("[2001:db8::1]:8000", "/bare", 404),
        ("[::1]", "/brackets", 404),
    ] {
        gateway.get(host, target).await.assert_status(status);
    }
    for (host, port) in [("[::1]", "80"), ("[::1]:8000", "8000")] {
        let seen = gateway.get(host, "/all").await.echoed();
        seen.assert_header("X-Forwarded-Port", port).assert_header("X-Forwarded-Host", host);
        let mut wire = Wire::connect(gateway.address("redirecting")).await;
        let reply = wire.ask(&format!("GET /x HTTP/1.1\nHost: {host}\n\n")).await;
        reply.assert_status(301).assert_header("Location", "https://[::1]:8443/x");
        let client = crate::support::http2::connect(&gateway).await;
        let answer = crate::support::http2::get(&client, &format!("http://{host}/all")).await;
        assert_eq!(answer.head.status, 200, "{host}");
        backend.last().assert_header("Host", host).assert_header("X-Forwarded-Port", port);
    }
    for host in ["[::1", "::1]:80", "[::1]80", "[::1]:http", "[]"] {
        let status = gateway.get(host, "/all").await.status();
        assert!(status == 400 || status == 200, "{host}: {status}");
    }
}
