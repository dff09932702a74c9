//! Intents: remote writes we owe, each durable before it is sent. One per link and event: writes to one never race.

use std::sync::LazyLock;

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId, RunId};
use kalends_calendar::merge::Field;
use kalends_calendar::plan::{Mirror, Reason};
use kalends_calendar::revision::Revision;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use crate::audit::{self, Entry};
use crate::bind::{Bind, binds};
use crate::error::{LeaseError, StoreError};
use crate::leases::{self, Lease};
use crate::mirrors;
use crate::multi::Multi;
use crate::remote_writes::{self, WriteOp};
use crate::row::Row;
use crate::store::Store;
use crate::tx::Tx;

/// Where an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// It waits for its time.
    Due,
    /// It was (or was about to be) sent, and nobody knows what came of it: look before writing again. It stays so when the
    /// event changes meanwhile.
    Sent,
    /// It is refused for good. It is due again when the event changes.
    Failed,
}

/// A remote write that a link owes: the present state of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Of which event.
    pub event: EventId,
    /// Rises each time the event changes, and is never used twice: what was sent under an older stamp is out of date.
    pub stamp: i64,
    /// Where it stands.
    pub state: IntentState,
    /// Not before this time.
    pub due_at: Timestamp,
    /// How often it was sent under this stamp.
    pub attempts: i64,
    /// The name under which it was last sent to be created.
    pub name: Option<String>,
    /// What was wrong the last time, for people.
    pub error: Option<String>,
    /// Why it is owed.
    pub reason: Reason,
    /// The run that made it owed; none for an edit on our side.
    pub run: Option<RunId>,
}

/// A write about to be sent.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Of which event.
    pub event: EventId,
    /// The intent's stamp.
    pub stamp: i64,
    /// The revision of the event that is sent.
    pub revision: Revision,
    /// The name, where it is a creation.
    pub name: Option<String>,
    /// What it does.
    pub op: WriteOp,
    /// To which remote event, where it is there already.
    pub remote_id: Option<RemoteId>,
    /// Which fields it changes.
    pub fields: Vec<Field>,
    /// Why.
    pub reason: Reason,
    /// In which run.
    pub run: RunId,
    /// Now.
    pub at: Timestamp,
}

/// Whether a write may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// Send it: it is on record.
    Sent,
    /// Do not: the event has changed since, or the intent is gone. Plan it anew.
    Superseded,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The remote side is as we want it (also when nothing had to be sent).
    Done(MirrorMove),
    /// Nobody knows: the intent stays sent. Look again before anything is written.
    Unknown {
        /// Not before this time.
        at: Timestamp,
        /// Why, for people.
        error: String,
    },
    /// Nothing happened; it may work later.
    Retry {
        /// Not before this time.
        at: Timestamp,
        /// Why, for people.
        error: String,
    },
    /// It is refused until the event changes.
    Failed {
        /// Why, for people.
        error: String,
    },
    /// What was unknown has been looked up: it may be planned and sent again when its time comes.
    Replan,
}

/// What a write means for the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorMove {
    /// This was agreed.
    Set(Mirror),
    /// Nothing is agreed any more: the remote copy is gone.
    Drop,
    /// It stays.
    Keep,
}

/// Whether the intent was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// As it was settled.
    AsSent,
    /// The event changed while it was sent: the mirror is kept, and the newer intent is due.
    Superseded,
}

