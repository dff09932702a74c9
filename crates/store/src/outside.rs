//! What lies outside the bounds of a link's first import: passed over without anything being wrong with it, and remembered
//! so that no later listing takes it for news. It stands among the [`skips`](crate::skips), by its remote id.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{LinkId, RemoteId, Uid};
use kalends_calendar::plan::LeftOutside;

use crate::bind::binds;
use crate::error::StoreError;
use crate::events::uid_key;
use crate::multi::Multi;
use crate::tx::Tx;

/// How many remote events of one UID are told: honest servers have one.
const SAME_UID_MAX: i64 = 5;

/// How many remote events a link leaves outside.
pub async fn count(tx: &mut Tx, link: LinkId) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant, link];
    tx.only_row(
        "SELECT count(*) AS n FROM skips
         WHERE tenant_id = $1 AND link_id = $2 AND fingerprint IS NOT NULL",
        binds,
    )
    .await?
    .get("n")
}

/// The remote events left outside that may be the same as an event of this UID. It is found by the beginning of the UID: look
/// at them to be sure.
pub async fn of_uid(tx: &mut Tx, link: LinkId, uid: &Uid) -> Result<Vec<RemoteId>, StoreError> {
    let binds = binds![tx.tenant, link, uid_key(uid), SAME_UID_MAX];
    let rows = tx
        .rows(
            "SELECT remote_id FROM skips WHERE tenant_id = $1 AND link_id = $2 AND uid_key = $3
             ORDER BY remote_id LIMIT $4",
            binds,
        )
        .await?;
    rows.iter().map(|row| row.get("remote_id")).collect()
}

/// The remote events left outside that no listing since `generation` has named, by their ids.
pub async fn unseen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    after: Option<&RemoteId>,
    limit: i64,
) -> Result<Vec<RemoteId>, StoreError> {
    let after = after.map_or("", |id| id.0.as_str());
    let binds = binds![tx.tenant, link, generation, after, limit];
    let rows = tx
        .rows(
            "SELECT remote_id FROM skips WHERE tenant_id = $1 AND link_id = $2
                AND generation < $3 AND fingerprint IS NOT NULL AND remote_id > $4
             ORDER BY remote_id LIMIT $5",
            binds,
        )
        .await?;
    rows.iter().map(|row| row.get("remote_id")).collect()
}

/// Remembers what is left outside; of two entries about one remote event the later one counts.
pub(crate) async fn put(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    left: Vec<LeftOutside>,
    at: Timestamp,
) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO skips (tenant_id, link_id, generation, at, error,
                remote_id, version, fingerprint, uid_key) VALUES ",
            4,
            "($1, $2, $3, $4, '', ?, ?, ?, ?)",
            " ON CONFLICT (tenant_id, link_id, remote_id) DO UPDATE SET
                at = excluded.at, version = excluded.version, error = excluded.error,
                generation = excluded.generation, fingerprint = excluded.fingerprint,
                uid_key = excluded.uid_key",
        )
    });
    let shared = binds![tx.tenant, link, generation, at];
    // A statement may name a row only once.
    let last: BTreeMap<RemoteId, LeftOutside> = left
        .into_iter()
        .map(|left| (left.remote_id.clone(), left))
        .collect();
    let mut items = Vec::with_capacity(last.len() * 4);
    for left in last.into_values() {
        items.extend(binds![
            left.remote_id,
            left.version,
            left.fingerprint.0,
            uid_key(&left.uid),
        ]);
    }
    tx.execute_many(&TEXT, &shared, items).await?;
    Ok(())
}
