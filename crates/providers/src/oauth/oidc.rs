//! Signing people in at an OpenID provider: the authorisation code flow with PKCE and a nonce (OpenID Connect Core 1.0 §3.1,
//! OpenID Connect Discovery 1.0 §4).
//!
//! An id token is read and its claims are checked; its signature is not. It comes from the token endpoint itself, over TLS
//! that was checked, and then the connection vouches for it (Core §3.1.3.7, 6).

use std::fmt;

use ::http::header::{ACCEPT, HeaderValue};
use ::http::{HeaderMap, Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
    BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::{GrantError, Returned, Wire, limits};
use crate::http::{Request, Transport};

/// Where below its issuer a provider describes itself (Discovery §4).
const DISCOVERY: &str = ".well-known/openid-configuration";
/// So far clocks may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);
/// What the nonce is hashed with, so that it tells nothing of the verifier, nor the challenge of it.
const NONCE_LABEL: &str = "kalends nonce ";

/// What Kalends is at an OpenID provider.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// The provider, letter by letter as it names itself.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our password there.
    pub client_secret: SecretString,
}

/// What a provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Where people sign in.
    pub authorize: Url,
    /// Where codes are changed for tokens.
    pub token: Url,
    /// Whether our password is taken in the body; else in the header, which is the custom (Discovery §3).
    pub secret_in_body: bool,
}

/// With what somebody is sent to sign in.
#[derive(Clone, Copy, Debug)]
pub struct Going<'a> {
    /// Where the provider sends them back to.
    pub redirect: &'a Url,
    /// What comes back unchanged.
    pub state: &'a SecretString,
    /// The code verifier (RFC 7636 §4.1), from which the nonce follows.
    pub verifier: &'a SecretString,
}

/// Who signed in, by the provider's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is there, for good.
    pub subject: String,
    /// Their mail address.
    pub email: String,
    /// Whether the provider made sure that the address is theirs.
    pub email_verified: bool,
}

/// Why nobody signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The provider cannot be reached, or is busy.
    #[error("{0}")]
    Passing(String),
    /// The settings do not fit, or the provider makes no sense: the operator has to look.
    #[error("{0}")]
    Operator(String),
    /// The code was used or has expired: the person has to begin again.
    #[error("{0}")]
    Stale(String),
    /// What the provider says of the person is not for us, or not for now.
    #[error("{0}")]
    Untrusted(String),
}

/// The part of the discovery document that is needed.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// Asks a provider what it is. What it says is refused unless it names itself exactly as it is asked for (Discovery §4.3).
pub async fn discover(transport: &dyn Transport, issuer: &str) -> Result<Discovered, SignInError> {
    let address = format!("{}/{DISCOVERY}", issuer.trim_end_matches('/'));
    let url: Url = address
        .parse()
        .map_err(|_| SignInError::Operator(format!("the issuer {issuer:?} is no address")))?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = transport
        .send(Request {
            method: Method::GET,
            url,
            headers,
            body: Bytes::new(),
            limits: limits(),
        })
        .await
        .map_err(|error| SignInError::Passing(error.to_string()))?;
    let status = response.status;
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(SignInError::Passing(format!("{issuer} answers {status}")));
    }
    let document = serde_json::from_slice::<Document>(&response.body).ok();
    let Some(document) = document.filter(|_| status == StatusCode::OK) else {
        return Err(SignInError::Operator(format!(
            "{issuer} does not describe itself below {DISCOVERY} ({status})"
        )));
    };
    if document.issuer != issuer {
        return Err(SignInError::Operator(format!(
            "the issuer {issuer:?} names itself {:?}: one of them is wrong",
            document.issuer
        )));
    }
    for endpoint in [&document.authorization_endpoint, &document.token_endpoint] {
        if !is_guarded(endpoint) {
            return Err(SignInError::Operator(format!(
                "{issuer} names {endpoint}, where the way is not encrypted"
            )));
        }
    }
    let takes = |method: &str| {
        let all = &document.token_endpoint_auth_methods_supported;
        all.iter().any(|known| known == method)
    };
    Ok(Discovered {
        secret_in_body: takes("client_secret_post") && !takes("client_secret_basic"),
        authorize: document.authorization_endpoint,
        token: document.token_endpoint,
    })
}

