//! Waking the workers of a node at once, instead of when they next look.
//!
//! A ring carries no data and may be lost: whoever hears it looks at what is due, and everybody looks now and then
//! without it.

use std::future::Future;
use std::pin::Pin;

/// What workers that have nothing to do listen for.
pub trait Bell: Send + Sync {
    /// Says that something may have become due.
    fn ring(&self);

    /// Done by the first ring after this call, though nobody polled yet when it rang.
    fn next_ring(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// A bell that nobody hears, for programs that do not wait, and for tests in which only the clock wakes anybody.
#[derive(Clone, Copy, Debug)]
pub struct Mute;

impl Bell for Mute {
    fn ring(&self) {}

    fn next_ring(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}
