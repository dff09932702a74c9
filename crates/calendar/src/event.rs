//! Events as series aggregates, with the field names of JSCalendar (RFC 8984).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::ids::Uid;
use crate::recurrence::Rule;
use crate::time::{Length, Start, ZoneId};
use crate::zone::CustomZone;

/// A single event or a whole series: the master with all that departs from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The identifier that all copies of this event share.
    pub uid: Uid,
    /// What the series is made of.
    #[serde(default, skip_serializing_if = "Shape::is_series")]
    pub shape: Shape,
    /// The event itself, or the master from which occurrences are derived.
    pub master: Instance,
    /// Rules that add occurrences (`RRULE`). Empty: the event happens once, unless overrides add dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recurrence_rules: Vec<Rule>,
    /// Rules that take occurrences away (`EXRULE`, deprecated but alive).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_recurrence_rules: Vec<Rule>,
    /// Single occurrences that are added, changed or taken away (`RDATE`, `RECURRENCE-ID`, `EXDATE`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recurrence_overrides: BTreeMap<RecurrenceId, Override>,
    /// Zones that no database knows, defined by the event itself; their keys open with `/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub time_zones: BTreeMap<ZoneId, CustomZone>,
    /// How often the organizer changed what guests must know (`SEQUENCE`). Not merged: the highest wins.
    #[serde(default)]
    pub sequence: u32,
    /// When the event was made, if anyone said (`CREATED`). Never compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was last changed, if anyone said (`LAST-MODIFIED`). Never compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
}

/// What the occurrences of an event come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// From the master, its rules and its overrides. The usual case, also for a single event.
    #[default]
    Series,
    /// From the overrides alone: a guest invited to single instances never sees the master (RFC 4791 §4.1).
    /// `master` then repeats the first override, for its title and zone, and yields no occurrence of its own.
    InstancesOnly,
}

impl Shape {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference"
    )]
    fn is_series(&self) -> bool {
        *self == Self::Series
    }
}

/// One happening: when, and everything that can be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// When it starts.
    pub start: Start,
    /// How long it lasts.
    #[serde(default)]
    pub duration: Length,
    /// The zone in which the end was given, where it is not that of the start (a flight).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_zone: Option<ZoneId>,
    /// The rest.
    #[serde(default)]
    pub details: Details,
}

/// What an override does to the occurrence it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Override {
    /// The occurrence does not happen (`EXDATE`).
    Excluded,
    /// An occurrence like the master, at a time the rules do not yield (`RDATE`), perhaps of another length (`PERIOD`).
    Added {
        /// The length, where it differs from the master's.
        duration: Option<Length>,
    },
    /// The occurrence is this instead (`RECURRENCE-ID`): whole, not a patch, as every provider delivers it.
    Replaced(Box<Instance>),
}

/// Names one occurrence of a series: the start that the rules gave it, on the wall clock of the master's zone.
/// Midnight for all-day series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecurrenceId(pub DateTime);

impl std::fmt::Display for RecurrenceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything about an instance but its time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// `SUMMARY`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// `DESCRIPTION`, plain text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `LOCATION` (at most one in iCalendar), with `GEO` where given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// `CONFERENCE` (RFC 7986 §5.11).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub virtual_locations: Vec<VirtualLocation>,
    /// `URL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `STATUS`.
    pub status: Status,
    /// `TRANSP`.
    pub free_busy_status: FreeBusyStatus,
    /// `CLASS`.
    pub privacy: Privacy,
    /// `PRIORITY`, 0 (undefined) to 9 (lowest).
    pub priority: u8,
    /// `CATEGORIES`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub keywords: BTreeSet<String>,
    /// `COLOR`: a CSS colour name (RFC 7986 §5.9).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// `ORGANIZER` and `ATTENDEE`, by calendar address.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub participants: BTreeMap<Address, Participant>,
    /// `VALARM`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<AlertKey, Alert>,
}

/// A calendar address, lower-cased, `mailto:` removed; other schemes (`urn:uuid:…`) stay whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl Address {
    /// Brings an address as written (`MAILTO:Ann@Example.com`) into the form in which addresses compare.
    pub fn new(text: &str) -> Self {
        let lower = text.trim().to_lowercase();
        Self(lower.strip_prefix("mailto:").unwrap_or(&lower).to_owned())
    }
}

/// Names an alert within its event: its `UID` (RFC 9074 §4) where it has one, else made from trigger and action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertKey(pub String);

/// A place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Location {
    /// As people would write it.
    pub name: String,
    /// `geo:` URI (RFC 5870), where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<String>,
}

/// A way to take part from afar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualLocation {
    /// Where to connect.
    pub uri: String,
    /// As people would call it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// Whether the event takes place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It does. Also when nothing is said.
    #[default]
    Confirmed,
    /// Perhaps.
    Tentative,
    /// It does not, and stays visible.
    Cancelled,
}

/// Whether the time is blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FreeBusyStatus {
    /// Blocked. Also when nothing is said.
    #[default]
    Busy,
    /// Free.
    Free,
}

/// Who may see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Privacy {
    /// Whoever sees the calendar. Also when nothing is said.
    #[default]
    Public,
    /// Others see only that the time is taken.
    Private,
    /// Others see nothing (iCalendar `CONFIDENTIAL`).
    Secret,
}

/// Somebody who organizes or attends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Participant {
    /// `CN`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether this is the `ORGANIZER` (JSCalendar role `owner`).
    pub organizer: bool,
    /// What is expected of an `ATTENDEE`; none for an organizer who does not attend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attendance: Option<Attendance>,
}

/// The attendee side of a participant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attendance {
    /// `PARTSTAT`.
    pub participation_status: ParticipationStatus,
    /// `ROLE`.
    pub role: Role,
    /// `CUTYPE`.
    pub kind: Kind,
    /// `RSVP`.
    pub expect_reply: bool,
}

/// `PARTSTAT` of RFC 5545 §3.2.12, as far as events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ParticipationStatus {
    /// No answer yet. Also for values nobody knows.
    #[default]
    NeedsAction,
    /// Coming.
    Accepted,
    /// Not coming.
    Declined,
    /// Perhaps coming.
    Tentative,
    /// Sends somebody else.
    Delegated,
}

/// `ROLE` of RFC 5545 §3.2.16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Needed. Also for values nobody knows.
    #[default]
    Required,
    /// Welcome.
    Optional,
    /// Leads.
    Chair,
    /// Is told, and need not come.
    Informational,
}

/// `CUTYPE` of RFC 5545 §3.2.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A person. Also for values nobody knows.
    #[default]
    Individual,
    /// Several people.
    Group,
    /// A thing.
    Resource,
    /// A room.
    Room,
}

/// A reminder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// When it fires.
    pub trigger: Trigger,
    /// How.
    pub action: AlertAction,
}

/// When a reminder fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// Seconds from the start; before it where negative.
    FromStart(i64),
    /// Seconds from the end; before it where negative.
    FromEnd(i64),
    /// At an instant.
    At(Timestamp),
}

/// How a reminder speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertAction {
    /// On a screen (also iCalendar `AUDIO`, and values nobody knows).
    Display,
    /// By mail.
    Email,
}
