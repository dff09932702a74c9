//! iCalendar: the corpus of real files, the laws, and readers that others wrote.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

pub(crate) mod corpus;
pub(crate) mod laws;
mod oracle;
mod patching;
mod reading;
