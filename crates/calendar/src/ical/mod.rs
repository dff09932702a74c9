//! iCalendar (RFC 5545, RFC 7986) in and out, losing nothing.
//!
//! Text becomes a lossless [`tree`] of content lines first. [`read`] makes events of it, [`write`](mod@write) makes text of events,
//! and [`patch`] changes the lines of a text that an event says otherwise, and no others. [`silence`] keeps `CalDAV`
//! servers from mailing guests.

mod alarm;
mod assemble;
mod bytes;
mod details;
mod line;
mod moment;
mod part;
mod people;
mod rule;
mod text;
mod zones;

pub mod patch;
pub mod read;
pub mod silence;
pub mod tree;
pub mod write;

pub(crate) use assemble::used_zones;
pub use bytes::{Decoded, Encoding, decode};
pub use line::Line;

pub(crate) use moment::{format_utc_offset, parse_utc_offset};
pub use patch::{PatchOptions, patch_object};
pub use read::{Object, Reading, own_uid, read_calendar, read_object, uid_of};
pub use silence::{Agent, Roles, as_landed, mute_added, silence_added, silence_scheduling};
pub use tree::{Component, Node, Tree};
pub(crate) use write::whole_days;
pub use write::{WriteOptions, write_object};
pub(crate) use zones::Custom;

use crate::failure::{MESSAGE_BYTES_MAX, shortened};

/// Carries the id of the event of ours that a component mirrors: `X-KALENDS-ID:<uuid>` on the master `VEVENT`.
pub const MARK_ID: &str = "X-KALENDS-ID";
/// Carries the UID of that event beside [`MARK_ID`]: `X-KALENDS-UID:<text>`.
pub const MARK_UID: &str = "X-KALENDS-UID";
/// Carries places after the first, since `LOCATION` may stand only once: `X-KALENDS-LOCATION:<text>`.
pub const FURTHER_LOCATION: &str = "X-KALENDS-LOCATION";
/// The parameter that carries coordinates which `GEO` cannot say (altitude, uncertainty, a second place).
pub const COORDINATES: &str = "X-KALENDS-GEO";
/// Carries what an alarm is where it is written as another so that no server mails about it: `X-KALENDS-ACTION:EMAIL`.
pub const MUTED_ACTION: &str = "X-KALENDS-ACTION";
/// How we name ourselves in what we write (RFC 5545 §3.7.3).
pub const PRODUCT: &str = "-//Kalends//Kalends//EN";

/// Longer than any name of a property or component that a person would look for.
pub(crate) const NAME_BYTES_MAX: usize = 80;

/// What cannot be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {property}: {message}")]
pub struct ItemError {
    /// The physical line where the content line starts, from 1.
    pub line: u32,
    /// The property or component, upper-cased.
    pub property: String,
    /// What is wrong with it, quoting the value where that helps.
    pub message: String,
}

impl ItemError {
    pub(crate) fn new(line: u32, property: &str, message: impl Into<String>) -> Self {
        let property = property.trim().to_ascii_uppercase();
        Self {
            line,
            property: shortened(property, NAME_BYTES_MAX),
            message: shortened(message.into(), MESSAGE_BYTES_MAX),
        }
    }
}

/// Quotes a value for an error message: whole where it is short, its beginning where it is not.
pub(crate) fn quoted(value: &str) -> String {
    /// Long enough for any date, rule or address that a person would look for.
    const SHOWN_MAX: usize = 80;
    if value.chars().count() <= SHOWN_MAX {
        format!("\"{value}\"")
    } else {
        format!("\"{}…\"", value.chars().take(SHOWN_MAX).collect::<String>())
    }
}
