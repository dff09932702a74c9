//! A client's desk: one world with Ada's calendar, and short ways to ask for things.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use kalends_sandbox::caldav::authorization;
use kalends_sandbox::world::{Account, Collection, Upload};
use kalends_sandbox::{Fault, Outcome, Place, Quirks, World, handle, handle_with};

/// Ada's calendar.
pub(crate) const CALENDAR: &str = "/dav/calendars/ada/work/";

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) work: Place,
    pub(crate) now: Timestamp,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) response: Response<Bytes>,
    pub(crate) body: String,
}

/// A request in the making.
pub(crate) struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: String,
    fault: Option<Fault>,
}

pub(crate) fn ask<'a>(method: &'a str, path: &'a str) -> Ask<'a> {
    Ask {
        method,
        path,
        headers: Vec::new(),
        body: String::new(),
        fault: None,
    }
}

impl<'a> Ask<'a> {
    pub(crate) fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn struck(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

impl Desk {
    pub(crate) fn new(quirks: Quirks) -> Self {
        let mut world = World::new("https://dav.example.com");
        let mut ada = Account::new("ada");
        ada.quirks = quirks;
        let work = world.add_account(ada).add_collection("work");
        Self {
            world,
            work,
            now: "2026-03-01T12:00:00Z".parse().expect("a time"),
        }
    }

    pub(crate) fn plain() -> Self {
        Self::new(Quirks::default())
    }

    pub(crate) fn calendar(&mut self) -> &mut Collection {
        self.world
            .collection_mut(&self.work)
            .expect("Ada's calendar")
    }

    /// Another program of Ada's puts an object.
    pub(crate) fn elsewhere_put(&mut self, name: &str, text: &str) {
        let work = self.work.clone();
        self.tick();
        self.world
            .put(&work, Upload { name, text }, self.now)
            .expect("a valid object");
    }

    pub(crate) fn elsewhere_delete(&mut self, name: &str) {
        let work = self.work.clone();
        self.tick();
        self.world.delete(&work, name, self.now).expect("an object");
    }

    fn tick(&mut self) {
        self.now += jiff::SignedDuration::from_secs(60);
    }

    pub(crate) fn build(&self, ask: &Ask<'_>) -> Request<Bytes> {
        let method = Method::from_bytes(ask.method.as_bytes()).expect("a method");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://dav.example.com{}", ask.path));
        if !ask
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            request = request.header("authorization", authorization(&self.world.accounts["ada"]));
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, *value);
        }
        request
            .body(Bytes::from(ask.body.clone()))
            .expect("a request")
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a question is asked once, and reads better without a borrow"
    )]
    pub(crate) fn send(&mut self, ask: Ask<'_>) -> Answer {
        match self.try_send(&ask) {
            Outcome::Answered(response) => Answer::read(response),
            Outcome::Lost => panic!("the answer was lost"),
        }
    }

    pub(crate) fn try_send(&mut self, ask: &Ask<'_>) -> Outcome {
        self.tick();
        let request = self.build(ask);
        match ask.fault {
            Some(fault) => handle_with(&mut self.world, &request, self.now, Some(fault)),
            None => Outcome::Answered(handle(&mut self.world, &request, self.now)),
        }
    }

    pub(crate) fn put(&mut self, name: &str, text: &str) -> Answer {
        self.put_if(name, text, &[])
    }

    pub(crate) fn put_if(&mut self, name: &str, text: &str, headers: &[(&str, &str)]) -> Answer {
        let path = format!("{CALENDAR}{name}");
        let mut put = ask("PUT", &path)
            .header("content-type", "text/calendar; charset=utf-8")
            .body(text);
        put.headers.extend_from_slice(headers);
        self.send(put)
    }

    pub(crate) fn get(&mut self, name: &str) -> Answer {
        let path = format!("{CALENDAR}{name}");
        self.send(ask("GET", &path))
    }

    pub(crate) fn delete_if(&mut self, name: &str, headers: &[(&str, &str)]) -> Answer {
        let path = format!("{CALENDAR}{name}");
        let mut delete = ask("DELETE", &path);
        delete.headers.extend_from_slice(headers);
        self.send(delete)
    }

    /// An incremental listing.
    pub(crate) fn sync(&mut self, token: &str) -> Answer {
        self.send(sync(token))
    }

    /// Names of all objects there are.
    pub(crate) fn names(&mut self) -> Vec<String> {
        self.calendar().objects().keys().cloned().collect()
    }
}

