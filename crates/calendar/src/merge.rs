//! Three-way merging, field by field, against what both sides last agreed on.

use serde::{Deserialize, Serialize};

use crate::event::{Address, AlertKey, RecurrenceId};

/// A unit of merging.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// Start, zone, duration, rules and shape: one unit, because half a move is no move.
    Time,
    /// `title`
    Title,
    /// `description`
    Description,
    /// `locations`
    Locations,
    /// `virtualLocations`
    VirtualLocations,
    /// `url`
    Url,
    /// `status`
    Status,
    /// `freeBusyStatus`
    FreeBusyStatus,
    /// `privacy`
    Privacy,
    /// `priority`
    Priority,
    /// `keywords`
    Keywords,
    /// `color`
    Color,
    /// One participant.
    Participant(Address),
    /// One alert.
    Alert(AlertKey),
    /// One occurrence, whole.
    Override(RecurrenceId),
}

/// Both sides changed one field, differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Which field.
    pub field: Field,
    /// What both had agreed on (JSON of the field; null where absent).
    pub base: serde_json::Value,
    /// What it became here.
    pub local: serde_json::Value,
    /// What it became there.
    pub remote: serde_json::Value,
    /// Who won, and so which value the event carries now.
    pub winner: Winner,
}

/// Who won a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// Our side.
    Local,
    /// The remote side.
    Remote,
    /// Nobody yet: each side keeps its own until a person decides.
    Undecided,
}
