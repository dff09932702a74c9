//! Between iCalendar text and events: the one place of this provider that knows the format.

use jiff::Timestamp;
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::Failure;
use kalends_calendar::ical::{self, ItemError};
use kalends_calendar::ids::Version;
use kalends_calendar::provider::{Mark, Observed, Raw, State};

/// What a server sent as an event. One that breaks off was cut on the way, as far as one can see, and not in this version:
/// it is read again whether it changes or not.
pub(super) fn observe(version: Option<Version>, text: String) -> State {
    let breaks_off = !ends(&text);
    match understood(version.clone(), text) {
        Ok(observed) => State::Present(Box::new(observed)),
        Err(error) => State::Broken {
            version: version.filter(|_| !breaks_off),
            error: error.to_string(),
        },
    }
}

/// Whether a text has the last line of a calendar.
fn ends(text: &str) -> bool {
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    last.trim().eq_ignore_ascii_case("END:VCALENDAR")
}

/// What a text that we are about to send says, as it will be read back. What cannot be read is not sent.
pub(super) fn observed(text: String) -> Result<Observed, Failure> {
    understood(None, text).map_err(|error| unreadable(&error))
}

/// Reads a payload kept from before.
pub(super) fn read(raw: &Raw) -> Result<Event, Failure> {
    ical::read_object(&raw.0)
        .map(|object| object.event)
        .map_err(|error| unreadable(&error))
}

/// The text of a new event.
pub(super) fn compose(event: &Event, mark: &Mark, stamp: Timestamp, me: &[Address]) -> String {
    let options = ical::WriteOptions {
        mark: Some(mark),
        stamp,
    };
    ical::silence_scheduling(&ical::write_object(event, &options), me)
}

/// The text of an event that is there already, changed where the event says otherwise. Guests are silenced only where
/// they are new to a mirror of ours: see [`super::scheduling`]. Alarms by mail are muted where they are new, on every
/// object: see [`ical::silence`].
pub(super) fn patch(
    raw: &Raw,
    event: &Event,
    mark: Option<&Mark>,
    stamp: Timestamp,
    me: &[Address],
) -> Result<String, Failure> {
    let options = ical::PatchOptions { mark, stamp };
    ical::patch_object(&raw.0, event, &options)
        .map(|text| {
            let before = ical::Roles::read(&raw.0);
            if mark.is_some() || is_marked(raw) {
                ical::silence_added(&text, &before, me)
            } else {
                ical::mute_added(&text, &before)
            }
        })
        .map_err(|error| unreadable(&error))
}

fn is_marked(raw: &Raw) -> bool {
    ical::read_object(&raw.0).is_ok_and(|object| object.mark.is_some())
}

fn understood(version: Option<Version>, text: String) -> Result<Observed, ItemError> {
    let object = ical::read_object(&text)?;
    Ok(Observed {
        version,
        event: object.event,
        mark: object.mark,
        raw: Raw(text),
    })
}

fn unreadable(error: &ItemError) -> Failure {
    Failure::item(format!("The event's iCalendar cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_off_is_read_again_and_what_is_wrong_waits_for_a_change() {
        let version = Some(Version::from("\"1\""));
        let broken = |text: &str| match observe(version.clone(), text.to_owned()) {
            State::Broken { version, .. } => version,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            broken("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nEND:VEV"),
            None
        );
        assert_eq!(broken("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), version);
    }
}
