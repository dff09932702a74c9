//! What is asked of Google, as request values. Paths and parameters are those of the Discovery document, `calendar` v3.

use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderValue, IF_MATCH};
use ::http::{HeaderMap, Method};
use bytes::Bytes;
use jiff::Timestamp;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use serde_json::{Value, json};
use url::Url;

use super::wire::Resource;
use crate::http::{Limits, Request};

/// The longest answer: a full page of events has a few hundred kilobytes, of events with 200 guests each some 15 MB.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The longest wait: a first page of a large calendar takes seconds, not minutes.
const TIME_MAX: Duration = Duration::from_mins(2);

const LIMITS: Limits = Limits {
    body_bytes_max: BODY_BYTES_MAX,
    time_max: TIME_MAX,
};

/// How many events a page of a listing holds. Google allows 2,500; at 500 a page of long events stays within a few
/// megabytes of memory, and 10,000 events take twenty requests.
const EVENTS_PER_PAGE: &str = "500";

/// How many calendars a page of the calendar list holds: Google's maximum.
const CALENDARS_PER_PAGE: &str = "250";

/// The kinds of events that are synced. Working locations and birthdays say where people are and what day it is, not that
/// a time is taken.
pub(crate) const EVENT_TYPES: [&str; 4] = ["default", "focusTime", "fromGmail", "outOfOffice"];

/// Where a listing of events goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct From<'a> {
    pub(crate) sync_token: Option<&'a str>,
    pub(crate) page_token: Option<&'a str>,
}

fn endpoint<'p>(base: &Url, path: impl IntoIterator<Item = &'p str>) -> Result<Url, Failure> {
    let mut url = base.clone();
    let mut segments = url
        .path_segments_mut()
        .map_err(|()| Failure::protocol("the address of Google's API is none"))?;
    segments.pop_if_empty();
    for segment in path {
        // An address swallows these, and the request would be about something else.
        if matches!(segment, "" | "." | "..") {
            return Err(Failure::protocol(
                "an id of Google's cannot be empty or a dot",
            ));
        }
        segments.push(segment);
    }
    drop(segments);
    Ok(url)
}

fn request(method: Method, url: Url, body: Option<&Value>) -> Request {
    let mut headers = HeaderMap::new();
    if body.is_some() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=UTF-8"),
        );
    }
    Request {
        method,
        url,
        headers,
        body: body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
        limits: LIMITS,
    }
}

fn unchanged(mut request: Request, etag: Option<&str>) -> Result<Request, Failure> {
    if let Some(etag) = etag {
        let value = HeaderValue::from_str(etag)
            .map_err(|_| Failure::item("the version of this event cannot stand in a header"))?;
        request.headers.insert(IF_MATCH, value);
    }
    Ok(request)
}

/// `calendarList.list`
pub(crate) fn calendar_list(base: &Url, page_token: Option<&str>) -> Result<Request, Failure> {
    let mut url = endpoint(base, ["users", "me", "calendarList"])?;
    url.query_pairs_mut()
        .append_pair("maxResults", CALENDARS_PER_PAGE)
        .extend_pairs(page_token.map(|token| ("pageToken", token)));
    Ok(request(Method::GET, url, None))
}

fn events_url(base: &Url, calendar: &RemoteCalendarId) -> Result<Url, Failure> {
    endpoint(base, ["calendars", calendar.as_str(), "events"])
}

/// `events.list`: everything, or what changed. All pages of all listings have the same parameters: a sync token is good
/// for those it was given with.
pub(crate) fn events(
    base: &Url,
    calendar: &RemoteCalendarId,
    from: From<'_>,
) -> Result<Request, Failure> {
    let mut url = events_url(base, calendar)?;
    url.query_pairs_mut()
        .append_pair("maxResults", EVENTS_PER_PAGE)
        .append_pair("singleEvents", "false")
        .extend_pairs(EVENT_TYPES.map(|kind| ("eventTypes", kind)))
        .extend_pairs(from.sync_token.map(|token| ("syncToken", token)))
        .extend_pairs(from.page_token.map(|token| ("pageToken", token)));
    Ok(request(Method::GET, url, None))
}

/// `events.list`: a series with all that departs from it, cancelled instances too.
pub(crate) fn series(
    base: &Url,
    calendar: &RemoteCalendarId,
    ical_uid: &str,
    page_token: Option<&str>,
) -> Result<Request, Failure> {
    let mut url = events_url(base, calendar)?;
    url.query_pairs_mut()
        .append_pair("iCalUID", ical_uid)
        .append_pair("maxResults", EVENTS_PER_PAGE)
        .append_pair("singleEvents", "false")
        .extend_pairs(page_token.map(|token| ("pageToken", token)));
    Ok(request(Method::GET, url, None))
}

