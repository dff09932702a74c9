//! Answers before they become HTTP, and the headers and the error envelope that every one of them has.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// What a request is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body),
        }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            body: Some(body),
        }
    }

    pub(crate) fn bare(status: StatusCode) -> Self {
        Self { status, body: None }
    }

    pub(crate) fn no_content() -> Self {
        Self::bare(StatusCode::NO_CONTENT)
    }

    pub(crate) fn accepted() -> Self {
        Self::bare(StatusCode::ACCEPTED)
    }

    /// The answer on its way.
    pub(crate) fn into_response(
        self,
        request_id: &str,
        client_request_id: &str,
    ) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.status;
        identify(&mut response, request_id, client_request_id);
        if let Some(body) = self.body {
            set_json(&mut response, &body);
        }
        response
    }
}

/// A refusal on its way, at `now`.
pub(crate) fn refuse(
    refusal: &Refusal,
    request_id: &str,
    client_request_id: &str,
    now: Timestamp,
) -> Response<Bytes> {
    let local = TimeZone::UTC.to_datetime(now);
    let date = local.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let mut inner = json!({
        "date": date,
        "request-id": request_id,
        "client-request-id": client_request_id,
    });
    if refusal.status == StatusCode::TOO_MANY_REQUESTS {
        inner["code"] = "429".into();
        inner["status"] = "429".into();
        inner["message"] = "Please retry after".into();
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = refusal.status;
    identify(&mut response, request_id, client_request_id);
    for (name, value) in &refusal.headers {
        set(&mut response, name, value);
    }
    set_json(
        &mut response,
        &json!({ "error": { "code": refusal.code, "message": refusal.message, "innerError": inner } }),
    );
    response
}

/// Sets a header, if the value can be one.
pub(crate) fn set(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response
            .headers_mut()
            .append(HeaderName::from_static(name), value);
    }
}

fn identify(response: &mut Response<Bytes>, request_id: &str, client_request_id: &str) {
    set(response, "request-id", request_id);
    set(response, "client-request-id", client_request_id);
    set(
        response,
        "x-ms-ags-diagnostic",
        "{\"ServerInfo\":{\"DataCenter\":\"Sandbox\",\"Slice\":\"E\",\"Ring\":\"5\",\"ScaleUnit\":\"000\",\"RoleInstance\":\"SANDBOX\"}}",
    );
}

fn set_json(response: &mut Response<Bytes>, body: &Value) {
    *response.body_mut() = Bytes::from(body.to_string());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
        ),
    );
}
