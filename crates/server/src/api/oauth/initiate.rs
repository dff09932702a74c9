//! `POST /api/oauth/{google,microsoft}/initiate/`: where a person consents.

use axum::http::StatusCode;
use kalends_providers::oauth::{self, Asked, Vendor};
use schemars::JsonSchema;
use serde::Serialize;

use super::{redirect_uri, sent_back};
use crate::api::door::{Begun, Initiating};
use crate::api::error::{Answer, ApiError};
use crate::api::input::check_email;
use crate::api::output::{Once, Reply};

/// Where to send the person.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Initiated {
    success: bool,
    /// The provider's consent page, with all that it has to know. Good for ten minutes, once.
    authorization_url: String,
}

pub(crate) async fn google(initiating: Initiating) -> Answer<Once<Initiated, 200>> {
    initiate(initiating, Vendor::Google).await
}

pub(crate) async fn microsoft(initiating: Initiating) -> Answer<Once<Initiated, 200>> {
    initiate(initiating, Vendor::Microsoft).await
}

async fn initiate(initiating: Initiating, vendor: Vendor) -> Answer<Once<Initiated, 200>> {
    let api = initiating.api().clone();
    let return_url = sent_back(&api.settings, initiating.wish.return_url.as_deref())?;
    let hint = initiating.wish.login_hint.as_deref();
    if let Some(hint) = hint {
        check_email(hint).map_err(|_| ApiError::field("login_hint", "expected a mail address"))?;
    }
    let Some(settings) = api.vendors().get(vendor) else {
        return Err(not_configured(vendor));
    };
    let redirect = redirect_uri(&api.settings, vendor)?;
    let Begun { state, verifier } = initiating.begin(vendor, return_url).await?;
    let asked = Asked {
        redirect: &redirect,
        purpose: initiating.purpose(),
        state: &state,
        verifier: &verifier,
        login_hint: hint,
    };
    // The address holds the state, which is good for one consent: it is told once, to whoever asked.
    Ok(Once(Reply::new(Initiated {
        success: true,
        authorization_url: oauth::authorization_url(&settings.client, asked).to_string(),
    })))
}

fn not_configured(vendor: Vendor) -> ApiError {
    let setting = format!("{}.client_id", vendor.word());
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "provider_not_configured",
        format!(
            "{} is not set up here: the operator has to set {setting} and its secret.",
            vendor.name()
        ),
    )
    .with("setting", setting)
}
