//! Everything in which the two databases differ, but for their migrations.

use std::str::FromStr;
use std::time::Duration;

use sqlx::error::ErrorKind;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use crate::error::StoreError;
use crate::store::{Pools, Scope};
use crate::tx::TxAccess;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The embedded default.
    Sqlite,
    /// For many nodes.
    Postgres,
}

/// How long SQLite waits for the write lock of another process before it says `BUSY`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often we ask again after that. A bulk import of another process commits every few milliseconds, but SQLite has no
/// queue for its lock, so that one can be unlucky.
const BUSY_TRIES: u32 = 3;
/// Readers of one SQLite file: more than the cores of a small machine bring nothing.
const SQLITE_READERS_MAX: u32 = 4;
/// Connections of one node; a hundred nodes' worth is what a PostgreSQL server bears.
const POSTGRES_CONNECTIONS_MAX: u32 = 10;
/// More than there are query texts here, so that each is prepared once per connection.
const STATEMENT_CACHE: usize = 300;

/// `SQLITE_BUSY` with its extended codes (`BUSY_RECOVERY`, `BUSY_SNAPSHOT`, `BUSY_TIMEOUT`) and `SQLITE_LOCKED`.
const SQLITE_BUSY_CODES: [&str; 5] = ["5", "261", "517", "773", "6"];

/// Opens the pools for an address.
pub(crate) async fn open(address: &str) -> Result<Pools, StoreError> {
    let open_error = |problem: &dyn std::fmt::Display| StoreError::Open {
        address: without_password(address),
        problem: problem.to_string(),
    };
    if address.starts_with("sqlite:") {
        open_sqlite(address)
            .await
            .map_err(|error| open_error(&error))
    } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
        open_postgres(address)
            .await
            .map_err(|error| open_error(&error))
    } else {
        Err(open_error(&"it must begin with sqlite: or postgres:"))
    }
}

async fn open_sqlite(address: &str) -> Result<Pools, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(address)?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode a crash of the machine may undo the last commits but never harms the file, and the engine's
        // laws hold from any earlier state: what was sent since is found again by its mark.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENT_CACHE)
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-16000");
    let one = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    if address == "sqlite::memory:" {
        let only = one.connect_with(options).await?;
        return Ok(Pools::Sqlite {
            writer: only.clone(),
            readers: only,
        });
    }
    // The writer goes first: it makes the file and switches it to WAL.
    let writer = one.connect_with(options.clone()).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS_MAX)
        .min_connections(0)
        .test_before_acquire(false)
        .connect_lazy_with(options.create_if_missing(false).pragma("query_only", "ON"));
    Ok(Pools::Sqlite { writer, readers })
}

async fn open_postgres(address: &str) -> Result<Pools, sqlx::Error> {
    let options = PgConnectOptions::from_str(address)?
        .application_name("kalends")
        .statement_cache_capacity(STATEMENT_CACHE);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_MAX)
        .connect_with(options)
        .await?;
    Ok(Pools::Postgres(pool))
}

/// An address as it may be shown.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let rest = rest.split('?').next().unwrap_or_default();
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}@{host}")
        }
        None => format!("{scheme}://{rest}"),
    }
}

/// Begins on SQLite. Writers take the lock at once (`IMMEDIATE`): a transaction that reads first and writes later could
/// otherwise fail halfway.
pub(crate) async fn begin_sqlite(
    pool: &SqlitePool,
    access: TxAccess,
) -> Result<Transaction<'static, Sqlite>, StoreError> {
    let begin = match access {
        TxAccess::Write => "BEGIN IMMEDIATE",
        TxAccess::Read => "BEGIN DEFERRED",
    };
    let mut tries = 1;
    loop {
        match pool.begin_with(begin).await {
            Ok(tx) => return Ok(tx),
            Err(error) if is_busy(&error) && tries < BUSY_TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Begins on PostgreSQL, and says to row-level security whose transaction it is.
///
/// Writers read what is committed; what must not move under them is locked, or checked by the `WHERE` of the write.
/// Readers see one snapshot, as they do on SQLite.
pub(crate) async fn begin_postgres(
    pool: &PgPool,
    scope: Scope,
    access: TxAccess,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let begin = match access {
        TxAccess::Write => "BEGIN",
        TxAccess::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    // One round trip. A UUID's text needs no quoting.
    let statement = match scope {
        Scope::Tenant(tenant) => format!("{begin}; SET LOCAL kalends.tenant = '{tenant}'"),
        Scope::Platform => format!("{begin}; SET LOCAL kalends.scope = 'platform'"),
    };
    Ok(pool.begin_with(AssertSqlSafe(statement)).await?)
}

fn is_busy(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    error
        .code()
        .is_some_and(|code| SQLITE_BUSY_CODES.contains(&&*code))
}

/// A driver's error in the store's words.
pub(crate) fn translate(error: sqlx::Error) -> StoreError {
    if is_busy(&error) {
        return StoreError::Busy {
            seconds: BUSY_TIMEOUT.as_secs() * u64::from(BUSY_TRIES),
        };
    }
    if let sqlx::Error::Database(database) = &error {
        match database.kind() {
            ErrorKind::UniqueViolation => return StoreError::Taken(subject(database.as_ref())),
            ErrorKind::ForeignKeyViolation => {
                return StoreError::Reference(subject(database.as_ref()));
            }
            _ => {}
        }
    }
    StoreError::Database(Box::new(error))
}

/// What a broken constraint is about: PostgreSQL names the table, SQLite (for uniqueness) the columns.
fn subject(error: &dyn sqlx::error::DatabaseError) -> String {
    if let Some(table) = error.table() {
        return format!("a row of {table}");
    }
    match error.message().rsplit_once(": ") {
        Some((_, columns)) if columns.contains('.') => {
            let table = columns.split('.').next().unwrap_or_default();
            format!("a row of {table}")
        }
        _ => "a row".to_owned(),
    }
}
