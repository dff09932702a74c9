//! iCalendar text by its lines (RFC 5545 §3.1), read in the simplest way that is right for this crate's own needs.

pub(crate) mod lines;
pub(crate) mod valid;
