//! A clock that is moved by hand, ids that count, and chance that is always even.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use kalends_calendar::seams::{Clock, Entropy, Ids};
use uuid::Uuid;

/// Clock, ids and chance.
pub(crate) struct Seams {
    pub(crate) second: AtomicI64,
    pub(crate) next: AtomicU64,
}

impl Clock for Seams {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second.load(Ordering::Relaxed)).unwrap()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

impl Ids for Seams {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Entropy for Seams {
    fn below(&self, bound: u64) -> u64 {
        bound / 2
    }
}
