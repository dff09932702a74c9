//! Everything in which the two databases differ, but for their migrations.

use std::str::FromStr;
use std::time::Duration;

use sqlx::error::ErrorKind;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Postgres, Sqlite, Transaction};

use crate::error::StoreError;
use crate::features::has_feature;
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
/// Each connection's page cache in KiB (a negative number, as SQLite wants it): the inner pages of all indexes of some
/// hundred thousand events. The leaves come from the system's cache.
const SQLITE_CACHE: &str = "-4000";
/// After how many pages the WAL goes into the database: 16 MB, because the pages of an index are written again with every
/// batch of a first sync.
const SQLITE_CHECKPOINT_PAGES: &str = "4000";
/// Connections of one node; a hundred nodes' worth is what a PostgreSQL server bears.
const POSTGRES_CONNECTIONS_MAX: u32 = 10;
/// How long PostgreSQL may take to let us in: also from far away it is a matter of a second.
const POSTGRES_ANSWER_WITHIN: Duration = Duration::from_secs(10);
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
        .pragma("cache_size", SQLITE_CACHE)
        .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES);
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
    // The pool tries for long and then says only that it did: the first attempt tells what is wrong.
    let first = tokio::time::timeout(POSTGRES_ANSWER_WITHIN, options.connect());
    let first = first.await.map_err(|_| {
        let problem = format!("no answer within {} s", POSTGRES_ANSWER_WITHIN.as_secs());
        sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, problem))
    })?;
    first?.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_MAX)
        .connect_with(options)
        .await?;
    Ok(Pools::Postgres(pool))
}

/// The role that a pool is, if no policy binds it.
pub(crate) async fn role_above_policies(pool: &PgPool) -> Result<Option<String>, StoreError> {
    let query = "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)";
    Ok(sqlx::query_scalar(query).fetch_optional(pool).await?)
}

/// An address as it may be shown: with the user and the host, as far as it is clear which part of it is the password.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once(':') else {
        return address.to_owned();
    };
    if scheme == "sqlite" {
        return address.to_owned();
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return format!("{scheme}:…");
    };
    let shown = match rest.split_once('@') {
        None => rest.split('?').next().unwrap_or_default().to_owned(),
        Some((before, host)) => {
            let user = before.split([':', '/', '?', '#']).next();
            // A second `@`, or one in what may be a query: either side of it may be of the password.
            let is_clear = !host.contains('@') && !before.contains('/');
            let host = host.split('?').next().filter(|_| is_clear);
            format!("{}@{}", user.unwrap_or_default(), host.unwrap_or("…"))
        }
    };
    format!("{scheme}://{shown}")
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
        Scope::Administration(tenant) => format!(
            "{begin}; SET LOCAL kalends.tenant = '{tenant}'; SET LOCAL kalends.scope = 'platform'"
        ),
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

