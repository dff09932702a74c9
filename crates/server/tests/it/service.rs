//! The running service as its clients see it: plain HTTP, as little of it as there can be.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::documented::{self, Met};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// `kalends demo`, with everybody in it.
pub(crate) struct Service {
    child: Child,
    /// Where it keeps nothing that outlives it.
    home: tempfile::TempDir,
    told: Value,
    wire: Wire,
}

/// Where a service listens, and how one talks to it.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) host: String,
    /// All that it has answered.
    heard: Arc<Mutex<String>>,
    /// To what, and with which status.
    met: Arc<Mutex<BTreeSet<Met>>>,
}

impl std::ops::Deref for Service {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// All header lines, in lower case.
    pub(crate) headers: String,
    /// The same as they came.
    pub(crate) raw_headers: String,
    pub(crate) text: String,
}

/// Who asks, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking<'a> {
    pub(crate) token: Option<&'a str>,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: Option<Value>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kalends"))
            .args(["demo", "--json"])
            .env_clear()
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env("KALENDS_TIME_ZONE", "Europe/Berlin")
            .env("KALENDS_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(home.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let log = std::fs::read_to_string(home.path().join("log")).unwrap();
            panic!("{error}: {line:?}\n{log}")
        });
        // What it says of runs goes nowhere, but is read, or it would stand still.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let api = told["api"].as_str().unwrap();
        let host = api.strip_prefix("http://").unwrap().to_owned();
        Self {
            child,
            home,
            told,
            wire: Wire::new(host),
        }
    }

    /// Its address: host and port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What `kalends demo --json` told.
    pub(crate) fn told(&self) -> &Value {
        &self.told
    }

    pub(crate) fn owner(&self) -> &str {
        self.token("demo", "owner_token")
    }

    pub(crate) fn manager(&self) -> &str {
        self.token("demo", "manager_token")
    }

    pub(crate) fn staff(&self) -> &str {
        self.token("demo", "staff_token")
    }

    pub(crate) fn customer(&self) -> &str {
        self.token("demo", "customer_token")
    }

    pub(crate) fn rival(&self) -> &str {
        self.token("rival", "owner_token")
    }

    pub(crate) fn platform(&self) -> &str {
        self.told["platform_token"].as_str().unwrap()
    }

    fn token(&self, tenant: &str, whose: &str) -> &str {
        self.told["tenants"][tenant][whose].as_str().unwrap()
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap()
    }

    /// All that it keeps on disk.
    pub(crate) fn kept(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().is_some_and(|name| name != "log") {
                    all.extend(std::fs::read(path).unwrap());
                }
            }
        }
        all
    }
}

