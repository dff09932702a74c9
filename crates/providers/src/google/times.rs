//! Start and end: Google's dates and instants with zones, to and from wall-clock times.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{Instance, RecurrenceId};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_calendar::zone::{Resolved, iana, identify, resolve};
use serde_json::{Value, json};

use super::wire::Moment;

/// A moment as Google gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Day(Date),
    At { instant: Timestamp, zone: ZoneId },
}

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) start: Start,
    pub(crate) duration: Length,
    pub(crate) end_zone: Option<ZoneId>,
}

/// How the moments of one event are to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<'a> {
    /// The calendar's zone, for moments that name none.
    pub(crate) calendar_zone: &'a str,
    /// Whether the event is a floating one that was pinned when it was written.
    pub(crate) floating: bool,
}

/// Reads start and end. Without an end, or with one that Google made up, an event lasts nothing, or the day.
pub(crate) fn read(
    start: Option<&Moment>,
    end: Option<&Moment>,
    clock: Clock<'_>,
) -> Result<Times, String> {
    let first = given(start.ok_or("start: missing")?, "start", clock)?;
    let last = end
        .filter(|end| end.date.is_some() || end.date_time.is_some())
        .map(|end| given(end, "end", clock))
        .transpose()?;
    match first {
        Given::Day(date) => {
            let until = match last {
                Some(Given::Day(until)) => Some(until),
                Some(Given::At { .. }) => {
                    return Err("end: a time, where the start is a day".to_owned());
                }
                None => None,
            };
            let days = until
                .and_then(|until| date.until(until).ok())
                .map_or(1, |span| span.get_days());
            Ok(Times {
                start: Start::AllDay(date),
                duration: Length::days(days.max(1)),
                end_zone: None,
            })
        }
        Given::At { instant, zone } => {
            let local = rules(&zone)?.to_local(instant);
            let (until, end_zone) = match last {
                Some(Given::At { instant, zone }) => (Some(instant), Some(zone)),
                Some(Given::Day(_)) => {
                    return Err("end: a day, where the start is a time".to_owned());
                }
                None => (None, None),
            };
            let names_zone = end.is_some_and(|end| end.time_zone.is_some());
            if clock.floating {
                let length = match until {
                    Some(until) => local.duration_until(rules(&zone)?.to_local(until)),
                    None => SignedDuration::ZERO,
                };
                return Ok(Times {
                    start: Start::Floating(local),
                    duration: Length::seconds(length.as_secs().max(0)),
                    end_zone: None,
                });
            }
            let length = until.map_or(SignedDuration::ZERO, |until| instant.duration_until(until));
            Ok(Times {
                end_zone: end_zone.filter(|other| names_zone && *other != zone),
                start: Start::Zoned { local, zone },
                duration: Length::seconds(length.as_secs().max(0)),
            })
        }
    }
}

/// Which occurrence of a series with this start an original start names.
pub(crate) fn occurrence(
    original: &Moment,
    series: &Start,
    clock: Clock<'_>,
    pinned: Option<&ZoneId>,
) -> Result<RecurrenceId, String> {
    let local = match given(original, "originalStartTime", clock)? {
        Given::Day(date) => date.at(0, 0, 0, 0),
        Given::At { instant, zone } => match series {
            Start::Zoned { zone, .. } => rules(zone)?.to_local(instant),
            Start::Floating(_) => rules(pinned.unwrap_or(&zone))?.to_local(instant),
            Start::AllDay(_) => rules(&zone)?.to_local(instant).date().at(0, 0, 0, 0),
        },
    };
    Ok(RecurrenceId(local))
}

/// The zone a moment is in, where it is a time.
pub(crate) fn zone_of(moment: &Moment, clock: Clock<'_>) -> Option<ZoneId> {
    match given(moment, "start", clock).ok()? {
        Given::Day(_) => None,
        Given::At { zone, .. } => Some(zone),
    }
}

fn given(moment: &Moment, field: &str, clock: Clock<'_>) -> Result<Given, String> {
    if let Some(date) = &moment.date {
        let date = date
            .parse()
            .map_err(|_| format!("{field}: not a date: “{date}”"))?;
        return Ok(Given::Day(date));
    }
    let text = moment
        .date_time
        .as_deref()
        .ok_or_else(|| format!("{field}: neither a date nor a time"))?;
    let named = moment.time_zone.as_deref().filter(|name| !name.is_empty());
    let zone = match named.or(Some(clock.calendar_zone).filter(|name| !name.is_empty())) {
        Some(name) => {
            identify(name).ok_or_else(|| format!("{field}: unknown time zone “{name}”"))?
        }
        None => ZoneId::utc(),
    };
    let exact = if let Ok(instant) = text.parse::<Timestamp>() {
        instant
    } else {
        // Without an offset it is a time on the clock of its zone.
        let wall: DateTime = text
            .parse()
            .map_err(|_| format!("{field}: not a time: “{text}”"))?;
        rules(&zone)?.to_instant(wall)
    };
    let instant = Timestamp::from_second(exact.as_second())
        .map_err(|_| format!("{field}: out of all calendars: “{text}”"))?;
    Ok(Given::At { instant, zone })
}

