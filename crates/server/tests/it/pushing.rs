//! Push on the wire: the demo asks its Google and its Microsoft to say when a calendar changes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::consent::connect;
use crate::service::{Asking, Service};

/// How often it is looked whether a channel is open: half a minute in all.
const LOOKS: usize = 150;

/// The links of an account, by its provider, once they were synced.
#[track_caller]
fn link(service: &Service, vendor: &str, account: &str) -> Value {
    connect(service, service.owner(), vendor, account);
    let listed = service.get(service.owner(), "/api/calendar/list/").is(200);
    let known = listed["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .find(|known| known["email"] == account)
        .unwrap();
    let body = json!({ "credential_id": known["id"] });
    let synced = service
        .sends(service.owner(), "POST", "/api/calendar/sync/", body)
        .is(200);
    synced["link_id"].clone()
}

#[track_caller]
fn push(service: &Service, link: &Value) -> Value {
    let path = format!("/api/calendar/links/{}/", link.as_str().unwrap());
    service.get(service.owner(), &path).is(200)["link"]["push"].clone()
}

/// Waits until a provider was asked for a channel, and gave one.
#[track_caller]
fn asked(service: &Service, link: &Value) -> Value {
    for _ in 0..LOOKS {
        let said = push(service, link);
        let is_asked = said["reason"] == "the provider was asked, and has not called yet";
        if is_asked || said["state"] == "open" {
            return said;
        }
        assert_ne!(said["state"], "polling", "{said}");
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("no channel: {}", push(service, link));
}

#[test]
fn a_channel_is_opened_by_itself_and_its_secrets_stay_between_kalends_and_the_provider() {
    let service = Service::start();
    for (vendor, account) in [
        ("google", "ann@example.com"),
        ("microsoft", "ann@contoso.example"),
    ] {
        let link = link(&service, vendor, account);
        asked(&service, &link);
    }
    let kept = service.kept();
    let kept = String::from_utf8_lossy(&kept);
    let log = service.log();
    assert!(log.contains("answered"), "the log is empty");
    for secret in ["kah_", "kac_"] {
        assert!(!kept.contains(secret), "{secret} is kept in clear");
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_calendar_that_nobody_tells_of_says_so() {
    let service = Service::start();
    let listed = service.get(service.owner(), "/api/calendar/links/").is(200);
    assert_eq!(
        listed["links"][0]["push"],
        json!({
            "state": "polling",
            "reason": "this provider does not say when a calendar changes",
            "expires_at": null,
            "last_signal_at": null,
            "problem": null,
        })
    );
}

#[test]
fn who_calls_in_vain_is_answered_like_everybody_and_soon_not_at_all() {
    let service = Service::start();
    let calls = |path: &str| {
        let asking = Asking {
            headers: vec![
                ("x-goog-channel-id", "made-up".to_owned()),
                ("x-goog-resource-state", "exists".to_owned()),
                ("x-goog-channel-token", "kac_made-up".to_owned()),
            ],
            ..Asking::default()
        };
        service.asks("POST", path, &asking)
    };
    let slashed = calls("/api/hooks/google/kah_made-up/").refused(404, "not_found");
    let unslashed = calls("/api/hooks/google/kah_made-up").refused(404, "not_found");
    assert_eq!(slashed, unslashed);
    let microsoft = |subscription: &str| {
        let asking = Asking {
            body: Some(json!({ "value": [{
                "subscriptionId": subscription, "changeType": "updated", "clientState": "kac_made-up",
            }] })),
            ..Asking::default()
        };
        service.asks("POST", "/api/hooks/microsoft/kah_made-up/", &asking)
    };
    assert_eq!(microsoft("made-up").status, 202);
    let token = service.asks(
        "POST",
        "/api/hooks/microsoft/kah_made-up/?validationToken=echo",
        &Asking::default(),
    );
    assert_eq!(token.status, 404);
    assert!(!token.text.contains("echo"), "{}", token.text);
    let get = service.asks("GET", "/api/hooks/google/kah_made-up/", &Asking::default());
    get.refused(405, "method_not_allowed");
    let last = (0..30)
        .map(|_| calls("/api/hooks/google/kah_made-up/").status)
        .find(|status| *status != 404);
    assert_eq!(last, Some(429));
}
