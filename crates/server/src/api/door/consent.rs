//! Consent at a provider: who may ask for it, and who comes back from it.
//!
//! Whoever comes back proves with the state that they began here, and with their session that it was them. Everything that
//! was asked when it began is asked again: a consent page may stay open for minutes.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::{TenantId, UserId};
use kalends_providers::oauth::{Purpose, Vendor};
use kalends_store::audit::{self, Entry};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::members::{self, Role};
use kalends_store::oauth_states::{self, OauthState, StateHash};
use kalends_store::users::{self, User};
use kalends_store::{StoreError, Tx, tenants};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::net::IpAddr;
use tower_http::request_id::RequestId;

use super::caller::{self, Admin, Caller, Via};
use super::gate::{Asks, Gate, Tending};
use super::{Shared, address, tenant};
use crate::api::error::{ApiError, documented};
use crate::api::input::Body;
use crate::config::Server;
use crate::credentials::{self, Kind};

/// How long somebody may take to consent.
const CONSENT_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What is asked of a provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// `calendar`: an account of the tenant's; `email`: the platform's own mailbox, for administrators of the platform.
    purpose: Wanted,
    /// Where the person is sent afterwards: below an origin that the operator listed in `server.return_origins`.
    #[serde(default)]
    pub(crate) return_url: Option<String>,
    /// The account that is meant, by its mail address.
    #[serde(default)]
    pub(crate) login_hint: Option<String>,
}

/// What a grant is for, as clients spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// An account of the tenant's.
    Calendar,
    /// The platform's own mailbox.
    Email,
}

/// Somebody who may ask a provider for something: for a calendar a member whose tenant has the feature, for the mailbox an
/// administrator of the platform.
pub(crate) struct Initiating {
    /// What they ask for.
    pub(crate) wish: Wish,
    caller: Caller,
    /// For which tenant, and as what they act there: a token may be narrowed to less than its owner.
    standing: Option<(TenantId, Role)>,
}

impl FromRequest<Shared> for Initiating {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Shared) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let again = Request::from_parts(parts.clone(), body);
        let wish = match Body::<Wish>::from_request(again, api).await {
            Ok(Body(wish)) => wish,
            Err(error) => {
                // What is wrong with the request comes last, also where it does not say what it is for.
                Gate::<Tending>::from_request_parts(&mut parts, api).await?;
                return Err(error);
            }
        };
        let (caller, standing) = match wish.purpose {
            Wanted::Email => {
                let Admin(caller) = Admin::from_request_parts(&mut parts, api).await?;
                (caller, None)
            }
            Wanted::Calendar => {
                let gate = Gate::<Tending>::from_request_parts(&mut parts, api).await?;
                let standing = (gate.tenant(), gate.role());
                (gate.into_caller(), Some(standing))
            }
        };
        api.limits.connect(caller.user.id)?;
        Ok(Self {
            wish,
            caller,
            standing,
        })
    }
}

/// What was begun.
pub(crate) struct Begun {
    /// What comes back unchanged.
    pub(crate) state: SecretString,
    /// The code verifier (RFC 7636).
    pub(crate) verifier: SecretString,
}

impl Initiating {
    /// What all requests share.
    pub(crate) fn api(&self) -> &Shared {
        &self.caller.api
    }

    /// What the grant is to be for.
    pub(crate) fn purpose(&self) -> Purpose {
        match self.wish.purpose {
            Wanted::Calendar => Purpose::Calendar,
            Wanted::Email => Purpose::Email,
        }
    }

    /// Remembers that somebody goes to consent.
    pub(crate) async fn begin(
        &self,
        vendor: Vendor,
        return_url: Option<String>,
    ) -> Result<Begun, ApiError> {
        let api = self.api();
        let keys = api
            .accounts
            .keys
            .as_ref()
            .ok_or_else(|| ApiError::internal("the vault is closed"))?;
        let fresh = credentials::fresh(Kind::State).map_err(ApiError::internal)?;
        let verifier = credentials::fresh(Kind::Verifier).map_err(ApiError::internal)?;
        let now = api.now();
        let new = OauthState {
            hash: StateHash(fresh.hash),
            provider: vendor.word().to_owned(),
            purpose: word(self.purpose()).to_owned(),
            user: Some(self.caller.user.id),
            tenant: self.standing.map(|(tenant, _)| tenant),
            role: self.standing.map(|(_, role)| role),
            browser: matches!(self.caller.via, Via::Session(_)),
            verifier: verifier.secret.clone(),
            return_url,
            created_at: now,
            expires_at: now.checked_add(CONSENT_WITHIN).unwrap_or(Timestamp::MAX),
        };
        oauth_states::create(&api.store, &keys.vault(), new).await?;
        Ok(Begun {
            state: fresh.secret,
            verifier: verifier.secret,
        })
    }
}

