//! Time, identity and chance as parameters: the simulation owns all three.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// What time it is, and waiting.
pub trait Clock: Send + Sync {
    /// Now, to the microsecond (what both databases keep).
    fn now(&self) -> Timestamp;

    /// Waits. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Where new identifiers come from.
pub trait Ids: Send + Sync {
    /// A new identifier, never given before. Sortable by time where the source allows (UUID version 7).
    fn next(&self) -> Uuid;
}

/// Where chance comes from (jitter; never keys).
pub trait Entropy: Send + Sync {
    /// An evenly distributed number below `bound`, which is not zero.
    fn below(&self, bound: u64) -> u64;
}
