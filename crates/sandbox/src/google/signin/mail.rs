//! Gmail's door for sending: `POST /gmail/v1/users/{user}/messages/send`.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::identity::{insufficient, unauthorized};
use crate::oauth::params::from_base64_url;
use crate::oauth::reply;
use crate::text::message;
use crate::world::{SentMail, World};

/// The scopes with which one may send.
const SENDING: [&str; 4] = [
    "https://www.googleapis.com/auth/gmail.send",
    "https://www.googleapis.com/auth/gmail.compose",
    "https://www.googleapis.com/auth/gmail.modify",
    "https://mail.google.com/",
];

/// Answers a request if it is for this door.
pub(super) fn answer(
    world: &mut World,
    path: &str,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let user = path
        .strip_prefix("gmail/v1/users/")?
        .strip_suffix("/messages/send")?;
    let user = percent_decode_str(user).decode_utf8_lossy();
    Some(send(world, &user, request, now))
}

fn send(
    world: &mut World,
    user: &str,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        return reply::only("POST");
    }
    let access = match world.google.oauth.bearer(request, now) {
        Ok(access) => access,
        Err(denied) => return unauthorized(denied),
    };
    if !SENDING.iter().any(|scope| access.scopes.contains(*scope)) {
        return insufficient();
    }
    if user != "me" && !user.eq_ignore_ascii_case(&access.email) {
        let told = format!("Delegation denied for {}", access.email);
        return refused(StatusCode::FORBIDDEN, "forbidden", &told);
    }
    let invalid = |told: &str| refused(StatusCode::BAD_REQUEST, "invalidArgument", told);
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let Some(raw) = body["raw"].as_str() else {
        return invalid(
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        );
    };
    let Some(raw) = from_base64_url(raw) else {
        return invalid("Invalid value for ByteString");
    };
    let Some(message) = message::read(&raw) else {
        return invalid("Mail content could not be read");
    };
    if message.to.is_empty() {
        return invalid("Recipient address required");
    }
    // Gmail writes the mailbox's own address over whatever stands in `From`.
    let from = access.email.clone();
    world.outbox.push(SentMail {
        at: now,
        from,
        to: message.to,
        subject: message.subject,
        text: message.text,
        raw: Bytes::from(raw),
    });
    let id = world.google.oauth.maker.short_hex();
    let thread = body["threadId"].as_str().unwrap_or(&id);
    let sent = json!({ "id": id, "threadId": thread, "labelIds": ["SENT"] });
    reply::json(StatusCode::OK, &sent)
}

fn refused(status: StatusCode, reason: &str, message: &str) -> Response<Bytes> {
    let word = match status {
        StatusCode::FORBIDDEN => "PERMISSION_DENIED",
        _ => "INVALID_ARGUMENT",
    };
    let body = json!({ "error": {
        "code": status.as_u16(),
        "message": message,
        "status": word,
        "errors": [{ "message": message, "domain": "global", "reason": reason }],
    } });
    reply::json(status, &body)
}
