//! Newtypes for every identifier, so that a link is never mistaken for an event.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

uuid_ids! {
    /// A business; first part of every key in the store.
    TenantId,
    /// One authorised account at a provider.
    ConnectionId,
    /// A tenant's own calendar, the hub.
    CalendarId,
    /// Keeps one calendar and one remote calendar in step.
    LinkId,
    /// A single event or a whole series.
    EventId,
    /// Both sides changed one field.
    ConflictId,
    /// One run of the engine over one link.
    RunId,
    /// A person who signs in, in no tenant or in several.
    UserId,
    /// A token with which a program acts for a user.
    TokenId,
    /// An invitation to begin a tenant.
    InvitationId,
    /// A channel on which a provider says that a calendar changed.
    ChannelId,
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as the provider spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )+};
}

text_ids! {
    /// A calendar as the provider names it: a collection URL, a Google calendar id.
    RemoteCalendarId,
    /// An event as the provider names it: an href, a Google event id. Unique within one remote calendar.
    RemoteId,
    /// The provider's version of one event (an `ETag`): compared for equality only, kept byte for byte.
    Version,
    /// The provider's sync token; opaque.
    Cursor,
    /// The iCalendar `UID` (RFC 5545 §3.8.4.7, JSCalendar `uid`); a hint for finding copies, never a key.
    Uid,
}
