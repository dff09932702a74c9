//! `/api/calendar/`: what a tenant with calendar sync does with its calendars. One file per noun.

pub(super) mod calendars;
pub(super) mod changes;
pub(super) mod conflicts;
pub(super) mod connections;
pub(super) mod disconnect;
mod doubles;
pub(super) mod events;
pub(super) mod free_busy;
pub(super) mod held;
pub(super) mod links;
pub(super) mod list;
pub(super) mod occurrences;
pub(super) mod overlaps;
pub(super) mod skipped;
pub(super) mod status;
pub(super) mod stream;
pub(super) mod sync;
mod trace;
