//! Who somebody is: id tokens, userinfo in both versions, tokeninfo, and the discovery document.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::oauth::params::Params;
use crate::oauth::{
    ACCESS_GOOD_FOR, Access, Denied, GOOGLE_IDENTITY, Holder, Issuer, Oauth, Person, domain_of,
    identity, later, reply,
};

/// What an id token is about.
pub(super) struct Login<'a> {
    pub(super) holder: &'a Holder,
    pub(super) scopes: &'a BTreeSet<String>,
    pub(super) access: &'a str,
    pub(super) nonce: Option<&'a str>,
}

/// An id token for a sign-in.
pub(super) fn id_token(
    oauth: &Oauth,
    base: &str,
    login: &Login<'_>,
    now: Timestamp,
) -> Option<String> {
    let person = oauth.people.get(&login.holder.email)?;
    let mut claims = json!({
        "iss": issuer(oauth, base),
        "azp": login.holder.client,
        "aud": login.holder.client,
        "sub": person.subject,
        "at_hash": identity::access_hash(login.access),
        "iat": now.as_second(),
        "exp": later(now, ACCESS_GOOD_FOR).as_second(),
    });
    if let Some(nonce) = login.nonce {
        claims["nonce"] = json!(nonce);
    }
    let told = about(person, login.scopes, Names::OpenId);
    claims.as_object_mut()?.extend(told);
    identity::signed(&claims)
}

/// Which names the members have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Those of OpenID Connect.
    OpenId,
    /// Those of Google's own version 2.
    Second,
}

/// What the scopes allow to be told about a person.
fn about(person: &Person, scopes: &BTreeSet<String>, names: Names) -> Map<String, Value> {
    let mut told = Map::new();
    let [_, email, profile] = GOOGLE_IDENTITY;
    let domain = domain_of(&person.email);
    if domain != "gmail.com" && domain != "googlemail.com" {
        told.insert("hd".to_owned(), json!(domain));
    }
    if scopes.contains(email) {
        let verified = match names {
            Names::OpenId => "email_verified",
            Names::Second => "verified_email",
        };
        told.insert("email".to_owned(), json!(person.email));
        told.insert(verified.to_owned(), json!(true));
    }
    if scopes.contains(profile) {
        told.insert("name".to_owned(), json!(person.name));
        told.insert("given_name".to_owned(), json!(person.given_name()));
        told.insert("family_name".to_owned(), json!(person.family_name()));
    }
    told
}

/// `GET /oauth2/v2/userinfo`.
pub(super) fn person(oauth: &Oauth, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    userinfo(oauth, request, now, Names::Second)
}

/// `GET /v1/userinfo`, as OpenID Connect has it.
pub(super) fn claims(oauth: &Oauth, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    userinfo(oauth, request, now, Names::OpenId)
}

fn userinfo(
    oauth: &Oauth,
    request: &Request<Bytes>,
    now: Timestamp,
    names: Names,
) -> Response<Bytes> {
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
    if !GOOGLE_IDENTITY
        .iter()
        .any(|scope| access.scopes.contains(*scope))
    {
        return insufficient();
    }
    let mut told = about(person, &access.scopes, names);
    let subject = match names {
        Names::OpenId => "sub",
        Names::Second => "id",
    };
    told.insert(subject.to_owned(), json!(person.subject));
    reply::json(StatusCode::OK, &Value::Object(told))
}

/// 401 in the form of Google's front end.
pub(super) fn unauthorized(denied: Denied) -> Response<Bytes> {
    let message = match denied {
        Denied::Missing => {
            "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or \
             other valid authentication credential."
        }
        Denied::Unknown | Denied::Expired => {
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential."
        }
    };
    let body = json!({ "error": {
        "code": 401,
        "message": message,
        "status": "UNAUTHENTICATED",
        "errors": [{
            "message": "Invalid Credentials",
            "domain": "global",
            "reason": "authError",
            "location": "Authorization",
            "locationType": "header",
        }],
    } });
    let mut response = reply::json(StatusCode::UNAUTHORIZED, &body);
    let challenge = match denied {
        Denied::Missing => "Bearer realm=\"https://accounts.google.com/\"",
        Denied::Unknown | Denied::Expired => {
            "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\""
        }
    };
    reply::header(&mut response, header::WWW_AUTHENTICATE, challenge);
    response
}

