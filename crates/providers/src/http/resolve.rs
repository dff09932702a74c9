//! The resolver behind the address guard: only addresses that it let through are ever connected to.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::Guard;

/// Resolves names with the system's resolver and drops what the guard refuses. Since the connection is made to the
/// very addresses answered here, a name that changes its mind between check and use gains nothing.
pub(super) struct GuardedResolver {
    pub(super) guard: Arc<Guard>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            let mut open: Vec<SocketAddr> = Vec::new();
            let mut refused = None;
            for socket in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match guard.address(name.as_str(), socket.ip()) {
                    Ok(()) => open.push(socket),
                    Err(refusal) => refused = Some(refusal),
                }
            }
            match refused {
                Some(refusal) if open.is_empty() => Err(refusal.into()),
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}
