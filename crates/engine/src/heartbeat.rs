//! Keeps a lease alive while something slow goes on, without a second task.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use kalends_store::{Lease, leases};

use crate::backoff::after;
use crate::{Engine, EngineError};

/// A lease is renewed this many times over its length, so that one lost renewal does not cost it.
const RENEWALS_PER_LEASE: u32 = 3;

impl Engine {
    /// Waits for `work`, renewing the lease before and meanwhile when a third of it is used up.
    ///
    /// The renewal never waits alone: the work may hold a transaction that the renewal needs to see ended.
    pub(crate) async fn holding<T>(
        &self,
        lease: &Lease,
        renewed: &Renewed,
        work: impl Future<Output = T>,
    ) -> Result<T, EngineError> {
        let beat = pin!(async {
            loop {
                let spent = self.clock.now().duration_since(renewed.at());
                let third = self.settings.lease_for / RENEWALS_PER_LEASE;
                let left = SignedDuration::try_from(third).unwrap_or(SignedDuration::MAX) - spent;
                if let Ok(pause) = std::time::Duration::try_from(left)
                    && !pause.is_zero()
                {
                    self.clock.sleep(pause).await;
                    continue;
                }
                let mut lease = lease.clone();
                let now = self.clock.now();
                let until = after(now, self.settings.lease_for);
                if let Err(error) = leases::renew(&self.store, &mut lease, until).await {
                    return EngineError::from(error);
                }
                renewed.note(now);
            }
        });
        match select(pin!(work), beat).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right((lost, _)) => Err(lost),
        }
    }
}

/// When a lease was last renewed.
pub(crate) struct Renewed(std::sync::Mutex<Timestamp>);

impl Renewed {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self(std::sync::Mutex::new(at))
    }

    fn at(&self) -> Timestamp {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn note(&self, at: Timestamp) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = at;
    }
}
