//! One run over one link: confirm what is unknown, pull, push, and say how it went.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{LinkId, RunId, TenantId};
use kalends_calendar::plan::{ImportBounds, Importing};
use kalends_calendar::provider::{Access, Provider};
use kalends_calendar::rules::Rules;
use kalends_store::audit::{self, Entry};
use kalends_store::connections::{self, Connection, RetryReason};
use kalends_store::leases::{self, Leased, RunResult};
use kalends_store::links::{DueReason, Link};
use kalends_store::runs::{self, NewRun, RunEnd};
use kalends_store::{
    Lease, LeaseError, StoreError, Tx, channels, departures, events, intents, remote_calendars,
};
use serde_json::json;

use crate::backoff::{after, next_poll, next_try};
use crate::budget::AT_ONCE;
use crate::heartbeat::Renewed;
use crate::progress::Progress;
use crate::report::{Counts, Outcome, Report};
use crate::{Engine, EngineError, confirm, leave, listing, push, waits};

/// How long a link rests after a run that left something owed.
const OWED_PAUSE: Duration = Duration::from_secs(1);

/// Whether a run acts or only says what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It acts.
    Apply,
    /// It plans, and stops.
    DryRun,
}

/// A run under way.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) lease: Lease,
    pub(crate) link: Link,
    pub(crate) rules: Rules,
    pub(crate) import: Import,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) id: RunId,
    pub(crate) mode: Mode,
    pub(crate) progress: &'a dyn Progress,
    report: &'a Mutex<Report>,
    notes: &'a Notes,
}

/// What bounds the first import of the link.
pub(crate) struct Import {
    bounds: ImportBounds,
    zone: TimeZone,
    is_first: bool,
}

impl Import {
    async fn load(tx: &mut Tx, link: &Link) -> Result<Self, StoreError> {
        Ok(Self {
            bounds: link.bounds,
            zone: if link.bounds.are_open() {
                TimeZone::UTC
            } else {
                events::zone_of(tx, link.calendar).await?
            },
            is_first: !link.live,
        })
    }

    /// Whether there is anything that it leaves out, or has.
    pub(crate) fn is_bound(&self) -> bool {
        !self.bounds.are_open()
    }

    /// By which an event that is new to the link is taken in or left out.
    pub(crate) fn importing(&self) -> Importing<'_> {
        Importing {
            bounds: &self.bounds,
            zone: &self.zone,
            is_first: self.is_first,
        }
    }
}

/// Why a run ended before its time, where that is not its lease.
enum Stop {
    /// It failed.
    Failed(Failure),
    /// It waits for its account's budget.
    Waits(Timestamp),
}

impl Stop {
    fn told(&self) -> String {
        match self {
            Self::Failed(failure) => failure.message.clone(),
            Self::Waits(until) => waits(*until),
        }
    }
}

/// What a run notes for later.
struct Notes {
    sends: AtomicBool,
    left_alone_until: Mutex<Option<Timestamp>>,
    renewed: Renewed,
}

