//! Skips: remote items that could not be read or are refused, remembered until they change.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{LinkId, RemoteId, Version};

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::Row;
use crate::tx::Tx;

/// A remote item that is passed over while it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Which.
    pub remote_id: RemoteId,
    /// In which version.
    pub version: Option<Version>,
    /// Why, for people.
    pub error: String,
    /// Since when.
    pub at: Timestamp,
}

/// The skips among these remote events.
pub async fn get(tx: &mut Tx, link: LinkId, ids: &[RemoteId]) -> Result<Vec<Skip>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT remote_id, version, error, at FROM skips
             WHERE tenant_id = $1 AND link_id = $2 AND remote_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = ids.iter().map(Bind::from).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(read).collect()
}

/// All skips of a link.
pub async fn list(tx: &mut Tx, link: LinkId) -> Result<Vec<Skip>, StoreError> {
    let binds = binds![tx.tenant, link];
    let rows = tx
        .rows(
            "SELECT remote_id, version, error, at FROM skips
             WHERE tenant_id = $1 AND link_id = $2 ORDER BY remote_id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Remembers items to pass over. An item that was skipped already keeps its time if its version is the same.
pub(crate) async fn put(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    skip: Skip,
) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        link,
        skip.remote_id,
        skip.version,
        skip.error,
        generation,
        skip.at,
    ];
    tx.execute(
        "INSERT INTO skips (tenant_id, link_id, remote_id, version, error, generation, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, link_id, remote_id) DO UPDATE SET
            at = CASE WHEN skips.version = excluded.version THEN skips.at ELSE excluded.at END,
            version = excluded.version, error = excluded.error, generation = excluded.generation",
        binds,
    )
    .await?;
    Ok(())
}

/// Forgets the skips of items that can be read now, or are gone.
pub(crate) async fn forget(tx: &mut Tx, link: LinkId, ids: Vec<Bind>) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "DELETE FROM skips WHERE tenant_id = $1 AND link_id = $2 AND remote_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    tx.execute_in(&TEXT, &shared, ids).await?;
    Ok(())
}

/// Forgets the skips that a finished full listing did not name.
pub(crate) async fn forget_unseen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, generation];
    tx.execute(
        "DELETE FROM skips WHERE tenant_id = $1 AND link_id = $2 AND generation < $3",
        binds,
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Skip, StoreError> {
    Ok(Skip {
        remote_id: row.get("remote_id")?,
        version: row.opt("version")?,
        error: row.get("error")?,
        at: row.get("at")?,
    })
}
