//! The laws of the design, watched: on the wire at each request, in the database between steps, and on both sides at rest.

pub(crate) mod fence;
mod likeness;
pub(crate) mod rest;
mod sides;
pub(crate) mod traces;
pub(crate) mod wire;

use kalends_calendar::event::Event;
use kalends_calendar::ical;
use kalends_calendar::ids::EventId;
use kalends_calendar::provider::Mark;

/// An object at a server, as the oracle reads it.
pub(crate) struct Seen {
    pub(crate) event: Event,
    /// The UID that all copies of it share.
    pub(crate) uid: String,
    /// The event of ours that it is a copy of, by our mark.
    pub(crate) mark: Option<EventId>,
}

/// Reads an object; none where it cannot be read.
pub(crate) fn seen(text: &str) -> Option<Seen> {
    let object = ical::read_object(text).ok()?;
    Some(seen_as(object.event, object.mark))
}

/// An event as it was read, with the mark on it.
pub(crate) fn seen_as(event: Event, mark: Option<Mark>) -> Seen {
    // A duplicate made by a person carries our mark and a UID of its own.
    let mark =
        mark.filter(|mark| event.uid == mark.uid || event.uid.as_str().starts_with("kalends-"));
    let uid = mark.as_ref().map_or(&event.uid, |mark| &mark.uid).0.clone();
    Seen {
        uid,
        mark: mark.map(|mark| mark.event),
        event,
    }
}
