//! The real clock, identifiers and chance: the only place in the program that asks the machine for them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use kalends_calendar::seams::{Clock, Entropy, Ids};
use kalends_engine::Bell;
use tokio::sync::Notify;
use uuid::Uuid;

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others take as a parameter"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Both databases keep microseconds. Cut, not rounded: what is now must not lie ahead.
        let options = jiff::TimestampRound::new()
            .smallest(Unit::Microsecond)
            .mode(jiff::RoundMode::Trunc);
        now.round(options).unwrap_or(now)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// UUIDs of version 7: sortable by time, as good as random otherwise.
pub(crate) struct TimedIds;

impl Ids for TimedIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "these are the ids that others take as a parameter"
    )]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The system's randomness, for jitter.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn below(&self, bound: u64) -> u64 {
        // Without randomness the wait is the longest one, which is safe.
        let word = getrandom::u64().unwrap_or(u64::MAX);
        // Multiply and keep the high half: even enough for jitter, and never out of bounds.
        let scaled = (u128::from(word) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or_default()
    }
}

/// Heard by every worker of this process.
#[derive(Default)]
pub(crate) struct Gong(Arc<Notify>);

impl Bell for Gong {
    fn ring(&self) {
        self.0.notify_waiters();
    }

    fn next_ring(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // It hears a ring from here on, not from its first poll.
        Box::pin(Arc::clone(&self.0).notified_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_is_heard_by_all_who_listened_before_it_and_by_nobody_else() {
        let gong = Gong::default();
        let (one, other) = (gong.next_ring(), gong.next_ring());
        gong.ring();
        one.await;
        other.await;
        let later = gong.next_ring();
        assert!(futures_util::FutureExt::now_or_never(later).is_none());
    }

    #[test]
    fn now_is_in_whole_microseconds_and_chance_stays_below_its_bound() {
        assert_eq!(SystemClock.now().subsec_nanosecond() % 1_000, 0);
        assert!((0..1_000).all(|_| SystemEntropy.below(7) < 7));
        assert_eq!(SystemEntropy.below(1), 0);
    }
}
