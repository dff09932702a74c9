//! Push: the one way an event reaches a provider. Each write is planned from the state of both sides, recorded before it is
//! sent, sent under a precondition, and settled with what the provider holds afterwards.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{EventId, RemoteId, Uid};
use kalends_calendar::merge::{Field, differing};
use kalends_calendar::plan::{Agreed, Canonical, Mirror, Origin, Owed, mirror_name, plan_outgoing};
use kalends_calendar::provider::{Change, Observed, Receipt, State, Write};
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::Detail;
use kalends_store::intents::{self, Intent, IntentState, Marked, MirrorMove, Sending, Settlement};
use kalends_store::remote_writes::{self, WriteOp};
use kalends_store::{conflicts, events, mirrors, outside};

use crate::backoff::next_try;
use crate::load::{DERIVED_UID_PREFIX, agreed, canonical};
use crate::progress::Stage;
use crate::report::{Action, Side, Skipped};
use crate::run::{Mode, Run};
use crate::show::planned;
use crate::take_in::{Rider, take_in, take_in_against};
use crate::{EngineError, leave};

/// How many intents are loaded at once.
const INTENTS_BATCH: i64 = 100;

/// How often one event is read again, merged and written again in one run before it waits.
const REPLANS_MAX: usize = 3;

/// So many passing failures in a row say that it is the provider, not the event.
const PASSING_FAILURES_MAX: usize = 3;

/// The loop breaker counts writes over this long.
const LOOP_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Sends what this link owes.
pub(crate) async fn push(run: &Run<'_>) -> Result<(), EngineError> {
    let leaving = run.link.leaving;
    if !run.rules.sends() && !leaving {
        return Ok(());
    }
    run.progress.stage(Stage::Writing);
    let mut passing = 0;
    let mut tried = std::collections::BTreeSet::new();
    loop {
        let mut tx = run.engine.store.read(run.lease.tenant).await?;
        let due = intents::due(&mut tx, run.link.id, run.engine.clock.now(), INTENTS_BATCH).await?;
        drop(tx);
        // An intent is tried once a run under one stamp, so that a run ends whatever providers and people do.
        let due: Vec<Intent> = due
            .into_iter()
            .filter(|intent| {
                let is_ready = intent.state == IntentState::Due || leaving;
                is_ready && tried.insert((intent.event, intent.stamp))
            })
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        run.progress.expect(due.len());
        for intent in due {
            let fate = if leaving {
                leave::take_away(run, &intent).await?
            } else {
                push_one(run, &intent).await?
            };
            match fate {
                Fate::Settled => passing = 0,
                Fate::Passing(failure) => {
                    passing += 1;
                    if passing >= PASSING_FAILURES_MAX {
                        return Err(failure.into());
                    }
                }
            }
            run.progress.done(1);
        }
    }
}

/// Shows what would be sent.
pub(crate) async fn show_owed(run: &Run<'_>) -> Result<(), EngineError> {
    if !run.rules.sends() {
        return Ok(());
    }
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let mut owed: Vec<(EventId, kalends_calendar::plan::Reason)> =
        intents::due(&mut tx, run.link.id, Timestamp::MAX, i64::MAX)
            .await?
            .into_iter()
            .map(|intent| (intent.event, intent.reason))
            .collect();
    if !run.link.live {
        let mut unmirrored =
            events::unmirrored(&mut tx, run.link.id, run.link.calendar, None, None).await?;
        let known: HashSet<EventId> = owed.iter().map(|(event, _)| *event).collect();
        unmirrored.retain(|event| !known.contains(event));
        owed.extend(
            unmirrored
                .into_iter()
                .map(|event| (event, kalends_calendar::plan::Reason::NewHere)),
        );
    }
    drop(tx);
    for (event, reason) in owed {
        let side = match load(run, event).await {
            Ok(Some(side)) => side,
            Ok(None) | Err(EngineError::Provider(_)) => continue,
            Err(error) => return Err(error),
        };
        let Owed::Write { write, fields } = side.owed(run) else {
            continue;
        };
        let action = match &write {
            Write::Create { .. } => Action::Create,
            Write::Update { .. } => Action::Update,
            Write::Delete { .. } => Action::Delete,
        };
        let shown = match &side.canonical {
            Canonical::Live { event, .. } => Some(event.as_ref()),
            Canonical::Deleted { .. } => side.agreed.as_ref().map(|agreed| &agreed.base),
        };
        let mut line = planned(Side::There, action, shown, reason).of(event);
        line.fields = fields;
        run.tally(|report| report.plan.push(line));
    }
    debug_assert_eq!(run.mode, Mode::DryRun);
    Ok(())
}

