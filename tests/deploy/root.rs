//! The image's root in a directory, laid out by the same script that lays out the image's, and commands in it: with the
//! image's user, and nothing outside of the directory to be seen.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::tools::ROOT;
use crate::support::Wire;
use crate::support::gateway::{binary, signal};

/// How long what must come may take: an API server may have to come up meanwhile, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// The directory, with the binary of these tests.
pub struct Root(TempDir);

/// A command in a root, with its log; killed when dropped.
pub struct Running {
    child: Child,
    root: Root,
}

// === impl Root ===

impl Root {
    pub fn lay_out() -> Root {
        let root = Root(TempDir::new().unwrap());
        // For all users, as an image's is.
        fs::set_permissions(root.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let mut script = Command::new("deploy/root.sh");
        let laid = script.arg(binary()).arg(root.0.path()).current_dir(ROOT).output().unwrap();
        assert!(laid.status.success(), "deploy/root.sh: {}", String::from_utf8_lossy(&laid.stderr));
        root
    }

    /// Where a path of the image is.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        self.0.path().join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Writes a file of the image.
    pub fn write(&self, inside: impl AsRef<Path>, content: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The binary, as that user and group. The process is the binary's own: what is sent to it reaches it.
    pub fn command(&self, user: u64, group: u64) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--user", &format!("--map-user={user}"), &format!("--map-group={group}")]);
        command.arg("--root").arg(self.0.path()).arg("/ingora").env_clear();
        command
    }

    /// Its files, by paths from the root.
    pub fn files(&self) -> BTreeSet<String> {
        let output = Command::new("find").args([".", "!", "-type", "d"]).current_dir(self.0.path()).output().unwrap();
        let list = String::from_utf8(output.stdout).unwrap();
        list.lines().map(|line| line.trim_start_matches('.').to_owned()).collect()
    }
}

// === impl Running ===

impl Running {
    pub fn start(mut command: Command, root: Root) -> Running {
        let log = File::create(root.path("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Running { child, root }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.root.path("log")).unwrap_or_default()
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for what must come.
    pub async fn until(&self, what: &str, mut come: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        while !come().await {
            assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}; the log:\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status of a GET; none where nobody answers.
pub async fn get(address: SocketAddr, path: &str) -> Option<u16> {
    let mut wire = Wire::new(TcpStream::connect(address).await.ok()?);
    wire.send(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")).await.ok()?;
    Some(wire.reply().await.ok()?.status())
}
