//! What is asked of a `CalDAV` server, as request values.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use ::http::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use ::http::{HeaderMap, Method};
use bytes::Bytes;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::Version;
use quick_xml::escape::escape;
use url::Url;

use crate::http::{Limits, Request};

/// The longest answer. A listing of 100,000 events has 40 MB, a batch of events with attached pictures less.
const BODY_BYTES_MAX: usize = 128 << 20;

/// The longest wait. Radicale needs a minute to list 10,000 events for the first time.
const TIME_MAX: Duration = Duration::from_mins(5);

const LIMITS: Limits = Limits {
    body_bytes_max: BODY_BYTES_MAX,
    time_max: TIME_MAX,
};

const NAMESPACES: &str = concat!(
    r#"xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" "#,
    r#"xmlns:s="http://calendarserver.org/ns/" xmlns:a="http://apple.com/ns/ical/""#
);

/// What tells us who the account is.
pub(crate) const PRINCIPAL: &str = "<d:current-user-principal/><d:resourcetype/>\
    <c:calendar-home-set/><c:calendar-user-address-set/>";

/// What is to be known of a calendar.
pub(crate) const CALENDAR: &str = "<d:resourcetype/><d:displayname/><d:current-user-privilege-set/>\
    <d:supported-report-set/><c:supported-calendar-component-set/><a:calendar-color/>";

/// What is to be known of a member of a calendar. The content type names the component, so that tasks are passed over.
const MEMBER: &str = "<d:getetag/><d:getcontenttype/><d:resourcetype/>";

/// How far a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    Zero,
    One,
}

/// What must hold for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition<'a> {
    /// Nothing is there.
    Absent,
    /// It is in this version, byte for byte.
    Version(&'a str),
    /// The server has no versions.
    None,
}

pub(crate) fn propfind(url: &Url, depth: Depth, properties: &str) -> Request {
    let body = format!("<d:propfind {NAMESPACES}><d:prop>{properties}</d:prop></d:propfind>");
    xml(b"PROPFIND", url, depth, &body)
}

/// The members of a calendar, with the calendar's own change tag.
pub(crate) fn list_members(url: &Url) -> Request {
    propfind(url, Depth::One, &format!("{MEMBER}<s:getctag/>"))
}

pub(crate) fn change_tag(url: &Url) -> Request {
    propfind(url, Depth::Zero, "<s:getctag/>")
}

/// RFC 6578 §3.2. No `limit` is ever sent: Xandikos cuts the listing and answers the newest token all the same.
pub(crate) fn sync_collection(url: &Url, token: &str, depth: Depth) -> Request {
    let body = format!(
        "<d:sync-collection {NAMESPACES}><d:sync-token>{}</d:sync-token><d:sync-level>1</d:sync-level>\
         <d:prop>{MEMBER}</d:prop></d:sync-collection>",
        escape(token),
    );
    xml(b"REPORT", url, depth, &body)
}

/// RFC 4791 §7.9.
pub(crate) fn multiget<'a>(url: &Url, paths: impl Iterator<Item = Cow<'a, str>>) -> Request {
    let mut body = format!(
        "<c:calendar-multiget {NAMESPACES}><d:prop><d:getetag/><c:calendar-data/></d:prop>"
    );
    for path in paths {
        // Writing to a String cannot fail.
        let _ = write!(body, "<d:href>{}</d:href>", escape(&*path));
    }
    body.push_str("</c:calendar-multiget>");
    xml(b"REPORT", url, Depth::One, &body)
}

pub(crate) fn get(url: &Url) -> Request {
    let mut request = bare(Method::GET, url);
    // Proxies that compress give the compressed form another entity tag, under which no write is taken.
    request
        .headers
        .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    request
}

/// What the server can do, in the header `DAV` of its answer.
pub(crate) fn options(url: &Url) -> Request {
    bare(Method::OPTIONS, url)
}

pub(crate) fn put(
    url: &Url,
    text: String,
    precondition: Precondition<'_>,
) -> Result<Request, Failure> {
    let mut request = bare(Method::PUT, url);
    request.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/calendar; charset=utf-8"),
    );
    request.body = Bytes::from(text);
    demand(&mut request.headers, precondition)?;
    Ok(request)
}

pub(crate) fn delete(url: &Url, precondition: Precondition<'_>) -> Result<Request, Failure> {
    let mut request = bare(Method::DELETE, url);
    // RFC 6638 §8.1: a guest's copy that goes is no answer to the organizer.
    request.headers.insert(
        HeaderName::from_static("schedule-reply"),
        HeaderValue::from_static("F"),
    );
    demand(&mut request.headers, precondition)?;
    Ok(request)
}

/// The precondition for a version that may be unknown.
pub(crate) fn unchanged(version: Option<&Version>) -> Precondition<'_> {
    version.map_or(Precondition::None, |version| {
        Precondition::Version(version.as_str())
    })
}

fn demand(headers: &mut HeaderMap, precondition: Precondition<'_>) -> Result<(), Failure> {
    match precondition {
        Precondition::None => {}
        Precondition::Absent => {
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        Precondition::Version(version) => {
            let value = HeaderValue::from_str(version).map_err(|_| {
                Failure::item("The server's version of this event cannot be sent back to it")
            })?;
            headers.insert(IF_MATCH, value);
        }
    }
    Ok(())
}

fn xml(method: &[u8], url: &Url, depth: Depth, body: &str) -> Request {
    let mut request = bare(Method::from_bytes(method).unwrap_or(Method::OPTIONS), url);
    request.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/xml; charset=utf-8"),
    );
    let depth = match depth {
        Depth::Zero => "0",
        Depth::One => "1",
    };
    request.headers.insert(
        HeaderName::from_static("depth"),
        HeaderValue::from_static(depth),
    );
    request.body = Bytes::from(format!(r#"<?xml version="1.0" encoding="utf-8"?>{body}"#));
    request
}

fn bare(method: Method, url: &Url) -> Request {
    Request {
        method,
        url: url.clone(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        limits: LIMITS,
    }
}
