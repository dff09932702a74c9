//! `[sync]`: how eager and how patient the engine is.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::reference::Setting;
use super::{duration, env};

/// How many links are worked on at once by one `sync --watch` or `serve`.
const WORKERS: usize = 4;
/// More would only wait for the database.
const WORKERS_MAX: usize = 64;
/// A lease shorter than this could run out while one batch is being written.
const LEASE_MIN: Duration = Duration::from_secs(5);

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    #[serde(deserialize_with = "duration::optional")]
    poll_every: Option<Duration>,
    #[serde(deserialize_with = "duration::optional")]
    poll_every_with_push: Option<Duration>,
    #[serde(deserialize_with = "duration::optional")]
    full_listing_every: Option<Duration>,
    #[serde(deserialize_with = "duration::optional")]
    lease: Option<Duration>,
    #[serde(deserialize_with = "duration::optional")]
    backoff_first: Option<Duration>,
    #[serde(deserialize_with = "duration::optional")]
    backoff_max: Option<Duration>,
    writes_per_event_per_hour: Option<u32>,
    workers: Option<usize>,
}

/// How eager and patient the engine is.
#[derive(Debug)]
pub(crate) struct Sync {
    /// The engine's own settings.
    pub(crate) engine: kalends_engine::Settings,
    /// How many links are worked on at once.
    pub(crate) workers: usize,
}

impl Section {
    pub(super) fn checked(self) -> Result<Sync> {
        let usual = kalends_engine::Settings::default();
        let engine = kalends_engine::Settings {
            poll_every: length("POLL_EVERY", self.poll_every, usual.poll_every)?,
            poll_every_with_push: length(
                "POLL_EVERY_WITH_PUSH",
                self.poll_every_with_push,
                usual.poll_every_with_push,
            )?,
            full_listing_every: length(
                "FULL_LISTING_EVERY",
                self.full_listing_every,
                usual.full_listing_every,
            )?,
            lease_for: length("LEASE", self.lease, usual.lease_for)?,
            backoff_first: length("BACKOFF_FIRST", self.backoff_first, usual.backoff_first)?,
            backoff_max: length("BACKOFF_MAX", self.backoff_max, usual.backoff_max)?,
            writes_per_event_per_hour: number(
                "WRITES_PER_EVENT_PER_HOUR",
                self.writes_per_event_per_hour,
            )?
            .unwrap_or(usual.writes_per_event_per_hour),
        };
        let workers = number("WORKERS", self.workers)?.unwrap_or(WORKERS);
        if engine.lease_for < LEASE_MIN {
            bail!("sync.lease is at least {} s", LEASE_MIN.as_secs());
        }
        if engine.backoff_max < engine.backoff_first {
            bail!("sync.backoff_max is not below sync.backoff_first");
        }
        if engine.writes_per_event_per_hour == 0 {
            bail!("sync.writes_per_event_per_hour is at least 1");
        }
        if !(1..=WORKERS_MAX).contains(&workers) {
            bail!("sync.workers is between 1 and {WORKERS_MAX}");
        }
        Ok(Sync { engine, workers })
    }
}

fn length(name: &str, file: Option<Duration>, usual: Duration) -> Result<Duration> {
    let name = format!("KALENDS_SYNC_{name}");
    match env(&name) {
        Some(text) => match duration::parse(&text) {
            Ok(length) => Ok(length),
            Err(error) => bail!("{name}: {error}"),
        },
        None => Ok(file.unwrap_or(usual)),
    }
}

fn number<N: std::str::FromStr>(name: &str, file: Option<N>) -> Result<Option<N>> {
    let name = format!("KALENDS_SYNC_{name}");
    match env(&name) {
        Some(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => bail!("{name}: {text:?} is no number"),
        },
        None => Ok(file),
    }
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let usual = kalends_engine::Settings::default();
    let length = |length: Duration| format!("`{}`", duration::shown(length));
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("sync"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("poll_every"),
            Some("SYNC_POLL_EVERY"),
            &length(usual.poll_every),
            "how often a link looks at its remote side when nothing wakes it",
        ),
        setting(
            Some("poll_every_with_push"),
            Some("SYNC_POLL_EVERY_WITH_PUSH"),
            &length(usual.poll_every_with_push),
            "how often it looks though the provider says when something changes: of what it says some is lost",
        ),
        setting(
            Some("full_listing_every"),
            Some("SYNC_FULL_LISTING_EVERY"),
            &length(usual.full_listing_every),
            "how often everything is listed and compared, whatever the server says has changed",
        ),
        setting(
            Some("lease"),
            Some("SYNC_LEASE"),
            &length(usual.lease_for),
            "how long a node that died keeps its link from others",
        ),
        setting(
            Some("backoff_first"),
            Some("SYNC_BACKOFF_FIRST"),
            &length(usual.backoff_first),
            "the first wait after a failure",
        ),
        setting(
            Some("backoff_max"),
            Some("SYNC_BACKOFF_MAX"),
            &length(usual.backoff_max),
            "the longest wait after failures",
        ),
        setting(
            Some("writes_per_event_per_hour"),
            Some("SYNC_WRITES_PER_EVENT_PER_HOUR"),
            &format!("`{}`", usual.writes_per_event_per_hour),
            "more writes of one event through one link stop that event",
        ),
        setting(
            Some("workers"),
            Some("SYNC_WORKERS"),
            &format!("`{WORKERS}`"),
            "how many links `sync --watch` and `serve` work on at once",
        ),
    ]
}
