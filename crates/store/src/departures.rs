//! Departures: accounts that were disconnected, and from which what Kalends wrote there is taken away first.
//!
//! For its tenant such an account is gone at once: it is not listed, not counted, and its name is free. Its links go on for as
//! long as they owe removals, and owe nothing else: what is edited meanwhile is none of their business.

use jiff::Timestamp;
use kalends_calendar::ids::{ConnectionId, EventId, LinkId, RemoteId};
use kalends_calendar::plan::Reason;

use crate::bind::binds;
use crate::connections::{self, Connection};
use crate::error::StoreError;
use crate::events;
use crate::links::{self, DueReason, NewLink};
use crate::tx::Tx;

/// An account that is leaving.
#[derive(Clone, Debug, PartialEq)]
pub struct Departure {
    /// The account, by the name that it had.
    pub connection: Connection,
    /// Since when it is leaving.
    pub since: Timestamp,
}

/// What became of what Kalends had written into an account that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What the account was called.
    pub name: String,
    /// How many links it had.
    pub links: usize,
    /// How many events were deleted there.
    pub removed: i64,
    /// How many stayed: they were changed there, or could not be deleted in time.
    pub stayed: i64,
}

/// Begins a departure: the account disappears for its tenant, and its links owe the removal of what Kalends wrote there. How
/// many events that are.
///
/// What Kalends wrote is what carries its mark and stands in the record of remote writes as made through this very link, or
/// under this very id: an event that another tenant, or another installation, wrote into a shared calendar carries a mark too.
/// Of what was sent with an unknown outcome it is to be found out first. Everything else that was owed is owed no more.
pub async fn begin(
    tx: &mut Tx,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let stamp = events::take_seq(tx, 1).await?;
    let binds = binds![tx.tenant, connection, at, DueReason::User];
    tx.execute(
        "UPDATE links SET leaving = TRUE, state = 'active', failures = 0, fence = fence + 1,
            holder = NULL, lease_until = NULL, due_at = $3, due_reason = $4
         WHERE tenant_id = $1 AND connection_id = $2",
        binds,
    )
    .await?;
    owe_removals(tx, connection, stamp, at).await?;
    let binds = binds![tx.tenant, connection, at];
    tx.execute(
        "UPDATE conflicts SET state = 'resolved', resolved_at = $3, resolved_by = 'disconnected'
         WHERE tenant_id = $1 AND state = 'open' AND link_id IN
            (SELECT id FROM links WHERE tenant_id = $1 AND connection_id = $2)",
        binds,
    )
    .await?;
    // Nobody sees this name, and nobody else wants it.
    let name = format!("leaving {connection}");
    let binds = binds![tx.tenant, connection, at, name];
    let touched = tx
        .execute(
            "UPDATE connections SET leaving_since = $3, left_name = name, name = $4
             WHERE tenant_id = $1 AND id = $2 AND leaving_since IS NULL",
            binds,
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("connection"));
    }
    owed(tx, connection).await
}

/// Whether the mirror `m` is of a copy that we wrote, by the record of remote writes.
macro_rules! is_ours {
    () => {
        "m.origin = 'kalends' AND EXISTS (SELECT 1 FROM remote_writes w
            WHERE w.tenant_id = m.tenant_id AND w.event_id = m.event_id AND w.op = 'create'
                AND w.outcome IN ('sent', 'done', 'replan')
                AND (w.link_id = m.link_id OR w.remote_id = m.remote_id))"
    };
}

async fn owe_removals(
    tx: &mut Tx,
    connection: ConnectionId,
    stamp: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, connection];
    tx.execute(
        concat!(
            "DELETE FROM intents WHERE tenant_id = $1
                AND link_id IN (SELECT id FROM links WHERE tenant_id = $1 AND connection_id = $2)
                AND (state <> 'sent' OR EXISTS (SELECT 1 FROM mirrors m WHERE m.tenant_id = $1
                    AND m.link_id = intents.link_id AND m.event_id = intents.event_id
                    AND NOT (",
            is_ours!(),
            ")))"
        ),
        binds,
    )
    .await?;
    let binds = binds![tx.tenant, connection, stamp, at, Reason::Leaving];
    tx.execute(
        "UPDATE intents SET stamp = $3, due_at = $4, attempts = 0, error = NULL, reason = $5
         WHERE tenant_id = $1
            AND link_id IN (SELECT id FROM links WHERE tenant_id = $1 AND connection_id = $2)",
        binds.clone(),
    )
    .await?;
    tx.execute(
        concat!(
            "INSERT INTO intents
                (tenant_id, link_id, event_id, stamp, state, due_at, attempts, reason)
             SELECT m.tenant_id, m.link_id, m.event_id, $3, 'due', $4, 0, $5 FROM links l
             JOIN mirrors m ON m.tenant_id = l.tenant_id AND m.link_id = l.id
             WHERE l.tenant_id = $1 AND l.connection_id = $2 AND ",
            is_ours!(),
            " ON CONFLICT (tenant_id, link_id, event_id) DO NOTHING"
        ),
        binds,
    )
    .await?;
    Ok(())
}

/// What the departure of an account would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// How many links it has.
    pub links: i64,
    /// How many events of ours stand in the account as well. They stay here.
    pub events: i64,
    /// How many copies Kalends wrote there: so many are deleted, or stay there.
    pub written: i64,
}

/// What the departure of an account would come to, as things are now.
pub async fn forecast(tx: &mut Tx, connection: ConnectionId) -> Result<Forecast, StoreError> {
    let binds = binds![tx.tenant, connection];
    let counts = tx
        .only_row(
            concat!(
                "SELECT
                    (SELECT count(*) FROM links l
                        WHERE l.tenant_id = $1 AND l.connection_id = $2) AS links,
                    (SELECT count(DISTINCT m.event_id) FROM links l
                        JOIN mirrors m ON m.tenant_id = l.tenant_id AND m.link_id = l.id
                        WHERE l.tenant_id = $1 AND l.connection_id = $2) AS events,
                    (SELECT count(*) FROM links l
                        JOIN mirrors m ON m.tenant_id = l.tenant_id AND m.link_id = l.id
                        WHERE l.tenant_id = $1 AND l.connection_id = $2 AND ",
                is_ours!(),
                ") AS written"
            ),
            binds,
        )
        .await?;
    Ok(Forecast {
        links: counts.get("links")?,
        events: counts.get("events")?,
        written: counts.get("written")?,
    })
}

/// An account, if it is leaving.
pub async fn get(tx: &mut Tx, id: ConnectionId) -> Result<Option<Departure>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT * FROM connections
             WHERE tenant_id = $1 AND id = $2 AND leaving_since IS NOT NULL",
            binds,
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Departure {
        connection: Connection {
            name: row.get("left_name")?,
            ..connections::read(&row)?
        },
        since: row.get("leaving_since")?,
    }))
}

