//! `/api/session/methods/` and `/api/session/oidc/`: the ways to sign in, and the one that leads over the operator's OpenID
//! provider. Nobody is made a user by it: it signs in who is one already, by the address that the provider has verified.

use axum::Json;
use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kalends_providers::oauth::oidc::{self, Going, SignInError, SignedIn};
use kalends_store::StoreError;
use kalends_store::oauth_states::OauthState;
use kalends_store::users::{self, User};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::docs::escaped;
use super::door::{Newcomer, SIGN_IN_WITHIN, Shared};
use super::error::{Answer, ApiError};
use super::input::Params;
use super::oauth::sent_back;
use super::page::{Shown, page, too_many};
use super::tongue::Tongue;
use super::{cookie, session};
use crate::config::Server;

/// Where a browser begins.
const BEGIN: &str = "/api/session/oidc/";

/// The ways to sign in.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Methods {
    success: bool,
    /// Whether a password can be sent to `POST /api/session/`.
    password: bool,
    /// The operator's OpenID provider, where there is one.
    oidc: Option<Provider>,
}

/// An OpenID provider.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Provider {
    /// How people know it.
    name: String,
    /// Where a browser is sent to sign in there.
    url: &'static str,
}

pub(crate) async fn methods(State(api): State<Shared>) -> Json<Methods> {
    Json(Methods {
        success: true,
        password: true,
        oidc: api.sign_in().settings().map(|settings| Provider {
            name: settings.name.clone(),
            url: BEGIN,
        }),
    })
}

/// What somebody wants who begins.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SignInWish")]
pub(crate) struct Wish {
    /// Where they are sent afterwards: below an origin that the operator listed in `server.return_origins`, or Kalends' own.
    return_url: Option<String>,
}

pub(crate) async fn begin(newcomer: Newcomer, Params(wish): Params<Wish>) -> Answer<Shown> {
    let settings = &newcomer.api.settings;
    let return_url = sent_back(settings, wish.return_url.as_deref())?;
    let discovered = match newcomer.discovered().await {
        Ok(discovered) => discovered,
        Err(error) => return Ok(Shown(refused(&newcomer, &Refusal::Provider(error)))),
    };
    let redirect = redirect_uri(settings)?;
    let begun = newcomer.begin(return_url).await?;
    let going = Going {
        redirect: &redirect,
        state: &begun.state,
        verifier: &begun.verifier,
    };
    let url = oidc::sign_in_url(&newcomer.provider.party, &discovered, going);
    let mut response = onward(&url)?;
    let bound = cookie::bind(&begun.state, SIGN_IN_WITHIN, settings.is_encrypted());
    response.headers_mut().insert(SET_COOKIE, bound);
    Ok(Shown(response))
}

/// Where the provider sends people back to. It is registered there.
fn redirect_uri(settings: &Server) -> Result<Url, ApiError> {
    let text = format!("{}{BEGIN}callback/", settings.address());
    text.parse().map_err(ApiError::internal)
}

