//! What an account may be asked, as the composition root counts it for all nodes.

use async_trait::async_trait;
use jiff::Timestamp;

/// The budget of one account's requests.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Counts a request that is about to be sent. Never refuses one: what a call has begun it must be able to finish.
    async fn spend(&self, units: i64);

    /// Until when the account is to rest, where more was spent than there is.
    fn overdrawn_until(&self) -> Option<Timestamp>;
}

/// No budget at all.
pub struct Unlimited;

#[async_trait]
impl Budget for Unlimited {
    async fn spend(&self, _: i64) {}

    fn overdrawn_until(&self) -> Option<Timestamp> {
        None
    }
}
