//! What Graph says of the person who signed in (`/me`), and how it refuses.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::scopes::cover;
use crate::oauth::params::Params;
use crate::oauth::{Denied, Oauth, Person, reply};

/// The scopes with which one may read one's own profile.
const READING: [&str; 2] = ["User.Read", "User.ReadWrite"];

/// `GET /v1.0/me`, with `$select`.
pub(super) fn answer(
    oauth: &Oauth,
    base: &str,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::GET {
        return reply::only("GET");
    }
    let person = match reader(oauth, request, now) {
        Ok(person) => person,
        Err(refusal) => return *refusal,
    };
    let mail = if oauth.switches.mail_is_null {
        Value::Null
    } else {
        json!(person.email)
    };
    let members = [
        ("businessPhones", json!([])),
        ("displayName", json!(person.name)),
        ("givenName", json!(person.given_name())),
        ("jobTitle", Value::Null),
        ("mail", mail),
        ("mobilePhone", Value::Null),
        ("officeLocation", Value::Null),
        ("preferredLanguage", Value::Null),
        ("surname", json!(person.family_name())),
        ("userPrincipalName", json!(person.email)),
        ("id", json!(person.subject)),
    ];
    let params = Params::of_query(request);
    let select = params.get("$select");
    let chosen: Vec<&str> = select
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let mut context = format!("{base}/v1.0/$metadata#users");
    if let Some(select) = select {
        context = format!("{context}({select})");
    }
    let mut body = Map::new();
    body.insert(
        "@odata.context".to_owned(),
        json!(format!("{context}/$entity")),
    );
    for (name, value) in members {
        if select.is_none() || chosen.contains(&name) {
            body.insert(name.to_owned(), value);
        }
    }
    reply::json(StatusCode::OK, &Value::Object(body))
}

/// `POST /v1.0/me/revokeSignInSessions`. Needs `User.ReadWrite`, as the reference has it.
pub(super) fn revoke_sessions(
    oauth: &mut Oauth,
    base: &str,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        return reply::only("POST");
    }
    let access = match oauth.bearer(request, now) {
        Ok(access) if cover(&access.scopes, "User.ReadWrite") => access,
        Ok(_) => return denied(),
        Err(denied) => return unauthorized(denied),
    };
    let email = access.email.clone();
    oauth.revoke_sessions(&email);
    let body =
        json!({ "@odata.context": format!("{base}/v1.0/$metadata#Edm.Boolean"), "value": true });
    reply::json(StatusCode::OK, &body)
}

fn reader<'a>(
    oauth: &'a Oauth,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Result<&'a Person, Box<Response<Bytes>>> {
    let access = oauth
        .bearer(request, now)
        .map_err(|denied| Box::new(unauthorized(denied)))?;
    if !READING.iter().any(|scope| cover(&access.scopes, scope)) {
        return Err(Box::new(denied()));
    }
    oauth
        .people
        .get(&access.email)
        .ok_or_else(|| Box::new(unauthorized(Denied::Unknown)))
}

/// 401 in Graph's form.
pub(super) fn unauthorized(denied: Denied) -> Response<Bytes> {
    let message = match denied {
        Denied::Missing => "Access token is empty.",
        Denied::Unknown => "CompactToken parsing failed with error code: 80049217",
        Denied::Expired => "Lifetime validation failed, the token is expired.",
    };
    let mut response = refused(
        StatusCode::UNAUTHORIZED,
        "InvalidAuthenticationToken",
        message,
    );
    reply::header(
        &mut response,
        header::WWW_AUTHENTICATE,
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
         client_id=\"00000003-0000-0000-c000-000000000000\"",
    );
    response
}

/// 403 for a token without the scope.
pub(super) fn denied() -> Response<Bytes> {
    refused(
        StatusCode::FORBIDDEN,
        "ErrorAccessDenied",
        "Access is denied. Check credentials and try again.",
    )
}

/// An answer of Graph with the identifiers by which it can be found in the logs: in its headers, and in a refusal's body.
pub(super) fn stamped(
    mut response: Response<Bytes>,
    oauth: &mut Oauth,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let id = oauth.maker.guid();
    let own = header::HeaderName::from_static("client-request-id");
    let sent = request
        .headers()
        .get(&own)
        .and_then(|value| value.to_str().ok());
    let own_id = sent.unwrap_or(&id);
    if let Ok(mut body) = serde_json::from_slice::<Value>(response.body())
        && let Some(error) = body.get_mut("error")
    {
        error["innerError"] = json!({
            "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": id,
            "client-request-id": own_id,
        });
        *response.body_mut() = Bytes::from(body.to_string());
    }
    reply::header(&mut response, own, own_id);
    let name = header::HeaderName::from_static("request-id");
    reply::header(&mut response, name, &id);
    response
}

/// A refusal in Graph's form.
pub(super) fn refused(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let body = json!({ "error": { "code": code, "message": message } });
    reply::json(status, &body)
}
