//! What Graph answers, as far as it is read. Everything may be null or missing: delta answers are sparse.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use kalends_calendar::failure::Failure;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An answer with many values, and where it goes on.
#[derive(Deserialize)]
pub(super) struct Collection {
    pub(super) value: Vec<Value>,
    #[serde(rename = "@odata.nextLink", default)]
    pub(super) next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink", default)]
    pub(super) delta_link: Option<String>,
}

/// `microsoft.graph.event`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the properties are Microsoft's"
)]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Item {
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<Value>,
    #[serde(deserialize_with = "or_default")]
    pub(super) id: String,
    pub(super) change_key: Option<String>,
    pub(super) series_master_id: Option<String>,
    pub(super) transaction_id: Option<String>,
    pub(super) i_cal_u_id: Option<String>,
    pub(super) created_date_time: Option<String>,
    pub(super) last_modified_date_time: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) subject: String,
    pub(super) body: Option<Body>,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
    pub(super) original_start: Option<String>,
    pub(super) original_start_time_zone: Option<String>,
    pub(super) original_end_time_zone: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) is_all_day: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) is_cancelled: bool,
    pub(super) is_organizer: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    pub(super) is_online_meeting: bool,
    pub(super) online_meeting: Option<OnlineMeeting>,
    pub(super) online_meeting_url: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) is_reminder_on: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) reminder_minutes_before_start: i64,
    pub(super) response_requested: Option<bool>,
    pub(super) response_status: Option<ResponseStatus>,
    #[serde(deserialize_with = "or_default")]
    pub(super) show_as: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) sensitivity: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) importance: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) categories: Vec<String>,
    pub(super) location: Option<Place>,
    #[serde(deserialize_with = "or_default")]
    pub(super) locations: Vec<Place>,
    #[serde(deserialize_with = "or_default")]
    pub(super) attendees: Vec<Attendee>,
    pub(super) organizer: Option<Recipient>,
    pub(super) recurrence: Option<PatternedRecurrence>,
    #[serde(deserialize_with = "or_default")]
    pub(super) exception_occurrences: Vec<Item>,
    #[serde(deserialize_with = "or_default")]
    pub(super) cancelled_occurrences: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) single_value_extended_properties: Vec<Property>,
}

/// `microsoft.graph.itemBody`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Body {
    #[serde(deserialize_with = "or_default")]
    pub(super) content_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) content: String,
}

/// `microsoft.graph.dateTimeTimeZone`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Moment {
    #[serde(deserialize_with = "or_default")]
    pub(super) date_time: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) time_zone: String,
}

/// `microsoft.graph.onlineMeetingInfo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OnlineMeeting {
    pub(super) join_url: Option<String>,
}

/// `microsoft.graph.responseStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResponseStatus {
    #[serde(deserialize_with = "or_default")]
    pub(super) response: String,
}

/// `microsoft.graph.location`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Place {
    #[serde(deserialize_with = "or_default")]
    pub(super) display_name: String,
    pub(super) coordinates: Option<Coordinates>,
}

/// `microsoft.graph.outlookGeoCoordinates`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Coordinates {
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
}

/// `microsoft.graph.recipient`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Recipient {
    pub(super) email_address: Option<EmailAddress>,
}

/// `microsoft.graph.emailAddress`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EmailAddress {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) address: String,
}

/// `microsoft.graph.attendee`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attendee {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    pub(super) status: Option<ResponseStatus>,
    pub(super) email_address: Option<EmailAddress>,
}

/// `microsoft.graph.patternedRecurrence`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PatternedRecurrence {
    #[serde(deserialize_with = "or_default")]
    pub(super) pattern: Pattern,
    #[serde(deserialize_with = "or_default")]
    pub(super) range: Range,
}

/// `microsoft.graph.recurrencePattern`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pattern {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) interval: u32,
    #[serde(deserialize_with = "or_default")]
    pub(super) month: i8,
    #[serde(deserialize_with = "or_default")]
    pub(super) day_of_month: i8,
    #[serde(deserialize_with = "or_default")]
    pub(super) days_of_week: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) first_day_of_week: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) index: String,
}

/// `microsoft.graph.recurrenceRange`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Range {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) start_date: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) end_date: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) recurrence_time_zone: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) number_of_occurrences: u32,
}

/// `microsoft.graph.singleValueLegacyExtendedProperty`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Property {
    #[serde(deserialize_with = "or_default")]
    pub(super) id: String,
    pub(super) value: Option<String>,
}

/// `microsoft.graph.calendar`.
#[expect(clippy::struct_field_names, reason = "the properties are Microsoft's")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Calendar {
    #[serde(deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) color: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) hex_color: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) is_default_calendar: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) can_edit: bool,
    pub(super) owner: Option<EmailAddress>,
}

/// Null is nothing.
pub(super) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The body of an answer as a collection.
pub(super) fn collection(body: &[u8]) -> Result<Collection, Failure> {
    serde_json::from_slice(body).map_err(|error| nonsense(&error))
}

/// The body of an answer as one value.
pub(super) fn value(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| nonsense(&error))
}

/// A value as an event.
pub(super) fn item(value: &Value) -> Result<Item, Failure> {
    Item::deserialize(value)
        .map_err(|error| Failure::item(format!("The event's data cannot be read: {error}")))
}

fn nonsense(error: &serde_json::Error) -> Failure {
    Failure::protocol(format!("Microsoft's answer cannot be read: {error}"))
}

impl Item {
    /// Whether this is a series, or was before its rule was taken away.
    pub(super) fn is_master(&self) -> bool {
        self.kind.as_deref() == Some("seriesMaster") || self.recurrence.is_some()
    }

    /// Whether this is one occurrence of a series: then its series is what counts.
    pub(super) fn master(&self) -> Option<&str> {
        self.series_master_id.as_deref().filter(|id| !id.is_empty())
    }

    /// The version of this one resource, byte for byte as `If-Match` wants it.
    pub(super) fn tag(&self) -> Option<String> {
        self.etag.clone().or_else(|| {
            let key = self.change_key.as_deref()?;
            Some(format!("W/\"{key}\""))
        })
    }
}

impl Moment {
    /// The wall-clock time, without fractions of a second.
    pub(super) fn local(&self) -> Option<DateTime> {
        whole_seconds(self.date_time.trim_end_matches('Z').parse().ok()?)
    }

    /// The date alone.
    pub(super) fn date(&self) -> Option<Date> {
        self.local().map(DateTime::date)
    }
}

fn whole_seconds(at: DateTime) -> Option<DateTime> {
    let time = at.time();
    let time = Time::new(time.hour(), time.minute(), time.second(), 0).ok()?;
    Some(at.date().to_datetime(time))
}

/// An instant such as `2026-05-01T08:00:00.1234567Z`; none for the year 1, which means never.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    (!text.starts_with("0001")).then_some(at)
}
