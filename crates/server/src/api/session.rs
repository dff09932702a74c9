//! `/api/session/`: signing in with a browser, and out again.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use kalends_store::Tx;
use kalends_store::audit::{self, Entry};
use kalends_store::members::{self, Role};
use kalends_store::sessions::{self, NewSession, SessionHash};
use kalends_store::users::{self, User};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cookie;
use super::door::{Address, Api, Caller, Cause, Shared, Signed, Via};
use super::error::{Answer, ApiError};
use super::input::{Body, check_email};
use super::output::Cookied;
use super::words;
use crate::credentials::{self, Kind};

/// How much of the browser's name is kept.
const AGENT_CHARS_MAX: usize = 200;

/// Who signs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    email: String,
    #[schemars(with = "String")]
    password: SecretString,
}

/// Who is signed in.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Me {
    success: bool,
    user_id: String,
    email: String,
    name: String,
    platform_admin: bool,
    /// The tenants in which they act.
    tenants: Vec<Membership>,
}

/// A tenant of a user.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Membership {
    slug: String,
    name: String,
    #[schemars(with = "words::Role")]
    role: Role,
}

pub(crate) async fn sign_in(
    State(api): State<Shared>,
    Address(from): Address,
    Cause(cause): Cause,
    headers: HeaderMap,
    Body(who): Body<SignIn>,
) -> Answer<Cookied<Me>> {
    check_email(&who.email)?;
    api.limits().sign_in(&who.email, from)?;
    let store = api.before_sign_in();
    let user = users::by_email(store, &who.email)
        .await?
        .filter(|user| user.disabled_at.is_none());
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let password = who.password;
    let verify = move || credentials::verify_password(&password, hash.as_ref());
    let fits = api.limits().hashing(verify).await?;
    let Some(user) = user.filter(|_| fits) else {
        api.limits().failure(from)?;
        let mut tx = api.before_sign_in().platform().await?;
        let told = Told {
            who: &who.email.to_lowercase(),
            action: "session.refused",
            from,
            cause,
        };
        told.note(&api, &mut tx).await?;
        tx.commit().await?;
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_credentials",
            "E-mail address or password are wrong.",
        ));
    };
    let cookie = begin(&api, &user, from, cause, &headers).await?;
    let body = me(&api, user, None).await?;
    Ok(Cookied { cookie, body })
}

/// Begins a session, and tells the audit log of it; its cookie.
pub(super) async fn begin(
    api: &Api,
    user: &User,
    from: Option<IpAddr>,
    cause: Option<String>,
    headers: &HeaderMap,
) -> Answer<axum::http::HeaderValue> {
    let fresh = credentials::fresh(Kind::Session).map_err(ApiError::internal)?;
    let now = api.now();
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let new = NewSession {
        hash: SessionHash(fresh.hash),
        user: user.id,
        created_at: now,
        expires_at: cookie::expires(now),
        address: from.map(|from| from.to_string()),
        agent: Some(agent.chars().take(AGENT_CHARS_MAX).collect()),
    };
    let mut tx = api.before_sign_in().platform().await?;
    sessions::create(&mut tx, new).await?;
    let told = Told {
        who: &user.email,
        action: "session.create",
        from,
        cause,
    };
    told.note(api, &mut tx).await?;
    tx.commit().await?;
    Ok(cookie::set(&fresh.secret, api.settings.is_encrypted()))
}

/// What the audit log of the platform is told of somebody who signs in, or tries to.
struct Told<'a> {
    who: &'a str,
    action: &'static str,
    from: Option<IpAddr>,
    cause: Option<String>,
}

impl Told<'_> {
    async fn note(self, api: &Api, tx: &mut Tx) -> Answer<()> {
        let entry = Entry {
            id: api.ids().next(),
            at: api.now(),
            actor: self.who.to_owned(),
            action: self.action.to_owned(),
            object: format!("user {}", self.who),
            detail: json!({}),
            address: self.from.map(|from| from.to_string()),
            cause: self.cause,
        };
        Ok(audit::append(tx, entry).await?)
    }
}

/// Who somebody is; as far as their token reaches, where it is narrowed.
async fn me(api: &Api, user: User, by: Option<&Caller>) -> Answer<Me> {
    let mut tenants = members::tenants_of(api.before_sign_in(), user.id).await?;
    if let Some(by) = by {
        tenants.retain(|of| by.reaches(of.tenant.id));
        for of in &mut tenants {
            of.role = by.capped(of.role);
        }
    }
    let is_narrow = by.is_some_and(Caller::is_narrow);
    Ok(Me {
        success: true,
        user_id: user.id.to_string(),
        email: user.email,
        name: user.name,
        platform_admin: user.platform_admin && !is_narrow,
        tenants: tenants
            .into_iter()
            .map(|membership| Membership {
                slug: membership.tenant.slug,
                name: membership.tenant.name,
                role: membership.role,
            })
            .collect(),
    })
}

pub(crate) async fn show(signed: Signed) -> Answer<Json<Me>> {
    let api = signed.api().clone();
    let user = signed.0.user.clone();
    me(&api, user, Some(&signed.0)).await.map(Json)
}

pub(crate) async fn sign_out(signed: Signed) -> Answer<Cookied<serde_json::Value>> {
    if let Via::Session(hash) = &signed.0.via {
        let mut tx = signed.platform().await?;
        sessions::end(&mut tx, hash).await?;
        let object = format!("user {}", signed.0.user.email);
        signed
            .0
            .audit(&mut tx, "session.end", object, json!({}))
            .await?;
        tx.commit().await?;
    }
    Ok(Cookied {
        cookie: cookie::clear(signed.api().settings.is_encrypted()),
        body: json!({ "success": true }),
    })
}
