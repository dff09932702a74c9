//! Batches: several calls in one `multipart/mixed` request, each with a status of its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use jiff::Timestamp;

use super::{CALENDAR_PREFIX, Google, Refusal, api, reply};
use crate::digest;
use crate::faults::Disturbance;

/// Answers a batch. Its parts are done one after the other, which is one of the orders Google may choose.
pub(super) fn answer(
    google: &mut Google,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    let parts = match parts(google, request) {
        Ok(parts) => parts,
        Err(refusal) => return reply::refused(&refusal),
    };
    let boundary = format!("batch_{}", digest::short(&[request.body()]));
    let mut text = String::new();
    let mut written = BTreeSet::new();
    for part in parts {
        let response = match &part.request {
            // Writes to one calendar at the same time get in each other's way.
            Some(request)
                if google.switches.batch_conflicts
                    && request.method() != Method::GET
                    && !written.insert(calendar(request)) =>
            {
                reply::refused(&Refusal::conflict())
            }
            Some(request) => api::answer(google, request, now, how),
            None => reply::refused(&Refusal::bad_request()),
        };
        append(&mut text, &boundary, part.id.as_deref(), &response);
    }
    let _ = write!(text, "--{boundary}--\r\n");
    let mut response = Response::new(Bytes::from(text));
    let kind = format!("multipart/mixed; boundary={boundary}");
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// The part of the address that names what is written to.
fn calendar(request: &Request<Bytes>) -> String {
    let path = request.uri().path().strip_prefix(CALENDAR_PREFIX);
    let mut pieces = path.unwrap_or("").split('/');
    let (kind, name) = (pieces.next(), pieces.next());
    format!("{}/{}", kind.unwrap_or(""), name.unwrap_or(""))
}

/// One call of a batch; no request where it cannot be read.
struct Part {
    id: Option<String>,
    request: Option<Request<Bytes>>,
}

fn parts(google: &Google, request: &Request<Bytes>) -> Result<Vec<Part>, Refusal> {
    let refuse = || {
        Refusal::new(
            400,
            "global",
            "badRequest",
            "Failed to parse batch request.",
        )
    };
    if request.method() != Method::POST {
        return Err(Refusal::not_found());
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if !kind.to_ascii_lowercase().starts_with("multipart/mixed") {
        return Err(refuse());
    }
    let boundary = kind
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim_matches('"'))
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(refuse)?;
    let body = std::str::from_utf8(request.body()).map_err(|_| refuse())?;
    let marker = format!("--{boundary}");
    let pieces: Vec<&str> = body
        .split(&marker)
        .skip(1)
        .take_while(|piece| !piece.starts_with("--"))
        .collect();
    if pieces.is_empty() {
        return Err(refuse());
    }
    let most = google.switches.batch_calls_max;
    if pieces.len() > most {
        let message = format!("The batch request cannot have more than {most} calls.");
        return Err(Refusal::new(400, "global", "badRequest", message));
    }
    Ok(pieces
        .into_iter()
        .map(|piece| part(piece, request))
        .collect())
}

/// The text before and after the first empty line.
fn halves(text: &str) -> (&str, &str) {
    text.split_once("\r\n\r\n")
        .or_else(|| text.split_once("\n\n"))
        .unwrap_or((text, ""))
}

fn headers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim(), value.trim()))
}

fn part(piece: &str, outer: &Request<Bytes>) -> Part {
    let (envelope, inner) = halves(piece.trim_start());
    let id = headers(envelope)
        .find(|(name, _)| name.eq_ignore_ascii_case("content-id"))
        .map(|(_, value)| value.trim_matches(['<', '>']).to_owned());
    Part {
        id,
        request: call(inner, outer),
    }
}

/// The request inside a part. What it does not say itself, such as who asks, the batch says for all.
fn call(text: &str, outer: &Request<Bytes>) -> Option<Request<Bytes>> {
    let (head, body) = halves(text);
    let (line, rest) = head.split_once('\n').unwrap_or((head, ""));
    let mut words = line.split_whitespace();
    let method = Method::from_bytes(words.next()?.as_bytes()).ok()?;
    let target = words.next()?;
    // Paths are relative to the host; libraries given another base address send theirs whole.
    let start = target.find("calendar/v3/")?;
    let path = format!(
        "{CALENDAR_PREFIX}{}",
        &target[start + "calendar/v3/".len()..]
    );
    let mut request = Request::builder().method(method).uri(path);
    let mut authorized = false;
    for (name, value) in headers(rest) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        authorized |= name == header::AUTHORIZATION;
        request = request.header(name, value);
    }
    if let Some(credentials) = outer
        .headers()
        .get(header::AUTHORIZATION)
        .filter(|_| !authorized)
    {
        request = request.header(header::AUTHORIZATION, credentials);
    }
    request
        .body(Bytes::copy_from_slice(body.trim_end().as_bytes()))
        .ok()
}

fn append(text: &mut String, boundary: &str, id: Option<&str>, response: &Response<Bytes>) {
    let status = response.status();
    let _ = write!(text, "--{boundary}\r\nContent-Type: application/http\r\n");
    if let Some(id) = id {
        let _ = write!(text, "Content-ID: <response-{id}>\r\n");
    }
    let reason = status.canonical_reason().unwrap_or("");
    let _ = write!(text, "\r\nHTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in response.headers() {
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or(""));
    }
    // Also where there is nothing: Google's own libraries cannot read a part without headers.
    let _ = write!(text, "Content-Length: {}\r\n", response.body().len());
    text.push_str("\r\n");
    text.push_str(&String::from_utf8_lossy(response.body()));
    text.push_str("\r\n");
}
