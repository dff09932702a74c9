//! API tokens: with which a program acts for a user. The store never sees one in clear, only its hash. Of no tenant.

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::{TenantId, TokenId, UserId};

use crate::bind::binds;
use crate::error::StoreError;
use crate::members::Role;
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tx::{Tx, TxAccess};
use crate::users::{self, User};
use crate::words::Word as _;

/// How exactly it is kept when a token was last used: a busy one is not to cost a write per request.
const USE_KEPT_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The SHA-256 of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A token, but for what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its identity.
    pub id: TokenId,
    /// How it begins, so that people recognise it.
    pub prefix: String,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// For whom it acts.
    pub user: UserId,
    /// The only tenant that it is good for; none: each of the user's.
    pub tenant: Option<TenantId>,
    /// At most as what it acts, whatever the user's own role is.
    pub role: Option<Role>,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Whether it is for a screen inside another product.
    pub embedded: bool,
    /// The token with which it was made.
    pub made_with: Option<TokenId>,
}

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its identity.
    pub id: TokenId,
    /// Its hash.
    pub hash: TokenHash,
    /// How it begins.
    pub prefix: String,
    /// What it is for.
    pub name: String,
    /// For whom it acts.
    pub user: UserId,
    /// The only tenant that it is good for.
    pub tenant: Option<TenantId>,
    /// At most as what it acts.
    pub role: Option<Role>,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Option<Timestamp>,
    /// Whether it is for a screen inside another product; then it is in nobody's list.
    pub embedded: bool,
    /// The token with which it was made, which ends it when it ends itself.
    pub made_with: Option<TokenId>,
}

/// Keeps a token; [`StoreError::Taken`] if it is there already, [`StoreError::Reference`] if there is no such user or
/// tenant.
pub async fn create(tx: &mut Tx, new: NewToken) -> Result<(), StoreError> {
    tx.require_platform()?;
    let binds = binds![
        new.id,
        new.hash.0.to_vec(),
        new.prefix,
        new.name,
        new.user,
        new.tenant,
        new.role.map(|role| role.word().to_owned()),
        new.created_at,
        new.expires_at,
        new.embedded,
        new.made_with,
    ];
    tx.execute(
        "INSERT INTO tokens
            (id, hash, prefix, name, user_id, tenant_id, role, created_at, expires_at, embedded, made_with)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        binds,
    )
    .await?;
    Ok(())
}

/// The token with this hash and its user, if both are good: neither revoked, expired nor disabled.
pub async fn find(
    store: &Store,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<Option<(Token, User)>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row(
            "SELECT * FROM tokens WHERE hash = $1 AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > $2)",
            binds![hash.0.to_vec(), now],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let token = read(&row)?;
    let user = users::find(&mut tx, token.user).await?;
    Ok(user
        .filter(|user| user.disabled_at.is_none())
        .map(|user| (token, user)))
}

/// Keeps that a token was used, unless that of less than a minute ago is kept already: then nothing is asked of the
/// database. The token is as it was found.
pub async fn touch(store: &Store, token: &Token, now: Timestamp) -> Result<(), StoreError> {
    let kept = token.last_used_at;
    if kept.is_some_and(|used| now.duration_since(used) < USE_KEPT_EVERY) {
        return Ok(());
    }
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Write).await?;
    tx.execute(
        "UPDATE tokens SET last_used_at = $2
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        binds![token.id, now],
    )
    .await?;
    tx.commit().await
}

/// One token, good or not.
pub async fn get(store: &Store, id: TokenId) -> Result<Option<Token>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row("SELECT * FROM tokens WHERE id = $1", binds![id])
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The tokens of a user, good or not, the latest first; but for those of screens inside other products.
pub async fn list(store: &Store, user: UserId) -> Result<Vec<Token>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT * FROM tokens WHERE user_id = $1 AND NOT embedded ORDER BY created_at DESC, id DESC",
            binds![user],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Ends a token for good, and what was made with it. One that is revoked already stays so since then.
pub async fn revoke(tx: &mut Tx, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 OR made_with = $1",
            binds![id, at],
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("token"));
    }
    Ok(())
}

fn read(row: &Row) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.get("id")?,
        prefix: row.get("prefix")?,
        name: row.get("name")?,
        user: row.get("user_id")?,
        tenant: row.opt("tenant_id")?,
        role: row.opt("role")?,
        created_at: row.get("created_at")?,
        expires_at: row.opt("expires_at")?,
        last_used_at: row.opt("last_used_at")?,
        revoked_at: row.opt("revoked_at")?,
        embedded: row.get("embedded")?,
        made_with: row.opt("made_with")?,
    })
}
