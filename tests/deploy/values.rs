//! What the chart refuses, and with which words; and that it takes every setting that ingora has.

use std::fs;

use serde_json::Value;

use super::config;
use super::tools::helm;
use crate::support::manifests::yaml;

#[test]
fn mistakes_are_named() {
    for (values, expected) in [
        ("replicas: 1", "at '': additional properties 'replicas' not allowed"),
        ("additionalArguments: [--ping]", "at '': additional properties 'additionalArguments' not allowed"),
        ("deployment: {replicas: -1}", "at '/deployment/replicas': minimum: got -1, want 0"),
        ("deployment: {replicas: two}", "at '/deployment/replicas': got string, want integer"),
        ("deployment: {kind: StatefulSet}", "at '/deployment/kind': value must be one of 'Deployment', 'DaemonSet'"),
        ("deployment: {podLabels: {a: 1}}", "at '/deployment/podLabels/a': got number, want string"),
        ("image: {tag: 1.0}", "at '/image/tag': got number, want string"),
        ("image: {name: x}", "at '/image': additional properties 'name' not allowed"),
        ("image: {pullPolicy: always}", "at '/image/pullPolicy': value must be one of"),
        ("ports: {web: {port: eighty}}", "at '/ports/web/port': got string, want integer"),
        ("ports: {web: {port: 65536}}", "at '/ports/web/port': maximum: got 65,536, want 65,535"),
        ("ports: {web: {ports: 80}}", "at '/ports/web': additional properties 'ports' not allowed"),
        ("ports: {web: {protocol: tcp}}", "at '/ports/web/protocol': value must be one of 'TCP', 'UDP'"),
        ("ports: {web: {expose: {default: maybe}}}", "at '/ports/web/expose/default': got string, want boolean"),
        ("ports: {Web: {port: 80}}", "at '/ports': additional properties 'Web' not allowed"),
        ("ports: {other: {expose: true}}", "at '/ports/other': missing property 'port'"),
        ("ports: {traefik: null}", "at '/ports': missing property 'traefik'"),
        (
            "ports: {web: {transport: {lifeCycle: {graceTimeout: 1s}}}}",
            "at '/ports/web/transport/lifeCycle': additional properties 'graceTimeout' not allowed",
        ),
        (
            "ports: {web: {transport: {respondingTimeouts: {readTimeout: 1 minute}}}}",
            "at '/ports/web/transport/respondingTimeouts/readTimeout': '1 minute' does not match pattern",
        ),
        (
            "ports: {web: {forwardedHeaders: {trustedIP: [10.0.0.1]}}}",
            "at '/ports/web/forwardedHeaders': additional properties 'trustedIP' not allowed",
        ),
        (
            "ports: {web: {http: {redirections: {entryPoint: {scheme: https}}}}}",
            "at '/ports/web/http/redirections/entryPoint': missing property 'to'",
        ),
        ("service: {spec: {ports: []}}", "at '/service/spec': additional properties 'ports' not allowed"),
        ("service: {type: loadbalancer}", "at '/service/type': value must be one of"),
        (
            "providers: {kubernetesCRD: {allowCrossNamespaces: true}}",
            "at '/providers/kubernetesCRD': additional properties 'allowCrossNamespaces' not allowed",
        ),
        (
            "providers: {kubernetesCRD: {namespaces: default}}",
            "at '/providers/kubernetesCRD/namespaces': got string, want array",
        ),
        ("providers: {kubernetesCRD: {enabled: false}}", "at '/providers/kubernetesCRD/enabled': value must be true"),
        (
            "providers: {kubernetesIngress: {enabled: true}}",
            "at '/providers/kubernetesIngress/enabled': value must be false",
        ),
        ("rbac: {namespace: true}", "at '/rbac': additional properties 'namespace' not allowed"),
        ("logs: {general: {level: loud}}", "at '/logs/general/level': value must be one of"),
        (
            "logs: {access: {filters: {statuscodes: '500-'}}}",
            "at '/logs/access/filters/statuscodes': '500-' does not match pattern",
        ),
        ("metrics: {prometheus: {buckets: few}}", "at '/metrics/prometheus/buckets': 'few' does not match pattern"),
        (
            "podDisruptionBudget: {maxUnavailable: half}",
            "at '/podDisruptionBudget/maxUnavailable': 'half' does not match pattern",
        ),
        ("core: {defaultRuleSyntax: v1}", "at '/core/defaultRuleSyntax': value must be one of 'v3', 'v2'"),
        ("livenessProbe: {period: 1}", "at '/livenessProbe': additional properties 'period' not allowed"),
        // What no schema can say.
        (
            "autoscaling: {enabled: true}\ndeployment: {kind: DaemonSet}",
            "autoscaling.enabled: a DaemonSet has a pod on each node",
        ),
        (
            "ports: {web: {expose: {default: false}}, websecure: {expose: {default: false}}}",
            "ports: none is exposed, so there can be no Service",
        ),
    ] {
        let Err(told) = helm(values) else { panic!("{values}: is accepted") };
        assert!(told.contains(expected), "{values}\nshould say {expected:?}, says\n{told}");
    }
}

