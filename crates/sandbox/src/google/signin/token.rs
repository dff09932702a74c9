//! Codes and refresh tokens become access tokens; and tokens are taken back.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{identity, scopes};
use crate::oauth::params::{Credentials, Params};
use crate::oauth::{
    ACCESS_GOOD_FOR, ClientProblem, Code, CodeProblem, Ended, Holder, Oauth, Obstacle, Offline,
    Redemption, RefreshProblem, reply,
};

/// What Google says of every refresh token that is dead.
const DEAD: &str = "Token has been expired or revoked.";

/// An error of the token endpoint.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    told: String,
    subtype: Option<&'static str>,
}

/// `POST /token`.
pub(super) fn answer(
    oauth: &mut Oauth,
    base: &str,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        return reply::only("POST");
    }
    let form = Params::of_form(request);
    let given = match form.get("grant_type") {
        None => Err(missing("grant_type")),
        Some("authorization_code") => exchange(oauth, base, request, &form, now),
        Some("refresh_token") => refresh(oauth, base, request, &form, now),
        Some(other) => Err(bad(
            "unsupported_grant_type",
            &format!("Invalid grant_type: {other}"),
        )),
    };
    match given {
        Ok(body) => reply::json(StatusCode::OK, &body),
        Err(refusal) => refusal.response(),
    }
}

fn exchange(
    oauth: &mut Oauth,
    base: &str,
    request: &Request<Bytes>,
    form: &Params,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let client = client(oauth, request, form, now)?;
    let redemption = Redemption {
        code: form.get("code").ok_or_else(|| missing("code"))?,
        client: &client,
        redirect: form.get("redirect_uri"),
        verifier: form.get("code_verifier"),
    };
    let code = oauth.redeem(redemption, now).map_err(|problem| {
        let told = match problem {
            CodeProblem::Unknown => "Malformed auth code.",
            CodeProblem::Used | CodeProblem::Expired | CodeProblem::OtherClient => "Bad Request",
            CodeProblem::OtherRedirect => return bad("redirect_uri_mismatch", "Bad Request"),
            CodeProblem::VerifierMissing => "Missing code verifier.",
            CodeProblem::VerifierWrong => "Invalid code verifier.",
        };
        bad("invalid_grant", told)
    })?;
    let Code {
        holder,
        scopes,
        nonce,
        offline,
        ..
    } = code;
    let mut body = access(oauth, base, &holder, &scopes, nonce.as_deref(), now);
    let first = oauth
        .grants
        .get(&holder)
        .is_some_and(|grant| !grant.refresh_given);
    let gives_refresh = match offline {
        Offline::Never => false,
        Offline::Once => first,
        Offline::Always => true,
    };
    if gives_refresh {
        let refresh = oauth.give_refresh(&holder, scopes, None, now);
        let end = oauth
            .refresh
            .get(&refresh)
            .and_then(|token| token.good_until);
        if let Some(end) = end.filter(|_| oauth.switches.tells_refresh_lifetime) {
            body.insert(
                "refresh_token_expires_in".to_owned(),
                json!(end.duration_since(now).as_secs()),
            );
        }
        body.insert("refresh_token".to_owned(), json!(refresh));
    }
    Ok(Value::Object(body))
}

fn refresh(
    oauth: &mut Oauth,
    base: &str,
    request: &Request<Bytes>,
    form: &Params,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let client = client(oauth, request, form, now)?;
    let token = form
        .get("refresh_token")
        .ok_or_else(|| missing("refresh_token"))?;
    let taken = oauth
        .take_refresh(token, &client, now)
        .map_err(|problem| dead(&problem))?;
    if taken
        .scopes
        .iter()
        .any(|scope| oauth.restricted.contains(scope))
    {
        return Err(bad(
            "admin_policy_enforced",
            "The administrator of this account does not allow the requested scopes.",
        ));
    }
    let wanted: Vec<&str> = form.words("scope").collect();
    let mut scopes = taken.scopes;
    if !wanted.is_empty() {
        let narrowed = wanted
            .iter()
            .map(|scope| scopes::long(scope).filter(|long| scopes.contains(*long)))
            .map(|long| long.map(str::to_owned))
            .collect::<Option<_>>();
        scopes = narrowed.ok_or_else(|| {
            bad(
                "invalid_scope",
                "Some requested scopes cannot be shown: they were not granted.",
            )
        })?;
    }
    let body = access(oauth, base, &taken.holder, &scopes, None, now);
    Ok(Value::Object(body))
}

