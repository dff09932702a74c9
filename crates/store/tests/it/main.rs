//! The contract of the store: every function, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "what a test cannot set up has failed")]

mod accounts;
mod answers;
mod apply;
mod audit;
mod budgets;
mod bulk;
mod channels;
mod conflicts;
mod departures;
mod events;
mod features;
mod fixture;
mod gate;
mod grants;
mod harness;
mod intents;
mod invitations;
mod isolation;
mod leases;
mod links;
mod listings;
mod mailing;
mod nouns;
mod outside;
mod overview;
mod quotas;
mod revocations;
mod schema;
mod secrets;
mod signing_in;
