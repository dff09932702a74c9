//! What is done again and again until the node ends, and how long is waited for what does not work yet.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::seams::Clock;
use kalends_store::StoreError;

/// The first and the longest wait between two tries of the same thing.
const WAIT_FIRST: SignedDuration = SignedDuration::from_secs(30);
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(4);
/// Doubling stops here, far beyond the longest wait.
const DOUBLINGS_MAX: u32 = 16;

/// Tells a round that the node is about to end: it finishes what it is at, and begins nothing more.
#[derive(Debug, Default)]
pub(crate) struct Ending(AtomicBool);

impl Ending {
    /// Whether it is near.
    pub(crate) fn is_near(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Does a round, sleeps, and so on until told to stop. A round that fails is told of, as `what`, and is no reason to stop.
pub(crate) async fn repeat(
    (what, every): (&str, Duration),
    clock: &dyn Clock,
    stop: impl Future<Output = ()>,
    round: impl AsyncFn(&Ending) -> Result<(), StoreError>,
) {
    let ending = Ending::default();
    let mut stop = pin!(stop);
    loop {
        let done = match select(&mut stop, Box::pin(round(&ending))).await {
            Either::Left(((), under_way)) => {
                ending.0.store(true, Ordering::Relaxed);
                under_way.await
            }
            Either::Right((done, _)) => done,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "{what}");
        }
        if ending.is_near() {
            return;
        }
        match select(&mut stop, clock.sleep(every)).await {
            Either::Left(_) => return,
            Either::Right(_) => {}
        }
    }
}

/// When to try again what failed after so many failures before: each wait is twice the one before.
pub(crate) fn retry_at(now: Timestamp, failed_before: i64) -> Timestamp {
    let doublings = u32::try_from(failed_before).unwrap_or(0).min(DOUBLINGS_MAX);
    let wait = WAIT_FIRST
        .checked_mul(1 << doublings)
        .unwrap_or(WAIT_MAX)
        .min(WAIT_MAX);
    later(now, wait)
}

/// A time so much later; the end of time where that would be beyond it.
pub(crate) fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;
    use crate::seams::SystemClock;

    #[tokio::test]
    async fn a_round_that_is_under_way_when_the_node_ends_is_finished_and_none_follows() {
        let stop = Notify::new();
        let (begun, finished) = (Cell::new(0), Cell::new(0));
        let round = async |ending: &Ending| {
            begun.set(begun.get() + 1);
            assert!(!ending.is_near());
            stop.notify_one();
            while !ending.is_near() {
                tokio::task::yield_now().await;
            }
            finished.set(finished.get() + 1);
            Ok(())
        };
        repeat(("", Duration::ZERO), &SystemClock, stop.notified(), round).await;
        assert_eq!((begun.get(), finished.get()), (1, 1));
    }

    #[test]
    fn waits_double_up_to_four_hours() {
        let waited = |failed| retry_at(Timestamp::UNIX_EPOCH, failed).as_second();
        let all: Vec<i64> = [0, 1, 2, 8, 9, 10, 99, i64::MAX].map(waited).into();
        assert_eq!(
            all,
            [30, 60, 120, 7_680, 14_400, 14_400, 14_400, 30],
            "a count that makes no sense counts as none"
        );
    }
}
