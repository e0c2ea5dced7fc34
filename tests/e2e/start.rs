//! What can't start says why, where, and what would be right.

use std::net::TcpListener;

use crate::support::{Gateway, Manifests};

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("entryPoints: {{web: {{address: '{address}'}}}}");
    let log = refused(&config, "").await;
    for words in ["entryPoints.web.address", &address.to_string(), "in use"] {
        assert!(log.contains(words), "{words:?} is not in:\n{log}");
    }
}

#[tokio::test]
async fn a_configuration_error_names_the_key() {
    for (config, words) in [
        ("entryPoint: {}", &["entryPoint", "entryPoints"][..]),
        (
            "entryPoints: {web: {http: {maxHeaderByte: 1}}}",
            &["entryPoints.web.http", "maxHeaderByte", "maxHeaderBytes"],
        ),
        ("entryPoints: {web: {address: 'localhost'}}", &["entryPoints.web.address", "localhost"]),
        ("entryPoints: {web: {transport: {respondingTimeouts: {idleTimeout: soon}}}}", &["idleTimeout", "soon"]),
        ("threads: many", &["threads", "many"]),
    ] {
        let log = refused(config, "").await;
        for word in words {
            assert!(log.contains(word), "{word:?} is not in:\n{log}");
        }
    }
}

#[tokio::test]
async fn manifests_that_are_not_there_are_an_error() {
    let log = refused("providers: {manifests: {path: /nowhere/at/all}}", "").await;
    for words in ["providers.manifests.path", "/nowhere/at/all"] {
        assert!(log.contains(words), "{words:?} is not in:\n{log}");
    }
}

/// The log of a process that does not start.
async fn refused(config: &str, manifests: &str) -> String {
    let mut gateway = Gateway::spawn(config, &Manifests::from(manifests));
    let status = gateway.exit().await;
    assert!(!status.success(), "{config} is served");
    assert!(status.code().is_some(), "{config}: {status}");
    let log = gateway.log();
    assert!(!log.contains("panicked"), "{log}");
    log
}
