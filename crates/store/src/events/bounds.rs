//! Between when an event happens: what it is found by.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::event::Event;
use kalends_calendar::recurrence::{self, Bounds};
use kalends_calendar::time::ZoneId;
use kalends_calendar::zone;

/// The zone of a calendar. One that the database of zones does not know any more counts as UTC: that only moves where
/// all-day and floating events are found, by hours.
pub(crate) fn zone(id: &ZoneId) -> TimeZone {
    zone::iana(&id.0).unwrap_or(TimeZone::UTC)
}

/// The first start and the last end of all occurrences. An event whose times cannot be told (a zone that nobody knows, a
/// rule that leads nowhere) is found in every window, where whoever expands it says what is wrong.
pub(crate) fn of(event: &Event, floating: &TimeZone) -> Bounds {
    let bounds = recurrence::bounds(event, floating).unwrap_or(Bounds {
        starts_at: Timestamp::MIN,
        ends_at: None,
    });
    Bounds {
        starts_at: storable(bounds.starts_at),
        ends_at: bounds.ends_at.map(storable),
    }
}

/// A time that both databases can keep: PostgreSQL begins in 4714 BC, jiff 5,000 years earlier.
pub(crate) fn storable(time: Timestamp) -> Timestamp {
    /// 1 January of the year 1, in seconds since 1970.
    const EARLIEST_SECOND: i64 = -62_135_596_800;
    match Timestamp::from_second(EARLIEST_SECOND) {
        Ok(earliest) => time.max(earliest),
        Err(_) => time,
    }
}
