//! An operator's desk: a world behind its door, with Ann at Google and Microsoft and Ada at CalDAV.

use bytes::Bytes;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use kalends_sandbox::caldav::authorization;
use kalends_sandbox::control::{Exchange, exchange};
use kalends_sandbox::oauth::Client;
use kalends_sandbox::{Outcome, World};
use serde_json::{Value, json};

pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const MIA: &str = "mia@contoso.example";
pub(crate) const ADA: &str = "ada";
const CLIENT: &str = "kalends";

pub(crate) struct Desk {
    pub(crate) world: World,
    /// What the holder's clock says.
    pub(crate) now: Timestamp,
    google: String,
    microsoft: String,
    ada: String,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.json);
        self.json
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let mut world = World::new("http://127.0.0.1:8090");
        world.reseed(7);
        for oauth in [&mut world.google.oauth, &mut world.microsoft.oauth] {
            oauth.register_client(Client::web(CLIENT, "secret", "http://127.0.0.1/back"));
        }
        world.google.switches.channels.https_required = false;
        let mut desk = Self {
            world,
            now: "2026-05-20T08:00:00Z".parse().expect("a time"),
            google: String::new(),
            microsoft: String::new(),
            ada: String::new(),
        };
        for (face, user) in [("google", ANN), ("microsoft", MIA), ("caldav", ADA)] {
            let made = desk
                .door("POST", "users", json!({ "face": face, "user": user }))
                .is(201);
            assert!(made["password"].is_string(), "{made}");
            match face {
                "caldav" => desk.ada = authorization(&desk.world.accounts[user]),
                "google" => desk.google = desk.token(face, user),
                _ => desk.microsoft = desk.token(face, user),
            }
        }
        desk
    }

    pub(crate) fn token(&mut self, face: &str, user: &str) -> String {
        let given = self.door("POST", "tokens", json!({ "face": face, "user": user }));
        let token = given.is(201)["access_token"].clone();
        format!("Bearer {}", token.as_str().expect("a token"))
    }

    pub(crate) fn wait(&mut self, span: SignedDuration) {
        self.now += span;
    }

    /// Asks at an operator's door.
    pub(crate) fn door(&mut self, method: &str, path: &str, body: Value) -> Answer {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = request(method, &format!("/_sandbox/{path}"), "", body);
        read(self.exchange(&request))
    }

    pub(crate) fn sees(&mut self, path: &str) -> Value {
        self.door("GET", path, Value::Null).is(200)
    }

    pub(crate) fn exchange(&mut self, request: &Request<Bytes>) -> Exchange {
        exchange(&mut self.world, request, self.now)
    }

    /// A request of Ann's to Google.
    pub(crate) fn to_google(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let path = format!("/google/calendar/v3/{path}");
        request(method, &path, &self.google, text(body))
    }

    /// A request of Mia's to Graph.
    pub(crate) fn to_graph(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let path = format!("/microsoft/v1.0/{path}");
        request(method, &path, &self.microsoft, text(body))
    }

    /// Ada's request to her calendar.
    pub(crate) fn to_caldav(&self, method: &str, path: &str, body: &str) -> Request<Bytes> {
        let path = format!("/dav/calendars/ada/work/{path}");
        request(method, &path, &self.ada, body.to_owned())
    }

    pub(crate) fn google(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.to_google(method, path, body);
        read(self.exchange(&request))
    }

    pub(crate) fn graph(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.to_graph(method, path, body);
        read(self.exchange(&request))
    }
}

fn text(body: &Value) -> String {
    if body.is_null() {
        String::new()
    } else {
        body.to_string()
    }
}

fn request(method: &str, path: &str, authorization: &str, body: String) -> Request<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    request.body(Bytes::from(body)).expect("a request")
}

#[track_caller]
pub(crate) fn arrived(exchange: Exchange) -> Response<Bytes> {
    match exchange.outcome {
        Outcome::Answered(response) => response,
        Outcome::Lost => panic!("the answer was lost"),
    }
}

#[track_caller]
fn read(exchange: Exchange) -> Answer {
    let response = arrived(exchange);
    Answer {
        status: response.status().as_u16(),
        json: serde_json::from_slice(response.body()).unwrap_or_default(),
    }
}

/// A meeting as Google takes it.
pub(crate) fn meeting(title: &str) -> Value {
    json!({
        "summary": title,
        "start": { "dateTime": "2026-06-01T09:00:00Z" },
        "end": { "dateTime": "2026-06-01T10:00:00Z" },
    })
}

/// The same as Graph takes it.
pub(crate) fn appointment(title: &str) -> Value {
    json!({
        "subject": title,
        "start": { "dateTime": "2026-06-01T09:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-06-01T10:00:00", "timeZone": "UTC" },
    })
}