/// What became of one intent.
pub(crate) enum Fate {
    Settled,
    Passing(Failure),
}

/// Both sides of one event.
struct Sides {
    canonical: Canonical,
    agreed: Option<Agreed>,
    held: Vec<Field>,
}

impl Sides {
    /// Where the copy of an event that is here stands.
    fn live_copy(&self) -> Option<RemoteId> {
        let agreed = self.agreed.as_ref()?;
        let is_live = matches!(self.canonical, Canonical::Live { .. });
        is_live.then(|| agreed.mirror.remote_id.clone())
    }

    fn owed(&self, run: &Run<'_>) -> Owed {
        plan_outgoing(
            run.link.id,
            &self.canonical,
            self.agreed.as_ref(),
            &run.rules,
            &self.held,
        )
    }
}

async fn load(run: &Run<'_>, event: EventId) -> Result<Option<Sides>, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let Some(canonical) = canonical(&mut tx, event).await? else {
        return Ok(None);
    };
    let mirror = mirrors::by_events(&mut tx, run.link.id, &[event])
        .await?
        .into_iter()
        .next();
    let held = conflicts::open_fields(&mut tx, run.link.id, &[event]).await?;
    drop(tx);
    Ok(Some(Sides {
        canonical,
        agreed: mirror.map(|mirror| agreed(run, mirror)).transpose()?,
        held: held.into_iter().map(|(_, field)| field).collect(),
    }))
}

async fn push_one(run: &Run<'_>, intent: &Intent) -> Result<Fate, EngineError> {
    let mut uid: Option<Uid> = None;
    let mut looked_outside = !run.import.is_bound();
    let mut looked_there = run.rules.detail == Detail::Full || !run.rules.receives();
    for _ in 0..=REPLANS_MAX {
        let (owed, revision, copy) = match load(run, intent.event).await {
            Ok(Some(sides)) => (
                sides.owed(run),
                sides.canonical.revision(),
                sides.live_copy(),
            ),
            Ok(None) => (Owed::Nothing, Revision(0), None),
            // What was agreed about this one cannot be read: the others go on.
            Err(EngineError::Provider(failure)) => {
                return fail(run, intent, failure.message).await;
            }
            Err(error) => return Err(error),
        };
        let Owed::Write { mut write, fields } = owed else {
            // A copy that shows only the time shows nothing of this edit, so that no write meets its deletion: told of it
            // later, nobody would know any more that there was an edit since.
            if let (Some(copy), false) = (copy, looked_there) {
                looked_there = true;
                run.within_budget()?;
                look(run, copy).await?;
                continue;
            }
            settle(run, intent, Settlement::Done(MirrorMove::Keep)).await?;
            return Ok(Fate::Settled);
        };
        if let (Write::Create { event, .. }, false) = (&write, looked_outside) {
            looked_outside = true;
            if meet_outside(run, &event.uid).await? {
                continue;
            }
        }
        if let (Some(uid), Write::Create { event, .. }) = (&uid, &mut write) {
            event.uid = uid.clone();
        }
        if loops(run, intent.event).await? {
            let error = format!(
                "written {} times within an hour: something undoes every write; the event waits an hour",
                run.engine.settings.writes_per_event_per_hour
            );
            skip(run, intent, &error);
            let at = run
                .engine
                .clock
                .now()
                .checked_add(LOOP_WINDOW)
                .unwrap_or(Timestamp::MAX);
            settle(run, intent, Settlement::Retry { at, error }).await?;
            return Ok(Fate::Settled);
        }
        run.within_budget()?;
        let sending = sending(run, intent, revision, &write, fields);
        if intents::mark_sent(&run.engine.store, &run.lease, &sending).await? == Marked::Superseded
        {
            return Ok(Fate::Settled);
        }
        let sent = run.provider.write(&run.link.remote_calendar, &write);
        match run.holding(sent).await? {
            Ok(receipt) => {
                accept(run, intent, &write, receipt).await?;
                run.tally(|report| report.counts.pushed += 1);
                return Ok(Fate::Settled);
            }
            Err(failure) => match refused(run, intent, &write, failure).await? {
                Then::Settled(fate) => return Ok(fate),
                Then::PlanAgain => {}
                Then::UseUid(derived) => uid = Some(derived),
            },
        }
    }
    let at = retry_at(run, intent, None);
    let error = "it keeps changing at the remote side while it is written".to_owned();
    settle(run, intent, Settlement::Retry { at, error }).await?;
    Ok(Fate::Settled)
}

