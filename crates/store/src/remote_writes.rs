//! The record of remote writes: every attempt, with its cause and what came of it. Written by
//! [`intents::mark_sent`](crate::intents::mark_sent) and [`intents::settle`](crate::intents::settle).

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId, RunId};
use kalends_calendar::merge::Field;
use kalends_calendar::plan::Reason;

use crate::bind::{binds, json};
use crate::error::StoreError;
use crate::intents::{MirrorMove, Place, Sending, Settlement};
use crate::row::Row;
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
    let binds = binds![tx.tenant, event, limit];
    let rows = tx
        .rows(
            "SELECT * FROM remote_writes WHERE tenant_id = $1 AND event_id = $2
             ORDER BY at DESC, stamp DESC, attempt DESC LIMIT $3",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// How often one event was written through one link since a time: what the loop breaker counts.
pub async fn count_since(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant, link, event, since];
    tx.only_row(
        "SELECT count(*) AS n FROM remote_writes
         WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND at >= $4",
        binds,
    )
    .await?
    .get("n")
}

/// Puts an attempt on record.
pub(crate) async fn insert(
    tx: &mut Tx,
    link: LinkId,
    sending: &Sending,
    attempt: i64,
) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        link,
        sending.event,
        sending.stamp,
        attempt,
        sending.run,
        sending.at,
        sending.op,
        json(&sending.fields)?,
        sending.reason,
        WriteOutcome::Sent,
        sending.remote_id.clone(),
    ];
    tx.execute(
        "INSERT INTO remote_writes (tenant_id, link_id, event_id, stamp, attempt, run_id, at, op,
            fields, reason, outcome, remote_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        binds,
    )
    .await?;
    Ok(())
}

/// Records what came of the attempts under a stamp of which nobody knew yet.
pub(crate) async fn settle(
    tx: &mut Tx,
    place: &Place,
    settlement: &Settlement,
) -> Result<(), StoreError> {
    let (outcome, remote_id, error) = match settlement {
        Settlement::Done(MirrorMove::Set(mirror)) => {
            (WriteOutcome::Done, Some(mirror.remote_id.clone()), None)
        }
        Settlement::Done(MirrorMove::Drop | MirrorMove::Keep) => (WriteOutcome::Done, None, None),
        Settlement::Unknown { error, .. } => (WriteOutcome::Sent, None, Some(error.clone())),
        Settlement::Retry { error, .. } => (WriteOutcome::Retry, None, Some(error.clone())),
        Settlement::Failed { error } => (WriteOutcome::Failed, None, Some(error.clone())),
        Settlement::Replan => (WriteOutcome::Replan, None, None),
    };
    let binds = binds![
        tx.tenant,
        place.link,
        place.event,
        place.stamp,
        outcome,
        remote_id,
        error,
    ];
    tx.execute(
        "UPDATE remote_writes SET outcome = $5, remote_id = coalesce($6, remote_id), error = $7
         WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND stamp = $4
            AND outcome = 'sent'",
        binds,
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<RemoteWrite, StoreError> {
    Ok(RemoteWrite {
        link: row.get("link_id")?,
        event: row.get("event_id")?,
        stamp: row.get("stamp")?,
        attempt: row.get("attempt")?,
        run: row.get("run_id")?,
        at: row.get("at")?,
        op: row.get("op")?,
        fields: row.json("fields")?,
        reason: row.get("reason")?,
        outcome: row.get("outcome")?,
        remote_id: row.opt("remote_id")?,
        error: row.opt("error")?,
    })
}
