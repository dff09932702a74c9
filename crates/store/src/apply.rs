//! Applying a plan: one transaction, under a lease.

use jiff::Timestamp;
use kalends_calendar::ids::{Cursor, RemoteId, RunId};
use kalends_calendar::plan::Step;

use crate::error::ApplyError;
use crate::leases::{Lease, unfinished};
use crate::store::Store;

/// What one page of a run changes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The plan's steps.
    pub steps: Vec<Step>,
    /// Remote events that a full listing named, whether or not they were news.
    pub seen: Vec<RemoteId>,
    /// Remote events that are explicitly gone: what was skipped about them is forgotten.
    pub gone: Vec<RemoteId>,
    /// The number of the full listing under way; none for an incremental one. A new full listing takes
    /// [`Link::generation`](crate::links::Link::generation) plus one, and keeps it for all its batches.
    pub generation: Option<i64>,
    /// What becomes of the cursor.
    pub cursor: CursorMove,
    /// Whether this ends a full listing: the link is live from now on, and skips it did not see are forgotten.
    pub complete: bool,
    /// In this run.
    pub run: RunId,
    /// Now.
    pub at: Timestamp,
}

impl Batch {
    /// A batch that does nothing yet.
    pub fn new(run: RunId, at: Timestamp) -> Self {
        Self {
            steps: Vec::new(),
            seen: Vec::new(),
            gone: Vec::new(),
            generation: None,
            cursor: CursorMove::Keep,
            complete: false,
            run,
            at,
        }
    }
}

/// What becomes of a link's cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorMove {
    /// It stays: the listing is not whole yet.
    Keep,
    /// The next run goes on from here.
    Set(Cursor),
    /// The next run lists everything: the cursor is dead, or the provider gives none.
    Clear,
}

/// What a batch did, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Applied {
    /// Events made.
    pub created: u64,
    /// Events changed.
    pub updated: u64,
    /// Events deleted.
    pub deleted: u64,
    /// Mirrors set.
    pub mirrored: u64,
    /// Mirrors dropped.
    pub dropped: u64,
    /// Remote writes owed by this link.
    pub pushed: u64,
    /// Conflicts recorded.
    pub conflicts: u64,
    /// Deletions held.
    pub held: u64,
    /// Items skipped.
    pub skipped: u64,
}

/// Applies a batch, whole or not at all.
pub async fn apply(store: &Store, lease: &Lease, batch: Batch) -> Result<Applied, ApplyError> {
    let _ = (store, lease, batch);
    Err(unfinished().into())
}
