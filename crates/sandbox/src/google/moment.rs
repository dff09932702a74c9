//! When an event starts or ends: a day, or an instant with the zone it was said in.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use kalends_calendar::zone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::query;
use super::refusal::Refusal;

/// The start or end of an event (`EventDateTime`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Moment {
    /// A whole day.
    Day(Date),
    /// An instant, and the IANA name of the zone it was said in.
    Time {
        /// The instant, to the second.
        at: Timestamp,
        /// The zone's name.
        zone: String,
    },
}

/// Which of an event's two moments is read, for what is said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Start,
    End,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
        }
    }
}

/// How a moment must be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) which: Which,
    /// Whether a zone must be named: that of a series is expanded in it.
    pub(crate) zone_required: bool,
    /// The calendar's zone, for times with an offset alone.
    pub(crate) zone_default: &'a str,
}

/// The rules of a zone whose name was checked when it was stored.
pub(crate) fn rules(name: &str) -> TimeZone {
    zone::iana(name).unwrap_or(TimeZone::UTC)
}

/// A time with milliseconds in UTC, as `created` and `updated` are written.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A time in a zone with its offset, `Z` where that is none.
pub(crate) fn written(at: &Zoned) -> String {
    let local = at.strftime("%Y-%m-%dT%H:%M:%S");
    if at.offset().is_zero() {
        format!("{local}Z")
    } else {
        format!("{local}{}", at.strftime("%:z"))
    }
}

impl Moment {
    /// Reads a moment as a client wrote it.
    pub(crate) fn read(value: Option<&Value>, how: Reading<'_>) -> Result<Self, Refusal> {
        let name = how.which.name();
        let members = match value {
            None | Some(Value::Null) => {
                return Err(Refusal::required(format!("Missing {name} time.")));
            }
            Some(Value::Object(members)) => members,
            Some(_) => return Err(Refusal::invalid(format!("Invalid value for: {name}"))),
        };
        let text = |key: &str| match members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Refusal::invalid(format!("Invalid value for: {name}.{key}"))),
        };
        let malformed =
            |text: &str| Refusal::invalid(format!("Invalid value for: Invalid format: \"{text}\""));
        let zone = match text("timeZone")? {
            None => None,
            Some(named) => Some(zone_name(named).ok_or_else(|| {
                Refusal::invalid(format!("Invalid time zone definition for {name} time."))
            })?),
        };
        match (text("date")?, text("dateTime")?) {
            (Some(_), Some(_)) => Err(Refusal::invalid(format!("Invalid {name} time."))),
            (None, None) => Err(Refusal::required(format!("Missing {name} time."))),
            (Some(day), None) => {
                let shaped = day.len() == "2026-01-01".len();
                let parsed = day.parse::<Date>().ok().filter(|_| shaped);
                parsed.map(Self::Day).ok_or_else(|| malformed(day))
            }
            (None, Some(time)) => {
                let missing = || {
                    let message = format!("Missing time zone definition for {name} time.");
                    Refusal::required(message)
                };
                if how.zone_required && zone.is_none() {
                    return Err(missing());
                }
                let at = if let Some(at) = query::time(time) {
                    at
                } else {
                    let local = local_time(time).ok_or_else(|| malformed(time))?;
                    instant(&rules(zone.as_deref().ok_or_else(missing)?), local)
                };
                Ok(Self::Time {
                    at,
                    zone: zone.unwrap_or_else(|| how.zone_default.to_owned()),
                })
            }
        }
    }

    /// The moment in JSON, its time shown in `shown`.
    pub(crate) fn json(&self, shown: &TimeZone) -> Value {
        match self {
            Self::Day(day) => json!({ "date": day.to_string() }),
            Self::Time { at, zone } => {
                json!({ "dateTime": written(&at.to_zoned(shown.clone())), "timeZone": zone })
            }
        }
    }

    /// The instant; a day's first one in `floating`.
    pub(crate) fn instant(&self, floating: &TimeZone) -> Timestamp {
        match self {
            Self::Day(day) => instant(floating, day.to_datetime(jiff::civil::Time::midnight())),
            Self::Time { at, .. } => *at,
        }
    }

    /// What the clock on the wall shows where the event happens.
    pub(crate) fn local(&self) -> DateTime {
        match self {
            Self::Day(day) => day.to_datetime(jiff::civil::Time::midnight()),
            Self::Time { at, zone } => rules(zone).to_datetime(*at),
        }
    }

    /// The same kind of moment at another wall-clock time.
    pub(crate) fn at_local(&self, local: DateTime) -> Self {
        match self {
            Self::Day(_) => Self::Day(local.date()),
            Self::Time { zone, .. } => Self::Time {
                at: instant(&rules(zone), local),
                zone: zone.clone(),
            },
        }
    }

    pub(crate) fn is_day(&self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// This moment as much later as `to` is after `from`.
    pub(crate) fn shifted(&self, from: &Self, to: &Self) -> Self {
        match (self, from, to) {
            (Self::Day(day), Self::Day(from), Self::Day(to)) => {
                let days = to.since(*from).unwrap_or_default();
                Self::Day(day.saturating_add(days))
            }
            (Self::Time { at, zone }, Self::Time { at: from, .. }, Self::Time { at: to, .. }) => {
                let gap: SignedDuration = to.duration_since(*from);
                Self::Time {
                    at: at.saturating_add(gap).unwrap_or(*at),
                    zone: zone.clone(),
                }
            }
            _ => self.clone(),
        }
    }
}

/// A zone's name as the database writes it.
pub(crate) fn zone_name(name: &str) -> Option<String> {
    let found = zone::iana(name)?;
    Some(found.iana_name().unwrap_or(name).to_owned())
}

/// The instant of a wall-clock time: the first of two, and across a gap with the offset before it.
pub(crate) fn instant(zone: &TimeZone, local: DateTime) -> Timestamp {
    zone.to_ambiguous_timestamp(local)
        .compatible()
        .unwrap_or(Timestamp::MAX)
}

fn local_time(text: &str) -> Option<DateTime> {
    if !text.get(10..11)?.eq_ignore_ascii_case("t") || text.ends_with(']') {
        return None;
    }
    let local: DateTime = text.parse().ok()?;
    local.with().subsec_nanosecond(0).build().ok()
}

/// Members of `start` or `end` that a patch must see, so that `null` can take them away.
pub(crate) fn members(moment: &Moment) -> Map<String, Value> {
    let shown = match moment {
        Moment::Day(_) => TimeZone::UTC,
        Moment::Time { zone, .. } => rules(zone),
    };
    moment.json(&shown).as_object().cloned().unwrap_or_default()
}
