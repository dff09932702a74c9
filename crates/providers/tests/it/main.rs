//! The providers as their callers see them: against scripts of bytes, and against servers that others wrote.

mod discovery;
mod listing;
mod script;
mod feeds;
mod fetching;
mod writing;
