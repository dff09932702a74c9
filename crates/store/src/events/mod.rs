//! Events: the present state of each, its whole history, and the change feed, which is the history read across events.

mod bounds;
mod read;
mod write;

use jiff::Timestamp;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{CalendarId, EventId, LinkId, Uid};
use kalends_calendar::revision::{Cause, Revision};

pub use read::{
    before_deletion, changes_since, find_anywhere, find_by_uid, get, get_many, histories, history,
    history_after, list_range, stretch_end, unmirrored, version,
};
pub(crate) use write::{Creation, Written, insert_many, revise, take_seq, uid_key};
pub use write::{create, delete, update, zone_of};

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
