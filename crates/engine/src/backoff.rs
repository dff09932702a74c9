//! How long to wait after a failure: exponential with full jitter, and never less than the provider asked for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::seams::Entropy;

use crate::Settings;

/// Doubling stops here: 30 s doubled 20 times is a year, far beyond any sensible longest wait.
const DOUBLINGS_MAX: u32 = 20;

/// When to try again after the `failures`-th failure in a row (from 1). `asked` is the provider's `Retry-After`.
pub fn next_try(
    now: Timestamp,
    failures: u32,
    asked: Option<Timestamp>,
    settings: &Settings,
    entropy: &dyn Entropy,
) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    let ceiling = settings
        .backoff_first
        .saturating_mul(1 << doublings)
        .min(settings.backoff_max);
    let own = after(now, jitter(ceiling, entropy));
    asked.map_or(own, |asked| asked.max(own))
}

/// An even chance between a tenth of the wait and all of it: never at once, and never all at the same moment.
fn jitter(ceiling: Duration, entropy: &dyn Entropy) -> Duration {
    let ceiling_ms = u64::try_from(ceiling.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let floor_ms = ceiling_ms / 10;
    Duration::from_millis(floor_ms + entropy.below(ceiling_ms - floor_ms))
}

/// A time so much later; the end of time where that would be beyond it.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The next regular look: the interval, give or take a tenth, so that links made together drift apart.
pub(crate) fn next_poll(now: Timestamp, every: Duration, entropy: &dyn Entropy) -> Timestamp {
    let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(10);
    let spread_ms = every_ms / 5;
    after(
        now,
        Duration::from_millis(every_ms - every_ms / 10 + entropy.below(spread_ms.max(1))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u64);

    impl Entropy for Always {
        fn below(&self, bound: u64) -> u64 {
            self.0.min(bound - 1)
        }
    }

    fn wait_s(failures: u32, asked: Option<i64>, chance: u64) -> i64 {
        let at = |second| Timestamp::from_second(second).unwrap();
        next_try(
            at(1000),
            failures,
            asked.map(at),
            &Settings::default(),
            &Always(chance),
        )
        .as_second()
            - 1000
    }

    #[test]
    fn waits_double_and_stay_within_the_hour() {
        assert_eq!(
            [1, 2, 3, 9, 40].map(|failures| wait_s(failures, None, u64::MAX)),
            [29, 59, 119, 3599, 3599]
        );
        assert_eq!(wait_s(1, None, 0), 3);
    }

    #[test]
    fn the_provider_is_never_asked_before_it_said() {
        assert_eq!(wait_s(1, Some(8_000), 0), 7_000);
        assert_eq!(wait_s(1, Some(900), 0), 3);
    }
}
