//! What types alone cannot check: that the parts of a configuration fit together.
//! Finds everything at once, so that a file is put right in one go.

use super::Config;
use super::address::Protocol;
use super::entry_point::{EntryPoint, http::RedirectEntryPoint};
use super::error::{ConfigError, Problem, nearest};

/// Checks a configuration that was read and completed.
pub(super) fn validate(config: &Config) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    for (name, entry_point) in &config.entry_points {
        let path = format!("entryPoints.{name}");
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            let message = format!("{name:?} is not a name: use letters, digits, `-`, `_` and `.`");
            problems.push(Problem::new(path.clone(), message));
        }
        entry_point_problems(config, &path, entry_point, &mut problems);
    }
    collisions(config, &mut problems);
    if let Some(ping) = config.ping.as_ref().filter(|p| !p.manual_routing) {
        known_entry_point(config, "ping.entryPoint", &ping.entry_point, &mut problems);
    }
    let prometheus = config.metrics.as_ref().and_then(|m| m.prometheus.as_ref());
    if let Some(prometheus) = prometheus.filter(|p| !p.manual_routing) {
        known_entry_point(config, "metrics.prometheus.entryPoint", &prometheus.entry_point, &mut problems);
    }
    if prometheus.is_some_and(|p| !p.buckets.is_sorted_by(|a, b| a < b)) {
        problems.push(Problem::new("metrics.prometheus.buckets", "must grow from each one to the next"));
    }
    if let Some(ping) = config.ping.as_ref().filter(|p| !(100..=999).contains(&p.terminating_status_code)) {
        let message = format!("{} is not a status: use 100 to 999", ping.terminating_status_code);
        problems.push(Problem::new("ping.terminatingStatusCode", message));
    }
    if config.api.as_ref().is_some_and(|api| !api.base_path.starts_with('/')) {
        problems.push(Problem::new("api.basePath", "must start with `/`"));
    }
    providers(config, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
}

fn entry_point_problems(config: &Config, path: &str, entry_point: &EntryPoint, problems: &mut Vec<Problem>) {
    if let Some(redirect) = &entry_point.http.redirections.entry_point {
        let path = format!("{path}.http.redirections.entryPoint");
        redirect_problems(config, &path, entry_point, redirect, problems);
    }
    for (i, middleware) in entry_point.http.middlewares.iter().enumerate() {
        if let Some(message) = bad_reference(middleware) {
            problems.push(Problem::new(format!("{path}.http.middlewares[{i}]"), message));
        }
    }
    if let Some(options) = entry_point.http.tls.as_ref().map(|tls| &tls.options).filter(|o| !o.is_empty())
        && let Some(message) = bad_reference(options)
    {
        problems.push(Problem::new(format!("{path}.http.tls.options"), message));
    }
    if entry_point.http2.max_concurrent_streams == 0 {
        problems.push(Problem::new(format!("{path}.http2.maxConcurrentStreams"), "must be 1 or more"));
    }
    if entry_point.http.max_header_bytes == 0 {
        problems.push(Problem::new(format!("{path}.http.maxHeaderBytes"), "must be 1 or more"));
    }
    if entry_point.udp.timeout.positive().is_none() {
        problems.push(Problem::new(format!("{path}.udp.timeout"), "must be more than 0"));
    }
    if entry_point.udp.max_sessions == 0 {
        problems.push(Problem::new(format!("{path}.udp.maxSessions"), "must be 1 or more"));
    }
}

fn redirect_problems(
    config: &Config,
    path: &str,
    from: &EntryPoint,
    redirect: &RedirectEntryPoint,
    problems: &mut Vec<Problem>,
) {
    if !["http", "https"].contains(&redirect.scheme.as_str()) {
        let message = format!("{:?} is not a scheme: use http or https", redirect.scheme);
        problems.push(Problem::new(format!("{path}.scheme"), message));
    }
    let path = format!("{path}.to");
    if let Some(port) = redirect.to.strip_prefix(':') {
        if port.parse::<u16>().is_err() {
            let message = format!("{:?} is not a port: write `:443`, or the name of an entry point", redirect.to);
            problems.push(Problem::new(path, message));
        }
        return;
    }
    known_entry_point(config, &path, &redirect.to, problems);
    if let Some(target) = config.entry_points.get(&redirect.to) {
        if target.address.protocol == Protocol::Udp {
            problems.push(Problem::new(path, format!("`{}` is a UDP entry point; HTTP needs a TCP one", redirect.to)));
        } else if std::ptr::eq(target, from) {
            problems.push(Problem::new(path, format!("`{}` redirects to itself", redirect.to)));
        }
    }
}

fn known_entry_point(config: &Config, path: &str, name: &str, problems: &mut Vec<Problem>) {
    if config.entry_points.contains_key(name) {
        return;
    }
    let names: Vec<_> = config.entry_points.keys().map(String::as_str).collect();
    let hint = match nearest(name, &names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are: {}", names.join(", ")),
    };
    problems.push(Problem::new(path, format!("there is no entry point `{name}`; {hint}")));
}

/// Why a name of a middleware or of TLS options cannot be one. Without `@`, it is of the router's own provider.
fn bad_reference(name: &str) -> Option<String> {
    let (base, provider) = name.split_once('@').unwrap_or((name, "kubernetescrd"));
    if base.is_empty() || base.chars().any(char::is_whitespace) {
        return Some(format!("{name:?} is not a name: write `<namespace>-<name>@kubernetescrd`"));
    }
    (provider != "kubernetescrd" && provider != "internal").then(|| {
        format!("`{name}` is of provider `{provider}`, which is not here: write `<namespace>-<name>@kubernetescrd`")
    })
}

fn collisions(config: &Config, problems: &mut Vec<Problem>) {
    let all: Vec<_> = config.entry_points.iter().collect();
    for (i, (name, entry_point)) in all.iter().enumerate() {
        let shared = |e: &EntryPoint| e.reuse_port && entry_point.reuse_port;
        let mut before = all.iter().take(i);
        if let Some((other, first)) = before.find(|(_, e)| e.address.collides(&entry_point.address) && !shared(e)) {
            let message = format!(
                "{} cannot be listened on: entry point `{other}` listens on {}",
                entry_point.address, first.address
            );
            problems.push(Problem::new(format!("entryPoints.{name}.address"), message));
        }
    }
}

fn providers(config: &Config, problems: &mut Vec<Problem>) {
    let providers = &config.providers;
    if providers.kubernetes_crd.is_some() && providers.manifests.is_some() {
        let message = "kubernetesCRD and manifests cannot both be used: remove one of them";
        problems.push(Problem::new("providers", message));
    }
    if providers.manifests.as_ref().is_some_and(|m| m.path.as_os_str().is_empty()) {
        problems.push(Problem::new("providers.manifests.path", "is empty: name a file or a directory"));
    }
    if let Some(cluster) = &providers.kubernetes_crd
        && !cluster.endpoint.is_empty()
        && !cluster.endpoint.starts_with("http://")
        && !cluster.endpoint.starts_with("https://")
    {
        let message = format!("{:?} is not a URL: write `https://host:port`", cluster.endpoint);
        problems.push(Problem::new("providers.kubernetesCRD.endpoint", message));
    }
}
