//! Reading events.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, EventId, LinkId, Uid};
use kalends_calendar::revision::Revision;

use super::{EventHead, EventPage, EventVersion, PageKey, StoredEvent, Window};
use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::Row;
use crate::tx::Tx;

/// One event, deleted or not.
pub async fn get(tx: &mut Tx, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
    Ok(get_many(tx, &[id]).await?.pop())
}

/// Several events of any calendar, deleted or not, in any order.
pub async fn get_many(tx: &mut Tx, ids: &[EventId]) -> Result<Vec<StoredEvent>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT e.id, e.calendar_id, e.revision, e.deleted, e.updated_at, v.body
             FROM events e JOIN event_versions v ON v.tenant_id = e.tenant_id
                AND v.event_id = e.id AND v.revision = e.revision
             WHERE e.tenant_id = $1 AND e.id IN (",
            1,
            "?",
            ")",
        )
    });
    let ids = ids.iter().map(|id| Bind::from(*id)).collect();
    let shared = binds![tx.tenant];
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(read_event).collect()
}

/// What those of these events that are deleted were until then.
pub async fn before_deletion(
    tx: &mut Tx,
    ids: &[EventId],
) -> Result<Vec<(EventId, Event)>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT e.id, v.body FROM events e JOIN event_versions v ON v.tenant_id = e.tenant_id
                AND v.event_id = e.id AND v.revision = e.revision - 1
             WHERE e.tenant_id = $1 AND e.deleted AND NOT v.deleted AND e.id IN (",
            1,
            "?",
            ")",
        )
    });
    let ids = ids.iter().map(|id| Bind::from(*id)).collect();
    let shared = binds![tx.tenant];
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter()
        .map(|row| Ok((row.get("id")?, row.json("body")?)))
        .collect()
}

/// The events of a calendar with these UIDs, deleted or not. A UID may be held by several.
pub async fn find_by_uid(
    tx: &mut Tx,
    calendar: CalendarId,
    uids: &[Uid],
) -> Result<Vec<EventHead>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT id, calendar_id, uid, revision, deleted FROM events
             WHERE tenant_id = $1 AND calendar_id = $2 AND uid_key IN (",
            2,
            "?",
            ")",
        )
    });
    let keys = uids
        .iter()
        .map(|uid| Bind::from(super::uid_key(uid)))
        .collect();
    let shared = binds![tx.tenant, calendar];
    let rows = tx.rows_in(&TEXT, &shared, keys).await?;
    let mut heads = rows.iter().map(read_head).collect::<Result<Vec<_>, _>>()?;
    heads.retain(|head| uids.contains(&head.uid));
    Ok(heads)
}

/// Which of these ids are events of the tenant, in whatever calendar: what a mark on a remote event names.
pub async fn find_anywhere(tx: &mut Tx, ids: &[EventId]) -> Result<Vec<EventHead>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT id, calendar_id, uid, revision, deleted FROM events
             WHERE tenant_id = $1 AND id IN (",
            1,
            "?",
            ")",
        )
    });
    let ids = ids.iter().map(|id| Bind::from(*id)).collect();
    let shared = binds![tx.tenant];
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(read_head).collect()
}

/// The events, not deleted, that may have an occurrence in a window: a series is listed by its first start and last end.
/// All-day and floating events are placed in their calendar's zone; ask a day more on each side to see them elsewhere.
pub async fn list_range(
    tx: &mut Tx,
    calendar: Option<CalendarId>,
    window: Window,
    after: Option<PageKey>,
    limit: i64,
) -> Result<EventPage, StoreError> {
    let from = window.from.unwrap_or(Timestamp::MIN);
    let to = window.to.unwrap_or(Timestamp::MAX);
    let after = after.unwrap_or(PageKey {
        starts_at: Timestamp::MIN,
        id: EventId(uuid::Uuid::nil()),
    });
    let binds = binds![
        tx.tenant,
        calendar,
        super::bounds::storable(from),
        super::bounds::storable(to),
        super::bounds::storable(after.starts_at),
        after.id,
        limit.saturating_add(1),
    ];
    // An event without length at the window's very start is in it; hence the second look at `starts_at`.
    let rows = tx
        .rows(
            "SELECT e.id, e.calendar_id, e.revision, e.deleted, e.updated_at, e.starts_at, v.body
             FROM events e JOIN event_versions v ON v.tenant_id = e.tenant_id
                AND v.event_id = e.id AND v.revision = e.revision
             WHERE e.tenant_id = $1 AND NOT e.deleted AND ($2 IS NULL OR e.calendar_id = $2)
                AND e.starts_at < $4
                AND (e.ends_at IS NULL OR e.ends_at > $3 OR e.starts_at >= $3)
                AND (e.starts_at, e.id) > ($5, $6)
             ORDER BY e.starts_at, e.id LIMIT $7",
            binds,
        )
        .await?;
    page(&rows, limit)
}

/// One row more was asked for than the page holds: it tells whether another page follows.
fn page(rows: &[Row], limit: i64) -> Result<EventPage, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let shown = &rows[..rows.len().min(limit)];
    let next = match shown.last() {
        Some(last) if rows.len() > limit => Some(PageKey {
            starts_at: last.get("starts_at")?,
            id: last.get("id")?,
        }),
        _ => None,
    };
    let events = shown.iter().map(read_event).collect::<Result<_, _>>()?;
    Ok(EventPage { events, next })
}