/// The intents of a link whose time has come, due or sent: those that failed least often first, so that a few that always
/// fail keep nobody waiting; among them the oldest change first.
pub async fn due(
    tx: &mut Tx,
    link: LinkId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Intent>, StoreError> {
    let binds = binds![tx.tenant, link, now, limit];
    let rows = tx
        .rows(
            "SELECT * FROM intents WHERE tenant_id = $1 AND link_id = $2 AND state <> 'failed'
                AND due_at <= $3
             ORDER BY attempts, stamp, event_id LIMIT $4",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// When the next intent of a link is due, due or sent; none if it owes nothing.
pub async fn next_due(tx: &mut Tx, link: LinkId) -> Result<Option<Timestamp>, StoreError> {
    let binds = binds![tx.tenant, link];
    tx.only_row(
        "SELECT min(due_at) AS next FROM intents
         WHERE tenant_id = $1 AND link_id = $2 AND state <> 'failed'",
        binds,
    )
    .await?
    .opt("next")
}

/// How many remote writes a link owes, failed ones included.
pub async fn count(tx: &mut Tx, link: LinkId) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant, link];
    tx.only_row(
        "SELECT count(*) AS n FROM intents WHERE tenant_id = $1 AND link_id = $2",
        binds,
    )
    .await?
    .get("n")
}

/// The intents that are refused.
pub async fn failed(tx: &mut Tx, link: LinkId) -> Result<Vec<Intent>, StoreError> {
    let binds = binds![tx.tenant, link];
    let rows = tx
        .rows(
            "SELECT * FROM intents WHERE tenant_id = $1 AND link_id = $2 AND state = 'failed'
             ORDER BY stamp, event_id",
            binds,
        )
        .await?;
    rows.iter().map(read).collect()
}

/// How often a write is sent before its refusal is final, whatever changes at the other side. What changes there may be what
/// was written before the refusal.
const TRIES_MAX: i64 = 5;

/// What was refused of these events is due again: what stands at the other side is something else now.
pub(crate) async fn try_again(
    tx: &mut Tx,
    link: LinkId,
    events: Vec<Bind>,
    now: Timestamp,
) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "UPDATE intents SET state = 'due', due_at = $3
             WHERE tenant_id = $1 AND link_id = $2 AND state = 'failed' AND attempts < $4 AND event_id IN (",
            4,
            "?",
            ")",
        )
    });
    let shared = binds![tx.tenant, link, now, TRIES_MAX];
    tx.execute_in(&TEXT, &shared, events).await?;
    Ok(())
}

/// Puts a write on record **before** it is sent: in the intent and among the remote writes. [`LeaseError::Fenced`] also if the
/// tenant lost the feature: then it is not to be sent.
pub async fn mark_sent(
    store: &Store,
    lease: &Lease,
    sending: &Sending,
) -> Result<Marked, LeaseError> {
    let mut tx = store.begin(lease.tenant).await?;
    leases::check(&mut tx, lease).await?;
    let binds = binds![
        lease.tenant,
        lease.link,
        sending.event,
        sending.stamp,
        sending.name.clone(),
        sending.revision,
    ];
    let row = tx
        .row(
            "UPDATE intents SET state = 'sent', attempts = attempts + 1, name = coalesce($5, name),
                sent_revision = $6
             WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND stamp = $4
             RETURNING attempts",
            binds,
        )
        .await?;
    let Some(row) = row else {
        return Ok(Marked::Superseded);
    };
    let attempt = row.get("attempts")?;
    remote_writes::insert(&mut tx, lease.link, sending, attempt).await?;
    audit::append(&mut tx, noted(lease.link, sending, attempt)).await?;
    tx.commit().await?;
    Ok(Marked::Sent)
}

/// A write in the audit log: which one, and what it follows from. What came of it is among the remote writes.
fn noted(link: LinkId, sending: &Sending, attempt: i64) -> Entry {
    let op = match sending.op {
        WriteOp::Create => "create",
        WriteOp::Update => "update",
        WriteOp::Delete => "delete",
    };
    // Attempts are told apart by what they are about, so that no other source of chance is needed.
    let mut about = Sha256::new();
    about.update(link.0);
    about.update(sending.event.0);
    about.update(sending.stamp.to_be_bytes());
    about.update(attempt.to_be_bytes());
    let mut tail = [0; 10];
    tail.copy_from_slice(&about.finalize()[..10]);
    let at = u64::try_from(sending.at.as_millisecond()).unwrap_or(0);
    Entry {
        id: Builder::from_unix_timestamp_millis(at, &tail).into_uuid(),
        at: sending.at,
        actor: "sync".to_owned(),
        action: format!("{}{op}", audit::WRITE),
        object: format!("event {}", sending.event),
        detail: json!({
            "link": link,
            "revision": sending.revision,
            "attempt": attempt,
            "reason": sending.reason,
            "remote_id": sending.remote_id,
        }),
        address: None,
        cause: Some(format!("run {}", sending.run)),
    }
}

