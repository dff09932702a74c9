//! `/api/tenant/`: what a tenant knows about itself: its features, its members, its audit log.

use std::collections::BTreeMap;

use axum::Json;
use jiff::Timestamp;
use kalends_store::features;
use kalends_store::members::{self, Role};
use kalends_store::plans::{self, Quota};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::door::{Inside, Managing, Owning, Present, Reading};
use super::error::{Answer, ApiError};
use super::input::{Body, Params};
use super::platform::audit::{Entries, Filter, filtered};
use super::platform::overview::{Used, used};
use super::words;

/// A feature, whether the tenant has it, and why.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Effective {
    code: String,
    name: String,
    enabled: bool,
    #[schemars(with = "words::Source")]
    source: features::Source,
}

/// What the tenant has of the whole catalogue.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Features {
    success: bool,
    features: Vec<Effective>,
}

/// How much of each the tenant may have, and has.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnUsage")]
pub(crate) struct Usage {
    success: bool,
    /// By what is counted: `connections`, `links` and `calendars`.
    #[schemars(with = "BTreeMap<String, Used>")]
    usage: BTreeMap<Quota, Used>,
}

/// A member.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Member {
    user_id: String,
    email: String,
    name: String,
    #[schemars(with = "words::Role")]
    role: Role,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
}

/// The tenant's members.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Members {
    success: bool,
    members: Vec<Member>,
}

/// Another role for a member.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// Of whom.
    email: String,
    /// The role; null ends the membership.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(with = "Option<words::Role>")]
    role: Option<Role>,
}

pub(crate) fn shown(feature: features::Effective) -> Effective {
    Effective {
        code: feature.code,
        name: feature.name,
        enabled: feature.enabled,
        source: feature.source,
    }
}

pub(crate) async fn features(present: Present) -> Answer<Json<Features>> {
    let mut tx = present.read().await?;
    let all = features::effective(&mut tx).await?;
    Ok(Json(Features {
        success: true,
        features: all.into_iter().map(shown).collect(),
    }))
}

pub(crate) async fn usage(inside: Inside<Reading>) -> Answer<Json<Usage>> {
    let mut tx = inside.0.read().await?;
    let usage = used(plans::usage(&mut tx).await?);
    Ok(Json(Usage {
        success: true,
        usage,
    }))
}

pub(crate) async fn members(inside: Inside<Reading>) -> Answer<Json<Members>> {
    listed(&inside.0).await
}

async fn listed(present: &Present) -> Answer<Json<Members>> {
    let people = present.people().await?;
    let members = people
        .into_iter()
        .map(|(member, user)| Member {
            user_id: user.id.to_string(),
            email: user.email,
            name: user.name,
            role: member.role,
            created_at: member.created_at,
        })
        .collect();
    Ok(Json(Members {
        success: true,
        members,
    }))
}

pub(crate) async fn set_role(
    inside: Inside<Owning>,
    Body(change): Body<NewRole>,
) -> Answer<Json<Members>> {
    let present = inside.0;
    let people = present.people().await?;
    let email = change.email.to_lowercase();
    let (_, user) = people
        .into_iter()
        .find(|(_, user)| user.email == email)
        .ok_or_else(|| ApiError::not_found("member"))?;
    let mut tx = present.begin().await?;
    match change.role {
        Some(role) => members::put(&mut tx, user.id, role, present.now()).await?,
        None => members::remove(&mut tx, user.id).await?,
    }
    let detail = json!({ "role": change.role });
    present
        .caller
        .audit(&mut tx, "member.update", format!("user {email}"), detail)
        .await?;
    tx.commit().await?;
    listed(&present).await
}

pub(crate) async fn audit(
    inside: Inside<Managing>,
    Params(filter): Params<Filter>,
) -> Answer<Json<Entries>> {
    let mut tx = inside.0.read().await?;
    filtered(&mut tx, filter).await.map(Json)
}
