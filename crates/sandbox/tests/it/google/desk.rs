//! Ann's and Bob's desks: one Google, and short ways to ask it for things. Every answer is checked against the schema.

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::{SignedDuration, Timestamp};
use kalends_sandbox::google::{Google, Visit};
use kalends_sandbox::{Fault, Outcome, World, handle, handle_with};
use serde_json::{Value, json};

use super::schema;

pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const BOB: &str = "bob@example.com";
pub(crate) const CLIENT: &str = "kalends.apps.example.com";
pub(crate) const ALL: &str = "https://www.googleapis.com/auth/calendar";
/// Ann's events.
pub(crate) const EVENTS: &str = "calendars/primary/events";

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    /// Who asks.
    pub(crate) token: String,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) response: Response<Bytes>,
}

impl Desk {
    /// Ann, in Berlin, asks; Bob, in New York, has a calendar too.
    pub(crate) fn new() -> Self {
        let now: Timestamp = "2026-05-20T08:00:00Z".parse().expect("a time");
        let mut world = World::new("https://sandbox.example.com");
        world
            .google
            .add_account(ANN, "Ann Example", "Europe/Berlin", now);
        world
            .google
            .add_account(BOB, "Bob Example", "America/New_York", now);
        let mut desk = Self {
            world,
            now,
            token: String::new(),
        };
        desk.sign_in(ANN, &[ALL]);
        desk
    }

    pub(crate) fn google(&mut self) -> &mut Google {
        &mut self.world.google
    }

    /// From now on this person asks, with a token for these scopes.
    pub(crate) fn sign_in(&mut self, email: &str, scopes: &[&str]) {
        let now = self.now;
        self.token = self.google().oauth.issue(email, CLIENT, scopes, now);
    }

    pub(crate) fn wait(&mut self, span: SignedDuration) {
        self.now += span;
    }

    pub(crate) fn request(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Request<Bytes> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder()
            .method(method)
            .uri(format!(
                "https://sandbox.example.com/google/calendar/v3/{path}"
            ))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        request.body(body).expect("a request")
    }

    pub(crate) fn send_if(
        &mut self,
        what: (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        self.wait(SignedDuration::from_secs(1));
        let request = self.request(what, headers, body);
        let response = handle(&mut self.world, &request, self.now);
        let answer = Answer::read(response);
        schema::check(what, &answer);
        answer
    }

    pub(crate) fn send(&mut self, what: (&str, &str), body: Option<&Value>) -> Answer {
        self.send_if(what, &[], body)
    }

    pub(crate) fn struck(&mut self, path: &str, fault: Fault) -> Answer {
        self.wait(SignedDuration::from_secs(1));
        let request = self.request(("GET", path), &[], None);
        match handle_with(&mut self.world, &request, self.now, Some(fault)) {
            Outcome::Answered(response) => Answer::read(response),
            Outcome::Lost => panic!("the answer was lost"),
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(("GET", path), None)
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send(("POST", path), Some(body))
    }

    pub(crate) fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.send(("PUT", path), Some(body))
    }

    pub(crate) fn patch(&mut self, path: &str, body: &Value) -> Answer {
        self.send(("PATCH", path), Some(body))
    }

    pub(crate) fn delete(&mut self, path: &str) -> Answer {
        self.send(("DELETE", path), None)
    }

    /// Makes an event of Ann's and gives it back.
    pub(crate) fn insert(&mut self, body: &Value) -> Value {
        self.post(EVENTS, body).ok()
    }

    /// Everything a listing has, over all its pages, and the sync token at its end.
    pub(crate) fn list(&mut self, query: &str) -> (Vec<Value>, Option<String>) {
        let mut items = Vec::new();
        let mut page = String::new();
        loop {
            let answer = self.get(&format!("{EVENTS}?{query}{page}")).ok();
            items.extend(answer["items"].as_array().expect("items").iter().cloned());
            let next = answer["nextPageToken"].as_str();
            let sync = answer["nextSyncToken"].as_str();
            assert!(next.is_none() || sync.is_none(), "both tokens");
            match next {
                Some(token) => page = format!("&pageToken={}", encoded(token)),
                None => return (items, sync.map(str::to_owned)),
            }
        }
    }

    /// A full listing's sync token.
    pub(crate) fn cursor(&mut self) -> String {
        self.list("").1.expect("a sync token")
    }

    /// What has changed since a cursor, and the next one.
    pub(crate) fn changes(&mut self, cursor: &str) -> (Vec<Value>, String) {
        let (items, next) = self.list(&format!("syncToken={}", encoded(cursor)));
        (items, next.expect("a sync token"))
    }
}

impl Answer {
    pub(crate) fn read(response: Response<Bytes>) -> Self {
        let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        Self {
            status: response.status().as_u16(),
            json,
            response,
        }
    }

    /// The resource; the story ends here when there is none.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{:#}", self.json);
        self.json
    }

    /// Status, domain, reason and message of a refusal.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, String) {
        let error = &self.json["error"];
        assert_eq!(error["code"], self.status, "{:#}", self.json);
        let first = &error["errors"][0];
        let text = |name: &str| first[name].as_str().expect("text").to_owned();
        let said = format!("{}.{}: {}", text("domain"), text("reason"), text("message"));
        (self.status, said)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.response.headers().get(name)?;
        Some(value.to_str().expect("text"))
    }
}

/// Text for a query.
pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A meeting in Berlin on the first of June, from ten to eleven.
pub(crate) fn meeting(title: &str) -> Value {
    json!({
        "summary": title,
        "start": { "dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin" },
        "end": { "dateTime": "2026-06-01T11:00:00+02:00", "timeZone": "Europe/Berlin" },
    })
}

/// The same with more members.
pub(crate) fn meeting_with(title: &str, more: Value) -> Value {
    let mut event = meeting(title);
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}

/// Ten o'clock every Monday from the first of June on.
pub(crate) fn weekly(title: &str, count: u32) -> Value {
    let rule = format!("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT={count}");
    meeting_with(title, json!({ "recurrence": [rule] }))
}

/// The text of a member.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value:#}"))
}

/// Members of a list, by name.
pub(crate) fn each(items: &[Value], name: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| text(item, name).to_owned())
        .collect()
}

/// Ann in front of Google's web page.
pub(crate) fn ann() -> Visit<'static> {
    Visit::primary(ANN)
}