fn rules(zone: &ZoneId) -> Result<Resolved, String> {
    resolve(zone, &BTreeMap::new()).map_err(|_| format!("unknown time zone “{zone}”"))
}

/// Start and end as Google takes them. A floating time is pinned to the calendar's zone: Google has none.
pub(crate) fn write(instance: &Instance, pin: &str) -> Result<(Value, Value), String> {
    match &instance.start {
        Start::AllDay(date) => {
            let days = jiff::Span::new()
                .try_days(whole_days(instance.duration))
                .map_err(|_| "duration: too long")?;
            let until = date
                .checked_add(days)
                .map_err(|_| "the end is out of all calendars")?;
            Ok((json!({"date": date}), json!({"date": until})))
        }
        Start::Floating(local) => {
            let zone = identify(pin).ok_or_else(|| format!("start: unknown time zone “{pin}”"))?;
            let until = after(*local, instance.duration)?;
            Ok((moment(*local, &zone)?, moment(until, &zone)?))
        }
        Start::Zoned { local, zone } => {
            let ends = ends(instance, *local, zone)?;
            let end_zone = instance.end_zone.as_ref().unwrap_or(zone);
            let until = known(end_zone, "end")?.to_local(ends);
            Ok((moment(*local, zone)?, moment(until, end_zone)?))
        }
    }
}

/// When an instance in a zone ends: its days on the calendar first, then its exact seconds.
fn ends(instance: &Instance, local: DateTime, zone: &ZoneId) -> Result<Timestamp, String> {
    let days = after(local, Length::days(instance.duration.days))?;
    known(zone, "start")?
        .to_instant(days)
        .checked_add(SignedDuration::from_secs(instance.duration.seconds))
        .map_err(|_| "the end is out of all calendars".to_owned())
}

fn after(local: DateTime, length: Length) -> Result<DateTime, String> {
    jiff::Span::new()
        .try_days(length.days)
        .and_then(|days| local.checked_add(days))
        .and_then(|local| local.checked_add(SignedDuration::from_secs(length.seconds)))
        .map_err(|_| "the end is out of all calendars".to_owned())
}

/// The original start of an occurrence, as `originalStart` names it.
pub(crate) fn original(id: RecurrenceId, series: &Start, pin: &str) -> Result<String, String> {
    let value = match series {
        Start::AllDay(_) => json!({"date": id.0.date()}),
        Start::Floating(_) => {
            let zone = identify(pin).ok_or_else(|| format!("start: unknown time zone “{pin}”"))?;
            moment(id.0, &zone)?
        }
        Start::Zoned { zone, .. } => moment(id.0, zone)?,
    };
    let text = value["dateTime"].as_str().or(value["date"].as_str());
    Ok(text.unwrap_or_default().to_owned())
}

/// What Google appends to the id of a series to name one of its instances.
pub(crate) fn suffix(id: RecurrenceId, series: &Start, pin: &str) -> Result<String, String> {
    let zone = match series {
        Start::AllDay(_) => return Ok(id.0.date().strftime("%Y%m%d").to_string()),
        Start::Floating(_) => {
            identify(pin).ok_or_else(|| format!("start: unknown time zone “{pin}”"))?
        }
        Start::Zoned { zone, .. } => zone.clone(),
    };
    let instant = known(&zone, "start")?.to_instant(id.0);
    Ok(instant.strftime("%Y%m%dT%H%M%SZ").to_string())
}

fn moment(local: DateTime, zone: &ZoneId) -> Result<Value, String> {
    let rules = known(zone, "start")?;
    let instant = rules.to_instant(local);
    let seconds = rules.offset_seconds(instant);
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.unsigned_abs();
    // Offsets of seconds are history that RFC 3339 cannot write: such an instant is given in UTC.
    let text = if size % 60 == 0 {
        let shown = rules.to_local(instant);
        let (hours, minutes) = (size / 3_600, size / 60 % 60);
        format!(
            "{}{sign}{hours:02}:{minutes:02}",
            shown.strftime("%Y-%m-%dT%H:%M:%S")
        )
    } else {
        instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    Ok(json!({"dateTime": text, "timeZone": zone.0}))
}

/// The rules of a zone that Google knows too: those of the database, none that an event brings along.
fn known(zone: &ZoneId, field: &str) -> Result<Resolved, String> {
    iana(&zone.0)
        .map(Resolved::Iana)
        .ok_or_else(|| format!("{field}: Google does not know the time zone “{zone}”"))
}

/// An all-day event's length in days.
pub(crate) fn whole_days(length: Length) -> i32 {
    let extra = length.seconds.max(0).unsigned_abs().div_ceil(86_400);
    let days = i64::from(length.days) + i64::try_from(extra).unwrap_or(i64::MAX / 2);
    i32::try_from(days.max(1)).unwrap_or(i32::MAX)
}
