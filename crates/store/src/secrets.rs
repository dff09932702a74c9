//! The secrets of connections, sealed by the vault.

use jiff::Timestamp;
use kalends_calendar::ids::ConnectionId;
use secrecy::SecretString;

use crate::error::StoreError;
use crate::leases::unfinished;
use crate::tx::Tx;
use crate::vault::{Purpose, Vault};

/// Seals a secret, in place of an earlier one. The tenant's data key is made when it has none.
pub async fn put(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
    purpose: Purpose,
    secret: &SecretString,
    at: Timestamp,
) -> Result<(), StoreError> {
    let _ = (tx, vault, connection, purpose, secret, at);
    Err(unfinished())
}

/// Opens a secret; none if there is none.
pub async fn get(
    tx: &mut Tx,
    vault: &Vault,
    connection: ConnectionId,
    purpose: Purpose,
) -> Result<Option<SecretString>, StoreError> {
    let _ = (tx, vault, connection, purpose);
    Err(unfinished())
}

/// Wraps the tenant's data key with the current master key; false if it already is (or there is none). Secrets stay as
/// they are and can be read all the time.
pub async fn rotate(tx: &mut Tx, vault: &Vault, at: Timestamp) -> Result<bool, StoreError> {
    let _ = (tx, vault, at);
    Err(unfinished())
}

/// Destroys the tenant's data key, and with it every secret it sealed.
pub async fn erase(tx: &mut Tx) -> Result<(), StoreError> {
    let _ = tx;
    Err(unfinished())
}
