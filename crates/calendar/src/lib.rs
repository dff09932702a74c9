//! The calendar domain: what an event is, how it is read, expanded, merged and planned.
//!
//! This crate is pure. It never reads a clock, a random number, a file, a socket or a database, and it never waits:
//! whatever it decides follows from its arguments alone, so that a plan can be printed, tested and replayed.
//! The one thing that is asynchronous here is the *shape* of [`provider::Provider`], which others fill.

pub mod channel;
pub mod event;
pub mod failure;
pub mod ical;
pub mod ids;
pub mod jscalendar;
pub mod merge;
pub mod plan;
pub mod provider;
pub mod recurrence;
pub mod revision;
pub mod rules;
pub mod seams;
pub mod series;
pub mod time;
pub mod zone;
