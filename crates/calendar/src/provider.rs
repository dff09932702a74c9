//! The seam to the providers: what a remote calendar can be asked, and what it answers.

use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::{Channel, Push, Wanted};
use crate::event::{Address, Event};
use crate::failure::Failure;
use crate::ids::{Cursor, EventId, RemoteCalendarId, RemoteId, Uid, Version};

/// One account at one provider. Every method is one logical call; none retries and none sleeps: the engine does.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What this provider can and cannot do. Constant for the life of the value.
    fn capabilities(&self) -> Capabilities;

    /// The account's calendars.
    async fn calendars(&self) -> Result<Discovery, Failure>;

    /// One page of changes. The engine calls again with [`Position::Page`] until the answer says [`Next::Done`].
    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure>;

    /// What a complete listing told of one series in [`Part`]s, put together: one [`Change`] of it, or of its instances where
    /// it cannot be seen itself.
    async fn assemble(
        &self,
        _calendar: &RemoteCalendarId,
        _series: &str,
        _parts: Vec<Part>,
    ) -> Result<Vec<Change>, Failure> {
        Err(Failure::protocol("this provider lists every event whole"))
    }

    /// When these calendars are taken within a window, whatever with. A calendar that cannot be told about does not fail the
    /// others.
    async fn free_busy(
        &self,
        _calendars: &[RemoteCalendarId],
        _window: Range<Timestamp>,
    ) -> Result<Vec<BusyTimes>, Failure> {
        Err(Failure::item(
            "this provider does not tell when calendars are taken",
        ))
    }

    /// Reads single events. Answers one [`Change`] for each id, in any order; an id that is not there is
    /// [`State::Gone`], one that cannot be read is [`State::Broken`]. At most [`Capabilities::fetch_batch`] ids a call.
    async fn fetch(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure>;

    /// Writes one event, under its precondition, mailing nobody.
    async fn write(&self, calendar: &RemoteCalendarId, write: &Write) -> Result<Receipt, Failure>;

    /// The id that a [`Write::Create`] of this name is expected to get. Pure.
    fn place(&self, calendar: &RemoteCalendarId, name: &str) -> RemoteId;

    /// Reads a raw payload kept from an earlier [`Observed`] again: the merge base. Pure.
    fn read(&self, raw: &Raw) -> Result<Event, Failure>;

    /// Asks to be told when a calendar changes. The provider may call the address before this ends, and may wait for the
    /// answer. Only where [`Capabilities::push`] says so.
    async fn open_channel(&self, _: &RemoteCalendarId, _: &Wanted<'_>) -> Result<Channel, Failure> {
        Err(Failure::protocol("this provider has no channels"))
    }

    /// Prolongs a channel; [`Class::Gone`](crate::failure::Class::Gone) if it is there no more. Only where
    /// [`Push::Channels`] says that they are prolonged.
    async fn renew_channel(&self, _: &Channel) -> Result<Channel, Failure> {
        Err(Failure::protocol("this provider prolongs no channels"))
    }

    /// Closes a channel. One that is not there any more is closed.
    async fn close_channel(&self, _: &Channel) -> Result<(), Failure> {
        Err(Failure::protocol("this provider has no channels"))
    }

    /// Until when the other side wants to be left alone, if an answer said so: also one that made nothing fail, such as a
    /// look at what was written a moment ago.
    fn left_alone_until(&self) -> Option<Timestamp> {
        None
    }

    /// Until when the account is to rest because more was asked of it than its budget allows. A call that was begun is never
    /// cut short for it: this is looked at between them.
    fn overdrawn_until(&self) -> Option<Timestamp> {
        None
    }
}

/// What a provider can and cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The most ids one [`Provider::fetch`] takes.
    pub fetch_batch: usize,
    /// How many fetches may be under way at once.
    pub fetch_in_flight: usize,
    /// Whether events can be written at all (not to a feed).
    pub writes: bool,
    /// Whether a new series is written in steps: bare first, then each occurrence that departs from it. What became of such
    /// a write when it was cut off is known of its occurrences one by one.
    pub series_in_steps: bool,
    /// Whether the provider stamps `created` and `updated` by its own clock, the latter with every edit.
    pub stamps_edits: bool,
    /// Whether guests can be written without the provider mailing them.
    pub guests: Guests,
    /// Whether it can say by itself that a calendar changed.
    pub push: Push,
}

/// Whether an event's participants may be written to this provider. The account's own answer to somebody else's event may
/// be in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// They can be written silently (CalDAV `SCHEDULE-AGENT=CLIENT`).
    Silent,
    /// The provider would mail them whatever we say (Graph), or put the event into their calendars (Google): they are never
    /// written.
    AlwaysMailed,
}

/// What an account holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The addresses under which the account's owner is invited.
    pub me: Vec<Address>,
    /// Its event calendars.
    pub calendars: Vec<RemoteCalendar>,
}

/// A calendar seen through a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteCalendar {
    /// Its identity at the provider.
    pub id: RemoteCalendarId,
    /// Its name, as its owner gave it.
    pub name: String,
    /// `#rrggbb`, where it has one.
    pub color: Option<String>,
    /// What the account may do with it.
    pub access: Access,
}

