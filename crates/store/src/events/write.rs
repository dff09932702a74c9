//! Changing events: head, version, change feed and what is owed to links, always together.
//!
//! A transaction that changes events takes the tenant's row first (the feed position is there), then the events', then the
//! links', then their intents'. All do, so that on PostgreSQL none waits for another in a circle.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, EventId, Uid};
use kalends_calendar::plan::Reason;
use kalends_calendar::revision::{Cause, Revision};

use super::{Edit, bounds};
use crate::bind::{Bind, binds, json};
use crate::error::{EditError, StoreError};
use crate::multi::Multi;
use crate::outbox::{self, Debt, Owed};
use crate::tx::Tx;

/// Makes an event. The calendar's other links owe it to their sides.
pub async fn create(
    tx: &mut Tx,
    calendar: CalendarId,
    id: EventId,
    body: &Event,
    edit: &Edit,
) -> Result<Revision, StoreError> {
    let seq = take_seq(tx, 1).await?;
    let zone = zone_of(tx, calendar).await?;
    let creation = Creation {
        id,
        body,
        seq,
        cause: &edit.cause,
    };
    match insert_many(tx, calendar, &zone, &[creation], edit.at).await {
        Ok(()) => {}
        Err(EditError::Stale(id)) => return Err(StoreError::Taken(format!("event {id}"))),
        Err(EditError::Store(error)) => return Err(error),
    }
    owe(tx, calendar, id, seq, Reason::NewHere, edit).await?;
    Ok(Revision(1))
}

/// Gives an event a new content, if it still is in revision `from`. A deleted event lives again.
pub async fn update(
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    body: &Event,
    edit: &Edit,
) -> Result<Revision, EditError> {
    change(tx, id, from, Some(body), edit).await
}

/// Deletes an event, restorably, if it still is in revision `from`.
pub async fn delete(
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    edit: &Edit,
) -> Result<Revision, EditError> {
    change(tx, id, from, None, edit).await
}

async fn change(
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    body: Option<&Event>,
    edit: &Edit,
) -> Result<Revision, EditError> {
    let seq = take_seq(tx, 1).await?;
    let place = binds![tx.tenant, id];
    let row = tx
        .row(
            "SELECT e.calendar_id, c.time_zone FROM events e
             JOIN calendars c ON c.tenant_id = e.tenant_id AND c.id = e.calendar_id
             WHERE e.tenant_id = $1 AND e.id = $2",
            place,
        )
        .await?
        .ok_or(StoreError::NotFound("event"))?;
    let calendar = row.get("calendar_id")?;
    let zone = bounds::zone(&row.get("time_zone")?);
    let written = Written {
        calendar,
        zone: &zone,
        seq,
        cause: &edit.cause,
        at: edit.at,
    };
    let revision = revise(tx, id, from, body, &written).await?;
    let reason = match body {
        Some(_) => Reason::ChangedHere,
        None => Reason::DeletedHere,
    };
    owe(tx, calendar, id, seq, reason, edit).await?;
    Ok(revision)
}

async fn owe(
    tx: &mut Tx,
    calendar: CalendarId,
    event: EventId,
    stamp: i64,
    reason: Reason,
    edit: &Edit,
) -> Result<(), StoreError> {
    let debt = Debt {
        event,
        stamp,
        reason,
    };
    let owed = Owed {
        run: None,
        at: edit.at,
    };
    outbox::owe_others(tx, calendar, edit.except_link, &[debt], &owed).await
}

/// Takes the next `count` positions of the change feed, and with them the tenant's lock. Returns the first.
pub(crate) async fn take_seq(tx: &mut Tx, count: i64) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant, count];
    let row = tx
        .row(
            "UPDATE tenants SET feed_seq = feed_seq + $2 WHERE id = $1 RETURNING feed_seq",
            binds,
        )
        .await?
        .ok_or(StoreError::NotFound("tenant"))?;
    Ok(row.get::<i64>("feed_seq")? - count + 1)
}

/// The zone in which a calendar's all-day and floating events are placed.
pub async fn zone_of(tx: &mut Tx, calendar: CalendarId) -> Result<TimeZone, StoreError> {
    let binds = binds![tx.tenant, calendar];
    let row = tx
        .row(
            "SELECT time_zone FROM calendars WHERE tenant_id = $1 AND id = $2",
            binds,
        )
        .await?
        .ok_or(StoreError::NotFound("calendar"))?;
    Ok(bounds::zone(&row.get("time_zone")?))
}

/// What a UID is indexed by. A PostgreSQL index refuses values of some 2,700 bytes.
pub(crate) fn uid_key(uid: &Uid) -> &str {
    /// Long enough to tell any two UIDs that people make.
    const INDEXED_BYTES_MAX: usize = 255;
    let mut end = uid.0.len().min(INDEXED_BYTES_MAX);
    while !uid.0.is_char_boundary(end) {
        end -= 1;
    }
    &uid.0[..end]
}