/// Why a refresh token is not taken, in Google's words.
fn dead(problem: &RefreshProblem) -> Refusal {
    match problem {
        RefreshProblem::Unknown | RefreshProblem::OtherClient => {
            bad("invalid_grant", "Bad Request")
        }
        RefreshProblem::NoPerson | RefreshProblem::Hindered(Obstacle::Disabled) => {
            bad("invalid_grant", "Account has been deleted")
        }
        RefreshProblem::Hindered(Obstacle::SignInTooOld) => Refusal {
            subtype: Some("invalid_rapt"),
            ..bad("invalid_grant", "reauth related error (invalid_rapt)")
        },
        RefreshProblem::Hindered(Obstacle::Outage) => Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            ..bad("temporarily_unavailable", "Try again later.")
        },
        RefreshProblem::Hindered(
            Obstacle::OtherOrganisation
            | Obstacle::NotAssigned
            | Obstacle::SecondFactor
            | Obstacle::SecondFactorSetup
            | Obstacle::Blocked,
        )
        | RefreshProblem::Ended(
            Ended::Revoked
            | Ended::Expired
            | Ended::PasswordChanged
            | Ended::SessionsRevoked
            | Ended::Replaced
            | Ended::Crowded,
        )
        | RefreshProblem::TimeUp { .. }
        | RefreshProblem::Idle { .. }
        | RefreshProblem::NoConsent => bad("invalid_grant", DEAD),
    }
}

/// The part of an answer that both ways have.
fn access(
    oauth: &mut Oauth,
    base: &str,
    holder: &Holder,
    scopes: &BTreeSet<String>,
    nonce: Option<&str>,
    now: Timestamp,
) -> Map<String, Value> {
    let told = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let token = oauth.give_access(holder, scopes.clone(), ACCESS_GOOD_FOR, now);
    let mut body = Map::new();
    if scopes.contains("openid") {
        let login = identity::Login {
            holder,
            scopes,
            access: &token,
            nonce,
        };
        if let Some(id_token) = identity::id_token(oauth, base, &login, now) {
            body.insert("id_token".to_owned(), json!(id_token));
        }
    }
    body.insert("access_token".to_owned(), json!(token));
    body.insert("expires_in".to_owned(), json!(ACCESS_GOOD_FOR.as_secs()));
    body.insert("scope".to_owned(), json!(told));
    body.insert("token_type".to_owned(), json!("Bearer"));
    body
}

/// Who asks, by id.
fn client(
    oauth: &Oauth,
    request: &Request<Bytes>,
    form: &Params,
    now: Timestamp,
) -> Result<String, Refusal> {
    let credentials = Credentials::of(request, form);
    let unauthorized = |told: &str| Refusal {
        status: StatusCode::UNAUTHORIZED,
        ..bad("invalid_client", told)
    };
    match oauth.authenticate(&credentials, now) {
        Ok(client) => Ok(client.id.clone()),
        Err(ClientProblem::Missing) => Err(bad(
            "invalid_request",
            "Could not determine client ID from request.",
        )),
        Err(ClientProblem::Unknown) => Err(unauthorized("The OAuth client was not found.")),
        Err(ClientProblem::SecretMissing) => {
            Err(bad("invalid_request", "client_secret is missing."))
        }
        Err(
            ClientProblem::SecretWrong
            | ClientProblem::SecretExpired
            | ClientProblem::SecretUnwanted,
        ) => Err(unauthorized("Unauthorized")),
    }
}

/// `POST /revoke`, with either token of a pair. No client needs to prove itself: who has the token may end it.
pub(super) fn revoke(
    oauth: &mut Oauth,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        return reply::only("POST");
    }
    let (form, query) = (Params::of_form(request), Params::of_query(request));
    let Some(token) = form.get("token").or_else(|| query.get("token")) else {
        return missing("token").response();
    };
    let refresh = oauth.refresh.get(token);
    let live = refresh.filter(|refresh| oauth.is_live(refresh, now));
    let holder = match (live, oauth.access(token, now)) {
        (Some(refresh), _) => refresh.holder.clone(),
        (None, Ok(access)) => Holder {
            email: access.email.clone(),
            client: access.client.clone(),
        },
        (None, Err(_)) => return bad("invalid_token", "Token expired or revoked").response(),
    };
    if oauth.switches.revokes_whole_grant {
        oauth.revoke_grant(&holder);
    } else {
        oauth.end_refresh(token, Ended::Revoked);
        oauth.revoke_access_token(token);
    }
    reply::json(StatusCode::OK, &json!({}))
}

fn missing(name: &str) -> Refusal {
    bad(
        "invalid_request",
        &format!("Missing required parameter: {name}"),
    )
}

fn bad(error: &'static str, told: &str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        error,
        told: told.to_owned(),
        subtype: None,
    }
}

impl Refusal {
    fn response(self) -> Response<Bytes> {
        let mut body = json!({ "error": self.error, "error_description": self.told });
        if let Some(subtype) = self.subtype {
            body["error_subtype"] = json!(subtype);
        }
        let mut response = reply::json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6749 §5.2: a client that tried Basic is told that it may.
            reply::header(
                &mut response,
                header::WWW_AUTHENTICATE,
                "Basic realm=\"token\"",
            );
        }
        response
    }
}
