//! Texts by their lines, iCalendar (RFC 5545 §3.1) and mail (RFC 5322), read in the simplest way that is right for this
//! crate's own needs.

pub(crate) mod html;
pub(crate) mod lines;
pub(crate) mod message;
pub(crate) mod moment;
pub(crate) mod valid;
