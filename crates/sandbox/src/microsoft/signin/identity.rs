//! Who somebody is: id tokens, userinfo, keys, and the discovery documents.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::profile::{denied, unauthorized};
use super::tenancy::{PERSONAL_TENANT, Tenancy, tenant_of};
use crate::oauth::{ACCESS_GOOD_FOR, Denied, Holder, Issuer, Oauth, identity, later, reply};

/// What an id token is about.
pub(super) struct Login<'a> {
    pub(super) holder: &'a Holder,
    pub(super) scopes: &'a BTreeSet<String>,
    pub(super) nonce: Option<&'a str>,
}

/// An id token of version 2.0. `oid`, the name and the user name are only for those who asked for `profile`.
pub(super) fn id_token(
    oauth: &mut Oauth,
    base: &str,
    login: &Login<'_>,
    now: Timestamp,
) -> Option<String> {
    let token_id = oauth.maker.token("");
    let person = oauth.people.get(&login.holder.email)?;
    let tenant = tenant_of(&person.email);
    let mut claims = json!({
        "aud": login.holder.client,
        "iss": issuer(oauth, base, &tenant),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": later(now, ACCESS_GOOD_FOR).as_second(),
        "sub": identity::pairwise(&person.subject, &login.holder.client),
        "tid": tenant,
        "uti": token_id,
        "ver": "2.0",
    });
    if login.scopes.contains("profile") {
        claims["name"] = json!(person.name);
        claims["oid"] = json!(person.subject);
        claims["preferred_username"] = json!(person.email);
    }
    if login.scopes.contains("email") {
        claims["email"] = json!(person.email);
    }
    if let Some(nonce) = login.nonce {
        claims["nonce"] = json!(nonce);
    }
    identity::signed(&claims)
}

/// Who signs for a tenant.
fn issuer(oauth: &Oauth, base: &str, tenant: &str) -> String {
    let base = match oauth.switches.issuer {
        Issuer::Sandbox => base,
        Issuer::Provider => "https://login.microsoftonline.com",
    };
    format!("{base}/{tenant}/v2.0")
}

/// `GET /oidc/userinfo`, for tokens with `openid`.
pub(super) fn userinfo(oauth: &Oauth, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    if request.method() != Method::GET && request.method() != Method::POST {
        return reply::only("GET, POST");
    }
    let access = match oauth.bearer(request, now) {
        Ok(access) => access,
        Err(denied) => return unauthorized(denied),
    };
    let Some(person) = oauth.people.get(&access.email) else {
        return unauthorized(Denied::Unknown);
    };
    if !access.scopes.contains("openid") {
        return denied();
    }
    let mut body = json!({ "sub": identity::pairwise(&person.subject, &access.client) });
    if access.scopes.contains("profile") {
        body["name"] = json!(person.name);
        body["given_name"] = json!(person.given_name());
        body["family_name"] = json!(person.family_name());
    }
    if access.scopes.contains("email") {
        body["email"] = json!(person.email);
    }
    reply::json(StatusCode::OK, &body)
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`. For the words that stand for many tenants the issuer has a gap
/// where the tenant's id goes.
pub(super) fn discovery(
    oauth: &Oauth,
    base: &str,
    (name, tenancy): (&str, &Tenancy),
    request: &Request<Bytes>,
) -> Response<Bytes> {
    if request.method() != Method::GET {
        return reply::only("GET");
    }
    let tenant = match tenancy {
        Tenancy::Common | Tenancy::Organizations => "{tenantid}",
        Tenancy::Consumers => PERSONAL_TENANT,
        Tenancy::One(id) => id,
    };
    let root = format!("{base}/{name}");
    let body = json!({
        "issuer": issuer(oauth, base, tenant),
        "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{root}/oauth2/v2.0/token"),
        "end_session_endpoint": format!("{root}/oauth2/v2.0/logout"),
        "userinfo_endpoint": format!("{base}/oidc/userinfo"),
        "jwks_uri": format!("{root}/discovery/v2.0/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "nbf", "nonce", "preferred_username", "name", "tid", "ver", "oid", "email",
        ],
    });
    reply::json(StatusCode::OK, &body)
}

/// `GET /{tenant}/discovery/v2.0/keys`.
pub(super) fn keys(request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() != Method::GET {
        return reply::only("GET");
    }
    reply::json(StatusCode::OK, &identity::key_set())
}

/// `GET /common/discovery/instance`, by which Microsoft's own libraries learn that an authority is one.
pub(super) fn instance(base: &str, request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() != Method::GET {
        return reply::only("GET");
    }
    let host = base
        .split_once("://")
        .map_or(base, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    let body: Value = json!({
        "tenant_discovery_endpoint": format!("{base}/common/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    });
    reply::json(StatusCode::OK, &body)
}
