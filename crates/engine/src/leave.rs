//! Leaving: an account was disconnected, and what Kalends wrote there is taken away.
//!
//! Each removal goes the way of every other write: durable before it is sent, under a precondition, settled with what came of
//! it. Nothing is taken in, and nothing is deleted that somebody has changed there since.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::Event;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteId, TenantId, Version};
use kalends_calendar::merge::{assume_sent, differing};
use kalends_calendar::plan::{Mirror, Reason, would_send};
use kalends_calendar::provider::{Observed, Raw, State, Write};
use kalends_calendar::revision::Revision;
use kalends_store::audit::{self, Entry};
use kalends_store::intents::{self, Intent, IntentState, Marked, MirrorMove, Settlement};
use kalends_store::links::Link;
use kalends_store::{StoreError, debts, departures, mirrors};
use serde_json::json;

use crate::load::{agreed, canonical, counting_mark, created};
use crate::push::{Fate, fail, retry_at, sending, settle, wait};
use crate::report::{Outcome, Report};
use crate::run::Run;
use crate::{Engine, EngineError, watch};

/// After so long what is not removed yet stays: a server that has not answered for a week will not tomorrow, and the account's
/// secrets are not to be kept for ever.
const LEAVING_TIME_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often one copy is looked at and deleted again in one run, where it changes meanwhile.
const LOOKS_MAX: usize = 2;

/// What is known on our side of one removal.
struct Known {
    mirror: Option<Mirror>,
    /// What was sent of the event with an unknown outcome.
    sent: Option<Event>,
    revision: Revision,
}

/// What stands there of what we wrote.
enum There {
    Gone,
    /// As we know it.
    Ours {
        version: Option<Version>,
        raw: Raw,
    },
    /// Somebody has changed it.
    Theirs,
}

/// Takes one copy away.
pub(crate) async fn take_away(run: &Run<'_>, intent: &Intent) -> Result<Fate, EngineError> {
    let known = load(run, intent).await?;
    let Some(remote_id) = place(run, intent, &known) else {
        settle(run, intent, Settlement::Done(MirrorMove::Keep)).await?;
        return Ok(Fate::Settled);
    };
    let mut copy = match (intent.state, &known.mirror) {
        (IntentState::Due, Some(mirror)) => There::Ours {
            version: mirror.version.clone(),
            raw: mirror.raw.clone(),
        },
        (IntentState::Due | IntentState::Sent | IntentState::Failed, _) => {
            look(run, intent, &known, &remote_id).await?
        }
    };
    for _ in 0..=LOOKS_MAX {
        let (version, raw) = match copy {
            There::Gone => {
                settle(run, intent, Settlement::Done(MirrorMove::Drop)).await?;
                return Ok(Fate::Settled);
            }
            There::Theirs => {
                let error = "it was changed there after Kalends wrote it: it stays".to_owned();
                return fail(run, intent, error).await;
            }
            There::Ours { version, raw } => (version, raw),
        };
        if is_kept(run, intent, &remote_id).await? {
            let error = "another link keeps it in step: it stays".to_owned();
            return fail(run, intent, error).await;
        }
        let write = Write::Delete {
            remote_id: remote_id.clone(),
            version,
            raw,
        };
        run.within_budget()?;
        let record = sending(run, intent, known.revision, &write, Vec::new());
        if intents::mark_sent(&run.engine.store, &run.lease, &record).await? == Marked::Superseded {
            return Ok(Fate::Settled);
        }
        let sent = run.provider.write(&run.link.remote_calendar, &write);
        match run.holding(sent).await? {
            Ok(_) => {
                settle(run, intent, Settlement::Done(MirrorMove::Drop)).await?;
                run.tally(|report| report.counts.pushed += 1);
                return Ok(Fate::Settled);
            }
            Err(failure) => match refused(run, intent, &known, failure).await? {
                Some(fate) => return Ok(fate),
                None => copy = look(run, intent, &known, &remote_id).await?,
            },
        }
    }
    let failure = Failure::passing("it keeps changing at the remote side while it is removed");
    later(run, intent, &known, failure, None).await
}

async fn load(run: &Run<'_>, intent: &Intent) -> Result<Known, EngineError> {
    let event = intent.event;
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let canonical = canonical(&mut tx, event).await?;
    let mirrors = mirrors::by_events(&mut tx, run.link.id, &[event]).await?;
    let sent = debts::sent_contents(&mut tx, run.link.id, &[event]).await?;
    Ok(Known {
        mirror: mirrors.into_iter().next(),
        sent: sent.into_iter().next().map(|(_, event)| event),
        revision: canonical.map_or(Revision(0), |canonical| canonical.revision()),
    })
}

/// Where the copy is; none where there is nothing to take away.
fn place(run: &Run<'_>, intent: &Intent, known: &Known) -> Option<RemoteId> {
    if intent.reason != Reason::Leaving {
        return None;
    }
    match (&known.mirror, &intent.name) {
        (Some(mirror), _) => Some(mirror.remote_id.clone()),
        // A creation of which nobody knows whether it arrived.
        (None, Some(name)) => Some(run.provider.place(&run.link.remote_calendar, name)),
        (None, None) => None,
    }
}

async fn look(
    run: &Run<'_>,
    intent: &Intent,
    known: &Known,
    remote_id: &RemoteId,
) -> Result<There, EngineError> {
    let ids = [remote_id.clone()];
    let fetch = run.provider.fetch(&run.link.remote_calendar, &ids);
    let found = run.holding(fetch).await??;
    let Some(change) = found
        .into_iter()
        .find(|change| change.remote_id == *remote_id)
    else {
        return Err(Failure::protocol("the provider did not answer what was asked").into());
    };
    Ok(match change.state {
        State::Gone => There::Gone,
        State::Present(observed) if is_ours(run, intent, known, &observed) => There::Ours {
            version: observed.version,
            raw: observed.raw,
        },
        State::Present(_) | State::Broken { .. } | State::Listed(_) => There::Theirs,
    })
}