/// Records what came of a write, in one transaction: mirror, intent, and the record of remote writes. It needs the lease but
/// not the feature: what was sent was sent, and is not to be sent again for having been forgotten.
pub async fn settle(
    store: &Store,
    lease: &Lease,
    event: EventId,
    stamp: i64,
    settlement: Settlement,
    now: Timestamp,
) -> Result<Settled, LeaseError> {
    let mut tx = store.begin(lease.tenant).await?;
    let held = leases::check_held(&mut tx, lease).await?;
    let place = Place {
        link: lease.link,
        event,
        stamp,
    };
    remote_writes::settle(&mut tx, &place, &settlement).await?;
    let newer = match settlement {
        Settlement::Unknown { .. } => IntentState::Sent,
        Settlement::Done(_)
        | Settlement::Retry { .. }
        | Settlement::Failed { .. }
        | Settlement::Replan => IntentState::Due,
    };
    let met = match settlement {
        Settlement::Done(agreed) => {
            match agreed {
                MirrorMove::Set(mirror) => {
                    mirrors::set(&mut tx, lease.link, held.generation, vec![mirror]).await?;
                }
                MirrorMove::Drop => {
                    mirrors::drop_many(&mut tx, lease.link, &[event]).await?;
                }
                MirrorMove::Keep => {}
            }
            let binds = binds![lease.tenant, lease.link, event, stamp];
            tx.execute(
                "DELETE FROM intents
                 WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND stamp = $4",
                binds,
            )
            .await?
        }
        Settlement::Unknown { at, error } => {
            place
                .put(&mut tx, IntentState::Sent, at, Some(error))
                .await?
        }
        Settlement::Retry { at, error } => {
            place
                .put(&mut tx, IntentState::Due, at, Some(error))
                .await?
        }
        Settlement::Failed { error } => {
            place
                .put(&mut tx, IntentState::Failed, now, Some(error))
                .await?
        }
        Settlement::Replan => place.plan_again(&mut tx).await?,
    };
    let settled = if met == 0 && place.supersede(&mut tx, newer, now).await? {
        Settled::Superseded
    } else {
        Settled::AsSent
    };
    tx.commit().await?;
    Ok(settled)
}

/// One intent under one stamp.
pub(crate) struct Place {
    pub(crate) link: LinkId,
    pub(crate) event: EventId,
    pub(crate) stamp: i64,
}

impl Place {
    /// Gives the intent a state, if its stamp is still this one; how many that were.
    async fn put(
        &self,
        tx: &mut Tx,
        state: IntentState,
        due_at: Timestamp,
        error: Option<String>,
    ) -> Result<u64, StoreError> {
        let binds = binds![
            tx.tenant, self.link, self.event, self.stamp, state, due_at, error,
        ];
        tx.execute(
            "UPDATE intents SET state = $5, due_at = $6, error = $7
             WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND stamp = $4",
            binds,
        )
        .await
    }

    /// What was unknown is known: the intent may be sent again when its time comes.
    async fn plan_again(&self, tx: &mut Tx) -> Result<u64, StoreError> {
        let binds = binds![tx.tenant, self.link, self.event, self.stamp];
        tx.execute(
            "UPDATE intents SET state = 'due', error = NULL
             WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND stamp = $4",
            binds,
        )
        .await
    }

    /// What was sent is out of date: the newer stamp is due, or stays sent while nobody knows what came of the older one.
    /// False if nothing is owed.
    async fn supersede(
        &self,
        tx: &mut Tx,
        state: IntentState,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let binds = binds![tx.tenant, self.link, self.event, self.stamp, state, now];
        let touched = tx
            .execute(
                "UPDATE intents SET state = $5, due_at = $6
                 WHERE tenant_id = $1 AND link_id = $2 AND event_id = $3 AND stamp <> $4",
                binds,
            )
            .await?;
        Ok(touched > 0)
    }
}

pub(crate) fn read(row: &Row) -> Result<Intent, StoreError> {
    Ok(Intent {
        event: row.get("event_id")?,
        stamp: row.get("stamp")?,
        state: row.get("state")?,
        due_at: row.get("due_at")?,
        attempts: row.get("attempts")?,
        name: row.opt("name")?,
        error: row.opt("error")?,
        reason: row.get("reason")?,
        run: row.opt("run_id")?,
    })
}
