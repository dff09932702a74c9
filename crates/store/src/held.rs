//! Held deletions: what the brake stopped until a person says a word.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId};
use kalends_calendar::plan::Reason;
use kalends_calendar::rules::Direction;

use crate::bind::{Bind, binds};
use crate::error::StoreError;
use crate::links::{self, DueReason};
use crate::multi::Multi;
use crate::outbox::{self, Debt, Owed};
use crate::tx::Tx;
use crate::{events, mirrors};

/// A deletion that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDeletion {
    /// Of which event.
    pub event: EventId,
    /// Which is gone as this.
    pub remote_id: RemoteId,
    /// Since when.
    pub held_at: Timestamp,
    /// Whether a person said yes; the next run carries it out.
    pub confirmed: bool,
}

/// The deletions that a link holds, by event.
pub async fn list(tx: &mut Tx, link: LinkId) -> Result<Vec<HeldDeletion>, StoreError> {
    let binds = binds![tx.tenant, link];
    let rows = tx
        .rows(
            "SELECT * FROM held_deletions WHERE tenant_id = $1 AND link_id = $2
             ORDER BY event_id",
            binds,
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(HeldDeletion {
                event: row.get("event_id")?,
                remote_id: row.get("remote_id")?,
                held_at: row.get("held_at")?,
                confirmed: row.get("confirmed")?,
            })
        })
        .collect()
}

/// A person says yes to what is held now: it is confirmed, and the link is due. Nothing else passes the brake for it.
pub async fn confirm(tx: &mut Tx, link: LinkId, now: Timestamp) -> Result<u64, StoreError> {
    if links::get(tx, link).await?.is_none() {
        return Err(StoreError::NotFound("link"));
    }
    links::make_due(tx, link, now, DueReason::User).await?;
    let place = binds![tx.tenant, link];
    tx.execute(
        "UPDATE held_deletions SET confirmed = TRUE WHERE tenant_id = $1 AND link_id = $2",
        place,
    )
    .await
}

/// A person says no: the events stay here, and the link (unless it only pulls) owes them to its remote side again, where
/// they are made anew. How many events that are.
pub async fn refuse(tx: &mut Tx, link: LinkId, now: Timestamp) -> Result<u64, StoreError> {
    let seq = events::take_seq(tx, 1).await?;
    let row = links::get(tx, link)
        .await?
        .ok_or(StoreError::NotFound("link"))?;
    links::make_due(tx, link, now, DueReason::User).await?;
    let events: Vec<_> = list(tx, link)
        .await?
        .iter()
        .map(|held| held.event)
        .collect();
    mirrors::drop_many(tx, link, &events).await?;
    if row.direction != Direction::Pull {
        let debts: Vec<Debt> = events
            .iter()
            .map(|event| Debt {
                event: *event,
                stamp: seq,
                reason: Reason::PutBack,
            })
            .collect();
        let owed = Owed { run: None, at: now };
        outbox::owe(tx, link, &debts, &owed).await?;
    }
    let_go(tx, link, events.iter().map(|id| Bind::from(*id)).collect()).await?;
    Ok(events.len() as u64)
}

/// Holds the deletion of an event that has a mirror; 1 if it was not held already.
pub(crate) async fn hold(
    tx: &mut Tx,
    link: LinkId,
    event: EventId,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let binds = binds![tx.tenant, link, event, at];
    tx.execute(
        "INSERT INTO held_deletions (tenant_id, link_id, event_id, remote_id, held_at, confirmed)
         SELECT tenant_id, link_id, event_id, remote_id, $4, FALSE FROM mirrors
         WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3
         ON CONFLICT (tenant_id, link_id, event_id) DO NOTHING",
        binds,
    )
    .await
}

/// These deletions do not wait any more.
pub(crate) async fn let_go(tx: &mut Tx, link: LinkId, events: Vec<Bind>) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "DELETE FROM held_deletions WHERE tenant_id = $1 AND link_id = $2 AND event_id IN (",
            2,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link];
    tx.execute_in(&TEXT, &shared, events).await?;
    Ok(())
}

/// What a listing of any kind has named again does not wait to be deleted any more.
pub(crate) async fn let_go_named(
    tx: &mut Tx,
    link: LinkId,
    named: &[RemoteId],
) -> Result<(), StoreError> {
    if named.is_empty() {
        return Ok(());
    }
    let held = list(tx, link).await?;
    if held.is_empty() {
        return Ok(());
    }
    let named: HashSet<&RemoteId> = named.iter().collect();
    let back = held
        .iter()
        .filter(|held| named.contains(&held.remote_id))
        .map(|held| Bind::from(held.event))
        .collect();
    let_go(tx, link, back).await
}

/// What a full listing has seen again does not wait to be deleted any more.
pub(crate) async fn let_go_seen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, generation];
    tx.execute(
        "DELETE FROM held_deletions WHERE tenant_id = $1 AND link_id = $2 AND EXISTS
            (SELECT 1 FROM mirrors
             WHERE mirrors.tenant_id = $1 AND mirrors.link_id = $2
                AND mirrors.event_id = held_deletions.event_id AND mirrors.generation >= $3)",
        binds,
    )
    .await?;
    Ok(())
}
