//! What the calendar promises, against laws, real files and independent oracles.

mod ical;
mod recurrence;
