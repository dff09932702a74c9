//! Google's Calendar API as its documents describe it.

mod access;
mod channels;
pub(crate) mod desk;
mod doors;
mod guests;
mod lists;
mod rest;
mod schema;
mod series;
mod sync;
mod writing;
