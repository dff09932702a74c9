//! What a link owes: looking into the outbox from the side of its events.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{EventId, LinkId};
use kalends_calendar::merge;
use kalends_calendar::plan::Reason;

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::events;
use crate::intents::{self, Intent};
use crate::links::{self, DueReason};
use crate::multi::Multi;
use crate::outbox::{self, Debt, Owed};
use crate::tx::Tx;

/// The events among these of which a link still owes a change, in whatever state the intent is, and what it owes of them.
pub async fn owed_among(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<Vec<(EventId, merge::Debt)>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT i.event_id, EXISTS (SELECT 1 FROM remote_writes w
                WHERE w.tenant_id = i.tenant_id AND w.link_id = i.link_id AND w.event_id = i.event_id
                    AND w.stamp = i.stamp AND w.op = 'create') AS is_begun
             FROM intents i WHERE i.tenant_id = $1 AND i.link_id = $2 AND i.event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = events.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter()
        .map(|row| {
            let debt = if row.get("is_begun")? {
                merge::Debt::Creation
            } else {
                merge::Debt::Owed
            };
            Ok((row.get("event_id")?, debt))
        })
        .collect()
}

/// The intents that were sent with an unknown outcome, the oldest first, whenever they are due.
pub async fn sent(tx: &mut Tx, link: LinkId, limit: i64) -> Result<Vec<Intent>, StoreError> {
    let binds = binds![tx.tenant, link, limit];
    let rows = tx
        .rows(
            "SELECT * FROM intents WHERE tenant_id = $1 AND link_id = $2 AND state = 'sent'
             ORDER BY stamp, event_id LIMIT $3",
            binds,
        )
        .await?;
    rows.iter().map(intents::read).collect()
}

/// Makes a link owe the present state of one event, and the link due.
pub async fn owe(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let stamp = events::take_seq(tx, 1).await?;
    links::make_due(tx, link, now, DueReason::Edit).await?;
    let debt = Debt {
        event,
        stamp,
        reason: Reason::ChangedHere,
    };
    let owed = Owed { run: None, at: now };
    outbox::owe(tx, link, &[debt], &owed).await
}

/// What was last sent of these events with an outcome that is not known yet: the content of the revision that was sent.
/// Deletions are not among them.
pub async fn sent_contents(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<Vec<(EventId, Event)>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT i.event_id, v.body FROM intents i
             JOIN event_versions v ON v.tenant_id = i.tenant_id AND v.event_id = i.event_id
                AND v.revision = i.sent_revision
             WHERE i.tenant_id = $1 AND i.link_id = $2 AND i.state = 'sent' AND NOT v.deleted
                AND i.event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = events.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter()
        .map(|row| Ok((row.get("event_id")?, row.json("body")?)))
        .collect()
}

/// The events among these that nobody has edited since they were taken in, and that are known only from copies which
/// Kalends wrote: their originals have not been seen.
pub async fn known_from_copies(
    tx: &mut Tx,
    events: &[EventId],
) -> Result<Vec<EventId>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT m.event_id FROM mirrors m
             JOIN events e ON e.tenant_id = m.tenant_id AND e.id = m.event_id
             WHERE m.tenant_id = $1 AND e.revision = 1 AND m.event_id IN (",
            1,
            "?",
            ") GROUP BY m.event_id HAVING max(m.origin) = 'kalends' AND min(m.origin) = 'kalends'",
        )
    });
    let shared = binds![tx.tenant];
    let ids = events.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(|row| row.get("event_id")).collect()
}
