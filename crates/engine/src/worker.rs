//! A node's loop: claim what is due, run it, wait for the next.

use std::future::Future;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use kalends_store::leases::{self, Claim, Leased, Outcome, RunResult};
use kalends_store::links::DueReason;
use kalends_store::{Lease, StoreError};

use crate::Engine;
use crate::backoff::after;
use crate::budget::AT_ONCE;
use crate::progress::Progress;
use crate::report::Report;
use crate::run::run_link;

/// How long a node waits at most before it looks for due work again: other processes make links due without telling it.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a node waits at least, so that a link which is due at once for ever does not keep it spinning.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Runs due links one after the other until `stop` is done. A run under way is dropped then, which is safe at any await,
/// and its link is given back at once instead of when the lease runs out. A database that cannot be reached is waited for.
///
/// A node that shall run several links at once calls this several times.
pub async fn watch(
    engine: &Engine,
    progress: &dyn Progress,
    mut told: impl FnMut(Report),
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    loop {
        // From before the look: what becomes due during it rings.
        let ring = engine.bell.next_ring();
        let pause = match claim_one(engine).await {
            Ok(Claimed::Leased(leased)) => {
                progress.begins(leased.link.id);
                match run_until(engine, *leased, progress, stop.as_mut()).await {
                    Ok(Some(report)) => {
                        told(report);
                        continue;
                    }
                    Ok(None) => return,
                    Err(error) => wait_for_store(&error),
                }
            }
            Ok(Claimed::Nothing { pause }) => pause,
            Err(error) => wait_for_store(&error),
        };
        match select(stop, select(engine.clock.sleep(pause), ring)).await {
            Either::Left(_) => return,
            Either::Right((_, going_on)) => stop = going_on,
        }
    }
}

/// Runs over a claimed link unless `stop` is done before: then the run is dropped and its link given back, and there is no
/// report.
pub async fn run_until(
    engine: &Engine,
    leased: Leased,
    progress: &dyn Progress,
    stop: impl Future<Output = ()> + Unpin,
) -> Result<Option<Report>, StoreError> {
    let lease = leased.lease.clone();
    let run = Box::pin(run_link(engine, leased, progress));
    match select(stop, run).await {
        Either::Left(((), run)) => {
            // It may hold a transaction open, for which giving back would wait for ever.
            drop(run);
            give_back(engine, &lease).await;
            Ok(None)
        }
        Either::Right((result, _)) => result.map(Some),
    }
}

enum Claimed {
    Leased(Box<Leased>),
    Nothing { pause: Duration },
}

async fn claim_one(engine: &Engine) -> Result<Claimed, StoreError> {
    let now = engine.clock.now();
    let claim = Claim {
        now,
        holder: &engine.holder,
        until: after(now, engine.settings.lease_for),
        at_once: AT_ONCE,
    };
    match leases::claim_due(&engine.store, &claim, 1)
        .await?
        .into_iter()
        .next()
    {
        Some(leased) => Ok(Claimed::Leased(Box::new(leased))),
        None => Ok(Claimed::Nothing {
            pause: pause(now, leases::next_due(&engine.store, AT_ONCE).await?),
        }),
    }
}

fn wait_for_store(error: &StoreError) -> Duration {
    tracing::error!(%error, "the store failed; trying again");
    LOOK_EVERY
}

fn pause(now: Timestamp, next: Option<Timestamp>) -> Duration {
    let wait = next.map_or(SignedDuration::MAX, |next| next.duration_since(now));
    Duration::try_from(wait)
        .unwrap_or(LOOK_PAUSE)
        .clamp(LOOK_PAUSE, LOOK_EVERY)
}

/// The run was dropped: its link is due again at once, for any node.
async fn give_back(engine: &Engine, lease: &Lease) {
    let now = engine.clock.now();
    let outcome = Outcome {
        at: now,
        next_due_at: Some(now),
        next_reason: DueReason::Retry,
        result: RunResult::Stopped,
        reconnect: None,
    };
    if let Err(error) = leases::release(&engine.store, lease, outcome).await {
        // The lease runs out by itself.
        tracing::warn!(%error, "a link could not be given back");
    }
}
