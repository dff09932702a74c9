//! Pull: what changed at the remote side, taken in page by page; the cursor moves with the last of it.
//!
//! Deletions wait until the listing is whole, because only then is it known how many there are (the brake), and whether a
//! member that one page called gone came back on a later one.

use std::collections::BTreeSet;

use futures_util::future::join;
use kalends_calendar::failure::Class;
use kalends_calendar::ids::{Cursor, EventId, RemoteId};
use kalends_calendar::plan::{
    BRAKE_MIN_DELETIONS, Brake, Ours, Reason, Step, Theirs, brake, plan_incoming,
};
use kalends_calendar::provider::{Change, Coverage, State};
use kalends_store::apply::Batch;
use kalends_store::{CursorMove, events, held, mirrors, outside, skips};

use crate::assemble::assemble;
use crate::listing::Rest;
use crate::progress::Stage;
use crate::run::{Mode, Run};
use crate::show::show;
use crate::take_in::{Rider, submit, take_in};
use crate::{EngineError, load};

/// How many listed versions are compared with the store at once.
const COMPARE_BATCH: usize = 500;

/// How many of an account's events one statement goes through where all are looked at: however large the account is, none
/// takes as long as a lease, which is renewed in between.
const STRETCH: i64 = 1_000;

/// How many events are taken in by one transaction. Indexes are written page by page: the more events at once, the fewer
/// pages.
const APPLY_BATCH: usize = 200;

/// How many unread items are tried again in one run.
const UNREAD_MAX: usize = 100;

/// A failure that may not be there the next time, and asks for nothing.
pub(crate) const NO_LUCK: Class = Class::Passing { retry_at: None };

pub(crate) async fn take_page(
    run: &Run<'_>,
    changes: Vec<Change>,
    rest: &mut Rest,
) -> Result<(), EngineError> {
    let mut listed = Vec::new();
    let mut known = Vec::new();
    let mut gone = Vec::new();
    for change in last_words(changes) {
        match change.state {
            State::Gone => {
                gone.push(change.remote_id);
                continue;
            }
            State::Listed(_) => {
                rest.gone.remove(&change.remote_id);
                listed.push(change);
            }
            State::Present(_) | State::Broken { .. } => {
                rest.gone.remove(&change.remote_id);
                known.push(change);
            }
        }
        rest.listed += 1;
    }
    for chunk in gone.chunks(COMPARE_BATCH) {
        rest.gone.extend(known_among(run, chunk).await?);
    }
    if run.mode == Mode::DryRun {
        rest.named.extend(
            known
                .iter()
                .chain(&listed)
                .map(|change| change.remote_id.clone()),
        );
    }
    for chunk in known.chunks(APPLY_BATCH) {
        let (news, seen) = compare(run, chunk).await?;
        take_in(
            run,
            news,
            Rider {
                seen,
                generation: Some(rest.generation),
                ..Rider::default()
            },
        )
        .await?;
    }
    for chunk in listed.chunks(COMPARE_BATCH) {
        let (news, seen) = compare(run, chunk).await?;
        let rider = Rider {
            seen,
            generation: Some(rest.generation),
            ..Rider::default()
        };
        take_in(run, Vec::new(), rider).await?;
        let ids: Vec<RemoteId> = news.into_iter().map(|change| change.remote_id).collect();
        let fetched_gone = read(run, &ids, rest.generation).await?;
        rest.gone.extend(fetched_gone);
    }
    Ok(())
}

/// The last word on each id, in the order of their first mention.
fn last_words(changes: Vec<Change>) -> Vec<Change> {
    let mut places = std::collections::HashMap::with_capacity(changes.len());
    let mut last: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        if let Some(&place) = places.get(&change.remote_id) {
            last[place] = change;
        } else {
            places.insert(change.remote_id.clone(), last.len());
            last.push(change);
        }
    }
    last
}

/// Those that mean anything to us: servers may name any number of others.
async fn known_among(run: &Run<'_>, ids: &[RemoteId]) -> Result<Vec<RemoteId>, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let mirrored = mirrors::versions(&mut tx, run.link.id, ids).await?;
    let skipped = skips::get(&mut tx, run.link.id, ids).await?;
    Ok(mirrored
        .into_iter()
        .map(|mirror| mirror.remote_id)
        .chain(skipped.into_iter().map(|skip| skip.remote_id))
        .collect())
}

