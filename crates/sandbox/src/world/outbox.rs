//! Mails that clients send through a mailbox (Gmail, Graph), as opposed to those that calendars cause.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::saved;

/// A mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMail {
    /// When.
    pub at: Timestamp,
    /// From whose mailbox: the mail address.
    pub from: String,
    /// To whom, copies and blind copies included.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The body as plain text, or as HTML where there is no plain text.
    pub text: String,
    /// What the client sent: an RFC 5322 message, or Graph's JSON.
    #[serde(with = "saved::raw")]
    pub raw: Bytes,
}
