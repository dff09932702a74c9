//! Calendars such as people have, and edits such as they make, from a seed; and whole worlds to begin with, by name.
//!
//! Everything here follows from its seed, and a world from the day on which it begins: the same seed gives the same bytes on every machine. The texts are what
//! servers may store: one UID each, every zone defined, folded as RFC 5545 asks.

mod clinic;
mod demo;
mod edit;
mod event;
mod law_firm;
mod plan;
mod rule;
mod words;
mod worlds;
mod zone;

use crate::chance::Chance;

pub use edit::edit;
pub use worlds::{SEEDS, Seed, SeedError};

/// `count` calendar objects. Object `i` depends on the seed and `i` alone, so that a longer calendar begins with the
/// shorter one. UIDs are unique within a seed and between seeds.
pub fn populate(seed: u64, count: usize) -> Vec<String> {
    let trunk = Chance::new(seed);
    (0..count as u64)
        .map(|index| event::object(&mut trunk.fork(index), &format!("{index:06}-{seed:x}")))
        .collect()
}

/// One calendar object with this UID.
pub fn one(seed: u64, uid: &str) -> String {
    event::object(&mut Chance::new(seed), uid)
}

/// The UID of an object's events.
pub fn uid_of(text: &str) -> Option<String> {
    let lines = crate::text::lines::unfold(text);
    lines
        .iter()
        .find(|line| crate::text::lines::is(line, "UID"))
        .map(|line| crate::text::lines::value(line).to_owned())
}
