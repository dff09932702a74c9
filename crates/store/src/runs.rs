//! Runs: each time the engine worked on a link, what woke it and what came of it.

use jiff::Timestamp;
use kalends_calendar::ids::{Cursor, LinkId, RunId};

use crate::bind::{binds, json};
use crate::error::StoreError;
use crate::links::DueReason;
use crate::row::Row;
use crate::tx::Tx;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on, or its node died and the link was not run since.
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

/// Puts a run on record. Whatever run of the link is still open was cut off, or its node died: it is closed. Of a link that was
/// deleted meanwhile nothing is recorded, because nobody would close it.
pub async fn start(tx: &mut Tx, new: NewRun) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, new.link];
    // Who deletes the link waits until the record is there, and closes it.
    let there = tx
        .execute(
            "UPDATE links SET fence = fence WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    if there == 0 {
        return Ok(());
    }
    interrupt(tx, new.link, new.started_at).await?;
    let binds = binds![
        tx.tenant,
        new.id,
        new.link,
        new.reason,
        new.holder,
        new.cursor,
        new.started_at,
    ];
    tx.execute(
        "INSERT INTO runs (tenant_id, id, link_id, reason, holder, cursor, started_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'running')",
        binds,
    )
    .await?;
    Ok(())
}

/// Records how it ended.
pub async fn finish(tx: &mut Tx, id: RunId, end: RunEnd) -> Result<(), StoreError> {
    let state = match end.error {
        None => RunState::Done,
        Some(_) => RunState::Failed,
    };
    let binds = binds![tx.tenant, id, state, end.at, json(&end.counts)?, end.error];
    let touched = tx
        .execute(
            "UPDATE runs SET state = $3, finished_at = $4, counts = $5, error = $6
             WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("run"));
    }
    Ok(())
}

/// The text that closes runs. A link has as many runs as days have minutes; there is an index of the open ones.
macro_rules! interrupting {
    ($before:literal) => {
        concat!(
            $before,
            "UPDATE runs SET state = 'failed', finished_at = $3, error = 'stopped before it was done'
             WHERE tenant_id = $1 AND link_id = $2 AND state = 'running'"
        )
    };
}

/// Closes the records of a link's runs that nobody goes on with.
pub(crate) async fn interrupt(tx: &mut Tx, link: LinkId, at: Timestamp) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, at];
    tx.execute(interrupting!(""), binds).await?;
    Ok(())
}

/// The latest runs of a link, the latest first.
pub async fn list(tx: &mut Tx, link: LinkId, limit: i64) -> Result<Vec<Run>, StoreError> {
    let binds = binds![tx.tenant, link, limit];
    let rows = tx
        .rows(
            "SELECT * FROM runs WHERE tenant_id = $1 AND link_id = $2
             ORDER BY started_at DESC, id DESC LIMIT $3",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One run.
pub async fn get(tx: &mut Tx, id: RunId) -> Result<Option<Run>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row("SELECT * FROM runs WHERE tenant_id = $1 AND id = $2", binds)
        .await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<Run, StoreError> {
    Ok(Run {
        id: row.get("id")?,
        link: row.get("link_id")?,
        reason: row.get("reason")?,
        holder: row.get("holder")?,
        cursor: row.opt("cursor")?,
        state: row.get("state")?,
        started_at: row.get("started_at")?,
        finished_at: row.opt("finished_at")?,
        counts: row.opt_json("counts")?.unwrap_or_default(),
        error: row.opt("error")?,
    })
}

#[cfg(test)]
mod tests {
    use kalends_calendar::ids::TenantId;
    use uuid::Uuid;

    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn open_runs_are_found_without_looking_at_all_that_ever_were() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate_up().await.unwrap();
        let tenant = TenantId(Uuid::nil());
        let mut tx = store.read(tenant).await.unwrap();
        let binds = binds![tenant, LinkId(Uuid::nil()), Timestamp::UNIX_EPOCH];
        let rows = tx
            .rows(interrupting!("EXPLAIN QUERY PLAN "), binds)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
        assert!(plan[0].contains("INDEX runs_open"), "{plan:?}");
    }
}
