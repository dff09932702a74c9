//! Codes and refresh tokens become access tokens, and every refresh token becomes another.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::aadsts::{self, Fault};
use super::authorize::client_info;
use super::identity::{self, Login};
use super::scopes::{self, Wanted};
use super::tenancy::Tenancy;
use crate::oauth::params::{Credentials, Params};
use crate::oauth::{
    ACCESS_GOOD_FOR, ClientKind, ClientProblem, Ended, Holder, Oauth, Offline, Redemption, reply,
};

/// The shortest life of an access token where lives vary, and by how much they do.
const VARIED_MIN_S: u16 = 3600;
const VARIED_BY_S: u16 = 1800;

/// What both kinds of grant lead to.
struct Given {
    holder: Holder,
    /// What the access token is for.
    scopes: BTreeSet<String>,
    /// What the refresh token is for, and its fixed end; none without one.
    refresh: Option<(BTreeSet<String>, Option<Timestamp>)>,
    nonce: Option<String>,
}

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn answer(
    oauth: &mut Oauth,
    base: &str,
    tenant: (&str, Option<Tenancy>),
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        return reply::only("POST");
    }
    let form = Params::of_form(request);
    let given = match tenant {
        (name, None) => Err(aadsts::no_tenant(name)),
        (_, Some(tenancy)) => given(oauth, &tenancy, request, &form, now),
    };
    match given {
        Ok(given) => reply::json(StatusCode::OK, &body(oauth, base, given, &form, now)),
        Err(fault) => fault.response(oauth, request, now),
    }
}

fn given(
    oauth: &mut Oauth,
    tenancy: &Tenancy,
    request: &Request<Bytes>,
    form: &Params,
    now: Timestamp,
) -> Result<Given, Fault> {
    let credentials = Credentials::of(request, form);
    let id = credentials.id.clone().unwrap_or_default();
    let client = oauth
        .authenticate(&credentials, now)
        .map_err(|problem: ClientProblem| aadsts::of_client(problem, &id))?;
    let kind = client.kind;
    let wanted = Wanted::read(form.words("scope")).map_err(aadsts::bad_scope)?;
    let given = match form.get("grant_type") {
        None => return Err(aadsts::missing("grant_type")),
        Some("authorization_code") => exchange(oauth, (&id, kind), form, now)?,
        Some("refresh_token") => refresh(oauth, &id, form, now)?,
        Some(other) => {
            return Err(aadsts::fault(
                70003,
                "unsupported_grant_type",
                format!("The app requested an unsupported grant type '{other}'."),
            ));
        }
    };
    if !tenancy.admits(&given.holder.email) {
        return Err(aadsts::other_tenant("invalid_grant"));
    }
    narrowed(oauth, given, wanted)
}

/// What is given, for the scopes that the request names; for all when it names none.
fn narrowed(oauth: &Oauth, given: Given, wanted: Wanted) -> Result<Given, Fault> {
    let consented = oauth.consented(&given.holder);
    if wanted.default {
        return Ok(Given {
            scopes: consented,
            ..given
        });
    }
    if wanted.is_empty() {
        return Ok(given);
    }
    // What the person consented to is enough, even when this token was not asked for with it.
    if !wanted.scopes.is_subset(&consented) {
        return Err(aadsts::not_consented(&given.holder.client, "invalid_grant"));
    }
    Ok(Given {
        scopes: wanted.scopes,
        ..given
    })
}

fn exchange(
    oauth: &mut Oauth,
    (client, kind): (&str, ClientKind),
    form: &Params,
    now: Timestamp,
) -> Result<Given, Fault> {
    let redirect = form.get("redirect_uri");
    let text = form.get("code").ok_or_else(|| aadsts::missing("code"))?;
    let proven = oauth
        .codes
        .get(text)
        .is_none_or(|code| code.challenge.is_some());
    if kind == ClientKind::SinglePage && !proven {
        return Err(aadsts::fault(
            9_002_325,
            "invalid_request",
            "Proof Key for Code Exchange is required for cross-origin authorization code redemption.",
        ));
    }
    let redemption = Redemption {
        code: text,
        client,
        redirect,
        verifier: form.get("code_verifier"),
    };
    let code = oauth
        .redeem(redemption, now)
        .map_err(|problem| aadsts::of_code(problem, redirect.unwrap_or_default(), client))?;
    Ok(Given {
        refresh: (code.offline != Offline::Never).then(|| (code.scopes.clone(), None)),
        holder: code.holder,
        scopes: code.scopes,
        nonce: code.nonce,
    })
}

fn refresh(oauth: &mut Oauth, client: &str, form: &Params, now: Timestamp) -> Result<Given, Fault> {
    let text = form
        .get("refresh_token")
        .ok_or_else(|| aadsts::missing("refresh_token"))?;
    let taken = oauth
        .take_refresh(text, client, now)
        .map_err(|problem| aadsts::of_refresh(problem, client, now))?;
    if oauth.switches.rotation_ends_old {
        oauth.end_refresh(text, Ended::Replaced);
    }
    Ok(Given {
        holder: taken.holder,
        scopes: taken.scopes.clone(),
        refresh: Some((taken.scopes, taken.good_until)),
        nonce: None,
    })
}

fn body(oauth: &mut Oauth, base: &str, given: Given, form: &Params, now: Timestamp) -> Value {
    let lasts = if oauth.switches.varies_lifetimes {
        let more = oauth.maker.below(VARIED_BY_S);
        SignedDuration::from_secs(i64::from(VARIED_MIN_S + more))
    } else {
        ACCESS_GOOD_FOR
    };
    let told: Vec<&str> = given
        .scopes
        .iter()
        .map(|scope| {
            if oauth.switches.tells_full_scopes {
                scope
            } else {
                scopes::short(scope)
            }
        })
        .collect();
    let mut body = json!({
        "token_type": "Bearer",
        "scope": told.join(" "),
        "expires_in": lasts.as_secs(),
        "ext_expires_in": lasts.as_secs(),
    });
    let login = Login {
        holder: &given.holder,
        scopes: &given.scopes,
        nonce: given.nonce.as_deref(),
    };
    if given.scopes.contains("openid")
        && let Some(id_token) = identity::id_token(oauth, base, &login, now)
    {
        body["id_token"] = json!(id_token);
    }
    if form.get("client_info") == Some("1")
        && let Some(info) = client_info(oauth, &given.holder.email)
    {
        body["client_info"] = json!(info);
    }
    if let Some((scopes, until)) = given.refresh {
        body["refresh_token"] = json!(oauth.give_refresh(&given.holder, scopes, until, now));
    }
    body["access_token"] = json!(oauth.give_access(&given.holder, given.scopes, lasts, now));
    body
}
