//! Ann's desk: her mailbox and Ben's, and short ways to ask for things.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kalends_sandbox::microsoft::{Account, Microsoft};
use kalends_sandbox::{Fault, Outcome, World, handle_with};
use serde_json::{Value, json};

pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const BEN: &str = "ben@example.com";
pub(crate) const IMMUTABLE: (&str, &str) = ("prefer", "IdType=\"ImmutableId\"");

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    /// The id of Ann's default calendar.
    pub(crate) calendar: String,
    ann: String,
    ben: String,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

/// A request in the making.
pub(crate) struct Ask<'a> {
    method: &'a str,
    path: String,
    headers: Vec<(&'a str, String)>,
    body: Option<Value>,
    ben: bool,
    fault: Option<Fault>,
}

/// A request for a path below the version, or for a whole link.
pub(crate) fn ask(method: &str, path: impl Into<String>) -> Ask<'_> {
    Ask {
        method,
        path: path.into(),
        headers: Vec::new(),
        body: None,
        ben: false,
        fault: None,
    }
}

impl<'a> Ask<'a> {
    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn immutable(self) -> Self {
        self.header(IMMUTABLE.0, IMMUTABLE.1)
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn by_ben(mut self) -> Self {
        self.ben = true;
        self
    }

    pub(crate) fn struck(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// Everything that the face knows a scope for.
const SCOPES: [&str; 2] = [
    "https://graph.microsoft.com/Calendars.ReadWrite",
    "https://graph.microsoft.com/MailboxSettings.ReadWrite",
];

impl Desk {
    pub(crate) fn new() -> Self {
        let mut world = World::new("https://sandbox.example.com");
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let graph = &mut world.microsoft;
        let account = |email, name| Account {
            email,
            name,
            time_zone: "W. Europe Standard Time",
        };
        let calendar = graph.add_account(account(ANN, "Ann")).expect("a mailbox");
        graph.add_account(account(BEN, "Ben")).expect("a mailbox");
        let ann = graph.oauth.issue(ANN, "kalends", &SCOPES, now);
        let ben = graph.oauth.issue(BEN, "kalends", &SCOPES, now);
        Self {
            world,
            now,
            calendar,
            ann,
            ben,
        }
    }

    pub(crate) fn graph(&mut self) -> &mut Microsoft {
        &mut self.world.microsoft
    }

    /// A minute passes.
    pub(crate) fn tick(&mut self) {
        self.now += SignedDuration::from_secs(60);
    }

    pub(crate) fn build(&self, ask: &Ask<'_>) -> Request<Bytes> {
        let uri = if ask.path.starts_with("https://") {
            ask.path.clone()
        } else {
            format!("https://sandbox.example.com/microsoft/v1.0{}", ask.path)
        };
        let token = if ask.ben { &self.ben } else { &self.ann };
        let mut request = Request::builder()
            .method(Method::from_bytes(ask.method.as_bytes()).expect("a method"))
            .uri(uri);
        if !ask.headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let body = ask.body.as_ref().map(Value::to_string).unwrap_or_default();
        request.body(Bytes::from(body)).expect("a request")
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request is made where it is sent, and sent once"
    )]
    pub(crate) fn send(&mut self, ask: Ask<'_>) -> Answer {
        let request = self.build(&ask);
        match handle_with(&mut self.world, &request, self.now, ask.fault) {
            Outcome::Answered(response) => Answer {
                status: response.status(),
                headers: response.headers().clone(),
                body: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
            },
            Outcome::Lost => panic!("the answer was lost"),
        }
    }

    pub(crate) fn get(&mut self, path: impl Into<String>) -> Answer {
        self.send(ask("GET", path))
    }

    pub(crate) fn post(&mut self, path: impl Into<String>, body: Value) -> Answer {
        self.send(ask("POST", path).body(body))
    }

    pub(crate) fn patch(&mut self, id: &str, body: Value) -> Answer {
        self.send(ask("PATCH", event_path(id)).body(body))
    }

    pub(crate) fn delete(&mut self, id: &str) -> Answer {
        self.send(ask("DELETE", event_path(id)))
    }

    pub(crate) fn event(&mut self, id: &str) -> Answer {
        self.get(event_path(id))
    }

    /// Creates an event in Ann's default calendar and returns what the server says of it.
    pub(crate) fn create(&mut self, event: Value) -> Value {
        let answer = self.post("/me/events", event);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }

    /// The same, and only its normal id.
    pub(crate) fn create_id(&mut self, event: Value) -> String {
        text(&self.create(event)["id"])
    }

    /// What stands in Ann's calendar between two days.
    pub(crate) fn view(&mut self, from: &str, until: &str) -> Vec<Value> {
        let path =
            format!("/me/calendarView?startDateTime={from}&endDateTime={until}&$top=100&$select=*");
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.values()
    }

    /// The id of the occurrence that starts on a day.
    pub(crate) fn occurrence(&mut self, master: &str, day: &str) -> String {
        let path = format!(
            "/me/events/{}/instances?startDateTime={day}T00:00:00Z&endDateTime={day}T23:59:59Z",
            escape(master)
        );
        let answer = self.get(path);
        assert_eq!(answer.values().len(), 1, "{}", answer.body);
        text(&answer.body["value"][0]["id"])
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        self.body["value"].as_array().cloned().unwrap_or_default()
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (
            self.status.as_u16(),
            self.body["error"]["code"].as_str().unwrap_or_default(),
        )
    }

    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    /// The subjects of a listing.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.values()
            .iter()
            .map(|event| text(&event["subject"]))
            .collect()
    }

    pub(crate) fn next(&self) -> Option<String> {
        self.body["@odata.nextLink"].as_str().map(str::to_owned)
    }

    pub(crate) fn delta(&self) -> Option<String> {
        self.body["@odata.deltaLink"].as_str().map(str::to_owned)
    }
}

pub(crate) fn event_path(id: &str) -> String {
    format!("/me/events/{}", escape(id))
}

pub(crate) fn escape(id: &str) -> String {
    id.replace('=', "%3D")
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A time in Berlin, by its Windows name.
pub(crate) fn berlin(local: &str) -> Value {
    json!({ "dateTime": local, "timeZone": "W. Europe Standard Time" })
}

/// An hour on a day in March, in UTC.
pub(crate) fn hour(subject: &str, day: &str) -> Value {
    json!({
        "subject": subject,
        "start": { "dateTime": format!("{day}T09:00:00"), "timeZone": "UTC" },
        "end": { "dateTime": format!("{day}T10:00:00"), "timeZone": "UTC" },
    })
}

/// A series from the 2nd of March at nine in Berlin, an hour each day.
pub(crate) fn daily(subject: &str, range: Value) -> Value {
    let mut range = range;
    range["startDate"] = "2026-03-02".into();
    json!({
        "subject": subject,
        "start": berlin("2026-03-02T09:00:00"),
        "end": berlin("2026-03-02T10:00:00"),
        "recurrence": { "pattern": { "type": "daily", "interval": 1 }, "range": range },
    })
}

/// The same, five times.
pub(crate) fn five_days(subject: &str) -> Value {
    daily(
        subject,
        json!({ "type": "numbered", "numberOfOccurrences": 5 }),
    )
}

/// Somebody to be invited.
pub(crate) fn guest(email: &str) -> Value {
    json!({ "type": "required", "emailAddress": { "address": email, "name": email } })
}
