//! The chart makes the same objects as the kustomizations, and what it is given reaches ingora's configuration.

use std::fs;

use ingora::config::Config;
use serde_json::{Value, json};

use super::objects::name;
use super::tools::{helm, helm_with_crds, kustomize, notes};
use super::{Objects, assert_crds, config, pod};
use crate::support::manifests::yaml;

/// An object without what Helm writes in, and without the hash of kustomize's ConfigMap.
fn bare(mut object: Value) -> Value {
    for pointer in ["/metadata", "/spec/template/metadata"] {
        let Some(metadata) = object.pointer_mut(pointer).and_then(Value::as_object_mut) else { continue };
        metadata.remove("annotations");
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            labels.retain(|key, _| key == "app.kubernetes.io/name" || key == "app.kubernetes.io/instance");
        }
    }
    for pointer in ["/spec/template/spec/volumes/0/configMap/name", "/metadata/name", "/roleRef/name"] {
        if let Some(Value::String(name)) = object.pointer_mut(pointer) {
            // The chart names the release's namespace in what two releases would share.
            *name = name.replacen("ingora-ingora", "ingora", 1);
            if name.starts_with("ingora-config-") {
                name.truncate("ingora-config".len());
            }
        }
    }
    if let Some(text) = object.pointer_mut("/data/ingora.yaml") {
        *text = json!(format!("{:?}", Config::from_yaml(text.as_str().unwrap()).unwrap()));
    }
    object
}

fn all_bare(objects: &Objects) -> Vec<Value> {
    let mine = objects.0.iter().filter(|o| o["kind"] != "CustomResourceDefinition" && o["kind"] != "Namespace");
    let mut all: Vec<_> = mine.cloned().map(bare).collect();
    all.sort_by_key(name);
    all
}

#[test]
fn the_chart_makes_what_the_kustomizations_make() {
    let namespaced = "autoscaling: {enabled: true}\nrbac: {namespaced: true}\n\
                      providers: {kubernetesCRD: {namespaces: [default]}}";
    for (directory, values) in [("deploy/base", "autoscaling: {enabled: true}"), ("deploy/namespaced", namespaced)] {
        let (kustomization, chart) = (all_bare(&kustomize(directory)), all_bare(&helm(values).unwrap()));
        let names = |objects: &[Value]| objects.iter().map(name).collect::<Vec<_>>();
        assert_eq!(names(&kustomization), names(&chart), "{directory}");
        for (expected, found) in kustomization.iter().zip(&chart) {
            let differences = crate::checking::differences(expected, found);
            assert!(differences.is_empty(), "{directory}: {}: {differences:#?}", name(expected));
        }
    }
}

/// By the project's own folder: there is no second copy.
#[test]
fn the_chart_brings_the_crds() {
    assert_crds(&helm_with_crds("{}"));
    assert!(fs::symlink_metadata("deploy/helm/ingora/crds").unwrap().is_symlink());
}

