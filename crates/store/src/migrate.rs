//! The schema, up and down.

use crate::error::StoreError;
use crate::store::Store;

/// How the schema stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number, counted from 1.
    pub version: i64,
    /// Its name, that of its file.
    pub name: &'static str,
    /// Whether it is in the database.
    pub applied: bool,
}

impl Store {
    /// Brings the schema up to this version of Kalends. Safe to run from several nodes at once.
    pub async fn migrate_up(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        Err(StoreError::Migration("unfinished".to_owned()))
    }

    /// Takes the schema back to a version; 0 leaves nothing. **What the later migrations hold is lost.**
    pub async fn migrate_down(&self, to: i64) -> Result<Vec<MigrationStatus>, StoreError> {
        Err(StoreError::Migration(format!("unfinished {to}")))
    }

    /// Every migration this version knows, and whether it is applied.
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        Err(StoreError::Migration("unfinished".to_owned()))
    }
}
