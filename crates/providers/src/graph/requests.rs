//! What is asked of Graph, as request values.

use std::fmt::Write as _;
use std::time::Duration;

use ::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use ::http::{HeaderMap, Method};
use bytes::Bytes;
use jiff::Timestamp;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::Url;

use super::properties;
use crate::http::{Limits, Request};
use crate::remote_id::digest;

/// The longest answer. A page of a hundred events with long invitations has 10 MB.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The longest wait for an answer. Graph itself gives up after less.
const TIME_MAX: Duration = Duration::from_mins(2);

const LIMITS: Limits = Limits {
    body_bytes_max: BODY_BYTES_MAX,
    time_max: TIME_MAX,
};

/// How many items a page has: large enough that the round trip does not count, small enough to be read while one waits.
pub(super) const PAGE_SIZE: usize = 100;

/// What is wanted of every answer: ids that stay when an event is moved, times in UTC, pages of one size.
const PREFER: &str = r#"IdType="ImmutableId", outlook.timezone="UTC", odata.maxpagesize=100"#;

/// What is read of an event. `cancelledOccurrences` comes only where it is asked for.
const EVENT: &str = "id,changeKey,createdDateTime,lastModifiedDateTime,categories,transactionId,originalStart,\
originalStartTimeZone,originalEndTimeZone,iCalUId,reminderMinutesBeforeStart,isReminderOn,subject,importance,\
sensitivity,isAllDay,isCancelled,isOrganizer,responseRequested,seriesMasterId,showAs,type,onlineMeetingUrl,\
isOnlineMeeting,onlineMeeting,recurrence,responseStatus,body,start,end,location,locations,attendees,organizer";

/// What may stand unescaped in a part of a path: the unreserved characters of RFC 3986.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// In a query also what its grammar is made of.
const IN_QUERY: &AsciiSet = &IN_PATH
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'\'')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'=')
    .remove(b'*')
    .remove(b';');

/// What makes requests: where Graph is, and what time it is.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) base: &'a Url,
    pub(super) now: Timestamp,
}

