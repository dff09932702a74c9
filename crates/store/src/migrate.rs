//! The schema, up and down.
//!
//! Migrations are SQL files, the same names for both databases, each with its way back. All that a call has to do happens
//! in one transaction, so that a schema is never left between two versions.

use sha2::{Digest, Sha256};

use crate::bind::binds;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};

/// How one migration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number, counted from 1.
    pub version: i64,
    /// Its name, that of its file.
    pub name: &'static str,
    /// Whether it is in the database.
    pub applied: bool,
}

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: Script,
    postgres: Script,
}

struct Script {
    up: &'static str,
    down: &'static str,
}

impl Migration {
    fn script(&self, dialect: Dialect) -> &Script {
        match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        }
    }
}

macro_rules! migrations {
    ($($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sqlite: Script {
                up: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
                down: include_str!(concat!("../migrations/sqlite/", $name, ".down.sql")),
            },
            postgres: Script {
                up: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
                down: include_str!(concat!("../migrations/postgres/", $name, ".down.sql")),
            },
        }),+]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    1 "0001_tenants",
    2 "0002_calendars",
    3 "0003_links",
    4 "0004_statistics",
    5 "0005_accounts",
    6 "0006_api",
    7 "0007_ownership",
    8 "0008_idempotency",
    9 "0009_indexes",
    10 "0010_oauth",
    11 "0011_bounds",
    12 "0012_revocations",
    13 "0013_channels",
    14 "0014_scale",
    15 "0015_embedding",
    16 "0016_overview",
];

impl Store {
    /// Brings the schema up to this version of Kalends; what was applied. Safe to run from several nodes at once.
    pub async fn migrate_up(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let mut tx = begin(self).await?;
        let applied = applied(&mut tx).await?;
        let mut done = Vec::new();
        for migration in MIGRATIONS {
            if applied.contains(&migration.version) {
                continue;
            }
            let script = migration.script(tx.dialect());
            tx.script(script.up).await?;
            let binds = binds![migration.version, migration.name, checksum(script.up)];
            tx.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                binds,
            )
            .await?;
            done.push(status(migration, true));
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Takes the schema back to a version; 0 leaves nothing. **What the later migrations hold is lost.**
    pub async fn migrate_down(&self, to: i64) -> Result<Vec<MigrationStatus>, StoreError> {
        let mut tx = begin(self).await?;
        let applied = applied(&mut tx).await?;
        let mut done = Vec::new();
        for migration in MIGRATIONS.iter().rev() {
            if migration.version <= to || !applied.contains(&migration.version) {
                continue;
            }
            tx.script(migration.script(tx.dialect()).down).await?;
            let binds = binds![migration.version];
            tx.execute("DELETE FROM schema_migrations WHERE version = $1", binds)
                .await?;
            done.push(status(migration, false));
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Every migration this version knows, and whether it is applied.
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let mut tx = self.begin_as(Scope::Platform, TxAccess::Read).await?;
        let text = tx.dialect().migrations_table();
        let found: i64 = tx.only_row(text, binds![]).await?.get("found")?;
        let applied = if found == 0 {
            Vec::new()
        } else {
            applied(&mut tx).await?
        };
        Ok(MIGRATIONS
            .iter()
            .map(|migration| status(migration, applied.contains(&migration.version)))
            .collect())
    }
}

async fn begin(store: &Store) -> Result<Tx, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Write).await?;
    if let Some(lock) = tx.dialect().lock_migrations() {
        tx.rows(lock, binds![]).await?;
    }
    tx.script(
        "CREATE TABLE IF NOT EXISTS schema_migrations
            (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)",
    )
    .await?;
    Ok(tx)
}

/// The versions in the database, having made sure that they are ours.
async fn applied(tx: &mut Tx) -> Result<Vec<i64>, StoreError> {
    let dialect = tx.dialect();
    let rows = tx
        .rows(
            "SELECT version, name, checksum FROM schema_migrations ORDER BY version",
            binds![],
        )
        .await?;
    let mut versions = Vec::with_capacity(rows.len());
    for row in rows {
        let version: i64 = row.get("version")?;
        let name: String = row.get("name")?;
        let Some(known) = MIGRATIONS.iter().find(|known| known.version == version) else {
            return Err(StoreError::Migration(format!(
                "the database has {name}, which this version of Kalends does not know: it is too old for it"
            )));
        };
        if row.get::<String>("checksum")? != checksum(known.script(dialect).up) {
            return Err(StoreError::Migration(format!(
                "{name} is not the one that was applied to this database"
            )));
        }
        versions.push(version);
    }
    Ok(versions)
}

fn status(migration: &Migration, applied: bool) -> MigrationStatus {
    MigrationStatus {
        version: migration.version,
        name: migration.name,
        applied,
    }
}

fn checksum(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
