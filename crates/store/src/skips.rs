//! Skips: remote items that could not be read or are refused, remembered until they change.

use jiff::Timestamp;
use kalends_calendar::ids::{LinkId, RemoteId, Version};

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;

/// A remote item that is passed over while it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Which.
    pub remote_id: RemoteId,
    /// In which version.
    pub version: Option<Version>,
    /// Why, for people.
    pub error: String,
    /// Since when.
    pub at: Timestamp,
}

/// The skips among these remote events.
pub async fn get(tx: &mut Tx, link: LinkId, ids: &[RemoteId]) -> Result<Vec<Skip>, StoreError> {
    let _ = (tx, link, ids);
    Err(unfinished())
}

/// All skips of a link.
pub async fn list(tx: &mut Tx, link: LinkId) -> Result<Vec<Skip>, StoreError> {
    let _ = (tx, link);
    Err(unfinished())
}
