//! How the Kubernetes API is reached: the given endpoint, the cluster that this runs in, or a kubeconfig.
//! Read before anything serves, so that a mistake ends the start with a sentence.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use kube::config::{AuthInfo, KubeConfigOptions};

/// For a connection to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A service account's token, which the kubelet keeps fresh; the client reads it again every minute.
const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// The authority of the API server, beside the token.
const CA_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// Where the Kubernetes API is, and who asks it.
#[derive(Clone)]
pub struct Access(kube::Config);

/// Why no cluster can be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The given endpoint is no URL.
    #[error("endpoint: {given:?} is no URL ({source}): write https://HOST:PORT")]
    Endpoint {
        /// What was given.
        given: String,
        /// What is wrong with it.
        source: http::uri::InvalidUri,
    },
    /// The given authority can't be read.
    #[error("certAuthFilePath: {path}: {source}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing says where the cluster is.
    #[error(
        "no endpoint is given, this is no pod of a cluster, and no kubeconfig was found ({0}): set endpoint, or KUBECONFIG"
    )]
    Nowhere(String),
    /// What this pod knows of its cluster is unusable.
    #[error("the service account of this pod: {0}")]
    InCluster(#[from] kube::config::InClusterError),
    /// The client can't be made of it.
    #[error(transparent)]
    Client(#[from] kube::Error),
}

// === impl Access ===

impl Access {
    /// From `endpoint`, where there is one; else, in a pod, from its service account; else from `KUBECONFIG` or
    /// `~/.kube/config`. Source: Traefik's "Kubernetes CRD provider" reference, `endpoint`, `token`, `certAuthFilePath`.
    ///
    /// # Errors
    /// When none of them gives an address, or a file can't be read.
    pub async fn find(endpoint: &str, token: &str, authority: &str) -> Result<Self, Unreachable> {
        let in_cluster = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        let mut config = match (endpoint, in_cluster) {
            ("", true) => kube::Config::incluster()?,
            ("", false) => {
                let found = kube::Config::from_kubeconfig(&KubeConfigOptions::default()).await;
                found.map_err(|e| Unreachable::Nowhere(e.to_string()))?
            }
            (endpoint, _) => {
                let url = endpoint.parse();
                let url = url.map_err(|source| Unreachable::Endpoint { given: endpoint.to_owned(), source })?;
                kube::Config::new(url)
            }
        };
        if !endpoint.is_empty() && in_cluster {
            // As Traefik: another address of the same cluster, asked with the same account.
            let path = PathBuf::from(TOKEN_FILE);
            config.auth_info.token_file = path.exists().then(|| path.to_string_lossy().into_owned());
            config.root_cert_file = Some(PathBuf::from(CA_FILE)).filter(|path| path.exists());
        }
        if !token.is_empty() {
            config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
        }
        if !authority.is_empty() {
            let path = PathBuf::from(authority);
            std::fs::read(&path).map_err(|source| Unreachable::Authority { path: path.clone(), source })?;
            // As a file, so that a renewed one is read.
            (config.root_cert, config.root_cert_file) = (None, Some(path));
        }
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        Ok(Access(config))
    }

    /// The address that is asked.
    pub fn url(&self) -> &http::Uri {
        &self.0.cluster_url
    }

    /// A client; in a runtime only.
    ///
    /// # Errors
    /// When certificates or tokens are unusable.
    pub fn client(&self) -> Result<Client, Unreachable> {
        Ok(Client::try_from(self.0.clone())?)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Access").field(&self.0.cluster_url).finish()
    }
}