/// Whether a link `l` of an account `c` may run beside those that do: `$google` and `$microsoft` say how many runs an account
/// bears there, `$busy` which links do run. Remote calendars are the same where provider, address and id are.
macro_rules! has_room {
    ($google:literal, $microsoft:literal, $busy:literal) => {
        concat!(
            "(SELECT count(*) FROM links busy
                WHERE busy.tenant_id = l.tenant_id AND busy.connection_id = l.connection_id
                    AND busy.",
            $busy,
            ") < CASE c.provider WHEN 'google' THEN ",
            $google,
            " WHEN 'microsoft' THEN ",
            $microsoft,
            " ELSE 9223372036854775807 END
            AND NOT EXISTS (SELECT 1 FROM links busy
                JOIN connections b ON b.tenant_id = busy.tenant_id AND b.id = busy.connection_id
                WHERE busy.tenant_id = l.tenant_id AND busy.id <> l.id
                    AND busy.remote_calendar_id = l.remote_calendar_id
                    AND b.provider = c.provider AND b.url = c.url AND busy.",
            $busy,
            ")"
        )
    };
}
pub(crate) use has_room;

/// Claiming due links, but for how rows are locked that others are claiming at the same moment.
///
/// The `CASE`s of a link: due and free, or leased by somebody who is overdue. `picked` must be materialized: PostgreSQL
/// might otherwise run it again for each row of the update, and claim more than the limit.
macro_rules! claim_due {
    ($lock:literal) => {
        concat!(
            "WITH claimable AS (
                SELECT l.tenant_id, l.id, coalesce(l.lease_until, l.due_at) AS ready_at,
                    row_number() OVER (PARTITION BY l.tenant_id, l.connection_id
                        ORDER BY coalesce(l.lease_until, l.due_at), l.id) AS turn_at_account,
                    row_number() OVER (PARTITION BY l.tenant_id, c.provider, c.url, l.remote_calendar_id
                        ORDER BY coalesce(l.lease_until, l.due_at), l.id) AS turn_at_calendar,
                    CASE c.provider WHEN 'google' THEN $6 WHEN 'microsoft' THEN $7
                        ELSE 9223372036854775807 END
                        - (SELECT count(*) FROM links busy WHERE busy.tenant_id = l.tenant_id
                            AND busy.connection_id = l.connection_id AND busy.lease_until > $1)
                        AS turns_left
                FROM links l
                JOIN connections c ON c.tenant_id = l.tenant_id AND c.id = l.connection_id
                WHERE ((l.lease_until IS NULL AND l.due_at <= $1) OR l.lease_until <= $1)
                    AND l.state = 'active' AND c.state = 'ok'
                    AND (c.retry_at IS NULL OR c.retry_at <= $1)
                    AND ",
            has_room!("$6", "$7", "lease_until > $1"),
            " AND ",
            has_feature!("l.tenant_id", "$5"),
            "
            ), ranked AS (
                SELECT tenant_id, id, ready_at,
                    row_number() OVER (PARTITION BY tenant_id ORDER BY ready_at, id)
                        + (SELECT count(*) FROM links busy
                           WHERE busy.tenant_id = claimable.tenant_id AND busy.lease_until > $1)
                        AS turn
                FROM claimable
                WHERE turn_at_account <= turns_left AND turn_at_calendar = 1
            ), picked AS MATERIALIZED (
                SELECT l.tenant_id, l.id
                FROM links l JOIN ranked r ON r.tenant_id = l.tenant_id AND r.id = l.id
                WHERE ((l.lease_until IS NULL AND l.due_at <= $1) OR l.lease_until <= $1)
                    AND l.state = 'active'
                ORDER BY r.turn, r.ready_at, l.id LIMIT $2 ",
            $lock,
            ")
            UPDATE links SET fence = fence + 1, holder = $3, lease_until = $4, due_at = NULL
            FROM picked WHERE links.tenant_id = picked.tenant_id AND links.id = picked.id
            RETURNING *"
        )
    };
}

impl Dialect {
    /// The text that claims due links: `$1` now, `$2` how many, `$3` for whom, `$4` until when, `$5` of tenants with
    /// which feature, `$6` and `$7` how many runs an account at Google and at Microsoft bears.
    pub(crate) fn claim_due(self) -> &'static str {
        match self {
            // A writer has the whole database.
            Self::Sqlite => claim_due!(""),
            Self::Postgres => claim_due!("FOR UPDATE OF l SKIP LOCKED"),
        }
    }

    /// Whether the table of migrations is there, as `found`.
    pub(crate) fn migrations_table(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT count(*) AS found FROM sqlite_master WHERE name = 'schema_migrations'"
            }
            Self::Postgres => {
                "SELECT count(*) AS found FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name = 'schema_migrations'"
            }
        }
    }

    /// Keeps other nodes from claiming until the transaction ends. On SQLite the writer's lock does that.
    pub(crate) fn lock_claims(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            // The number only has to be the same for all nodes: "claims" in ASCII.
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(109283258494323)"),
        }
    }

    /// Keeps other nodes from migrating until the transaction ends. On SQLite the writer's lock does that.
    pub(crate) fn lock_migrations(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            // The number only has to be the same for all versions: "kalends" in ASCII.
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(30224940694135923)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, shown) in [
            ("postgres://ann@host/db", "postgres://ann@host/db"),
            (
                "postgres://ann:sesame@host:5432/db?sslmode=require",
                "postgres://ann@host:5432/db",
            ),
            ("postgres://ann:ses?ame@host/db", "postgres://ann@host/db"),
            ("postgres://ann:ses#ame@host/db", "postgres://ann@host/db"),
            ("postgres://ann:ses/ame@host/db", "postgres://ann@…"),
            ("postgres://ann:ses@ame@host/db", "postgres://ann@…"),
            (
                "postgres://host/db?user=ann&password=sesame",
                "postgres://host/db",
            ),
            ("postgres://host/db?password=ses@ame", "postgres://host@…"),
            ("postgres:ann:sesame@host/db", "postgres:…"),
            ("mysql://ann:sesame@host/db", "mysql://ann@host/db"),
            ("sqlite:/home/ann@host/k.db", "sqlite:/home/ann@host/k.db"),
            ("kalends.db", "kalends.db"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }
}
