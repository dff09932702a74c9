//! What a link owes: looking into the outbox from the side of its events.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId};
use kalends_calendar::plan::Reason;

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::events;
use crate::intents::{self, Intent};
use crate::links::{self, DueReason};
use crate::multi::Multi;
use crate::outbox::{self, Debt, Owed};
use crate::tx::Tx;

/// The events among these of which a link still owes a change, in whatever state the intent is.
pub async fn owed_among(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<Vec<EventId>, StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "SELECT event_id FROM intents
             WHERE tenant_id = $1 AND link_id = $2 AND event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    let ids = events.iter().map(|id| Bind::from(*id)).collect();
    let rows = tx.rows_in(&TEXT, &shared, ids).await?;
    rows.iter().map(|row| row.get("event_id")).collect()
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
