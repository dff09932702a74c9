//! The seeded simulation of engine, store and sandbox, with its oracle.
//!
//! [`play`] plays one seed: nodes, people and bad luck as tasks of which one runs at a time ([`baton`]), the real engine on
//! a real SQLite file, the real providers of CalDAV, Google and Microsoft over a wire that leads into a world in memory: each
//! account draws whose it is ([`face`]), so that events cross from one kind of server to another. The [`oracle`] watches
//! every request, and in the end compares both sides and looks for every edit that was ever acknowledged ([`ledger`]).
//! [`Plant`] breaks the engine on purpose, to see that each law of the oracle bites.
//!
//! The same seed gives the same trace. Nothing here reads a clock or draws a number but from the seed.

mod account;
mod baton;
mod face;
mod grants;
mod ledger;
mod node;
mod oracle;
mod page;
mod people;
mod plant;
mod play;
mod seams;
mod setup;
mod stage;
mod truth;
mod wire;

pub use plant::Plant;
pub use play::{Played, Template, Wish, play};
pub use stage::{Law, Violation};
