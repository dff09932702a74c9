//! The engine over a real store and a remote calendar with a will of its own.

#![expect(clippy::unwrap_used, reason = "what a test cannot set up has failed")]

mod bounds;
mod departures;
mod desk;
mod laws;
mod odd_servers;
mod pages;
mod seams;
mod trouble;
mod watching;
mod world;
