//! Feeds and how publishers serve them, well and badly.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::faults::{Disturbance, web_page};
use crate::text::lines;
use crate::world::{Place, World};

/// A published collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Which collection.
    pub place: Place,
    /// What is told about its version.
    pub validators: Validators,
    /// What becomes of `DTSTAMP`.
    pub stamps: Stamps,
    /// What is served.
    pub body: Body,
}

/// What is told about a feed's version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Validators {
    /// An ETag and the date of the last change; both are honoured.
    #[default]
    EtagAndDate,
    /// An ETag.
    Etag,
    /// The date of the last change.
    Date,
    /// Nothing.
    None,
}

/// What becomes of `DTSTAMP` in a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stamps {
    /// It is served as stored.
    #[default]
    Kept,
    /// It is the time of the request, so that no two answers are the same (Google, Outlook).
    Request,
}

/// What is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Body {
    /// The calendar.
    #[default]
    Calendar,
    /// A login page with status 200.
    LoginPage,
    /// The calendar without its last half.
    Truncated,
    /// The calendar, and comments to this many bytes.
    Huge {
        /// How many bytes at least.
        bytes: usize,
    },
    /// A redirect to some other address, such as a private one.
    Redirect {
        /// The `Location`.
        to: String,
    },
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// A calendar without events.
    Empty,
}

impl Feed {
    /// A feed that behaves.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            validators: Validators::default(),
            stamps: Stamps::default(),
            body: Body::default(),
        }
    }
}

/// Answers a request for a feed.
pub(crate) fn answer(
    world: &World,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(feed) = world.feeds.get(request.uri().path()) else {
        return status(StatusCode::NOT_FOUND);
    };
    match &feed.body {
        Body::LoginPage => web_page(),
        Body::NotFound => status(StatusCode::NOT_FOUND),
        Body::Gone => status(StatusCode::GONE),
        Body::Redirect { to } => {
            let mut response = status(StatusCode::FOUND);
            if let Ok(to) = HeaderValue::from_str(to) {
                response.headers_mut().insert(header::LOCATION, to);
            }
            response
        }
        Body::Calendar | Body::Truncated | Body::Huge { .. } | Body::Empty => {
            calendar(world, feed, request, now, how)
        }
    }
}

fn calendar(
    world: &World,
    feed: &Feed,
    request: &Request<Bytes>,
    now: Timestamp,
    how: Disturbance,
) -> Response<Bytes> {
    let Ok(collection) = world.collection(&feed.place) else {
        return status(StatusCode::NOT_FOUND);
    };
    let revision = match how {
        Disturbance::Stale { changes, .. } => collection.revision().saturating_sub(changes),
        _ => collection.revision(),
    };
    let objects = collection.objects_at(revision);
    let empty = feed.body == Body::Empty || how == Disturbance::EmptyListing;
    let texts: Vec<&str> = objects
        .values()
        .filter(|_| !empty)
        .map(|object| &*object.text)
        .collect();
    let mut body = merged(
        &collection.name,
        &texts,
        (feed.stamps == Stamps::Request).then_some(now),
    );
    match feed.body {
        Body::Truncated => body.truncate(whole_character(&body, body.len() / 2)),
        Body::Huge { bytes } => pad(&mut body, bytes),
        _ => {}
    }
    let changed = collection
        .log()
        .iter()
        .take_while(|change| change.revision <= revision)
        .last()
        .map(|change| change.at);
    let etag = format!("\"{}\"", digest::short(&[body.as_bytes()]));
    let with_etag = matches!(feed.validators, Validators::EtagAndDate | Validators::Etag);
    let date = changed
        .filter(|_| matches!(feed.validators, Validators::EtagAndDate | Validators::Date))
        .map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    let sent = |name: header::HeaderName| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    // RFC 9110 §13.2.2: If-None-Match decides alone when it is there.
    let fresh = match (sent(header::IF_NONE_MATCH), sent(header::IF_MODIFIED_SINCE)) {
        (Some(tags), _) if with_etag => tags
            .split(',')
            .any(|tag| tag.trim() == etag || tag.trim() == "*"),
        (None, Some(since)) => date.as_deref() == Some(since),
        _ => false,
    };
    let mut response = status(if fresh {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/calendar; charset=utf-8"),
    );
    if with_etag && let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(Ok(date)) = date.map(|date| HeaderValue::from_str(&date)) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    if !fresh && request.method() == Method::GET {
        *response.body_mut() = Bytes::from(body);
    }
    response
}

/// All objects in one `VCALENDAR`: each time zone once, then the events.
fn merged(name: &str, texts: &[&str], stamp: Option<Timestamp>) -> String {
    let mut zones: Vec<Vec<String>> = Vec::new();
    let mut events: Vec<String> = Vec::new();
    for text in texts {
        let lines = lines::unfold(text);
        for component in lines::components(&lines).unwrap_or_default() {
            let block = &lines[component.begin..=component.end];
            if component.depth != 1 {
            } else if component.name == "VTIMEZONE" {
                if !zones.iter().any(|zone| zone == block) {
                    zones.push(block.to_vec());
                }
            } else {
                events.extend_from_slice(block);
            }
        }
    }
    if let Some(now) = stamp {
        let stamp = format!("DTSTAMP:{}", now.strftime("%Y%m%dT%H%M%SZ"));
        events
            .iter_mut()
            .filter(|line| lines::is(line, "DTSTAMP"))
            .for_each(|line| line.clone_from(&stamp));
    }
    let mut all = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Kalends//Sandbox//EN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        format!("X-WR-CALNAME:{name}"),
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H".to_owned(),
    ];
    all.extend(zones.into_iter().flatten());
    all.extend(events);
    all.push("END:VCALENDAR".to_owned());
    lines::fold(&all)
}

/// Lengthens a calendar to `bytes` with lines that mean nothing.
fn pad(body: &mut String, bytes: usize) {
    const END: &str = "END:VCALENDAR\r\n";
    const FILLER: &str = "X-FILLER:0123456789012345678901234567890123456789012345678901234567\r\n";
    body.truncate(body.len().saturating_sub(END.len()));
    while body.len() + END.len() < bytes {
        body.push_str(FILLER);
    }
    body.push_str(END);
}

/// The nearest index at or before `index` that does not cut a character.
fn whole_character(text: &str, index: usize) -> usize {
    (0..=index)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}

fn status(code: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = code;
    response
}
