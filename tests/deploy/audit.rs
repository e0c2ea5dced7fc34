//! What an account asked an API server for, as the server's audit log has it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::rights::Right;

const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
";

/// The log, and the policy that fills it.
pub struct Audit(TempDir);

/// A request that needs a right.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// What it takes, to the object and its namespace.
    pub right: Right,
    /// Whether it was allowed.
    pub allowed: bool,
}

// === impl Audit ===

impl Audit {
    pub fn new() -> Audit {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("policy.yaml"), POLICY).unwrap();
        Audit(directory)
    }

    /// What the API server is to be started with.
    pub fn arguments(&self) -> [String; 2] {
        let path = |name: &str| self.0.path().join(name).to_str().unwrap().to_owned();
        [format!("--audit-policy-file={}", path("policy.yaml")), format!("--audit-log-path={}", path("log"))]
    }

    /// What an account asked for of resources; what everybody may ask isn't among it.
    pub fn requests(&self, namespace: &str, account: &str) -> BTreeSet<Request> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let log = fs::read_to_string(self.0.path().join("log")).unwrap_or_default();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["user"]["username"] == *user).filter_map(|entry| request(&entry)).collect()
    }
}

fn request(entry: &Value) -> Option<Request> {
    let object = entry["objectRef"].as_object()?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut resource = text("resource")?;
    if let Some(part) = text("subresource") {
        resource = format!("{resource}/{part}");
    }
    let right = Right {
        group: text("apiGroup").unwrap_or_default(),
        resource,
        name: text("name"),
        verb: entry["verb"].as_str()?.to_owned(),
        namespace: text("namespace"),
    };
    Some(Request { right, allowed: entry["annotations"]["authorization.k8s.io/decision"] == "allow" })
}

// === impl Right ===

impl Right {
    /// Whether it allows a request.
    pub fn allows(&self, request: &Right) -> bool {
        let same = |right: &Option<String>, request: &Option<String>| right.is_none() || right == request;
        self.group == request.group
            && self.resource == request.resource
            && self.verb == request.verb
            && same(&self.name, &request.name)
            && same(&self.namespace, &request.namespace)
    }
}
