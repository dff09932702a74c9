//! A mail server as its senders see it (RFC 5321): it takes every mail, but for recipients that a test has it refuse.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The server.
pub(crate) struct Post {
    port: u16,
    received: Arc<Mutex<Vec<Letter>>>,
    /// What it says once to a text for somebody; none: it hangs up instead.
    answers: Arc<Mutex<Answers>>,
}

type Answers = Vec<(&'static str, Option<&'static str>)>;

/// A mail that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// To whom it was delivered, which is not a matter of its headers.
    pub(crate) to: String,
    /// Headers and body.
    pub(crate) text: String,
}

impl Letter {
    /// A header's value, in one line.
    pub(crate) fn header(&self, name: &str) -> String {
        let (head, _) = self.text.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        let line = head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        line.unwrap_or_else(|| panic!("no {name} in {head}"))
    }

    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

impl Post {
    /// Takes a port. Each refusal is said once, to whom it is for.
    pub(crate) fn start(refusals: &[(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let post = Self {
            port: listener.local_addr().unwrap().port(),
            received: Arc::default(),
            answers: Arc::default(),
        };
        let received = Arc::clone(&post.received);
        let answers = Arc::clone(&post.answers);
        let mut refusals = refusals.to_vec();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A sender that hangs up has said what it wanted.
                let _ = serve(&stream, (&received, &answers), &mut refusals);
            }
        });
        post
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Once, to a text for somebody, it says this; with nothing to say it hangs up.
    pub(crate) fn answers_the_text(&self, whom: &'static str, answer: Option<&'static str>) {
        self.answers.lock().unwrap().push((whom, answer));
    }

    pub(crate) fn received(&self) -> Vec<Letter> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: &TcpStream,
    (received, answers): (&Mutex<Vec<Letter>>, &Mutex<Answers>),
    refusals: &mut Vec<(&'static str, &'static str)>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut to = String::new();
    stream.write_all(b"220 post.example\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        let reply = match verb.to_ascii_uppercase().as_str() {
            "RCPT" => {
                let rest = line.split_once('<').map_or("", |(_, rest)| rest);
                rest.split('>')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut to);
                match refusals.iter().position(|(whom, _)| *whom == to) {
                    Some(place) => refusals.remove(place).1,
                    None => "250 ok",
                }
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let text = message(&mut lines)?;
                let mut answers = answers.lock().unwrap();
                let place = answers.iter().position(|(whom, _)| *whom == to);
                let answer = place.map(|place| answers.remove(place).1);
                let to = to.clone();
                received.lock().unwrap().push(Letter { to, text });
                match answer {
                    Some(None) => return Ok(()),
                    Some(Some(answer)) => answer,
                    None => "250 taken",
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => "250 ok",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

/// What stands before the line with a dot alone.
fn message(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
