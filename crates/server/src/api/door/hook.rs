//! Calls of providers: which channel one is about, and whether it comes from whom the channel was opened at.
//!
//! Nobody is signed in here. Whoever knows the address of a channel and what was given to the provider with it may say that
//! its link is due, and nothing else. Until both were shown, nobody learns whether there is such a channel.

use std::convert::Infallible;
use std::net::IpAddr;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use kalends_engine::signal::{self, Heard};
use kalends_store::channels::{self, Called, KeyHash};
use kalends_store::connections::ProviderKind;
use kalends_store::features::{self, CALENDAR_SYNC};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Shared, address};
use crate::api::error::{ApiError, documented};
use crate::credentials::{self, Kind};

/// After so many seconds a provider may call again on a channel on which it called too often.
const CALL_AGAIN_SECONDS: u64 = 30;

/// Extracts that somebody calls at an address that may be of a channel.
pub(crate) struct Ringing {
    api: Shared,
    key: Option<KeyHash>,
    from: Option<IpAddr>,
}

/// The address of a channel, for the document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "its form is what the document shows")]
struct ByKey {
    /// What was given to the provider with the channel.
    key: String,
}

impl OperationInput for Ringing {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        <Path<ByKey> as OperationInput>::operation_input(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        vec![
            (Some(400), documented(ctx, "Not a call of this provider.")),
            (
                Some(403),
                documented(ctx, "The tenant does not have calendar sync."),
            ),
            (Some(404), documented(ctx, "No channel of this provider.")),
            (
                Some(429),
                documented(ctx, "Too many calls that were in vain."),
            ),
            (Some(503), documented(ctx, "Call again later.")),
        ]
    }
}

impl FromRequestParts<Shared> for Ringing {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, api).await;
        let key = path
            .ok()
            .and_then(|Path(key)| credentials::hash(Kind::Hook, &key))
            .map(KeyHash);
        Ok(Self {
            from: address::of(parts, api),
            api: api.clone(),
            key,
        })
    }
}

impl Ringing {
    /// The channel of this provider at that address; none if there is none, which is counted: keys are not to be guessed.
    pub(crate) async fn channel(&self, provider: ProviderKind) -> Result<Option<Line>, ApiError> {
        if let Some(key) = &self.key
            && let Some(called) = channels::by_key(&self.api.store, key).await?
            && called.channel.provider == provider
        {
            return Ok(Some(Line {
                api: self.api.clone(),
                called,
            }));
        }
        self.in_vain()?;
        Ok(None)
    }

    /// Counts a call that is nobody's.
    pub(crate) fn in_vain(&self) -> Result<(), ApiError> {
        self.api.limits.failure(self.from)
    }
}

/// A channel on which somebody calls.
pub(crate) struct Line {
    api: Shared,
    called: Called,
}

impl Line {
    /// Whether a name is that of the channel, as we named it.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.called.channel.id.to_string() == name
    }

    /// Whether the provider may call it so: nobody knows better.
    pub(crate) fn may_be(&self, provider_id: &str) -> bool {
        let known = self.called.channel.provider_id.as_deref();
        known.is_none_or(|known| known == provider_id)
    }

    /// Whether the caller shows what the provider was given, compared in constant time.
    pub(crate) fn is_shown(&self, token: Option<&SecretString>) -> bool {
        token.is_some_and(|token| {
            let shown: [u8; 32] = Sha256::digest(token.expose_secret()).into();
            shown.ct_eq(&self.called.token.0).into()
        })
    }

    /// Makes sure that the tenant may sync. Of one that may not nothing is taken in, and nothing is lost: with the feature back
    /// its links are due.
    async fn may_sync(&self) -> Result<(), ApiError> {
        if self.called.may_sync {
            return Ok(());
        }
        let all = features::catalogue(&self.api.store).await?;
        let feature = all
            .into_iter()
            .find(|feature| feature.code == CALENDAR_SYNC);
        let feature =
            feature.ok_or_else(|| ApiError::internal("the catalogue has no calendar sync"))?;
        Err(ApiError::feature_not_available(&feature))
    }

    /// Takes in what was heard: the link is due, and that is all.
    pub(crate) async fn hear(self, heard: Heard) -> Result<(), ApiError> {
        self.may_sync().await?;
        let Called {
            tenant, channel, ..
        } = &self.called;
        // Both providers call again after a 503, so that nothing is lost.
        self.api.limits.call(channel.id).map_err(|_| {
            ApiError::too_many(CALL_AGAIN_SECONDS).with_status(StatusCode::SERVICE_UNAVAILABLE)
        })?;
        signal::hear(&self.api.engine, *tenant, channel, heard).await?;
        Ok(())
    }
}