/// Parts what is news from what is known in the same version.
async fn compare(
    run: &Run<'_>,
    changes: &[Change],
) -> Result<(Vec<Change>, Vec<RemoteId>), EngineError> {
    let ids: Vec<RemoteId> = changes
        .iter()
        .map(|change| change.remote_id.clone())
        .collect();
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let mut versions = std::collections::HashMap::new();
    for mirror in mirrors::versions(&mut tx, run.link.id, &ids).await? {
        versions.insert(mirror.remote_id, mirror.version);
    }
    for skip in skips::get(&mut tx, run.link.id, &ids).await? {
        versions.insert(skip.remote_id, skip.version);
    }
    drop(tx);
    let (seen, news): (Vec<Change>, Vec<Change>) = changes.iter().cloned().partition(|change| {
        let version = match &change.state {
            State::Listed(version) | State::Broken { version, .. } => version.as_ref(),
            State::Present(observed) => observed.version.as_ref(),
            State::Gone => None,
        };
        version.is_some()
            && versions
                .get(&change.remote_id)
                .is_some_and(|known| known.as_ref() == version)
    });
    Ok((
        news,
        seen.into_iter().map(|change| change.remote_id).collect(),
    ))
}

/// Reads events and takes them in; answers those that turned out to be gone. Where the provider allows it, the next batch
/// is under way while the ones before are taken in.
async fn read(
    run: &Run<'_>,
    ids: &[RemoteId],
    generation: i64,
) -> Result<Vec<RemoteId>, EngineError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    run.progress.stage(Stage::Reading);
    run.progress.expect(ids.len());
    let capabilities = run.provider.capabilities();
    let mut gone = Vec::new();
    let mut waiting: Vec<Change> = Vec::new();
    for batch in ids.chunks(capabilities.fetch_batch.max(1)) {
        run.within_budget()?;
        let fetch = run.provider.fetch(&run.link.remote_calendar, batch);
        let fetched = if waiting.len() < APPLY_BATCH {
            run.holding(fetch).await??
        } else if capabilities.fetch_in_flight > 1 {
            let last = take_in(run, std::mem::take(&mut waiting), rider(generation));
            let (fetched, taken) = join(run.holding(fetch), last).await;
            taken?;
            fetched??
        } else {
            take_in(run, std::mem::take(&mut waiting), rider(generation)).await?;
            run.holding(fetch).await??
        };
        run.progress.done(batch.len());
        for change in fetched {
            match change.state {
                State::Gone => gone.push(change.remote_id),
                State::Present(_) | State::Broken { .. } | State::Listed(_) => waiting.push(change),
            }
        }
    }
    take_in(run, waiting, rider(generation)).await?;
    Ok(gone)
}

fn rider(generation: i64) -> Rider {
    Rider {
        generation: Some(generation),
        ..Rider::default()
    }
}

/// The listing is whole: deletions, what this link owes from before its time, and the cursor.
pub(crate) async fn finish(
    run: &Run<'_>,
    rest: &mut Rest,
    cursor: Option<Cursor>,
    coverage: Coverage,
) -> Result<(), EngineError> {
    let listed = match coverage {
        Coverage::Complete => {
            assemble(run, rest).await?;
            sweep(run, rest).await?;
            Some(rest.listed)
        }
        Coverage::Incremental => None,
    };
    let doubtful = unread(run).await?;
    rest.gone
        .extend(read_if_possible(run, &doubtful, rest.generation).await?);
    let holds = holds(run).await?;
    let released: BTreeSet<RemoteId> = read(run, &holds.confirmed, rest.generation)
        .await?
        .into_iter()
        .collect();
    // What is held waits for a person, however few deletions another day brings.
    rest.gone
        .retain(|id| !released.contains(id) && !holds.waiting.contains(id));
    remember_outside(run, &mut rest.gone, listed).await?;

    carry_out(run, &released).await?;
    delete(run, &rest.gone, listed).await?;
    if coverage == Coverage::Complete {
        owe_unmirrored(run).await?;
    }
    if run.mode == Mode::DryRun {
        return Ok(());
    }
    let mut last = Batch::new(run.id, run.engine.clock.now());
    last.generation = Some(rest.generation);
    last.complete = coverage == Coverage::Complete;
    last.cursor = cursor.map_or(CursorMove::Clear, CursorMove::Set);
    submit(run, last).await
}

