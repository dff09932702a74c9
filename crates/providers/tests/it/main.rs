//! The providers as their callers see them: against scripts of bytes, and against servers that others wrote.

#![expect(clippy::unwrap_used, reason = "what a test cannot set up has failed")]

mod discovery;
mod feeds;
mod fetching;
mod google;
mod graph;
mod listing;
mod live;
mod mailbox;
mod mailing;
mod oauth;
mod schema;
mod script;
mod servers;
mod signin;
mod tls;
mod wire;
mod writing;
