//! `/api/tokens/`: the caller's own API tokens.

use axum::Json;
use jiff::Timestamp;
use kalends_calendar::ids::TokenId;
use kalends_store::members::{self, Role};
use kalends_store::tokens::{self, NewToken, Token, TokenHash};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::door::{Signed, Via, Whole};
use super::error::{Answer, ApiError, done};
use super::input::{Body, Id, name};
use super::output::{Once, Reply};
use super::words;
use crate::credentials::{self, Kind};

/// A token to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewToken")]
pub(crate) struct New {
    /// What it is for.
    name: String,
    /// The slug of the only tenant that it is good for; each of the caller's if missing.
    #[serde(default)]
    tenant: Option<String>,
    /// At most as what it acts; as the caller if missing.
    #[serde(default)]
    #[schemars(with = "Option<words::Role>")]
    role: Option<Role>,
    /// From when on it is good no more; for ever if missing.
    #[serde(default)]
    #[schemars(with = "Option<words::Instant>")]
    expires_at: Option<Timestamp>,
}

/// A token that was made. It is shown this once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenMade")]
pub(crate) struct Made {
    success: bool,
    /// For the header `Authorization: Bearer …`.
    token: String,
    #[serde(flatten)]
    shown: Shown,
}

/// A token, but for what it reads.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(crate) struct Shown {
    id: String,
    name: String,
    /// How it begins.
    prefix: String,
    /// The id of the only tenant that it is good for.
    tenant_id: Option<String>,
    #[schemars(with = "Option<words::Role>")]
    role: Option<Role>,
    #[schemars(with = "words::Instant")]
    created_at: Timestamp,
    #[schemars(with = "Option<words::Instant>")]
    expires_at: Option<Timestamp>,
    #[schemars(with = "Option<words::Instant>")]
    last_used_at: Option<Timestamp>,
    #[schemars(with = "Option<words::Instant>")]
    revoked_at: Option<Timestamp>,
}

/// The caller's tokens, the latest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tokens {
    success: bool,
    tokens: Vec<Shown>,
}

pub(crate) async fn list(Whole(signed): Whole) -> Answer<Json<Tokens>> {
    let found = tokens::list(signed.own(), signed.0.user.id).await?;
    Ok(Json(Tokens {
        success: true,
        tokens: found.into_iter().map(shown).collect(),
    }))
}

pub(crate) async fn make(Whole(signed): Whole, Body(new): Body<New>) -> Answer<Once<Made, 201>> {
    let name = name("name", &new.name)?;
    let now = signed.api().now();
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::field("expires_at", "it lies in the past"));
    }
    let user = signed.0.user.id;
    let tenant = match &new.tenant {
        None => None,
        Some(slug) => {
            let of = members::tenants_of(signed.own(), user).await?;
            let found = of.into_iter().find(|of| of.tenant.slug == *slug);
            let found =
                found.ok_or_else(|| ApiError::field("tenant", "you are no member there"))?;
            Some(found.tenant.id)
        }
    };
    let fresh = credentials::fresh(Kind::Token).map_err(ApiError::internal)?;
    let token = NewToken {
        id: TokenId(signed.api().ids().next()),
        hash: TokenHash(fresh.hash),
        prefix: fresh.shown,
        name: name.clone(),
        user,
        tenant,
        role: new.role,
        created_at: now,
        expires_at: new.expires_at,
        embedded: false,
        made_with: None,
    };
    let id = token.id;
    let mut tx = signed.platform().await?;
    tokens::create(&mut tx, token).await?;
    let detail = json!({ "name": name, "role": new.role, "tenant": new.tenant });
    signed
        .0
        .audit(&mut tx, "token.create", format!("token {id}"), detail)
        .await?;
    tx.commit().await?;
    let token = tokens::get(signed.own(), id)
        .await?
        .ok_or_else(|| ApiError::not_found("token"))?;
    Ok(Once(Reply::new(Made {
        success: true,
        token: fresh.secret.expose_secret().to_owned(),
        shown: shown(token),
    })))
}

pub(crate) async fn revoke(signed: Signed, Id(id): Id<TokenId>) -> Answer<Json<serde_json::Value>> {
    let with = match &signed.0.via {
        Via::Token(id) => Some(*id),
        Via::Session(_) => None,
    };
    // What a token made it may end; a narrow one may end itself, and no other.
    let may = |token: &Token| {
        let is_its_work = with.is_some() && token.made_with == with;
        let is_own = token.user == signed.0.user.id;
        is_its_work || is_own && (!signed.0.is_narrow() || with == Some(token.id))
    };
    let token = tokens::get(signed.own(), id)
        .await?
        .filter(may)
        .ok_or_else(|| ApiError::not_found("token"))?;
    let mut tx = signed.platform().await?;
    tokens::revoke(&mut tx, token.id, signed.api().now()).await?;
    signed
        .0
        .audit(&mut tx, "token.revoke", format!("token {id}"), json!({}))
        .await?;
    tx.commit().await?;
    Ok(done())
}

fn shown(token: Token) -> Shown {
    Shown {
        id: token.id.to_string(),
        name: token.name,
        prefix: token.prefix,
        tenant_id: token.tenant.map(|tenant| tenant.to_string()),
        role: token.role,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}
