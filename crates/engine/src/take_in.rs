//! Takes in what a provider reported about a handful of events: load, plan, apply, and again if somebody edited meanwhile.

use std::collections::BTreeSet;

use kalends_calendar::event::Event;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteId;
use kalends_calendar::merge::{Debt, differing, get};
use kalends_calendar::plan::{Agreed, Ours, Step, Theirs, plan_incoming};
use kalends_calendar::provider::{Change, State};
use kalends_store::apply::{Batch, apply};
use kalends_store::{ApplyError, CursorMove, conflicts};

use crate::run::{Mode, Run};
use crate::show::show;
use crate::{EngineError, load};

/// How often a batch is planned anew because an event was edited between plan and apply.
const REPLANS_MAX: usize = 5;
/// Why a copy of ours is passed over. Nothing is missing then.
pub const COPY_SKIPPED: &str =
    "a copy that Kalends wrote of an event it knows; copies are not copied";

/// What a batch carries beside its changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rider {
    /// Remote events that a listing named and that are no news.
    pub(crate) seen: Vec<RemoteId>,
    /// Series whose parts this takes in.
    pub(crate) assembled: Vec<String>,
    /// The number of the listing under way.
    pub(crate) generation: Option<i64>,
}

/// Takes in changes whose content is known.
pub(crate) async fn take_in(
    run: &Run<'_>,
    changes: Vec<Change>,
    rider: Rider,
) -> Result<(), EngineError> {
    let changes: Vec<Change> = changes.into_iter().map(forget_idle_mark).collect();
    for _ in 0..REPLANS_MAX {
        let (ours, steps) = plan(run, &changes).await?;
        if run.mode == Mode::DryRun {
            run.tally(|report| report.plan.extend(show(&steps, &ours)));
            return Ok(());
        }
        let mut batch = Batch::new(run.id, run.engine.clock.now());
        batch.steps = steps;
        batch.seen.clone_from(&rider.seen);
        batch.assembled.clone_from(&rider.assembled);
        batch.generation = rider.generation;
        for change in &changes {
            match change.state {
                State::Present(_) | State::Broken { .. } => {
                    batch.seen.push(change.remote_id.clone());
                }
                State::Gone => batch.gone.push(change.remote_id.clone()),
                State::Listed(_) => {}
            }
        }
        match submit(run, batch).await {
            Err(EngineError::Restless(_)) => {}
            other => return other,
        }
    }
    Err(Failure::passing("events kept changing while they were synced").into())
}

/// Takes in what stands at the remote side after a write, against what was sent. `before` is what stood there until then.
pub(crate) async fn take_in_against(
    run: &Run<'_>,
    agreed: Agreed,
    before: Option<&Event>,
    change: Change,
) -> Result<(), EngineError> {
    let State::Present(observed) = &change.state else {
        return Ok(());
    };
    let normalised = is_normalised(&agreed.base, before, &observed.event);
    for _ in 0..REPLANS_MAX {
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        let Some(canonical) = load::canonical(&mut tx, agreed.mirror.event).await? else {
            return Ok(());
        };
        let held = conflicts::open_fields(&mut tx, run.link.id, &[agreed.mirror.event]).await?;
        drop(tx);
        let ours = Ours::Mirrored {
            agreed: Box::new(agreed.clone()),
            canonical,
            debt: Debt::Owed,
            held: held.into_iter().map(|(_, field)| field).collect(),
        };
        let mut batch = Batch::new(run.id, run.engine.clock.now());
        batch.settles = true;
        let theirs = Theirs::Present(&change.remote_id, observed);
        batch.steps = plan_incoming(&ours, theirs, &run.rules);
        if normalised {
            batch
                .steps
                .retain(|step| !matches!(step, Step::Push { .. }));
        }
        match submit(run, batch).await {
            Err(EngineError::Restless(_)) => {}
            other => return other,
        }
    }
    Err(Failure::passing("an event kept changing while it was written").into())
}

