//! Confirm: finds out what became of writes whose outcome is not known, before anything is written again.

use std::collections::BTreeSet;

use kalends_calendar::ids::{EventId, RemoteId};
use kalends_calendar::plan::Mirror;
use kalends_store::intents::{self, Intent, IntentState, Settlement};
use kalends_store::{debts, mirrors};

use crate::EngineError;
use crate::progress::Stage;
use crate::pull::NO_LUCK;
use crate::run::Run;
use crate::take_in::{Rider, take_in};

/// How many unknown writes are looked at in one run; the next run looks at the rest.
const CONFIRM_MAX: i64 = 1_000;

/// So many failures in a row say that it is the server, not an event.
const FAILURES_MAX: usize = 3;

/// Looks at every event that was written with an unknown outcome, and takes in what is there; answers those that it could
/// look at. The intents stay as they are until the pull that follows has succeeded too: a creation that landed under
/// another name shows only there.
pub(crate) async fn confirm(run: &Run<'_>) -> Result<Vec<Intent>, EngineError> {
    let mut unknown = sent(run).await?;
    if unknown.is_empty() {
        return Ok(unknown);
    }
    run.progress.stage(Stage::Confirming);
    run.progress.expect(unknown.len());
    let events: Vec<EventId> = unknown.iter().map(|intent| intent.event).collect();
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let mirrors = mirrors::by_events(&mut tx, run.link.id, &events).await?;
    drop(tx);
    let places: Vec<RemoteId> = unknown
        .iter()
        .filter_map(|intent| place(run, intent, &mirrors))
        .collect();
    let mut unseen: BTreeSet<RemoteId> = BTreeSet::new();
    for batch in places.chunks(run.provider.capabilities().fetch_batch.max(1)) {
        match look(run, batch).await {
            Err(EngineError::Provider(failure)) if failure.class == NO_LUCK => {
                // One of them may be what the server cannot give out. It waits; the others do not.
                let mut in_a_row = 0;
                for id in batch {
                    match look(run, std::slice::from_ref(id)).await {
                        Err(EngineError::Provider(failure)) if failure.class == NO_LUCK => {
                            in_a_row += 1;
                            if in_a_row == FAILURES_MAX {
                                return Err(failure.into());
                            }
                            unseen.insert(id.clone());
                        }
                        other => {
                            other?;
                            in_a_row = 0;
                        }
                    }
                }
            }
            other => other?,
        }
        run.progress.done(batch.len());
    }
    unknown.retain(|intent| {
        place(run, intent, &mirrors).is_none_or(|remote_id| !unseen.contains(&remote_id))
    });
    Ok(unknown)
}

async fn look(run: &Run<'_>, ids: &[RemoteId]) -> Result<(), EngineError> {
    run.within_budget()?;
    let fetch = run.provider.fetch(&run.link.remote_calendar, ids);
    let found = run.holding(fetch).await??;
    take_in(run, found, Rider::default()).await
}

/// What was unknown is known now: plan it anew.
pub(crate) async fn settle_confirmed(
    run: &Run<'_>,
    confirmed: &[Intent],
) -> Result<(), EngineError> {
    for intent in confirmed {
        let now = run.engine.clock.now();
        let settlement = Settlement::Replan;
        intents::settle(
            &run.engine.store,
            &run.lease,
            intent.event,
            intent.stamp,
            settlement,
            now,
        )
        .await?;
    }
    Ok(())
}

async fn sent(run: &Run<'_>) -> Result<Vec<Intent>, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let mut owed = debts::sent(&mut tx, run.link.id, CONFIRM_MAX).await?;
    owed.retain(|intent| intent.state == IntentState::Sent);
    Ok(owed)
}

/// Where the write would show: at the mirror, or where a creation of that name is placed.
fn place(run: &Run<'_>, intent: &Intent, mirrors: &[Mirror]) -> Option<RemoteId> {
    if let Some(mirror) = mirrors.iter().find(|mirror| mirror.event == intent.event) {
        return Some(mirror.remote_id.clone());
    }
    let name = intent.name.as_ref()?;
    Some(run.provider.place(&run.link.remote_calendar, name))
}
