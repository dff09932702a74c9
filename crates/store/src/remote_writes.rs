//! The record of remote writes: every attempt, with its cause and what came of it. Written by
//! [`intents::mark_sent`](crate::intents::mark_sent) and [`intents::settle`](crate::intents::settle).

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId, RunId};
use kalends_calendar::merge::Field;
use kalends_calendar::plan::Reason;

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteOp {
    /// Makes a remote event.
    Create,
    /// Changes one.
    Update,
    /// Deletes one.
    Delete,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteOutcome {
    /// Nobody knows yet.
    Sent,
    /// The remote side is as we want it.
    Done,
    /// Nothing happened, for now.
    Retry,
    /// It was refused.
    Failed,
    /// The remote side had changed.
    Replan,
}

/// One attempt to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteWrite {
    /// Through this link.
    pub link: LinkId,
    /// Of this event.
    pub event: EventId,
    /// The stamp of its intent.
    pub stamp: i64,
    /// The how-manieth attempt under this stamp.
    pub attempt: i64,
    /// In this run.
    pub run: RunId,
    /// When it was sent.
    pub at: Timestamp,
    /// What it does.
    pub op: WriteOp,
    /// Which fields it changes.
    pub fields: Vec<Field>,
    /// Why.
    pub reason: Reason,
    /// What came of it.
    pub outcome: WriteOutcome,
    /// The remote event, once known.
    pub remote_id: Option<RemoteId>,
    /// What was wrong, for people.
    pub error: Option<String>,
}

/// All writes of an event through any link, the latest first.
pub async fn list(tx: &mut Tx, event: EventId, limit: i64) -> Result<Vec<RemoteWrite>, StoreError> {
    let _ = (tx, event, limit);
    Err(unfinished())
}

/// How often one event was written through one link since a time: what the loop breaker counts.
pub async fn count_since(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let _ = (tx, link, event, since);
    Err(unfinished())
}
