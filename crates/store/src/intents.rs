//! Intents: remote writes we owe, each durable before it is sent. One per link and event: writes to one never race.

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId, RunId};
use kalends_calendar::merge::Field;
use kalends_calendar::plan::{Mirror, Reason};

use crate::error::{LeaseError, StoreError};
use crate::leases::{Lease, unfinished};
use crate::remote_writes::WriteOp;
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
    /// The remote side changed meanwhile: the link is due, and its next run plans anew.
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

/// The intents of a link whose time has come, due or sent, the oldest change first.
pub async fn due(
    tx: &mut Tx,
    link: LinkId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Intent>, StoreError> {
    let _ = (tx, link, now, limit);
    Err(unfinished())
}

/// When the next intent of a link is due, due or sent; none if it owes nothing.
pub async fn next_due(tx: &mut Tx, link: LinkId) -> Result<Option<Timestamp>, StoreError> {
    let _ = (tx, link);
    Err(unfinished())
}

/// How many remote writes a link owes, failed ones included.
pub async fn count(tx: &mut Tx, link: LinkId) -> Result<i64, StoreError> {
    let _ = (tx, link);
    Err(unfinished())
}

/// The intents that are refused.
pub async fn failed(tx: &mut Tx, link: LinkId) -> Result<Vec<Intent>, StoreError> {
    let _ = (tx, link);
    Err(unfinished())
}

/// Puts a write on record **before** it is sent: in the intent and among the remote writes.
pub async fn mark_sent(
    store: &Store,
    lease: &Lease,
    sending: &Sending,
) -> Result<Marked, LeaseError> {
    let _ = (store, lease, sending);
    Err(unfinished().into())
}

/// Records what came of a write, in one transaction: mirror, intent, and the record of remote writes.
pub async fn settle(
    store: &Store,
    lease: &Lease,
    event: EventId,
    stamp: i64,
    settlement: Settlement,
    now: Timestamp,
) -> Result<Settled, LeaseError> {
    let _ = (store, lease, event, stamp, settlement, now);
    Err(unfinished().into())
}
