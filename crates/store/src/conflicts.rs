//! Conflicts: fields that both sides changed, with the value that lost.

use jiff::Timestamp;
use kalends_calendar::ids::{ConflictId, EventId, LinkId, RunId};
use kalends_calendar::merge::{Conflict, Field};

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;

/// Where a conflict stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictState {
    /// Each side keeps its own until a person decides.
    Open,
    /// The link's policy decided.
    Decided,
    /// A person decided, or the link is gone.
    Resolved,
}

/// A conflict on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConflict {
    /// Its identity.
    pub id: ConflictId,
    /// Met by this link.
    pub link: LinkId,
    /// About this event.
    pub event: EventId,
    /// What each side said and who won.
    pub conflict: Conflict,
    /// Where it stands.
    pub state: ConflictState,
    /// In which run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// By whom.
    pub resolved_by: Option<String>,
}

/// Which conflicts to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that wait for a person.
    Open,
    /// All that ever were.
    All,
}

/// The conflicts, the latest first.
pub async fn list(
    tx: &mut Tx,
    which: Which,
    limit: i64,
) -> Result<Vec<StoredConflict>, StoreError> {
    let _ = (tx, which, limit);
    Err(unfinished())
}

/// One conflict.
pub async fn get(tx: &mut Tx, id: ConflictId) -> Result<Option<StoredConflict>, StoreError> {
    let _ = (tx, id);
    Err(unfinished())
}

/// Closes a conflict: a person decided. What was decided is an edit of the event, made by the caller.
pub async fn resolve(
    tx: &mut Tx,
    id: ConflictId,
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let _ = (tx, id, by, at);
    Err(unfinished())
}

/// The fields of these events that wait for a person on this link.
pub async fn open_fields(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<Vec<(EventId, Field)>, StoreError> {
    let _ = (tx, link, events);
    Err(unfinished())
}
