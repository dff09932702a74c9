//! Conflicts: fields that both sides changed, with the value that lost.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{ConflictId, EventId, LinkId, RunId};
use kalends_calendar::merge::{Conflict, Field, Winner};
use uuid::Uuid;

use crate::bind::{Bind, binds, json};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::{Row, corrupt};
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
    page(tx, which, None, limit).await
}

/// The conflicts before a point (`at`, `id` of the last one read), the latest first.
pub async fn page(
    tx: &mut Tx,
    which: Which,
    before: Option<(Timestamp, ConflictId)>,
    limit: i64,
) -> Result<Vec<StoredConflict>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, ConflictId(Uuid::max())));
    let binds = binds![tx.tenant, which == Which::All, limit, at, id];
    let rows = tx
        .rows(
            "SELECT * FROM conflicts WHERE tenant_id = $1 AND (state = 'open' OR $2)
                AND (at, id) < ($4, $5)
             ORDER BY at DESC, id DESC LIMIT $3",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One conflict.
pub async fn get(tx: &mut Tx, id: ConflictId) -> Result<Option<StoredConflict>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT * FROM conflicts WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Closes a conflict: a person decided. What was decided is an edit of the event, made by the caller.
pub async fn resolve(
    tx: &mut Tx,
    id: ConflictId,
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, by, at];
    let touched = tx
        .execute(
            "UPDATE conflicts SET state = 'resolved', resolved_by = $3, resolved_at = $4
             WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("conflict"));
    }
    Ok(())
}

/// The fields of these events that wait for a person on this link.
pub async fn open_fields(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<Vec<(EventId, Field)>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT event_id, field FROM conflicts
             WHERE tenant_id = $1 AND link_id = $2 AND state = 'open' AND event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let events = events.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &shared, events).await?;
    rows.iter()
        .map(|row| Ok((row.get("event_id")?, field(row)?)))
        .collect()
}

/// Records a conflict, in place of an open one about the same field.
pub(crate) async fn record(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    conflict: &Conflict,
    run: RunId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let field = field_text(&conflict.field)?;
    let binds = binds![tx.tenant, link, event, field.as_str()];
    tx.execute(
        "DELETE FROM conflicts WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3
            AND field = $4 AND state = 'open'",
        binds,
    )
    .await?;
    let state = match conflict.winner {
        Winner::Undecided => ConflictState::Open,
        Winner::Local | Winner::Remote => ConflictState::Decided,
    };
    // The same for the same run, so that a batch that is applied again records nothing twice.
    let id = Uuid::new_v5(&link.0, format!("{event} {run} {field}").as_bytes());
    let binds = binds![
        tx.tenant,
        id,
        link,
        event,
        field,
        json(&conflict.base)?,
        json(&conflict.local)?,
        json(&conflict.remote)?,
        conflict.winner,
        state,
        run,
        at,
    ];
    tx.execute(
        "INSERT INTO conflicts (tenant_id, id, link_id, event_id, field, base, local, remote,
            winner, state, run_id, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (tenant_id, id) DO UPDATE SET base = excluded.base, local = excluded.local,
            remote = excluded.remote, winner = excluded.winner, state = excluded.state,
            at = excluded.at",
        binds,
    )
    .await?;
    Ok(())
}

/// A field as text that compares: its JSON.
fn field_text(field: &Field) -> Result<String, StoreError> {
    serde_json::to_string(field).map_err(|error| StoreError::Database(Box::new(error)))
}

fn field(row: &Row) -> Result<Field, StoreError> {
    let text: String = row.get("field")?;
    serde_json::from_str(&text).map_err(|error| corrupt("field", &text, &error.to_string()))
}

fn read(row: &Row) -> Result<StoredConflict, StoreError> {
    Ok(StoredConflict {
        id: row.get("id")?,
        link: row.get("link_id")?,
        event: row.get("event_id")?,
        conflict: Conflict {
            field: field(row)?,
            base: row.json("base")?,
            local: row.json("local")?,
            remote: row.json("remote")?,
            winner: row.get("winner")?,
        },
        state: row.get("state")?,
        run: row.get("run_id")?,
        at: row.get("at")?,
        resolved_at: row.opt("resolved_at")?,
        resolved_by: row.opt("resolved_by")?,
    })
}
