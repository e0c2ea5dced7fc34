//! HTTP/2 over TLS.

use crate::http::{h2load, is_there};
use crate::peers::{Peer, with_tls};
use crate::support::certificates::Authority;
use crate::table::compare;

pub async fn run() {
    if !is_there("http2").await {
        return;
    }
    let server = Peer::server().await;
    let peers = with_tls(&server, &Authority::new("bench").issue(&["bench.example"])).await;
    compare(
        "HTTP/2 over TLS, 16 connections of 8 streams, 1 KiB",
        ("request", 1e6, "us"),
        &peers,
        |address| async move { h2load(&["-c16", "-m8"], &format!("https://{address}/")).await },
    )
    .await;
}
