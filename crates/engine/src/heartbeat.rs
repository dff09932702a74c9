//! Keeps a lease alive while something slow goes on, without a second task.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use kalends_store::{Lease, leases};

use crate::backoff::after;
use crate::{Engine, EngineError};

/// A lease is renewed this many times over its length, so that one lost renewal does not cost it.
const RENEWALS_PER_LEASE: u32 = 3;

impl Engine {
    /// Waits for `work`, renewing the lease before and meanwhile whenever a third of it is used up.
    ///
    /// The work rests while the lease is renewed: it must be a provider's answer, never hold a transaction of its own.
    pub(crate) async fn holding<T>(
        &self,
        lease: &Lease,
        renewed: &Renewed,
        work: impl Future<Output = T>,
    ) -> Result<T, EngineError> {
        let mut work = pin!(work);
        loop {
            let spent = self.clock.now().duration_since(renewed.at());
            let third = self.settings.lease_for / RENEWALS_PER_LEASE;
            let left = SignedDuration::try_from(third).unwrap_or(SignedDuration::MAX) - spent;
            if let Some(left) = Duration::try_from(left).ok().filter(|left| !left.is_zero()) {
                match select(work, self.clock.sleep(left)).await {
                    Either::Left((done, _)) => return Ok(done),
                    Either::Right(((), unfinished)) => work = unfinished,
                }
            } else {
                let now = self.clock.now();
                let until = after(now, self.settings.lease_for);
                leases::renew(&self.store, &mut lease.clone(), until).await?;
                renewed.note(now);
            }
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
