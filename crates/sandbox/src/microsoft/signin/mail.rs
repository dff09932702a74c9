//! Graph's door for sending: `POST /v1.0/me/sendMail`, as JSON or as a MIME message in base 64.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use super::profile::{denied, refused, unauthorized};
use super::scopes::cover;
use crate::base64;
use crate::oauth::params::media_type;
use crate::oauth::reply;
use crate::text::message::{self, Message};
use crate::world::{SentMail, World};

/// Answers: 202 without a body when the mail is on its way.
pub(super) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        return reply::only("POST");
    }
    let mailbox = match world.microsoft.oauth.bearer(request, now) {
        Ok(access) if cover(&access.scopes, "Mail.Send") => access.email.clone(),
        Ok(_) => return denied(),
        Err(denied) => return unauthorized(denied),
    };
    let read = match media_type(request).as_str() {
        "text/plain" => from_mime(request.body()),
        _ => from_json(request.body()),
    };
    let (message, raw) = match read {
        Ok(read) => read,
        Err(refusal) => return *refusal,
    };
    if message.to.is_empty() {
        return refused(
            StatusCode::BAD_REQUEST,
            "ErrorInvalidRecipients",
            "At least one recipient is not valid.",
        );
    }
    if message
        .from
        .iter()
        .any(|from| !from.eq_ignore_ascii_case(&mailbox))
    {
        return refused(
            StatusCode::FORBIDDEN,
            "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to send mail on behalf of \
             the specified sending account., Cannot submit message.",
        );
    }
    world.outbox.push(SentMail {
        at: now,
        from: mailbox,
        to: message.to,
        subject: message.subject,
        text: message.text,
        raw,
    });
    reply::empty(StatusCode::ACCEPTED)
}

type Read = Result<(Message, Bytes), Box<Response<Bytes>>>;

fn from_mime(body: &[u8]) -> Read {
    let text: String = String::from_utf8_lossy(body).split_whitespace().collect();
    let invalid = || {
        Box::new(refused(
            StatusCode::BAD_REQUEST,
            "ErrorMimeContentInvalidBase64String",
            "Invalid base64 string for MIME content.",
        ))
    };
    let raw = base64::decode(&text).ok_or_else(invalid)?;
    let message = message::read(&raw).ok_or_else(|| {
        Box::new(refused(
            StatusCode::BAD_REQUEST,
            "ErrorMimeContentInvalid",
            "Failed to parse the MIME content.",
        ))
    })?;
    Ok((message, Bytes::from(raw)))
}

fn from_json(body: &Bytes) -> Read {
    let bad = |told: &str| Box::new(refused(StatusCode::BAD_REQUEST, "BadRequest", told));
    let json: Value = serde_json::from_slice(body)
        .map_err(|_| bad("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."))?;
    let message = &json["message"];
    if !message.is_object() {
        return Err(bad("The parameter 'Message' is required."));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let address = |recipient: &Value| {
        let address = recipient["emailAddress"]["address"].as_str()?;
        address.contains('@').then(|| address.to_ascii_lowercase())
    };
    let listed = ["toRecipients", "ccRecipients", "bccRecipients"]
        .into_iter()
        .filter_map(|list| message[list].as_array())
        .flatten();
    let to: Option<Vec<String>> = listed.map(address).collect();
    let read = Message {
        from: address(&message["from"]).into_iter().collect(),
        // One address that is none, and nobody gets anything.
        to: to.unwrap_or_default(),
        subject: text(&message["subject"]),
        text: text(&message["body"]["content"]),
    };
    Ok((read, body.clone()))
}
