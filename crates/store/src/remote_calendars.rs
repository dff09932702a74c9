//! Remote calendars: what the last look through a connection showed.

use jiff::Timestamp;
use kalends_calendar::ids::{ConnectionId, RemoteCalendarId};
use kalends_calendar::provider::RemoteCalendar;

use crate::bind::binds;
use crate::error::StoreError;
use crate::row::Row;
use crate::tx::Tx;

/// Keeps what discovery found. A calendar it did not find stays: links may hold on to it.
pub async fn upsert(
    tx: &mut Tx,
    connection: ConnectionId,
    calendars: &[RemoteCalendar],
    seen_at: Timestamp,
) -> Result<(), StoreError> {
    for calendar in calendars {
        let binds = binds![
            tx.tenant,
            connection,
            &calendar.id,
            calendar.name.as_str(),
            calendar.color.clone(),
            calendar.access,
            seen_at,
        ];
        tx.execute(
            "INSERT INTO remote_calendars
                (tenant_id, connection_id, id, name, color, access, seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (tenant_id, connection_id, id) DO UPDATE SET name = excluded.name,
                color = excluded.color, access = excluded.access, seen_at = excluded.seen_at",
            binds,
        )
        .await?;
    }
    Ok(())
}

/// The calendars of a connection, by name.
pub async fn list(
    tx: &mut Tx,
    connection: ConnectionId,
) -> Result<Vec<RemoteCalendar>, StoreError> {
    let binds = binds![tx.tenant, connection];
    let rows = tx
        .rows(
            "SELECT * FROM remote_calendars WHERE tenant_id = $1 AND connection_id = $2
             ORDER BY name, id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One calendar of a connection.
pub async fn get(
    tx: &mut Tx,
    connection: ConnectionId,
    id: &RemoteCalendarId,
) -> Result<Option<RemoteCalendar>, StoreError> {
    let binds = binds![tx.tenant, connection, id];
    let row = tx
        .row(
            "SELECT * FROM remote_calendars
             WHERE tenant_id = $1 AND connection_id = $2 AND id = $3",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<RemoteCalendar, StoreError> {
    Ok(RemoteCalendar {
        id: row.get("id")?,
        name: row.get("name")?,
        color: row.opt("color")?,
        access: row.get("access")?,
    })
}
