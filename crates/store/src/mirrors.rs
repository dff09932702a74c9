//! Mirrors: what a link and its remote side last agreed on about each event.

use kalends_calendar::ids::{EventId, LinkId, RemoteId, Version};
use kalends_calendar::plan::Mirror;

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;

/// A mirror without its content: enough to tell whether a listing brings news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorVersion {
    /// Their event.
    pub remote_id: RemoteId,
    /// Ours.
    pub event: EventId,
    /// Its version when we last saw it.
    pub version: Option<Version>,
}

/// The mirrors of these remote events.
pub async fn by_remote_ids(
    tx: &mut Tx,
    link: LinkId,
    ids: &[RemoteId],
) -> Result<Vec<Mirror>, StoreError> {
    let _ = (tx, link, ids);
    Err(unfinished())
}

/// The same without contents.
pub async fn versions(
    tx: &mut Tx,
    link: LinkId,
    ids: &[RemoteId],
) -> Result<Vec<MirrorVersion>, StoreError> {
    let _ = (tx, link, ids);
    Err(unfinished())
}

/// The mirrors of these events of ours.
pub async fn by_events(
    tx: &mut Tx,
    link: LinkId,
    ids: &[EventId],
) -> Result<Vec<Mirror>, StoreError> {
    let _ = (tx, link, ids);
    Err(unfinished())
}

/// The mirrors that no listing since `generation` has seen, by event.
pub async fn unseen(
    tx: &mut Tx,
    link: LinkId,
    generation: i64,
    after: Option<EventId>,
    limit: i64,
) -> Result<Vec<MirrorVersion>, StoreError> {
    let _ = (tx, link, generation, after, limit);
    Err(unfinished())
}

/// How many mirrors a link has.
pub async fn count(tx: &mut Tx, link: LinkId) -> Result<i64, StoreError> {
    let _ = (tx, link);
    Err(unfinished())
}
