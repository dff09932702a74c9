//! Events: the present state of each, its whole history, and the change feed, which is the history read across events.

use jiff::Timestamp;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, EventId, LinkId, Uid};
use kalends_calendar::revision::{Cause, Revision};

use crate::error::{EditError, StoreError};
use crate::leases::unfinished;
use crate::tx::Tx;

/// An event as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its identity.
    pub id: EventId,
    /// Where it is.
    pub calendar: CalendarId,
    /// Its latest revision.
    pub revision: Revision,
    /// Whether that is its deletion.
    pub deleted: bool,
    /// Its content; none when deleted (the version before has it).
    pub body: Option<Event>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An event without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHead {
    /// Its identity.
    pub id: EventId,
    /// Where it is.
    pub calendar: CalendarId,
    /// The UID that copies of it share.
    pub uid: Uid,
    /// Its latest revision.
    pub revision: Revision,
    /// Whether that is its deletion.
    pub deleted: bool,
}

/// One version of an event; also one entry of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventVersion {
    /// Of this event.
    pub event: EventId,
    /// Its number.
    pub revision: Revision,
    /// Where the event is.
    pub calendar: CalendarId,
    /// Its position in the tenant's change feed: rises with every change, with gaps.
    pub seq: i64,
    /// Whether it is a deletion.
    pub deleted: bool,
    /// The content; none for a deletion.
    pub body: Option<Event>,
    /// Who and why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
}

/// Who changes an event, why, when, and which link is not to be told because it brought the change.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Who and why.
    pub cause: Cause,
    /// Now.
    pub at: Timestamp,
    /// The link that the change came through.
    pub except_link: Option<LinkId>,
}

/// A stretch of time, half-open; an end that is missing is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub from: Option<Timestamp>,
    /// Up to here, exclusively.
    pub to: Option<Timestamp>,
}

/// Where a page of [`list_range`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// The start of its last event.
    pub starts_at: Timestamp,
    /// Its identity.
    pub id: EventId,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// In order of their start.
    pub events: Vec<StoredEvent>,
    /// Where the next page begins; none after the last.
    pub next: Option<PageKey>,
}

/// One event, deleted or not.
pub async fn get(tx: &mut Tx, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
    let _ = (tx, id);
    Err(unfinished())
}

/// Several events of any calendar, deleted or not, in any order.
pub async fn get_many(tx: &mut Tx, ids: &[EventId]) -> Result<Vec<StoredEvent>, StoreError> {
    let _ = (tx, ids);
    Err(unfinished())
}

/// The events of a calendar with these UIDs, deleted or not. A UID may be held by several.
pub async fn find_by_uid(
    tx: &mut Tx,
    calendar: CalendarId,
    uids: &[Uid],
) -> Result<Vec<EventHead>, StoreError> {
    let _ = (tx, calendar, uids);
    Err(unfinished())
}

/// Which of these ids are events of the tenant, in whatever calendar: what a mark on a remote event names.
pub async fn find_anywhere(tx: &mut Tx, ids: &[EventId]) -> Result<Vec<EventHead>, StoreError> {
    let _ = (tx, ids);
    Err(unfinished())
}

/// The events, not deleted, that may have an occurrence in a window: a series is listed by its first start and last end.
/// All-day and floating events are placed in their calendar's zone; ask a day more on each side to see them elsewhere.
pub async fn list_range(
    tx: &mut Tx,
    calendar: Option<CalendarId>,
    window: Window,
    after: Option<PageKey>,
    limit: i64,
) -> Result<EventPage, StoreError> {
    let _ = (tx, calendar, window, after, limit);
    Err(unfinished())
}

/// The events of a link's calendar, not deleted, that the link has no mirror of, by id: what a push owes a new link.
pub async fn unmirrored(
    tx: &mut Tx,
    link: LinkId,
    after: Option<EventId>,
    limit: i64,
) -> Result<Vec<EventId>, StoreError> {
    let _ = (tx, link, after, limit);
    Err(unfinished())
}

/// Makes an event. The calendar's other links owe it to their sides.
pub async fn create(
    tx: &mut Tx,
    calendar: CalendarId,
    id: EventId,
    body: &Event,
    edit: &Edit,
) -> Result<Revision, StoreError> {
    let _ = (tx, calendar, id, body, edit);
    Err(unfinished())
}

/// Gives an event a new content, if it still is in revision `from`. A deleted event lives again.
pub async fn update(
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    body: &Event,
    edit: &Edit,
) -> Result<Revision, EditError> {
    let _ = (tx, id, from, body, edit);
    Err(unfinished().into())
}

/// Deletes an event, restorably, if it still is in revision `from`.
pub async fn delete(
    tx: &mut Tx,
    id: EventId,
    from: Revision,
    edit: &Edit,
) -> Result<Revision, EditError> {
    let _ = (tx, id, from, edit);
    Err(unfinished().into())
}

/// All versions of an event, the first one first.
pub async fn history(tx: &mut Tx, id: EventId) -> Result<Vec<EventVersion>, StoreError> {
    let _ = (tx, id);
    Err(unfinished())
}

/// One version of an event.
pub async fn version(
    tx: &mut Tx,
    id: EventId,
    revision: Revision,
) -> Result<Option<EventVersion>, StoreError> {
    let _ = (tx, id, revision);
    Err(unfinished())
}

/// The change feed after a position (0: from the beginning).
pub async fn changes_since(
    tx: &mut Tx,
    seq: i64,
    limit: i64,
) -> Result<Vec<EventVersion>, StoreError> {
    let _ = (tx, seq, limit);
    Err(unfinished())
}
