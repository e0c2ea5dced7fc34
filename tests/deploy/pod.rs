//! A pod of the Deployment, run as a kubelet would: the image's root, the container's arguments, environment, user and
//! mounts, the account's token where pods find it; and its probes asked.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use super::Objects;
use super::root::{Root, Running, get};
use crate::support::Cluster;

/// Where pods find who they are.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub struct Pod {
    pub running: Running,
    container: Value,
}

// === impl Pod ===

impl Pod {
    /// Starts it; in a network namespace of a test, where its ports are free.
    pub async fn start(objects: &Objects, cluster: &Cluster) -> Pod {
        let deployment = objects.only("Deployment");
        let namespace = deployment["metadata"]["namespace"].as_str().unwrap();
        let spec = &deployment["spec"]["template"]["spec"];
        let container = spec["containers"][0].clone();

        let root = Root::lay_out();
        for mount in container["volumeMounts"].as_array().unwrap() {
            let path = mount["mountPath"].as_str().unwrap();
            let volume = spec["volumes"].as_array().unwrap().iter().find(|v| v["name"] == mount["name"]).unwrap();
            match volume["configMap"]["name"].as_str() {
                Some(name) => {
                    let map = objects.of("ConfigMap").find(|map| map["metadata"]["name"] == name).unwrap();
                    for (file, text) in map["data"].as_object().unwrap() {
                        root.write(format!("{path}/{file}"), text.as_str().unwrap());
                    }
                }
                // The image has the directory.
                None => assert!(volume["emptyDir"].is_object() && root.path(path).is_dir(), "{volume}"),
            }
        }
        let account = cluster.existing_account(namespace, spec["serviceAccountName"].as_str().unwrap()).await;
        root.write(format!("{ACCOUNT}/token"), &account.token);
        root.write(format!("{ACCOUNT}/namespace"), namespace);
        root.write(format!("{ACCOUNT}/ca.crt"), &fs::read_to_string(cluster.authority()).unwrap());
        root.write("/etc/hosts", "127.0.0.1 localhost kubernetes.default.svc\n");

        let user = &spec["securityContext"];
        let mut command = root.command(user["runAsUser"].as_u64().unwrap(), user["runAsGroup"].as_u64().unwrap());
        command.args(container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()));
        let url = cluster.url();
        let (host, port) = url.trim_start_matches("https://").split_once(':').unwrap();
        command.env("KUBERNETES_SERVICE_HOST", host).env("KUBERNETES_SERVICE_PORT", port);
        for variable in container["env"].as_array().unwrap() {
            let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str().unwrap() {
                "metadata.name" => "ingora-0",
                "metadata.namespace" => namespace,
                "spec.nodeName" => "node-0",
                other => panic!("{other}"),
            };
            command.env(variable["name"].as_str().unwrap(), value);
        }
        Pod { running: Running::start(command, root), container }
    }

    /// The address of a port, by its name.
    pub fn address(&self, port: &str) -> SocketAddr {
        let ports = self.container["ports"].as_array().unwrap();
        let port = ports.iter().find(|p| p["name"] == port).unwrap();
        SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port["containerPort"].as_u64().unwrap()).unwrap()))
    }

    /// What a probe of the container gets; none where nobody answers.
    pub async fn probe(&self, name: &str) -> Option<u16> {
        let asked = &self.container[name]["httpGet"];
        get(self.address(asked["port"].as_str().unwrap()), asked["path"].as_str().unwrap()).await
    }

    pub async fn until_ready(&self) {
        self.running.until("the readiness probe", async || self.probe("readinessProbe").await == Some(200)).await;
    }

    pub fn log(&self) -> String {
        self.running.log()
    }
}