/// What an account may do with a remote calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read and write events.
    ReadWrite,
    /// Read events.
    ReadOnly,
    /// See when it is taken, and not with what.
    FreeBusy,
}

/// Where to read changes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// From nothing: everything there is.
    Start,
    /// What changed since a cursor of an earlier run.
    Since(Cursor),
    /// The next page of a listing under way. Opaque. Of a listing that began at the start it may be asked for again by a later
    /// run, on another node; whoever knows it no more says [`Class::CursorDead`](crate::failure::Class::CursorDead).
    Page(String),
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What is on it. Duplicates and members gone since are allowed; the last word on an id counts.
    pub changes: Vec<Change>,
    /// Parts of series that come in pieces over several pages of a complete listing. They are kept until it is whole and
    /// then [assembled](Provider::assemble), so that no node has to remember them.
    pub parts: Vec<Part>,
    /// What follows.
    pub next: Next,
}

impl Page {
    /// A page of events that are whole.
    pub fn new(changes: Vec<Change>, next: Next) -> Self {
        Self {
            changes,
            parts: Vec::new(),
            next,
        }
    }
}

/// A part of a series as a listing named it. The last word on an id counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of which series, in the provider's own word.
    pub series: String,
    /// Which part.
    pub id: String,
    /// What the provider said of it, for [`Provider::assemble`].
    pub text: String,
}

/// When a remote calendar is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyTimes {
    /// Which calendar, as it was asked about.
    pub calendar: RemoteCalendarId,
    /// Half-open stretches in order, none touching the next; or why that is not told, in the provider's word (`notFound`).
    pub busy: Result<Vec<Range<Timestamp>>, String>,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another page.
    More(String),
    /// Nothing: the listing is whole.
    Done {
        /// Where to go on next time. Without one the next run lists everything.
        cursor: Option<Cursor>,
        /// What the listing covered.
        coverage: Coverage,
    },
}

/// What a finished listing says about events it did not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It named all there are: an event it did not name is gone.
    Complete,
    /// It named what changed: an event it did not name is as it was.
    Incremental,
}

/// What a provider reports about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which event.
    pub remote_id: RemoteId,
    /// What is known of it now.
    pub state: State,
}

/// What is known of a remote event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there in this version; its content was not sent. Fetch it if the version is news.
    Listed(Option<Version>),
    /// It is there, and this is it.
    Present(Box<Observed>),
    /// It is there and cannot be read: bad iCalendar, an unknown rule. Recorded and skipped.
    Broken {
        /// The version that cannot be read.
        version: Option<Version>,
        /// Why, naming line and property.
        error: String,
    },
    /// It is explicitly gone.
    Gone,
}

/// A remote event as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its version, where the provider has one.
    pub version: Option<Version>,
    /// Its content in our terms.
    pub event: Event,
    /// Its content in the provider's, from which later writes are patched.
    pub raw: Raw,
    /// The mark we left on it, if it carries one.
    pub mark: Option<Mark>,
}

/// A payload as the provider sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Raw(pub String);

/// What we leave on each remote event that we write (`X-KALENDS-ID`), so that an empty or restored database finds its
/// own events again and a copy is never copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The event it is a mirror of.
    pub event: EventId,
    /// The UID of that event, which may differ from the UID of the mirror.
    pub uid: Uid,
}

/// A remote write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make a new event, if nothing is there under this id.
    Create {
        /// The id we want: derived from link and event, so that a repetition meets its own first try.
        /// URL-safe, no path: the provider places it in the calendar.
        name: String,
        /// The event, with the UID it is to have there.
        event: Box<Event>,
        /// The mark to leave.
        mark: Mark,
    },
    /// Change an event, if it is still in this version.
    Update {
        /// Which event.
        remote_id: RemoteId,
        /// The version it must have; none where the provider has none.
        version: Option<Version>,
        /// Its content as last read: the text that is patched.
        raw: Raw,
        /// How it shall be.
        event: Box<Event>,
        /// The mark to leave, where it is a mirror that we made; none for events that are at home there.
        mark: Option<Mark>,
    },
    /// Delete an event, if it is still in this version.
    Delete {
        /// Which event.
        remote_id: RemoteId,
        /// The version it must have; none where the provider has none.
        version: Option<Version>,
        /// Its content as last read: what must still be there where the provider has no versions, and what tells whether
        /// guests would be mailed.
        raw: Raw,
    },
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is written. The content is the provider's own answer to the write, or what was sent where a strong validator
    /// proves that it was stored as it is.
    Written {
        /// Under this id.
        remote_id: RemoteId,
        /// As this.
        observed: Box<Observed>,
    },
    /// It is written, and was read back by a second request because the answer to the write did not tell what is stored
    /// now: an edit that somebody else made in between may be in it.
    ReadBack {
        /// Under this id.
        remote_id: RemoteId,
        /// As this.
        observed: Box<Observed>,
        /// What was sent, as the provider's reader reads it.
        sent: Box<Event>,
    },
    /// It is deleted (or was already).
    Deleted,
}
