//! Where the API server comes from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One process with etcd in it, or the two of Kubernetes' own test assets.
pub(super) enum Binary {
    Testkube(PathBuf),
    Assets(PathBuf),
}

// === impl Binary ===

impl Binary {
    pub(super) fn find() -> Binary {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        match std::env::var_os("KUBEBUILDER_ASSETS") {
            Some(assets) => Binary::Assets(assets.into()),
            None => Binary::Testkube(BUILT.get_or_init(build).clone()),
        }
    }

    pub(super) fn commands(&self, directory: &Path, arguments: &[String]) -> Vec<Command> {
        match self {
            Binary::Testkube(path) => {
                let mut command = Command::new(path);
                command.args(arguments).env("TESTKUBE_DATA", directory);
                vec![command]
            }
            Binary::Assets(assets) => {
                let mut etcd = Command::new(assets.join("etcd"));
                etcd.arg("--data-dir").arg(directory.join("data")).args([
                    "--listen-client-urls=http://127.0.0.1:2379",
                    "--advertise-client-urls=http://127.0.0.1:2379",
                    "--listen-peer-urls=http://127.0.0.1:2380",
                    "--unsafe-no-fsync",
                ]);
                let mut server = Command::new(assets.join("kube-apiserver"));
                server.args(arguments).arg("--etcd-servers=http://127.0.0.1:2379");
                vec![server, etcd]
            }
        }
    }
}

/// `make testkube`, which has nothing to do where it was done before.
fn build() -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = Path::new(root).join("target/testkube");
    if !path.exists() {
        let output = Command::new("make").args(["-C", root, "testkube"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the tests with a real API server need Go 1.26 (`make deps`), or KUBEBUILDER_ASSETS set to a folder with \
             kube-apiserver and etcd, or INGORA_SKIP_CLUSTER_TESTS=1 to go without them:\n{told}"
        );
    }
    path
}
