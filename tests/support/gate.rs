//! A gate that requests wait at: tests see them arrive, and let them through.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::within;

#[derive(Clone)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

// === impl Gate ===

impl Gate {
    pub fn new() -> Self {
        Gate { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// For the backend: says that a request is here, and waits until it may go on.
    pub async fn pass(&self) {
        self.arrived.add_permits(1);
        if let Ok(permit) = self.open.acquire().await {
            permit.forget();
        }
    }

    /// For the backend: says that something happened.
    pub fn ring(&self) {
        self.arrived.add_permits(1);
    }

    /// For the test: waits until a request is here.
    pub async fn arrived(&self) {
        within("a request at the gate", self.arrived.acquire()).await.unwrap().forget();
    }

    /// For the test: lets one request through.
    pub fn open(&self) {
        self.open.add_permits(1);
    }
}
