//! Links: what keeps one calendar and one remote calendar in step, and when each is due.

use jiff::Timestamp;
use kalends_calendar::ids::{CalendarId, ConnectionId, Cursor, LinkId, RemoteCalendarId};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};

use crate::bind::binds;
use crate::error::StoreError;
use crate::listings::{self, Place};
use crate::row::Row;
use crate::tx::Tx;
use crate::{channels, departures, events, outbox, runs};

/// Whether a link is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It is.
    Active,
    /// It is not, and keeps everything: cursor, mirrors and intents.
    Paused,
}

/// What made a link due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueReason {
    /// It is new.
    New,
    /// An event of its calendar was edited.
    Edit,
    /// The provider sent a signal.
    Signal,
    /// Its time came round.
    Schedule,
    /// An earlier run failed, or left something for later.
    Retry,
    /// A person asked for it.
    User,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its identity.
    pub id: LinkId,
    /// Our side.
    pub calendar: CalendarId,
    /// Through which account.
    pub connection: ConnectionId,
    /// Their side.
    pub remote_calendar: RemoteCalendarId,
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub detail: Detail,
    /// Who wins.
    pub conflict_policy: ConflictPolicy,
    /// The days that bound what it imports first.
    pub bounds: ImportBounds,
    /// Whether its account is [leaving](crate::departures): it only takes away what Kalends wrote there.
    pub leaving: bool,
    /// Whether it is worked on.
    pub state: LinkState,
    /// Where the next listing goes on.
    pub cursor: Option<Cursor>,
    /// Where a listing of everything is that is under way, or was when its run ended.
    pub listing: Option<Place>,
    /// The number of the last full listing that was begun; mirrors carry the number of the last that saw them.
    pub generation: i64,
    /// Whether its first listing was finished.
    pub live: bool,
    /// When it is due; none while nothing is.
    pub due_at: Option<Timestamp>,
    /// What made it due, this time or last.
    pub due_reason: DueReason,
    /// Who works on it.
    pub holder: Option<String>,
    /// Until when, unless renewed.
    pub lease_until: Option<Timestamp>,
    /// The number of its last lease.
    pub fence: i64,
    /// How many runs failed in a row.
    pub failures: i64,
    /// When a run last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When a full listing was last finished.
    pub last_full_at: Option<Timestamp>,
    /// What was wrong with the last run, for people.
    pub last_error: Option<String>,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A link to be made. It is due at once.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// Its identity.
    pub id: LinkId,
    /// Our side.
    pub calendar: CalendarId,
    /// Through which account.
    pub connection: ConnectionId,
    /// Their side.
    pub remote_calendar: RemoteCalendarId,
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub detail: Detail,
    /// Who wins.
    pub conflict_policy: ConflictPolicy,
    /// The days that bound what it imports first.
    pub bounds: ImportBounds,
    /// Now.
    pub created_at: Timestamp,
}

/// What a person may change about a link.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings {
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub detail: Detail,
    /// Who wins.
    pub conflict_policy: ConflictPolicy,
}

/// Makes a link; [`StoreError::Taken`] if the same two calendars are linked already. Where an account that is
/// [leaving](crate::departures) was linked to the same two, nothing more is taken away: the new link wants what is there.
pub async fn insert(tx: &mut Tx, new: NewLink) -> Result<(), StoreError> {
    lock_tenant(tx).await?;
    departures::give_way(tx, &new).await?;
    let binds = binds![
        tx.tenant,
        new.id,
        new.calendar,
        new.connection,
        new.remote_calendar,
        new.direction,
        new.detail,
        new.conflict_policy,
        new.created_at,
        DueReason::New,
        new.bounds.first_day,
        new.bounds.last_day,
    ];
    tx.execute(
        "INSERT INTO links (tenant_id, id, calendar_id, connection_id, remote_calendar_id,
            direction, detail, conflict_policy, created_at, due_at, due_reason,
            first_day, last_day, state, generation, live, fence, failures, leaving)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, 'active', 0, FALSE, 0, 0,
            FALSE)",
        binds,
    )
    .await?;
    Ok(())
}