/// An incremental listing, to be sent.
pub(crate) fn sync(token: &str) -> Ask<'_> {
    ask("REPORT", CALENDAR).header("depth", "0").body(format!(
        "<sync-collection xmlns=\"DAV:\"><sync-token>{token}</sync-token><sync-level>1</sync-level>\
         <prop><getetag/></prop></sync-collection>"
    ))
}

/// A PROPFIND for these properties, each with its prefix `d`, `c`, `cs` or `a`.
pub(crate) fn propfind<'a>(path: &'a str, depth: &'a str, props: &[&str]) -> Ask<'a> {
    let props: String = props.iter().flat_map(|prop| ["<", prop, "/>"]).collect();
    ask("PROPFIND", path).header("depth", depth).body(format!(
        "<?xml version=\"1.0\"?><d:propfind xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" \
         xmlns:cs=\"http://calendarserver.org/ns/\" xmlns:a=\"http://apple.com/ns/ical/\" xmlns:x=\"urn:x\">\
         <d:prop>{props}</d:prop></d:propfind>"
    ))
}

impl Answer {
    pub(crate) fn read(response: Response<Bytes>) -> Self {
        let body = String::from_utf8_lossy(response.body()).into_owned();
        Self {
            status: response.status(),
            response,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response
            .headers()
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }

    pub(crate) fn has(&self, piece: &str) -> bool {
        self.body.contains(piece)
    }

    /// What stands between an element's tags, the first time it occurs.
    pub(crate) fn element(&self, tag: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0)
    }

    /// The `response` elements.
    pub(crate) fn responses(&self) -> Vec<&str> {
        self.body
            .split("<d:response>")
            .skip(1)
            .map(|part| part.split("</d:response>").next().unwrap_or(""))
            .collect()
    }

    /// Last path parts of the members that are present, in order.
    pub(crate) fn present(&self) -> Vec<&str> {
        self.members(|response| response.contains("HTTP/1.1 200 OK"))
    }

    /// Last path parts of the members that are reported gone: a 404 that is not a property's.
    pub(crate) fn gone(&self) -> Vec<&str> {
        self.members(|response| response.contains("</d:href><d:status>HTTP/1.1 404"))
    }

    fn members(&self, test: impl Fn(&str) -> bool) -> Vec<&str> {
        let href = |response: &'_ str| {
            let start = response.find("<d:href>").expect("an address") + "<d:href>".len();
            let end = response.find("</d:href>").expect("an address");
            (start, end)
        };
        self.responses()
            .into_iter()
            .filter(|response| test(response))
            .filter_map(|response| {
                let (start, end) = href(response);
                let path = &response[start..end];
                path.rsplit('/').next().filter(|name| !name.is_empty())
            })
            .collect()
    }

    pub(crate) fn token(&self) -> String {
        self.element("d:sync-token")
            .expect("a sync token")
            .to_owned()
    }
}

/// A plain event.
pub(crate) fn event(uid: &str, title: &str) -> String {
    event_with(uid, &[&format!("SUMMARY:{title}")])
}

/// An event with these further lines.
pub(crate) fn event_with(uid: &str, lines: &[&str]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//desk//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260310T090000Z\r\nDTEND:20260310T100000Z\r\n{}\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
        lines.join("\r\n")
    )
}
