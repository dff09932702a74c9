//! Who asks.

use std::net::IpAddr;
use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jiff::Timestamp;
use kalends_calendar::ids::{TenantId, TokenId};
use kalends_calendar::seams::Ids;
use kalends_store::audit::{self, Entry};
use kalends_store::members::Role;
use kalends_store::sessions::{self, SessionHash, Sight};
use kalends_store::tokens::{self, Token, TokenHash};
use kalends_store::users::{self, User};
use kalends_store::{Store, StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Api, Shared, address};
use crate::accounts::Accounts;
use crate::api::cookie;
use crate::api::error::{ApiError, documented};
use crate::config::Server;
use crate::credentials::{self, Kind};
use crate::mailing::Mailer;

/// Somebody who proved who they are.
#[derive(Clone)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) user: User,
    /// How they proved it.
    pub(crate) via: Via,
    /// From where.
    pub(crate) address: Option<IpAddr>,
    /// The only tenant that their token is good for.
    pub(super) bound: Option<TenantId>,
    /// At most as what their token acts.
    pub(super) role_max: Option<Role>,
    /// The request, as a cause.
    request: Option<String>,
    pub(super) api: Shared,
}

/// How somebody proved who they are.
#[derive(Clone, Debug)]
pub(crate) enum Via {
    /// With an API token.
    Token(TokenId),
    /// With a browser's session.
    Session(SessionHash),
}

/// Extracts a [`Caller`]: 401 for nobody.
pub(crate) struct Signed(pub(crate) Caller);

/// Extracts a [`Caller`] whose token is not narrowed to a tenant or a role: one that is makes and sees no others, for it could
/// widen itself. 401 for nobody, 403 for one that is narrowed.
pub(crate) struct Whole(pub(crate) Signed);

/// Extracts a [`Caller`] who administers the platform: 401 for nobody, 403 for others.
pub(crate) struct Admin(pub(crate) Caller);

impl Caller {
    /// Adds a line to the audit log of what the transaction is about.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        action: &str,
        object: String,
        detail: Value,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            id: self.api.ids().next(),
            at: self.api.now(),
            actor: self.user.email.clone(),
            action: action.to_owned(),
            object,
            detail,
            address: self.address.map(|address| address.to_string()),
            cause: self.cause(),
        };
        audit::append(tx, entry).await
    }
}

impl Caller {
    /// What sends mails.
    pub(crate) fn mailer(&self) -> &Mailer {
        &self.api.mailer
    }

    /// Who opens connections.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.api.accounts
    }

    /// Where identifiers come from.
    pub(crate) fn ids(&self) -> &dyn Ids {
        self.api.ids().as_ref()
    }

    /// The request, and with which token it came, if with one: who holds several tells them apart.
    fn cause(&self) -> Option<String> {
        let request = self.request.as_ref()?;
        Some(match &self.via {
            Via::Token(token) => format!("{request} with token {token}"),
            Via::Session(_) => request.clone(),
        })
    }
}

impl Admin {
    /// The store, for whoever administers the platform.
    pub(crate) fn store(&self) -> &Store {
        &self.0.api.store
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.api.now()
    }

    /// A new identifier.
    pub(crate) fn next_id(&self) -> Uuid {
        self.0.api.ids().next()
    }

    /// How the service is set up.
    pub(crate) fn settings(&self) -> &Server {
        &self.0.api.settings
    }

    /// Begins a transaction about what is of no tenant.
    pub(crate) async fn platform(&self) -> Result<Tx, StoreError> {
        self.store().platform().await
    }

    /// Begins a transaction about one tenant.
    pub(crate) async fn administer(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        self.store().administer(tenant).await
    }
}

impl Signed {
    /// The store of accounts, for what is the caller's own: their sessions and tokens.
    pub(crate) fn own(&self) -> &Store {
        &self.0.api.store
    }

    /// Begins a transaction about what is of no tenant, for the caller's own: their sessions and tokens.
    pub(crate) async fn platform(&self) -> Result<Tx, StoreError> {
        self.own().platform().await
    }

    /// What all requests share.
    pub(crate) fn api(&self) -> &Shared {
        &self.0.api
    }
}

impl Caller {
    /// Whether their token is narrowed to a tenant or a role.
    pub(crate) fn is_narrow(&self) -> bool {
        self.bound.is_some() || self.role_max.is_some()
    }

    /// Whether they administer the platform. A token that is narrowed to a tenant or a role does not.
    pub(super) fn administers(&self) -> bool {
        self.user.platform_admin && !self.is_narrow()
    }

    /// Whether their token is good for a tenant.
    pub(crate) fn reaches(&self, tenant: TenantId) -> bool {
        self.bound.is_none_or(|bound| bound == tenant)
    }

    /// The lesser of a role and that of their token.
    pub(crate) fn capped(&self, role: Role) -> Role {
        self.role_max.map_or(role, |most| most.min(role))
    }

    /// Whether what they proved themselves with is still good.
    pub(super) async fn is_still_good(&self) -> Result<bool, StoreError> {
        let now = self.api.now();
        let user = users::get(&self.api.store, self.user.id).await?;
        if user.is_none_or(|user| user.disabled_at.is_some()) {
            return Ok(false);
        }
        Ok(match &self.via {
            Via::Token(id) => tokens::get(&self.api.store, *id)
                .await?
                .is_some_and(|token| {
                    token.revoked_at.is_none() && token.expires_at.is_none_or(|at| at > now)
                }),
            Via::Session(hash) => sessions::find(&self.api.store, hash, now).await?.is_some(),
        })
    }
}

