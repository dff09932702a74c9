//! The feed face: a collection published as one iCalendar file, read-only.

mod feed;

pub(crate) use feed::answer;
pub use feed::{Body, Feed, Stamps, Validators};

/// Where the paths of feeds begin.
pub const PREFIX: &str = "/feeds/";