/// Whether an event of this UID may stand there already, left outside the bounds of the link: then it is looked at before a
/// second one is made, because not every provider refuses that.
async fn meet_outside(run: &Run<'_>, uid: &Uid) -> Result<bool, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let same = outside::of_uid(&mut tx, run.link.id, uid).await?;
    drop(tx);
    for remote_id in &same {
        look(run, remote_id.clone()).await?;
    }
    Ok(!same.is_empty())
}

pub(crate) fn sending(
    run: &Run<'_>,
    intent: &Intent,
    revision: Revision,
    write: &Write,
    fields: Vec<Field>,
) -> Sending {
    let (op, name, remote_id) = match write {
        Write::Create { name, .. } => (WriteOp::Create, Some(name.clone()), None),
        Write::Update { remote_id, .. } => (WriteOp::Update, None, Some(remote_id.clone())),
        Write::Delete { remote_id, .. } => (WriteOp::Delete, None, Some(remote_id.clone())),
    };
    Sending {
        event: intent.event,
        stamp: intent.stamp,
        revision,
        name,
        op,
        remote_id,
        fields,
        reason: intent.reason,
        run: run.id,
        at: run.engine.clock.now(),
    }
}

async fn loops(run: &Run<'_>, event: EventId) -> Result<bool, EngineError> {
    let since = run
        .engine
        .clock
        .now()
        .checked_sub(LOOP_WINDOW)
        .unwrap_or(Timestamp::MIN);
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let writes = remote_writes::count_since(&mut tx, run.link.id, event, since).await?;
    Ok(writes >= i64::from(run.engine.settings.writes_per_event_per_hour))
}

/// The provider has done it.
async fn accept(
    run: &Run<'_>,
    intent: &Intent,
    write: &Write,
    receipt: Receipt,
) -> Result<(), EngineError> {
    let origin = match write {
        Write::Create { .. } | Write::Update { mark: Some(_), .. } => Origin::Kalends,
        Write::Update { mark: None, .. } | Write::Delete { .. } => Origin::Remote,
    };
    let mirror = |remote_id: RemoteId, observed: &Observed| Mirror {
        event: intent.event,
        remote_id,
        version: observed.version.clone(),
        raw: observed.raw.clone(),
        origin,
    };
    let outcome = match receipt {
        Receipt::Deleted => MirrorMove::Drop,
        Receipt::Written {
            remote_id,
            observed,
        } => MirrorMove::Set(mirror(remote_id, &observed)),
        Receipt::ReadBack {
            remote_id,
            observed,
            sent,
        } => {
            if differing(&observed.event, &sent).is_empty() {
                MirrorMove::Set(mirror(remote_id, &observed))
            } else {
                // What stands there is not what was sent: the provider normalised it, or somebody was quick. It is taken
                // in as a change of theirs against what we sent, so that an edit in it cannot be lost.
                let agreed = Agreed {
                    mirror: mirror(remote_id.clone(), &observed),
                    base: *sent,
                };
                let before = match write {
                    Write::Update { raw, .. } => run.provider.read(raw).ok(),
                    Write::Create { .. } | Write::Delete { .. } => None,
                };
                take_in_against(
                    run,
                    agreed,
                    before.as_ref(),
                    Change {
                        remote_id,
                        state: State::Present(observed),
                    },
                )
                .await?;
                MirrorMove::Keep
            }
        }
    };
    settle(run, intent, Settlement::Done(outcome)).await
}

/// What follows from a refused write.
enum Then {
    Settled(Fate),
    PlanAgain,
    UseUid(Uid),
}