impl OperationInput for Initiating {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        tenant::document_header(ctx, operation);
        Body::<Wish>::operation_input(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        let mut responses = tenant::document(ctx, operation);
        for (status, response) in Body::<Wish>::inferred_early_responses(ctx, operation) {
            if !responses.iter().any(|(known, _)| *known == status) {
                responses.push((status, response));
            }
        }
        responses.push((
            Some(503),
            documented(ctx, "The operator has not set the provider up."),
        ));
        responses
    }
}

fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Calendar => "calendar",
        Purpose::Email => "email",
    }
}

/// Whoever opens the page to which a provider sends people back: anybody.
pub(crate) struct Visitor {
    caller: Option<Caller>,
    tenant: Option<String>,
    address: Option<IpAddr>,
    request: Option<String>,
    api: Shared,
}

impl Visitor {
    /// How the service is set up.
    pub(crate) fn settings(&self) -> &Server {
        &self.api.settings
    }
}

// They are let in with whatever credentials they have, and with none.
impl OperationInput for Visitor {}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let address = address::of(parts, api);
        // Guessing states is like guessing passwords.
        api.limits.visit(address)?;
        Ok(Self {
            // Credentials that are wrong are nobody's.
            caller: caller::caller(parts, api).await.ok(),
            tenant: tenant::named(parts, api),
            address,
            request: parts
                .extensions
                .get::<RequestId>()
                .and_then(|id| id.header_value().to_str().ok())
                .map(str::to_owned),
            api: api.clone(),
        })
    }
}

/// Why somebody who comes back is not let in. Nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unwelcome {
    /// The state was never given out, was used already, or has expired.
    Stale,
    /// It was given out for another provider.
    OtherProvider,
    /// It was given out to somebody else than who is signed in here, or for another tenant than the one of this address.
    SomebodyElse,
    /// It began in a browser that was signed in, and nobody is.
    NotSignedIn,
    /// The person may no longer do this.
    NoLonger(String),
    /// The tenant lost the feature meanwhile: its code and name.
    Feature(String, String),
}

/// Somebody who came back with a state that was good. It is good no more.
pub(crate) struct Back {
    visitor: Visitor,
    vendor: Vendor,
    state: OauthState,
}

/// Somebody who came back and is let in.
pub(crate) struct Welcome {
    /// What all requests share.
    pub(crate) api: Shared,
    /// Who.
    pub(crate) user: User,
    /// The code verifier of the beginning.
    pub(crate) verifier: SecretString,
    /// For what.
    pub(crate) aim: Aim,
    address: Option<IpAddr>,
    request: Option<String>,
}

/// What a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// An account of this tenant, for a member who stands so in it.
    Account(TenantId, Role),
    /// The platform's mailbox.
    Mailbox,
}

impl Visitor {
    /// Takes the state away. Of two who bring the same, one gets it.
    pub(crate) async fn come_back(
        self,
        vendor: Vendor,
        state: &str,
    ) -> Result<Result<Back, Unwelcome>, ApiError> {
        let Some(hash) = credentials::hash(Kind::State, state) else {
            return Ok(Err(Unwelcome::Stale));
        };
        let keys = self.api.accounts.keys.clone();
        let keys = keys.ok_or_else(|| ApiError::internal("the vault is closed"))?;
        let now = self.api.now();
        let hash = StateHash(hash);
        let taken = oauth_states::take(&self.api.store, &keys.vault(), &hash, now).await?;
        Ok(match taken {
            Some(state) => Ok(Back {
                visitor: self,
                vendor,
                state,
            }),
            None => Err(Unwelcome::Stale),
        })
    }
}

impl Back {
    /// Where the person wants to be sent.
    pub(crate) fn return_url(&self) -> Option<&str> {
        self.state.return_url.as_deref()
    }

