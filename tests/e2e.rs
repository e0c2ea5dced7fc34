//! End to end: the real binary with real files, between real clients and real servers. One file per theme.
//! Every test has a gateway of its own, so they run in parallel and share nothing.

mod balancing;
mod change;
mod entry_points;
mod errors;
mod example;
mod failover;
mod filters;
mod forwarded;
mod handover;
mod health;
mod http1;
mod http2;
mod http2_limits;
mod ipv6;
mod life_cycle;
mod limits;
mod middlewares;
mod mirroring;
mod opening;
mod precedence;
mod quickstart;
mod routing;
mod services;
mod start;
mod stickiness;
mod strategies;
mod tcp;
mod tls;
mod tls_clients;
mod tls_options;
mod tls_store;
mod udp;
mod upgrades;
mod upstream_tls;
mod upstreams;
