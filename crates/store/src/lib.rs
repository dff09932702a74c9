//! All of Kalends' SQL: SQLite and PostgreSQL behind one two-armed transaction.
//!
//! One file per noun. A function that takes `&mut Tx` is part of its caller's transaction; one that takes `&Store` is a
//! transaction of its own. Every function is bound to one tenant, through its [`Tx`] or its [`Lease`](leases::Lease);
//! the few that are not (finding tenants, claiming due links, and what belongs to no tenant: the catalogue of features,
//! plans, users, and what they sign in with) say so.
//!
//! Locks are taken in one order, so that on PostgreSQL no two transactions wait for each other: the tenant's row, its links
//! (and what hangs on them), and last of all, at the commit, the head of the audit log.
//!
//! This crate never talks to a provider, never reads a clock, and decides nothing: it applies plans that others made.
//! Times and identifiers are given by the caller; nothing here says `now()` or `random()`, but for keys and nonces.

pub mod answers;
pub mod apply;
pub mod audit;
pub mod budgets;
pub mod calendars;
pub mod channels;
pub mod conflicts;
pub mod connections;
pub mod debts;
pub mod departures;
pub mod events;
pub mod features;
pub mod grants;
pub mod held;
pub mod intents;
pub mod invitations;
pub mod leases;
pub mod links;
pub mod listings;
pub mod mailbox;
pub mod mails;
pub mod members;
pub mod mirrors;
pub mod notices;
pub mod oauth_states;
pub mod outside;
pub mod overview;
pub mod plans;
pub mod remote_calendars;
pub mod remote_writes;
pub mod revocations;
pub mod runs;
pub mod secrets;
pub mod sessions;
pub mod skips;
pub mod sweep;
pub mod tenants;
pub mod tokens;
pub mod users;
pub mod vault;

mod bind;
mod dialect;
mod error;
mod micros;
mod migrate;
mod multi;
mod outbox;
mod row;
mod store;
mod tx;
mod words;

pub use apply::{Applied, Batch, CursorMove, apply};
pub use dialect::Dialect;
pub use error::{ApplyError, EditError, InvitationError, LeaseError, StoreError};
pub use leases::Lease;
pub use migrate::MigrationStatus;
pub use store::{PLATFORM, Store};
pub use tx::Tx;