/// Whether it is the provider that made something else of what was sent, and would make the same of it again: in whatever
/// differs now, it stood there like this before the write too. Anything else may be an edit that came between the write
/// and this look at it. A provider that normalises gets a second write of it, and no third.
fn is_normalised(sent: &Event, before: Option<&Event>, observed: &Event) -> bool {
    before.is_some_and(|before| {
        differing(sent, observed)
            .iter()
            .all(|field| get(before, field) == get(observed, field))
    })
}

/// Applies a batch and counts what it did.
pub(crate) async fn submit(run: &Run<'_>, batch: Batch) -> Result<(), EngineError> {
    let idle = batch.steps.is_empty()
        && batch.seen.is_empty()
        && batch.gone.is_empty()
        && batch.parts.is_empty()
        && batch.assembled.is_empty()
        && batch.place.is_none()
        && batch.cursor == CursorMove::Keep
        && !batch.complete;
    if idle {
        return Ok(());
    }
    let skipped: Vec<(RemoteId, String)> = batch
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Skip {
                remote_id, error, ..
            } => Some((remote_id.clone(), error.clone())),
            _ => None,
        })
        .collect();
    let applied =
        apply(&run.engine.store, &run.lease, batch)
            .await
            .map_err(|error| match error {
                ApplyError::Stale(event) => EngineError::Restless(event),
                ApplyError::Fenced => EngineError::Fenced,
                ApplyError::Store(error) => error.into(),
            })?;
    run.tally(|report| report.count(&applied, skipped));
    Ok(())
}

async fn plan(run: &Run<'_>, changes: &[Change]) -> Result<(Vec<Ours>, Vec<Step>), EngineError> {
    let mut known = load::ours(run, changes, &BTreeSet::new()).await?;
    if !known.doubles.is_empty() {
        let moved = moved(run, &known.doubles).await?;
        if !moved.is_empty() {
            known = load::ours(run, changes, &moved).await?;
        }
    }
    let ours = known.ours;
    let mut steps = Vec::new();
    for (change, known) in changes.iter().zip(&ours) {
        match &change.state {
            State::Present(_) if *known == Ours::CopyFromElsewhere => steps.push(Step::Skip {
                remote_id: change.remote_id.clone(),
                version: version(change),
                error: COPY_SKIPPED.to_owned(),
            }),
            State::Present(observed) => {
                steps.extend(plan_incoming(
                    known,
                    Theirs::Present(&change.remote_id, observed),
                    &run.rules,
                ));
            }
            State::Gone => steps.extend(plan_incoming(known, Theirs::Gone, &run.rules)),
            State::Broken { version, error } => steps.push(Step::Skip {
                remote_id: change.remote_id.clone(),
                version: version.clone(),
                error: error.clone(),
            }),
            State::Listed(_) => {}
        }
    }
    Ok((ours, steps))
}

/// Which of these remote events are gone: those whose like turned up under another id were moved, not doubled.
async fn moved(
    run: &Run<'_>,
    doubles: &BTreeSet<RemoteId>,
) -> Result<BTreeSet<RemoteId>, EngineError> {
    let ids: Vec<RemoteId> = doubles.iter().cloned().collect();
    let mut gone = BTreeSet::new();
    for batch in ids.chunks(run.provider.capabilities().fetch_batch.max(1)) {
        let fetch = run.provider.fetch(&run.link.remote_calendar, batch);
        for change in run.holding(fetch).await?? {
            if change.state == State::Gone {
                gone.insert(change.remote_id);
            }
        }
    }
    Ok(gone)
}

fn version(change: &Change) -> Option<kalends_calendar::ids::Version> {
    match &change.state {
        State::Present(observed) => observed.version.clone(),
        State::Listed(version) | State::Broken { version, .. } => version.clone(),
        State::Gone => None,
    }
}

/// A mark that does not count is as good as none.
fn forget_idle_mark(mut change: Change) -> Change {
    if let State::Present(observed) = &mut change.state
        && load::counting_mark(observed).is_none()
    {
        observed.mark = None;
    }
    change
}