impl Run<'_> {
    /// Notes something in the report.
    pub(crate) fn tally(&self, note: impl FnOnce(&mut Report)) {
        note(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends the run for now where the account's budget is used up. Looked at before each call of the provider that is one of
    /// many; a call that was begun is finished.
    pub(crate) fn within_budget(&self) -> Result<(), EngineError> {
        match self.provider.overdrawn_until() {
            Some(until) if self.engine.clock.now() < until && self.mode == Mode::Apply => {
                Err(EngineError::Waits(until))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Renews the lease where it is time to, between two of many looks at the database.
    pub(crate) async fn stays(&self) -> Result<(), EngineError> {
        self.holding(std::future::ready(())).await
    }

    /// Waits for the provider, keeping the lease alive.
    pub(crate) async fn holding<T>(&self, work: impl Future<Output = T>) -> Result<T, EngineError> {
        match self.mode {
            Mode::Apply => {
                self.engine
                    .holding(&self.lease, &self.notes.renewed, work)
                    .await
            }
            Mode::DryRun => Ok(work.await),
        }
    }
}

/// Runs over a claimed link and gives the lease back. Only the store can fail it: whatever the provider does ends in the
/// report.
pub async fn run_link(
    engine: &Engine,
    leased: Leased,
    progress: &dyn Progress,
) -> Result<Report, StoreError> {
    let id = RunId(engine.ids.next());
    let lease = leased.lease.clone();
    let link = leased.link.clone();
    record_start(engine, &leased, id).await?;
    let (result, notes, mut report) = Box::pin(report(
        engine,
        lease.clone(),
        leased.link,
        id,
        Mode::Apply,
        progress,
    ))
    .await;
    leave_alone(engine, &link, lease.tenant, &notes).await?;
    let Some(result) = result else {
        stop(engine, &lease, &mut report).await?;
        return Ok(report);
    };
    finish(engine, &lease, &link, result, &notes, &mut report).await?;
    if link.leaving && report.outcome != Outcome::TakenOver {
        leave::end_if_over(engine, lease.tenant, &link, &report).await?;
    }
    let counts = &report.counts;
    if counts.created + counts.updated + counts.deleted > 0 {
        // What came in here is owed to the calendar's other links.
        engine.bell.ring();
    }
    Ok(report)
}

/// Says what a run over a link would do, and writes nothing: it needs no lease.
pub async fn dry_run(
    engine: &Engine,
    tenant: TenantId,
    link: Link,
    progress: &dyn Progress,
) -> Result<Report, StoreError> {
    let id = RunId(engine.ids.next());
    // Never shown to the store: a dry run writes nothing.
    let lease = Lease {
        tenant,
        link: link.id,
        fence: link.fence,
        holder: engine.holder.clone(),
        until: engine.clock.now(),
    };
    let running = report(engine, lease, link.clone(), id, Mode::DryRun, progress);
    let (result, _, mut report) = Box::pin(running).await;
    if let Some(Err(stop)) = &result {
        report.outcome = after_stop(engine, &link, stop).0;
    }
    Ok(report)
}

/// Does the work of a run; no result where its lease is good no more.
async fn report(
    engine: &Engine,
    lease: Lease,
    link: Link,
    id: RunId,
    mode: Mode,
    progress: &dyn Progress,
) -> (Option<Result<(), Stop>>, Notes, Report) {
    let notes = Notes {
        sends: AtomicBool::new(false),
        left_alone_until: Mutex::default(),
        renewed: Renewed::new(engine.clock.now()),
    };
    let report = Mutex::new(Report {
        link: link.id,
        run: id,
        outcome: Outcome::Succeeded,
        counts: Counts::default(),
        plan: Vec::new(),
        skipped: Vec::new(),
    });
    let result = work(engine, lease, link, id, mode, progress, &report, &notes).await;
    let result = match result {
        Ok(()) => Some(Ok(())),
        Err(EngineError::Fenced) => None,
        Err(EngineError::Waits(until)) => Some(Err(Stop::Waits(until))),
        Err(EngineError::Provider(failure)) => Some(Err(Stop::Failed(failure))),
        Err(error @ (EngineError::Store(_) | EngineError::Restless(_))) => {
            Some(Err(Stop::Failed(Failure::passing(error.to_string()))))
        }
    };
    (
        result,
        notes,
        report.into_inner().unwrap_or_else(PoisonError::into_inner),
    )
}

async fn record_start(engine: &Engine, leased: &Leased, id: RunId) -> Result<(), StoreError> {
    let mut tx = engine.store.begin(leased.tenant).await?;
    let new = NewRun {
        id,
        link: leased.link.id,
        reason: leased.link.due_reason,
        holder: engine.holder.clone(),
        cursor: leased.link.cursor.clone(),
        started_at: engine.clock.now(),
    };
    runs::start(&mut tx, new).await?;
    tx.commit().await
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a run, put together in this one place"
)]
async fn work(
    engine: &Engine,
    lease: Lease,
    link: Link,
    id: RunId,
    mode: Mode,
    progress: &dyn Progress,
    report: &Mutex<Report>,
    notes: &Notes,
) -> Result<(), EngineError> {
    let mut tx = engine.store.read(lease.tenant).await?;
    let connection = connection(&mut tx, &link)
        .await?
        .ok_or(StoreError::NotFound("connection"))?;
    let import = Import::load(&mut tx, &link).await?;
    let remote = remote_calendars::list(&mut tx, link.connection).await?;
    drop(tx);
    if let Some(retry_at) = connection.retry_at.filter(|at| engine.clock.now() < *at) {
        if connection.retry_reason == Some(RetryReason::Budget) {
            return Err(EngineError::Waits(retry_at));
        }
        let class = Class::Passing {
            retry_at: Some(retry_at),
        };
        return Err(Failure::new(
            class,
            format!("the provider asked to be left alone until {retry_at}"),
        )
        .into());
    }
    let provider = engine.providers.open(lease.tenant, &connection).await?;
    let writable = provider.capabilities().writes
        && remote
            .iter()
            .find(|calendar| calendar.id == link.remote_calendar)
            .is_none_or(|calendar| calendar.access == Access::ReadWrite);
    let rules = rules(&link, &connection, provider.as_ref(), writable);
    notes
        .sends
        .store(rules.sends() || link.leaving, Ordering::Relaxed);
    let run = Run {
        engine,
        lease,
        link,
        rules,
        import,
        provider,
        id,
        mode,
        progress,
        report,
        notes,
    };
    let result = stages(&run).await;
    let mut until = notes
        .left_alone_until
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *until = run.provider.left_alone_until();
    result
}

/// The account of a link, also while it is leaving.
async fn connection(tx: &mut Tx, link: &Link) -> Result<Option<Connection>, StoreError> {
    if link.leaving {
        let departure = departures::get(tx, link.connection).await?;
        Ok(departure.map(|departure| departure.connection))
    } else {
        connections::get(tx, link.connection).await
    }
}

async fn stages(run: &Run<'_>) -> Result<(), EngineError> {
    match run.mode {
        // Nothing is taken in any more, and what became of earlier writes is found out one by one.
        Mode::Apply if run.link.leaving => push::push(run).await,
        Mode::DryRun => {
            listing::pull(run).await?;
            push::show_owed(run).await
        }
        Mode::Apply => {
            let confirmed = confirm::confirm(run).await?;
            listing::pull(run).await?;
            confirm::settle_confirmed(run, &confirmed).await?;
            push::push(run).await
        }
    }
}

fn rules(link: &Link, connection: &Connection, provider: &dyn Provider, writable: bool) -> Rules {
    Rules {
        direction: link.direction,
        detail: link.detail,
        conflict_policy: link.conflict_policy,
        guests: provider.capabilities().guests,
        writable,
        me: connection.me.clone(),
    }
}

/// When a link is due after a run, and why then.
struct Next {
    at: Option<Timestamp>,
    reason: DueReason,
}

fn after_stop(engine: &Engine, link: &Link, stop: &Stop) -> (Outcome, Next) {
    match stop {
        Stop::Failed(failure) => after_failure(engine, link, failure),
        Stop::Waits(until) => {
            let next = Next {
                at: Some(*until),
                reason: DueReason::Retry,
            };
            (Outcome::Waiting { until: *until }, next)
        }
    }
}

fn after_failure(engine: &Engine, link: &Link, failure: &Failure) -> (Outcome, Next) {
    let error = failure.message.clone();
    if failure.class == Class::ReconnectNeeded {
        let next = Next {
            at: None,
            reason: DueReason::Retry,
        };
        return (Outcome::NeedsReconnect { error }, next);
    }
    let asked = match failure.class {
        Class::Passing { retry_at } => retry_at,
        _ => None,
    };
    let retry_at = later(engine, link, asked);
    let next = Next {
        at: Some(retry_at),
        reason: DueReason::Retry,
    };
    (Outcome::Failed { error, retry_at }, next)
}

fn after_success(engine: &Engine, owed: Option<Timestamp>, is_told: bool) -> Next {
    let now = engine.clock.now();
    let every = if is_told {
        engine.settings.poll_every_with_push
    } else {
        engine.settings.poll_every
    };
    let poll = next_poll(now, every, engine.entropy.as_ref());
    // What became owed during the run goes out soon, but never so soon that a link spins.
    match owed.map(|at| at.max(after(now, OWED_PAUSE))) {
        Some(at) if at < poll => Next {
            at: Some(at),
            reason: DueReason::Retry,
        },
        Some(_) | None => Next {
            at: Some(poll),
            reason: DueReason::Schedule,
        },
    }
}

fn later(engine: &Engine, link: &Link, asked: Option<Timestamp>) -> Timestamp {
    let failures = u32::try_from(link.failures)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    next_try(
        engine.clock.now(),
        failures,
        asked,
        &engine.settings,
        engine.entropy.as_ref(),
    )
}

/// Keeps what the provider said of being left alone, also of a run that another node has taken over.
async fn leave_alone(
    engine: &Engine,
    link: &Link,
    tenant: TenantId,
    notes: &Notes,
) -> Result<(), StoreError> {
    let until = *notes
        .left_alone_until
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let Some(until) = until else {
        return Ok(());
    };
    let mut tx = engine.store.begin(tenant).await?;
    connections::leave_alone(&mut tx, link.connection, until).await?;
    tx.commit().await
}

async fn finish(
    engine: &Engine,
    lease: &Lease,
    link: &Link,
    result: Result<(), Stop>,
    notes: &Notes,
    report: &mut Report,
) -> Result<(), StoreError> {
    let at = engine.clock.now();
    let mut tx = engine.store.begin(lease.tenant).await?;
    let next = match &result {
        Ok(()) => {
            let owed = intents::next_due(&mut tx, link.id).await?;
            let owed = owed.filter(|_| notes.sends.load(Ordering::Relaxed));
            let is_told = channels::is_open(&mut tx, link.id, at).await?;
            after_success(engine, owed, is_told)
        }
        Err(stop) => {
            match stop {
                Stop::Failed(failure) => {
                    if let Class::Passing { retry_at: Some(at) } = failure.class {
                        connections::leave_alone(&mut tx, link.connection, at).await?;
                    }
                }
                Stop::Waits(until) => {
                    connections::wait_for_budget(&mut tx, link.connection, *until).await?;
                }
            }
            let (outcome, next) = after_stop(engine, link, stop);
            report.outcome = outcome;
            match next.at {
                // The end of a departure follows from this run at once, or from the next one where this node dies first.
                None if link.leaving => Next {
                    at: Some(at),
                    reason: DueReason::Retry,
                },
                Some(_) | None => next,
            }
        }
    };
    // Nobody will connect an account again that is leaving.
    let reconnect = match &result {
        Err(Stop::Failed(failure)) if failure.class == Class::ReconnectNeeded && !link.leaving => {
            Some(failure.message.clone())
        }
        Ok(()) | Err(Stop::Failed(_) | Stop::Waits(_)) => None,
    };
    let end = RunEnd {
        at,
        counts: serde_json::to_value(report.counts).unwrap_or_default(),
        error: result.as_ref().err().map(Stop::told),
    };
    runs::finish(&mut tx, report.run, end).await?;
    if let Some(entry) = noted(engine, link, report, at) {
        audit::append(&mut tx, entry).await?;
    }
    tx.commit().await?;
    let result = match result {
        Ok(()) => RunResult::Success,
        Err(Stop::Failed(failure)) => RunResult::Failure(failure.message),
        Err(Stop::Waits(_)) => RunResult::Waiting,
    };
    let outcome = leases::Outcome {
        at: engine.clock.now(),
        next_due_at: next.at,
        next_reason: next.reason,
        result,
        reconnect,
    };
    release(engine, lease, outcome, report).await
}

/// A run in the audit log, if it did anything: what woke it and what it did, counted. Each of its writes is there by itself.
fn noted(engine: &Engine, link: &Link, report: &Report, at: Timestamp) -> Option<Entry> {
    let counts = &report.counts;
    let taken = counts.created + counts.updated + counts.deleted;
    if taken + counts.pushed + counts.conflicts + counts.held == 0 {
        return None;
    }
    Some(Entry {
        id: engine.ids.next(),
        at,
        actor: "sync".to_owned(),
        action: "sync.run".to_owned(),
        object: format!("run {}", report.run),
        detail: json!({ "link": link.id, "woken_by": link.due_reason, "counts": counts }),
        address: None,
        cause: None,
    })
}

/// The run was cut off. Where its tenant lost the feature, nobody else has the link, which is given back: it waits, due, for
/// the feature. Where another node has it, there is nothing to give.
async fn stop(engine: &Engine, lease: &Lease, report: &mut Report) -> Result<(), StoreError> {
    let at = engine.clock.now();
    let outcome = leases::Outcome {
        at,
        next_due_at: Some(at),
        next_reason: DueReason::Retry,
        result: RunResult::Stopped,
        reconnect: None,
    };
    report.outcome = Outcome::TakenOver;
    release(engine, lease, outcome, report).await
}

async fn release(
    engine: &Engine,
    lease: &Lease,
    outcome: leases::Outcome,
    report: &mut Report,
) -> Result<(), StoreError> {
    match leases::release(&engine.store, lease, outcome).await {
        Ok(()) => Ok(()),
        Err(LeaseError::Fenced) => {
            report.outcome = Outcome::TakenOver;
            Ok(())
        }
        Err(LeaseError::Store(error)) => Err(error),
    }
}

/// Claims one link for a run now, whether it is due or not; none while it is paused or another node works on it.
pub async fn claim(
    engine: &Engine,
    tenant: TenantId,
    link: LinkId,
) -> Result<Option<Leased>, StoreError> {
    let now: Timestamp = engine.clock.now();
    let until = after(now, engine.settings.lease_for);
    let claim = leases::Claim {
        now,
        holder: &engine.holder,
        until,
        at_once: AT_ONCE,
    };
    leases::claim_link(&engine.store, tenant, link, &claim).await
}
