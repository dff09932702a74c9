//! One run over one link: confirm what is unknown, pull, push, and say how it went.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::RunId;
use kalends_calendar::provider::{Access, Provider};
use kalends_calendar::rules::Rules;
use kalends_store::connections::{self, Connection, ConnectionState};
use kalends_store::leases::{self, Leased, RunResult};
use kalends_store::links::{DueReason, Link};
use kalends_store::runs::{self, NewRun, RunEnd};
use kalends_store::{Lease, StoreError, intents, remote_calendars};

use crate::backoff::{next_poll, next_try};
use crate::progress::Progress;
use crate::report::{Counts, Outcome, Report};
use crate::{Engine, EngineError, confirm, pull, push};

/// Whether a run acts or only says what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
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
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) id: RunId,
    pub(crate) mode: Mode,
    pub(crate) progress: &'a dyn Progress,
    report: &'a Mutex<Report>,
    hurry: AtomicBool,
}

impl Run<'_> {
    /// Notes something in the report.
    pub(crate) fn tally(&self, note: impl FnOnce(&mut Report)) {
        note(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Something is left that the next run should not wait a whole interval for.
    pub(crate) fn hurry(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }
}

/// Runs over a claimed link and gives the lease back. Only the store can fail it: whatever the provider does ends in the
/// report.
pub async fn run_link(
    engine: &Engine,
    leased: Leased,
    mode: Mode,
    progress: &dyn Progress,
) -> Result<Report, StoreError> {
    let id = RunId(engine.ids.next());
    let lease = leased.lease.clone();
    let link = leased.link.clone();
    let report = Mutex::new(Report {
        link: link.id,
        run: id,
        outcome: Outcome::Succeeded,
        counts: Counts::default(),
        plan: Vec::new(),
        skipped: Vec::new(),
    });
    if mode == Mode::Apply {
        record_start(engine, &leased, id).await?;
    }
    let mut hurry = false;
    let result = work(engine, leased, id, mode, progress, &report, &mut hurry).await;
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    let result = match result {
        Err(EngineError::Fenced) => {
            report.outcome = Outcome::TakenOver;
            return Ok(report);
        }
        Err(EngineError::Store(error)) => Err(Failure::passing(error.to_string())),
        Err(EngineError::Restless(_)) => Err(Failure::passing(
            "events kept changing while they were synced",
        )),
        Err(EngineError::Provider(failure)) => Err(failure),
        Ok(()) => Ok(()),
    };
    finish(engine, &lease, &link, mode, result, hurry, &mut report).await?;
    Ok(report)
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

async fn work(
    engine: &Engine,
    leased: Leased,
    id: RunId,
    mode: Mode,
    progress: &dyn Progress,
    report: &Mutex<Report>,
    hurry: &mut bool,
) -> Result<(), EngineError> {
    let mut tx = engine.store.read(leased.tenant).await?;
    let connection = connections::get(&mut tx, leased.link.connection)
        .await?
        .ok_or(StoreError::NotFound("connection"))?;
    let remote = remote_calendars::list(&mut tx, leased.link.connection).await?;
    drop(tx);
    let provider = engine.providers.open(leased.tenant, &connection).await?;
    let writable = provider.capabilities().writes
        && remote
            .iter()
            .find(|calendar| calendar.id == leased.link.remote_calendar)
            .is_none_or(|calendar| calendar.access == Access::ReadWrite);
    let run = Run {
        rules: rules(&leased.link, &connection, provider.as_ref(), writable),
        engine,
        lease: leased.lease,
        link: leased.link,
        provider,
        id,
        mode,
        progress,
        report,
        hurry: AtomicBool::new(false),
    };
    let result = stages(&run).await;
    *hurry = run.hurry.load(Ordering::Relaxed);
    result
}

async fn stages(run: &Run<'_>) -> Result<(), EngineError> {
    match run.mode {
        Mode::DryRun => {
            pull::pull(run).await?;
            push::show_owed(run).await
        }
        Mode::Apply => {
            let confirmed = confirm::confirm(run).await?;
            pull::pull(run).await?;
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

async fn finish(
    engine: &Engine,
    lease: &Lease,
    link: &Link,
    mode: Mode,
    result: Result<(), Failure>,
    hurry: bool,
    report: &mut Report,
) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let failures = u32::try_from(link.failures)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    let retry = |asked| {
        next_try(
            now,
            failures,
            asked,
            &engine.settings,
            engine.entropy.as_ref(),
        )
    };
    let mut next_due_at = Some(next_poll(
        now,
        engine.settings.poll_every,
        engine.entropy.as_ref(),
    ));
    let mut next_reason = DueReason::Schedule;
    if let Err(failure) = &result {
        let asked = match failure.class {
            Class::Passing { retry_at } => retry_at,
            _ => None,
        };
        let at = retry(asked);
        next_due_at = Some(at);
        next_reason = DueReason::Retry;
        report.outcome = match failure.class {
            Class::ReconnectNeeded => {
                next_due_at = None;
                Outcome::NeedsReconnect {
                    error: failure.message.clone(),
                }
            }
            _ => Outcome::Failed {
                error: failure.message.clone(),
                retry_at: at,
            },
        };
        keep_word(engine, lease, link, failure).await?;
    }
    let mut tx = engine.store.begin(lease.tenant).await?;
    if let (Ok(()), Some(owed)) = (&result, intents::next_due(&mut tx, link.id).await?) {
        next_due_at = next_due_at.map(|at| at.min(owed.max(if hurry { retry(None) } else { now })));
        next_reason = DueReason::Retry;
    }
    if mode == Mode::DryRun {
        // Nothing was done: the link is due as it was.
        next_due_at = Some(link.due_at.unwrap_or(now));
        next_reason = link.due_reason;
    } else {
        let counts = serde_json::to_value(report.counts).unwrap_or_default();
        let error = result.as_ref().err().map(|failure| failure.message.clone());
        runs::finish(
            &mut tx,
            report.run,
            RunEnd {
                at: now,
                counts,
                error,
            },
        )
        .await?;
    }
    tx.commit().await?;
    let full = mode == Mode::Apply
        && matches!(
            crate::reconcile::position(link, now, &engine.settings),
            kalends_calendar::provider::Position::Start
        );
    let result = match result {
        Ok(()) => RunResult::Success { full },
        Err(failure) => RunResult::Failure(failure.message),
    };
    let outcome = leases::Outcome {
        at: now,
        next_due_at,
        next_reason,
        result,
    };
    match leases::release(&engine.store, lease, outcome).await {
        Ok(()) => Ok(()),
        Err(kalends_store::LeaseError::Fenced) => {
            report.outcome = Outcome::TakenOver;
            Ok(())
        }
        Err(kalends_store::LeaseError::Store(error)) => Err(error),
    }
}

/// Keeps what a failure says about the account, so that it outlives a restart and binds all nodes.
async fn keep_word(
    engine: &Engine,
    lease: &Lease,
    link: &Link,
    failure: &Failure,
) -> Result<(), StoreError> {
    let mut tx = engine.store.begin(lease.tenant).await?;
    match failure.class {
        Class::ReconnectNeeded => {
            let problem = Some(failure.message.clone());
            connections::set_state(
                &mut tx,
                link.connection,
                ConnectionState::ReconnectNeeded,
                problem,
            )
            .await?;
        }
        Class::Passing { retry_at: Some(at) } => {
            connections::set_retry_at(&mut tx, link.connection, Some(at)).await?;
        }
        _ => return Ok(()),
    }
    tx.commit().await
}

/// Claims one link for a run now, whether it is due or not; none while another node works on it.
pub async fn claim(
    engine: &Engine,
    tenant: kalends_calendar::ids::TenantId,
    link: kalends_calendar::ids::LinkId,
) -> Result<Option<Leased>, StoreError> {
    let now: Timestamp = engine.clock.now();
    let until = crate::backoff::after(now, engine.settings.lease_for);
    let claim = leases::Claim {
        now,
        holder: &engine.holder,
        until,
    };
    leases::claim_link(&engine.store, tenant, link, &claim).await
}
