//! The command line: what it refuses, what it helps with, and what `explain` and `crds` print.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{GOOD, GOOD_ROUTER, directory};
use crate::checking::{Ended, ingora};

fn refused(arguments: &[&str], words: &[&str]) {
    let Ended { code, stdout, stderr } = ingora(arguments);
    assert_eq!(code, Some(2), "ingora {arguments:?}\n{stdout}{stderr}");
    assert_eq!(stdout, "", "ingora {arguments:?}");
    for word in words {
        assert!(stderr.contains(word), "ingora {arguments:?}: {word:?} is not in\n{stderr}");
    }
}

#[test]
fn bad_flags_end_with_2() {
    let dir = directory(&[]);
    let m = dir.path().to_str().unwrap();
    for (arguments, words) in [
        (&["check"][..], &["--manifests"][..]),
        (&["check", "--manifests"], &["--manifests"]),
        (&["check", "-m", m, "--format", "xml"], &["xml", "text, json"]),
        (&["check", "-m", m, "--formt", "json"], &["--formt", "--format"]),
        (&["check", "-m", m, "more"], &["more"]),
        (&["chekc", "-m", m], &["chekc"]),
        (&["explain", "-m", m, "http://a.example/"], &["--entry-point"]),
        (&["explain", "-m", m, "-e", "web"], &["URL"]),
        (&["explain", "-m", m, "-e", "web", "/path"], &["write a whole URL"]),
        (&["explain", "-m", m, "-e", "web", "http://a/", "-H", "nonsense"], &["Name: value"]),
        (&["explain", "-m", m, "-e", "web", "http://a/", "--client-ip", "here"], &["here"]),
        (&["explain", "-m", m, "-e", "web", "--alpn", "h2", "http://a/"], &["--alpn"]),
        (&["crds", "--all"], &["--all"]),
        (&["whoami"], &["--http"]),
        (&["run", "--config", "/nowhere/at/all"], &["/nowhere/at/all", "No such file"]),
    ] {
        refused(arguments, words);
    }
}

#[test]
fn unreadable_manifests_end_with_2() {
    for path in ["/nowhere/at/all", "", "/dev/null/x"] {
        refused(&["check", "--manifests", path], &["error", path]);
        refused(&["explain", "--manifests", path, "-e", "web", "http://a/"], &["error", path]);
    }
}

#[test]
fn a_bad_configuration_ends_with_2() {
    let dir = TempDir::new().unwrap();
    let (manifests, config) = (dir.path().join("good.yaml"), dir.path().join("config.yaml"));
    fs::write(&manifests, GOOD).unwrap();
    let (m, c) = (manifests.to_str().unwrap(), config.to_str().unwrap());
    for (text, words) in [
        (&b"entryPoints: [\nthreads: 1\n"[..], &["line 3"][..]),
        (b"entrypoints: {}", &["line 1", "entrypoints", "entryPoints"]),
        (b"providers:\n  kubernetesCRD:\n    allowCrossNamespaces: true\n", &["line 3", "allowCrossNamespace"]),
        (b"entryPoints: {web: {address: here}}", &["entryPoints.web.address", "here"]),
        (b"providers: {kubernetesCRD: {allowEmptyServices: 5}}", &["allowEmptyServices", "5"]),
        (b"providers: {kubernetesCRD: {namespaces: default}}", &["namespaces"]),
        (b"core: {defaultRuleSyntax: v4}", &["defaultRuleSyntax", "v4"]),
        (b"- a\n", &["config.yaml"]),
        (b"\xff\xfe", &["UTF-8"]),
        (b"a: \0", &["control characters"]),
    ] {
        fs::write(&config, text).unwrap();
        let shown = [words, &[c]].concat();
        refused(&["check", "-m", m, "--config", c], &shown);
        refused(&["explain", "-m", m, "--config", c, "-e", "web", "http://a/"], &shown);
    }
    refused(&["check", "-m", m, "--config", "/nowhere"], &["/nowhere", "No such file"]);
    refused(&["check", "-m", m, "--config", dir.path().to_str().unwrap()], &["directory"]);
    fs::write(&config, "entryPoints: {web: {address: ':80'}, udp: {address: ':81/udp'}}").unwrap();
    refused(&["explain", "-m", m, "--config", c, "-e", "wbe", "http://a/"], &["wbe", "udp, web"]);
    refused(&["explain", "-m", m, "--config", c, "-e", "udp", "http://a/"], &["UDP entry point"]);
    // What has no effect is no mistake.
    fs::write(&config, "entryPoints: {web: {address: ':80'}}\nproviders: {docker: {}}\n").unwrap();
    let ended = ingora(&["check", "-m", m, "--config", c]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("warning") && ended.stderr.contains("docker"), "{}", ended.stderr);
}