/// `conf/ingora.yaml` documents every setting: those of an entry point and of the provider are values, too, and mean the
/// same there.
#[test]
fn every_setting_can_be_given() {
    let full = documented();
    let mut port = full["entryPoints"]["web"].clone();
    let expected = ingora::config::Config::from_yaml(&serde_yaml::to_string(&full).unwrap()).unwrap();

    // What the chart has a word of its own for, or none, as it has no effect.
    let settings = port.as_object_mut().unwrap();
    for without_effect in ["allowACMEByPass", "http3"] {
        settings.remove(without_effect).unwrap();
    }
    settings.remove("address");
    settings.remove("reusePort");
    settings.insert("port".to_owned(), 80.into());
    settings["http"]["redirections"]["entryPoint"]["to"] = ":443".into();
    settings["http"]["redirections"]["entryPoint"].as_object_mut().unwrap().remove("priority");
    settings["http"]["tls"]["enabled"] = true.into();
    settings["transport"]["lifeCycle"] = full["entryPoints"]["web"]["transport"]["lifeCycle"].clone();
    let mut provider = full["providers"]["kubernetesCRD"].clone();
    for elsewhere in ["endpoint", "token", "certAuthFilePath"] {
        provider.as_object_mut().unwrap().remove(elsewhere).unwrap();
    }
    let values = serde_json::json!({"ports": {"web": port}, "providers": {"kubernetesCRD": provider}});
    let found = config(&helm(&values.to_string()).unwrap_or_else(|e| panic!("{e}")));

    let mut web = found.entry_points["web"].clone();
    let redirect = web.http.redirections.entry_point.as_mut().unwrap();
    redirect.to = "websecure".to_owned();
    web.http3 = expected.entry_points["web"].http3.clone();
    assert_eq!(web, expected.entry_points["web"]);
    assert_eq!(found.providers.kubernetes_crd.unwrap().translate_options(), expected.translate_options());
}

/// `conf/ingora.yaml` with every setting in force that is commented out there (`#key: …`, unlike `# prose`).
fn documented() -> Value {
    let line = |line: &str| {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        match body.strip_prefix('#') {
            Some(setting) if setting.starts_with(char::is_alphabetic) => format!("{indent}{setting}"),
            _ => line.to_owned(),
        }
    };
    let text: Vec<_> = fs::read_to_string("conf/ingora.yaml").unwrap().lines().map(line).collect();
    let mut full = yaml(&text.join("\n").replace("kubernetesCRD: {}", "kubernetesCRD:"));
    full["providers"].as_object_mut().unwrap().remove("manifests");
    full
}
