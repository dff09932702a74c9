//! Invitations: a platform admin lets somebody begin a tenant. The store never sees an invitation's link, only its hash. Of no
//! tenant, until it is accepted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kalends_calendar::ids::{InvitationId, TenantId, UserId};

use crate::audit::{self, Entry};
use crate::bind::{binds, json};
use crate::error::{InvitationError, StoreError};
use crate::features;
use crate::members::{self, Role};
use crate::row::Row;
use crate::store::{Scope, Store};
use crate::tenants::{self, NewTenant};
use crate::tx::{Tx, TxAccess};
use crate::users::{self, NewUser};

/// The SHA-256 of what an invitation's link holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationHash(pub [u8; 32]);

/// An invitation, but for its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its identity.
    pub id: InvitationId,
    /// Who is invited, in lower case.
    pub email: String,
    /// The name of the tenant to be, for people.
    pub tenant_name: String,
    /// Its short name.
    pub slug: String,
    /// The code of its plan.
    pub plan: Option<String>,
    /// Its own features, by their codes: on or off.
    pub features: BTreeMap<String, bool>,
    /// Who invites; none for the command line.
    pub invited_by: Option<UserId>,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// What it became.
    pub tenant: Option<TenantId>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// An invitation to be kept.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Its identity.
    pub id: InvitationId,
    /// Its hash.
    pub hash: InvitationHash,
    /// Who is invited, in any case.
    pub email: String,
    /// The name of the tenant to be, for people.
    pub tenant_name: String,
    /// Its short name.
    pub slug: String,
    /// The code of its plan.
    pub plan: Option<String>,
    /// Its own features, by their codes: on or off.
    pub features: BTreeMap<String, bool>,
    /// Who invites; none for the command line.
    pub invited_by: Option<UserId>,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

/// What accepting an invitation takes.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The identity of the tenant to be.
    pub tenant: TenantId,
    /// The user to be made if there is none with the invitation's address, which is theirs whatever is said here. They do not
    /// administer the platform.
    pub user: NewUser,
    /// The user with the invitation's address, as far as one was known when they proved to be that person.
    pub known: Option<UserId>,
    /// What the new tenant's audit log is told, in the same transaction.
    pub entry: Option<Entry>,
    /// Now.
    pub now: Timestamp,
}

impl Invitation {
    /// Why it cannot be accepted, if so.
    pub fn check(&self, now: Timestamp) -> Result<(), InvitationError> {
        if self.accepted_at.is_some() {
            Err(InvitationError::Used)
        } else if self.revoked_at.is_some() {
            Err(InvitationError::Revoked)
        } else if self.expires_at <= now {
            Err(InvitationError::Expired)
        } else {
            Ok(())
        }
    }
}

/// Keeps an invitation. [`StoreError::Reference`] if it names a plan, a feature or a user that there is not;
/// [`StoreError::Taken`] if it is there already; [`StoreError::PlatformOnly`] in a tenant's own transaction. Whether the
/// short name is free shows when it is accepted.
pub async fn create(tx: &mut Tx, new: NewInvitation) -> Result<(), StoreError> {
    tx.require_platform()?;
    for code in new.features.keys() {
        let known = tx
            .row("SELECT 1 FROM features WHERE code = $1", binds![&**code])
            .await?;
        if known.is_none() {
            return Err(StoreError::Reference(format!("the feature {code}")));
        }
    }
    let binds = binds![
        new.id,
        new.hash.0.to_vec(),
        new.email.to_lowercase(),
        new.tenant_name,
        new.slug,
        new.plan,
        json(&new.features)?,
        new.invited_by,
        new.created_at,
        new.expires_at,
    ];
    tx.execute(
        "INSERT INTO invitations (id, hash, email, tenant_name, slug, plan_code, features,
            invited_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        binds,
    )
    .await?;
    Ok(())
}

