//! The tenant's own calendars.

use jiff::Timestamp;
use kalends_calendar::ids::CalendarId;
use kalends_calendar::time::ZoneId;

use crate::bind::binds;
use crate::error::StoreError;
use crate::row::Row;
use crate::tx::Tx;

/// A calendar of the tenant: the hub between links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Its identity.
    pub id: CalendarId,
    /// Its name. Unique within the tenant.
    pub name: String,
    /// `#rrggbb`, where it has one.
    pub color: Option<String>,
    /// The zone in which its all-day and floating events are found by time.
    pub time_zone: ZoneId,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// Makes a calendar; [`StoreError::Taken`] if the name is in use.
pub async fn insert(tx: &mut Tx, new: Calendar) -> Result<(), StoreError> {
    let binds = binds![
        tx.tenant,
        new.id,
        new.name,
        new.color,
        new.time_zone,
        new.created_at,
    ];
    tx.execute(
        "INSERT INTO calendars (tenant_id, id, name, color, time_zone, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        binds,
    )
    .await?;
    Ok(())
}

/// All calendars, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Calendar>, StoreError> {
    let binds = binds![tx.tenant];
    let rows = tx
        .rows(
            "SELECT * FROM calendars WHERE tenant_id = $1 ORDER BY name",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One calendar.
pub async fn get(tx: &mut Tx, id: CalendarId) -> Result<Option<Calendar>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT * FROM calendars WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The calendar with this name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Calendar>, StoreError> {
    let binds = binds![tx.tenant, name];
    let row = tx
        .row(
            "SELECT * FROM calendars WHERE tenant_id = $1 AND name = $2",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<Calendar, StoreError> {
    Ok(Calendar {
        id: row.get("id")?,
        name: row.get("name")?,
        color: row.opt("color")?,
        time_zone: row.get("time_zone")?,
        created_at: row.get("created_at")?,
    })
}