/// All links, in the order they were made, but those of accounts that are leaving.
pub async fn list(tx: &mut Tx) -> Result<Vec<Link>, StoreError> {
    let binds = binds![tx.tenant];
    let rows = tx
        .rows(
            "SELECT * FROM links WHERE tenant_id = $1 AND NOT leaving ORDER BY created_at, id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// One link, unless its account is leaving.
pub async fn get(tx: &mut Tx, id: LinkId) -> Result<Option<Link>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT * FROM links WHERE tenant_id = $1 AND id = $2 AND NOT leaving",
            binds,
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Changes what a link lets through. A run under way loses its lease: it was planned by the old rules.
///
/// Where another direction or detail begins, the link owes every event of its calendar to its remote side again (unless
/// it only pulls), and its next listing is a full one: what passed unseen under the old rules is caught up with.
pub async fn update_settings(
    tx: &mut Tx,
    id: LinkId,
    settings: LinkSettings,
    at: Timestamp,
) -> Result<(), StoreError> {
    let stamp = events::take_seq(tx, 1).await?;
    let before = get(tx, id).await?.ok_or(StoreError::NotFound("link"))?;
    let binds = binds![
        tx.tenant,
        id,
        settings.direction,
        settings.detail,
        settings.conflict_policy,
    ];
    tx.execute(
        "UPDATE links SET direction = $3, detail = $4, conflict_policy = $5,
            fence = fence + 1, holder = NULL, lease_until = NULL
         WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    runs::interrupt(tx, id, at).await?;
    // The run that was cut off had taken the due time with it.
    make_due(tx, id, at, DueReason::User).await?;
    if (before.direction, before.detail) == (settings.direction, settings.detail) {
        return Ok(());
    }
    let binds = binds![tx.tenant, id];
    tx.execute(
        "UPDATE links SET cursor = NULL, listing_page = NULL WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    match settings.direction {
        Direction::Pull => {
            let binds = binds![tx.tenant, id];
            tx.execute(
                "DELETE FROM intents WHERE tenant_id = $1 AND link_id = $2",
                binds,
            )
            .await?;
        }
        Direction::TwoWay | Direction::Push => {
            outbox::owe_all(tx, id, before.calendar, stamp, at).await?;
        }
    }
    Ok(())
}

/// Pauses or resumes a link. A run under way loses its lease at once; a link whose run was cut off so is due.
pub async fn set_state(
    tx: &mut Tx,
    id: LinkId,
    state: LinkState,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, state];
    let touched = tx
        .execute(
            "UPDATE links SET state = $3, fence = fence + 1, holder = NULL, lease_until = NULL
             WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?;
    found(touched)?;
    runs::interrupt(tx, id, at).await?;
    make_due(tx, id, at, DueReason::User).await
}

/// Forgets a link with its mirrors, intents, skips and held deletions. Events, their histories, the record of remote
/// writes and the conflicts stay; open conflicts are closed, and so is the record of a run under way. Its channels are to be
/// closed at the provider.
pub async fn delete(tx: &mut Tx, id: LinkId, at: Timestamp) -> Result<(), StoreError> {
    // Whoever edits an event has read which links owe it, and has the tenant's row.
    lock_tenant(tx).await?;
    let binds = binds![tx.tenant, id];
    let touched = tx
        .execute("DELETE FROM links WHERE tenant_id = $1 AND id = $2", binds)
        .await?;
    found(touched)?;
    runs::interrupt(tx, id, at).await?;
    channels::close_all(tx, id, at).await?;
    let binds = binds![tx.tenant, id, at];
    tx.execute(
        "UPDATE conflicts SET state = 'resolved', resolved_at = $3, resolved_by = 'link deleted'
         WHERE tenant_id = $1 AND link_id = $2 AND state = 'open'",
        binds,
    )
    .await?;
    Ok(())
}

/// Makes a link due. Many calls before a run make one run: the earliest time stands, with its reason.
pub async fn make_due(
    tx: &mut Tx,
    id: LinkId,
    at: Timestamp,
    reason: DueReason,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, at, reason];
    tx.execute(
        "UPDATE links SET due_at = $3, due_reason = $4
         WHERE tenant_id = $1 AND id = $2 AND (due_at IS NULL OR due_at > $3)",
        binds,
    )
    .await?;
    Ok(())
}

/// Makes every link of the tenant due, as [`make_due`] does.
pub async fn make_all_due(tx: &mut Tx, at: Timestamp, reason: DueReason) -> Result<(), StoreError> {
    lock_tenant(tx).await?;
    let binds = binds![tx.tenant, at, reason];
    tx.execute(
        "UPDATE links SET due_at = $2, due_reason = $3
         WHERE tenant_id = $1 AND (due_at IS NULL OR due_at > $2)",
        binds,
    )
    .await?;
    Ok(())
}

/// The links of an account that was connected again go on where they were. Whoever works on one with the old credentials
/// is too late from now on.
pub async fn revive(
    tx: &mut Tx,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<(), StoreError> {
    lock_tenant(tx).await?;
    let binds = binds![tx.tenant, connection, at, DueReason::User];
    tx.execute(
        "UPDATE links SET fence = fence + 1, holder = NULL, lease_until = NULL,
            due_at = $3, due_reason = $4
         WHERE tenant_id = $1 AND connection_id = $2",
        binds,
    )
    .await?;
    Ok(())
}

/// Whoever writes more than one link of a tenant takes the tenant's row first: that orders them, so that on PostgreSQL
/// two of them never wait for each other.
pub(crate) async fn lock_tenant(tx: &mut Tx) -> Result<(), StoreError> {
    let binds = binds![tx.tenant];
    tx.execute(
        "UPDATE tenants SET feed_seq = feed_seq WHERE id = $1",
        binds,
    )
    .await?;
    Ok(())
}

fn found(touched: u64) -> Result<(), StoreError> {
    if touched == 0 {
        return Err(StoreError::NotFound("link"));
    }
    Ok(())
}

pub(crate) fn read(row: &Row) -> Result<Link, StoreError> {
    Ok(Link {
        id: row.get("id")?,
        calendar: row.get("calendar_id")?,
        connection: row.get("connection_id")?,
        remote_calendar: row.get("remote_calendar_id")?,
        direction: row.get("direction")?,
        detail: row.get("detail")?,
        conflict_policy: row.get("conflict_policy")?,
        bounds: ImportBounds {
            first_day: row.opt("first_day")?,
            last_day: row.opt("last_day")?,
        },
        leaving: row.get("leaving")?,
        state: row.get("state")?,
        cursor: row.opt("cursor")?,
        listing: listings::place(row)?,
        generation: row.get("generation")?,
        live: row.get("live")?,
        due_at: row.opt("due_at")?,
        due_reason: row.get("due_reason")?,
        holder: row.opt("holder")?,
        lease_until: row.opt("lease_until")?,
        fence: row.get("fence")?,
        failures: row.get("failures")?,
        last_success_at: row.opt("last_success_at")?,
        last_full_at: row.opt("last_full_at")?,
        last_error: row.opt("last_error")?,
        created_at: row.get("created_at")?,
    })
}
