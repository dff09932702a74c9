//! Occurrences of events in a stretch of time: for lists that expand, and for overlaps.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use kalends_calendar::ids::CalendarId;
use kalends_calendar::recurrence::{ExpansionError, Occurrence, occurrences};
use kalends_calendar::zone;
use kalends_store::calendars::Calendar;
use kalends_store::events::StoredEvent;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::error::{Answer, ApiError};
use crate::api::words;

/// The longest stretch of time that is expanded.
const RANGE_YEARS_MAX: i64 = 2;
/// The most occurrences that one answer is made from.
pub(super) const OCCURRENCES_MAX: usize = 10_000;

/// One occurrence of an event.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "Occurrence")]
pub(crate) struct Shown {
    /// Of this event.
    pub(super) event_id: String,
    pub(super) calendar_id: String,
    /// Which occurrence: the start that the rules gave it. None of an event that happens once.
    pub(super) recurrence_id: Option<String>,
    pub(super) title: String,
    /// A date, or a wall-clock time in `time_zone`.
    pub(super) start: String,
    pub(super) time_zone: Option<String>,
    pub(super) all_day: bool,
    #[schemars(with = "words::Instant")]
    pub(super) starts_at: Timestamp,
    #[schemars(with = "words::Instant")]
    pub(super) ends_at: Timestamp,
    pub(super) location: Option<String>,
    /// `busy` or `free`.
    #[schemars(with = "String")]
    pub(super) free_busy_status: kalends_calendar::event::FreeBusyStatus,
    /// `confirmed`, `tentative` or `cancelled`.
    #[schemars(with = "String")]
    pub(super) status: kalends_calendar::event::Status,
}

/// An event that could not be expanded.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct Unexpanded {
    pub(super) event_id: String,
    pub(super) problem: String,
}

/// Both ends of a range that is to be expanded: given, in order, and at most two years apart.
pub(super) fn range(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Answer<(Timestamp, Timestamp)> {
    let from = from.ok_or_else(|| ApiError::field("from", "from when on?"))?;
    let to = to.ok_or_else(|| ApiError::field("to", "up to when?"))?;
    if from >= to {
        return Err(ApiError::field("to", "it lies before `from`"));
    }
    let latest = from
        .to_zoned(TimeZone::UTC)
        .checked_add(Span::new().years(RANGE_YEARS_MAX))
        .map_or(Timestamp::MAX, |latest| latest.timestamp());
    if to > latest {
        let problem = format!("it lies more than {RANGE_YEARS_MAX} years after `from`");
        return Err(ApiError::field("to", problem));
    }
    Ok((from, to))
}

/// Occurrences, and the events that have none because they cannot be expanded.
pub(super) type Expanded = (Vec<Shown>, Vec<Unexpanded>);

/// The occurrences of events between two instants, in the order of their starts; those of an event that cannot be expanded
/// are told apart. None if there are more in all than [`OCCURRENCES_MAX`]. It may keep a core busy.
pub(super) fn expand(
    found: &[StoredEvent],
    calendars: &[Calendar],
    (from, to): (Timestamp, Timestamp),
) -> Option<Expanded> {
    let zones: HashMap<CalendarId, TimeZone> = calendars
        .iter()
        .map(|calendar| (calendar.id, zone_of(&calendar.time_zone)))
        .collect();
    let utc = TimeZone::UTC;
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for event in found {
        let Some(body) = &event.body else { continue };
        let floating = zones.get(&event.calendar).unwrap_or(&utc);
        match occurrences(body, from..to, floating, OCCURRENCES_MAX) {
            Ok(list) => all.extend(list.iter().map(|one| shown(event, one))),
            Err(ExpansionError::TooMany(_)) => return None,
            Err(error) => problems.push(Unexpanded {
                event_id: event.id.to_string(),
                problem: error.to_string(),
            }),
        }
        if all.len() > OCCURRENCES_MAX {
            return None;
        }
    }
    all.sort_by(|a, b| {
        (a.starts_at, &a.event_id, &a.recurrence_id).cmp(&(
            b.starts_at,
            &b.event_id,
            &b.recurrence_id,
        ))
    });
    Some((all, problems))
}

fn shown(event: &StoredEvent, one: &Occurrence<'_>) -> Shown {
    let details = &one.instance.details;
    Shown {
        event_id: event.id.to_string(),
        calendar_id: event.calendar.to_string(),
        recurrence_id: one.recurrence_id.map(|id| id.to_string()),
        title: details.title.clone(),
        start: crate::words::start_plain(&one.start),
        time_zone: one.start.zone().map(|zone| zone.0.clone()),
        all_day: one.start.is_all_day(),
        starts_at: one.span.start,
        ends_at: one.span.end,
        location: details.locations.first().map(|place| place.name.clone()),
        free_busy_status: details.free_busy_status,
        status: details.status,
    }
}

/// The rules of a calendar's zone; UTC where nobody knows it.
pub(super) fn zone_of(id: &kalends_calendar::time::ZoneId) -> TimeZone {
    zone::iana(&id.0).unwrap_or(TimeZone::UTC)
}

/// Whether a name is a time zone that is known.
pub(super) fn known_zone(name: &str) -> bool {
    zone::iana(name).is_some()
}
