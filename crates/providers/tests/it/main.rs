//! The providers as their callers see them: against scripts of bytes, and against servers that others wrote.

mod discovery;
mod feeds;
mod fetching;
mod listing;
mod live;
mod script;
mod servers;
mod writing;
