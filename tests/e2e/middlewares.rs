//! Middlewares in front of real servers, a file each for those that are more than a header or a path.

mod buffering;
mod circuit_breaker;
mod compress;
mod digest_auth;
mod errors;
mod forward_auth;
mod grpc_web;
mod page;
mod pass_tls_client_cert;
mod rate_limit;
mod redis_cluster;
mod retry;
