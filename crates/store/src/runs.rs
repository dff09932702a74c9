//! Runs: each time the engine worked on a link, what woke it and what came of it.

use jiff::Timestamp;
use kalends_calendar::ids::{Cursor, LinkId, RunId};

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::links::DueReason;
use crate::tx::Tx;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on, or its node died.
    Running,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its identity.
    pub id: RunId,
    /// Over which link.
    pub link: LinkId,
    /// What woke it.
    pub reason: DueReason,
    /// On which node.
    pub holder: String,
    /// From which cursor; none for a full listing.
    pub cursor: Option<Cursor>,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What it did, counted; null until it ended.
    pub counts: serde_json::Value,
    /// What was wrong, for people.
    pub error: Option<String>,
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its identity.
    pub id: RunId,
    /// Over which link.
    pub link: LinkId,
    /// What woke it.
    pub reason: DueReason,
    /// On which node.
    pub holder: String,
    /// From which cursor; none for a full listing.
    pub cursor: Option<Cursor>,
    /// Now.
    pub started_at: Timestamp,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// Now.
    pub at: Timestamp,
    /// What it did, counted.
    pub counts: serde_json::Value,
    /// What was wrong, for people; none if it ended well.
    pub error: Option<String>,
}

/// Puts a run on record.
pub async fn start(tx: &mut Tx, new: NewRun) -> Result<(), StoreError> {
    let _ = (tx, new);
    Err(unfinished())
}

/// Records how it ended.
pub async fn finish(tx: &mut Tx, id: RunId, end: RunEnd) -> Result<(), StoreError> {
    let _ = (tx, id, end);
    Err(unfinished())
}

/// The latest runs of a link, the latest first.
pub async fn list(tx: &mut Tx, link: LinkId, limit: i64) -> Result<Vec<Run>, StoreError> {
    let _ = (tx, link, limit);
    Err(unfinished())
}

/// One run.
pub async fn get(tx: &mut Tx, id: RunId) -> Result<Option<Run>, StoreError> {
    let _ = (tx, id);
    Err(unfinished())
}
