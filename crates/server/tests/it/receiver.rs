//! Somebody who has subscribed: hears what is pushed, proves the address, and answers as a test has it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How long a push is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The receiver.
pub(crate) struct Receiver {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    heard: Vec<Heard>,
    /// What the next pushes are answered with; after them everything is taken.
    refusals: Vec<u16>,
    /// Asked before a validation is answered: whoever pushes must be able to answer meanwhile.
    asks_back: Option<String>,
    /// Whether it gives validation tokens back.
    proves_nothing: bool,
}

/// A push that came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Heard {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The path with its query.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }
}

impl Receiver {
    /// Takes a port of this machine.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let known = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&known);
                // A sender that hangs up has said what it wanted.
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { port, state }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Refuses the next pushes with these.
    pub(crate) fn refuses(&self, statuses: &[u16]) {
        self.state.said.lock().unwrap().refusals = statuses.to_vec();
    }

    /// Asks somebody for this page before it proves itself.
    pub(crate) fn asks_back(&self, at: &str) {
        self.state.said.lock().unwrap().asks_back = Some(at.to_owned());
    }

    /// From now on it gives no validation token back.
    pub(crate) fn proves_nothing(&self) {
        self.state.said.lock().unwrap().proves_nothing = true;
    }

    /// The first so many pushes of which this is true, as soon as they are there.
    pub(crate) fn hears(&self, count: usize, like: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let said = self.state.said.lock().unwrap();
        let matching = |said: &Said| said.heard.iter().filter(|heard| like(heard)).count();
        let (said, waited) = self
            .state
            .more
            .wait_timeout_while(said, PATIENCE, |said| matching(said) < count)
            .unwrap();
        assert!(!waited.timed_out(), "only {:?} came", said.heard);
        said.heard
            .iter()
            .filter(|heard| like(heard))
            .cloned()
            .collect()
    }
}

fn serve(stream: &TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let mut heard = Heard {
        head,
        body: String::new(),
    };
    let length = heard.header("content-length").unwrap_or("0").parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    heard.body = String::from_utf8(body).ok()?;
    let token = heard
        .path()
        .split_once("validationToken=")
        .map(|(_, token)| {
            let spaced = token.replace('+', " ");
            let decoded = percent_encoding::percent_decode_str(&spaced);
            decoded.decode_utf8_lossy().into_owned()
        });
    let mut said = state.said.lock().unwrap();
    let asks_back = token.as_ref().and(said.asks_back.clone());
    let proves = !said.proves_nothing;
    let status = match token {
        Some(_) => 200,
        None if said.refusals.is_empty() => 202,
        None => said.refusals.remove(0),
    };
    said.heard.push(heard);
    state.more.notify_all();
    drop(said);
    if let Some(at) = asks_back {
        let (host, path) = at.strip_prefix("http://")?.split_once('/')?;
        let asking = crate::service::Asking::default();
        crate::service::exchange(host, "GET", &format!("/{path}"), &asking, None);
    }
    let text = token.filter(|_| proves).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    let mut stream = stream;
    stream.write_all(answer.as_bytes()).ok()
}
