//! Time, identity and chance for the engine, all owned by the simulation.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::seams::{Clock, Entropy, Ids};
use kalends_sandbox::Chance;
use uuid::Uuid;

use crate::baton::Baton;

/// A node looks for due work every two seconds while it has nothing to do. Here it looks less often: each look costs more
/// than all that happens in between, and a slow node is as good as a fast one.
const SHORT: Duration = Duration::from_secs(2);

/// How long a short sleep may take, in milliseconds.
const SHORT_SLEEP_MS: std::ops::Range<i64> = 2_000..45_000;

/// A stream of chance that tasks share.
pub(crate) struct Lots(Mutex<Chance>);

impl Lots {
    pub(crate) fn new(chance: Chance) -> Arc<Self> {
        Arc::new(Self(Mutex::new(chance)))
    }

    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Chance) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A length of time, evenly between two numbers of milliseconds.
    pub(crate) fn length(&self, ms: std::ops::Range<i64>) -> Duration {
        let drawn = self.draw(|chance| chance.within(ms));
        Duration::from_millis(u64::try_from(drawn).unwrap_or(0))
    }
}

/// A node's clock: the simulation's, a little wrong.
pub(crate) struct NodeClock {
    pub(crate) baton: Arc<Baton>,
    pub(crate) wrong_by: SignedDuration,
    pub(crate) lots: Arc<Lots>,
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let now = self.baton.now();
        now.checked_add(self.wrong_by).unwrap_or(now)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let length = if duration <= SHORT {
            self.lots.length(SHORT_SLEEP_MS)
        } else {
            duration
        };
        Box::pin(self.baton.pause(length))
    }
}

/// Identifiers that follow from the seed.
pub(crate) struct NodeIds(pub(crate) Arc<Lots>);

impl Ids for NodeIds {
    fn next(&self) -> Uuid {
        let (high, low) = self.0.draw(|chance| (chance.next(), chance.next()));
        uuid::Builder::from_u128((u128::from(high) << 64) | u128::from(low))
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
    }
}

/// Jitter that follows from the seed.
pub(crate) struct NodeEntropy(pub(crate) Arc<Lots>);

impl Entropy for NodeEntropy {
    fn below(&self, bound: u64) -> u64 {
        self.0.draw(|chance| chance.below(bound))
    }
}
