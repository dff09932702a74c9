//! Held deletions: what the brake stopped until a person says a word.

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, LinkId, RemoteId};

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;

/// A deletion that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDeletion {
    /// Of which event.
    pub event: EventId,
    /// Which is gone as this.
    pub remote_id: RemoteId,
    /// Since when.
    pub held_at: Timestamp,
    /// Whether a person said yes; the next run carries it out.
    pub confirmed: bool,
}

/// The deletions that a link holds, by event.
pub async fn list(tx: &mut Tx, link: LinkId) -> Result<Vec<HeldDeletion>, StoreError> {
    let _ = (tx, link);
    Err(unfinished())
}

/// A person says yes: what is held is confirmed, the brake is lifted until `until` (or the next run that succeeds), and
/// the link is due.
pub async fn confirm(
    tx: &mut Tx,
    link: LinkId,
    now: Timestamp,
    until: Timestamp,
) -> Result<u64, StoreError> {
    let _ = (tx, link, now, until);
    Err(unfinished())
}

/// A person says no: the events stay here, and the link owes them to its remote side again.
pub async fn refuse(tx: &mut Tx, link: LinkId, now: Timestamp) -> Result<u64, StoreError> {
    let _ = (tx, link, now);
    Err(unfinished())
}
