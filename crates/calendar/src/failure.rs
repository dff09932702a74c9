//! What can go wrong with a provider, by what must happen next.

use jiff::Timestamp;

use crate::ids::RemoteId;

/// The longest message that is kept: longer ones quote somebody who writes without end.
pub const MESSAGE_BYTES_MAX: usize = 1_000;

/// A failed provider call. The class decides what the engine does; the message is for people and carries no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What must happen next.
    pub class: Class,
    /// What to tell a person: one sentence, scrubbed of secrets.
    pub message: String,
}

/// The classes of failure. Each says by itself whether the call may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing happened at the provider, and it may work later: refused connection, 5xx on a read, 429 and 503.
    /// `retry_at` is the provider's own word (`Retry-After`), where it gave one.
    Passing {
        /// Not before this time, when the provider said so.
        retry_at: Option<Timestamp>,
    },
    /// A write was sent and its fate is not known: look before writing again.
    Unknown,
    /// The sync token is dead (RFC 6578 `valid-sync-token`, HTTP 410): list everything again. Routine.
    CursorDead,
    /// The precondition of a write did not hold (412): read again, merge, try again.
    Changed,
    /// A create met something that is there already under the same remote id.
    Exists,
    /// Another object holds the same UID (RFC 4791 `no-uid-conflict`); where, if the server said.
    UidTaken {
        /// The object that holds it.
        holder: Option<RemoteId>,
    },
    /// The object (or calendar) is not there.
    Gone,
    /// The grant is dead, definitively: a person must connect again.
    ReconnectNeeded,
    /// The account may not do this (a read-only calendar). Repeating is no use until the rights change.
    Forbidden,
    /// This one item is refused or cannot be represented; the others go on. It is tried again when it changes.
    Item,
    /// The address is one that this installation does not talk to (the address guard).
    AddressRefused,
    /// The answer makes no sense as the protocol defines it. Nothing of it is used.
    Protocol,
}

impl Failure {
    /// A failure of a class, told in one sentence. One that is too long is cut.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: shortened(message.into(), MESSAGE_BYTES_MAX),
        }
    }

    /// Passing, with no word from the provider on when to come back.
    pub fn passing(message: impl Into<String>) -> Self {
        Self::new(Class::Passing { retry_at: None }, message)
    }

    /// An answer that makes no sense.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::new(Class::Protocol, message)
    }

    /// One item that cannot be handled.
    pub fn item(message: impl Into<String>) -> Self {
        Self::new(Class::Item, message)
    }

    /// When the provider wants to be asked again, if it said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self.class {
            Class::Passing { retry_at } => retry_at,
            _ => None,
        }
    }
}

/// A text of at most so many bytes; where some had to go, its end says so.
pub(crate) fn shortened(mut text: String, bytes_max: usize) -> String {
    const CUT: char = '…';
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len_utf8())));
        text.push(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_an_end() {
        let short = "x".repeat(MESSAGE_BYTES_MAX);
        assert_eq!(Failure::item(short.clone()).message, short);
        for long in ["x".repeat(1 << 20), "€".repeat(1 << 20)] {
            let message = Failure::item(long).message;
            assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
            assert!(message.ends_with('…'));
        }
    }
}
