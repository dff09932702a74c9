//! Leases: who works on which link. A lease is a fence number; whoever has the highest may write, all others are too late.
//!
//! A claim takes the link's `due_at` away, so that what becomes due during the run is seen by the next one. If the holder
//! dies, the link is found by its `lease_until` instead.
//!
//! A tenant that loses [`CALENDAR_SYNC`] stops the runs under way: their leases are good no more, but to be released and to
//! keep what came of a write that was sent before. Cursors, mirrors and intents stay as they are. With the feature back, what
//! was released is due when its release said, and what was not when its lease runs out.

use jiff::Timestamp;
use kalends_calendar::ids::{CalendarId, Cursor, LinkId, TenantId};

use crate::bind::binds;
use crate::dialect::has_room;
use crate::error::{LeaseError, StoreError};
use crate::features::{self, CALENDAR_SYNC, has_feature};
use crate::links::{self, DueReason, Link};
use crate::listings::Place;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};
use crate::{connections, runs};

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
    /// How many runs an account bears.
    pub at_once: AtOnce,
}

/// How many runs may be about one account at once, on all nodes together, by its provider. Of two links to one remote
/// calendar only one runs, whatever their accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtOnce {
    /// At Google.
    pub google: i64,
    /// At Microsoft.
    pub microsoft: i64,
}

impl AtOnce {
    /// As many as there are.
    pub const ANY: Self = Self {
        google: i64::MAX,
        microsoft: i64::MAX,
    };
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
    /// Why the account cannot be used before a person connects it again; none if it can. It counts under the lease only:
    /// a person may have done so meanwhile.
    pub reconnect: Option<String>,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunResult {
    /// Well. Lifts `last_error` and `failures`.
    Success,
    /// Not well, in one sentence for people.
    Failure(String),
    /// It waits for the budget of its account, which says nothing about the link.
    Waiting,
    /// It was told to stop before it was done, which says nothing about the link. Its record is closed too.
    Stopped,
}

/// Claims up to `limit` due links of active state and usable connections, of tenants that have [`CALENDAR_SYNC`], fairly:
/// each tenant's first before any tenant's second, counting what is being worked on already. Links whose lease ran out are
/// due at once. Across tenants.
///
/// What is due of a tenant without the feature stays due: with the feature back it goes on from where it was.
pub async fn claim_due(
    store: &Store,
    claim: &Claim<'_>,
    limit: i64,
) -> Result<Vec<Leased>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Write).await?;
    lock_claims(&mut tx).await?;
    let binds = binds![
        claim.now,
        limit,
        claim.holder,
        claim.until,
        CALENDAR_SYNC,
        claim.at_once.google,
        claim.at_once.microsoft,
    ];
    let text = tx.dialect().claim_due();
    let rows = tx.rows(text, binds).await?;
    let leased = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    tx.commit().await?;
    Ok(leased)
}

/// Of two nodes that claim, the second one sees what the first has claimed: only so can runs of one account be counted.
async fn lock_claims(tx: &mut Tx) -> Result<(), StoreError> {
    if let Some(text) = tx.dialect().lock_claims() {
        tx.rows(text, binds![]).await?;
    }
    Ok(())
}

