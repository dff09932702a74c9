//! OAuth 2.0 as Google and Microsoft do it: consent, tokens, and what their refusals mean.
//!
//! Requests are made by the `oauth2` crate and sent over our own [`Transport`], so that the address guard and the
//! simulation see them. Sources: developers.google.com/identity/protocols/oauth2/web-server, and
//! learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow.

mod identity;
pub mod oidc;
mod refusal;
mod vendor;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use kalends_calendar::failure::Failure;
use kalends_calendar::seams::Clock;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::http::{Limits, Request, Response, Transport, retry_at};

pub use identity::{Identity, identity};
pub use refusal::GrantError;
pub use vendor::{Purpose, Vendor};

/// What an authorisation server has to say fits in this many bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long it may take to say it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
/// How long an access token is taken to be good when nobody says how long.
const GOOD_FOR_UNSAID: Duration = Duration::from_mins(5);

/// Where an adapter gets the access token of its requests. Whoever implements it refreshes, keeps and shares them.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token that should be good now. `refused` is one that the provider has just refused with 401: then another is
    /// wanted. [`kalends_calendar::failure::Class::ReconnectNeeded`] when the grant is dead.
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure>;
}

/// What we are at a vendor's authorisation server, and where that is.
#[derive(Clone, Debug)]
pub struct Client {
    /// Whose it is.
    pub vendor: Vendor,
    /// Our name there.
    pub id: String,
    /// Our password there.
    pub secret: SecretString,
    /// Where it is.
    pub endpoints: Endpoints,
}

/// Where an authorisation server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where people consent.
    pub authorize: Url,
    /// Where codes and refresh tokens are changed for access tokens.
    pub token: Url,
    /// Where grants are taken back; none where that cannot be asked (Microsoft).
    pub revoke: Option<Url>,
    /// Where it says whose a token is.
    pub identity: Url,
}

/// What a person is asked to consent to.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Where the vendor sends the person back to.
    pub redirect: &'a Url,
    /// What for.
    pub purpose: Purpose,
    /// What comes back unchanged.
    pub state: &'a SecretString,
    /// The code verifier (RFC 7636 §4.1): 43 to 128 characters of `[A-Za-z0-9-._~]`.
    pub verifier: &'a SecretString,
    /// The account that is meant, by its mail address.
    pub login_hint: Option<&'a str>,
}

/// What a person brought back.
#[derive(Clone, Copy, Debug)]
pub struct Returned<'a> {
    /// The code.
    pub code: &'a SecretString,
    /// The verifier of the beginning.
    pub verifier: &'a SecretString,
    /// The address of the beginning.
    pub redirect: &'a Url,
}

/// What was granted.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The access token.
    pub access: SecretString,
    /// From when on it is good no more.
    pub access_expires_at: Timestamp,
    /// The refresh token, if one was given. Google gives none when it refreshes: the one before stays good.
    pub refresh: Option<SecretString>,
    /// What it may be used for, as the vendor spells it.
    pub scopes: BTreeSet<String>,
}

impl Granted {
    /// What is missing of what a purpose needs: people can untick single scopes.
    pub fn missing(&self, vendor: Vendor, purpose: Purpose) -> Vec<&'static str> {
        vendor.missing(purpose, &self.scopes)
    }
}

type Server = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The address to which a person is sent to consent.
pub fn authorization_url(client: &Client, asked: Asked<'_>) -> Url {
    let verifier = PkceCodeVerifier::new(asked.verifier.expose_secret().to_owned());
    let state = asked.state.expose_secret().to_owned();
    let server = server(client).set_redirect_uri(RedirectUrl::from_url(asked.redirect.clone()));
    let mut request = server
        .authorize_url(|| CsrfToken::new(state))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    for scope in client.vendor.scopes(asked.purpose) {
        request = request.add_scope(Scope::new((*scope).to_owned()));
    }
    for (name, value) in client.vendor.consent_parameters() {
        request = request.add_extra_param(*name, *value);
    }
    if let Some(hint) = asked.login_hint {
        request = request.add_extra_param("login_hint", hint.to_owned());
    }
    request.url().0
}

/// Changes a code for tokens.
pub async fn exchange(
    transport: &dyn Transport,
    client: &Client,
    returned: Returned<'_>,
    now: Timestamp,
) -> Result<Granted, GrantError> {
    let server = server(client).set_redirect_uri(RedirectUrl::from_url(returned.redirect.clone()));
    let code = AuthorizationCode::new(returned.code.expose_secret().to_owned());
    let verifier = PkceCodeVerifier::new(returned.verifier.expose_secret().to_owned());
    let wire = Wire {
        transport,
        clock: None,
    };
    let answer = server
        .exchange_code(code)
        .set_pkce_verifier(verifier)
        .request_async(&wire)
        .await;
    granted(client.vendor, answer, now)
}