async fn refused(
    run: &Run<'_>,
    intent: &Intent,
    write: &Write,
    failure: Failure,
) -> Result<Then, EngineError> {
    let error = failure.message.clone();
    match failure.class.clone() {
        // The intent stays `sent`: the next run looks before it writes again.
        Class::Unknown => {
            let at = retry_at(run, intent, None);
            settle(run, intent, Settlement::Unknown { at, error }).await?;
            Ok(Then::Settled(Fate::Passing(failure)))
        }
        Class::Changed | Class::Exists => {
            look(run, target(run, write)).await?;
            Ok(Then::PlanAgain)
        }
        Class::Gone => match write {
            // The pull of this run has shown that the calendar is there: it is about this event.
            Write::Create { .. } => Ok(Then::Settled(wait(run, intent, failure, None).await?)),
            Write::Update { remote_id, .. } | Write::Delete { remote_id, .. } => {
                look(run, remote_id.clone()).await?;
                Ok(Then::PlanAgain)
            }
        },
        Class::UidTaken { holder } => {
            let Write::Create { event, .. } = write else {
                return Ok(Then::Settled(fail(run, intent, error).await?));
            };
            if let Some(holder) = holder {
                look(run, holder).await?;
                if load(run, intent.event)
                    .await?
                    .is_some_and(|sides| sides.agreed.is_some())
                {
                    return Ok(Then::PlanAgain);
                }
            } else if intent.error.as_ref() != Some(&error) {
                // Perhaps it came to stand there after the pull of this run: the pull of the next one will tell.
                let at = run.engine.clock.now();
                settle(run, intent, Settlement::Retry { at, error }).await?;
                return Ok(Then::Settled(Fate::Settled));
            }
            match next_uid(run, intent, &event.uid) {
                Some(derived) => Ok(Then::UseUid(derived)),
                None => Ok(Then::Settled(fail(run, intent, error).await?)),
            }
        }
        Class::Passing { retry_at: None } | Class::Protocol | Class::CursorDead => {
            Ok(Then::Settled(wait(run, intent, failure, None).await?))
        }
        // The provider wants to be left alone: that is about the account, not about this event.
        Class::Passing {
            retry_at: Some(asked),
        } => {
            wait(run, intent, failure.clone(), Some(asked)).await?;
            Err(failure.into())
        }
        Class::ReconnectNeeded | Class::AddressRefused => {
            let at = retry_at(run, intent, None);
            settle(run, intent, Settlement::Retry { at, error }).await?;
            Err(failure.into())
        }
        Class::Forbidden | Class::Item => Ok(Then::Settled(fail(run, intent, error).await?)),
    }
}

/// The UID to try where one is taken: one of the link's own, and where that is taken too (servers keep the UIDs of what
/// lies in their bin), one of this very debt.
fn next_uid(run: &Run<'_>, intent: &Intent, taken: &Uid) -> Option<Uid> {
    let name = mirror_name(run.link.id, intent.event);
    let own = Uid(format!("{DERIVED_UID_PREFIX}{name}"));
    let once = Uid(format!("{DERIVED_UID_PREFIX}{name}-{}", intent.stamp));
    if *taken == once {
        None
    } else if *taken == own {
        Some(once)
    } else {
        Some(own)
    }
}

/// The event is tried again later.
pub(crate) async fn wait(
    run: &Run<'_>,
    intent: &Intent,
    failure: Failure,
    asked: Option<Timestamp>,
) -> Result<Fate, EngineError> {
    let at = retry_at(run, intent, asked);
    let error = failure.message.clone();
    settle(run, intent, Settlement::Retry { at, error }).await?;
    Ok(Fate::Passing(failure))
}

/// The event is refused until it changes.
pub(crate) async fn fail(
    run: &Run<'_>,
    intent: &Intent,
    error: String,
) -> Result<Fate, EngineError> {
    skip(run, intent, &error);
    settle(run, intent, Settlement::Failed { error }).await?;
    Ok(Fate::Settled)
}

fn skip(run: &Run<'_>, intent: &Intent, error: &str) {
    run.tally(|report| {
        report.counts.skipped += 1;
        report.skipped.push(Skipped {
            item: intent.event.to_string(),
            error: error.to_owned(),
        });
    });
}

fn target(run: &Run<'_>, write: &Write) -> RemoteId {
    match write {
        Write::Create { name, .. } => run.provider.place(&run.link.remote_calendar, name),
        Write::Update { remote_id, .. } | Write::Delete { remote_id, .. } => remote_id.clone(),
    }
}

/// Reads one event and takes in what is there.
async fn look(run: &Run<'_>, remote_id: RemoteId) -> Result<(), EngineError> {
    let ids = [remote_id];
    let fetch = run.provider.fetch(&run.link.remote_calendar, &ids);
    let found = run.holding(fetch).await??;
    take_in(run, found, Rider::default()).await
}

pub(crate) fn retry_at(run: &Run<'_>, intent: &Intent, asked: Option<Timestamp>) -> Timestamp {
    let engine = run.engine;
    let attempts = u32::try_from(intent.attempts)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    next_try(
        engine.clock.now(),
        attempts,
        asked,
        &engine.settings,
        engine.entropy.as_ref(),
    )
}

pub(crate) async fn settle(
    run: &Run<'_>,
    intent: &Intent,
    settlement: Settlement,
) -> Result<(), EngineError> {
    let now = run.engine.clock.now();
    intents::settle(
        &run.engine.store,
        &run.lease,
        intent.event,
        intent.stamp,
        settlement,
        now,
    )
    .await?;
    Ok(())
}
