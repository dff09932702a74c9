//! JSON batching: up to twenty requests in one, some of them only after others.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::refusal::Refusal;
use super::{VERSION_ROOT, answer, writing};
use crate::faults::Disturbance;
use crate::world::World;

/// How many requests a batch may have.
const REQUESTS_MAX: usize = 20;

/// Where batches are sent to, below the version's root.
pub(crate) const PATH: &str = "$batch";

/// Answers every request of a batch, in order.
pub(crate) fn run(
    world: &mut World,
    outer: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Result<Answer, Refusal> {
    if outer.method() != Method::POST {
        return Err(Refusal::no_route(StatusCode::METHOD_NOT_ALLOWED));
    }
    let body = writing::object(outer.body())?;
    let requests = body
        .get("requests")
        .and_then(Value::as_array)
        .ok_or_else(|| malformed("The batch has no requests."))?;
    if requests.len() > REQUESTS_MAX {
        return Err(malformed(format!(
            "A batch can have at most {REQUESTS_MAX} requests."
        )));
    }
    let mut inner: Vec<(String, Vec<String>, Request<Bytes>)> = Vec::new();
    for request in requests {
        let request = request
            .as_object()
            .ok_or_else(|| malformed("A request is no object."))?;
        let id = text(request, "id")?;
        if inner.iter().any(|(known, _, _)| *known == id) {
            return Err(malformed(format!("The request id '{id}' is there twice.")));
        }
        let needs: Vec<String> = request
            .get("dependsOn")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|needed| needed.as_str().map(str::to_owned))
            .collect();
        if let Some(unknown) = needs
            .iter()
            .find(|needed| !inner.iter().any(|(known, _, _)| known == *needed))
        {
            return Err(malformed(format!(
                "The request '{id}' depends on '{unknown}', which is not before it."
            )));
        }
        let single = build(outer, request)?;
        inner.push((id, needs, single));
    }
    let mut statuses: BTreeMap<String, StatusCode> = BTreeMap::new();
    let mut responses = Vec::new();
    for (id, needs, request) in inner {
        let unmet = needs.iter().any(|needed| {
            statuses
                .get(needed)
                .is_none_or(|status| !status.is_success())
        });
        let shown = if unmet {
            let code = StatusCode::FAILED_DEPENDENCY;
            statuses.insert(id.clone(), code);
            json!({
                "id": id,
                "status": code.as_u16(),
                "headers": {},
                "body": { "error": { "code": "FailedDependency", "message": "A request that this one depends on failed." } },
            })
        } else {
            let response = answer(world, &request, now, how);
            statuses.insert(id.clone(), response.status());
            show(&id, &response)
        };
        responses.push(shown);
    }
    Ok(Answer::ok(json!({ "responses": responses })))
}

/// A request of a batch as if it had come alone. Only its credentials are those of the batch.
fn build(outer: &Request<Bytes>, request: &Map<String, Value>) -> Result<Request<Bytes>, Refusal> {
    let method = Method::from_bytes(text(request, "method")?.to_ascii_uppercase().as_bytes())
        .map_err(|_| malformed("A method is unknown."))?;
    let url = text(request, "url")?;
    let path = url.trim_start_matches('/');
    if path.starts_with(PATH) {
        return Err(malformed("A batch can't be within a batch."));
    }
    let body = match request.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(body) => Bytes::from(body.to_string()),
    };
    let mut single = Request::builder()
        .method(method)
        .uri(format!("{VERSION_ROOT}{path}"))
        .body(body)
        .map_err(|_| malformed(format!("The url '{url}' is invalid.")))?;
    for (name, value) in request
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            single.headers_mut().append(name, value);
        }
    }
    if let Some(credentials) = outer.headers().get(header::AUTHORIZATION) {
        single
            .headers_mut()
            .entry(header::AUTHORIZATION)
            .or_insert_with(|| credentials.clone());
    }
    Ok(single)
}

fn show(id: &str, response: &Response<Bytes>) -> Value {
    let headers: Map<String, Value> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((pretty(name.as_str()), value.to_str().ok()?.into())))
        .collect();
    let mut shown = json!({ "id": id, "status": response.status().as_u16(), "headers": headers });
    if !response.body().is_empty() {
        let body = serde_json::from_slice(response.body());
        shown["body"] = body.unwrap_or_else(|_| String::from_utf8_lossy(response.body()).into());
    }
    shown
}

/// A header's name with capitals, as batches show it.
fn pretty(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}

fn text(object: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    object
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| malformed(format!("A request of the batch has no {name}.")))
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::bad("BadRequest", message)
}
