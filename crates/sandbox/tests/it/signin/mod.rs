//! Somebody at a browser, and the server of a client behind it: signing in, and what tokens lead to.

mod doors;
mod google;
mod identity;
mod mail;
mod microsoft;
mod operator;
mod pages;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kalends_sandbox::control::exchange;
use kalends_sandbox::oauth::{Client, ClientKind, Holder, Oauth, Person, Style};
use kalends_sandbox::{Outcome, World};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where the client waits for codes.
const BACK: &str = "https://app.example/back";
/// A verifier, and what it is to be met by.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A browser, a client, and the world that both talk to.
struct Visit {
    world: World,
    now: Timestamp,
    style: Style,
    cookie: Option<String>,
}

/// An answer, read.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    response: Response<Bytes>,
    body: String,
}

/// A form on a page, as a browser would send it.
#[derive(Clone, Debug)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

/// What is sent, by name. An empty value leaves a parameter out.
type Pairs<'a> = [(&'a str, &'a str)];

impl Visit {
    fn google() -> Self {
        let mut visit = Self::at(Style::Google);
        for (email, name, subject) in [
            ("ann@example.com", "Ann Lee", "1001"),
            ("bo@gmail.com", "Bo", "1002"),
        ] {
            visit.oauth().register(person(email, name, subject));
        }
        visit
    }

    fn microsoft() -> Self {
        let mut visit = Self::at(Style::Microsoft);
        for (email, name, subject) in [
            ("ann@contoso.example", "Ann Lee", "oid-ann"),
            ("bo@outlook.com", "Bo", "oid-bo"),
        ] {
            visit.oauth().register(person(email, name, subject));
        }
        let page = Client::public("page", ClientKind::SinglePage, BACK);
        let desk = Client::public("desk", ClientKind::Native, "http://localhost");
        visit.oauth().register_client(page);
        visit.oauth().register_client(desk);
        visit
    }

    fn at(style: Style) -> Self {
        let mut visit = Self {
            world: World::new("https://sandbox.example"),
            now: "2026-03-01T12:00:00Z".parse().expect("a time"),
            style,
            cookie: None,
        };
        let mut client = Client::web("kalends", "s3cret", BACK);
        "Kalends".clone_into(&mut client.name);
        visit.oauth().register_client(client);
        visit
    }

    fn oauth(&mut self) -> &mut Oauth {
        match self.style {
            Style::Google => &mut self.world.google.oauth,
            Style::Microsoft => &mut self.world.microsoft.oauth,
        }
    }

    /// The first person, and the client.
    fn holder(&self) -> Holder {
        Holder {
            email: self.ann().to_owned(),
            client: "kalends".to_owned(),
        }
    }

