//! `kalends sandbox` as whoever tests a calendar program meets it: pushes that really come, doors for the operator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::service::{Answer, Asking, Wire, as_};

/// The program, and what it told.
struct Sandbox {
    child: Child,
    told: Value,
    wire: Wire,
}

impl Sandbox {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kalends"))
            .args(["sandbox", "--json"])
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let base = told["caldav"]["base"].as_str().unwrap();
        let host = base.trim_start_matches("http://").trim_end_matches('/');
        Self {
            child,
            wire: Wire::new(host.to_owned()),
            told,
        }
    }

    /// The first person's token at a provider.
    fn token(&self, vendor: &str) -> &str {
        self.told[vendor]["users"][0]["access_token"]
            .as_str()
            .unwrap()
    }

    fn google(&self, method: &str, path: &str, body: Value) -> Answer {
        let path = format!("/google/calendar/v3/{path}");
        self.wire.sends(self.token("google"), method, &path, body)
    }

    fn graph(&self, method: &str, path: &str, body: Value) -> Answer {
        let path = format!("/microsoft/v1.0/{path}");
        self.wire
            .sends(self.token("microsoft"), method, &path, body)
    }

    /// Asks at an operator's door.
    fn door(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let asking = Asking {
            body,
            ..Asking::default()
        };
        self.wire
            .asks(method, &format!("/_sandbox/{path}"), &asking)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn meeting(title: &str) -> Value {
    json!({
        "summary": title,
        "start": { "dateTime": "2026-12-01T09:00:00Z" },
        "end": { "dateTime": "2026-12-01T10:00:00Z" },
    })
}

fn subscription(url: &str, minutes: i64) -> Value {
    let now = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap();
    let until = now + jiff::SignedDuration::from_mins(minutes);
    json!({
        "changeType": "created,updated,deleted",
        "notificationUrl": format!("{url}?of=graph"),
        "lifecycleNotificationUrl": format!("{url}?of=life"),
        "resource": "me/events",
        "expirationDateTime": until.to_string(),
        "clientState": "said-once",
    })
}

#[test]
fn google_says_hello_and_tells_of_changes_until_they_are_taken() {
    let sandbox = Sandbox::start(&[]);
    let receiver = Receiver::start();
    let channel =
        json!({ "id": "c-1", "type": "web_hook", "address": receiver.url(), "token": "t=1" });
    sandbox
        .google("POST", "calendars/primary/events/watch", channel)
        .is(200);
    let hello = receiver.hears(1, |heard| {
        heard.header("x-goog-resource-state") == Some("sync")
    });
    assert_eq!(hello[0].header("x-goog-channel-token"), Some("t=1"));
    assert_eq!(hello[0].header("content-length"), Some("0"));

    sandbox
        .google("POST", "calendars/primary/events", meeting("Audit"))
        .is(200);
    let told = receiver.hears(1, |heard| {
        heard.header("x-goog-resource-state") == Some("exists")
    });
    let user_agent = told[0].header("user-agent").unwrap();
    assert!(user_agent.starts_with("APIs-Google"), "{user_agent}");
}

#[test]
fn graph_asks_both_addresses_to_prove_themselves_and_answers_meanwhile() {
    let sandbox = Sandbox::start(&[]);
    let receiver = Receiver::start();
    receiver.asks_back(sandbox.told["caldav"]["base"].as_str().unwrap());
    let made = sandbox.graph("POST", "subscriptions", subscription(&receiver.url(), 60));
    let made = made.is(201);
    receiver.hears(2, |heard| heard.path().contains("validationToken="));

    let event = json!({
        "subject": "Audit",
        "start": { "dateTime": "2026-12-01T09:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-12-01T10:00:00", "timeZone": "UTC" },
    });
    sandbox.graph("POST", "me/events", event).is(201);
    let told = receiver.hears(1, |heard| !heard.body.is_empty());
    let body: Value = serde_json::from_str(&told[0].body).unwrap();
    assert_eq!(body["value"][0]["subscriptionId"], made["id"]);
    assert_eq!(body["value"][0]["clientState"], "said-once");
    assert_eq!(body["value"][0]["changeType"], "created");
}

#[test]
fn an_address_that_proves_nothing_gets_no_subscription() {
    let sandbox = Sandbox::start(&[]);
    let receiver = Receiver::start();
    receiver.proves_nothing();
    let refused = sandbox.graph("POST", "subscriptions", subscription(&receiver.url(), 60));
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("validation request failed"));
    let listed = sandbox
        .wire
        .get(sandbox.token("microsoft"), "/microsoft/v1.0/subscriptions");
    assert_eq!(listed.is(200)["value"], json!([]));
}
