//! An event as one calendar holds it: typed where rules apply, verbatim where Google only keeps what it was given.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::moment::Moment;

/// One calendar's copy of an event, of a whole series, or of an exception to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id, the same on every guest's calendar.
    pub id: String,
    /// `iCalUID`, shared by a series and its exceptions.
    pub uid: String,
    /// Whether it takes place.
    pub status: Status,
    /// When it starts; of a series, its first instance.
    pub start: Moment,
    /// When it ends, exclusive.
    pub end: Moment,
    /// `RRULE`, `EXRULE`, `RDATE` and `EXDATE` lines; none for singles and exceptions.
    pub recurrence: Vec<String>,
    /// Which instance of which series it is, for an exception.
    pub slot: Option<Slot>,
    /// Who made it.
    pub creator: Party,
    /// Whose it is: by its mail address, the calendar that the others are copies of.
    pub organizer: Party,
    /// Who is invited.
    pub attendees: Vec<Attendee>,
    /// `SEQUENCE`.
    pub sequence: i64,
    /// What kind of event it is. Never changes.
    pub kind: Kind,
    /// Whether it is a copy that nothing spreads from, as `import` makes them.
    pub private_copy: bool,
    /// Each user's own reminders, as they were set.
    pub reminders: BTreeMap<String, Value>,
    /// Everything else a client may set, in the shape of the API.
    pub fields: Map<String, Value>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed, reminders aside.
    pub updated: Timestamp,
    /// The number in its ETag.
    pub version: u64,
    /// Since when it is a tombstone: deleted, and told for a while.
    pub deleted_at: Option<Timestamp>,
}

/// Which instance of a series an exception is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The series' id (`recurringEventId`).
    pub series: String,
    /// When the rule has it start (`originalStartTime`). Never changes.
    pub original: Moment,
}

/// `status` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Status {
    Confirmed,
    Tentative,
    Cancelled,
}

/// `eventType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Kind {
    Default,
    OutOfOffice,
    FocusTime,
    WorkingLocation,
    Birthday,
    FromGmail,
}

/// An organizer or creator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The mail address; for a secondary calendar its id.
    pub email: String,
    /// The name, where there is one.
    pub name: Option<String>,
}

/// Somebody invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// The mail address.
    pub email: String,
    /// The name, where there is one.
    pub name: Option<String>,
    /// What they answered.
    pub answer: Answer,
    /// What they said with it.
    pub comment: Option<String>,
    /// Whether they may stay away.
    pub optional: bool,
    /// Whether it is a room or a thing.
    pub resource: bool,
    /// How many they bring.
    pub additional_guests: i64,
}

/// `responseStatus` of an attendee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Answer {
    NeedsAction,
    Declined,
    Tentative,
    Accepted,
}

/// The names of all kinds, as `eventTypes` takes them.
pub(crate) const KINDS: [&str; 6] = [
    "birthday",
    "default",
    "focusTime",
    "fromGmail",
    "outOfOffice",
    "workingLocation",
];

/// What belongs to one copy of an event alone; everything else is the organizer's.
pub(crate) const PERSONAL_FIELDS: [&str; 4] =
    ["colorId", "eventLabelId", "transparency", "visibility"];

impl Status {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Tentative => "tentative",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        [Self::Confirmed, Self::Tentative, Self::Cancelled]
            .into_iter()
            .find(|status| status.word() == word)
    }
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::OutOfOffice => "outOfOffice",
            Self::FocusTime => "focusTime",
            Self::WorkingLocation => "workingLocation",
            Self::Birthday => "birthday",
            Self::FromGmail => "fromGmail",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        [
            Self::Default,
            Self::OutOfOffice,
            Self::FocusTime,
            Self::WorkingLocation,
            Self::Birthday,
            Self::FromGmail,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }
}

impl Answer {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NeedsAction => "needsAction",
            Self::Declined => "declined",
            Self::Tentative => "tentative",
            Self::Accepted => "accepted",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        [
            Self::NeedsAction,
            Self::Declined,
            Self::Tentative,
            Self::Accepted,
        ]
        .into_iter()
        .find(|answer| answer.word() == word)
    }
}

impl Attendee {
    /// Somebody who has not answered yet.
    pub fn new(email: &str) -> Self {
        Self {
            email: email.to_owned(),
            name: None,
            answer: Answer::NeedsAction,
            comment: None,
            optional: false,
            resource: false,
            additional_guests: 0,
        }
    }

    pub(crate) fn is(&self, email: &str) -> bool {
        self.email.eq_ignore_ascii_case(email)
    }
}

impl Event {
    /// The ETag with the quotes that belong to it.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    pub(crate) fn is_series(&self) -> bool {
        !self.recurrence.is_empty()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.status == Status::Cancelled
    }

    pub(crate) fn is_tombstone(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// Whether the copy on this calendar is the one the others follow.
    pub(crate) fn is_organized_by(&self, calendar: &str) -> bool {
        self.organizer.email.eq_ignore_ascii_case(calendar)
    }

    pub(crate) fn attendee(&self, email: &str) -> Option<&Attendee> {
        self.attendees.iter().find(|attendee| attendee.is(email))
    }

    /// A field that is text.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// A field that is true or false.
    pub(crate) fn flag(&self, field: &str, default: bool) -> bool {
        let value = self.fields.get(field).and_then(Value::as_bool);
        value.unwrap_or(default)
    }

    /// Whether only those who may see private things see what it is about.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self.text("visibility"), Some("private" | "confidential"))
    }

    /// Whether it keeps the time busy for the calendar it is on.
    pub(crate) fn is_busy(&self, calendar: &str) -> bool {
        let declined = self
            .attendee(calendar)
            .is_some_and(|me| me.answer == Answer::Declined);
        !self.is_cancelled() && self.text("transparency") != Some("transparent") && !declined
    }

    /// What the organizer decides, for comparing two versions: everything but answers and one's own things.
    pub(crate) fn shared(&self) -> Shared<'_> {
        let fields = self
            .fields
            .iter()
            .filter(|(name, _)| !PERSONAL_FIELDS.contains(&name.as_str()))
            .filter(|(name, _)| *name != "extendedProperties");
        Shared {
            status: self.status,
            start: &self.start,
            end: &self.end,
            recurrence: &self.recurrence,
            fields: fields.collect(),
            properties: self
                .fields
                .get("extendedProperties")
                .and_then(|properties| properties.get("shared")),
        }
    }
}

/// What the organizer decides about an event, the guest list aside.
#[derive(Debug, PartialEq)]
pub(crate) struct Shared<'a> {
    status: Status,
    start: &'a Moment,
    end: &'a Moment,
    recurrence: &'a [String],
    fields: BTreeMap<&'a String, &'a Value>,
    properties: Option<&'a Value>,
}
