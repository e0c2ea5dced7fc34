//! Connections without TLS: who gets them, both halves of them, who is let in, changes and the end.

mod backends;
mod clients;
mod document;
mod ends;
mod postgres;
mod tls;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::support::layer4::Layer4Route;
use crate::support::{Backend, Gateway, Wire, ports, tcp};

/// Says its name, and sends back what it is sent.
async fn named(name: &str) -> Backend {
    named_at(name, ports::own_address()).await
}

async fn named_at(name: &str, ip: Ipv4Addr) -> Backend {
    let greeting = format!("{name}\r\n");
    Backend::listening(ip, move |tcp, _| {
        let greeting = greeting.clone();
        async move {
            let mut wire = Wire::new(tcp);
            wire.send(greeting).await?;
            loop {
                let byte = wire.bytes(1).await?;
                wire.send(byte).await?;
            }
        }
    })
    .await
}

/// The name that a server says.
async fn name(gateway: &Gateway) -> String {
    let mut wire = gateway.connect().await;
    let mut name = String::new();
    loop {
        match wire.bytes(1).await {
            Ok(byte) if byte == "\r" => break,
            Ok(byte) => name.push(byte[0] as char),
            Err(_) => return "closed".to_owned(),
        }
    }
    name
}

async fn count(gateway: &Gateway, connections: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..connections {
        *counts.entry(name(gateway).await).or_insert(0) += 1;
    }
    counts
}

async fn echoes(wire: &mut Wire, text: &str) {
    wire.send(text).await.unwrap();
    assert_eq!(wire.bytes(text.len()).await.unwrap(), text);
}

/// With one route on `web` alone, so that its entry point has nothing else.
fn all(name: &str) -> Layer4Route {
    tcp(name).spec("entryPoints: [web]")
}
