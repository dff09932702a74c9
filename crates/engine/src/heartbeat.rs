//! Keeps a lease alive while something slow goes on, without a second task.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use kalends_store::{Lease, leases};

use crate::backoff::after;
use crate::{Engine, EngineError};

/// A lease is renewed this many times over its length, so that one lost renewal does not cost it.
const RENEWALS_PER_LEASE: u32 = 3;

impl Engine {
    /// Waits for `work`, renewing the lease meanwhile.
    pub(crate) async fn holding<T>(
        &self,
        lease: &Lease,
        work: impl Future<Output = T>,
    ) -> Result<T, EngineError> {
        let mut lease = lease.clone();
        let mut work = pin!(work);
        loop {
            let pause = self
                .clock
                .sleep(self.settings.lease_for / RENEWALS_PER_LEASE);
            match select(work, pause).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right(((), unfinished)) => {
                    work = unfinished;
                    let until = after(self.clock.now(), self.settings.lease_for);
                    leases::renew(&self.store, &mut lease, until).await?;
                }
            }
        }
    }
}
