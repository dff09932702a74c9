//! The audit log: who did what to which object.

use jiff::Timestamp;
use uuid::Uuid;

use crate::bind::{binds, json};
use crate::error::StoreError;
use crate::tx::Tx;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its identity, sortable by time: entries are read in the order of `at`, then this.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: `cli`, a user, `sync`.
    pub actor: String,
    /// What: `link.create`, `deletions.confirm`.
    pub action: String,
    /// To what: `link 0190…`.
    pub object: String,
    /// What else is worth knowing.
    pub detail: serde_json::Value,
}

/// Adds an entry.
pub async fn append(tx: &mut Tx, entry: Entry) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        entry.id,
        entry.at,
        entry.actor,
        entry.action,
        entry.object,
        json(&entry.detail)?,
    ];
    tx.execute(
        "INSERT INTO audit (tenant_id, id, at, actor, action, object, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        binds,
    )
    .await?;
    Ok(())
}

/// The entries before a point (`at`, `id` of the last one read), the latest first.
pub async fn list(
    tx: &mut Tx,
    before: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, Uuid::max()));
    let binds = binds![tx.tenant, at, id, limit];
    let rows = tx
        .rows(
            "SELECT * FROM audit WHERE tenant_id = $1 AND (at, id) < ($2, $3)
             ORDER BY at DESC, id DESC LIMIT $4",
            binds,
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                id: row.get("id")?,
                at: row.get("at")?,
                actor: row.get("actor")?,
                action: row.get("action")?,
                object: row.get("object")?,
                detail: row.json("detail")?,
            })
        })
        .collect()
}