/// Where the next `count` events of the tenant end, by id; none where there are fewer. See
/// [`stretch_end`](crate::mirrors::stretch_end) of mirrors.
pub async fn stretch_end(
    tx: &mut Tx,
    after: Option<EventId>,
    count: i64,
) -> Result<Option<EventId>, StoreError> {
    let after = after.unwrap_or(EventId(uuid::Uuid::nil()));
    let binds = binds![tx.tenant, after, count - 1];
    let rows = tx
        .rows(
            "SELECT id FROM events WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT 1 OFFSET $3",
            binds,
        )
        .await?;
    rows.first().map(|row| row.get("id")).transpose()
}

/// The events of a calendar after one id and up to another, not deleted, that a link has no mirror of: what a push owes a
/// new link, or would owe one that is only thought of.
pub async fn unmirrored(
    tx: &mut Tx,
    link: LinkId,
    calendar: CalendarId,
    after: Option<EventId>,
    until: Option<EventId>,
) -> Result<Vec<EventId>, StoreError> {
    let after = after.unwrap_or(EventId(uuid::Uuid::nil()));
    let until = until.unwrap_or(EventId(uuid::Uuid::max()));
    let binds = binds![tx.tenant, link, after, until, calendar];
    let rows = tx
        .rows(
            "SELECT e.id FROM events e
             WHERE e.tenant_id = $1 AND e.calendar_id = $5 AND NOT e.deleted AND e.id > $3 AND e.id <= $4
                AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.tenant_id = $1
                    AND m.link_id = $2 AND m.event_id = e.id)
                AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.tenant_id = $1
                    AND i.link_id = $2 AND i.event_id = e.id)
             ORDER BY e.id",
            binds,
        )
        .await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// All versions of an event, the first one first.
pub async fn history(tx: &mut Tx, id: EventId) -> Result<Vec<EventVersion>, StoreError> {
    let binds = binds![tx.tenant, id];
    let rows = tx
        .rows(
            "SELECT * FROM event_versions WHERE tenant_id = $1 AND event_id = $2
             ORDER BY revision",
            binds,
        )
        .await?;
    rows.iter().map(read_version).collect()
}

/// The versions of an event after one of them (0: from the first one on), in order.
pub async fn history_after(
    tx: &mut Tx,
    id: EventId,
    after: Revision,
    limit: i64,
) -> Result<Vec<EventVersion>, StoreError> {
    let binds = binds![tx.tenant, id, after, limit];
    let rows = tx
        .rows(
            "SELECT * FROM event_versions WHERE tenant_id = $1 AND event_id = $2 AND revision > $3
             ORDER BY revision LIMIT $4",
            binds,
        )
        .await?;
    rows.iter().map(read_version).collect()
}

/// All versions of several events, those of each in order.
pub async fn histories(tx: &mut Tx, ids: &[EventId]) -> Result<Vec<EventVersion>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT * FROM event_versions WHERE tenant_id = $1 AND event_id IN (",
            1,
            "?",
            ") ORDER BY event_id, revision",
        )
    });
    let ids = ids.iter().map(|id| Bind::from(*id)).collect();
    let shared = binds![tx.tenant];
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(read_version).collect()
}

/// One version of an event.
pub async fn version(
    tx: &mut Tx,
    id: EventId,
    revision: Revision,
) -> Result<Option<EventVersion>, StoreError> {
    let binds = binds![tx.tenant, id, revision];
    let row = tx
        .row(
            "SELECT * FROM event_versions
             WHERE tenant_id = $1 AND event_id = $2 AND revision = $3",
            binds,
        )
        .await?;
    row.map(|row| read_version(&row)).transpose()
}

/// The change feed after a position (0: from the beginning).
pub async fn changes_since(
    tx: &mut Tx,
    seq: i64,
    limit: i64,
) -> Result<Vec<EventVersion>, StoreError> {
    let binds = binds![tx.tenant, seq, limit];
    let rows = tx
        .rows(
            "SELECT * FROM event_versions WHERE tenant_id = $1 AND seq > $2
             ORDER BY seq LIMIT $3",
            binds,
        )
        .await?;
    rows.iter().map(read_version).collect()
}

fn read_event(row: &Row) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        id: row.get("id")?,
        calendar: row.get("calendar_id")?,
        revision: row.get("revision")?,
        deleted: row.get("deleted")?,
        body: row.opt_json("body")?,
        updated_at: row.get("updated_at")?,
    })
}

fn read_head(row: &Row) -> Result<EventHead, StoreError> {
    Ok(EventHead {
        id: row.get("id")?,
        calendar: row.get("calendar_id")?,
        uid: row.get("uid")?,
        revision: row.get("revision")?,
        deleted: row.get("deleted")?,
    })
}

fn read_version(row: &Row) -> Result<EventVersion, StoreError> {
    Ok(EventVersion {
        event: row.get("event_id")?,
        revision: row.get("revision")?,
        calendar: row.get("calendar_id")?,
        seq: row.get("seq")?,
        deleted: row.get("deleted")?,
        body: row.opt_json("body")?,
        cause: row.json("cause")?,
        at: row.get("at")?,
    })
}
