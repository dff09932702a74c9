//! The integration tests of the calendar domain, in one binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; clippy takes only functions marked as tests for tests"
)]

mod recurrence;
