//! `/api/platform/invitations/`: links with which somebody becomes the owner of a new tenant.

use std::collections::BTreeMap;

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::InvitationId;
use kalends_store::invitations::{self, InvitationHash, NewInvitation};
use kalends_store::{StoreError, mails};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::door::Admin;
use crate::api::error::{Answer, ApiError};
use crate::api::input::{Body, Id, Params, check_email, name};
use crate::api::output::{Once, Reply};
use crate::api::paging::{self, PAGE, PAGE_MAX, cut, limit};
use crate::api::words;
use crate::config::check_slug;
use crate::credentials::{self, INVITATION_GOOD_FOR, Kind};
use crate::notices;

/// Which page.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "InvitationsWanted")]
pub(crate) struct Wanted {
    /// At most so many (1000).
    #[serde(default)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// An invitation to be sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewInvitation")]
pub(crate) struct New {
    /// Of the owner to be.
    email: String,
    tenant_name: String,
    /// The tenant's short name.
    slug: String,
    /// The code of its plan.
    #[serde(default)]
    plan: Option<String>,
    /// Overrides by the codes of features.
    #[serde(default)]
    features: BTreeMap<String, bool>,
}

/// An invitation that was made. The link is shown this once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InvitationMade")]
pub(crate) struct Made {
    success: bool,
    id: String,
    /// What to send to the invited person.
    link: String,
    /// Whether a mail with the link goes to them.
    mailed: bool,
    #[schemars(with = "words::Instant")]
    expires_at: Timestamp,
}

/// Invitations, the latest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Invitations {
    success: bool,
    invitations: Vec<Shown>,
    /// Where the next page begins; null after the last.
    next_cursor: Option<String>,
}

/// An invitation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Invitation")]
pub(crate) struct Shown {
    id: String,
    email: String,
    tenant_name: String,
    slug: String,
    plan: Option<String>,
    features: BTreeMap<String, bool>,
    /// `open`, `accepted`, `expired` or `revoked`.
    state: &'static str,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
    #[schemars(with = "words::Instant")]
    expires_at: Timestamp,
}

pub(crate) async fn list(
    admin: Admin,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Invitations>> {
    let limit = limit(wanted.limit, PAGE, PAGE_MAX)?;
    let before = wanted.cursor.as_deref().map(paging::place).transpose()?;
    let before = before.map(|(at, id)| (at, InvitationId(id)));
    let now = admin.now();
    let mut found = invitations::list(admin.store(), before, limit + 1).await?;
    let next_cursor = cut(&mut found, limit, |last| {
        paging::cursor(last.created_at, last.id.0)
    });
    let invitations = found
        .into_iter()
        .map(|invitation| Shown {
            id: invitation.id.to_string(),
            state: if invitation.accepted_at.is_some() {
                "accepted"
            } else if invitation.revoked_at.is_some() {
                "revoked"
            } else if invitation.expires_at <= now {
                "expired"
            } else {
                "open"
            },
            email: invitation.email,
            tenant_name: invitation.tenant_name,
            slug: invitation.slug,
            plan: invitation.plan,
            features: invitation.features,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        })
        .collect();
    Ok(Json(Invitations {
        success: true,
        invitations,
        next_cursor,
    }))
}

pub(crate) async fn make(admin: Admin, Body(new): Body<New>) -> Answer<Once<Made, 201>> {
    check_email(&new.email)?;
    check_slug(&new.slug).map_err(|error| ApiError::field("slug", error))?;
    let named = name("tenant_name", &new.tenant_name)?;
    let taken = kalends_store::tenants::by_slug(admin.store(), &new.slug).await?;
    if taken.is_some() {
        return Err(ApiError::conflict(
            "taken",
            "There is a tenant of this slug already.",
        ));
    }
    let fresh = credentials::fresh(Kind::Invitation).map_err(ApiError::internal)?;
    let now = admin.now();
    let expires_at = now
        .checked_add(INVITATION_GOOD_FOR)
        .unwrap_or(Timestamp::MAX);
    let id = admin.next_id().into();
    let invitation = NewInvitation {
        id,
        hash: InvitationHash(fresh.hash),
        email: new.email.clone(),
        tenant_name: named.clone(),
        slug: new.slug.clone(),
        plan: new.plan.clone(),
        features: new.features.clone(),
        invited_by: Some(admin.0.user.id),
        created_at: now,
        expires_at,
    };
    let mailed = admin.0.mailer().is_set_up().await?;
    let mut tx = admin.platform().await?;
    invitations::create(&mut tx, invitation)
        .await
        .map_err(|error| match error {
            StoreError::Reference(what) if what.contains("feature") => {
                ApiError::field("features", format!("there is no such feature: {what}"))
            }
            StoreError::Reference(_) => ApiError::field("plan", "there is no such plan"),
            other => other.into(),
        })?;
    let detail = json!({
        "email": new.email, "slug": new.slug, "plan": new.plan, "features": new.features,
    });
    admin
        .0
        .audit(
            &mut tx,
            "invitation.create",
            format!("invitation {id}"),
            detail,
        )
        .await?;
    let base = admin.settings().address();
    let link = format!("{base}/invitations/{}/", fresh.secret.expose_secret());
    if let (true, Some(keys)) = (mailed, admin.0.accounts().keys.clone()) {
        let secret = SecretString::from(link.as_str());
        let ids = admin.0.ids();
        let mail = notices::invitation(ids, &new.email, &named, &secret);
        mails::enqueue(&mut tx, &keys.vault(), mail, now).await?;
    }
    tx.commit().await?;
    Ok(Once(Reply::new(Made {
        success: true,
        id: id.to_string(),
        link,
        mailed,
        expires_at,
    })))
}

pub(crate) async fn revoke(
    admin: Admin,
    Id(id): Id<InvitationId>,
) -> Answer<Json<serde_json::Value>> {
    let mut tx = admin.platform().await?;
    invitations::revoke(&mut tx, id, admin.now()).await?;
    let object = format!("invitation {id}");
    admin
        .0
        .audit(&mut tx, "invitation.revoke", object, json!({}))
        .await?;
    tx.commit().await?;
    Ok(crate::api::error::done())
}
