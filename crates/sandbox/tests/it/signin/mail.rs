//! Mails that are sent through a mailbox, as the platform's own notices are.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::json;

use super::{Reply, Visit};

const GMAIL: &str = "/google/gmail/v1/users/me/messages/send";
const GRAPH: &str = "/microsoft/v1.0/me/sendMail";
const MESSAGE: &str = "To: Bo <bo@example.org>\r\nBcc: cy@example.org\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nHello Bo\r\n";

fn token(visit: &mut Visit, scope: &str) -> String {
    let (ann, now) = (visit.ann(), visit.now);
    visit.oauth().issue(ann, "kalends", &[scope], now)
}

fn send_mime(visit: &mut Visit, token: &str, body: String) -> Reply {
    let request = Request::post(GRAPH)
        .header("content-type", "text/plain")
        .header("authorization", format!("Bearer {token}"))
        .body(Bytes::from(body))
        .expect("a request");
    visit.send(&request)
}

#[test]
fn gmail_sends_what_it_is_given() {
    let mut visit = Visit::google();
    let token = token(&mut visit, "https://www.googleapis.com/auth/gmail.send");
    let raw = BASE64_URL_SAFE.encode(MESSAGE);
    let sent = visit.post_json(GMAIL, &token, &json!({ "raw": raw }));
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    assert_eq!(sent.json()["labelIds"], json!(["SENT"]));
    assert_eq!(sent.text("id"), sent.text("threadId"));
    assert_eq!(sent.text("id").len(), 16);
    let [mail] = &visit.world.outbox[..] else {
        panic!("one mail");
    };
    assert_eq!(mail.from, "ann@example.com");
    assert_eq!(mail.to, ["bo@example.org", "cy@example.org"]);
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_str()),
        ("Grüße", "Hello Bo\r\n")
    );
    assert_eq!(mail.raw, MESSAGE.as_bytes());
    assert_eq!(mail.at, visit.now);
    assert!(visit.world.mails.is_empty(), "no calendar sent it");
    let path = "/google/gmail/v1/users/ann%40example.com/messages/send";
    let reply = visit.post_json(
        path,
        &token,
        &json!({ "raw": raw, "threadId": sent.text("id") }),
    );
    assert_eq!(reply.text("threadId"), sent.text("id"));
    assert_ne!(reply.text("id"), sent.text("id"));
}

#[test]
fn gmail_refuses_what_it_cannot_send() {
    let mut visit = Visit::google();
    let good = token(&mut visit, "https://www.googleapis.com/auth/gmail.send");
    let calendar = token(&mut visit, "https://www.googleapis.com/auth/calendar");
    let raw = json!({ "raw": BASE64_URL_SAFE.encode(MESSAGE) });
    assert_eq!(visit.post_json(GMAIL, &calendar, &raw).status.as_u16(), 403);
    assert_eq!(visit.post_json(GMAIL, "garbled", &raw).status.as_u16(), 401);
    let other = "/google/gmail/v1/users/bo@gmail.com/messages/send";
    let refused = visit.post_json(other, &good, &raw);
    assert_eq!(
        refused.json()["error"]["message"],
        "Delegation denied for ann@example.com"
    );
    let nobody = BASE64_URL_SAFE.encode("Subject: to nobody\r\n\r\n");
    for (body, told) in [
        (
            json!({}),
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        ),
        (json!({ "raw": "***" }), "Invalid value for ByteString"),
        (json!({ "raw": nobody }), "Recipient address required"),
        (
            json!({ "raw": "cGxhaW4" }),
            "Mail content could not be read",
        ),
    ] {
        let refused = visit.post_json(GMAIL, &good, &body);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(refused.json()["error"]["message"], told);
    }
    assert!(visit.world.outbox.is_empty());
}

