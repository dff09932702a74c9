//! The filter of calendar-query (RFC 4791 §9.7), as far as a client that keeps whole calendars needs it: a component
//! and a time range.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Span, Timestamp};

use super::xml::{CALDAV, Node};
use crate::text::lines::{self, Component};

/// What a query takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Every object: no component is named.
    Everything,
    /// Objects with this component, within this range.
    Component(String, Range),
}

/// A time range, half-open; an open side is as far as time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    start: Timestamp,
    end: Timestamp,
}

/// Reads the filter of a query; the error is the precondition that fails.
pub(crate) fn read(query: &Node) -> Result<Filter, Node> {
    let calendar = query
        .child(CALDAV, "filter")
        .and_then(|filter| filter.child(CALDAV, "comp-filter"));
    let calendar = calendar
        .filter(|calendar| calendar.get("name") == Some("VCALENDAR"))
        .ok_or(Node::caldav("valid-filter"))?;
    let Some(inner) = calendar.children.first() else {
        return Ok(Filter::Everything);
    };
    if !inner.is(CALDAV, "comp-filter") {
        return Err(Node::caldav("supported-filter"));
    }
    let name = inner
        .get("name")
        .ok_or(Node::caldav("valid-filter"))?
        .to_ascii_uppercase();
    let mut range = Range {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    for part in &inner.children {
        if !part.is(CALDAV, "time-range") {
            return Err(Node::caldav("supported-filter"));
        }
        let bound = |name| {
            part.get(name)
                .map(|text| utc(text).ok_or(Node::caldav("valid-filter")))
                .transpose()
        };
        range.start = bound("start")?.unwrap_or(range.start);
        range.end = bound("end")?.unwrap_or(range.end);
    }
    Ok(Filter::Component(name, range))
}

impl Filter {
    /// Whether an object is taken. A recurring one is taken when its series as a whole touches the range: a few too many,
    /// never one too few.
    pub(crate) fn takes(&self, text: &str) -> bool {
        let Self::Component(wanted, range) = self else {
            return true;
        };
        let lines = lines::unfold(text);
        let components = lines::components(&lines).unwrap_or_default();
        components
            .iter()
            .filter(|component| component.name == *wanted)
            .any(|component| {
                let (start, end) = extent(&lines, component);
                // RFC 4791 §9.9: an event without length counts when it starts within the range.
                start < range.end && (end > range.start || (start == end && start >= range.start))
            })
    }
}

/// From the first start to the last end. What cannot be read reaches over all time.
fn extent(lines: &[String], component: &Component) -> (Timestamp, Timestamp) {
    let get = |name| lines::property(lines, component, name);
    let Some((start, whole_day)) = get("DTSTART").and_then(instant) else {
        return (Timestamp::MIN, Timestamp::MAX);
    };
    let rule = get("RRULE");
    if get("RDATE").is_some() || rule.is_some_and(|rule| !lines::value(rule).contains("UNTIL=")) {
        return (start, Timestamp::MAX);
    }
    let length = match (get("DTEND").and_then(instant), get("DURATION")) {
        (Some((end, _)), _) => end.duration_since(start),
        (None, Some(duration)) => match lines::value(duration).parse::<Span>() {
            Ok(span) => span
                .to_duration(DateTime::constant(2000, 1, 1, 0, 0, 0, 0))
                .unwrap_or(SignedDuration::MAX),
            Err(_) => SignedDuration::MAX,
        },
        (None, None) if whole_day => SignedDuration::from_hours(24),
        (None, None) => SignedDuration::ZERO,
    };
    let last = rule.and_then(|rule| {
        let until = lines::value(rule)
            .split(';')
            .find_map(|part| part.strip_prefix("UNTIL="))?;
        // A day's slack for an UNTIL in another zone's local time.
        instant(&format!("UNTIL:{until}"))?
            .0
            .checked_add(SignedDuration::from_hours(24))
            .ok()
    });
    let end = last
        .unwrap_or(start)
        .checked_add(length)
        .unwrap_or(Timestamp::MAX);
    (start, end)
}

/// A time property's instant, and whether it is a date. A floating time counts as UTC.
fn instant(line: &str) -> Option<(Timestamp, bool)> {
    let value = lines::value(line);
    if let Some(utc) = utc(value) {
        return Some((utc, false));
    }
    let zone = lines::param(line, "TZID")
        .and_then(|id| TimeZoneDatabase::bundled().get(id).ok())
        .unwrap_or(TimeZone::UTC);
    let (date, time) = value.split_once('T').unwrap_or((value, ""));
    let date = Date::strptime("%Y%m%d", date).ok()?;
    let time = if time.is_empty() {
        Time::midnight()
    } else {
        Time::strptime("%H%M%S", time).ok()?
    };
    let zoned = zone
        .to_ambiguous_zoned(date.to_datetime(time))
        .compatible()
        .ok()?;
    Some((zoned.timestamp(), !value.contains('T')))
}

/// A UTC time of RFC 5545.
fn utc(value: &str) -> Option<Timestamp> {
    let local = DateTime::strptime("%Y%m%dT%H%M%S", value.strip_suffix('Z')?).ok()?;
    TimeZone::UTC.to_timestamp(local).ok()
}
