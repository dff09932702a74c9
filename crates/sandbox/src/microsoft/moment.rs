//! `dateTimeTimeZone`: wall-clock times beside the name of a zone, as they are written and as they are shown.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::shape;
use super::zones;

/// A zone under the name that a client gave it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zone {
    pub(crate) name: Arc<str>,
    rules: TimeZone,
}

/// A wall-clock time in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) local: DateTime,
    pub(crate) zone: Zone,
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::find(&name).map_err(|_| D::Error::custom(format!("no time zone {name:?}")))
    }
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self {
            name: Arc::from("UTC"),
            rules: TimeZone::UTC,
        }
    }

    /// The zone with this Windows or IANA name.
    pub(crate) fn find(name: &str) -> Result<Self, Refusal> {
        let rules = zones::rules(name).ok_or_else(|| {
            Refusal::bad(
                "TimeZoneNotSupportedException",
                format!("A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."),
            )
        })?;
        Ok(Self {
            name: Arc::from(name),
            rules,
        })
    }

    /// The instant of a wall-clock time; in a gap by the offset before it, in a fold the first.
    pub(crate) fn instant(&self, local: DateTime) -> Timestamp {
        self.rules
            .to_ambiguous_timestamp(local)
            .compatible()
            .unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn local(&self, instant: Timestamp) -> DateTime {
        self.rules.to_datetime(instant)
    }
}

impl Moment {
    pub(crate) fn instant(&self) -> Timestamp {
        self.zone.instant(self.local)
    }

    pub(crate) fn is_midnight(&self) -> bool {
        self.local.time() == Time::midnight()
    }

    /// The same instant on another zone's clock.
    pub(crate) fn within(&self, zone: &Zone) -> Self {
        if self.zone == *zone {
            return self.clone();
        }
        Self {
            local: zone.local(self.instant()),
            zone: zone.clone(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "dateTime": local_text(self.local), "timeZone": &*self.zone.name })
    }

    /// Reads a `dateTimeTimeZone`. Without a zone it is UTC.
    pub(crate) fn read(name: &str, value: &Value) -> Result<Self, Refusal> {
        let object = value
            .as_object()
            .ok_or_else(|| Refusal::unreadable(format!("'{name}' is no dateTimeTimeZone.")))?;
        shape::check("dateTimeTimeZone", name, value)?;
        let text = object
            .get("dateTime")
            .and_then(Value::as_str)
            .ok_or_else(|| {
                Refusal::property(format!("The Event.{name} property needs a dateTime."))
            })?;
        let zone = match object.get("timeZone") {
            None | Some(Value::Null) => Zone::utc(),
            Some(Value::String(zone)) => Zone::find(zone)?,
            Some(_) => return Err(Refusal::unreadable("'timeZone' is no string.")),
        };
        let has_offset = text
            .split_once('T')
            .is_some_and(|(_, time)| time.contains(['Z', 'z', '+', '-']));
        let local = text
            .parse::<DateTime>()
            .ok()
            .filter(|_| !has_offset)
            .ok_or_else(|| {
                Refusal::property(format!(
                    "The value '{text}' of {name}.dateTime is no local date and time."
                ))
            })?;
        Ok(Self { local, zone })
    }
}

/// A wall-clock time with seven decimals, as Graph writes it.
pub(crate) fn local_text(local: DateTime) -> String {
    format!(
        "{}T{:02}:{:02}:{:02}.{:07}",
        local.date(),
        local.hour(),
        local.minute(),
        local.second(),
        local.subsec_nanosecond() / 100
    )
}

/// An instant with seven decimals.
pub(crate) fn instant_text(instant: Timestamp) -> String {
    format!("{}Z", local_text(TimeZone::UTC.to_datetime(instant)))
}

/// An instant as `originalStart` and notifications have it: with no more decimals than it needs.
pub(crate) fn short_instant_text(instant: Timestamp) -> String {
    instant.to_string()
}

/// The time of an answer or action that never came.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

/// A date and time in a query: its offset is honoured, and without one it is UTC.
pub(crate) fn query_instant(name: &str, text: &str) -> Result<Timestamp, Refusal> {
    let text = text.trim().trim_matches('\'');
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| {
            let local = text.parse::<DateTime>().ok()?;
            TimeZone::UTC.to_timestamp(local).ok()
        })
        .ok_or_else(|| Refusal::parameter(name, text))
}
