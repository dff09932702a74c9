//! Counting what goes over the wire, for progress and benchmarks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::{Request, Response, Transport, TransportError};

/// A transport that counts what another one sends.
pub struct Metered {
    inner: Arc<dyn Transport>,
    requests: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// What went over a transport since it was made. Bytes are those of bodies, decompressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests, each redirect hop counted.
    pub requests: u64,
    /// Bytes of request bodies.
    pub bytes_sent: u64,
    /// Bytes of answer bodies.
    pub bytes_received: u64,
}

impl Metered {
    /// Counts what `inner` sends.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self {
            inner,
            requests: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
        }
    }

    /// What was sent so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
        }
    }
}

#[async_trait]
impl Transport for Metered {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_sent
            .fetch_add(request.body.len() as u64, Ordering::Relaxed);
        let response = self.inner.send(request).await?;
        self.bytes_received
            .fetch_add(response.body.len() as u64, Ordering::Relaxed);
        Ok(response)
    }
}
