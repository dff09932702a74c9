//! Values on their way into a query, the same for both databases.

use jiff::Timestamp;
use jiff::civil::Date;
use kalends_calendar::event::Address;
use kalends_calendar::ids::{
    CalendarId, ChannelId, ConflictId, ConnectionId, Cursor, EventId, InvitationId, LinkId,
    RemoteCalendarId, RemoteId, RunId, TenantId, TokenId, Uid, UserId, Version,
};
use kalends_calendar::provider::Raw;
use kalends_calendar::revision::Revision;
use kalends_calendar::time::ZoneId;
use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::types::JsonValue;
use sqlx::{Encode, Postgres, Sqlite, Type};
use uuid::Uuid;

use crate::error::StoreError;
use crate::micros::Micros;

/// One parameter. A null has a type too, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Uuid(Option<Uuid>),
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Time(Option<Timestamp>),
    Json(Option<String>),
    Bytes(Vec<u8>),
}

/// The parameters of a query, in order.
macro_rules! binds {
    ($($value:expr),* $(,)?) => { vec![$($crate::bind::Bind::from($value)),*] };
}
pub(crate) use binds;

/// A value as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Bind, StoreError> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Bind::Json(Some(without_escaped_nul(text)))),
        Err(error) => Err(StoreError::Database(Box::new(error))),
    }
}

/// PostgreSQL keeps no NUL in text. So that both databases hold the same, and one odd event never stops a batch, it is
/// the replacement character in both. (RFC 5545 §3.1 allows no NUL either.)
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

/// The same for JSON, where a NUL reads `\u0000`, unless the backslash is itself escaped.
fn without_escaped_nul(text: String) -> String {
    const ESCAPED: &str = "\\u0000";
    if !text.contains(ESCAPED) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = if rest.starts_with(ESCAPED) {
            clean.push('\u{fffd}');
            ESCAPED.len()
        } else {
            // A backslash and what it escapes, which is ASCII in JSON.
            clean.push_str(&rest[..2]);
            2
        };
        rest = &rest[escape..];
    }
    clean.push_str(rest);
    clean
}

macro_rules! from_ids {
    ($($id:ty),+) => {$(
        impl From<$id> for Bind {
            fn from(id: $id) -> Self {
                Self::Uuid(Some(id.0))
            }
        }
        impl From<Option<$id>> for Bind {
            fn from(id: Option<$id>) -> Self {
                Self::Uuid(id.map(|id| id.0))
            }
        }
    )+};
}
from_ids!(
    TenantId,
    ConnectionId,
    CalendarId,
    LinkId,
    EventId,
    ConflictId,
    RunId,
    UserId,
    TokenId,
    InvitationId,
    ChannelId
);

macro_rules! from_texts {
    ($($text:ty),+) => {$(
        impl From<$text> for Bind {
            fn from(text: $text) -> Self {
                Self::from(text.0)
            }
        }
        impl From<&$text> for Bind {
            fn from(text: &$text) -> Self {
                Self::from(text.0.clone())
            }
        }
        impl From<Option<$text>> for Bind {
            fn from(text: Option<$text>) -> Self {
                Self::from(text.map(|text| text.0))
            }
        }
    )+};
}
from_texts!(
    RemoteCalendarId,
    RemoteId,
    Version,
    Cursor,
    Uid,
    Raw,
    ZoneId,
    Address
);

impl From<Uuid> for Bind {
    fn from(value: Uuid) -> Self {
        Self::Uuid(Some(value))
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(Some(without_nul(value)))
    }
}

impl From<Option<String>> for Bind {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(without_nul))
    }
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Bind {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Revision> for Bind {
    fn from(value: Revision) -> Self {
        Self::Int(Some(value.0))
    }
}

impl From<bool> for Bind {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Bind {
    fn from(value: Timestamp) -> Self {
        Self::Time(Some(value))
    }
}

impl From<Option<Timestamp>> for Bind {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Time(value)
    }
}

/// A day as text, the same in both databases: `2026-01-31`.
impl From<Option<Date>> for Bind {
    fn from(value: Option<Date>) -> Self {
        Self::Text(value.map(|day| day.to_string()))
    }
}

impl From<Vec<u8>> for Bind {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl Type<Sqlite> for Bind {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Bind {
    fn encode(self, buf: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Uuid(value) => Encode::<Sqlite>::encode(value, buf),
            Self::Text(value) | Self::Json(value) => Encode::<Sqlite>::encode(value, buf),
            Self::Int(value) => Encode::<Sqlite>::encode(value, buf),
            Self::Bool(value) => Encode::<Sqlite>::encode(value, buf),
            Self::Time(value) => Encode::<Sqlite>::encode(value.map(Micros), buf),
            Self::Bytes(value) => Encode::<Sqlite>::encode(value, buf),
        }
    }

    fn encode_by_ref(&self, buf: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.clone(), buf)
    }
}

impl Type<Postgres> for Bind {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Bind {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Self::Uuid(value) => Encode::<Postgres>::encode_by_ref(value, buf),
            Self::Text(value) => Encode::<Postgres>::encode_by_ref(value, buf),
            Self::Int(value) => Encode::<Postgres>::encode_by_ref(value, buf),
            Self::Bool(value) => Encode::<Postgres>::encode_by_ref(value, buf),
            Self::Time(value) => Encode::<Postgres>::encode(value.map(Micros), buf),
            Self::Bytes(value) => Encode::<Postgres>::encode_by_ref(value, buf),
            Self::Json(None) => Ok(IsNull::Yes),
            Self::Json(Some(text)) => {
                // The binary form of jsonb: a version byte, then the text.
                buf.push(1);
                buf.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(match self {
            Self::Uuid(_) => <Uuid as Type<Postgres>>::type_info(),
            Self::Text(_) => <str as Type<Postgres>>::type_info(),
            Self::Int(_) => <i64 as Type<Postgres>>::type_info(),
            Self::Bool(_) => <bool as Type<Postgres>>::type_info(),
            Self::Time(_) => <Micros as Type<Postgres>>::type_info(),
            Self::Json(_) => <JsonValue as Type<Postgres>>::type_info(),
            Self::Bytes(_) => <Vec<u8> as Type<Postgres>>::type_info(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_becomes_the_replacement_character_and_nothing_else_does() {
        for text in ["a\0b", "\0", "\\u0000", "\\\0\"\n\u{1}ä", "plain"] {
            let Ok(Bind::Json(Some(stored))) = json(text) else {
                panic!("{text:?} is not JSON");
            };
            let back: String = serde_json::from_str(&stored).unwrap();
            assert_eq!(back, text.replace('\0', "\u{fffd}"));
        }
    }
}
