//! Tests of the whole file: what is accepted, what is said of the rest, and that `conf/` tells the truth.

// Private fields rule out the struct update syntax.
#![allow(clippy::unwrap_used, clippy::panic, clippy::field_reassign_with_default)]

use super::*;

const FULL: &str = include_str!("../../conf/ingora.yaml");

fn config(text: &str) -> Config {
    Config::from_yaml(text).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

/// The text with every setting that is commented out (`#key: …`, unlike `# prose`) in force.
fn uncommented(text: &str) -> String {
    let line = |line: &str| {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        match body.strip_prefix('#') {
            Some(setting) if setting.starts_with(char::is_alphabetic) => format!("{indent}{setting}"),
            _ => line.to_owned(),
        }
    };
    let text: Vec<_> = text.lines().map(line).collect();
    text.join("\n").replace("kubernetesCRD: {}", "kubernetesCRD:")
}

#[test]
fn mistakes_are_named() {
    for (text, expected) in [
        // Unknown keys.
        ("entryPoint: {}", "line 1: unknown key `entryPoint`; did you mean `entryPoints`?"),
        ("version: 1\nThreads: 4", "line 2: unknown key `Threads`; did you mean `threads`?"),
        ("pidfile: /x", "line 1: unknown key `pidfile`; did you mean `pid_file`?"),
        (
            "entryPoints:\n  web:\n    adress: \":80\"",
            "line 3: entryPoints.web.adress: unknown key `adress`; did you mean `address`?",
        ),
        (
            "entryPoints:\n  web:\n    address: \":80\"\n    transport:\n      respondingTimeouts:\n        readTimeOut: 1s",
            "line 6: entryPoints.web.transport.respondingTimeouts.readTimeOut: unknown key `readTimeOut`; \
             did you mean `readTimeout`?",
        ),
        (
            "providers:\n  kubernetesCrd: {}",
            "line 2: providers.kubernetesCrd: unknown key `kubernetesCrd`; did you mean `kubernetesCRD`?",
        ),
        (
            "providers:\n  kubernetesCRD:\n    allowCrossNamespaces: true",
            "line 3: providers.kubernetesCRD.allowCrossNamespaces: unknown key `allowCrossNamespaces`; \
             did you mean `allowCrossNamespace`?",
        ),
        ("core:\n  colour: red", "line 2: core.colour: unknown key `colour`; the keys here are: defaultRuleSyntax"),
        // Wrong types.
        ("threads: many", "line 1: threads: invalid type: string \"many\", expected usize"),
        ("threads: 0", "threads: must be 1 or more; leave it out for the number of cores"),
        ("max_blocking_threads: 0", "max_blocking_threads must be greater than zero"),
        (
            "entryPoints:\n  web:\n    address: [\":80\"]",
            "line 3: entryPoints.web.address: invalid type: sequence, \
             expected an address such as \":80\" or \"127.0.0.1:9000/udp\", in quotes",
        ),
        (
            "entryPoints:\n  web:\n    address: \":80\"\n    asDefault: sure",
            "line 4: entryPoints.web.asDefault: invalid type: string \"sure\", expected a boolean",
        ),
        ("entryPoints:\n  web: {}", "line 2: entryPoints.web: missing field `address`"),
        ("- entryPoints", "the file must be a mapping: lines such as `entryPoints:`"),
        ("api:", "line 1: api: is empty: write `{}` to turn it on with its defaults, or remove the key"),
        ("entryPoints: [", "line 2: did not find expected node content"),
        (
            "core:\n  defaultRuleSyntax: v4",
            "line 2: core.defaultRuleSyntax: unknown variant `v4`, expected `v2` or `v3`",
        ),
        ("log:\n  level: loud", "line 2: log.level: \"loud\" is not a level: write TRACE, DEBUG, INFO, WARN or ERROR"),
        (
            "accessLog:\n  filters:\n    statusCodes: [\"500-\"]",
            "line 3: accessLog.filters.statusCodes[0]: \"500-\" is neither a status nor a range of them: \
             write \"200\" or \"500-599\"",
        ),
        // Durations, addresses, ranges.
        (
            "entryPoints:\n  web:\n    address: \":80\"\n    udp:\n      timeout: 3 seconds",
            "line 5: entryPoints.web.udp.timeout: \"3 seconds\" is not a duration: \
             write seconds (`30`) or units (`500ms`, `1m30s`; units are ns, us, ms, s, m, h)",
        ),
        (
            "entryPoints:\n  web:\n    address: 80",
            "line 3: entryPoints.web.address: \"80\" is not an address (no `:` before the port): \
             write `[host]:port`, such as `:80`, `127.0.0.1:8000`, `[::1]:53/udp`",
        ),
        (
            "entryPoints:\n  web:\n    address: \":80\"\n    forwardedHeaders:\n      trustedIPs: [10.0.0.0/33]",
            "line 5: entryPoints.web.forwardedHeaders.trustedIPs[0]: \"10.0.0.0/33\" is neither an IP address nor a CIDR: \
             write `10.0.0.0/8`, `192.168.1.7` or `fd00::/8`",
        ),
        // Parts that don't fit together.
        (
            "entryPoints:\n  web:\n    address: \":80\"\n  admin:\n    address: \"127.0.0.1:80\"",
            "entryPoints.web.address: :80 cannot be listened on: entry point `admin` listens on 127.0.0.1:80",
        ),
        ("entryPoints:\n  a b:\n    address: \":80\"", "\"a b\" is not a name: use letters, digits, `-`, `_` and `.`"),
        ("ping: {entryPoint: admin}", "ping.entryPoint: there is no entry point `admin`; there are: http"),
        (
            "metrics: {prometheus: {buckets: [1, 0.5]}}",
            "metrics.prometheus.buckets: must grow from each one to the next",
        ),
        (
            "providers: {kubernetesCRD: {}, manifests: {path: a}}",
            "providers: kubernetesCRD and manifests cannot both be used: remove one of them",
        ),
        ("providers: {manifests: {}}", "providers.manifests: missing field `path`"),
    ] {
        let error = Config::from_yaml(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}\nexpected {expected}\nfound    {error}");
    }
}

#[test]
fn entry_points_must_fit_together() {
    for (web, expected) in [
        (
            "http: {redirections: {entryPoint: {to: websecur}}}",
            "entryPoints.web.http.redirections.entryPoint.to: there is no entry point `websecur`; \
             did you mean `websecure`?",
        ),
        ("http: {redirections: {entryPoint: {to: \":99999\"}}}", "\":99999\" is not a port"),
        ("http: {redirections: {entryPoint: {to: dns}}}", "`dns` is a UDP entry point"),
        ("http: {redirections: {entryPoint: {to: web}}}", "`web` redirects to itself"),
        ("http: {redirections: {entryPoint: {to: websecure, scheme: ftp}}}", "\"ftp\" is not a scheme"),
        ("http: {redirections: {entryPoint: {}}}", "missing field `to`"),
        (
            "http: {middlewares: [\"auth@file\"]}",
            "entryPoints.web.http.middlewares[0]: `auth@file` is of provider `file`",
        ),
        ("http: {middlewares: [\"\"]}", "entryPoints.web.http.middlewares[0]: \"\" is not a name"),
        ("http: {tls: {options: \"a@file\"}}", "entryPoints.web.http.tls.options: `a@file` is of provider"),
        ("udp: {timeout: 0}", "entryPoints.web.udp.timeout: must be more than 0"),
        ("udp: {maxSessions: 0}", "entryPoints.web.udp.maxSessions: must be 1 or more"),
        ("http2: {maxConcurrentStreams: 0}", "entryPoints.web.http2.maxConcurrentStreams: must be 1 or more"),
    ] {
        let text = format!(
            "entryPoints:\n  web: {{address: \":80\", {web}}}\n  websecure: {{address: \":443\"}}\n  dns: {{address: \":53/udp\"}}"
        );
        let error = Config::from_yaml(&text).expect_err(web).to_string();
        assert!(error.contains(expected), "{web}\nexpected {expected}\nfound    {error}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let error = Config::from_yaml("ping: {entryPoint: a}\nentryPoints:\n  b c: {address: \":1\"}\n").unwrap_err();
    assert_eq!(error.problems.len(), 2, "{error}");
    let error = Config::from_yaml("thread: 1\nverion: 1\n").unwrap_err();
    assert_eq!(error.problems.iter().map(|p| p.line).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

#[test]
fn an_empty_file_gives_the_defaults() {
    for text in ["", "---\n", "# nothing\n", "{}"] {
        let config = config(text);
        assert_eq!(config.entry_points, BTreeMap::from([("http".to_owned(), EntryPoint::new(Address::any(80)))]));
        assert_eq!(config.server.upstream_keepalive_pool_size, 16_384);
        assert_eq!(config.server.threads, std::thread::available_parallelism().unwrap().get());
        assert_eq!(config.translate_options(), Options::default());
        assert_eq!((config.api, config.ping, config.metrics, config.access_log), (None, None, None, None));
    }
    assert_eq!(config("threads: 3\nupstream_keepalive_pool_size: 7").server.threads, 3);
    assert_eq!(config("threads: 3\nupstream_keepalive_pool_size: 7").server.upstream_keepalive_pool_size, 7);
}

#[test]
fn the_internal_entry_point_is_made_where_needed() {
    for (text, names) in [
        ("", "http"),
        ("api: {}", "http"),
        ("api: {insecure: true}", "http traefik"),
        ("ping: {}", "http traefik"),
        ("ping: {manualRouting: true}", "http"),
        ("ping: {entryPoint: http}", "http"),
        ("metrics: {prometheus: {}}", "http traefik"),
        ("metrics: {prometheus: {manualRouting: true}}", "http"),
        ("entryPoints: {web: {address: ':1'}}\nping: {}", "traefik web"),
        ("entryPoints: {traefik: {address: ':1'}}", "http traefik"),
    ] {
        let config = config(text);
        assert_eq!(config.entry_points.keys().cloned().collect::<Vec<_>>().join(" "), names, "{text}");
    }
    assert_eq!(config("ping: {}").entry_points["traefik"].address.to_string(), ":8080");
    assert_eq!(config("entryPoints: {traefik: {address: ':1'}}\nping: {}").entry_points["traefik"].address.port, 1);
}

#[test]
fn default_entry_points_follow_as_default() {
    let rest = "b: {address: ':2'}, dns: {address: ':53/udp'}, traefik: {address: ':8080'}";
    for (a, names) in [("", "a b"), (", asDefault: true", "a"), (", asDefault: false", "a b")] {
        let config = config(&format!("entryPoints: {{a: {{address: ':1'{a}}}, {rest}}}"));
        assert_eq!(config.default_entry_points().join(" "), names, "{a}");
        assert_eq!(config.udp_entry_points(), ["dns"]);
    }
    // The flag on a UDP entry point counts, as upstream, though that one is never a default for TCP.
    let udp = config("entryPoints: {a: {address: ':1'}, dns: {address: ':53/udp', asDefault: true}}");
    assert!(udp.default_entry_points().is_empty());
}

#[test]
fn provider_options_reach_the_translation() {
    let options = "namespaces: [a, b], labelSelector: x=y, ingressClass: c, allowCrossNamespace: true, \
        allowExternalNameServices: true, allowEmptyServices: true, nativeLBByDefault: true, \
        disableClusterScopeResources: true, crossProviderNamespaces: [], zone: z, nodeName: n";
    let expected = Options {
        namespaces: vec!["a".into(), "b".into()],
        label_selector: "x=y".into(),
        ingress_class: "c".into(),
        allow_cross_namespace: true,
        allow_external_name_services: true,
        allow_empty_services: true,
        native_lb_by_default: true,
        disable_cluster_scope_resources: true,
        cross_provider_namespaces: Some(vec![]),
        zone: "z".into(),
        node: "n".into(),
    };
    for text in [
        format!("providers: {{kubernetesCRD: {{endpoint: 'https://k:6443', token: secret, {options}}}}}"),
        format!("providers: {{manifests: {{path: dir, watch: false, {options}}}}}"),
    ] {
        let config = config(&text);
        assert_eq!(config.translate_options(), expected);
        assert!(!format!("{config:?}").contains("secret"), "the token must not be shown");
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let inert = config(
        "certificatesResolvers: {le: {acme: {email: a@b.c}}}\ntracing: {otlp: {}}\nproviders: {file: {filename: x}}\n\
         entryPoints: {web: {address: ':80', http3: {advertisedPort: 443}}, b: {address: ':81'}}\nlog: {compress: false}\n\
         metrics: {otlp: {}}",
    );
    let paths: Vec<_> = inert.warnings().iter().map(|w| w.split(' ').next().unwrap()).collect();
    assert_eq!(paths, ["certificatesResolvers", "entryPoints.web.http3", "metrics.otlp", "providers.file", "tracing"]);
    assert!(config("entryPoints: {web: {address: ':80'}}").warnings().is_empty());
}

#[test]
fn every_inert_key_is_accepted() {
    for (path, _) in inert::INERT {
        let value = match path.rsplit('.').next().unwrap() {
            "debug" | "allowACMEByPass" | "dualOutput" => "true",
            "certResolver" => "le",
            "precedence" => "[kubernetescrd, file]",
            "maxDecoderHeaderTableSize" | "maxEncoderHeaderTableSize" | "maxIdleConnsPerHost" => "7",
            _ => "{}",
        };
        let keys: Vec<_> = path.split('.').map(|k| if k == "*" { "web" } else { k }).collect();
        let open = keys.join(": {");
        let mut text = format!("{open}: {value}{}", "}".repeat(keys.len() - 1));
        text = text.replace("web: {", "web: {address: ':80', ");
        assert_eq!(config(&text).warnings().len(), 1, "{text}");
    }
}

#[test]
fn redirections_name_a_port() {
    let config = config(
        "entryPoints:\n  a: {address: ':1', http: {redirections: {entryPoint: {to: b}}}}\n  \
         b: {address: ':2', http: {redirections: {entryPoint: {to: ':3', scheme: http, permanent: false}}}}",
    );
    for (name, port) in [("a", 2), ("b", 3)] {
        let redirect = config.entry_points[name].http.redirections.entry_point.as_ref().unwrap();
        assert_eq!(redirect.port(&config.entry_points), Some(port));
    }
    let redirect = config.entry_points["a"].http.redirections.entry_point.as_ref().unwrap();
    assert_eq!((redirect.scheme.as_str(), redirect.permanent, redirect.priority), ("https", true, i64::MAX - 1));
}

#[test]
fn shipped_files_are_good() {
    for text in [FULL, include_str!("../../conf/quickstart.yaml"), include_str!("../../conf/traefik-v2.yaml")] {
        assert!(config(text).warnings().is_empty());
    }
    let quickstart = config(include_str!("../../conf/quickstart.yaml"));
    let addresses: Vec<_> = quickstart.entry_points.iter().map(|(n, e)| format!("{n} {}", e.address)).collect();
    assert_eq!(
        addresses,
        [
            "fooudp 127.0.0.1:9000/udp",
            "tcpep 127.0.0.1:8001",
            "traefik 127.0.0.1:8080",
            "web 127.0.0.1:8000",
            "websecure 127.0.0.1:8443",
        ]
    );
    let v2 = config(include_str!("../../conf/traefik-v2.yaml")).translate_options();
    assert!(v2.allow_cross_namespace && v2.allow_external_name_services);
}

/// The text parses both as it is shipped and with every setting in force; the latter holds the defaults.
#[test]
fn the_documented_defaults_are_the_defaults() {
    let shipped = config(FULL);
    assert_eq!(shipped.entry_points["web"], EntryPoint::new(Address::any(80)));
    assert_eq!(shipped.entry_points["websecure"], EntryPoint::new(Address::any(443)));

    // Only one provider may be used, so the other is taken away before and looked at alone.
    let text = uncommented(FULL);
    let start = text.find("  manifests:").unwrap();
    let end = start + text[start..].find("\n# ---").unwrap();
    let providers: Providers = read::strict(&text[start..end]).unwrap_or_else(|e| panic!("{e}"));
    let expected: Providers = read::strict("manifests: {path: manifests, crossProviderNamespaces: []}").unwrap();
    assert_eq!(providers, expected);

    let mut full = config(&format!("{}{}", &text[..start], &text[end..]));
    let expected_cluster: Providers = read::strict("kubernetesCRD: {crossProviderNamespaces: []}").unwrap();
    assert_eq!(full.providers, expected_cluster);
    let web = full.entry_points.get_mut("web").unwrap();
    assert_eq!(web.proxy_protocol.take(), Some(entry_point::ProxyProtocol::default()));
    assert_eq!(web.http.tls.take(), Some(entry_point::http::Tls::default()));
    assert_eq!(web.http3.take(), Some(entry_point::Http3 { advertised_port: 443 }));
    let redirect: entry_point::http::RedirectEntryPoint = read::strict("to: websecure").unwrap();
    assert_eq!(web.http.redirections.entry_point.take(), Some(redirect));
    assert_eq!(*web, EntryPoint::new(Address::any(80)));
    assert_eq!(full.core, Core::default());
    assert_eq!(full.servers_transport, ServersTransport::default());
    assert_eq!(full.tcp_servers_transport, TcpServersTransport::default());
    assert_eq!(full.api, Some(Api::default()));
    assert_eq!(full.ping, Some(Ping::default()));
    let mut metrics = Metrics::default();
    metrics.prometheus = Some(Prometheus::default());
    assert_eq!(full.metrics, Some(metrics));
    assert_eq!(full.access_log, Some(AccessLog::default()));
    assert_eq!(full.log, Log::default());

    full.server.daemon_ready_timeout_seconds = None;
    full.server.daemon_notify_timeout_seconds = None;
    assert_eq!(full.server.threads, 2);
    let mut defaults = config("").server;
    defaults.threads = 2;
    assert_eq!(full.server, defaults);
}

/// Puts an unknown key into every section of the text in turn: the error lists the section's keys, and the section
/// must have them all.
#[test]
fn every_key_is_documented() {
    let text = uncommented(FULL);
    let full: Value = serde_yaml::from_str(&text).unwrap();
    let inert: Vec<_> = inert::INERT.iter().map(|(path, _)| path.replace('*', "web")).collect();
    let mut sections = Vec::new();
    collect(&full, String::new(), &mut sections);
    let mut checked = 0;
    for (path, keys) in sections {
        let known: Vec<&str> = match path.as_str() {
            "" => [read::keys_of::<Config>(), read::keys_of::<ServerConf>()].concat(),
            _ => keys_at(&full, &path),
        };
        for key in known {
            let full_path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            assert!(keys.iter().any(|k| k == key) || inert.contains(&full_path), "{full_path} is not documented");
            checked += 1;
        }
    }
    assert!(checked > 150, "only {checked} keys were looked at");
}

/// Every mapping of a document, with its path and keys; entry points other than `web` are left out.
fn collect(value: &Value, path: String, sections: &mut Vec<(String, Vec<String>)>) {
    let Some(mapping) = value.as_mapping() else { return };
    let keys: Vec<_> = mapping.keys().filter_map(|k| k.as_str().map(str::to_owned)).collect();
    for (key, value) in keys.iter().zip(mapping.values()) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if path != "entryPoints.websecure" {
            collect(value, path, sections);
        }
    }
    sections.push((path, keys));
}

/// The keys that the section at `path` accepts, as the error for an unknown one lists them.
fn keys_at(full: &Value, path: &str) -> Vec<&'static str> {
    let mut document = full.clone();
    let mut section = &mut document;
    for key in path.split('.') {
        section = section.get_mut(key).unwrap();
    }
    section.as_mapping_mut().unwrap().insert("zzzzzzzzzzzzzzzzzzzzzzzz".into(), Value::Null);
    let Err(error) = read::strict::<Config>(&serde_yaml::to_string(&document).unwrap()) else {
        return Vec::new(); // A section of free keys.
    };
    let Some((_, keys)) = error.message.split_once("the keys here are: ") else { return Vec::new() };
    keys.split(", ").map(|k| &*k.to_owned().leak()).collect()
}
