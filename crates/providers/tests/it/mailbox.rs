//! Mails that leave by a mailbox at Google or Microsoft, as bytes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::ToSpan;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::seams::Clock;
use kalends_providers::http::{Transport, TransportError};
use kalends_providers::mail::Mailbox;
use kalends_providers::oauth::Vendor;
use serde_json::Value;

use crate::google::Purse;
use crate::script::{Script, Still};

const GOOGLE: &str = "POST https://gmail.googleapis.com/gmail/v1/users/me/messages/send";
const MICROSOFT: &str = "POST https://graph.microsoft.com/v1.0/me/sendMail";

/// Its bytes make `+` and `/` in one alphabet, `-` and `_` in the other.
const MESSAGE: &[u8] = b"Subject: =?utf-8?b?w7w=?=\r\n\r\n\xfb\xff\xbf>>>???\r\n";

async fn send(script: &Arc<Script>, vendor: Vendor) -> Result<(), Failure> {
    let base = match vendor {
        Vendor::Google => "https://gmail.googleapis.com/",
        Vendor::Microsoft => "https://graph.microsoft.com/",
    };
    let mailbox = Mailbox {
        vendor,
        base: base.parse().unwrap(),
        tokens: Arc::new(Purse::default()),
        transport: Arc::clone(script) as Arc<dyn Transport>,
    };
    mailbox.send(MESSAGE, Still.now()).await
}

#[tokio::test]
async fn a_message_leaves_whole_as_each_vendor_wants_it() {
    let script = Script::new().on(GOOGLE, 200, r#"{"id":"1"}"#);
    send(&script, Vendor::Google).await.unwrap();
    let body: Value = serde_json::from_str(&script.last_body()).unwrap();
    let raw = URL_SAFE.decode(body["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw, MESSAGE);
    assert_eq!(
        script.last_header("content-type").unwrap(),
        "application/json"
    );
    assert_eq!(
        script.last_header("authorization").unwrap(),
        "Bearer token-0"
    );

    let script = Script::new().on(MICROSOFT, 202, "");
    send(&script, Vendor::Microsoft).await.unwrap();
    assert_eq!(STANDARD.decode(script.last_body()).unwrap(), MESSAGE);
    assert_eq!(script.last_header("content-type").unwrap(), "text/plain");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let script = Script::new()
        .on(GOOGLE, 401, "")
        .on(GOOGLE, 200, r#"{"id":"1"}"#);
    send(&script, Vendor::Google).await.unwrap();
    assert_eq!(
        script.last_header("authorization").unwrap(),
        "Bearer token-1"
    );
    let script = Script::new().on(GOOGLE, 401, "").on(GOOGLE, 401, "");
    let failure = send(&script, Vendor::Google).await.unwrap_err();
    assert_eq!(failure.class, Class::ReconnectNeeded);
}

#[tokio::test]
async fn a_mail_that_is_refused_says_whether_it_is_worth_another_try() {
    let in_a_minute = Still.now() + 60.seconds();
    let table = [
        (400, Class::Item),
        (403, Class::Forbidden),
        (408, Class::Unknown),
        (500, Class::Unknown),
        (504, Class::Unknown),
        (
            429,
            Class::Passing {
                retry_at: Some(in_a_minute),
            },
        ),
        (
            503,
            Class::Passing {
                retry_at: Some(in_a_minute),
            },
        ),
    ];
    for vendor in [Vendor::Google, Vendor::Microsoft] {
        let line = match vendor {
            Vendor::Google => GOOGLE,
            Vendor::Microsoft => MICROSOFT,
        };
        for (status, class) in &table {
            let script = Script::new().on_with(line, *status, &[("retry-after", "60")], "said");
            let failure = send(&script, vendor).await.unwrap_err();
            assert_eq!(failure.class, *class, "{status}");
            assert!(failure.message.contains(vendor.name()), "{failure}");
        }
    }
    // It may have left, as it may where a gateway answers.
    let lost = TransportError::Unanswered {
        host: "graph.microsoft.com".to_owned(),
        reason: "cut".to_owned(),
    };
    let script = Script::new().fails(MICROSOFT, lost);
    let failure = send(&script, Vendor::Microsoft).await.unwrap_err();
    assert_eq!(failure.class, Class::Unknown);
}
