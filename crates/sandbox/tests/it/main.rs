//! The sandbox from outside: what the RFCs promise, what servers do instead, and what goes wrong on the way.

mod desk;
mod discovery;
mod faults;
mod feeds;
mod listing;
mod reading;
mod scheduling;
mod seeds;
mod writing;
