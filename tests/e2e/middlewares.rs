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
