//! Values on their way out of a row, the same for both databases.

use jiff::Timestamp;
use jiff::civil::Date;
use kalends_calendar::ids::{
    CalendarId, ChannelId, ConflictId, ConnectionId, Cursor, EventId, InvitationId, LinkId,
    RemoteCalendarId, RemoteId, RunId, TenantId, TokenId, Uid, UserId, Version,
};
use kalends_calendar::provider::Raw;
use kalends_calendar::revision::Revision;
use kalends_calendar::time::ZoneId;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::StoreError;
use crate::micros::Micros;

/// One row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be read from a column by its name.
pub(crate) trait Column: Sized {
    /// The value, or none for a null.
    fn read(row: &Row, name: &str) -> Result<Option<Self>, StoreError>;
}

impl Row {
    /// A value that is never null.
    pub(crate) fn get<T: Column>(&self, name: &str) -> Result<T, StoreError> {
        T::read(self, name)?.ok_or_else(|| corrupt(name, "NULL", "a value is needed"))
    }

    /// A value or null.
    pub(crate) fn opt<T: Column>(&self, name: &str) -> Result<Option<T>, StoreError> {
        T::read(self, name)
    }

    /// A SHA-256 that is never null.
    pub(crate) fn hash(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let bytes: Vec<u8> = self.get(name)?;
        let length = format!("{} bytes", bytes.len());
        <[u8; 32]>::try_from(bytes).map_err(|_| corrupt(name, &length, "a hash has 32"))
    }

    /// A JSON column.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        self.opt_json(name)?
            .ok_or_else(|| corrupt(name, "NULL", "a value is needed"))
    }

    /// A JSON column that may be null.
    pub(crate) fn opt_json<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let value = match self {
            Self::Sqlite(row) => row.try_get::<Option<Json<T>>, _>(name),
            Self::Postgres(row) => row.try_get::<Option<Json<T>>, _>(name),
        };
        match value {
            Ok(value) => Ok(value.map(|json| json.0)),
            Err(sqlx::Error::ColumnDecode { source, .. }) => {
                Err(corrupt(name, "JSON", &source.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A column that holds what no version of Kalends writes.
pub(crate) fn corrupt(column: &str, value: &str, problem: &str) -> StoreError {
    /// Enough to recognise the value; it may be somebody's content.
    const SHOWN_CHARS_MAX: usize = 40;
    StoreError::Corrupt {
        column: column.to_owned(),
        value: value.chars().take(SHOWN_CHARS_MAX).collect(),
        problem: problem.to_owned(),
    }
}

macro_rules! native {
    ($($type:ty),+) => {$(
        impl Column for $type {
            fn read(row: &Row, name: &str) -> Result<Option<Self>, StoreError> {
                Ok(match row {
                    Row::Sqlite(row) => row.try_get(name)?,
                    Row::Postgres(row) => row.try_get(name)?,
                })
            }
        }
    )+};
}
native!(Uuid, i64, bool, String, Vec<u8>, Micros);

macro_rules! wrapped {
    ($($type:ty => $wrap:expr, $inner:ty;)+) => {$(
        impl Column for $type {
            fn read(row: &Row, name: &str) -> Result<Option<Self>, StoreError> {
                Ok(<$inner>::read(row, name)?.map($wrap))
            }
        }
    )+};
}
wrapped! {
    TenantId => TenantId, Uuid;
    ConnectionId => ConnectionId, Uuid;
    CalendarId => CalendarId, Uuid;
    LinkId => LinkId, Uuid;
    EventId => EventId, Uuid;
    ConflictId => ConflictId, Uuid;
    RunId => RunId, Uuid;
    UserId => UserId, Uuid;
    TokenId => TokenId, Uuid;
    InvitationId => InvitationId, Uuid;
    ChannelId => ChannelId, Uuid;
    RemoteCalendarId => RemoteCalendarId, String;
    RemoteId => RemoteId, String;
    Version => Version, String;
    Cursor => Cursor, String;
    Uid => Uid, String;
    Raw => Raw, String;
    ZoneId => ZoneId, String;
    Revision => Revision, i64;
    Timestamp => |micros: Micros| micros.0, Micros;
}

impl Column for Date {
    fn read(row: &Row, name: &str) -> Result<Option<Self>, StoreError> {
        let Some(text) = String::read(row, name)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(day) => Ok(Some(day)),
            Err(_) => Err(corrupt(name, &text, "not a day such as 2026-01-31")),
        }
    }
}
