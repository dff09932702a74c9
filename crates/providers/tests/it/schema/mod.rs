//! What the providers' own documents say of their APIs, and checkers that hold every request of ours against them.
//!
//! The documents are not part of this tree: where the folder that has them is not at hand (`KALENDS_SHARED`), requests pass
//! unchecked, and the checkers' own tests say so.

pub(crate) mod google;
pub(crate) mod graph;

use std::path::{Path, PathBuf};

/// A document of a provider, where it is at hand.
fn document(name: &str) -> Option<String> {
    let shared = std::env::var_os("KALENDS_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    std::fs::read_to_string(shared.join("data/schemas").join(name)).ok()
}