#[test]
fn help_mentions_every_flag() {
    for (command, flags) in [
        ("run", &["--config", "--upgrade", "--daemon", "--test"][..]),
        ("check", &["--manifests", "--config", "--format", "Exit code"]),
        (
            "explain",
            &[
                "--manifests",
                "--config",
                "--format",
                "--entry-point",
                "--method",
                "--header",
                "--client-ip",
                "--sni",
                "--alpn",
                "[URL]",
            ],
        ),
        ("crds", &["kubectl apply"]),
        ("quickstart", &["--config"]),
        ("whoami", &["--http", "--tcp", "--udp", "--name"]),
    ] {
        let help = ingora(&[command, "--help"]);
        assert_eq!(help.code, Some(0));
        assert_eq!(help.stderr, "");
        let written = help.stdout.matches("\n  -").count() + help.stdout.matches("\n      --").count();
        let listed = flags.iter().filter(|f| f.starts_with("--")).count();
        assert_eq!(written, listed + 1, "{command}: flags come or go\n{}", help.stdout); // And --help.
        for flag in flags {
            assert!(help.stdout.contains(flag), "{command} --help does not mention {flag}:\n{}", help.stdout);
        }
        assert!(ingora(&["--help"]).stdout.contains(command), "--help does not mention {command}");
    }
    assert_eq!(ingora(&["--version"]).stdout, format!("ingora {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_definitions_are_twenty() {
    let Ended { code, stdout, .. } = ingora(&["crds"]);
    assert_eq!(code, Some(0));
    let definitions: Vec<Value> =
        serde_yaml::Deserializer::from_str(&stdout).map(|d| Value::deserialize(d).unwrap()).collect();
    assert_eq!(definitions.len(), 20);
    for definition in &definitions {
        assert_eq!(definition["kind"], "CustomResourceDefinition");
        let (group, plural) = (&definition["spec"]["group"], &definition["spec"]["names"]["plural"]);
        let name = format!("{}.{}", plural.as_str().unwrap(), group.as_str().unwrap());
        assert_eq!(definition["metadata"]["name"], name.as_str());
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert_eq!(schema["properties"]["spec"]["type"], "object", "{name}");
    }
    let group = |group: &str| definitions.iter().filter(|d| d["spec"]["group"] == group).count();
    assert_eq!((group("traefik.io"), group("traefik.containo.us")), (10, 10));
}

const LAYERS: &str = "\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: parent}
spec: {entryPoints: [web], routes: [{match: Host(`layers.example`), middlewares: [{name: outer}]}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: child}
spec:
  parentRefs: [{name: parent}]
  routes:
  - {match: PathPrefix(`/a`), middlewares: [{name: inner}], services: [{name: good, port: 80}]}
  - {match: PathPrefix(`/b`), services: [{name: good, port: 80}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: rivals}
spec:
  entryPoints: [web]
  routes:
  - {match: Host(`rivals.example`) && Path(`/x`), services: [{name: good, port: 80}]}
  - {match: Host(`rivals.example`), priority: 500, services: [{name: good, port: 80}]}
  - {match: 'Host(`rivals.example`) && Method(`PUT`) && Header(`X-A`, `b`) && ClientIP(`10.0.0.0/8`)', priority: 900, services: [{name: good, port: 80}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {name: db}
spec:
  entryPoints: [web]
  tls: {}
  routes:
  - {match: HostSNI(`db.example`), services: [{name: good, port: 80}]}
  - {match: HostSNI(`db.example`) && ALPN(`postgresql`), services: [{name: good, port: 80}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: secure}
spec: {entryPoints: [web], tls: {}, routes: [{match: Host(`secure.example`), services: [{name: good, port: 80}]}]}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: outer}
spec: {addPrefix: {prefix: /outer}}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: inner}
spec: {chain: {middlewares: [{name: outer}]}}
";

fn explain(dir: &Path, question: &[&str]) -> (Value, String) {
    let fixed = ["explain", "--manifests", dir.to_str().unwrap(), "--entry-point", "web"];
    let json = ingora(&[&fixed[..], question, &["--format", "json"]].concat());
    let text = ingora(&[&fixed[..], question].concat());
    assert_eq!((json.code, text.code), (Some(0), Some(0)), "{question:?}\n{}{}", json.stderr, text.stderr);
    (serde_json::from_str(&json.stdout).unwrap(), text.stdout)
}

#[test]
fn explain_names_the_winner_and_what_the_others_failed_on() {
    let dir = directory(&[("layers.yaml", LAYERS.as_bytes())]);
    let (json, text) = explain(dir.path(), &["http://good.example/x?y=z"]);
    assert_eq!(
        (&json["router"], &json["service"], &json["middlewares"]),
        (&json!(GOOD_ROUTER), &json!(GOOD_ROUTER), &json!([]))
    );
    let candidate = json!({
        "router": GOOD_ROUTER, "rule": "Host(`good.example`)", "priority": 20, "matched": true,
        "reason": "wins: the first match in order of priority",
    });
    // Every router of the entry point is told, and one of them matches.
    let all = json["candidates"].as_array().unwrap();
    assert_eq!(all.iter().filter(|c| c["matched"] == true).collect::<Vec<_>>(), [&candidate]);
    assert_eq!(all.len(), 6, "{all:?}");
    assert!(
        text.starts_with(&format!("router       {GOOD_ROUTER}\nmiddlewares  -\nservice      {GOOD_ROUTER}\n")),
        "{text}"
    );

    let (json, text) = explain(dir.path(), &["http://nobody.example/"]);
    assert_eq!((&json["router"], &json["service"], &json["middlewares"]), (&Value::Null, &Value::Null, &json!([])));
    let nobody = |c: &Value| c["matched"] == false && !c["reason"].as_str().unwrap().is_empty();
    assert!(json["candidates"].as_array().unwrap().iter().all(nobody), "{json}");
    assert!(text.starts_with("no router gets it\n"), "{text}");

    let order = |json: &Value| {
        let all = json["candidates"].as_array().unwrap().iter();
        all.map(|c| (c["priority"].as_i64().unwrap(), c["matched"] == true)).collect::<Vec<_>>()
    };
    let (json, text) = explain(dir.path(), &["http://rivals.example/x"]);
    assert_eq!(order(&json)[..3], [(900, false), (500, true), (36, true)]);
    for (position, words) in [(0, "Method"), (1, "wins"), (2, "matches too, but")] {
        let reason = json["candidates"][position]["reason"].as_str().unwrap();
        assert!(reason.contains(words) && text.contains(reason), "{position}: {reason}");
    }
    let put = ["--method", "PUT", "--header", "x-a: b", "--client-ip", "10.1.2.3", "http://rivals.example/x"];
    let (json, _) = explain(dir.path(), &put);
    assert_eq!(json["candidates"][0]["matched"], true);
    assert_eq!(json["router"], json["candidates"][0]["router"]);
    for i in [1, 3, 5] {
        let mut less = put.to_vec();
        less.drain(i - 1..=i);
        assert_eq!(explain(dir.path(), &less).0["candidates"][0]["matched"], false, "{less:?}");
    }
}

#[test]
fn explain_goes_through_layers() {
    let dir = directory(&[("layers.yaml", LAYERS.as_bytes())]);
    let (json, text) = explain(dir.path(), &["http://layers.example/a"]);
    let parent = "default-parent-";
    assert!(json["router"].as_str().unwrap().starts_with("default-child-"), "{json}");
    assert_eq!(json["service"], json["router"]);
    assert_eq!(json["middlewares"], json!(["default-outer", "default-outer"]), "the parent's, then the child's chain");
    let tried: Vec<_> = json["candidates"].as_array().unwrap().iter().map(|c| c["router"].as_str().unwrap()).collect();
    // The child routes come after all routes of the entry point.
    let first = |prefix| tried.iter().position(|r| r.starts_with(prefix)).unwrap();
    let children = first("default-child-");
    assert!(first(parent) < children && first("default-good-") < children, "{tried:?}");
    assert!(tried[children + 1].starts_with("default-child-"), "{tried:?}");
    assert!(text.contains("middlewares  default-outer → default-outer"), "{text}");
    // A parent without a child that matches is nobody.
    let (json, _) = explain(dir.path(), &["http://layers.example/c"]);
    assert_eq!((&json["router"], &json["service"]), (&Value::Null, &Value::Null));
    let matched: Vec<_> = json["candidates"].as_array().unwrap().iter().filter(|c| c["matched"] == true).collect();
    assert!(matched.len() == 1 && matched[0]["router"].as_str().unwrap().starts_with(parent), "{matched:?}");
}

#[test]
fn explain_tells_tls_from_clear_text_and_tcp() {
    let dir = directory(&[("layers.yaml", LAYERS.as_bytes())]);
    let router = |question: &[&str]| explain(dir.path(), question).0["router"].clone();
    assert_eq!(router(&["http://secure.example/"]), Value::Null);
    assert!(router(&["https://secure.example/"]).as_str().unwrap().starts_with("default-secure-"));
    assert_eq!(router(&["https://good.example/"]), Value::Null);
    let (plain, _) = explain(dir.path(), &["--sni", "db.example"]);
    let (alpn, text) = explain(dir.path(), &["--sni", "db.example", "--alpn", "postgresql", "--alpn", "h2"]);
    let names = |json: &Value| json["candidates"].as_array().unwrap().len();
    assert_eq!((names(&plain), names(&alpn)), (2, 2));
    assert_eq!(plain["router"], plain["candidates"][1]["router"]);
    assert_eq!(alpn["router"], alpn["candidates"][0]["router"]);
    assert_eq!(alpn["service"], alpn["router"]);
    assert!(text.contains("HostSNI(`db.example`) && ALPN(`postgresql`)"), "{text}");
    assert_eq!(router(&["--sni", "other.example"]), Value::Null);
    assert_eq!(router(&["--sni", ""]), Value::Null);
}

#[test]
fn nothing_is_coloured_or_obeyed_when_piped() {
    let evil = "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: \"a\\e[31mb\"}\nspec:\n  entryPoints: [\"w\\e[2Jeb\"]\n  routes: [{match: \"Host(`\\e[31m`)\", services: [{name: \"\\e]0;x\\a\", port: 80}]}]\n";
    let dir = directory(&[("layers.yaml", LAYERS.as_bytes()), ("bad.yaml", b"a: ["), ("evil.yaml", evil.as_bytes())]);
    let m = dir.path().to_str().unwrap();
    for arguments in [
        &["check", "-m", m][..],
        &["check", "-m", m, "--format", "json"],
        &["check", "-m", "/nowhere"],
        &["explain", "-m", m, "-e", "web", "http://rivals.example/"],
        &["explain", "-m", m, "-e", "web", "http://nobody.example/"],
        &["--help"],
        &["check", "--help"],
        &["check", "--nonsense"],
        &["crds"],
    ] {
        let Ended { stdout, stderr, .. } = ingora(arguments);
        assert!(!stdout.is_empty() || !stderr.is_empty());
        assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "ingora {arguments:?} prints escapes");
    }
}