    /// Asks all again that was asked when it began.
    pub(crate) async fn welcome(self) -> Result<Result<Welcome, Unwelcome>, ApiError> {
        let api = self.visitor.api.clone();
        if self.state.provider != self.vendor.word() {
            return Ok(Err(Unwelcome::OtherProvider));
        }
        let Some(began) = self.state.user else {
            return Ok(Err(Unwelcome::Stale));
        };
        if let Err(unwelcome) = self.same_person(began) {
            return Ok(Err(unwelcome));
        }
        let user = users::get(&api.store, began).await?;
        let Some(user) = user.filter(|user| user.disabled_at.is_none()) else {
            return Ok(Err(Unwelcome::NoLonger(
                "This account at Kalends is closed.".to_owned(),
            )));
        };
        let aim = match self.state.tenant {
            None if user.platform_admin => Aim::Mailbox,
            None => {
                return Ok(Err(Unwelcome::NoLonger(
                    "Only administrators of the platform may do this.".to_owned(),
                )));
            }
            Some(tenant) => match self.stand(&api, tenant, began).await? {
                Ok(aim) => aim,
                Err(unwelcome) => return Ok(Err(unwelcome)),
            },
        };
        Ok(Ok(Welcome {
            api,
            user,
            verifier: self.state.verifier,
            aim,
            address: self.visitor.address,
            request: self.visitor.request,
        }))
    }

    fn same_person(&self, began: UserId) -> Result<(), Unwelcome> {
        match &self.visitor.caller {
            Some(caller) if caller.user.id != began => Err(Unwelcome::SomebodyElse),
            Some(caller) if caller.bound.is_some() && caller.bound != self.state.tenant => {
                Err(Unwelcome::SomebodyElse)
            }
            None if self.state.browser => Err(Unwelcome::NotSignedIn),
            Some(_) | None => Ok(()),
        }
    }

    /// The lesser of a role and that of the token that they come back with, if with one.
    fn capped(&self, role: Role) -> Role {
        let caller = self.visitor.caller.as_ref();
        caller.map_or(role, |caller| caller.capped(role))
    }

    async fn stand(
        &self,
        api: &Shared,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Result<Aim, Unwelcome>, ApiError> {
        // A state without a role is from before there were such.
        let (Some(known), Some(most)) =
            (tenants::by_id(&api.store, tenant).await?, self.state.role)
        else {
            return Ok(Err(Unwelcome::Stale));
        };
        if self
            .visitor
            .tenant
            .as_ref()
            .is_some_and(|slug| *slug != known.slug)
        {
            return Ok(Err(Unwelcome::SomebodyElse));
        }
        let mut tx = api.store.read(tenant).await?;
        let role = members::role(&mut tx, user).await?;
        // A token that is narrowed makes nobody more by a way through the provider.
        let role = role.map(|role| self.capped(role.min(most)));
        if let Some(unwelcome) = without_feature(&mut tx).await? {
            return Ok(Err(unwelcome));
        }
        Ok(match role {
            Some(role) if role >= Tending::ROLE => Ok(Aim::Account(tenant, role)),
            Some(_) | None => Err(Unwelcome::NoLonger(
                "You may no longer connect accounts for this business.".to_owned(),
            )),
        })
    }
}

/// Why a tenant may not sync; none if it may.
async fn without_feature(tx: &mut Tx) -> Result<Option<Unwelcome>, StoreError> {
    let all = features::effective(tx).await?;
    let sync = all
        .into_iter()
        .find(|feature| feature.code == CALENDAR_SYNC);
    Ok(match sync {
        Some(sync) if sync.enabled => None,
        Some(sync) => Some(Unwelcome::Feature(sync.code, sync.name)),
        None => Some(Unwelcome::Stale),
    })
}

impl Welcome {
    /// Begins the transaction that keeps what was granted: none if the tenant lost the feature while the provider was asked.
    pub(crate) async fn begin(&self) -> Result<Result<Tx, Unwelcome>, StoreError> {
        let store = &self.api.store;
        match self.aim {
            Aim::Mailbox => store.platform().await.map(Ok),
            Aim::Account(tenant, _) => {
                let mut tx = store.begin(tenant).await?;
                Ok(match without_feature(&mut tx).await? {
                    Some(unwelcome) => Err(unwelcome),
                    None => Ok(tx),
                })
            }
        }
    }

    /// Who opens connections.
    pub(crate) fn accounts(&self) -> &crate::accounts::Accounts {
        &self.api.accounts
    }

    /// Adds a line to the audit log, in the transaction of what it is about.
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
            cause: self
                .request
                .as_ref()
                .map(|request| format!("request {request}")),
        };
        audit::append(tx, entry).await
    }
}
