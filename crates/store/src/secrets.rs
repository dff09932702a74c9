//! The secrets of connections, sealed by the vault.

use jiff::Timestamp;
use kalends_calendar::ids::ConnectionId;
use secrecy::SecretString;

use crate::bind::binds;
use crate::error::StoreError;
use crate::tx::Tx;
use crate::vault::{DataKey, Purpose, Vault, VaultError, Wrapped};

/// Seals a secret, in place of an earlier one. The tenant's data key is made when it has none.
pub async fn put(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
    purpose: Purpose,
    secret: &SecretString,
    at: Timestamp,
) -> Result<(), StoreError> {
    let key = match data_key(tx, vault).await? {
        Some(key) => key,
        None => make_key(tx, vault, at).await?,
    };
    let sealed = key.seal(connection, purpose, secret)?;
    let binds = binds![tx.tenant, connection, purpose.word(), sealed, at];
    tx.execute(
        "INSERT INTO secrets (tenant_id, connection_id, purpose, sealed, sealed_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, connection_id, purpose)
            DO UPDATE SET sealed = excluded.sealed, sealed_at = excluded.sealed_at",
        binds,
    )
    .await?;
    Ok(())
}

/// Opens a secret; none if there is none.
pub async fn get(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
    purpose: Purpose,
) -> Result<Option<SecretString>, StoreError> {
    let binds = binds![tx.tenant, connection, purpose.word()];
    let row = tx
        .row(
            "SELECT sealed FROM secrets
             WHERE tenant_id = $1 AND connection_id = $2 AND purpose = $3",
            binds,
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let sealed: Vec<u8> = row.get("sealed")?;
    let key = data_key(tx, vault).await?.ok_or(VaultError::Erased)?;
    Ok(Some(key.open(connection, purpose, &sealed)?))
}

/// Wraps the tenant's data key with the current master key; false if it already is (or there is none). Secrets stay as
/// they are and can be read all the time.
pub async fn rotate(tx: &mut Tx, vault: &Vault, at: Timestamp) -> Result<bool, StoreError> {
    let Some(wrapped) = wrapped_key(tx).await? else {
        return Ok(false);
    };
    if wrapped.master_key_id == vault.current() {
        return Ok(false);
    }
    let renewed = vault.wrap(&vault.unwrap(tx.tenant, &wrapped)?)?;
    let binds = binds![
        tx.tenant,
        renewed.master_key_id,
        renewed.bytes,
        at,
        wrapped.master_key_id,
    ];
    let touched = tx
        .execute(
            "UPDATE tenant_keys SET master_key_id = $2, wrapped = $3, wrapped_at = $4
             WHERE tenant_id = $1 AND master_key_id = $5",
            binds,
        )
        .await?;
    Ok(touched > 0)
}

/// The id of the master key that the tenant's data key is wrapped with; none if it has none.
pub async fn master_key(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    Ok(wrapped_key(tx).await?.map(|wrapped| wrapped.master_key_id))
}

/// Destroys the tenant's data key, and with it every secret that it sealed.
pub async fn erase(tx: &mut Tx) -> Result<(), StoreError> {
    let binds = binds![tx.tenant];
    tx.execute("DELETE FROM secrets WHERE tenant_id = $1", binds)
        .await?;
    let binds = binds![tx.tenant];
    tx.execute("DELETE FROM tenant_keys WHERE tenant_id = $1", binds)
        .await?;
    Ok(())
}

async fn data_key(tx: &mut Tx, vault: &Vault) -> Result<Option<DataKey>, StoreError> {
    match wrapped_key(tx).await? {
        Some(wrapped) => Ok(Some(vault.unwrap(tx.tenant, &wrapped)?)),
        None => Ok(None),
    }
}

async fn wrapped_key(tx: &mut Tx) -> Result<Option<Wrapped>, StoreError> {
    let binds = binds![tx.tenant];
    let row = tx
        .row(
            "SELECT master_key_id, wrapped FROM tenant_keys WHERE tenant_id = $1",
            binds,
        )
        .await?;
    row.map(|row| {
        Ok(Wrapped {
            master_key_id: row.get("master_key_id")?,
            bytes: row.get("wrapped")?,
        })
    })
    .transpose()
}

/// Makes the tenant's data key. Of two nodes that do so at once one wins, and both use the winner's.
async fn make_key(tx: &mut Tx, vault: &Vault, at: Timestamp) -> Result<DataKey, StoreError> {
    let wrapped = vault.wrap(&Vault::make(tx.tenant)?)?;
    let binds = binds![tx.tenant, wrapped.master_key_id, wrapped.bytes, at];
    tx.execute(
        "INSERT INTO tenant_keys (tenant_id, master_key_id, wrapped, wrapped_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id) DO NOTHING",
        binds,
    )
    .await?;
    Ok(data_key(tx, vault).await?.ok_or(VaultError::Erased)?)
}