/// Whether the way to an address is encrypted, or does not leave this machine.
pub fn is_guarded(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// The address to which a person is sent to sign in.
pub fn sign_in_url(party: &RelyingParty, discovered: &Discovered, going: Going<'_>) -> Url {
    let verifier = PkceCodeVerifier::new(going.verifier.expose_secret().to_owned());
    let state = going.state.expose_secret().to_owned();
    server(party, discovered)
        .set_redirect_uri(RedirectUrl::from_url(going.redirect.clone()))
        .authorize_url(|| CsrfToken::new(state))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .add_scope(Scope::new("openid".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .add_extra_param("nonce", nonce(going.verifier))
        .url()
        .0
}

/// Changes the code for an id token, and reads who signed in.
pub async fn signed_in(
    transport: &dyn Transport,
    party: &RelyingParty,
    discovered: &Discovered,
    returned: Returned<'_>,
    now: Timestamp,
) -> Result<SignedIn, SignInError> {
    let wire = Wire {
        transport,
        clock: None,
    };
    let answer = server(party, discovered)
        .set_redirect_uri(RedirectUrl::from_url(returned.redirect.clone()))
        .exchange_code(AuthorizationCode::new(
            returned.code.expose_secret().to_owned(),
        ))
        .set_pkce_verifier(PkceCodeVerifier::new(
            returned.verifier.expose_secret().to_owned(),
        ))
        .request_async(&wire)
        .await;
    let issuer = &party.issuer;
    let answer = answer.map_err(|error| match error {
        RequestTokenError::ServerResponse(said) => match said.error() {
            BasicErrorResponseType::InvalidGrant => {
                SignInError::Stale(format!("{issuer} no longer knows this sign-in"))
            }
            other => SignInError::Operator(format!(
                "{issuer} refuses Kalends itself ({}): the operator has to check signin.client_id, its secret and \
                 the redirect URI that is registered there",
                other.as_ref()
            )),
        },
        RequestTokenError::Request(GrantError::Operator(problem)) => SignInError::Operator(problem),
        RequestTokenError::Request(error) => SignInError::Passing(error.to_string()),
        // What it was is not told: it may hold a token.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            SignInError::Operator(format!("{issuer} answered something that is no token"))
        }
    })?;
    let Some(token) = &answer.extra_fields().id_token else {
        return Err(SignInError::Operator(format!("{issuer} gave no id token")));
    };
    let claims = claims(token.expose_secret())
        .ok_or_else(|| SignInError::Operator(format!("the id token of {issuer} is none")))?;
    checked(claims, party, &nonce(returned.verifier), now)
}

/// What ties an id token to its beginning: it follows from the verifier, which nobody else knows.
fn nonce(verifier: &SecretString) -> String {
    let digest = Sha256::digest(format!("{NONCE_LABEL}{}", verifier.expose_secret()));
    URL_SAFE_NO_PAD.encode(digest)
}

/// The claims that count (Core §2, §5.1).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    sub: String,
    exp: f64,
    nonce: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Verified,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Some providers write the truth as a text.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Verified {
    Said(bool),
    Written(String),
    #[default]
    Unsaid,
}

/// The claims in the middle of a JSON Web Token (RFC 7515 §3.1).
fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// Checks claims as Core §3.1.3.7 has it.
fn checked(
    claims: Claims,
    party: &RelyingParty,
    nonce: &str,
    now: Timestamp,
) -> Result<SignedIn, SignInError> {
    let untrusted = |what: &str| {
        let issuer = &party.issuer;
        SignInError::Untrusted(format!("what {issuer} says of this person {what}"))
    };
    if claims.iss != party.issuer {
        return Err(untrusted("was said by another"));
    }
    let is_ours = match &claims.aud {
        Audience::One(one) => *one == party.client_id,
        // Whoever else it is for might bring it here: then the party that asked for it must be named.
        Audience::Many(many) => {
            many.contains(&party.client_id) && (many.len() == 1 || claims.azp.is_some())
        }
    };
    let is_asked_by_us = claims.azp.is_none_or(|azp| azp == party.client_id);
    if !is_ours || !is_asked_by_us {
        return Err(untrusted("is meant for another"));
    }
    let expired = now
        .checked_sub(CLOCKS_DIFFER)
        .is_ok_and(|now| claims.exp <= now.as_duration().as_secs_f64());
    if expired || !claims.exp.is_finite() {
        return Err(untrusted("has expired"));
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(untrusted("belongs to another sign-in"));
    }
    let email = claims.email.filter(|email| !email.is_empty());
    let Some(email) = email.filter(|_| !claims.sub.is_empty()) else {
        return Err(untrusted("does not tell a mail address"));
    };
    Ok(SignedIn {
        subject: claims.sub,
        email,
        email_verified: match claims.email_verified {
            Verified::Said(verified) => verified,
            Verified::Written(text) => text == "true",
            Verified::Unsaid => false,
        },
    })
}

/// What an answer carries beside the tokens of OAuth.
#[derive(Deserialize, Serialize)]
struct Beside {
    #[serde(default, skip_serializing)]
    id_token: Option<SecretString>,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").finish_non_exhaustive()
    }
}

impl ExtraTokenFields for Beside {}

type Server = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<Beside, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

fn server(party: &RelyingParty, discovered: &Discovered) -> Server {
    let kind = if discovered.secret_in_body {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    };
    oauth2::Client::new(ClientId::new(party.client_id.clone()))
        .set_client_secret(ClientSecret::new(
            party.client_secret.expose_secret().to_owned(),
        ))
        .set_auth_uri(AuthUrl::from_url(discovered.authorize.clone()))
        .set_token_uri(TokenUrl::from_url(discovered.token.clone()))
        .set_auth_type(kind)
}
