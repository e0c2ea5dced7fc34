//! What filters add to a request: a chain of five, and sixty that other routes have.

use crate::http::{http1, is_there};
use crate::peers::Peer;
use crate::support::{Backend, Manifests, middleware, route};
use crate::table::compare;

pub async fn run() {
    if !is_there("filters").await {
        return;
    }
    let server = Peer::server().await;
    let backend = Backend::at(server.address);
    let all = || {
        let filters = [
            ("prefix", "addPrefix: {prefix: /a}"),
            ("strip", "stripPrefix: {prefixes: [/a]}"),
            ("request", "headers: {customRequestHeaders: {X-One: a}}"),
            ("response", "headers: {customResponseHeaders: {X-Two: b}}"),
            ("replace", "replacePathRegex: {regex: '^/never/(.*)', replacement: '/$1'}"),
        ];
        filters.into_iter().fold(Manifests::default(), |all, (name, spec)| all + middleware(name, spec))
    };
    let five = ["prefix", "strip", "request", "response", "replace"];
    let others = (0..60).fold(all(), |objects, n| {
        let rule = format!("Host(`other{n}.example`)");
        objects + route(&format!("other{n}")).rule(&rule).middlewares(&five).to(&backend)
    });
    let peers = [
        Peer::ingora("no filter", "{}", route("all").to(&backend)).await,
        Peer::ingora("five filters", "{}", all() + route("all").middlewares(&five).to(&backend)).await,
        Peer::ingora("filters of others", "{}", others + route("all").to(&backend)).await,
    ];
    compare("HTTP/1.1, 16 connections, 1 KiB, filters", ("request", 1e6, "us"), &peers, |address| http1(address, 16))
        .await;
}