fn onward(url: &Url) -> Answer<Response> {
    let location = HeaderValue::from_str(url.as_str()).map_err(ApiError::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// What the provider sends back (RFC 6749 §4.1.2).
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SignInAnswer")]
pub(crate) struct Brought {
    /// The one that the browser was sent away with.
    #[serde(default)]
    state: String,
    /// What is changed for an id token.
    #[schemars(with = "Option<String>")]
    code: Option<SecretString>,
    /// Why there is no code.
    error: Option<String>,
}

/// Why nobody is signed in.
enum Refusal {
    /// It began in another browser, or so long ago that this one has forgotten.
    OtherBrowser,
    /// The state was used already, has expired, or was never ours.
    Stale,
    /// They did not sign in there.
    Declined,
    /// The provider did not tell who it was.
    Provider(SignInError),
    /// The address is not verified.
    Unverified(String),
    /// There is no such user.
    Unknown(String),
    /// The user is kept out.
    Closed,
    /// It is our fault; the log knows more.
    Ours(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Ours(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.into())
    }
}

pub(crate) async fn callback(newcomer: Newcomer, Params(brought): Params<Brought>) -> Shown {
    // One that is not this browser's stays good for the one whose it is.
    if !newcomer.began_here(&brought.state) {
        return Shown(refused(&newcomer, &Refusal::OtherBrowser));
    }
    let settings = &newcomer.api.settings;
    let mut response = match land(&newcomer, brought).await {
        Ok(response) => response,
        Err(refusal) => refused(&newcomer, &refusal),
    };
    let forgotten = cookie::unbind(settings.is_encrypted());
    response.headers_mut().append(SET_COOKIE, forgotten);
    Shown(response)
}

async fn land(newcomer: &Newcomer, brought: Brought) -> Result<Response, Refusal> {
    let state = newcomer.come_back(&brought.state).await?;
    let state: OauthState = state.ok_or(Refusal::Stale)?;
    let code = brought.code.filter(|_| brought.error.is_none());
    // What the provider says is not shown: anybody can write such an address.
    let code = code.ok_or(Refusal::Declined)?;
    let redirect = redirect_uri(&newcomer.api.settings)?;
    let told = newcomer
        .identify(&code, &state, &redirect)
        .await
        .map_err(Refusal::Provider)?;
    let user = known(newcomer, &told).await?;
    let cause = newcomer.cause(&told.subject);
    let api = &newcomer.api;
    let cookie = session::begin(api, &user, newcomer.address, cause, &newcomer.headers).await?;
    let return_url = state.return_url.and_then(|url| url.parse::<Url>().ok());
    let mut response = match return_url {
        Some(url) => onward(&url)?,
        None => page(
            &newcomer.api.settings,
            StatusCode::OK,
            &format!(
                "<h1>Signed in</h1><p>You are signed in as {}.</p>",
                escaped(&user.email)
            ),
        ),
    };
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// The user of a verified address.
async fn known(newcomer: &Newcomer, told: &SignedIn) -> Result<User, Refusal> {
    if !told.email_verified {
        return Err(Refusal::Unverified(told.email.clone()));
    }
    let store = newcomer.api.before_sign_in();
    match users::by_email(store, &told.email).await? {
        Some(user) if user.disabled_at.is_some() => Err(Refusal::Closed),
        Some(user) => Ok(user),
        None => Err(Refusal::Unknown(told.email.clone())),
    }
}

/// Tells why nobody is signed in, on a page.
fn refused(newcomer: &Newcomer, refusal: &Refusal) -> Response {
    let name = &newcomer.provider.name;
    let (status, why) = match refusal {
        Refusal::OtherBrowser => (
            StatusCode::BAD_REQUEST,
            "This sign-in did not begin in this browser, or too long ago. Begin again.".to_owned(),
        ),
        Refusal::Stale => (
            StatusCode::BAD_REQUEST,
            "This sign-in was used already, or has expired. Begin again.".to_owned(),
        ),
        Refusal::Declined => (
            StatusCode::BAD_REQUEST,
            format!("{name} did not sign you in."),
        ),
        Refusal::Provider(error) => provider(name, error),
        Refusal::Unverified(email) => (
            StatusCode::FORBIDDEN,
            format!("{name} has not made sure that the address {email} is yours."),
        ),
        Refusal::Unknown(email) => (
            StatusCode::FORBIDDEN,
            format!(
                "Nobody is known here by the address {email}. Ask whoever runs this for an invitation."
            ),
        ),
        Refusal::Closed => (
            StatusCode::FORBIDDEN,
            "This account is closed. Ask whoever runs this.".to_owned(),
        ),
        Refusal::Ours(error) => return error.clone().into_response(),
    };
    if let Err(error) = newcomer.api.limits().failure(newcomer.address) {
        let again = "Wait a minute, and try again.";
        return too_many(&newcomer.api.settings, Tongue::En, &error, again);
    }
    page(
        &newcomer.api.settings,
        status,
        &format!(
            "<h1>Not signed in</h1><p class=\"problem\" role=\"alert\">{}</p>\
             <p><a href=\"{}{BEGIN}\">Try again</a></p>",
            escaped(&why),
            newcomer.api.settings.prefix()
        ),
    )
}

/// What is told of a provider that did not say who it was. What only the operator can mend stands in the log.
fn provider(name: &str, error: &SignInError) -> (StatusCode, String) {
    match error {
        SignInError::Passing(problem) => {
            tracing::warn!(%problem, "the OpenID provider does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{name} does not answer just now. Try again in a while."),
            )
        }
        SignInError::Operator(problem) => {
            tracing::error!(%problem, "nobody can sign in at the OpenID provider");
            (
                StatusCode::BAD_GATEWAY,
                format!(
                    "Kalends and {name} do not understand each other. Whoever runs this finds the reason in the log."
                ),
            )
        }
        SignInError::Stale(_) => (
            StatusCode::BAD_REQUEST,
            format!("{name} no longer knows this sign-in. Begin again."),
        ),
        SignInError::Untrusted(problem) => {
            tracing::warn!(%problem, "an id token was refused");
            (
                StatusCode::FORBIDDEN,
                format!(
                    "What {name} said about you is not for this sign-in, or no longer good. Begin again."
                ),
            )
        }
    }
}