impl Wire {
    pub(crate) fn new(host: String) -> Self {
        Self {
            host,
            heard: Arc::default(),
            met: Arc::default(),
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self) -> std::sync::MutexGuard<'_, BTreeSet<Met>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks as somebody, without a body.
    #[track_caller]
    pub(crate) fn get(&self, token: &str, path: &str) -> Answer {
        self.asks("GET", path, &as_(token))
    }

    /// Asks as somebody, with a body.
    #[track_caller]
    pub(crate) fn sends(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let asking = Asking {
            body: Some(body),
            ..as_(token)
        };
        self.asks(method, path, &asking)
    }

    /// Asks as a browser that is signed in.
    #[track_caller]
    pub(crate) fn browser(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        body: Option<Value>,
    ) -> Answer {
        let asking = Asking {
            headers: vec![("cookie", cookie.to_owned())],
            body,
            ..Asking::default()
        };
        self.asks(method, path, &asking)
    }

    /// Sends a form, as a page does.
    #[track_caller]
    pub(crate) fn form(&self, path: &str, form: &str) -> Answer {
        let kind = "application/x-www-form-urlencoded".to_owned();
        let asking = Asking {
            headers: vec![("content-type", kind)],
            ..Asking::default()
        };
        self.exchange("POST", path, &asking, Some(form))
    }

    #[track_caller]
    pub(crate) fn asks(&self, method: &str, path: &str, asking: &Asking<'_>) -> Answer {
        let body = asking.body.as_ref().map(Value::to_string);
        self.exchange(method, path, asking, body.as_deref())
    }

    #[track_caller]
    fn exchange(
        &self,
        method: &str,
        path: &str,
        asking: &Asking<'_>,
        body: Option<&str>,
    ) -> Answer {
        let answer = exchange(&self.host, method, path, asking, body);
        self.heard()
            .extend([answer.raw_headers.as_str(), answer.text.as_str()]);
        let met = (method.to_owned(), path.to_owned(), answer.status);
        self.met().insert(met);
        answer
    }

    /// Opens the event stream, from now on, and hears that it was opened.
    pub(crate) fn opens_stream(&self, token: &str) -> TcpStream {
        self.tries_stream(token).expect("the stream was refused")
    }

    /// The same; none where it is refused.
    pub(crate) fn tries_stream(&self, token: &str) -> Option<TcpStream> {
        let mut stream = self.asks_for_stream(token, "", "");
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (&head == b"HTTP/1.1 200").then_some(stream)
    }

    fn asks_for_stream(&self, token: &str, query: &str, more: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /api/calendar/stream{query} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n{more}\r\n",
            self.host
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The first lines of the event stream, from a place of the feed on.
    pub(crate) fn listens(&self, token: &str, from: &str, until: &str) -> String {
        let stream = self.asks_for_stream(token, "", &format!("last-event-id: {from}\r\n"));
        heard(stream, until)
    }

    /// What the event stream says of links and accounts from now on; reading begins when that is called.
    pub(crate) fn listens_for_links(&self, token: &str) -> impl FnOnce(&str) -> String + use<> {
        let mut stream = self.asks_for_stream(token, "?links=true", "");
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        move |until| heard(stream, until)
    }
}

/// What a stream says until it has said something.
fn heard(mut stream: TcpStream, until: &str) -> String {
    let mut heard = String::new();
    let mut part = [0; 4096];
    while !heard.contains(until) {
        let length = stream.read(&mut part).unwrap();
        assert_ne!(length, 0, "the stream ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&part[..length]));
    }
    heard
}

/// Asks some service for something, and reads the whole answer.
#[track_caller]
pub(crate) fn exchange(
    at: &str,
    method: &str,
    path: &str,
    asking: &Asking<'_>,
    body: Option<&str>,
) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = asking
        .headers
        .iter()
        .find(|(name, _)| *name == "host")
        .map_or(at, |(_, host)| host.as_str());
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    if let Some(token) = asking.token {
        request.extend(["authorization: Bearer ", token, "\r\n"]);
    }
    for (name, value) in asking.headers.iter().filter(|(name, _)| *name != "host") {
        request.extend([name, ": ", value, "\r\n"]);
    }
    if let Some(body) = body {
        let has_type = asking
            .headers
            .iter()
            .any(|(name, _)| *name == "content-type");
        if !has_type {
            request.push_str("content-type: application/json\r\n");
        }
        request.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    request.push_str("\r\n");
    request.push_str(body.unwrap_or_default());
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    read(&answer)
}

/// As the holder of a token.
pub(crate) fn as_(token: &str) -> Asking<'_> {
    Asking {
        token: Some(token),
        ..Asking::default()
    }
}

fn read(answer: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = head.to_lowercase();
    let text = if headers.contains("transfer-encoding: chunked") {
        unchunked(body)
    } else {
        body.to_owned()
    };
    Answer {
        status,
        headers,
        raw_headers: head.to_owned(),
        text,
    }
}

fn unchunked(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        text.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    text
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.status, self.text))
    }

    /// The answer, which has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// A header's value, as it came.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.raw_headers.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The problem, which has this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(
            self.headers
                .contains("content-type: application/problem+json"),
            "{}",
            self.headers
        );
        let problem = self.json();
        assert_eq!(problem["success"], false, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(
            problem["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty())
        );
        problem
    }
}

/// Everything secret in what the demo told: tokens, passwords, secrets of clients.
fn secrets(told: &Value, found: &mut Vec<String>) {
    match told {
        Value::Object(members) => {
            for (name, value) in members {
                let is_secret = ["token", "password", "secret"]
                    .iter()
                    .any(|word| name.ends_with(word));
                match value {
                    Value::String(text) if is_secret => found.push(text.clone()),
                    other => secrets(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whatever a story was about: what was answered is documented, and no secret is in what was answered, logged or kept.
impl Drop for Service {
    fn drop(&mut self) {
        let is_up = TcpStream::connect(&self.wire.host).is_ok();
        let missing = (is_up && !std::thread::panicking())
            .then(|| documented::missing(&self.wire.host, &self.met()));
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            return;
        }
        let missing = missing.unwrap_or_default();
        assert!(missing.is_empty(), "not in the document: {missing:?}");
        let mut planted = Vec::new();
        secrets(&self.told, &mut planted);
        assert!(planted.len() >= 10, "{planted:?}");
        let log = self.log();
        let kept = self.kept();
        let kept = String::from_utf8_lossy(&kept);
        let heard = self.heard();
        for secret in &planted {
            assert!(!heard.contains(secret), "{secret} was answered");
            assert!(!log.contains(secret), "{secret} is in the log");
            assert!(!kept.contains(secret), "{secret} is kept in clear");
        }
    }
}
