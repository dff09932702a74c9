//! Push on the wire: the demo asks its Google and its Microsoft to say when a calendar changes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::consent::connect;
use crate::service::{Asking, Service, as_, exchange};

/// How often it is looked whether something has come about: for half a minute in all.
const LOOKS: usize = 150;
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(200);

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

/// Waits until a link is told of changes.
#[track_caller]
fn opens(service: &Service, link: &Value) {
    for _ in 0..LOOKS {
        let said = push(service, link);
        if said["state"] == "open" {
            return;
        }
        assert_eq!(said["state"], "opening", "{said}");
        std::thread::sleep(PAUSE);
    }
    panic!("no channel: {}", push(service, link));
}

/// Makes an event at the stand-in of a vendor, as its owner does in another program.
#[track_caller]
fn make(service: &Service, vendor: &str, title: &str) {
    let there = &service.told()["sandbox"][vendor];
    let base = there["base"].as_str().unwrap();
    let (host, folder) = base
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .unwrap();
    let time = |hour: u8| json!({ "dateTime": format!("2026-12-07T{hour:02}:00:00"), "timeZone": "Europe/Berlin" });
    let (path, named) = match vendor {
        "google" => ("calendar/v3/calendars/primary/events", "summary"),
        _ => ("v1.0/me/events", "subject"),
    };
    let body = json!({ named: title, "start": time(9), "end": time(10) });
    let asking = as_(there["users"][0]["access_token"].as_str().unwrap());
    let path = format!("/{folder}/{path}");
    let made = exchange(host, "POST", &path, &asking, Some(&body.to_string()));
    assert!([200, 201].contains(&made.status), "{}", made.text);
}

/// Waits until something stands in the change feed.
#[track_caller]
fn arrives(service: &Service, title: &str) {
    for _ in 0..LOOKS {
        let feed = service.get(service.owner(), "/api/calendar/changes/?limit=500");
        if feed.text.contains(title) {
            return;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{title} has not arrived");
}

#[test]
fn a_change_arrives_long_before_the_next_poll_and_no_secret_is_left_behind() {
    let service = Service::start();
    for (vendor, account) in [
        ("google", "ann@example.com"),
        ("microsoft", "ann@contoso.example"),
    ] {
        let link = link(&service, vendor, account);
        opens(&service, &link);
        let title = format!("Made at {vendor}");
        make(&service, vendor, &title);
        // A poll would come in four and a half minutes at the soonest; this gives up after half a minute.
        arrives(&service, &title);
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
