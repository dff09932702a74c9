//! The secrets of connections, sealed by the vault; and those of the platform, which has a data key of its own.

use jiff::Timestamp;
use kalends_calendar::ids::{ConnectionId, TenantId};
use secrecy::SecretString;

use crate::bind::binds;
use crate::error::StoreError;
use crate::store::PLATFORM;
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
    let sealed = key(tx, vault, tx.tenant, at)
        .await?
        .seal(connection, purpose, secret)?;
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
    Ok(Some(open(tx, vault, (connection, purpose), &sealed).await?))
}

/// Opens what was sealed for a connection of the transaction's tenant, wherever it lies now.
pub(crate) async fn open(
    tx: &mut Tx,
    vault: &Vault,
    (connection, purpose): (ConnectionId, Purpose),
    sealed: &[u8],
) -> Result<SecretString, StoreError> {
    let key = data_key(tx, vault, tx.tenant)
        .await?
        .ok_or(VaultError::Erased)?;
    Ok(key.open(connection, purpose, sealed)?)
}

/// Seals a secret of the platform, to be kept in a column of its own. It opens at the same place only.
pub(crate) async fn seal_at(
    tx: &mut Tx,
    vault: &Vault,
    place: &str,
    secret: &SecretString,
    at: Timestamp,
) -> Result<Vec<u8>, StoreError> {
    tx.require_platform()?;
    Ok(key(tx, vault, PLATFORM, at).await?.seal_at(place, secret)?)
}

/// Opens what [`seal_at`] sealed at this place.
pub(crate) async fn open_at(
    tx: &mut Tx,
    vault: &Vault,
    place: &str,
    sealed: &[u8],
) -> Result<SecretString, StoreError> {
    tx.require_platform()?;
    let key = data_key(tx, vault, PLATFORM)
        .await?
        .ok_or(VaultError::Erased)?;
    Ok(key.open_at(place, sealed)?)
}

/// Wraps the tenant's data key, or the platform's in a transaction of the platform, with the current master key; false if it already is (or there is none). Secrets stay as
/// they are and can be read all the time.
pub async fn rotate(tx: &mut Tx, vault: &Vault, at: Timestamp) -> Result<bool, StoreError> {
    let Some(wrapped) = wrapped_key(tx, tx.tenant).await? else {
        return Ok(false);
    };
    if wrapped.master_key_id == vault.current() {
        return Ok(false);
    }
    let renewed = vault.wrap(&vault.unwrap(tx.tenant, &wrapped)?)?;
    let binds = binds![
        renewed.master_key_id,
        renewed.bytes,
        at,
        wrapped.master_key_id,
    ];
    let touched = if tx.tenant == PLATFORM {
        tx.execute(
            "UPDATE platform_keys SET master_key_id = $1, wrapped = $2, wrapped_at = $3
             WHERE id = 1 AND master_key_id = $4",
            binds,
        )
        .await?
    } else {
        let tenant = crate::bind::Bind::from(tx.tenant);
        let binds = binds.into_iter().chain([tenant]).collect();
        tx.execute(
            "UPDATE tenant_keys SET master_key_id = $1, wrapped = $2, wrapped_at = $3
             WHERE master_key_id = $4 AND tenant_id = $5",
            binds,
        )
        .await?
    };
    Ok(touched > 0)
}

/// The id of the master key that the tenant's data key is wrapped with; none if it has none.
pub async fn master_key(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    Ok(wrapped_key(tx, tx.tenant)
        .await?
        .map(|wrapped| wrapped.master_key_id))
}

/// Destroys the tenant's data key, and with it every secret that it sealed.
pub async fn erase(tx: &mut Tx) -> Result<(), StoreError> {
    let binds = binds![tx.tenant];
    tx.execute("DELETE FROM secrets WHERE tenant_id = $1", binds)
        .await?;
    let binds = binds![tx.tenant];
    tx.execute("DELETE FROM revocations WHERE tenant_id = $1", binds)
        .await?;
    let binds = binds![tx.tenant];
    tx.execute("DELETE FROM tenant_keys WHERE tenant_id = $1", binds)
        .await?;
    Ok(())
}

/// The data key of a tenant, or of the platform; made when there is none.
async fn key(
    tx: &mut Tx,
    vault: &Vault,
    owner: TenantId,
    at: Timestamp,
) -> Result<DataKey, StoreError> {
    match data_key(tx, vault, owner).await? {
        Some(key) => Ok(key),
        None => make_key(tx, vault, owner, at).await,
    }
}

async fn data_key(
    tx: &mut Tx,
    vault: &Vault,
    owner: TenantId,
) -> Result<Option<DataKey>, StoreError> {
    match wrapped_key(tx, owner).await? {
        Some(wrapped) => Ok(Some(vault.unwrap(owner, &wrapped)?)),
        None => Ok(None),
    }
}

async fn wrapped_key(tx: &mut Tx, owner: TenantId) -> Result<Option<Wrapped>, StoreError> {
    let row = if owner == PLATFORM {
        let text = "SELECT master_key_id, wrapped FROM platform_keys WHERE id = 1";
        tx.row(text, binds![]).await?
    } else {
        let text = "SELECT master_key_id, wrapped FROM tenant_keys WHERE tenant_id = $1";
        tx.row(text, binds![owner]).await?
    };
    row.map(|row| {
        Ok(Wrapped {
            master_key_id: row.get("master_key_id")?,
            bytes: row.get("wrapped")?,
        })
    })
    .transpose()
}

/// Makes a data key. Of two nodes that do so at once one wins, and both use the winner's.
async fn make_key(
    tx: &mut Tx,
    vault: &Vault,
    owner: TenantId,
    at: Timestamp,
) -> Result<DataKey, StoreError> {
    let wrapped = vault.wrap(&Vault::make(owner)?)?;
    if owner == PLATFORM {
        tx.execute(
            "INSERT INTO platform_keys (id, master_key_id, wrapped, wrapped_at)
             VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING",
            binds![wrapped.master_key_id, wrapped.bytes, at],
        )
        .await?;
    } else {
        tx.execute(
            "INSERT INTO tenant_keys (tenant_id, master_key_id, wrapped, wrapped_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id) DO NOTHING",
            binds![owner, wrapped.master_key_id, wrapped.bytes, at],
        )
        .await?;
    }
    Ok(data_key(tx, vault, owner)
        .await?
        .ok_or(VaultError::Erased)?)
}
