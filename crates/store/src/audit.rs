//! The audit log: who did what to which object.

use jiff::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its identity, sortable by time: entries are read in the order of `at`, then this.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who: `cli`, a user, `sync`.
    pub actor: String,
    /// What: `link.create`, `deletions.confirm`.
    pub action: String,
    /// To what: `link 0190…`.
    pub object: String,
    /// What else is worth knowing.
    pub detail: serde_json::Value,
}

/// Adds an entry.
pub async fn append(tx: &mut Tx, entry: Entry) -> Result<(), StoreError> {
    let _ = (tx, entry);
    Err(unfinished())
}

/// The entries before a point (`at`, `id` of the last one read), the latest first.
pub async fn list(
    tx: &mut Tx,
    before: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let _ = (tx, before, limit);
    Err(unfinished())
}
