//! What Google sends, as far as it is read. Every field may be missing and every word may be new: nothing here fails on
//! what it does not know. The resource as it came is kept beside this, in [`super::aggregate`].

use kalends_calendar::failure::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One event resource as it came.
pub(crate) type Resource = Map<String, Value>;

/// Reads the body of an answer that was a success.
pub(crate) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::protocol(format!("Google's answer cannot be understood: {error}"))
    })
}

/// A page of the calendar list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CalendarList {
    pub(crate) items: Vec<CalendarEntry>,
    pub(crate) next_page_token: Option<String>,
}

/// A calendar as its reader has it in the list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CalendarEntry {
    pub(crate) id: String,
    pub(crate) summary: Option<String>,
    pub(crate) summary_override: Option<String>,
    pub(crate) background_color: Option<String>,
    pub(crate) access_role: String,
    pub(crate) primary: bool,
    pub(crate) deleted: bool,
    pub(crate) hidden: bool,
}

/// A page of events, and what it says of their calendar.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Events {
    pub(crate) items: Vec<Resource>,
    pub(crate) time_zone: Option<String>,
    pub(crate) default_reminders: Vec<Reminder>,
    pub(crate) next_page_token: Option<String>,
    pub(crate) next_sync_token: Option<String>,
}

/// An event, or one instance of a series.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) etag: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) start: Option<Moment>,
    pub(crate) end: Option<Moment>,
    pub(crate) end_time_unspecified: Option<bool>,
    pub(crate) recurrence: Option<Vec<String>>,
    pub(crate) recurring_event_id: Option<String>,
    pub(crate) original_start_time: Option<Moment>,
    pub(crate) transparency: Option<String>,
    pub(crate) visibility: Option<String>,
    #[serde(rename = "iCalUID")]
    pub(crate) ical_uid: Option<String>,
    pub(crate) sequence: Option<i64>,
    pub(crate) created: Option<String>,
    pub(crate) updated: Option<String>,
    pub(crate) organizer: Option<Person>,
    pub(crate) attendees: Option<Vec<Person>>,
    pub(crate) reminders: Option<Reminders>,
    pub(crate) extended_properties: Option<Properties>,
    pub(crate) hangout_link: Option<String>,
    pub(crate) conference_data: Option<Conference>,
    pub(crate) guests_can_modify: Option<bool>,
    pub(crate) locked: Option<bool>,
}

impl Event {
    /// Whether it is deleted, or an occurrence that was taken away.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.status.as_deref() == Some("cancelled")
    }
}

/// A date, or an instant with the zone it was meant in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Moment {
    pub(crate) date: Option<String>,
    pub(crate) date_time: Option<String>,
    pub(crate) time_zone: Option<String>,
}

/// An organizer or an attendee.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Person {
    pub(crate) email: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) organizer: Option<bool>,
    #[serde(rename = "self")]
    pub(crate) is_self: Option<bool>,
    pub(crate) resource: Option<bool>,
    pub(crate) optional: Option<bool>,
    pub(crate) response_status: Option<String>,
}

/// The reminders of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reminders {
    pub(crate) use_default: Option<bool>,
    pub(crate) overrides: Option<Vec<Reminder>>,
}

/// One reminder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reminder {
    pub(crate) method: String,
    pub(crate) minutes: i64,
}

/// Properties that programs leave on events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Properties {
    pub(crate) private: Option<std::collections::BTreeMap<String, Value>>,
}

/// A conference.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Conference {
    pub(crate) entry_points: Option<Vec<EntryPoint>>,
    pub(crate) conference_solution: Option<Solution>,
}

/// What a conference is held with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Solution {
    pub(crate) name: Option<String>,
}

/// A way into a conference.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EntryPoint {
    #[serde(rename = "entryPointType")]
    pub(crate) kind: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) label: Option<String>,
}