/// An event to be made.
pub(crate) struct Creation<'a> {
    pub(crate) id: EventId,
    pub(crate) body: &'a Event,
    pub(crate) seq: i64,
    pub(crate) cause: &'a Cause,
}

/// What goes with a new version of an event.
pub(crate) struct Written<'a> {
    pub(crate) calendar: CalendarId,
    pub(crate) zone: &'a TimeZone,
    pub(crate) seq: i64,
    pub(crate) cause: &'a Cause,
    pub(crate) at: Timestamp,
}

/// Makes many events of one calendar. Stale if there is one of that id already.
pub(crate) async fn insert_many(
    tx: &mut Tx,
    calendar: CalendarId,
    zone: &TimeZone,
    creations: &[Creation<'_>],
    at: Timestamp,
) -> Result<(), EditError> {
    static HEADS: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO events (tenant_id, calendar_id, updated_at, revision, deleted,
                id, uid, uid_key, title, starts_at, ends_at) VALUES ",
            3,
            "($1, $2, $3, 1, FALSE, ?, ?, ?, ?, ?, ?)",
            " ON CONFLICT (tenant_id, id) DO NOTHING",
        )
    });
    static VERSIONS: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO event_versions (tenant_id, calendar_id, at, revision, deleted,
                event_id, seq, cause, body) VALUES ",
            3,
            "($1, $2, $3, 1, FALSE, ?, ?, ?, ?)",
            "",
        )
    });
    let mut heads = Vec::with_capacity(creations.len() * 6);
    let mut versions = Vec::with_capacity(creations.len() * 4);
    for creation in creations {
        let bounds = bounds::of(creation.body, zone);
        heads.extend(binds![
            creation.id,
            &creation.body.uid,
            uid_key(&creation.body.uid),
            creation.body.master.details.title.as_str(),
            bounds.starts_at,
            bounds.ends_at,
        ]);
        versions.extend(binds![
            creation.id,
            creation.seq,
            json(creation.cause)?,
            json(creation.body)?,
        ]);
    }
    let shared = binds![tx.tenant, calendar, at];
    let made = tx.execute_many(&HEADS, &shared, heads).await?;
    if made != creations.len() as u64 {
        return Err(EditError::Stale(taken(tx, creations).await?));
    }
    tx.execute_many(&VERSIONS, &shared, versions).await?;
    Ok(())
}

/// The first of these events that was there already: it has a version from before.
async fn taken(tx: &mut Tx, creations: &[Creation<'_>]) -> Result<EventId, StoreError> {
    for creation in creations {
        let binds = binds![tx.tenant, creation.id];
        let before = tx
            .row(
                "SELECT 1 AS found FROM event_versions
                 WHERE tenant_id = $1 AND event_id = $2 LIMIT 1",
                binds,
            )
            .await?;
        if before.is_some() {
            return Ok(creation.id);
        }
    }
    // Only an id that the batch names twice is left.
    Err(StoreError::Taken("an event of this batch".to_owned()))
}

/// Adds a version to an event that is still in revision `from`: a content, or its deletion.
pub(crate) async fn revise(
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    body: Option<&Event>,
    written: &Written<'_>,
) -> Result<Revision, EditError> {
    let touched = if let Some(body) = body {
        let bounds = bounds::of(body, written.zone);
        let binds = binds![
            tx.tenant,
            id,
            from,
            written.at,
            &body.uid,
            body.master.details.title.as_str(),
            bounds.starts_at,
            bounds.ends_at,
            uid_key(&body.uid),
        ];
        tx.execute(
            "UPDATE events SET revision = revision + 1, deleted = FALSE, updated_at = $4,
                    uid = $5, title = $6, starts_at = $7, ends_at = $8, uid_key = $9
                 WHERE tenant_id = $1 AND id = $2 AND revision = $3",
            binds,
        )
        .await?
    } else {
        let binds = binds![tx.tenant, id, from, written.at];
        tx.execute(
            "UPDATE events SET revision = revision + 1, deleted = TRUE, updated_at = $4
                 WHERE tenant_id = $1 AND id = $2 AND revision = $3 AND NOT deleted",
            binds,
        )
        .await?
    };
    if touched == 0 {
        return Err(EditError::Stale(id));
    }
    let revision = Revision(from.0 + 1);
    let content = match body {
        Some(body) => json(body)?,
        None => Bind::Json(None),
    };
    let binds = binds![
        tx.tenant,
        id,
        revision,
        written.calendar,
        written.seq,
        body.is_none(),
        written.at,
        json(written.cause)?,
        content,
    ];
    tx.execute(
        "INSERT INTO event_versions
            (tenant_id, event_id, revision, calendar_id, seq, deleted, at, cause, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        binds,
    )
    .await?;
    Ok(revision)
}
