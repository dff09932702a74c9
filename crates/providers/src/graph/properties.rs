//! What we leave on events at Graph: named properties of a namespace that is ours alone, invisible to people and private
//! to the mailbox (`singleValueLegacyExtendedProperty`).

use std::collections::BTreeMap;

use kalends_calendar::event::{
    AlertKey, FreeBusyStatus, Override, RecurrenceId, Status, VirtualLocation,
};
use kalends_calendar::ids::{EventId, Uid};
use kalends_calendar::provider::Mark;
use kalends_calendar::time::ZoneId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::{Item, Property};

/// The namespace of our properties. Made once for this purpose; changing it would orphan every mark ever left.
macro_rules! named {
    ($name:literal) => {
        concat!("String {5b6f1c9e-2d4a-4f0b-9c38-7a1d60e4b2f7} Name ", $name)
    };
}

/// The name that a creation was given; what a lookup after an unknown outcome filters by.
pub(super) const NAME: &str = named!("kalends-name");

/// The mark.
const MARK: &str = named!("kalends-mark");

/// What Graph has no place for.
const NOTE: &str = named!("kalends-note");

/// The longest note that is written. Exchange gives a text property no more than this in most answers.
const NOTE_BYTES_MAX: usize = 30_000;

/// All of them, for `$filter`.
pub(super) const ALL: [&str; 3] = [NAME, MARK, NOTE];

/// What our properties on one event say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ours {
    /// The name that its creation was given.
    pub(super) name: Option<String>,
    /// Whose mirror it is.
    pub(super) mark: Option<Mark>,
    /// What Graph has no place for.
    pub(super) note: Note,
}

/// What of an event Graph has no place for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    /// The zone as the person named it, where its Windows name means another one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zone: Option<ZoneId>,
    /// The zone of the end as the person named it, where it is not that of the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_zone: Option<ZoneId>,
    /// Whether the event has no zone, and stands in one only because Graph wants one.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) floating: bool,
    /// `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Ways into conferences that Graph did not make itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conferences: Vec<VirtualLocation>,
    /// What the reminder is called, where it has a name of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reminder: Option<NamedReminder>,
    /// What the state is that is shown, where another one is shown alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<ShownState>,
    /// Occurrences that a write under way has yet to change: Graph forgets them when the series moves, and they must not
    /// be taken for undone when the write is cut off.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) owed: BTreeMap<RecurrenceId, Override>,
}

/// A reminder that has a name of its own. It counts as long as the reminder stays where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedReminder {
    pub(super) minutes: i64,
    pub(super) key: AlertKey,
}

/// A status beside that of the time, of which Graph shows one. It counts as long as the same is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShownState {
    pub(super) show_as: String,
    pub(super) status: Status,
    pub(super) free_busy_status: FreeBusyStatus,
}

#[derive(Serialize, Deserialize)]
struct Marked {
    event: EventId,
    uid: Uid,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Ours {
    /// Reads what is there; what makes no sense counts as absent.
    pub(super) fn of(item: &Item) -> Self {
        let value = |id: &str| {
            item.single_value_extended_properties
                .iter()
                .find(|property: &&Property| property.id.eq_ignore_ascii_case(id))
                .and_then(|property| property.value.as_deref())
        };
        Self {
            name: value(NAME).map(str::to_owned),
            mark: value(MARK)
                .and_then(|text| serde_json::from_str::<Marked>(text).ok())
                .map(|marked| Mark {
                    event: marked.event,
                    uid: marked.uid,
                }),
            note: value(NOTE)
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        }
    }

    /// The properties to write. A note too long for the debt in it goes without: then a write that is cut off leaves what
    /// it leaves.
    pub(super) fn to_value(&self) -> Value {
        let mut properties = Vec::new();
        let mut add = |id: &str, value: String| properties.push(json!({"id": id, "value": value}));
        if let Some(name) = &self.name {
            add(NAME, name.clone());
        }
        if let Some(mark) = &self.mark {
            add(
                MARK,
                text(&Marked {
                    event: mark.event,
                    uid: mark.uid.clone(),
                }),
            );
        }
        let whole = text(&self.note);
        add(
            NOTE,
            if whole.len() <= NOTE_BYTES_MAX {
                whole
            } else {
                text(&Note {
                    owed: BTreeMap::new(),
                    ..self.note.clone()
                })
            },
        );
        Value::Array(properties)
    }
}

fn text<T: Serialize>(value: &T) -> String {
    // Plain data with string keys: serialising it cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}
