//! Enqueuing: the one way in which the change of an event comes to be owed to links.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{CalendarId, EventId, LinkId, RunId};
use kalends_calendar::plan::Reason;

use crate::bind::binds;
use crate::error::StoreError;
use crate::links::DueReason;
use crate::multi::Multi;
use crate::tx::Tx;

/// An event that is owed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Debt {
    pub(crate) event: EventId,
    /// A position of the change feed.
    pub(crate) stamp: i64,
    pub(crate) reason: Reason,
}

/// What all debts of one transaction share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owed {
    pub(crate) run: Option<RunId>,
    pub(crate) at: Timestamp,
}

/// All links of a calendar that write, but for one, owe these events, and are due. Paused links owe them too: they
/// catch up when they are resumed.
pub(crate) async fn owe_others(
    tx: &mut Tx,
    calendar: CalendarId,
    except: Option<LinkId>,
    debts: &[Debt],
    owed: &Owed,
) -> Result<(), StoreError> {
    if debts.is_empty() {
        return Ok(());
    }
    // No link has the nil id.
    let except = except.unwrap_or(LinkId(uuid::Uuid::nil()));
    let binds = binds![tx.tenant, calendar, except];
    let links = tx
        .rows(
            "SELECT id FROM links WHERE tenant_id = $1 AND calendar_id = $2 AND id <> $3
                AND direction <> 'pull' AND NOT leaving ORDER BY id",
            binds,
        )
        .await?
        .iter()
        .map(|row| row.get("id"))
        .collect::<Result<Vec<LinkId>, _>>()?;
    if links.is_empty() {
        return Ok(());
    }
    // Links before intents: whoever settles a write takes them in this order too.
    let binds = binds![tx.tenant, calendar, except, owed.at, DueReason::Edit];
    tx.execute(
        "UPDATE links SET due_at = $4, due_reason = $5
         WHERE tenant_id = $1 AND calendar_id = $2 AND id <> $3 AND direction <> 'pull'
            AND NOT leaving AND (due_at IS NULL OR due_at > $4)",
        binds,
    )
    .await?;
    for link in links {
        owe(tx, link, debts, owed).await?;
    }
    Ok(())
}

/// A link owes these events, each of which is named once. Its intents take the new stamps. One that was sent stays so,
/// for nobody knows yet what came of it; one that had failed gets another chance.
pub(crate) async fn owe(
    tx: &mut Tx,
    link: LinkId,
    debts: &[Debt],
    owed: &Owed,
) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO intents
                (tenant_id, link_id, due_at, run_id, state, attempts, event_id, stamp, reason)
             VALUES ",
            4,
            "($1, $2, $3, $4, 'due', 0, ?, ?, ?)",
            " ON CONFLICT (tenant_id, link_id, event_id) DO UPDATE SET stamp = excluded.stamp,
                state = CASE WHEN intents.state = 'sent' THEN 'sent' ELSE 'due' END,
                due_at = excluded.due_at, attempts = 0, error = NULL, reason = excluded.reason,
                run_id = excluded.run_id",
        )
    });
    let shared = binds![tx.tenant, link, owed.at, owed.run];
    let mut items = Vec::with_capacity(debts.len() * 3);
    for debt in debts {
        items.extend(binds![debt.event, debt.stamp, debt.reason]);
    }
    tx.execute_many(&TEXT, &shared, items).await?;
    Ok(())
}

/// A link owes every event of its calendar, and the deletion of those that it still mirrors. A failed one gets another chance; one that is owed already is left as it is
/// but for its stamp, so that a write under way does not count.
pub(crate) async fn owe_all(
    tx: &mut Tx,
    link: LinkId,
    calendar: CalendarId,
    stamp: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, link, calendar, stamp, at, Reason::ChangedHere];
    tx.execute(
        "INSERT INTO intents
            (tenant_id, link_id, event_id, stamp, state, due_at, attempts, reason)
         SELECT tenant_id, $2, id, $4, 'due', $5, 0, $6 FROM events
         WHERE tenant_id = $1 AND calendar_id = $3
            AND (NOT deleted OR EXISTS (SELECT 1 FROM mirrors WHERE mirrors.tenant_id = $1
                AND mirrors.link_id = $2 AND mirrors.event_id = events.id))
         ON CONFLICT (tenant_id, link_id, event_id) DO UPDATE SET stamp = excluded.stamp,
            state = CASE WHEN intents.state = 'sent' THEN 'sent' ELSE 'due' END,
            due_at = excluded.due_at, attempts = 0, error = NULL",
        binds,
    )
    .await?;
    Ok(())
}