/// Claims one link, due or not, unless it is paused, somebody works on it, or its account bears no further run.
/// [`StoreError::FeatureOff`] if its tenant does not have [`CALENDAR_SYNC`]; nothing is changed then.
pub async fn claim_link(
    store: &Store,
    tenant: TenantId,
    link: LinkId,
    claim: &Claim<'_>,
) -> Result<Option<Leased>, StoreError> {
    let mut tx = store.begin(tenant).await?;
    lock_claims(&mut tx).await?;
    let binds = binds![
        tenant,
        link,
        claim.now,
        claim.holder,
        claim.until,
        CALENDAR_SYNC,
        claim.at_once.google,
        claim.at_once.microsoft,
    ];
    let row = tx
        .row(
            concat!(
                "UPDATE links SET fence = fence + 1, holder = $4, lease_until = $5, due_at = NULL
                 WHERE tenant_id = $1 AND id = $2 AND state = 'active'
                    AND (lease_until IS NULL OR lease_until <= $3)
                    AND EXISTS (SELECT 1 FROM links l
                        JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id
                        WHERE l.tenant_id = $1 AND l.id = $2 AND ",
                has_room!("$7", "$8", "lease_until > $3"),
                ")
                    AND ",
                has_feature!("$1", "$6"),
                " RETURNING *"
            ),
            binds,
        )
        .await?;
    if row.is_none() {
        features::require(&mut tx, CALENDAR_SYNC).await?;
    }
    let leased = row.map(|row| read(&row)).transpose()?;
    tx.commit().await?;
    Ok(leased)
}

/// Keeps a lease for longer; [`LeaseError::Fenced`] also if the tenant lost [`CALENDAR_SYNC`].
pub async fn renew(store: &Store, lease: &mut Lease, until: Timestamp) -> Result<(), LeaseError> {
    let mut tx = store.begin(lease.tenant).await?;
    let binds = binds![lease.tenant, lease.link, lease.fence, until, CALENDAR_SYNC];
    let touched = tx
        .execute(
            concat!(
                "UPDATE links SET lease_until = $4 WHERE tenant_id = $1 AND id = $2 AND fence = $3
                    AND lease_until IS NOT NULL AND ",
                has_feature!("$1", "$5"),
            ),
            binds,
        )
        .await?;
    if touched == 0 {
        return Err(LeaseError::Fenced);
    }
    tx.commit().await?;
    lease.until = until;
    Ok(())
}

/// Gives a lease back, and says how it went and when the link is due again; also that of a tenant that lost the feature, whose
/// link stays due then.
///
/// Where the link was paused or changed meanwhile the lease is good no more; what the run left open of its record is closed
/// all the same, unless another run has the link, which does that when it begins.
pub async fn release(store: &Store, lease: &Lease, outcome: Outcome) -> Result<(), LeaseError> {
    let mut tx = store.begin(lease.tenant).await?;
    match check_held(&mut tx, lease).await {
        Ok(_) => {}
        Err(LeaseError::Fenced) => {
            close_if_free(&mut tx, lease, outcome.at).await?;
            tx.commit().await?;
            return Err(LeaseError::Fenced);
        }
        Err(error) => return Err(error),
    }
    let binds = binds![
        lease.tenant,
        lease.link,
        outcome.next_due_at,
        outcome.next_reason,
    ];
    tx.execute(
        "UPDATE links SET holder = NULL, lease_until = NULL,
            due_reason = CASE WHEN $3 < due_at OR (due_at IS NULL AND $3 IS NOT NULL)
                THEN $4 ELSE due_reason END,
            due_at = CASE WHEN $3 < due_at OR due_at IS NULL THEN $3 ELSE due_at END
         WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    match outcome.result {
        RunResult::Success => {
            let binds = binds![lease.tenant, lease.link, outcome.at];
            tx.execute(
                "UPDATE links SET failures = 0, last_error = NULL, last_success_at = $3
                 WHERE tenant_id = $1 AND id = $2",
                binds,
            )
            .await?;
        }
        RunResult::Waiting => {}
        RunResult::Stopped => runs::interrupt(&mut tx, lease.link, outcome.at).await?,
        RunResult::Failure(error) => {
            let binds = binds![lease.tenant, lease.link, error];
            tx.execute(
                "UPDATE links SET failures = failures + 1, last_error = $3
                 WHERE tenant_id = $1 AND id = $2",
                binds,
            )
            .await?;
        }
    }
    if let Some(problem) = outcome.reconnect {
        connections::needs_reconnect(&mut tx, lease.link, problem).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn close_if_free(tx: &mut Tx, lease: &Lease, at: Timestamp) -> Result<(), StoreError> {
    let binds = binds![lease.tenant, lease.link];
    let free = tx
        .row(
            "UPDATE links SET fence = fence WHERE tenant_id = $1 AND id = $2 AND lease_until IS NULL
             RETURNING id",
            binds,
        )
        .await?;
    if free.is_some() {
        runs::interrupt(tx, lease.link, at).await?;
    }
    Ok(())
}

/// When [`claim_due`] will next find something, if nothing else happens; in the past if it would now. A link that waits for
/// another run to end is not told of. Across tenants.
pub async fn next_due(store: &Store, at_once: AtOnce) -> Result<Option<Timestamp>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .only_row(
            concat!(
                "SELECT min(CASE WHEN retry_at > ready_at THEN retry_at ELSE ready_at END) AS next
                 FROM (SELECT coalesce(l.lease_until, l.due_at) AS ready_at, c.retry_at AS retry_at
                    FROM links l
                    JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id
                    WHERE l.state = 'active' AND c.state = 'ok'
                        AND (l.due_at IS NOT NULL OR l.lease_until IS NOT NULL)
                        AND ",
                has_feature!("l.tenant_id", "$1"),
                " AND (l.lease_until IS NOT NULL OR ",
                has_room!("$2", "$3", "lease_until IS NOT NULL"),
                ")) AS waiting"
            ),
            binds![CALENDAR_SYNC, at_once.google, at_once.microsoft],
        )
        .await?;
    row.opt("next")
}

/// What a transaction under a lease knows of its link.
pub(crate) struct Held {
    pub(crate) calendar: CalendarId,
    pub(crate) generation: i64,
}

/// Proves that a lease is still good for work, and keeps it so until the transaction ends: the link's row is locked.
pub(crate) async fn check(tx: &mut Tx, lease: &Lease) -> Result<Held, LeaseError> {
    let binds = binds![lease.tenant, lease.link, lease.fence, CALENDAR_SYNC];
    let row = tx
        .row(
            concat!(
                "UPDATE links SET fence = fence WHERE tenant_id = $1 AND id = $2 AND fence = $3
                    AND lease_until IS NOT NULL AND ",
                has_feature!("$1", "$4"),
                " RETURNING calendar_id, generation"
            ),
            binds,
        )
        .await?;
    held(row)
}

/// Proves only that nobody else has the link: for what takes no work on, but keeps what was done, and ends it.
pub(crate) async fn check_held(tx: &mut Tx, lease: &Lease) -> Result<Held, LeaseError> {
    let binds = binds![lease.tenant, lease.link, lease.fence];
    let row = tx
        .row(
            "UPDATE links SET fence = fence WHERE tenant_id = $1 AND id = $2 AND fence = $3
                AND lease_until IS NOT NULL
             RETURNING calendar_id, generation",
            binds,
        )
        .await?;
    held(row)
}

/// How a batch moves its link on.
pub(crate) struct Advance {
    pub(crate) generation: Option<i64>,
    /// Whether the cursor moves; then the listing under way is over.
    pub(crate) moves: bool,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) complete: bool,
    pub(crate) place: Option<Place>,
    pub(crate) at: Timestamp,
}

/// The same as [`check`] for a batch, which moves the link's cursor too. Where a listing of another number begins, the place
/// of the one before is none any more.
pub(crate) async fn check_and_advance(
    tx: &mut Tx,
    lease: &Lease,
    advance: Advance,
) -> Result<Held, LeaseError> {
    let (page, count, at) = match advance.place {
        Some(place) => (Some(place.page), Some(place.count), Some(place.at)),
        None => (None, None, None),
    };
    let binds = binds![
        lease.tenant,
        lease.link,
        lease.fence,
        advance.generation,
        advance.moves,
        advance.cursor,
        advance.complete,
        advance.at,
        CALENDAR_SYNC,
        page.is_some(),
        page,
        count,
        at,
    ];
    let row = tx
        .row(
            concat!(
                "UPDATE links SET generation = coalesce($4, generation),
                    cursor = CASE WHEN $5 THEN $6 ELSE cursor END, live = (live OR $7),
                    last_full_at = CASE WHEN $7 THEN $8 ELSE last_full_at END,
                    listing_page = CASE WHEN $10 THEN $11
                        WHEN $5 OR $4 <> generation THEN NULL ELSE listing_page END,
                    listing_count = CASE WHEN $10 THEN $12 ELSE listing_count END,
                    listing_at = CASE WHEN $10 THEN $13 ELSE listing_at END
                 WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND lease_until IS NOT NULL
                    AND ",
                has_feature!("$1", "$9"),
                " RETURNING calendar_id, generation"
            ),
            binds,
        )
        .await?;
    held(row)
}

fn held(row: Option<Row>) -> Result<Held, LeaseError> {
    let Some(row) = row else {
        return Err(LeaseError::Fenced);
    };
    Ok(Held {
        calendar: row.get("calendar_id")?,
        generation: row.get("generation")?,
    })
}

fn read(row: &Row) -> Result<Leased, StoreError> {
    let tenant = row.get("tenant_id")?;
    let link = links::read(row)?;
    let lease = Lease {
        tenant,
        link: link.id,
        fence: link.fence,
        holder: row.get("holder")?,
        until: row.get("lease_until")?,
    };
    Ok(Leased {
        tenant,
        link,
        lease,
    })
}
