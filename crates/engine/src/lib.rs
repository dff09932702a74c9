//! Decides what happens next: which link is due, what to pull, what to push, what to look at again.
//!
//! The engine knows no provider, no HTTP and no SQL text. It takes clock, ids and entropy as parameters, spawns nothing,
//! and sleeps only through the clock: one seed of the simulation gives one trace. There is exactly one way an event
//! reaches a provider, [`push`], and it goes through an intent that was durable before anything was sent.

mod assemble;
pub mod backoff;
pub mod bell;
pub mod budget;
mod confirm;
pub mod edits;
mod heartbeat;
mod leave;
mod listing;
mod load;
pub mod progress;
mod pull;
mod push;
mod reconcile;
pub mod report;
mod run;
pub mod settings;
mod show;
pub mod signal;
mod take_in;
pub mod watch;
pub mod worker;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::TenantId;
use kalends_calendar::provider::Provider;
use kalends_calendar::seams::{Clock, Entropy, Ids};
use kalends_store::connections::Connection;
use kalends_store::{ApplyError, EditError, LeaseError, Store, StoreError};

pub use bell::{Bell, Mute};
pub use progress::{Progress, Silent};
pub use report::{Outcome, Planned, Report};
pub use run::{claim, dry_run, run_link};
pub use settings::Settings;
pub use take_in::COPY_SKIPPED;

/// Opens connections: the one place where the engine meets secrets and wires, filled by the composition root.
#[async_trait]
pub trait Providers: Send + Sync {
    /// A provider for this account, with its secrets in place.
    async fn open(
        &self,
        tenant: TenantId,
        connection: &Connection,
    ) -> Result<Arc<dyn Provider>, Failure>;
}

/// The engine of one node.
#[derive(Clone)]
pub struct Engine {
    /// Where everything is kept.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where identifiers come from.
    pub ids: Arc<dyn Ids>,
    /// Where jitter comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Who opens connections.
    pub providers: Arc<dyn Providers>,
    /// What wakes the workers of this node.
    pub bell: Arc<dyn Bell>,
    /// How eager and how patient it is.
    pub settings: Settings,
    /// The name under which this node holds leases.
    pub holder: String,
}

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The provider failed in a way that ends the run.
    #[error(transparent)]
    Provider(#[from] Failure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The budget of the account's requests is used up. Nothing is wrong; the run goes on then.
    #[error("{}", waits(*.0))]
    Waits(Timestamp),
    /// The lease is good no more: another node has taken the link over, or the tenant lost the feature. Nothing that this run
    /// would still write counts.
    #[error("another node has taken this link over, or it may not be synced any more")]
    Fenced,
    /// People kept editing the same event while it was planned.
    #[error("event {0} kept changing while it was synced; it is tried again")]
    Restless(kalends_calendar::ids::EventId),
}

pub(crate) fn waits(until: Timestamp) -> String {
    format!(
        "waits for quota: the account is asked no more than its provider allows; it goes on at {until}"
    )
}

impl From<LeaseError> for EngineError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Fenced => Self::Fenced,
            LeaseError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ApplyError> for EngineError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Fenced => Self::Fenced,
            ApplyError::Stale(event) => Self::Restless(event),
            ApplyError::Store(error) => Self::Store(error),
        }
    }
}

impl From<EditError> for EngineError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Stale(event) => Self::Restless(event),
            EditError::Store(error) => Self::Store(error),
        }
    }
}
