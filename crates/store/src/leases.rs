//! Leases: who works on which link. A lease is a fence number; whoever has the highest may write, all others are too late.

use jiff::Timestamp;
use kalends_calendar::ids::{LinkId, TenantId};

use crate::error::{LeaseError, StoreError};
use crate::links::{DueReason, Link};
use crate::store::Store;

/// The right to work on one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Of this tenant.
    pub tenant: TenantId,
    /// On this link.
    pub link: LinkId,
    /// Its number; each lease of a link has a higher one than the lease before.
    pub fence: i64,
    /// Whose it is: a node, for people.
    pub holder: String,
    /// Until when, unless renewed. After that others may claim the link; until they do, the lease is still good.
    pub until: Timestamp,
}

/// A link that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// Of this tenant.
    pub tenant: TenantId,
    /// The link, as it is now. Its `due_at` is none: what becomes due from here on is for the next run.
    pub link: Link,
    /// The right to work on it.
    pub lease: Lease,
}

/// Who claims, and for how long.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// Now.
    pub now: Timestamp,
    /// Who: a node, for people.
    pub holder: &'a str,
    /// Until when the lease is good.
    pub until: Timestamp,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Now.
    pub at: Timestamp,
    /// When the link is due again. What became due during the run counts too, if it is earlier.
    pub next_due_at: Option<Timestamp>,
    /// Why then.
    pub next_reason: DueReason,
    /// How it went.
    pub result: RunResult,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunResult {
    /// Well. Lifts `last_error`, `failures` and a confirmation of deletions.
    Success {
        /// Whether it finished a full listing.
        full: bool,
    },
    /// Not well, in one sentence for people.
    Failure(String),
}

/// Claims up to `limit` due links of active state and usable connections, fairly: each tenant's first before any
/// tenant's second, counting what is being worked on already. Links whose lease ran out are due at once. Across tenants.
pub async fn claim_due(
    store: &Store,
    claim: &Claim<'_>,
    limit: i64,
) -> Result<Vec<Leased>, StoreError> {
    let _ = (store, claim, limit);
    Err(unfinished())
}

/// Claims one link, due or not, unless somebody works on it. Also a paused one: the caller looks at its state.
pub async fn claim_link(
    store: &Store,
    tenant: TenantId,
    link: LinkId,
    claim: &Claim<'_>,
) -> Result<Option<Leased>, StoreError> {
    let _ = (store, tenant, link, claim);
    Err(unfinished())
}

/// Keeps a lease for longer.
pub async fn renew(store: &Store, lease: &mut Lease, until: Timestamp) -> Result<(), LeaseError> {
    let _ = (store, lease, until);
    Err(unfinished().into())
}

/// Gives a lease back, and says how it went and when the link is due again.
pub async fn release(store: &Store, lease: &Lease, outcome: Outcome) -> Result<(), LeaseError> {
    let _ = (store, lease, outcome);
    Err(unfinished().into())
}

/// When [`claim_due`] will next find something, if nothing else happens; in the past if it would now. Across tenants.
pub async fn next_due(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let _ = store;
    Err(unfinished())
}

pub(crate) fn unfinished() -> StoreError {
    StoreError::Migration("unfinished".to_owned())
}
