//! What came of a run: counts for people and scripts, and the plan when it was only asked for.

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RunId};
use kalends_calendar::merge::Field;
use kalends_calendar::plan::Reason;
use kalends_calendar::time::Start;
use serde::{Deserialize, Serialize};

/// What came of one run over one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which link.
    pub link: LinkId,
    /// Which run.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// What it did.
    pub counts: Counts,
    /// What it would do; filled by a dry run only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<Planned>,
    /// Items that could not be handled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Outcome {
    /// Both sides are in step, but for what is held or skipped.
    Succeeded,
    /// It ended early and goes on by itself.
    Failed {
        /// Why, for people.
        error: String,
        /// When it goes on.
        retry_at: Timestamp,
    },
    /// The budget of the account's requests is used up; what was done stays, and it goes on by itself.
    Waiting {
        /// When it goes on.
        until: Timestamp,
    },
    /// It cannot go on without a person.
    NeedsReconnect {
        /// Why, for people.
        error: String,
    },
    /// Another node has taken the link over, or it may not be synced any more.
    TakenOver,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events made here.
    pub created: usize,
    /// Events changed here.
    pub updated: usize,
    /// Events deleted here.
    pub deleted: usize,
    /// Writes to the remote side.
    pub pushed: usize,
    /// Fields that both sides had changed.
    pub conflicts: usize,
    /// Deletions that wait for a person's word.
    pub held: usize,
    /// Items that could not be handled.
    pub skipped: usize,
    /// Remote events that were left outside the bounds of the link.
    #[serde(default)]
    pub outside: usize,
    /// Remote events looked at.
    pub seen: usize,
}

/// An item that could not be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which one: a remote id, or one of our events.
    pub item: String,
    /// Why, for people.
    pub error: String,
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// On which side.
    pub side: Side,
    /// What.
    pub action: Action,
    /// The title of the event.
    pub title: String,
    /// When it starts.
    pub start: Option<Start>,
    /// Our event, where there is one already.
    pub event: Option<EventId>,
    /// Which fields.
    pub fields: Vec<Field>,
    /// Why.
    pub reason: Reason,
}

/// The side on which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// In our calendar.
    Here,
    /// In the remote calendar.
    There,
}

/// What happens to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// It would be deleted, and waits for a person's word.
    Hold,
    /// It cannot be handled.
    Skip,
    /// Both sides changed the same field.
    Conflict,
}

impl Planned {
    pub(crate) fn of(mut self, event: EventId) -> Self {
        self.event = Some(event);
        self
    }
}

impl Report {
    pub(crate) fn count(
        &mut self,
        applied: &kalends_store::Applied,
        skipped: Vec<(kalends_calendar::ids::RemoteId, String)>,
    ) {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        self.counts.created += number(applied.created);
        self.counts.updated += number(applied.updated);
        self.counts.deleted += number(applied.deleted);
        self.counts.conflicts += number(applied.conflicts);
        self.counts.held += number(applied.held);
        self.counts.outside += number(applied.outside);
        self.counts.skipped += skipped.len();
        self.skipped
            .extend(skipped.into_iter().map(|(item, error)| Skipped {
                item: item.0,
                error,
            }));
    }
}