/// Looks at each event that a complete listing did not name before it counts as gone: servers cut listings silently.
async fn sweep(run: &Run<'_>, rest: &mut Rest) -> Result<(), EngineError> {
    if run.mode == Mode::DryRun && !run.link.live {
        return Ok(());
    }
    let mut after: Option<EventId> = None;
    loop {
        run.stays().await?;
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        let end = mirrors::stretch_end(&mut tx, run.link.id, after, STRETCH).await?;
        let unseen = mirrors::unseen(&mut tx, run.link.id, rest.generation, after, end).await?;
        drop(tx);
        let doubtful: Vec<RemoteId> = unseen
            .into_iter()
            .map(|mirror| mirror.remote_id)
            .filter(|id| !rest.gone.contains(id) && !rest.named.contains(id))
            .collect();
        rest.gone
            .extend(read(run, &doubtful, rest.generation).await?);
        if end.is_none() {
            break;
        }
        after = end;
    }
    sweep_outside(run, rest).await
}

/// The same for what lies outside: if it were forgotten while it is there, it would be news one day.
async fn sweep_outside(run: &Run<'_>, rest: &mut Rest) -> Result<(), EngineError> {
    let mut after: Option<RemoteId> = None;
    while run.import.is_bound() {
        run.stays().await?;
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        let limit = i64::try_from(COMPARE_BATCH).unwrap_or(i64::MAX);
        let (link, after_id) = (run.link.id, after.as_ref());
        let unseen = outside::unseen(&mut tx, link, rest.generation, after_id, limit).await?;
        drop(tx);
        let Some(last) = unseen.last() else { break };
        after = Some(last.clone());
        let doubtful: Vec<RemoteId> = unseen
            .into_iter()
            .filter(|id| !rest.gone.contains(id) && !rest.named.contains(id))
            .collect();
        rest.gone
            .extend(read(run, &doubtful, rest.generation).await?);
    }
    Ok(())
}

/// What lies outside is forgotten when it is gone, unless so much of it is gone at once that a broken server is likelier: it
/// would all be news when the server is well again.
async fn remember_outside(
    run: &Run<'_>,
    gone: &mut BTreeSet<RemoteId>,
    listed: Option<usize>,
) -> Result<(), EngineError> {
    if !run.import.is_bound() || gone.is_empty() {
        return Ok(());
    }
    let ids: Vec<RemoteId> = gone.iter().cloned().collect();
    let mut forgotten = BTreeSet::new();
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    for chunk in ids.chunks(COMPARE_BATCH) {
        let known = skips::get(&mut tx, run.link.id, chunk).await?;
        let outside = known.into_iter().filter(|skip| skip.outside.is_some());
        forgotten.extend(outside.map(|skip| skip.remote_id));
    }
    let known = outside::count(&mut tx, run.link.id).await?;
    drop(tx);
    let known = usize::try_from(known).unwrap_or(usize::MAX);
    match brake(forgotten.len(), known, listed) {
        Brake::Release => {}
        Brake::Hold => gone.retain(|id| !forgotten.contains(id)),
    }
    Ok(())
}

/// Items that could not be read for a passing reason: they have no version, so no listing will ever call them news.
async fn unread(run: &Run<'_>) -> Result<Vec<RemoteId>, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let skips = skips::list(&mut tx, run.link.id).await?;
    let unread = skips.into_iter().filter(|skip| skip.version.is_none());
    Ok(unread.map(|skip| skip.remote_id).take(UNREAD_MAX).collect())
}

/// The same for items that could not be read before: one that the server cannot give out at all stalls nothing else.
async fn read_if_possible(
    run: &Run<'_>,
    ids: &[RemoteId],
    generation: i64,
) -> Result<Vec<RemoteId>, EngineError> {
    match read(run, ids, generation).await {
        Err(EngineError::Provider(failure)) if failure.class == NO_LUCK => Ok(Vec::new()),
        other => other,
    }
}

/// Held deletions.
struct Holds {
    /// A person has confirmed them: they are looked at once more, because they may have come back meanwhile.
    confirmed: Vec<RemoteId>,
    waiting: BTreeSet<RemoteId>,
}

async fn holds(run: &Run<'_>) -> Result<Holds, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let held = held::list(&mut tx, run.link.id).await?;
    let (confirmed, waiting): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.confirmed);
    Ok(Holds {
        confirmed: confirmed.into_iter().map(|held| held.remote_id).collect(),
        waiting: waiting.into_iter().map(|held| held.remote_id).collect(),
    })
}