#[test]
fn the_chart_is_of_the_projects_version() {
    let chart = yaml(&fs::read_to_string("deploy/helm/ingora/Chart.yaml").unwrap());
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn values_reach_the_objects() {
    for (values, kind, expected) in [
        ("deployment: {replicas: 5}", "Deployment", vec![("/spec/replicas", json!(5))]),
        (
            "deployment: {kind: DaemonSet}\nupdateStrategy: {type: OnDelete, rollingUpdate: null}",
            "DaemonSet",
            vec![("/spec/replicas", Value::Null), ("/spec/updateStrategy", json!({"type": "OnDelete"}))],
        ),
        (
            "image: {registry: \"registry.example:5000\", repository: team/ingora, tag: \"1.2\", pullPolicy: Always}",
            "Deployment",
            vec![
                ("/spec/template/spec/containers/0/image", json!("registry.example:5000/team/ingora:1.2")),
                ("/spec/template/spec/containers/0/imagePullPolicy", json!("Always")),
            ],
        ),
        (
            "image: {tag: \"sha256:abcd\"}",
            "Deployment",
            vec![("/spec/template/spec/containers/0/image", json!("ingora@sha256:abcd"))],
        ),
        (
            "deployment: {podAnnotations: {a: b}, podLabels: {c: d}, imagePullSecrets: [{name: s}]}\n\
             nodeSelector: {disk: ssd}\npriorityClassName: high\ntolerations: [{operator: Exists}]\n\
             topologySpreadConstraints: []\naffinity: {podAntiAffinity: {}}",
            "Deployment",
            vec![
                ("/spec/template/metadata/annotations/a", json!("b")),
                ("/spec/template/metadata/labels/c", json!("d")),
                ("/spec/template/spec/imagePullSecrets", json!([{"name": "s"}])),
                ("/spec/template/spec/nodeSelector", json!({"disk": "ssd"})),
                ("/spec/template/spec/priorityClassName", json!("high")),
                ("/spec/template/spec/tolerations", json!([{"operator": "Exists"}])),
                ("/spec/template/spec/topologySpreadConstraints", json!([])),
                ("/spec/template/spec/affinity", json!({"podAntiAffinity": {}})),
            ],
        ),
        (
            "env: [{name: A, value: b}]\nadditionalVolumeMounts: [{name: ca, mountPath: /ca}]\n\
             deployment: {additionalVolumes: [{name: ca, secret: {secretName: ca}}]}",
            "Deployment",
            vec![
                ("/spec/template/spec/containers/0/env/3", json!({"name": "A", "value": "b"})),
                ("/spec/template/spec/containers/0/volumeMounts/2", json!({"name": "ca", "mountPath": "/ca"})),
                ("/spec/template/spec/volumes/2", json!({"name": "ca", "secret": {"secretName": "ca"}})),
            ],
        ),
        (
            "ports: {web: {nodePort: 30080}, websecure: {expose: {default: false}}, dns: {port: 5353, expose: true, \
             protocol: UDP, exposedPort: 53}}\nservice: {type: NodePort, annotations: {a: b}, spec: \
             {externalTrafficPolicy: Local}, loadBalancerSourceRanges: [10.0.0.0/8]}",
            "Service",
            vec![
                (
                    "/spec/ports",
                    json!([
                        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
                        {"name": "web", "port": 80, "targetPort": "web", "protocol": "TCP", "nodePort": 30080},
                    ]),
                ),
                ("/spec/type", json!("NodePort")),
                ("/spec/externalTrafficPolicy", json!("Local")),
                ("/spec/loadBalancerSourceRanges", json!(["10.0.0.0/8"])),
                ("/metadata/annotations", json!({"a": "b"})),
            ],
        ),
        (
            "podDisruptionBudget: {minAvailable: 50%}",
            "PodDisruptionBudget",
            vec![("/spec/minAvailable", json!("50%")), ("/spec/maxUnavailable", Value::Null)],
        ),
        (
            "autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 30, behavior: {scaleDown: {}}}",
            "HorizontalPodAutoscaler",
            vec![
                ("/spec/minReplicas", json!(3)),
                ("/spec/maxReplicas", json!(30)),
                ("/spec/behavior", json!({"scaleDown": {}})),
            ],
        ),
        ("serviceAccountAnnotations: {a: b}", "ServiceAccount", vec![("/metadata/annotations", json!({"a": "b"}))]),
        ("commonLabels: {team: edge}", "ConfigMap", vec![("/metadata/labels/team", json!("edge"))]),
        ("fullnameOverride: edge", "Deployment", vec![("/metadata/name", json!("edge"))]),
        ("nameOverride: edge", "Deployment", vec![("/metadata/name", json!("ingora-edge"))]),
        (
            "extraObjects: [{apiVersion: v1, kind: Secret, metadata: {name: \"{{ .Release.Name }}-x\"}}]",
            "Secret",
            vec![("/metadata/name", json!("ingora-x"))],
        ),
    ] {
        let objects = helm(values).unwrap_or_else(|e| panic!("{values}\n{e}"));
        let object = objects.only(kind);
        for (pointer, value) in expected {
            let found = object.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(*found, value, "{values}\n{kind}{pointer}");
        }
    }
}

#[test]
fn what_is_off_is_not_there() {
    for (values, kind) in [
        ("{}", "HorizontalPodAutoscaler"),
        ("podDisruptionBudget: {enabled: false}", "PodDisruptionBudget"),
        ("service: {enabled: false}", "Service"),
        ("rbac: {namespaced: true}", "ClusterRole"),
    ] {
        let objects = helm(values).unwrap();
        assert_eq!(objects.of(kind).count(), 0, "{values}");
    }
}

/// Pods can't bind low ports by a capability alone, as they aren't root: the kernel's limit goes for the pod, too.
#[test]
fn a_low_port_brings_the_right_to_bind_it() {
    let pod = pod(&helm("ports: {web: {port: 80}}").unwrap(), "Deployment");
    let capabilities = json!({"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]});
    assert_eq!(pod["spec"]["containers"][0]["securityContext"]["capabilities"], capabilities);
    let sysctls = json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]);
    assert_eq!(pod["spec"]["securityContext"]["sysctls"], sysctls);
    assert_eq!(pod["spec"]["securityContext"]["runAsNonRoot"], true);
}

#[test]
fn values_reach_the_configuration() {
    // Beside what every release has.
    let base = "
entryPoints:
  traefik: {address: ':8080', transport: {lifeCycle: {requestAcceptGraceTimeout: 10s, graceTimeOut: 30s}}}
  web: {address: ':8000', transport: {lifeCycle: {requestAcceptGraceTimeout: 10s, graceTimeOut: 30s}}}
  websecure:
    address: ':8443'
    transport: {lifeCycle: {requestAcceptGraceTimeout: 10s, graceTimeOut: 30s}}
    http: {tls: {}}
providers: {kubernetesCRD: {}}
ping: {}
metrics: {prometheus: {}}
";
    for (values, expected) in [
        ("{}", "{}"),
        (
            "ports: {web: {http: {redirections: {entryPoint: {to: websecure}}}}}",
            "entryPoints: {web: {http: {redirections: {entryPoint: {to: ':443'}}}}}",
        ),
        // As in older versions of Traefik's chart.
        (
            "ports: {web: {redirections: {entryPoint: {to: websecure, permanent: false}}, expose: true}}",
            "entryPoints: {web: {http: {redirections: {entryPoint: {to: ':443', permanent: false}}}}}",
        ),
        (
            "ports: {websecure: {tls: {enabled: true, options: a-b@kubernetescrd}, middlewares: [a-c@kubernetescrd]}}",
            "entryPoints: {websecure: {http: {tls: {options: a-b@kubernetescrd}, middlewares: [a-c@kubernetescrd]}}}",
        ),
        ("ports: {websecure: {http: {tls: {enabled: false}}}}", "entryPoints: {websecure: {http: {tls: null}}}"),
        (
            "ports: {web: {forwardedHeaders: {trustedIPs: [10.0.0.0/8]}, proxyProtocol: {trustedIPs: [10.0.0.1]}}}",
            "entryPoints: {web: {forwardedHeaders: {trustedIPs: [10.0.0.0/8]}, proxyProtocol: {trustedIPs: [10.0.0.1]}}}",
        ),
        (
            "ports: {dns: {port: 5353, protocol: UDP, udp: {timeout: 5s}}}",
            "entryPoints: {dns: {address: ':5353/udp', udp: {timeout: 5s}}}",
        ),
        ("ports: {websecure: null}", "entryPoints: {websecure: null}"),
        (
            "providers: {kubernetesCRD: {enabled: true, namespaces: [a, b], ingressClass: edge, allowCrossNamespace: true, \
             labelSelector: 'a=b', crossProviderNamespaces: []}}",
            "providers: {kubernetesCRD: {namespaces: [a, b], ingressClass: edge, allowCrossNamespace: true, \
             labelSelector: 'a=b', crossProviderNamespaces: []}}",
        ),
        (
            "rbac: {namespaced: true}",
            "providers: {kubernetesCRD: {namespaces: [ingora], disableClusterScopeResources: true}}",
        ),
        // Releases of one namespace don't wait for each other's writer.
        ("fullnameOverride: edge", "providers: {kubernetesCRD: {feedback: {leaseName: edge}}}"),
        (
            "providers: {kubernetesCRD: {feedback: {events: false, leaseName: x}}}",
            "providers: {kubernetesCRD: {feedback: {events: false, leaseName: x}}}",
        ),
        ("core: {defaultRuleSyntax: v2}", "core: {defaultRuleSyntax: v2}"),
        ("logs: {general: {level: DEBUG, format: json}}", "log: {level: DEBUG, format: json}"),
        (
            "logs: {access: {enabled: true, format: json, filters: {statuscodes: '404,500-599', retryattempts: true, \
             minduration: 10ms}, fields: {general: {defaultmode: drop, names: {ClientUsername: redact}}, \
             headers: {defaultmode: keep, names: {Authorization: drop}}}}}",
            "accessLog: {format: json, filters: {statusCodes: ['404', 500-599], retryAttempts: true, minDuration: 10ms}, \
             fields: {defaultMode: drop, names: {ClientUsername: redact}, \
             headers: {defaultMode: keep, names: {Authorization: drop}}}}",
        ),
        ("logs: {access: {enabled: true}}", "accessLog: {}"),
        (
            "metrics: {prometheus: {buckets: '0.1,0.5', addRoutersLabels: true, headerLabels: {a: X-A}}}",
            "metrics: {prometheus: {buckets: [0.1, 0.5], addRoutersLabels: true, headerLabels: {a: X-A}}}",
        ),
        ("metrics: {prometheus: {enabled: false}}", "metrics: null"),
        (
            "config: {threads: 3, entryPoints: {web: {http: {maxHeaderBytes: 4096}}}}",
            "{threads: 3, entryPoints: {web: {http: {maxHeaderBytes: 4096}}}}",
        ),
    ] {
        let mut whole = yaml(base);
        overlay(&mut whole, yaml(expected));
        let expected = Config::from_yaml(&serde_yaml::to_string(&whole).unwrap()).unwrap();
        let found = config(&helm(values).unwrap_or_else(|e| panic!("{values}\n{e}")));
        assert!(found == expected, "{values}\nshould be {expected:#?}\nis {found:#?}");
    }
}

/// Lays one value over another; null removes.
fn overlay(base: &mut Value, more: Value) {
    match (base, more) {
        (Value::Object(base), Value::Object(more)) => {
            for (key, value) in more {
                if value.is_null() {
                    base.remove(&key);
                } else {
                    overlay(base.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (base, more) => *base = more,
    }
}

/// Pods read the configuration when they start.
#[test]
fn a_new_configuration_starts_new_pods() {
    let template = |values: &str| pod(&helm(values).unwrap(), "Deployment");
    assert_eq!(template("{}"), template("service: {annotations: {a: b}}"));
    assert_ne!(template("{}"), template("logs: {general: {level: WARN}}"));
    let volume = |directory| pod(&kustomize(directory), "Deployment")["spec"]["volumes"][0]["configMap"].clone();
    assert_ne!(volume("deploy/base"), volume("deploy/namespaced"));
}

#[test]
fn the_notes_say_what_to_look_at() {
    let text = notes("rbac: {namespaced: true}\ndeployment: {replicas: 1}");
    for part in
        ["Image: ingora:", "-n ingora logs deployment/ingora", "It watches ingora only", "deployment.replicas=1"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let text = notes("{}");
    assert!(!text.contains("It watches") && !text.contains("Warning"), "{text}");
}
