//! How eager and how patient the engine is.

use std::time::Duration;

/// The engine's settings. The defaults suit an installation of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often a link looks at its remote side when nothing wakes it.
    pub poll_every: Duration,
    /// How often it looks though a channel tells it of changes: providers lose some of what they would tell.
    pub poll_every_with_push: Duration,
    /// How often a link lists everything and compares, because sync tokens of many servers are known to forget.
    pub full_listing_every: Duration,
    /// How long a lease lasts without renewal. A node that dies is replaced after this.
    pub lease_for: Duration,
    /// The first wait after a failure; it doubles from there, with full jitter.
    pub backoff_first: Duration,
    /// The longest wait after a failure.
    pub backoff_max: Duration,
    /// How many writes of one event through one link an hour may see before the loop breaker stops it.
    pub writes_per_event_per_hour: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_mins(5),
            poll_every_with_push: Duration::from_mins(30),
            full_listing_every: Duration::from_hours(24),
            lease_for: Duration::from_mins(1),
            backoff_first: Duration::from_secs(30),
            backoff_max: Duration::from_hours(1),
            writes_per_event_per_hour: 20,
        }
    }
}
