//! Opening a database, and beginning transactions.

use kalends_calendar::ids::TenantId;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

use crate::dialect::{self, Dialect};
use crate::error::StoreError;
use crate::tx::{Arm, Tx, TxAccess};

/// The tenant of what belongs to no tenant (in the audit log, and as the tenant of [`Store::platform`]): no tenant has the
/// nil id, so a query that binds it by mistake finds nothing.
pub const PLATFORM: TenantId = TenantId(uuid::Uuid::nil());

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pools: Pools,
}

/// The connections to it.
#[derive(Clone, Debug)]
pub(crate) enum Pools {
    /// SQLite allows one writer at a time: all writes of this process queue for one connection, and never meet `BUSY`.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// Whose rows a transaction is to see.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// One tenant's.
    Tenant(TenantId),
    /// One tenant's, and what only the platform may change about it.
    Administration(TenantId),
    /// All tenants', and what belongs to none: only for finding tenants, claiming due links, plans, users and tokens.
    Platform,
}

impl Store {
    /// Opens `sqlite:path`, `sqlite::memory:` or `postgres://user@host/database`. A SQLite file is made when missing.
    ///
    /// A database in memory has a single connection: while one transaction is open (reading too), others wait.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let pools = dialect::open(address).await?;
        Ok(Self { pools })
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The role that PostgreSQL knows us by, if no policy of row-level security binds it: a superuser, or one with `BYPASSRLS`.
    pub async fn role_above_policies(&self) -> Result<Option<String>, StoreError> {
        match &self.pools {
            Pools::Sqlite { .. } => Ok(None),
            Pools::Postgres(pool) => dialect::role_above_policies(pool).await,
        }
    }

    /// Begins a transaction that reads and writes. Never keep it open over a network call.
    pub async fn begin(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        self.begin_as(Scope::Tenant(tenant), TxAccess::Write).await
    }

    /// Begins a transaction of the platform about one tenant: it may also change what the tenant itself only reads (its
    /// features), and make the tenant and its first users. Whoever begins one has made sure that a platform admin asks,
    /// or Kalends itself.
    pub async fn administer(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        self.begin_as(Scope::Administration(tenant), TxAccess::Write)
            .await
    }

    /// Begins a transaction of the platform about what belongs to no tenant: plans, the catalogue of features, users, and
    /// what they sign in with. Whoever begins one has made sure that a platform admin asks, or Kalends itself.
    pub async fn platform(&self) -> Result<Tx, StoreError> {
        self.begin_as(Scope::Platform, TxAccess::Write).await
    }

    /// Begins a transaction of the platform that only reads, for instance the audit log of the platform itself.
    pub async fn platform_read(&self) -> Result<Tx, StoreError> {
        self.begin_as(Scope::Platform, TxAccess::Read).await
    }

    /// Begins a transaction that reads one consistent state, and never waits for writers.
    pub async fn read(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        self.begin_as(Scope::Tenant(tenant), TxAccess::Read).await
    }

    /// Closes all connections, waiting for open transactions.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) async fn begin_as(&self, scope: Scope, access: TxAccess) -> Result<Tx, StoreError> {
        let arm = match &self.pools {
            Pools::Sqlite { writer, readers } => {
                let pool = match access {
                    TxAccess::Write => writer,
                    TxAccess::Read => readers,
                };
                Arm::Sqlite(dialect::begin_sqlite(pool, access).await?)
            }
            Pools::Postgres(pool) => {
                Arm::Postgres(dialect::begin_postgres(pool, scope, access).await?)
            }
        };
        let tenant = match scope {
            Scope::Tenant(tenant) | Scope::Administration(tenant) => tenant,
            Scope::Platform => PLATFORM,
        };
        Ok(Tx {
            arm,
            tenant,
            scope,
            access,
            log: Vec::new(),
        })
    }
}
