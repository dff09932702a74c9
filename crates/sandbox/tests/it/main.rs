//! The sandbox from outside: what the RFCs promise, what servers do instead, and what goes wrong on the way.

#![expect(
    clippy::doc_markdown,
    reason = "ETag and CalDAV are names of the trade, not code"
)]

mod control;
mod desk;
mod discovery;
mod faults;
mod feeds;
mod google;
mod listing;
mod microsoft;
mod page;
mod reading;
mod scheduling;
mod seeds;
mod signin;
mod writing;
