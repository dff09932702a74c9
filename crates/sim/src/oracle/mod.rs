//! The laws of the design, watched: on the wire at each request, in the database between steps, and on both sides at rest.

pub(crate) mod fence;
pub(crate) mod rest;
mod sides;
pub(crate) mod traces;
pub(crate) mod wire;

use kalends_calendar::event::Event;
use kalends_calendar::ical;
use kalends_calendar::ids::EventId;

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
    // A duplicate made by a person carries our mark and a UID of its own.
    let mark = object
        .mark
        .filter(|mark| object.uid == mark.uid || object.uid.as_str().starts_with("kalends-"));
    let uid = mark
        .as_ref()
        .map_or(&object.uid, |mark| &mark.uid)
        .0
        .clone();
    Some(Seen {
        uid,
        mark: mark.map(|mark| mark.event),
        event: object.event,
    })
}
