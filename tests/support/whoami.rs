//! The whoami server of the binary: a process that can be killed, and started again in the same place.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::gateway::binary;
use super::{Backend, within};

pub struct Whoami {
    child: Child,
    pub backend: Backend,
}

// === impl Whoami ===

impl Whoami {
    /// Returns when it takes connections. Says `Name: <name>` in its answers.
    pub async fn start(name: &str, address: SocketAddr) -> Whoami {
        let child = Command::new(binary())
            .args(["whoami", "--name", name, "--http", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let whoami = Whoami { child, backend: Backend::at(address) };
        within("whoami", async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        whoami
    }

    /// Kills it at once: the kernel closes its socket and its connections.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Whoami {
    fn drop(&mut self) {
        self.kill();
    }
}
