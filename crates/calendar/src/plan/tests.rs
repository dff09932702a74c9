//! The policy as tables.
