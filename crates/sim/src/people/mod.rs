//! Those who are not nodes: people at the servers, people on our side, an operator, and bad luck.

mod draft;
mod google;
pub(crate) mod luck;
pub(crate) mod operator;
mod outlook;
pub(crate) mod remote;
pub(crate) mod web;

/// How long a person thinks between two edits, in milliseconds.
const THINKING_MS: std::ops::Range<i64> = 500..90_000;
