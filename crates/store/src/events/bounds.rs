//! Between when an event happens: what it is found by.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::event::{Event, Instance, Override};
use kalends_calendar::time::{Start, ZoneId};
use kalends_calendar::zone;

/// The first start and the last end of all occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) starts_at: Timestamp,
    /// None: it never ends.
    pub(crate) ends_at: Option<Timestamp>,
}

/// The bounds of an event in a calendar of this zone.
pub(crate) fn of(event: &Event, floating: &ZoneId) -> Bounds {
    let floating = zone::iana(&floating.0).unwrap_or(TimeZone::UTC);
    let mut starts_at = start_of(&event.master, &floating);
    let mut ends_at = starts_at;
    for (id, change) in &event.recurrence_overrides {
        let instance = match change {
            Override::Excluded => continue,
            Override::Replaced(instance) => (**instance).clone(),
            Override::Added { .. } => Instance {
                start: event.master.start.at(id.0),
                ..event.master.clone()
            },
        };
        let start = start_of(&instance, &floating);
        starts_at = starts_at.min(start);
        ends_at = ends_at.max(start);
    }
    Bounds {
        starts_at: storable(starts_at),
        ends_at: event.recurrence_rules.is_empty().then(|| storable(ends_at)),
    }
}

fn start_of(instance: &Instance, floating: &TimeZone) -> Timestamp {
    let zone = match &instance.start {
        Start::Zoned { zone, .. } => zone::iana(&zone.0).unwrap_or(TimeZone::UTC),
        Start::AllDay(_) | Start::Floating(_) => floating.clone(),
    };
    zone.to_timestamp(instance.start.local())
        .unwrap_or(Timestamp::MAX)
}

/// A time that both databases can keep: PostgreSQL begins in 4714 BC, jiff 5,000 years earlier.
pub(crate) fn storable(time: Timestamp) -> Timestamp {
    /// 1 January of the year 1, in seconds.
    const EARLIEST_SECOND: i64 = -62_135_596_800;
    match Timestamp::from_second(EARLIEST_SECOND) {
        Ok(earliest) => time.max(earliest),
        Err(_) => time,
    }
}
