//! What the calendar promises, against laws, real files and independent oracles.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; clippy takes only functions marked as tests for tests"
)]

mod ical;
mod jscalendar;
mod recurrence;
