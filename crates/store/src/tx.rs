//! One transaction for one tenant, on either database.

use kalends_calendar::ids::TenantId;
use sqlx::query::Query;
use sqlx::{Database, Encode, IntoArguments, Postgres, Sqlite, Transaction, Type};

use crate::audit::{self, Entry};
use crate::bind::Bind;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::row::Row;
use crate::store::Scope;

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Tx {
    pub(crate) arm: Arm,
    pub(crate) tenant: TenantId,
    pub(crate) scope: Scope,
    pub(crate) access: TxAccess,
    /// What the audit log is to be told, and whose, when this is committed.
    pub(crate) log: Vec<(TenantId, Entry)>,
}

/// The database under a transaction.
#[derive(Debug)]
pub(crate) enum Arm {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxAccess {
    Write,
    Read,
}

impl Tx {
    /// Whose rows this transaction sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Keeps what was done, and tells the audit log of it: that comes last, because it makes all others wait who have
    /// something to tell about the same tenant.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let log = std::mem::take(&mut self.log);
        audit::chain::append(&mut self, log).await?;
        match self.arm {
            Arm::Sqlite(tx) => tx.commit().await?,
            Arm::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.arm {
            Arm::Sqlite(_) => Dialect::Sqlite,
            Arm::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes sure that what only the platform may change is not changed by a tenant. On PostgreSQL row-level security
    /// would refuse it as well; this is for both databases, and says why.
    pub(crate) fn require_platform(&self) -> Result<(), StoreError> {
        match self.scope {
            Scope::Tenant(_) => Err(StoreError::PlatformOnly),
            Scope::Administration(_) | Scope::Platform => Ok(()),
        }
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        binds: Vec<Bind>,
    ) -> Result<u64, StoreError> {
        if self.access == TxAccess::Read {
            return Err(StoreError::ReadOnly);
        }
        Ok(match &mut self.arm {
            Arm::Sqlite(tx) => query(sql, binds).execute(&mut **tx).await?.rows_affected(),
            Arm::Postgres(tx) => query(sql, binds).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs a script of several statements, without parameters.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        match &mut self.arm {
            Arm::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop)?,
            Arm::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop)?,
        }
        Ok(())
    }

    /// Runs a query; all its rows.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static str,
        binds: Vec<Bind>,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match &mut self.arm {
            Arm::Sqlite(tx) => {
                let rows = query(sql, binds).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Arm::Postgres(tx) => {
                let rows = query(sql, binds).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs a query; its first row, if it has one.
    pub(crate) async fn row(
        &mut self,
        sql: &'static str,
        binds: Vec<Bind>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, binds).await?.into_iter().next())
    }

    /// Runs a query that always has a row (a count, a `RETURNING` of a row that is there).
    pub(crate) async fn only_row(
        &mut self,
        sql: &'static str,
        binds: Vec<Bind>,
    ) -> Result<Row, StoreError> {
        match self.row(sql, binds).await? {
            Some(row) => Ok(row),
            None => Err(sqlx::Error::RowNotFound.into()),
        }
    }
}

/// A query with its parameters.
fn query<DB>(sql: &'static str, binds: Vec<Bind>) -> Query<'static, DB, DB::Arguments>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    Bind: for<'q> Encode<'q, DB> + Type<DB>,
{
    binds.into_iter().fold(sqlx::query(sql), Query::bind)
}
