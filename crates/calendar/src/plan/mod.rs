//! What to do about what both sides did: plain data, made by a pure function, applied by the store.

mod bounds;
mod brake;
mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

pub use bounds::{Fingerprint, ImportBounds, Importing, Met};
pub use brake::{BRAKE_MIN_DELETIONS, BRAKE_PERCENT, Brake, brake};
pub use incoming::{Ours, Standing, Theirs, plan_incoming};
pub use outgoing::{Owed, mirror_name, plan_outgoing, would_send};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::ids::{EventId, RemoteId, Uid, Version};
use crate::merge::Conflict;
use crate::provider::Raw;
use crate::revision::Revision;

/// Our side of one event, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canonical {
    /// It is there.
    Live {
        /// Its identity.
        id: EventId,
        /// The revision that a plan starts from.
        revision: Revision,
        /// What it is.
        event: Box<Event>,
        /// When it last changed, by our clock.
        changed_at: Timestamp,
    },
    /// It was deleted, restorably.
    Deleted {
        /// Its identity.
        id: EventId,
        /// The revision of the deletion.
        revision: Revision,
        /// What it was before; none where that is not known.
        last: Option<Box<Event>>,
    },
}

impl Canonical {
    /// Its latest revision.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Live { revision, .. } | Self::Deleted { revision, .. } => *revision,
        }
    }

    /// Its identity, there or not.
    pub fn id(&self) -> EventId {
        match self {
            Self::Live { id, .. } | Self::Deleted { id, .. } => *id,
        }
    }
}

/// A mirror with its merge base read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The mirror as the store has it.
    pub mirror: Mirror,
    /// What its payload says.
    pub base: Event,
}

/// What the link and the remote side last agreed on about one event; the merge base is read from `raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Our event.
    pub event: EventId,
    /// Theirs.
    pub remote_id: RemoteId,
    /// Its version when we last saw it.
    pub version: Option<Version>,
    /// Its content when we last saw it.
    pub raw: Raw,
    /// Whose event this is at home.
    pub origin: Origin,
}

/// On which side an event was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// At the remote side: it was theirs before we saw it.
    Remote,
    /// Here: what stands there is a copy that we wrote, and carries our mark.
    Kalends,
}

/// One thing to do in the store. The steps of one plan are applied in one transaction, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new event of ours. Its other links owe it to their sides.
    CreateEvent {
        /// Its identity.
        event: EventId,
        /// Its first version.
        body: Box<Event>,
        /// Why, for the history.
        reason: Reason,
    },
    /// A new version of an event of ours, if it still is in the revision that the plan was made from.
    UpdateEvent {
        /// Which event.
        event: EventId,
        /// The revision the plan was made from.
        from: Revision,
        /// The new version.
        body: Box<Event>,
        /// Why, for the history.
        reason: Reason,
    },
    /// An event of ours ends, restorably, if it still is in the revision that the plan was made from.
    DeleteEvent {
        /// Which event.
        event: EventId,
        /// The revision the plan was made from.
        from: Revision,
        /// Why, for the history.
        reason: Reason,
    },
    /// What was agreed.
    SetMirror(Mirror),
    /// Nothing is agreed any more: the remote copy is gone.
    DropMirror {
        /// Which event.
        event: EventId,
    },
    /// This link owes its remote side the present state of an event.
    Push {
        /// Which event.
        event: EventId,
        /// Why, for the audit.
        reason: Reason,
    },
    /// Both sides changed one field. Replaces an open conflict of the same event, link and field.
    RecordConflict {
        /// Which event.
        event: EventId,
        /// What each side said and who won.
        conflict: Conflict,
    },
    /// A deletion that would be carried out waits for a person's word.
    HoldDeletion {
        /// Which event.
        event: EventId,
    },
    /// An item that could not be read or is refused; tried again when its version changes.
    Skip {
        /// Which remote event.
        remote_id: RemoteId,
        /// The version that is refused.
        version: Option<Version>,
        /// Why, for people.
        error: String,
    },
    /// An event that is new to us and lies wholly outside what the link imports. It stays where it is; taken in when it
    /// changes.
    LeaveOutside(LeftOutside),
}

/// What is remembered of a remote event that is left outside the bounds of its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutside {
    /// Which remote event.
    pub remote_id: RemoteId,
    /// Its version when it was left.
    pub version: Option<Version>,
    /// Its content then, where versions say nothing.
    pub fingerprint: Fingerprint,
    /// What it is known by if an event of ours turns out to be the same.
    pub uid: Uid,
}

/// Why a step is taken. Printed in plans, kept in histories and the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// New at the remote side.
    NewThere,
    /// New here.
    NewHere,
    /// Changed at the remote side.
    ChangedThere,
    /// Changed here.
    ChangedHere,
    /// Changed on both sides.
    Merged,
    /// Deleted at the remote side.
    DeletedThere,
    /// Deleted here.
    DeletedHere,
    /// Deleted there, edited here: the edit wins.
    EditBeatsDeletionThere,
    /// Deleted here, edited there: the edit wins.
    EditBeatsDeletionHere,
    /// Found again by its mark or UID.
    FoundAgain,
    /// What they changed may not be changed there: it is put back.
    PutBack,
    /// The account was disconnected, and what Kalends wrote there is taken away.
    Leaving,
}