impl Ask<'_> {
    /// The mailbox's calendars.
    pub(super) fn calendars(self) -> Request {
        self.get(&["me", "calendars"], &[("$top", &PAGE_SIZE.to_string())])
    }

    /// What happens in a window, and from then on what changes in it. Takes no other options.
    pub(super) fn view(
        self,
        calendar: &RemoteCalendarId,
        from: Timestamp,
        to: Timestamp,
    ) -> Request {
        self.get(
            &[
                "me",
                "calendars",
                calendar.as_str(),
                "calendarView",
                "delta",
            ],
            &[
                ("startDateTime", &seconds(from)),
                ("endDateTime", &seconds(to)),
            ],
        )
    }

    /// All single events and masters.
    pub(super) fn events(self, calendar: &RemoteCalendarId) -> Request {
        self.get(
            &["me", "calendars", calendar.as_str(), "events"],
            &[
                ("$select", EVENT),
                ("$expand", &our_properties()),
                ("$top", &PAGE_SIZE.to_string()),
            ],
        )
    }

    /// The events that were created under a name of ours.
    pub(super) fn by_name(self, calendar: &RemoteCalendarId, name: &str) -> Request {
        let filter = format!(
            "singleValueExtendedProperties/Any(ep: ep/id eq '{}' and ep/value eq '{}')",
            properties::NAME,
            quoted(name)
        );
        self.get(
            &["me", "calendars", calendar.as_str(), "events"],
            &[
                ("$filter", &filter),
                ("$select", EVENT),
                ("$expand", &our_properties()),
            ],
        )
    }

    /// One event with all that belongs to it.
    pub(super) fn event(self, id: &RemoteId) -> Request {
        self.get(
            &["me", "events", id.as_str()],
            &[
                (
                    "$select",
                    &format!("{EVENT},cancelledOccurrences,exceptionOccurrences"),
                ),
                (
                    "$expand",
                    &format!("exceptionOccurrences,{}", our_properties()),
                ),
            ],
        )
    }

    /// The calendar that an event is in.
    pub(super) fn home(self, id: &RemoteId) -> Request {
        self.get(
            &["me", "events", id.as_str(), "calendar"],
            &[("$select", "id")],
        )
    }

    /// The occurrences of a series in a window.
    pub(super) fn instances(self, master: &RemoteId, from: Timestamp, to: Timestamp) -> Request {
        self.get(
            &["me", "events", master.as_str(), "instances"],
            &[
                ("startDateTime", &seconds(from)),
                ("endDateTime", &seconds(to)),
                // Without it `originalStart` is null.
                ("$select", "*"),
            ],
        )
    }

    /// What a link of an earlier answer leads to, verbatim.
    pub(super) fn follow(self, link: &str) -> Result<Request, Failure> {
        let url = Url::parse(link)
            .map_err(|_| Failure::protocol("Microsoft's link to the next page is none"))?;
        Ok(self.request(Method::GET, url, None))
    }

    pub(super) fn create(self, calendar: &RemoteCalendarId, body: &Value) -> Request {
        let url = self.at(&["me", "calendars", calendar.as_str(), "events"], &[]);
        self.request(Method::POST, url, Some(body))
    }

    pub(super) fn patch(
        self,
        id: &str,
        tag: Option<&str>,
        body: &Value,
    ) -> Result<Request, Failure> {
        let url = self.at(&["me", "events", id], &[]);
        demanding(self.request(Method::PATCH, url, Some(body)), tag)
    }

    pub(super) fn delete(self, id: &str, tag: Option<&str>) -> Result<Request, Failure> {
        let url = self.at(&["me", "events", id], &[]);
        demanding(self.request(Method::DELETE, url, None), tag)
    }

    /// Anything below the root.
    pub(super) fn call(self, method: Method, path: &[&str], body: Option<&Value>) -> Request {
        self.request(method, self.at(path, &[]), body)
    }

    fn get(self, path: &[&str], query: &[(&str, &str)]) -> Request {
        self.request(Method::GET, self.at(path, query), None)
    }

    fn at(self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        let mut whole = url.path().trim_end_matches('/').to_owned();
        for part in path {
            // Writing to a String cannot fail.
            let _ = write!(whole, "/{}", utf8_percent_encode(part, IN_PATH));
        }
        url.set_path(&whole);
        let pairs: Vec<String> = query
            .iter()
            .map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, IN_QUERY)))
            .collect();
        url.set_query((!pairs.is_empty()).then(|| pairs.join("&")).as_deref());
        url
    }

    fn request(self, method: Method, url: Url, body: Option<&Value>) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            HeaderName::from_static("prefer"),
            HeaderValue::from_static(PREFER),
        );
        let body = body.map(Value::to_string).unwrap_or_default();
        let id = request_id(&format!("{} {method} {url} {body}", self.now));
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(HeaderName::from_static("client-request-id"), id);
        }
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Request {
            method,
            url,
            headers,
            body: Bytes::from(body),
            limits: LIMITS,
        }
    }
}

/// Our own properties, which no answer holds unasked.
fn our_properties() -> String {
    let ids: Vec<String> = properties::ALL
        .iter()
        .map(|id| format!("id eq '{id}'"))
        .collect();
    format!(
        "singleValueExtendedProperties($filter={})",
        ids.join(" or ")
    )
}

fn demanding(mut request: Request, tag: Option<&str>) -> Result<Request, Failure> {
    if let Some(tag) = tag {
        let value = HeaderValue::from_str(tag).map_err(|_| {
            Failure::item("Microsoft's version of this event cannot be sent back to it")
        })?;
        request.headers.insert(IF_MATCH, value);
    }
    Ok(request)
}

/// A quotation mark within a string is doubled (`OData` URL conventions, ABNF `squote-in-string`).
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An id in the form of a GUID, by which Microsoft's support finds a request: made of what is asked and when.
fn request_id(asked: &str) -> String {
    let text = digest(asked);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..32]
    )
}
