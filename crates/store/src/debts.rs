//! What a link owes: looking into the outbox from the side of its events.

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId};

use crate::error::StoreError;
use crate::intents::Intent;
use crate::leases::unfinished;
use crate::tx::Tx;

/// The events among these of which a link still owes a change, in whatever state the intent is.
pub async fn owed_among(
    tx: &mut Tx,
    link: LinkId,
    events: &[EventId],
) -> Result<Vec<EventId>, StoreError> {
    let _ = (tx, link, events);
    Err(unfinished())
}

/// The intents that were sent with an unknown outcome, the oldest first, whenever they are due.
pub async fn sent(tx: &mut Tx, link: LinkId, limit: i64) -> Result<Vec<Intent>, StoreError> {
    let _ = (tx, link, limit);
    Err(unfinished())
}

/// Makes a link owe the present state of one event, and the link due.
pub async fn owe(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let _ = (tx, link, event, now);
    Err(unfinished())
}
