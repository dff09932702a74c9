//! Channels: how a provider says by itself that a calendar changed. What it says carries no data; it is a reason to look.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ChannelId;

/// Whether a provider can say by itself that a calendar changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// It cannot: it is looked at now and then.
    None,
    /// It can, over channels that end by themselves.
    Channels(Renewal),
}

/// What keeps a channel from ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It is prolonged (Graph).
    Prolonged,
    /// Nothing does: another one is opened in time, and this one closed then (Google).
    Replaced,
}

/// What is asked for when a channel is opened.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The name it is to have, where names are ours to give. It was never asked for before.
    pub id: ChannelId,
    /// Where the provider is to call. Whoever knows it may say that the calendar changed, but for the token.
    pub address: &'a str,
    /// What the provider is to show when it calls.
    pub token: &'a ChannelToken,
}

/// A channel that is open at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The name it was asked for under.
    pub id: ChannelId,
    /// What else the provider wants to hear when it is prolonged or closed: its own name of the channel (Graph), or of what is
    /// watched (Google).
    pub provider_id: String,
    /// When it ends, if nobody prolongs it; none where the provider does not say.
    pub expires_at: Option<Timestamp>,
}

/// What a provider shows when it calls. A secret: it is neither kept nor told.
#[derive(Clone)]
pub struct ChannelToken(String);

impl ChannelToken {
    /// A token, of at most 128 characters of ASCII: as many as Graph takes.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token, for the one request that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ChannelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown_by_accident() {
        let token = ChannelToken::new("sesame");
        assert_eq!(token.expose(), "sesame");
        assert_eq!(format!("{token:?}"), "ChannelToken(…)");
    }
}
