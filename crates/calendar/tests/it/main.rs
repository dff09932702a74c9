//! The integration tests of the calendar domain, in one binary.

mod ical;
mod recurrence;
