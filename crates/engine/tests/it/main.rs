//! The engine over a real store and a remote calendar with a will of its own.

mod laws;
mod world;
