//! Those who do not speak as agreed: too slowly, or too much.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::person::Person;
use crate::service::Asking;
use crate::serving::Serving;

/// Until when a head that does not end is given up: the limit of 10 s, and what a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(25);

/// Begins a request and says no more.
fn half(serving: &Serving) -> TcpStream {
    let mut stream = TcpStream::connect(&serving.host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn a_request_that_is_never_finished_is_given_up() {
    let person = Person::new();
    let serving = Serving::start(&person, &[], &[]);
    let mut stream = half(&serving);
    let mut rest = Vec::new();
    stream
        .read_to_end(&mut rest)
        .expect("the connection was left open");
    serving.ends().well();
}

#[test]
fn a_request_that_is_never_finished_does_not_keep_the_process() {
    let person = Person::new();
    let serving = Serving::start(&person, &[], &[]);
    let stream = half(&serving);
    // Another request later, so that the half one has certainly been read.
    assert_eq!(
        serving.asks("GET", "/healthz", &Asking::default()).status,
        200
    );
    let (tell, told) = channel();
    thread::spawn(move || tell.send(serving.ends()));
    let said = told.recv_timeout(PATIENCE).expect("it does not end");
    said.well();
    drop(stream);
}

#[test]
fn headers_have_an_end_and_a_problem_says_so() {
    let person = Person::new();
    let serving = Serving::start(&person, &[], &[]);
    let of = |bytes: usize| Asking {
        headers: vec![("x-long", "x".repeat(bytes))],
        ..Asking::default()
    };
    let path = "/api/session/methods/";
    serving
        .asks("GET", path, &of(40 * 1024))
        .refused(431, "headers_too_large");
    assert_eq!(serving.asks("GET", path, &of(16 * 1024)).status, 200);
    // What does not even fit into what is held may find the connection closed while it is still speaking.
    let mut stream = TcpStream::connect(&serving.host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nx-long: {}", "x".repeat(128 * 1024));
    let _ = stream.write_all(head.as_bytes());
    let mut start = [0; 12];
    if stream.read_exact(&mut start).is_ok() {
        assert_eq!(&start, b"HTTP/1.1 431");
    }
    serving.ends().well();
}

#[test]
fn what_never_becomes_a_request_is_refused_by_its_status_alone() {
    let person = Person::new();
    let serving = Serving::start(&person, &[], &[]);
    let many = (0..101).fold(String::new(), |all, number| {
        all + &format!("x-{number}: y\r\n")
    });
    let long = "x".repeat(70_000);
    for (status, request) in [
        (
            "400 Bad Request",
            "GET /healthz HTTP/1.1\r\nno header\r\n\r\n".to_owned(),
        ),
        (
            "431 Request Header Fields Too Large",
            format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{many}\r\n"),
        ),
        (
            "414 URI Too Long",
            format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"),
        ),
    ] {
        let mut stream = TcpStream::connect(&serving.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).is_err() && answer.is_empty() {
            // Closed while it was still being spoken to.
            continue;
        }
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        assert_eq!(body, "", "{head}");
    }
    serving.ends().well();
}