    fn ann(&self) -> &'static str {
        match self.style {
            Style::Google => "ann@example.com",
            Style::Microsoft => "ann@contoso.example",
        }
    }

    fn authorize_path(&self) -> &'static str {
        match self.style {
            Style::Google => "/google/o/oauth2/v2/auth",
            Style::Microsoft => "/microsoft/common/oauth2/v2.0/authorize",
        }
    }

    fn token_path(&self) -> &'static str {
        match self.style {
            Style::Google => "/google/token",
            Style::Microsoft => "/microsoft/common/oauth2/v2.0/token",
        }
    }

    fn wait(&mut self, time: SignedDuration) {
        self.now += time;
    }

    fn send(&mut self, request: &Request<Bytes>) -> Reply {
        let outcome = exchange(&mut self.world, request, self.now).outcome;
        let Outcome::Answered(response) = outcome else {
            panic!("the answer was lost");
        };
        let body = String::from_utf8_lossy(response.body()).into_owned();
        Reply {
            status: response.status(),
            response,
            body,
        }
    }

    fn get(&mut self, path: &str, bearer: Option<&str>) -> Reply {
        let mut request = Request::get(path);
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(&request.body(Bytes::new()).expect("a request"))
    }

    /// What a server sends: a form, without cookies.
    fn post(&mut self, path: &str, pairs: &Pairs<'_>) -> Reply {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(coded(pairs)))
            .expect("a request");
        self.send(&request)
    }

    fn post_json(&mut self, path: &str, bearer: &str, body: &Value) -> Reply {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {bearer}"))
            .body(Bytes::from(body.to_string()))
            .expect("a request");
        self.send(&request)
    }

    /// Asks at an operator's door.
    fn door(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("/_sandbox/{path}"))
            .body(Bytes::from(body.to_string()))
            .expect("a request");
        self.send(&request)
    }

    /// Asks there for what cannot fail.
    #[track_caller]
    fn sets(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.door(method, path, body);
        assert!(reply.status.is_success(), "{}", reply.body);
        reply.json()
    }

    /// What the browser sends when it is led to the provider.
    fn open(&mut self, changes: &Pairs<'_>) -> Reply {
        let path = self.authorize_path();
        self.open_at(path, changes)
    }

    fn open_at(&mut self, path: &str, changes: &Pairs<'_>) -> Reply {
        let scope = match self.style {
            Style::Google => "openid email https://www.googleapis.com/auth/calendar.events",
            Style::Microsoft => "openid profile offline_access Calendars.ReadWrite",
        };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let usual = [
            ("client_id", "kalends"),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("scope", scope),
            ("state", "st&te\"<"),
            ("access_type", "offline"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = coded(&merged(&usual, changes));
        let request = self.browser(Request::get(format!("{path}?{query}")));
        self.send(&request.body(Bytes::new()).expect("a request"))
    }

    /// What the browser sends when a button is pressed.
    fn press(&mut self, form: &Form, button: &str) -> Reply {
        let mut pairs: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        pairs.push(("decision", button));
        let request = self
            .browser(Request::post(&form.action))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(coded(&pairs)))
            .expect("a request");
        let reply = self.send(&request);
        if let Some(cookie) = reply.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        reply
    }

    fn browser(&self, request: http::request::Builder) -> http::request::Builder {
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// Ann allows everything, on the page if there is one; the code that the client gets.
    fn connect(&mut self, changes: &Pairs<'_>) -> String {
        let page = self.open(changes);
        if page.status == StatusCode::FOUND {
            return page.sent("code");
        }
        let form = page.form().signed_by(self.ann());
        self.press(&form, "allow").sent("code")
    }

    fn exchange(&mut self, code: &str, changes: &Pairs<'_>) -> Reply {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("client_id", "kalends"),
            ("client_secret", "s3cret"),
            ("code_verifier", VERIFIER),
        ];
        self.post(self.token_path(), &merged(&usual, changes))
    }

    fn refresh(&mut self, token: &str, changes: &Pairs<'_>) -> Reply {
        let usual = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "kalends"),
            ("client_secret", "s3cret"),
        ];
        self.post(self.token_path(), &merged(&usual, changes))
    }

    /// Both tokens of a first connection.
    fn tokens(&mut self, changes: &Pairs<'_>) -> (String, String) {
        let code = self.connect(changes);
        let reply = self.exchange(&code, &[]);
        (reply.text("access_token"), reply.text("refresh_token"))
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let value = self.response.headers().get(name)?;
        Some(value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// A member that is a text.
    fn text(&self, member: &str) -> String {
        match &self.json()[member] {
            Value::String(text) => text.clone(),
            other => panic!("{member} is {other} in {}", self.body),
        }
    }

    /// Status, `error` and `error_description`.
    fn refusal(&self) -> (u16, String, String) {
        (
            self.status.as_u16(),
            self.text("error"),
            self.text("error_description"),
        )
    }

    /// What the browser is sent to the client with.
    fn parameters(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.body);
        let location = self.header("location").expect("an address");
        let (address, query) = location.split_once(['?', '#']).expect("parameters");
        assert_eq!(address, BACK);
        parsed(query)
    }

    fn sent(&self, name: &str) -> String {
        let mut parameters = self.parameters();
        let value = parameters.remove(name);
        value.unwrap_or_else(|| panic!("no {name} in {parameters:?}"))
    }

    /// The form on the page, as it stands when the page opens.
    fn form(&self) -> Form {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let (_, rest) = self.body.split_once("<form ").expect("a form");
        let (head, inner) = rest.split_once('>').expect("a form");
        let fields = inner
            .split("<input ")
            .skip(1)
            .filter_map(|input| input.split_once('>'))
            .map(|(input, _)| input)
            .filter(|input| {
                let kind = attribute(input, "type");
                kind.as_deref() == Some("hidden") || input.ends_with(" checked")
            })
            .map(|input| {
                let get = |name| attribute(input, name).unwrap_or_default();
                (get("name"), get("value"))
            })
            .collect();
        Form {
            action: attribute(head, "action").expect("where it goes"),
            fields,
        }
    }
}

impl Form {
    /// Chooses an account and types its password.
    fn signed_by(self, email: &str) -> Self {
        let password = format!("{email} password");
        self.with("account", email).with("password", &password)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(own, _)| own != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without_tick(mut self, scope: &str) -> Self {
        let before = self.fields.len();
        self.fields
            .retain(|(name, value)| name != "granted" || value != scope);
        assert!(self.fields.len() < before, "{scope} was not ticked");
        self
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn person(email: &str, name: &str, subject: &str) -> Person {
    Person {
        email: email.to_owned(),
        name: name.to_owned(),
        password: format!("{email} password"),
        subject: subject.to_owned(),
    }
}

fn merged<'a>(usual: &Pairs<'a>, changes: &Pairs<'a>) -> Vec<(&'a str, &'a str)> {
    let changed = |name: &str| changes.iter().any(|(own, _)| *own == name);
    let kept = usual.iter().filter(|(name, _)| !changed(name));
    let all = kept.chain(changes).copied();
    all.filter(|(_, value)| !value.is_empty()).collect()
}

fn coded(pairs: &Pairs<'_>) -> String {
    let code = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", code(name), code(value)))
        .collect();
    pairs.join("&")
}

fn parsed(query: &str) -> BTreeMap<String, String> {
    let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&"),
    )
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

/// Minutes, hours and days.
fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}
