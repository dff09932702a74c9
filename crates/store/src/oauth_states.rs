//! OAuth states: what Kalends has to know again when a provider sends a person back. Each is good once. The store never sees
//! a state in clear, only its hash. Of no tenant.

use jiff::Timestamp;
use kalends_calendar::ids::{TenantId, UserId};
use secrecy::SecretString;

use crate::bind::binds;
use crate::error::StoreError;
use crate::members::Role;
use crate::row::Row;
use crate::secrets;
use crate::store::Store;
use crate::tx::Tx;
use crate::vault::Vault;
use crate::words::Word as _;

/// The SHA-256 of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateHash(pub [u8; 32]);

/// A state, and what it is bound to.
#[derive(Clone, Debug)]
pub struct OauthState {
    /// Its hash.
    pub hash: StateHash,
    /// At which provider.
    pub provider: String,
    /// What for.
    pub purpose: String,
    /// Who went there; nobody, where it is for signing in.
    pub user: Option<UserId>,
    /// For which tenant; none for the platform.
    pub tenant: Option<TenantId>,
    /// As what they went there: nobody comes back as more. None for the platform.
    pub role: Option<Role>,
    /// Whether it began in a browser that was signed in: then it ends in one where the same person is.
    pub browser: bool,
    /// The code verifier (RFC 7636 §4.1). It is kept sealed.
    pub verifier: SecretString,
    /// Where the person is sent afterwards.
    pub return_url: Option<String>,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

/// Keeps a state; [`StoreError::Taken`] if it is there already, [`StoreError::Reference`] if there is no such user or tenant.
pub async fn create(store: &Store, vault: &Vault, new: OauthState) -> Result<(), StoreError> {
    let mut tx = store.platform().await?;
    let at = new.created_at;
    let verifier = secrets::seal_at(&mut tx, vault, &place(&new.hash), &new.verifier, at).await?;
    let binds = binds![
        new.hash.0.to_vec(),
        new.provider,
        new.purpose,
        new.user,
        new.tenant,
        new.role.map(|role| role.word().to_owned()),
        new.browser,
        verifier,
        new.return_url,
        new.created_at,
        new.expires_at,
    ];
    tx.execute(
        "INSERT INTO oauth_states (hash, provider, purpose, user_id, tenant_id, role, browser,
            verifier, return_url, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        binds,
    )
    .await?;
    tx.commit().await
}

/// Takes a state away, and gives it back if it was still good. Of two who take one at once, one gets it.
pub async fn take(
    store: &Store,
    vault: &Vault,
    hash: &StateHash,
    now: Timestamp,
) -> Result<Option<OauthState>, StoreError> {
    let mut tx = store.platform().await?;
    let row = tx
        .row(
            "DELETE FROM oauth_states WHERE hash = $1 RETURNING *",
            binds![hash.0.to_vec()],
        )
        .await?;
    let state = match row {
        Some(row) => Some(read(&mut tx, vault, &row).await?),
        None => None,
    };
    tx.commit().await?;
    Ok(state.filter(|state| state.expires_at > now))
}

async fn read(tx: &mut Tx, vault: &Vault, row: &Row) -> Result<OauthState, StoreError> {
    let hash = StateHash(row.hash("hash")?);
    let sealed: Vec<u8> = row.get("verifier")?;
    Ok(OauthState {
        verifier: secrets::open_at(tx, vault, &place(&hash), &sealed).await?,
        hash,
        provider: row.get("provider")?,
        purpose: row.get("purpose")?,
        user: row.opt("user_id")?,
        tenant: row.opt("tenant_id")?,
        role: row.opt("role")?,
        browser: row.get("browser")?,
        return_url: row.opt("return_url")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

fn place(hash: &StateHash) -> String {
    use std::fmt::Write as _;
    hash.0
        .iter()
        .fold("oauth state ".to_owned(), |mut place, byte| {
            // Writing to a string cannot fail.
            let _ = write!(place, "{byte:02x}");
            place
        })
}
