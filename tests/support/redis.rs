//! A Redis server of a test's own (Debian's `redis-server`), on a free port; ended when dropped.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{PATIENCE, Wire, ports};

pub struct Redis {
    child: Child,
    pub address: SocketAddr,
    _directory: TempDir,
}

// === impl Redis ===

impl Redis {
    pub async fn start() -> Redis {
        Redis::at(ports::free(), &[]).await
    }

    /// With more arguments; `{port}` is the port that it is to listen on.
    pub async fn with(arguments: &[&str]) -> Redis {
        Redis::at(ports::free(), arguments).await
    }

    /// On this address.
    pub async fn at(address: SocketAddr, arguments: &[&str]) -> Redis {
        let directory = TempDir::new().unwrap();
        let port = address.port().to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(directory.path())
            .args(arguments.iter().map(|argument| argument.replace("{port}", &port)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("redis-server can't be started ({e}): .ci/deps names its package"));
        let redis = Redis { child, address, _directory: directory };
        let start = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            assert!(start.elapsed() < PATIENCE, "redis-server does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        redis
    }

    /// What a command without spaces in its words is answered with, on a line.
    pub async fn say(&self, command: &str) -> String {
        let mut wire = Wire::connect(self.address).await;
        wire.send(format!("{command}\r\nQUIT\r\n")).await.unwrap();
        String::from_utf8(wire.rest().await.unwrap().to_vec()).unwrap().replace("\r\n", " ")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