#[test]
fn a_batch_of_graph_reads_who_one_is_and_sends_mail() {
    let mut visit = Visit::microsoft();
    let (ann, now) = (visit.ann(), visit.now);
    let scopes = [
        "https://graph.microsoft.com/Mail.Send",
        "https://graph.microsoft.com/User.Read",
    ];
    let token = visit.oauth().issue(ann, "kalends", &scopes, now);
    let message = json!({ "message": {
        "subject": "Hello",
        "body": { "contentType": "Text", "content": "Dear Bo" },
        "toRecipients": [{ "emailAddress": { "address": "bo@example.org" } }],
    } });
    let json_body = json!({ "Content-Type": "application/json" });
    let batch = json!({ "requests": [
        { "id": "1", "method": "GET", "url": "/me" },
        { "id": "2", "method": "POST", "url": "/me/sendMail", "headers": json_body, "body": message },
        { "id": "3", "method": "POST", "url": "/me/sendMail", "headers": json_body, "body": {} },
    ] });
    let reply = visit.post_json("/microsoft/v1.0/$batch", &token, &batch);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let responses = reply.json()["responses"].clone();
    assert_eq!(responses[0]["status"], 200, "{responses:#}");
    assert_eq!(responses[0]["body"]["mail"], ann);
    assert_eq!(responses[1]["status"], 202, "{responses:#}");
    assert_eq!(responses[2]["status"], 400, "{responses:#}");
    let [mail] = &visit.world.outbox[..] else {
        panic!("one mail");
    };
    assert_eq!((mail.from.as_str(), mail.subject.as_str()), (ann, "Hello"));
}

#[test]
fn graph_sends_json() {
    let mut visit = Visit::microsoft();
    let token = token(&mut visit, "https://graph.microsoft.com/Mail.Send");
    let body = json!({
        "message": {
            "subject": "Hello",
            "body": { "contentType": "Text", "content": "Dear Bo" },
            "toRecipients": [{ "emailAddress": { "address": "Bo@example.org", "name": "Bo" } }],
            "ccRecipients": [{ "emailAddress": { "address": "cy@example.org" } }],
        },
        "saveToSentItems": false,
    });
    let sent = visit.post_json(GRAPH, &token, &body);
    assert_eq!(
        (sent.status, sent.body.as_str()),
        (StatusCode::ACCEPTED, "")
    );
    let mail = visit.world.outbox.last().expect("a mail");
    assert_eq!(mail.from, "ann@contoso.example");
    assert_eq!(mail.to, ["bo@example.org", "cy@example.org"]);
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_str()),
        ("Hello", "Dear Bo")
    );
    assert_eq!(mail.raw, body.to_string().as_bytes());
}

#[test]
fn graph_sends_a_whole_message() {
    let mut visit = Visit::microsoft();
    let token = token(&mut visit, "Mail.Send");
    let message = format!("From: Ann <ann@contoso.example>\r\n{MESSAGE}");
    let sent = send_mime(&mut visit, &token, BASE64_STANDARD.encode(&message));
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.body);
    let mail = visit.world.outbox.last().expect("a mail");
    assert_eq!(
        (mail.subject.as_str(), mail.raw.as_ref()),
        ("Grüße", message.as_bytes())
    );
}

#[test]
fn graph_refuses_what_it_cannot_send() {
    let mut visit = Visit::microsoft();
    let good = token(&mut visit, "Mail.Send");
    let calendars = token(&mut visit, "Calendars.ReadWrite");
    let to = |address: &str| json!({ "message": { "toRecipients": [{ "emailAddress": { "address": address } }] } });
    assert_eq!(
        visit
            .post_json(GRAPH, &calendars, &to("bo@example.org"))
            .status
            .as_u16(),
        403
    );
    assert_eq!(
        visit
            .post_json(GRAPH, "garbled", &to("bo@example.org"))
            .status
            .as_u16(),
        401
    );
    let mut forged = to("bo@example.org");
    forged["message"]["from"] = json!({ "emailAddress": { "address": "boss@contoso.example" } });
    let cases = [
        (to("nowhere"), 400, "ErrorInvalidRecipients"),
        (
            json!({ "message": { "subject": "to nobody" } }),
            400,
            "ErrorInvalidRecipients",
        ),
        (json!({}), 400, "BadRequest"),
        (forged, 403, "ErrorSendAsDenied"),
    ];
    for (body, status, code) in cases {
        let refused = visit.post_json(GRAPH, &good, &body);
        assert_eq!(refused.status.as_u16(), status, "{body}");
        assert_eq!(refused.json()["error"]["code"], code, "{body}");
    }
    let garbled = send_mime(&mut visit, &good, "***".to_owned());
    assert_eq!(
        garbled.json()["error"]["code"],
        "ErrorMimeContentInvalidBase64String"
    );
    let empty = send_mime(&mut visit, &good, BASE64_STANDARD.encode("plain"));
    assert_eq!(empty.json()["error"]["code"], "ErrorMimeContentInvalid");
    assert!(visit.world.outbox.is_empty());
}
