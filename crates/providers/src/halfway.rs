//! Writes that take several requests, and what it means when they break off after the first.

use kalends_calendar::failure::{Class, Failure};

/// A failure after something has taken effect. That a precondition failed already says "look again"; all else must, too.
pub(crate) fn half_done(failure: Failure) -> Failure {
    match failure.class {
        Class::Changed | Class::Unknown => failure,
        Class::Passing { .. }
        | Class::CursorDead
        | Class::Exists
        | Class::UidTaken { .. }
        | Class::Gone
        | Class::ReconnectNeeded
        | Class::Forbidden
        | Class::Item
        | Class::AddressRefused
        | Class::Protocol => Failure::new(
            Class::Unknown,
            format!("The event was written in part only: {}", failure.message),
        ),
    }
}
