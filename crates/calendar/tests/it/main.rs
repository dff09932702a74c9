//! The calendar domain, seen from outside.

mod ical;