/// Whether what stands there is what was agreed, or what was sent since.
fn is_ours(run: &Run<'_>, intent: &Intent, known: &Known, observed: &Observed) -> bool {
    let rules = run.rules.as_shown_by(&observed.event);
    let is_there = |base: &Event| differing(base, &observed.event).is_empty();
    let Some(mirror) = &known.mirror else {
        let is_marked = counting_mark(observed).is_some_and(|mark| mark.event == intent.event);
        return is_marked
            && known.sent.as_ref().is_some_and(|sent| {
                let sent = would_send(None, sent, &rules, &[]);
                is_there(&created(run, &sent, observed))
            });
    };
    if observed.raw == mirror.raw {
        return true;
    }
    let Ok(agreed) = agreed(run, mirror.clone()) else {
        return false;
    };
    match &known.sent {
        Some(sent) => {
            let sent = would_send(Some(&agreed), sent, &rules, &[]);
            is_there(&assume_sent(Some(&agreed.base), &sent, &observed.event))
        }
        None => is_there(&agreed.base),
    }
}

async fn is_kept(
    run: &Run<'_>,
    intent: &Intent,
    remote_id: &RemoteId,
) -> Result<bool, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    Ok(departures::is_kept(&mut tx, run.link.id, intent.event, remote_id).await?)
}

/// What follows from a refused removal; none: look again.
async fn refused(
    run: &Run<'_>,
    intent: &Intent,
    known: &Known,
    failure: Failure,
) -> Result<Option<Fate>, EngineError> {
    match failure.class.clone() {
        Class::Unknown => unknown(run, intent, failure, None).await.map(Some),
        Class::Changed | Class::Exists | Class::UidTaken { .. } | Class::Gone => Ok(None),
        Class::Passing { retry_at: None } | Class::Protocol | Class::CursorDead => {
            later(run, intent, known, failure, None).await.map(Some)
        }
        Class::Passing {
            retry_at: Some(asked),
        } => {
            later(run, intent, known, failure.clone(), Some(asked)).await?;
            Err(failure.into())
        }
        Class::ReconnectNeeded | Class::AddressRefused => {
            later(run, intent, known, failure.clone(), None).await?;
            Err(failure.into())
        }
        Class::Forbidden | Class::Item => fail(run, intent, failure.message).await.map(Some),
    }
}

/// The removal is tried again. A creation that is not confirmed by a mirror yet stays what it was, of unknown outcome: else
/// nobody would know any more what was sent.
async fn later(
    run: &Run<'_>,
    intent: &Intent,
    known: &Known,
    failure: Failure,
    asked: Option<Timestamp>,
) -> Result<Fate, EngineError> {
    match &known.mirror {
        Some(_) => wait(run, intent, failure, asked).await,
        None => unknown(run, intent, failure, asked).await,
    }
}

async fn unknown(
    run: &Run<'_>,
    intent: &Intent,
    failure: Failure,
    asked: Option<Timestamp>,
) -> Result<Fate, EngineError> {
    let at = retry_at(run, intent, asked);
    let error = failure.message.clone();
    settle(run, intent, Settlement::Unknown { at, error }).await?;
    Ok(Fate::Passing(failure))
}

/// Why a departure is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// Nothing is owed any more.
    Done,
    /// The account's grant is dead: nothing can be removed any more.
    GrantDead,
    /// It has taken too long.
    TimeUp,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::GrantDead => "grant_dead",
            Self::TimeUp => "time_up",
        })
    }
}

/// Ends the departure of a link's account after a run, if it is over: links, secrets and account go, and the audit log tells
/// what became of what was there.
pub(crate) async fn end_if_over(
    engine: &Engine,
    tenant: TenantId,
    link: &Link,
    report: &Report,
) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let mut tx = engine.store.read(tenant).await?;
    let Some(departure) = departures::get(&mut tx, link.connection).await? else {
        return Ok(());
    };
    let owed = departures::owed(&mut tx, link.connection).await?;
    let Some(why) = over(&report.outcome, owed, departure.since, now) else {
        return Ok(());
    };
    drop(tx);
    watch::close_all(engine, tenant, &departure.connection).await?;
    let mut tx = engine.store.begin(tenant).await?;
    let Some(left) = departures::finish(&mut tx, link.connection, now).await? else {
        return Ok(());
    };
    let entry = Entry {
        id: engine.ids.next(),
        at: now,
        actor: "sync".to_owned(),
        action: "connection.cleared".to_owned(),
        object: format!("connection {}", link.connection),
        detail: json!({
            "name": left.name,
            "links": left.links,
            "removed": left.removed,
            "stayed": left.stayed,
            "why": why.to_string(),
        }),
        address: None,
        cause: Some(format!("run {}", report.run)),
    };
    audit::append(&mut tx, entry).await?;
    tx.commit().await
}

fn over(outcome: &Outcome, owed: i64, since: Timestamp, now: Timestamp) -> Option<Over> {
    if matches!(outcome, Outcome::NeedsReconnect { .. }) {
        Some(Over::GrantDead)
    } else if owed == 0 {
        Some(Over::Done)
    } else if now.duration_since(since) >= LEAVING_TIME_MAX {
        Some(Over::TimeUp)
    } else {
        None
    }
}