/// 403 for a token without the scope.
pub(super) fn insufficient() -> Response<Bytes> {
    let message = "Request had insufficient authentication scopes.";
    let body = json!({ "error": {
        "code": 403,
        "message": message,
        "status": "PERMISSION_DENIED",
        "errors": [{
            "message": "Insufficient Permission",
            "domain": "global",
            "reason": "insufficientPermissions",
        }],
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
        }],
    } });
    let mut response = reply::json(StatusCode::FORBIDDEN, &body);
    reply::header(
        &mut response,
        header::WWW_AUTHENTICATE,
        "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\"",
    );
    response
}

/// `GET|POST /tokeninfo`, for an access token or an id token.
pub(super) fn token(oauth: &Oauth, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
    let params = either(request);
    if let Some(id_token) = params.get("id_token") {
        let good = identity::claims(id_token).filter(|claims| {
            claims["exp"]
                .as_i64()
                .is_some_and(|end| end > now.as_second())
        });
        return match good {
            Some(claims) => reply::json(StatusCode::OK, &claims),
            None => invalid_token(),
        };
    }
    let Some((access, person)) = introspected(oauth, &params, now) else {
        return invalid_token();
    };
    let mut body = json!({
        "azp": access.client,
        "aud": access.client,
        "sub": person.subject,
        "scope": joined(&access.scopes),
        "exp": access.expires_at.as_second().to_string(),
        "expires_in": access.expires_at.duration_since(now).as_secs().to_string(),
    });
    if access.scopes.contains(GOOGLE_IDENTITY[1]) {
        body["email"] = json!(person.email);
        body["email_verified"] = json!("true");
    }
    reply::json(StatusCode::OK, &body)
}

/// `POST /oauth2/v2/tokeninfo`, with the members of the Discovery document.
pub(super) fn token_of_v2(
    oauth: &Oauth,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let Some((access, person)) = introspected(oauth, &either(request), now) else {
        return invalid_token();
    };
    let mut body = json!({
        "issued_to": access.client,
        "audience": access.client,
        "user_id": person.subject,
        "scope": joined(&access.scopes),
        "expires_in": access.expires_at.duration_since(now).as_secs(),
    });
    if access.scopes.contains(GOOGLE_IDENTITY[1]) {
        body["email"] = json!(person.email);
        body["verified_email"] = json!(true);
    }
    reply::json(StatusCode::OK, &body)
}

/// The parameters of the query, or of the form when the query has none.
fn either(request: &Request<Bytes>) -> Params {
    match request.uri().query() {
        Some(_) => Params::of_query(request),
        None => Params::of_form(request),
    }
}

fn introspected<'a>(
    oauth: &'a Oauth,
    params: &Params,
    now: Timestamp,
) -> Option<(&'a Access, &'a Person)> {
    let access = oauth.access(params.get("access_token")?, now).ok()?;
    Some((access, oauth.people.get(&access.email)?))
}

fn invalid_token() -> Response<Bytes> {
    let body = json!({ "error": "invalid_token", "error_description": "Invalid Value" });
    reply::json(StatusCode::BAD_REQUEST, &body)
}

fn joined(scopes: &BTreeSet<String>) -> String {
    scopes.iter().cloned().collect::<Vec<_>>().join(" ")
}

fn issuer(oauth: &Oauth, base: &str) -> String {
    match oauth.switches.issuer {
        Issuer::Sandbox => base.to_owned(),
        Issuer::Provider => "https://accounts.google.com".to_owned(),
    }
}

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery §4).
pub(super) fn discovery(oauth: &Oauth, base: &str, request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() != Method::GET {
        return reply::only("GET");
    }
    let body = json!({
        "issuer": issuer(oauth, base),
        "authorization_endpoint": format!("{base}/o/oauth2/v2/auth"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/v1/userinfo"),
        "revocation_endpoint": format!("{base}/revoke"),
        "jwks_uri": format!("{base}/oauth2/v3/certs"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": [
            "aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name", "sub",
        ],
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    reply::json(StatusCode::OK, &body)
}

/// `GET /oauth2/v3/certs`.
pub(super) fn keys(request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() != Method::GET {
        return reply::only("GET");
    }
    reply::json(StatusCode::OK, &identity::key_set())
}