/// `events.list`: one event, for what the page says of its calendar.
pub(crate) fn frame(base: &Url, calendar: &RemoteCalendarId) -> Result<Request, Failure> {
    let mut url = events_url(base, calendar)?;
    url.query_pairs_mut()
        .append_pair("maxResults", "1")
        .append_pair("fields", "timeZone,defaultReminders");
    Ok(request(Method::GET, url, None))
}

/// `events.instances`: the instance that was to start then, whatever became of it.
pub(crate) fn instances(
    base: &Url,
    calendar: &RemoteCalendarId,
    series: &str,
    original_start: &str,
) -> Result<Request, Failure> {
    let path = [
        "calendars",
        calendar.as_str(),
        "events",
        series,
        "instances",
    ];
    let mut url = endpoint(base, path)?;
    url.query_pairs_mut()
        .append_pair("originalStart", original_start)
        .append_pair("showDeleted", "true");
    Ok(request(Method::GET, url, None))
}

fn event_url(base: &Url, calendar: &RemoteCalendarId, id: &str) -> Result<Url, Failure> {
    endpoint(base, ["calendars", calendar.as_str(), "events", id])
}

/// A write, which tells nobody: sync never does.
fn silent(mut url: Url) -> Url {
    url.query_pairs_mut().append_pair("sendUpdates", "none");
    url
}

/// `events.get`
pub(crate) fn get(base: &Url, calendar: &RemoteCalendarId, id: &str) -> Result<Request, Failure> {
    Ok(request(Method::GET, event_url(base, calendar, id)?, None))
}

/// `events.insert`
pub(crate) fn insert(
    base: &Url,
    calendar: &RemoteCalendarId,
    event: Resource,
) -> Result<Request, Failure> {
    let url = silent(events_url(base, calendar)?);
    Ok(request(Method::POST, url, Some(&Value::Object(event))))
}

/// `events.patch`, if the event is still in this version.
pub(crate) fn patch(
    base: &Url,
    calendar: &RemoteCalendarId,
    id: &str,
    fields: Resource,
    etag: Option<&str>,
) -> Result<Request, Failure> {
    let url = silent(event_url(base, calendar, id)?);
    unchanged(
        request(Method::PATCH, url, Some(&Value::Object(fields))),
        etag,
    )
}

/// `events.update`, if the event is still in this version: all of it, and what is not said is gone.
pub(crate) fn update(
    base: &Url,
    calendar: &RemoteCalendarId,
    id: &str,
    event: Resource,
    etag: Option<&str>,
) -> Result<Request, Failure> {
    let url = silent(event_url(base, calendar, id)?);
    unchanged(request(Method::PUT, url, Some(&Value::Object(event))), etag)
}

/// `events.delete`, if the event is still in this version.
pub(crate) fn delete(
    base: &Url,
    calendar: &RemoteCalendarId,
    id: &str,
    etag: Option<&str>,
) -> Result<Request, Failure> {
    let url = silent(event_url(base, calendar, id)?);
    unchanged(request(Method::DELETE, url, None), etag)
}

/// `events.watch`
pub(crate) fn watch(
    base: &Url,
    calendar: &RemoteCalendarId,
    channel: &Value,
) -> Result<Request, Failure> {
    let url = endpoint(base, ["calendars", calendar.as_str(), "events", "watch"])?;
    Ok(request(Method::POST, url, Some(channel)))
}

/// `channels.stop`
pub(crate) fn stop(base: &Url, id: &str, resource_id: &str) -> Result<Request, Failure> {
    let url = endpoint(base, ["channels", "stop"])?;
    let body = json!({"id": id, "resourceId": resource_id});
    Ok(request(Method::POST, url, Some(&body)))
}

/// `freebusy.query`
pub(crate) fn free_busy(
    base: &Url,
    calendars: &[RemoteCalendarId],
    from: Timestamp,
    until: Timestamp,
) -> Result<Request, Failure> {
    let items: Vec<Value> = calendars.iter().map(|id| json!({"id": id})).collect();
    let body = json!({"timeMin": from, "timeMax": until, "items": items});
    Ok(request(
        Method::POST,
        endpoint(base, ["freeBusy"])?,
        Some(&body),
    ))
}
