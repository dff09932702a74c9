//! Mirrors: what a link and its remote side last agreed on about each event.

use std::sync::LazyLock;

use kalends_calendar::ids::{EventId, LinkId, RemoteId, Version};
use kalends_calendar::plan::Mirror;

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::Row;
use crate::tx::Tx;

/// A mirror without its content: enough to tell whether a listing brings news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorVersion {
    /// Their event.
    pub remote_id: RemoteId,
    /// Ours.
    pub event: EventId,
    /// Its version when we last saw it.
    pub version: Option<Version>,
}

/// The mirrors of these remote events.
pub async fn by_remote_ids(
    tx: &mut Tx,
    link: LinkId,
    ids: &[RemoteId],
) -> Result<Vec<Mirror>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT event_id, remote_id, version, raw, origin FROM mirrors
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

/// The same without contents.
pub async fn versions(
    tx: &mut Tx,
    link: LinkId,
    ids: &[RemoteId],
) -> Result<Vec<MirrorVersion>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT event_id, remote_id, version FROM mirrors
             WHERE tenant_id = $1 AND link_id = $2 AND remote_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = ids.iter().map(Bind::from).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(read_version).collect()
}

/// The mirrors of these events of ours.
pub async fn by_events(
    tx: &mut Tx,
    link: LinkId,
    ids: &[EventId],
) -> Result<Vec<Mirror>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT event_id, remote_id, version, raw, origin FROM mirrors
             WHERE tenant_id = $1 AND link_id = $2 AND event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = ids.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(read).collect()
}

/// Where the next `count` mirrors of a link end, by event; none where there are fewer. Whoever looks at all of them goes from
/// end to end: a statement over a whole account could take longer than a lease.
pub async fn stretch_end(
    tx: &mut Tx,
    link: LinkId,
    after: Option<EventId>,
    count: i64,
) -> Result<Option<EventId>, StoreError> {
    let after = after.unwrap_or(EventId(uuid::Uuid::nil()));
    let binds = binds![tx.tenant, link, after, count - 1];
    let rows = tx
        .rows(
            "SELECT event_id FROM mirrors WHERE tenant_id = $1 AND link_id = $2 AND event_id > $3
             ORDER BY event_id LIMIT 1 OFFSET $4",
            binds,
        )
        .await?;
    rows.first().map(|row| row.get("event_id")).transpose()
}

/// The mirrors after one event and up to another that no listing since `generation` has seen, by event.
pub async fn unseen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    after: Option<EventId>,
    until: Option<EventId>,
) -> Result<Vec<MirrorVersion>, StoreError> {
    let after = after.unwrap_or(EventId(uuid::Uuid::nil()));
    let until = until.unwrap_or(EventId(uuid::Uuid::max()));
    let binds = binds![tx.tenant, link, generation, after, until];
    let rows = tx
        .rows(
            "SELECT event_id, remote_id, version FROM mirrors
             WHERE tenant_id = $1 AND link_id = $2 AND generation < $3 AND event_id > $4 AND event_id <= $5
             ORDER BY event_id",
            binds,
        )
        .await?;
    rows.iter().map(read_version).collect()
}

/// How many mirrors a link has.
pub async fn count(tx: &mut Tx, link: LinkId) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant, link];
    tx.only_row(
        "SELECT count(*) AS n FROM mirrors WHERE tenant_id = $1 AND link_id = $2",
        binds,
    )
    .await?
    .get("n")
}

/// Marks mirrors, and skips, as seen by a full listing.
pub(crate) async fn mark_seen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    ids: &[RemoteId],
) -> Result<(), StoreError> {
    static MIRRORS: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "UPDATE mirrors SET generation = $3
             WHERE tenant_id = $1 AND link_id = $2 AND generation < $3 AND remote_id IN (",
            3,
            "?",
            ")",
        )
    });
    static SKIPS: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "UPDATE skips SET generation = $3
             WHERE tenant_id = $1 AND link_id = $2 AND generation < $3 AND remote_id IN (",
            3,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link, generation];
    let ids: Vec<Bind> = ids.iter().map(Bind::from).collect();
    tx.execute_in(&MIRRORS, &shared, ids.clone()).await?;
    tx.execute_in(&SKIPS, &shared, ids).await?;
    Ok(())
}

/// Sets mirrors, each event named once. A remote id belongs to one event: a mirror of another that had it is dropped.
pub(crate) async fn set(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    mirrors: Vec<Mirror>,
) -> Result<(), StoreError> {
    static FREE: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "DELETE FROM mirrors WHERE tenant_id = $1 AND link_id = $2 AND remote_id IN (",
            2,
            "?",
            ")",
        )
    });
    static SET: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO mirrors (tenant_id, link_id, generation,
                event_id, remote_id, version, origin, raw) VALUES ",
            3,
            "($1, $2, $3, ?, ?, ?, ?, ?)",
            " ON CONFLICT (tenant_id, link_id, event_id) DO UPDATE SET
                remote_id = excluded.remote_id, version = excluded.version,
                origin = excluded.origin, generation = excluded.generation, raw = excluded.raw",
        )
    });
    let shared = binds![tx.tenant, link, generation];
    let ids = mirrors
        .iter()
        .map(|mirror| Bind::from(&mirror.remote_id))
        .collect();
    tx.execute_in(&FREE, &shared[..2], ids).await?;
    let mut items = Vec::with_capacity(mirrors.len() * 5);
    for mirror in mirrors {
        items.extend(binds![
            mirror.event,
            mirror.remote_id,
            mirror.version,
            mirror.origin,
            mirror.raw,
        ]);
    }
    tx.execute_many(&SET, &shared, items).await?;
    Ok(())
}

/// Drops the mirrors of these events; how many there were.
pub(crate) async fn drop_many(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<u64, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "DELETE FROM mirrors WHERE tenant_id = $1 AND link_id = $2 AND event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = events.iter().map(|id| Bind::from(*id)).collect();
    tx.execute_in(&TEXT, &shared, ids).await
}

fn read(row: &Row) -> Result<Mirror, StoreError> {
    Ok(Mirror {
        event: row.get("event_id")?,
        remote_id: row.get("remote_id")?,
        version: row.opt("version")?,
        raw: row.get("raw")?,
        origin: row.get("origin")?,
    })
}

fn read_version(row: &Row) -> Result<MirrorVersion, StoreError> {
    Ok(MirrorVersion {
        remote_id: row.get("remote_id")?,
        event: row.get("event_id")?,
        version: row.opt("version")?,
    })
}