impl FromRequestParts<Shared> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        caller(parts, api).await.map(Self)
    }
}

impl FromRequestParts<Shared> for Whole {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let caller = caller(parts, api).await?;
        if caller.is_narrow() {
            return Err(ApiError::role_required(
                "This token is bound to a tenant or a role; sign in, or use one that is not.",
            ));
        }
        Ok(Self(Signed(caller)))
    }
}

impl OperationInput for Whole {
    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        let mut responses = document(ctx, operation);
        responses.push((Some(403), documented(ctx, "A token that is narrowed.")));
        responses
    }
}

impl FromRequestParts<Shared> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let caller = caller(parts, api).await?;
        if caller.administers() {
            Ok(Self(caller))
        } else {
            Err(ApiError::role_required(
                "Only administrators of the platform may do this.",
            ))
        }
    }
}

pub(super) async fn caller(parts: &Parts, api: &Shared) -> Result<Caller, ApiError> {
    // What stands before the handlers has found out already.
    if let Some(known) = parts.extensions.get::<Caller>() {
        return Ok(known.clone());
    }
    let address = address::of(parts, api);
    let request = address::cause(parts);
    let from = (address, request.as_deref());
    let known = match bearer(parts)? {
        Some(token) => with_token(api, token, from).await?,
        None => match cookie::session(&parts.headers, api.settings.is_encrypted()) {
            Some(session) => with_session(api, session).await?,
            None => return Err(ApiError::not_authenticated()),
        },
    };
    let Some((user, via, bound, role_max)) = known else {
        api.limits.failure(address)?;
        return Err(ApiError::bad_credentials());
    };
    api.limits.request(user.id)?;
    Ok(Caller {
        user,
        via,
        address,
        bound,
        role_max,
        request,
        api: Arc::clone(api),
    })
}

type Known = (User, Via, Option<TenantId>, Option<Role>);

/// From where a request comes, and which one it is.
type Whence<'a> = (Option<IpAddr>, Option<&'a str>);

async fn with_token(api: &Api, text: &str, from: Whence<'_>) -> Result<Option<Known>, ApiError> {
    let Some(hash) = credentials::hash(Kind::Token, text) else {
        return Ok(None);
    };
    let now = api.now();
    let Some((token, user)) = tokens::find(&api.store, &TokenHash(hash), now).await? else {
        return Ok(None);
    };
    if token.last_used_at.is_none() {
        first_used(api, &token, &user, from).await?;
    }
    tokens::touch(&api.store, &token, now).await?;
    Ok(Some((user, Via::Token(token.id), token.tenant, token.role)))
}

/// Tells the audit log that a token is used for the first time. Each use would bury everything else there.
async fn first_used(
    api: &Api,
    token: &Token,
    user: &User,
    (address, request): Whence<'_>,
) -> Result<(), StoreError> {
    let entry = Entry {
        id: api.ids().next(),
        at: api.now(),
        actor: user.email.clone(),
        action: "token.first_use".to_owned(),
        object: format!("token {}", token.id),
        detail: json!({ "name": token.name }),
        address: address.map(|address| address.to_string()),
        cause: request.map(str::to_owned),
    };
    let mut tx = api.store.platform().await?;
    audit::append(&mut tx, entry).await?;
    tx.commit().await
}

async fn with_session(api: &Api, text: &str) -> Result<Option<Known>, ApiError> {
    let Some(hash) = credentials::hash(Kind::Session, text) else {
        return Ok(None);
    };
    let now = api.now();
    let hash = SessionHash(hash);
    let Some((session, user)) = sessions::find(&api.store, &hash, now).await? else {
        return Ok(None);
    };
    let sight = Sight {
        at: now,
        expires_at: cookie::expires(now),
    };
    sessions::touch(&api.store, &session, sight).await?;
    Ok(Some((user, Via::Session(hash), None, None)))
}

/// The token of the header `Authorization` (RFC 6750 §2.1).
fn bearer(parts: &Parts) -> Result<Option<&str>, ApiError> {
    let Some(value) = parts.headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let told = value.to_str().ok().and_then(|text| text.split_once(' '));
    match told {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(ApiError::bad_credentials()),
    }
}

/// Documents what somebody has to show.
pub(super) fn document(
    ctx: &mut GenContext,
    operation: &mut Operation,
) -> Vec<(Option<u16>, Response)> {
    let schemes =
        ["token", AS_COOKIE].map(|scheme| [(scheme.to_owned(), Vec::new())].into_iter().collect());
    operation.security = schemes.into();
    vec![
        (
            Some(401),
            documented(ctx, "Nobody, or with credentials that are wrong."),
        ),
        (Some(429), documented(ctx, "Too many requests.")),
    ]
}

/// The name of the security scheme of browsers.
pub(crate) const AS_COOKIE: &str = "session";

impl OperationInput for Signed {
    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        document(ctx, operation)
    }
}

impl OperationInput for Admin {
    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        let mut responses = document(ctx, operation);
        responses.push((
            Some(403),
            documented(ctx, "Not an administrator of the platform."),
        ));
        responses
    }
}