/// Carries out the deletions, or holds them. Those that a person has confirmed do not count here.
async fn delete(
    run: &Run<'_>,
    gone: &BTreeSet<RemoteId>,
    listed: Option<usize>,
) -> Result<(), EngineError> {
    let mut deletions = 0;
    for chunk in chunks(gone) {
        run.stays().await?;
        deletions += plan_deletions(run, &chunk)
            .await?
            .1
            .iter()
            .filter(|step| is_deletion(step))
            .count();
    }
    // Counting takes time with every event there is; a few deletions are judged without.
    let mirrored = if deletions > BRAKE_MIN_DELETIONS {
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        usize::try_from(mirrors::count(&mut tx, run.link.id).await?).unwrap_or(usize::MAX)
    } else {
        deletions
    };
    match brake(deletions, mirrored, listed) {
        Brake::Release => carry_out(run, gone).await,
        Brake::Hold => {
            for chunk in chunks(gone) {
                run.stays().await?;
                hold(run, &chunk).await?;
            }
            Ok(())
        }
    }
}

async fn carry_out(run: &Run<'_>, gone: &BTreeSet<RemoteId>) -> Result<(), EngineError> {
    for chunk in chunks(gone) {
        run.stays().await?;
        take_in(run, chunk, Rider::default()).await?;
    }
    Ok(())
}

fn chunks(gone: &BTreeSet<RemoteId>) -> Vec<Vec<Change>> {
    let changes: Vec<Change> = gone
        .iter()
        .map(|id| Change {
            remote_id: id.clone(),
            state: State::Gone,
        })
        .collect();
    changes
        .chunks(APPLY_BATCH)
        .map(<[Change]>::to_vec)
        .collect()
}

fn is_deletion(step: &Step) -> bool {
    matches!(step, Step::DeleteEvent { .. })
}

async fn plan_deletions(
    run: &Run<'_>,
    gone: &[Change],
) -> Result<(Vec<Ours>, Vec<Step>), EngineError> {
    let ours = load::ours(run, gone, &BTreeSet::new()).await?.ours;
    let steps = ours
        .iter()
        .flat_map(|known| plan_incoming(known, Theirs::Gone, &run.rules))
        .collect();
    Ok((ours, steps))
}

/// Holds what would be deleted; what is gone on both sides, or wins over its deletion, goes on as ever.
async fn hold(run: &Run<'_>, gone: &[Change]) -> Result<(), EngineError> {
    let (ours, steps) = plan_deletions(run, gone).await?;
    let held: BTreeSet<EventId> = steps
        .iter()
        .filter_map(|step| match step {
            Step::DeleteEvent { event, .. } => Some(*event),
            _ => None,
        })
        .collect();
    let steps: Vec<Step> = steps
        .into_iter()
        .filter_map(|step| match step {
            Step::DeleteEvent { event, .. } => Some(Step::HoldDeletion { event }),
            Step::DropMirror { event } if held.contains(&event) => None,
            other => Some(other),
        })
        .collect();
    if run.mode == Mode::DryRun {
        run.tally(|report| report.plan.extend(show(&steps, &ours)));
        return Ok(());
    }
    let mut batch = Batch::new(run.id, run.engine.clock.now());
    batch.steps = steps;
    submit(run, batch).await
}

/// Events of the calendar that the remote side has never had: owed from now on, because the listing showed that they are
/// not there under any mark or UID.
async fn owe_unmirrored(run: &Run<'_>) -> Result<(), EngineError> {
    if !run.rules.sends() || run.mode == Mode::DryRun {
        return Ok(());
    }
    let mut after = None;
    loop {
        run.stays().await?;
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        let end = events::stretch_end(&mut tx, after, STRETCH).await?;
        let events =
            events::unmirrored(&mut tx, run.link.id, run.link.calendar, after, end).await?;
        drop(tx);
        for chunk in events.chunks(COMPARE_BATCH) {
            let mut batch = Batch::new(run.id, run.engine.clock.now());
            batch.steps = chunk
                .iter()
                .map(|event| Step::Push {
                    event: *event,
                    reason: Reason::NewHere,
                })
                .collect();
            submit(run, batch).await?;
        }
        if end.is_none() {
            return Ok(());
        }
        after = end;
    }
}