/// The invitation with this hash, good or not: [`Invitation::check`] tells.
pub async fn find(store: &Store, hash: &InvitationHash) -> Result<Option<Invitation>, StoreError> {
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let row = tx
        .row(
            "SELECT * FROM invitations WHERE hash = $1",
            binds![hash.0.to_vec()],
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The invitations before a point (`created_at`, `id` of the last one read), good or not, the latest first.
pub async fn list(
    store: &Store,
    before: Option<(Timestamp, InvitationId)>,
    limit: i64,
) -> Result<Vec<Invitation>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::MAX, InvitationId(uuid::Uuid::max())));
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT * FROM invitations WHERE (created_at, id) < ($1, $2)
             ORDER BY created_at DESC, id DESC LIMIT $3",
            binds![at, id, limit],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Takes an invitation back. One that is taken back already stays so since then; [`StoreError::NotFound`] if it was accepted,
/// or is none; [`StoreError::PlatformOnly`] in a tenant's own transaction.
pub async fn revoke(tx: &mut Tx, id: InvitationId, at: Timestamp) -> Result<(), StoreError> {
    tx.require_platform()?;
    let touched = tx
        .execute(
            "UPDATE invitations SET revoked_at = coalesce(revoked_at, $2)
             WHERE id = $1 AND accepted_at IS NULL",
            binds![id, at],
        )
        .await?;
    if touched == 0 {
        return Err(StoreError::NotFound("open invitation"));
    }
    Ok(())
}

/// Makes the tenant of an invitation, with its plan, its features and its owner, and marks the invitation accepted, all of it
/// or nothing. Of two who accept it at once one gets [`InvitationError::Used`]. A user with the invitation's address becomes
/// the owner as they are: nothing about them changes.
pub async fn accept(
    store: &Store,
    hash: &InvitationHash,
    acceptance: Acceptance,
) -> Result<(TenantId, UserId), InvitationError> {
    let Acceptance {
        tenant,
        user,
        known,
        entry,
        now,
    } = acceptance;
    let expected = known.unwrap_or(user.id);
    let mut tx = store.administer(tenant).await?;
    // Locked: whoever else accepts it waits here, and finds it accepted.
    let row = tx
        .row(
            "UPDATE invitations SET accepted_at = accepted_at WHERE hash = $1 RETURNING *",
            binds![hash.0.to_vec()],
        )
        .await?;
    let invitation = match row {
        Some(row) => read(&row)?,
        None => return Err(InvitationError::Unknown),
    };
    invitation.check(now)?;
    make_tenant(&mut tx, &invitation, now).await?;
    let new = NewUser {
        email: invitation.email.clone(),
        platform_admin: false,
        ..user
    };
    let owner = users::find_or_make(&mut tx, new).await?;
    if owner != expected {
        // Somebody became a user meanwhile, who has not proved to be that person.
        return Err(InvitationError::Meanwhile);
    }
    members::put(&mut tx, owner, Role::Owner, now).await?;
    tx.execute(
        "UPDATE invitations SET accepted_at = $2, tenant_id = $3 WHERE id = $1",
        binds![invitation.id, now, tenant],
    )
    .await?;
    if let Some(entry) = entry {
        audit::append(&mut tx, entry).await?;
    }
    tx.commit().await?;
    Ok((tenant, owner))
}

async fn make_tenant(
    tx: &mut Tx,
    invitation: &Invitation,
    now: Timestamp,
) -> Result<(), InvitationError> {
    let new = NewTenant {
        id: tx.tenant,
        slug: invitation.slug.clone(),
        name: invitation.tenant_name.clone(),
        created_at: now,
    };
    match tenants::insert(tx, new).await {
        Ok(()) => {}
        Err(StoreError::Taken(_)) => return Err(InvitationError::SlugTaken),
        Err(error) => return Err(error.into()),
    }
    if let Some(plan) = &invitation.plan {
        tenants::set_plan(tx, Some(plan)).await?;
    }
    let overrides: Vec<(&str, Option<bool>)> = invitation
        .features
        .iter()
        .map(|(code, enabled)| (code.as_str(), Some(*enabled)))
        .collect();
    features::set_overrides(tx, &overrides, now).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.get("id")?,
        email: row.get("email")?,
        tenant_name: row.get("tenant_name")?,
        slug: row.get("slug")?,
        plan: row.opt("plan_code")?,
        features: row.json("features")?,
        invited_by: row.opt("invited_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        accepted_at: row.opt("accepted_at")?,
        tenant: row.opt("tenant_id")?,
        revoked_at: row.opt("revoked_at")?,
    })
}
