//! Answers as Google writes them.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::Refusal;
use super::fields::{self, Selection};
use super::query::Query;

/// What a method answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// 200 with a resource.
    Json(Value),
    /// 204.
    Empty,
    /// 304: the client has it already.
    NotModified(String),
}

/// How an answer is written.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pretty: bool,
    selection: Selection,
}

impl Style {
    pub(super) fn read(query: &Query) -> Result<Self, Refusal> {
        query.word("alt", &["json"])?;
        let selection = match query.text("fields") {
            Some(text) => fields::read(text)?,
            None => Selection::Everything,
        };
        Ok(Self {
            pretty: query.flag("prettyPrint")?.unwrap_or(true),
            selection,
        })
    }
}

/// The response to a request that was understood.
pub(super) fn answered(reply: Reply, style: &Style) -> Response<Bytes> {
    match reply {
        Reply::Json(value) => {
            let etag = value["etag"].as_str().map(str::to_owned);
            let shown = match &style.selection {
                Selection::Everything => value,
                Selection::Members(_) => fields::select(&value, &style.selection),
            };
            let mut response = json_response(StatusCode::OK, &shown, style.pretty);
            if let Some(etag) = etag {
                set(&mut response, header::ETAG, &etag);
            }
            set(
                &mut response,
                header::CACHE_CONTROL,
                "private, max-age=0, must-revalidate, no-transform",
            );
            response
        }
        Reply::Empty => bare(StatusCode::NO_CONTENT),
        Reply::NotModified(etag) => {
            let mut response = bare(StatusCode::NOT_MODIFIED);
            set(&mut response, header::ETAG, &etag);
            response
        }
    }
}

/// The response to a request that is refused.
pub(super) fn refused(refusal: &Refusal) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, &refusal.body(), true);
    let challenge = match refusal.reason {
        "authError" => {
            "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"".to_owned()
        }
        "insufficientPermissions" => {
            "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\"".to_owned()
        }
        _ => return response,
    };
    set(&mut response, header::WWW_AUTHENTICATE, &challenge);
    response
}

fn json_response(status: StatusCode, value: &Value, pretty: bool) -> Response<Bytes> {
    let text = if pretty {
        format!("{value:#}\n")
    } else {
        value.to_string()
    };
    let mut response = bare(status);
    *response.body_mut() = Bytes::from(text);
    set(
        &mut response,
        header::CONTENT_TYPE,
        "application/json; charset=UTF-8",
    );
    response
}

fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A resource that only says what kind it is, to be filled.
pub(super) fn resource(kind: &str, version: u64) -> Value {
    json!({ "kind": kind, "etag": format!("\"{version}\"") })
}
