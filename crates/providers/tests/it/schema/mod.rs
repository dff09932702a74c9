//! Requests held against the providers' own machine-readable descriptions of their APIs.

pub(crate) mod graph;
