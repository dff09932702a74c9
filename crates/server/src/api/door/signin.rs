//! Signing in at the operator's OpenID provider: what is remembered of whoever goes there, and who may come back.
//!
//! Whoever comes back proves with the state that somebody began here, and with a cookie of that browser that it was them.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aide::OperationInput;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kalends_providers::oauth::Returned;
use kalends_providers::oauth::oidc::{self, Discovered, SignInError, SignedIn};
use kalends_store::oauth_states::{self, OauthState, StateHash};
use secrecy::SecretString;
use tower_http::request_id::RequestId;
use url::Url;

use super::consent::Begun;
use super::{Shared, address};
use crate::api::cookie;
use crate::api::error::ApiError;
use crate::config::SignIn as Settings;
use crate::credentials::{self, Kind};

/// How long somebody may take to sign in. The cookie of their browser lasts as long.
pub(crate) const SIGN_IN_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// So long is believed what a provider said of itself.
const DISCOVERED_GOOD_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What states of signing in are called in the store: no consent is taken for one, nor one for a consent.
const PROVIDER: &str = "oidc";
const PURPOSE: &str = "signin";

/// The operator's OpenID provider, and what it said of itself last.
pub(crate) struct SignIn {
    settings: Option<Settings>,
    known: Mutex<Option<(Timestamp, Discovered)>>,
}

impl SignIn {
    /// One that was asked nothing yet.
    pub(crate) fn new(settings: Option<Settings>) -> Self {
        Self {
            settings,
            known: Mutex::default(),
        }
    }

    /// What it is; none where the operator set none up.
    pub(crate) fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    fn known(&self, now: Timestamp) -> Option<Discovered> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, discovered) = known.as_ref()?;
        (now.duration_since(*at) < DISCOVERED_GOOD_FOR).then(|| discovered.clone())
    }

    fn keep(&self, new: Option<(Timestamp, Discovered)>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

/// Anybody who is about to sign in at the provider, where there is one: else 404.
pub(crate) struct Newcomer {
    /// What all requests share.
    pub(crate) api: Shared,
    /// The provider.
    pub(crate) provider: Settings,
    /// From where.
    pub(crate) address: Option<IpAddr>,
    /// What their browser says.
    pub(crate) headers: HeaderMap,
    request: Option<String>,
}

// Nobody yet.
impl OperationInput for Newcomer {}

impl FromRequestParts<Shared> for Newcomer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let Some(provider) = api.sign_in.settings().cloned() else {
            return Err(ApiError::new(
                StatusCode::NOT_FOUND,
                "not_configured",
                "No OpenID provider is set up here: the operator has to set signin.issuer and signin.client_id.",
            ));
        };
        let address = address::of(parts, api);
        // Each beginning is remembered, and guessing states is like guessing passwords.
        api.limits.visit(address)?;
        Ok(Self {
            api: api.clone(),
            provider,
            address,
            headers: parts.headers.clone(),
            request: parts
                .extensions
                .get::<RequestId>()
                .and_then(|id| id.header_value().to_str().ok())
                .map(str::to_owned),
        })
    }
}

impl Newcomer {
    /// What the provider says of itself: now, or not long ago.
    pub(crate) async fn discovered(&self) -> Result<Discovered, SignInError> {
        let now = self.api.now();
        if let Some(known) = self.api.sign_in.known(now) {
            return Ok(known);
        }
        let wire = self.api.accounts.wire();
        let found = oidc::discover(wire.as_ref(), &self.provider.party.issuer).await?;
        self.api.sign_in.keep(Some((now, found.clone())));
        Ok(found)
    }

    /// Remembers that somebody goes to sign in.
    pub(crate) async fn begin(&self, return_url: Option<String>) -> Result<Begun, ApiError> {
        let api = &self.api;
        let keys = api.accounts.keys.as_ref();
        let keys = keys.ok_or_else(|| ApiError::internal("the vault is closed"))?;
        let fresh = credentials::fresh(Kind::State).map_err(ApiError::internal)?;
        let verifier = credentials::fresh(Kind::Verifier).map_err(ApiError::internal)?;
        let now = api.now();
        let new = OauthState {
            hash: StateHash(fresh.hash),
            provider: PROVIDER.to_owned(),
            purpose: PURPOSE.to_owned(),
            user: None,
            tenant: None,
            role: None,
            browser: true,
            verifier: verifier.secret.clone(),
            return_url,
            created_at: now,
            expires_at: now.checked_add(SIGN_IN_WITHIN).unwrap_or(Timestamp::MAX),
        };
        oauth_states::create(&api.store, &keys.vault(), new).await?;
        Ok(Begun {
            state: fresh.secret,
            verifier: verifier.secret,
        })
    }

    /// Whether it is this browser that began with this state.
    pub(crate) fn began_here(&self, state: &str) -> bool {
        let bound = cookie::sign_in(&self.headers, self.api.settings.is_encrypted());
        let known = bound.and_then(|bound| credentials::hash(Kind::State, bound));
        known.is_some() && known == credentials::hash(Kind::State, state)
    }

    /// Takes the state away; none if it was never given out for this, was used already, or has expired.
    pub(crate) async fn come_back(&self, state: &str) -> Result<Option<OauthState>, ApiError> {
        let Some(hash) = credentials::hash(Kind::State, state) else {
            return Ok(None);
        };
        let keys = self.api.accounts.keys.as_ref();
        let keys = keys.ok_or_else(|| ApiError::internal("the vault is closed"))?;
        let (hash, now) = (StateHash(hash), self.api.now());
        let taken = oauth_states::take(&self.api.store, &keys.vault(), &hash, now).await?;
        Ok(taken.filter(|state| {
            state.provider == PROVIDER && state.purpose == PURPOSE && state.user.is_none()
        }))
    }

    /// Asks the provider who it was.
    pub(crate) async fn identify(
        &self,
        code: &SecretString,
        state: &OauthState,
        redirect: &Url,
    ) -> Result<SignedIn, SignInError> {
        let discovered = self.discovered().await?;
        let wire = self.api.accounts.wire();
        let returned = Returned {
            code,
            verifier: &state.verifier,
            redirect,
        };
        let party = &self.provider.party;
        let now = self.api.now();
        let told = oidc::signed_in(wire.as_ref(), party, &discovered, returned, now).await;
        if matches!(told, Err(SignInError::Operator(_))) {
            // It may have moved since it was asked what it is.
            self.api.sign_in.keep(None);
        }
        told
    }

    /// Where a sign-in came from, for the audit log: the request, and as whom the provider knows the person.
    pub(crate) fn cause(&self, subject: &str) -> Option<String> {
        let request = self.request.as_ref()?;
        let issuer = &self.provider.party.issuer;
        Some(format!("request {request}, as {subject} at {issuer}"))
    }
}
