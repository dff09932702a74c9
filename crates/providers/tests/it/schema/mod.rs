//! What the providers' own documents say of their APIs, and checkers that hold every request of ours against them.

pub(crate) mod google;
pub(crate) mod graph;