/// Changes a refresh token for a new access token, and where the vendor rotates them for a new refresh token.
///
/// What a token is good for counts from before it was asked for; a wait that is asked for, from when the answer came.
pub async fn refresh(
    transport: &dyn Transport,
    client: &Client,
    refresh: &SecretString,
    clock: &dyn Clock,
) -> Result<Granted, GrantError> {
    let now = clock.now();
    let token = RefreshToken::new(refresh.expose_secret().to_owned());
    let wire = Wire {
        transport,
        clock: Some(clock),
    };
    let answer = server(client)
        .exchange_refresh_token(&token)
        .request_async(&wire)
        .await;
    granted(client.vendor, answer, now)
}

/// Takes a grant back; of a vendor where that cannot be asked, nothing happens. One that is dead already is fine.
///
/// At Google this ends **all** grants of that person to us, whichever tenant they were made for.
pub async fn revoke(
    transport: &dyn Transport,
    client: &Client,
    token: &SecretString,
) -> Result<(), Failure> {
    let Some(url) = client.endpoints.revoke.clone() else {
        return Ok(());
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        ::http::HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token.expose_secret())
        .finish();
    let response = transport
        .send(Request {
            method: ::http::Method::POST,
            url,
            headers,
            body: Bytes::from(body),
            limits: limits(),
        })
        .await
        .map_err(|error| Failure::passing(error.to_string()))?;
    // 400 `invalid_token`: it was dead before.
    if response.status.is_success() || response.status == ::http::StatusCode::BAD_REQUEST {
        return Ok(());
    }
    Err(Failure::passing(format!(
        "{} answers {} when a grant is taken back",
        client.vendor.name(),
        response.status
    )))
}

fn server(client: &Client) -> Server {
    BasicClient::new(ClientId::new(client.id.clone()))
        .set_client_secret(ClientSecret::new(client.secret.expose_secret().to_owned()))
        .set_auth_uri(AuthUrl::from_url(client.endpoints.authorize.clone()))
        .set_token_uri(TokenUrl::from_url(client.endpoints.token.clone()))
        .set_auth_type(AuthType::RequestBody)
}

pub(crate) fn limits() -> Limits {
    Limits {
        body_bytes_max: ANSWER_BYTES_MAX,
        time_max: ANSWER_TIME_MAX,
    }
}

/// Sends what the `oauth2` crate asks over our transport. An answer that is no word of the protocol (403, 429, 5xx) ends here:
/// RFC 6749 §5.2 knows 400 and 401 only, and who is turned away at the gate has learned nothing of the grant.
struct Wire<'a> {
    transport: &'a dyn Transport,
    /// Tells when an answer came; none where nobody asks again by themselves, because a person is waiting.
    clock: Option<&'a dyn Clock>,
}

impl<'c> AsyncHttpClient<'c> for Wire<'_> {
    type Error = GrantError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, GrantError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(self.transport, request, self.clock))
    }
}

async fn send(
    transport: &dyn Transport,
    asked: HttpRequest,
    clock: Option<&dyn Clock>,
) -> Result<HttpResponse, GrantError> {
    let (parts, body) = asked.into_parts();
    let url: Url = parts.uri.to_string().parse().map_err(|_| {
        GrantError::Operator("the address of the token endpoint is none".to_owned())
    })?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let request = Request {
        method: parts.method,
        url,
        headers: parts.headers,
        body: Bytes::from(body),
        limits: limits(),
    };
    let Response {
        status,
        headers,
        body,
    } = transport
        .send(request)
        .await
        .map_err(|error| GrantError::Passing {
            retry_at: None,
            message: error.to_string(),
        })?;
    let is_turned_away = matches!(
        status,
        ::http::StatusCode::FORBIDDEN | ::http::StatusCode::TOO_MANY_REQUESTS
    );
    if status.is_server_error() || is_turned_away {
        return Err(GrantError::Passing {
            retry_at: clock.and_then(|clock| retry_at(&headers, clock.now())),
            message: format!("{host} answers {status}"),
        });
    }
    let mut response = HttpResponse::new(body.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

type Answer =
    Result<BasicTokenResponse, RequestTokenError<GrantError, oauth2::basic::BasicErrorResponse>>;

fn granted(vendor: Vendor, answer: Answer, now: Timestamp) -> Result<Granted, GrantError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(RequestTokenError::ServerResponse(said)) => return Err(refusal::of(vendor, &said)),
        Err(RequestTokenError::Request(error)) => return Err(error),
        Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
            // What it was is not told: it may hold a token.
            return Err(GrantError::Protocol(format!(
                "{} answered something that is no token",
                vendor.name()
            )));
        }
    };
    let good_for = answer.expires_in().unwrap_or(GOOD_FOR_UNSAID);
    let access_expires_at = now.checked_add(good_for).unwrap_or(Timestamp::MAX);
    Ok(Granted {
        access: SecretString::from(answer.access_token().secret().as_str()),
        access_expires_at,
        refresh: answer
            .refresh_token()
            .map(|token| SecretString::from(token.secret().as_str())),
        scopes: answer
            .scopes()
            .into_iter()
            .flatten()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
    })
}
