//! Skips: remote items that could not be read or are refused, remembered until they change. What lies
//! [outside](crate::outside) the bounds of a link is passed over in the same way.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{LinkId, RemoteId, Version};
use kalends_calendar::plan::Fingerprint;

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
    /// What it was made of, where it is nothing wrong but lies [outside](crate::outside) the bounds of its link.
    pub outside: Option<Fingerprint>,
}

/// What is passed over among these remote events, for whatever reason.
pub async fn get(tx: &mut Tx, link: LinkId, ids: &[RemoteId]) -> Result<Vec<Skip>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT remote_id, version, error, at, fingerprint FROM skips
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

/// The items of a link that could not be handled.
pub async fn list(tx: &mut Tx, link: LinkId) -> Result<Vec<Skip>, StoreError> {
    let binds = binds![tx.tenant, link];
    let rows = tx
        .rows(
            "SELECT remote_id, version, error, at, fingerprint FROM skips
             WHERE tenant_id = $1 AND link_id = $2 AND fingerprint IS NULL ORDER BY remote_id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Remembers an item that could not be handled. One that was skipped already keeps its time if its version is the same.
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
            version = excluded.version, error = excluded.error, generation = excluded.generation,
            fingerprint = NULL, uid_key = NULL",
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

/// Forgets the skips that a finished full listing did not name. Of what lies outside nothing is forgotten for having gone
/// unnamed: it would be taken for news when it is named again.
pub(crate) async fn forget_unseen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, generation];
    tx.execute(
        "DELETE FROM skips WHERE tenant_id = $1 AND link_id = $2 AND generation < $3
            AND fingerprint IS NULL",
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
        outside: row.opt("fingerprint")?.map(Fingerprint),
    })
}
