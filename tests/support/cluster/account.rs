//! Who the gateway is in a cluster: a ServiceAccount with a token and with rights.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::Cluster;

/// A ServiceAccount, by its token.
pub struct Account {
    pub token: String,
}

// === impl Cluster ===

impl Cluster {
    /// An account that may read everything that ingora reads, and write what it writes, everywhere.
    pub async fn account(&self) -> Account {
        let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
        let rules = json!([
            rule(&["traefik.io", "traefik.containo.us"], &["*"], &["list", "watch", "patch"]),
            rule(&[""], &["services", "secrets", "configmaps", "nodes"], &["list", "watch"]),
            rule(&["discovery.k8s.io"], &["endpointslices"], &["list", "watch"]),
            rule(&["events.k8s.io"], &["events"], &["create", "patch"]),
            rule(&["coordination.k8s.io"], &["leases"], &["get", "create", "update"]),
        ]);
        self.account_with("ingora", &rules).await
    }

    /// An account with these rules of a ClusterRole.
    pub async fn account_with(&self, name: &str, rules: &Value) -> Account {
        let metadata = json!({"name": name, "namespace": "default"});
        self.object(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})).await;
        self.permit(name, rules).await;
        self.object(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
        }))
        .await;
        self.existing_account("default", name).await
    }

    /// Replaces the rules of an account made by `account_with`.
    pub async fn permit(&self, name: &str, rules: &Value) {
        self.object(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules,
        }))
        .await;
    }

    /// A token of an account that is there.
    pub async fn existing_account(&self, namespace: &str, name: &str) -> Account {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec { expiration_seconds: Some(3600), ..Default::default() }),
            ..Default::default()
        };
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await.unwrap();
        Account { token: answer.status.unwrap().token.unwrap() }
    }

    async fn object(&self, object: Value) {
        self.apply_one(&object).await.unwrap_or_else(|e| panic!("{e}\n{object}"));
    }
}
