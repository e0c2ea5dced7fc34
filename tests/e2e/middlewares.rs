//! Middlewares in front of real servers: a file each for those that are more than a header or a path, and `both`, which
//! runs all of them over both versions of HTTP.

mod basic_auth;
mod both;
mod buffering;
mod chain;
mod circuit_breaker;
mod compress;
mod content_type;
mod digest_auth;
mod errors;
mod forward_auth;
mod grpc_web;
mod headers;
mod in_flight_req;
mod ip_allow_list;
mod page;
mod pass_tls_client_cert;
mod paths;
mod rate_limit;
mod redirects;
mod redis_cluster;
mod retry;
mod traefik_2;

use crate::support::{Backend, Manifests, middleware, route};

/// A route for each middleware, by its host, alone and in a chain.
fn alone_and_in_chains(backend: &Backend, specs: &[(&str, &str)]) -> Manifests {
    let mut objects = Manifests::default();
    for (name, spec) in specs {
        let chain = format!("{name}-chain");
        objects = objects
            + middleware(name, spec)
            + middleware(&chain, &format!("chain: {{middlewares: [{{name: {name}}}]}}"))
            + route(name).rule(&format!("Host(`{name}`)")).middlewares(&[name]).to(backend)
            + route(&chain).rule(&format!("Host(`{chain}`)")).middlewares(&[&chain]).to(backend);
    }
    objects
}

/// A route for each middleware, by its host in `domain`: without TLS, and in a chain with it.
fn plain_and_chained_in_tls(domain: &str, backend: &Backend, specs: &[(&str, &str)]) -> Manifests {
    let mut objects = Manifests::default();
    for (name, spec) in specs {
        let rule = format!("Host(`{name}{domain}`)");
        let chain = format!("{name}-chain");
        objects = objects
            + middleware(name, spec)
            + middleware(&chain, &format!("chain: {{middlewares: [{{name: {name}}}]}}"))
            + route(name).rule(&rule).middlewares(&[name]).to(backend)
            + route(&format!("{name}-tls")).rule(&rule).tls("{}").middlewares(&[&chain]).to(backend);
    }
    objects
}
