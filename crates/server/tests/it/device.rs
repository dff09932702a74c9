//! Another device of the same account: plain HTTP, as little of it as there can be.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::servers::Server;

/// A phone or laptop that knows one calendar.
pub(crate) struct Device<'a> {
    server: &'a Server,
    calendar: String,
}

impl<'a> Device<'a> {
    pub(crate) fn new(server: &'a Server, calendar: &str) -> Self {
        Self {
            server,
            calendar: calendar.to_owned(),
        }
    }

    /// Writes an event of this UID and title.
    pub(crate) fn put(&self, uid: &str, title: &str) {
        self.put_lines(uid, &format!("SUMMARY:{title}"));
    }

    /// Writes an event of this UID with these further lines.
    pub(crate) fn put_lines(&self, uid: &str, lines: &str) {
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//device//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
             DTSTAMP:20261122T090000Z\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\n{lines}\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        self.write(uid, &text);
    }

    /// Changes a text within an event, as a device does: read, change, write back.
    pub(crate) fn edit(&self, uid: &str, from: &str, to: &str) {
        let text = self.get(uid).unwrap();
        assert!(text.contains(from), "{uid} does not say {from:?}:\n{text}");
        self.write(uid, &text.replace(from, to));
    }

    fn write(&self, uid: &str, text: &str) {
        let (status, answer) = self.ask("PUT", &self.place(uid), text);
        assert!((200..300).contains(&status), "PUT: {status} {answer}");
    }

    pub(crate) fn delete(&self, uid: &str) {
        let (status, answer) = self.ask("DELETE", &self.place(uid), "");
        assert!((200..300).contains(&status), "DELETE: {status} {answer}");
    }

    /// The text of an event; none if it is not there.
    pub(crate) fn get(&self, uid: &str) -> Option<String> {
        match self.ask("GET", &self.place(uid), "") {
            (200, text) => Some(text),
            (404, _) => None,
            (status, answer) => panic!("GET: {status} {answer}"),
        }
    }

    /// All that is in the calendar, as texts.
    pub(crate) fn everything(&self) -> Vec<String> {
        let report = r#"<?xml version="1.0"?><C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>"#;
        let (status, answer) = self.ask("REPORT", &self.calendar, report);
        assert_eq!(status, 207, "{answer}");
        answer
            .split("BEGIN:VCALENDAR")
            .skip(1)
            .map(str::to_owned)
            .collect()
    }

    /// The titles of all events, in order.
    pub(crate) fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self
            .everything()
            .iter()
            .filter_map(|text| text.split("SUMMARY:").nth(1))
            .filter_map(|rest| rest.lines().next())
            .map(|line| line.trim_end_matches("&#13;").trim().to_owned())
            .collect();
        titles.sort();
        titles
    }

    fn place(&self, uid: &str) -> String {
        format!("{}{uid}.ics", self.calendar)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let address = self
            .server
            .base
            .trim_start_matches("http://")
            .trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        let credentials =
            BASE64_STANDARD.encode(format!("{}:{}", self.server.user, self.server.password));
        let kind = if method == "REPORT" {
            "application/xml"
        } else {
            "text/calendar; charset=utf-8"
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {credentials}\r\nDepth: 1\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}
