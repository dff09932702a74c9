//! The Microsoft face: what Graph's documents promise, told by those who use it.

mod calendars;
mod delta;
pub(crate) mod desk;
mod doors;
mod editing;
mod faults;
mod listing;
mod meetings;
mod metadata;
mod series;
mod settings;
mod subscriptions;