/// How many removals the links of an account still owe, those aside that were refused.
pub async fn owed(tx: &mut Tx, connection: ConnectionId) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant, connection];
    tx.only_row(
        "SELECT count(*) AS n FROM links l
         JOIN intents i ON i.tenant_id = l.tenant_id AND i.link_id = l.id
         WHERE l.tenant_id = $1 AND l.connection_id = $2 AND i.state <> 'failed'",
        binds,
    )
    .await?
    .get("n")
}

/// Whether a link that stays mirrors an event under the same remote id: then the copy there is that link's as well, and to
/// delete it would delete the event here.
pub async fn is_kept(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    remote_id: &RemoteId,
) -> Result<bool, StoreError> {
    let binds = binds![tx.tenant, link, event, remote_id];
    tx.only_row(
        "SELECT EXISTS (SELECT 1 FROM mirrors m
            JOIN links l ON l.tenant_id = m.tenant_id AND l.id = m.link_id
            WHERE m.tenant_id = $1 AND m.link_id <> $2 AND m.event_id = $3 AND m.remote_id = $4
                AND NOT l.leaving) AS kept",
        binds,
    )
    .await?
    .get("kept")
}

/// Ends a departure, whatever is still owed: the links go, and the account with its secrets. None if it is over already.
pub async fn finish(
    tx: &mut Tx,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<Option<Left>, StoreError> {
    // Of two nodes that both find it over, one ends it.
    links::lock_tenant(tx).await?;
    let Some(departure) = get(tx, connection).await? else {
        return Ok(None);
    };
    let binds = binds![tx.tenant, connection];
    let rows = tx
        .rows(
            "SELECT id FROM links WHERE tenant_id = $1 AND connection_id = $2 ORDER BY id",
            binds.clone(),
        )
        .await?;
    let counts = tx
        .only_row(
            "SELECT
                (SELECT count(*) FROM (SELECT DISTINCT w.link_id, w.event_id FROM links l
                    JOIN remote_writes w ON w.tenant_id = l.tenant_id AND w.link_id = l.id
                    WHERE l.tenant_id = $1 AND l.connection_id = $2 AND w.reason = 'leaving'
                        AND w.outcome = 'done') AS deletions) AS removed,
                (SELECT count(*) FROM links l
                    JOIN intents i ON i.tenant_id = l.tenant_id AND i.link_id = l.id
                    WHERE l.tenant_id = $1 AND l.connection_id = $2) AS stayed",
            binds,
        )
        .await?;
    let left = Left {
        name: departure.connection.name,
        links: rows.len(),
        removed: counts.get("removed")?,
        stayed: counts.get("stayed")?,
    };
    for row in rows {
        links::delete(tx, row.get("id")?, at).await?;
    }
    connections::delete(tx, connection, at).await?;
    Ok(Some(left))
}

/// The same account is linked to the same two calendars again: what its departure has not taken away yet stays, and a run
/// that is at it is too late.
pub(crate) async fn give_way(tx: &mut Tx, new: &NewLink) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        new.calendar,
        &new.remote_calendar,
        new.connection,
        new.created_at,
    ];
    let rows = tx
        .rows(
            "UPDATE links SET fence = fence + 1, holder = NULL, lease_until = NULL, due_at = $5
             WHERE tenant_id = $1 AND leaving AND calendar_id = $2 AND remote_calendar_id = $3
                AND connection_id IN (SELECT old.id FROM connections old
                    JOIN connections again ON again.tenant_id = old.tenant_id
                        AND again.provider = old.provider AND again.url = old.url
                        AND again.user_name = old.user_name
                    WHERE old.tenant_id = $1 AND old.leaving_since IS NOT NULL AND again.id = $4)
             RETURNING id",
            binds,
        )
        .await?;
    for row in rows {
        let link: LinkId = row.get("id")?;
        let binds = binds![tx.tenant, link];
        tx.execute(
            "UPDATE intents SET state = 'failed', error = 'the calendar was linked again'
             WHERE tenant_id = $1 AND link_id = $2",
            binds,
        )
        .await?;
    }
    Ok(())
}
