//! `kalends sandbox` as whoever tests a calendar program meets it: pushes that really come, doors for the operator.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::service::{Answer, Asking, Wire};

/// The program, and what it told.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) told: Value,
    wire: Wire,
}

impl Sandbox {
    pub(crate) fn start(arguments: &[&str]) -> Self {
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
    pub(crate) fn door(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let asking = Asking {
            body,
            ..Asking::default()
        };
        self.wire
            .asks(method, &format!("/_sandbox/{path}"), &asking)
    }
}

impl Sandbox {
    /// Asks it to end, and waits until it has.
    fn ends(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(self.child.wait().unwrap().success());
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

fn subscription(sandbox: &Sandbox, url: &str) -> Value {
    let now = sandbox.door("GET", "clock", None).is(200)["now"].clone();
    let now: jiff::Timestamp = now.as_str().unwrap().parse().unwrap();
    let until = now + jiff::SignedDuration::from_mins(60);
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
fn a_push_that_meets_an_error_comes_again() {
    let sandbox = Sandbox::start(&[]);
    let receiver = Receiver::start();
    receiver.refuses(&[503]);
    let channel = json!({ "id": "c-1", "type": "web_hook", "address": receiver.url() });
    sandbox
        .google("POST", "calendars/primary/events/watch", channel)
        .is(200);
    receiver.hears(1, |_| true);
    // The world's clock moves on, and nobody has to wait for the second try.
    let answered = |sandbox: &Sandbox| sandbox.door("GET", "pushes", None).is(200);
    while answered(&sandbox)["pushes"] == json!([]) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let later = json!({ "advance": "20s" });
    sandbox.door("PUT", "clock", Some(later)).is(200);
    receiver.hears(2, |heard| {
        heard.header("x-goog-resource-state") == Some("sync")
    });
    assert_eq!(answered(&sandbox)["pushes"][0]["status"], 503);
}

#[test]
fn graph_asks_both_addresses_to_prove_themselves_and_answers_meanwhile() {
    let sandbox = Sandbox::start(&[]);
    let receiver = Receiver::start();
    receiver.asks_back(sandbox.told["caldav"]["base"].as_str().unwrap());
    let made = sandbox.graph(
        "POST",
        "subscriptions",
        subscription(&sandbox, &receiver.url()),
    );
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
    let refused = sandbox.graph(
        "POST",
        "subscriptions",
        subscription(&sandbox, &receiver.url()),
    );
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("validation request failed"));
    let listed = sandbox
        .wire
        .get(sandbox.token("microsoft"), "/microsoft/v1.0/subscriptions");
    assert_eq!(listed.is(200)["value"], json!([]));
}

#[test]
fn a_lost_answer_is_a_dead_line_and_a_cut_one_half_a_text() {
    let sandbox = Sandbox::start(&[]);
    let list = || {
        let mut stream = TcpStream::connect(&sandbox.wire.host).unwrap();
        let request = format!(
            "GET /google/calendar/v3/users/me/calendarList HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            sandbox.token("google")
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A line that is reset has sent what it has sent.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    let strikes = |fault: Value| {
        let rules = json!({ "rules": [{ "fault": fault, "face": "google" }] });
        sandbox.door("PUT", "faults", Some(rules)).is(200);
    };
    let whole = list();
    assert!(whole.starts_with("HTTP/1.1 200"), "{whole}");
    strikes(json!({ "kind": "lost_after_effect" }));
    assert_eq!(list(), "");
    strikes(json!({ "kind": "cut_body", "keep_percent": 50 }));
    let cut = list();
    assert!(cut.starts_with("HTTP/1.1 200"), "{cut}");
    assert!(cut.contains("\"items\""), "{cut}");
    assert!(!cut.ends_with("0\r\n\r\n"), "it ends as a whole one: {cut}");
    assert!(cut.len() < whole.len());
    strikes(json!({ "kind": "delay", "ms": 400 }));
    let asked = sandbox.door("GET", "clock", None).is(200)["now"].clone();
    assert!(list().starts_with("HTTP/1.1 200"));
    let answered = sandbox.door("GET", "clock", None).is(200)["now"].clone();
    let [asked, answered] =
        [asked, answered].map(|at| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    assert!(answered.duration_since(asked).as_millis() >= 400);
}

#[test]
fn a_world_outlives_its_program() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("world.json");
    let file = file.to_str().unwrap();
    let first = Sandbox::start(&["--seed", "clinic", "--world", file]);
    first
        .google("POST", "calendars/primary/events", meeting("Audit"))
        .is(200);
    let (secret, token) = (
        first.told["google"]["client_secret"].clone(),
        first.token("google").to_owned(),
    );
    first.ends();

    let again = Sandbox::start(&["--world", file]);
    assert_eq!(again.told["google"]["client_secret"], secret);
    let path = "/google/calendar/v3/calendars/primary/events?q=Audit";
    let listed = again.wire.get(&token, path).is(200);
    assert_eq!(listed["items"][0]["summary"], "Audit");

    std::fs::write(file, "{}").unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_kalends"))
        .args(["sandbox", "--world", file])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("cannot take the world from"), "{said}");
}
