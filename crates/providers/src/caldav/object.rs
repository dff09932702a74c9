//! Between iCalendar text and events: the one place of this provider that knows the format.

use jiff::Timestamp;
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::Version;
use kalends_calendar::provider::{Mark, Observed, Raw, State};

/// What a server sent as an event.
pub(super) fn observe(_version: Option<Version>, _text: String) -> State {
    State::Gone
}

/// Reads a payload kept from before.
pub(super) fn read(_raw: &Raw) -> Result<Event, Failure> {
    Err(Failure::item("not yet"))
}

/// The text of a new event.
pub(super) fn compose(_event: &Event, _mark: &Mark, _stamp: Timestamp, _me: &[Address]) -> String {
    String::new()
}

/// The text of an event that is there already, changed where the event says otherwise.
pub(super) fn patch(
    _raw: &Raw,
    _event: &Event,
    _mark: Option<&Mark>,
    _stamp: Timestamp,
    _me: &[Address],
) -> Result<String, Failure> {
    Err(Failure::item("not yet"))
}

/// What we know of an event that the server took byte for byte.
pub(super) fn observed(_version: Version, _text: String) -> Result<Observed, Failure> {
    Err(Failure::item("not yet"))
}
