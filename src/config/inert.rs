//! Traefik's keys that are accepted so that a file can be brought along, and that have no effect.
//! One table; every key of it that a file has becomes a warning.

use serde_yaml::Value;

const CERTIFICATES: &str = "no certificate is requested; put certificates in Secrets, which cert-manager can write";
const OTHER_PROVIDER: &str = "objects come from providers.kubernetesCRD or providers.manifests only";
const OTHER_METRICS: &str = "metrics are served to Prometheus only (metrics.prometheus)";
const ROTATION: &str = "log files are not rotated; let logrotate or the container runtime do it";
const TABLE_SIZE: &str = "the tables of HTTP/2's header compression have the size that Pingora gives them";
const OTLP: &str = "nothing is sent by OTLP";

/// Paths, `*` standing for any key, and why there is no effect. A key comes before those below it.
pub(super) const INERT: &[(&str, &str)] = &[
    ("accessLog", "no access log is written by this version"),
    ("accessLog.dualOutput", "lines go to one place: filePath, or standard output"),
    ("accessLog.otlp", OTLP),
    ("api", "neither the API nor the dashboard is served by this version"),
    ("api.debug", "there is no /debug"),
    ("certificatesResolvers", CERTIFICATES),
    ("entryPoints.*.allowACMEByPass", CERTIFICATES),
    ("entryPoints.*.http.tls.certResolver", CERTIFICATES),
    ("entryPoints.*.http2.maxDecoderHeaderTableSize", TABLE_SIZE),
    ("entryPoints.*.http2.maxEncoderHeaderTableSize", TABLE_SIZE),
    ("entryPoints.*.http3", "HTTP/3 is not served, HTTP/2 and HTTP/1.1 are"),
    ("entryPoints.*.observability", "neither access log nor metrics nor traces are made by this version"),
    ("experimental", "there are no experimental features and no plugins of Traefik's"),
    ("global", "no version is looked up and no usage is sent"),
    ("hostResolver", "CNAMEs are not followed when hosts are matched"),
    ("log.compress", ROTATION),
    ("log.maxAge", ROTATION),
    ("log.maxBackups", ROTATION),
    ("log.maxSize", ROTATION),
    ("log.otlp", OTLP),
    ("metrics.datadog", OTHER_METRICS),
    ("metrics.influxDB", OTHER_METRICS),
    ("metrics.influxDB2", OTHER_METRICS),
    ("metrics.otlp", OTHER_METRICS),
    ("metrics.statsD", OTHER_METRICS),
    ("ocsp", "OCSP responses are not stapled"),
    ("pilot", "Traefik Pilot is no more"),
    ("providers.consul", OTHER_PROVIDER),
    ("providers.consulCatalog", OTHER_PROVIDER),
    ("providers.docker", OTHER_PROVIDER),
    ("providers.ecs", OTHER_PROVIDER),
    ("providers.etcd", OTHER_PROVIDER),
    ("providers.file", OTHER_PROVIDER),
    ("providers.http", OTHER_PROVIDER),
    ("providers.knative", OTHER_PROVIDER),
    ("providers.kubernetesGateway", OTHER_PROVIDER),
    ("providers.kubernetesIngress", OTHER_PROVIDER),
    ("providers.kubernetesIngressNGINX", OTHER_PROVIDER),
    ("providers.marathon", OTHER_PROVIDER),
    ("providers.nomad", OTHER_PROVIDER),
    ("providers.plugin", OTHER_PROVIDER),
    ("providers.precedence", "there is one provider at a time, so that no other one comes before it"),
    (
        "providers.providersThrottleDuration",
        "changes are served at once; providers.kubernetesCRD.throttleDuration slows them down",
    ),
    ("providers.rancher", OTHER_PROVIDER),
    ("providers.redis", OTHER_PROVIDER),
    ("providers.rest", OTHER_PROVIDER),
    ("providers.swarm", OTHER_PROVIDER),
    ("providers.zooKeeper", OTHER_PROVIDER),
    (
        "serversTransport.maxIdleConnsPerHost",
        "one pool holds the idle connections to all servers: upstream_keepalive_pool_size",
    ),
    ("serversTransport.spiffe", "SPIFFE is not spoken"),
    ("spiffe", "SPIFFE is not spoken"),
    ("tcpServersTransport.tls.spiffe", "SPIFFE is not spoken"),
    ("tracing", "no spans are made"),
];

/// A sentence for every key of the document that has no effect; what is below such a key goes without saying.
pub(super) fn warnings(document: &Value) -> Vec<String> {
    let mut told: Vec<(String, &str)> = Vec::new();
    for (pattern, why) in INERT {
        let pattern: Vec<_> = pattern.split('.').collect();
        find(document, &pattern, String::new(), &mut |path| {
            let below = |(above, _): &(String, _)| path.strip_prefix(&**above).is_some_and(|p| p.starts_with('.'));
            if !told.iter().any(below) {
                told.push((path.to_owned(), why));
            }
        });
    }
    told.into_iter().map(|(path, why)| format!("{path} has no effect: {why}")).collect()
}

/// Calls `found` with every path of `value` that fits the pattern and holds something.
fn find(value: &Value, pattern: &[&str], path: String, found: &mut impl FnMut(&str)) {
    let Some((first, rest)) = pattern.split_first() else {
        if !matches!(value, Value::Null | Value::Bool(false)) {
            found(&path);
        }
        return;
    };
    for (key, value) in value.as_mapping().into_iter().flatten() {
        if let Some(key) = key.as_str().filter(|key| *first == "*" || key == first) {
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            find(value, rest, path, found);
        }
    }
}
