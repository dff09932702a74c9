//! A calendar at Google with just enough behind it to write to: resources with versions, merged by patches, and instances
//! made of their series. It checks nothing that a test does not ask for; the checker before it does that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::header::IF_MATCH;
use http::{HeaderMap, Method, StatusCode};
use jiff::{Timestamp, Zoned};
use kalends_calendar::zone::iana;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use serde_json::{Map, Value, json};

use super::error;

/// What goes wrong, once, when a request comes by.
pub(super) struct Mishap {
    /// How many writes are let through before.
    pub(super) after_writes: usize,
    /// What is answered instead; none where the answer is lost after the effect.
    pub(super) answer: Option<(u16, String)>,
}

#[derive(Default)]
struct Inside {
    events: BTreeMap<String, Value>,
    version: u64,
    /// `METHOD path` of all that was asked.
    asked: Vec<String>,
    bodies: Vec<Value>,
    writes: usize,
    mishap: Option<Mishap>,
}

/// The calendar.
#[derive(Default)]
pub(super) struct Shelf {
    inside: Mutex<Inside>,
}

impl Shelf {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Puts a resource there, as somebody else would; answers it with its version.
    pub(super) fn put(&self, mut event: Value) -> Value {
        let mut inside = self.inside.lock().unwrap();
        let id = event["id"].as_str().unwrap().to_owned();
        event["etag"] = inside.next_version();
        inside.events.insert(id, event.clone());
        event
    }

    /// A resource as it stands.
    pub(super) fn event(&self, id: &str) -> Value {
        self.inside.lock().unwrap().events[id].clone()
    }

    /// Whether there is a live resource under an id.
    pub(super) fn has(&self, id: &str) -> bool {
        let inside = self.inside.lock().unwrap();
        inside
            .events
            .get(id)
            .is_some_and(|event| event["status"] != "cancelled")
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.lock().unwrap().asked)
    }

    /// The bodies of writes since the last time.
    pub(super) fn bodies(&self) -> Vec<Value> {
        std::mem::take(&mut self.inside.lock().unwrap().bodies)
    }

    /// The next write but so many goes wrong.
    pub(super) fn mishap(&self, mishap: Mishap) {
        let mut inside = self.inside.lock().unwrap();
        inside.writes = 0;
        inside.mishap = Some(mishap);
    }
}

impl Inside {
    fn next_version(&mut self) -> Value {
        self.version += 1;
        json!(format!("\"{}\"", self.version))
    }

    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let path = request
            .url
            .path()
            .split_once("/events")
            .map_or("", |(_, rest)| rest.trim_start_matches('/'))
            .to_owned();
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        self.asked.push(format!("{} {path}", request.method));
        if !request.body.is_empty() {
            self.bodies
                .push(serde_json::from_slice(&request.body).unwrap());
        }
        let body = || serde_json::from_slice::<Value>(&request.body).unwrap();
        match (&request.method, path.split_once('/')) {
            (&Method::GET, None) if path.is_empty() => self.list(query.get("iCalUID")),
            (&Method::GET, Some((id, "instances"))) => {
                let instance = self.instance(id, &query["originalStart"]);
                (200, json!({"items": [instance]}))
            }
            (&Method::GET, _) => match self.events.get(&path) {
                Some(event) => (200, event.clone()),
                None => refusal(404, "notFound"),
            },
            (&Method::POST, _) => self.insert(body()),
            (&Method::PATCH, _) => self.change(request, &path, |event| merge(event, &body())),
            (&Method::PUT, _) => self.change(request, &path, |event| {
                let mut new = body();
                new["iCalUID"] = event["iCalUID"].clone();
                *event = new;
            }),
            (&Method::DELETE, _) => {
                let (status, answer) = self.change(request, &path, |event| {
                    event["status"] = json!("cancelled");
                });
                if status == 200 {
                    (204, Value::Null)
                } else {
                    (status, answer)
                }
            }
            (method, _) => panic!("{method} {path}"),
        }
    }

    fn list(&self, uid: Option<&String>) -> (u16, Value) {
        let items: Vec<Value> = self
            .events
            .values()
            .filter(|event| uid.is_none_or(|uid| event["iCalUID"] == **uid))
            .filter(|event| event["status"] != "cancelled" || event["recurringEventId"].is_string())
            .cloned()
            .collect();
        let page = json!({
            "items": items,
            "timeZone": "Europe/Berlin",
            "defaultReminders": [{"method": "popup", "minutes": 10}],
            "nextSyncToken": "now",
        });
        (200, page)
    }

    fn insert(&mut self, mut event: Value) -> (u16, Value) {
        let id = event["id"].as_str().unwrap().to_owned();
        if self.events.contains_key(&id) {
            return refusal(409, "duplicate");
        }
        event["iCalUID"] = json!(format!("{id}@google.com"));
        event["status"] = event
            .get("status")
            .cloned()
            .unwrap_or_else(|| json!("confirmed"));
        event["organizer"] = json!({"email": super::ANN, "self": true});
        event["etag"] = self.next_version();
        self.events.insert(id, event.clone());
        (200, event)
    }

    fn change(
        &mut self,
        request: &Request,
        id: &str,
        act: impl FnOnce(&mut Value),
    ) -> (u16, Value) {
        let instance = || {
            let (series, at) = id.rsplit_once('_')?;
            self.events
                .contains_key(series)
                .then(|| self.instance_at(series, at))
        };
        let Some(mut event) = self.events.get(id).cloned().or_else(instance) else {
            return refusal(404, "notFound");
        };
        let is_deletion = request.method == Method::DELETE;
        if is_deletion && event["status"] == "cancelled" {
            return refusal(410, "deleted");
        }
        if let Some(wanted) = request.headers.get(IF_MATCH)
            && event["etag"] != wanted.to_str().unwrap()
        {
            return refusal(412, "conditionNotMet");
        }
        act(&mut event);
        event["etag"] = self.next_version();
        self.events.insert(id.to_owned(), event.clone());
        (200, event)
    }

    /// The instance that a series has at an original start.
    fn instance(&self, series: &str, original: &str) -> Value {
        let at = match original.parse::<Timestamp>() {
            Ok(instant) => instant.strftime("%Y%m%dT%H%M%SZ").to_string(),
            Err(_) => original.replace('-', ""),
        };
        let stored = self.events.get(&format!("{series}_{at}"));
        stored
            .cloned()
            .unwrap_or_else(|| self.instance_at(series, &at))
    }

    fn instance_at(&self, series: &str, at: &str) -> Value {
        let master = &self.events[series];
        let mut instance = master.clone();
        instance.as_object_mut().unwrap().remove("recurrence");
        instance["id"] = json!(format!("{series}_{at}"));
        instance["recurringEventId"] = json!(series);
        if at.contains('T') {
            let zone = master["start"]["timeZone"].as_str().unwrap();
            let start: Timestamp = parse_compact(at);
            let begins = |moment: &Value| -> Timestamp {
                moment["dateTime"].as_str().unwrap().parse().unwrap()
            };
            let length = begins(&master["start"]).duration_until(begins(&master["end"]));
            let show = |instant: Timestamp, zone: &str| {
                let shown = Zoned::new(instant, iana(zone).unwrap());
                json!({"dateTime": shown.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), "timeZone": zone})
            };
            let end_zone = master["end"]["timeZone"].as_str().unwrap();
            instance["start"] = show(start, zone);
            instance["end"] = show(start + length, end_zone);
        } else {
            let day = |moment: &Value| -> jiff::civil::Date {
                moment["date"].as_str().unwrap().parse().unwrap()
            };
            let length = day(&master["start"]).until(day(&master["end"])).unwrap();
            let date = jiff::civil::Date::strptime("%Y%m%d", at).unwrap();
            instance["start"] = json!({"date": date});
            instance["end"] = json!({"date": date.checked_add(length).unwrap()});
        }
        instance["originalStartTime"] = instance["start"].clone();
        instance
    }
}

fn parse_compact(at: &str) -> Timestamp {
    let wall = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", at).unwrap();
    wall.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

fn refusal(code: u16, reason: &str) -> (u16, Value) {
    let text = error(code, "global", reason, reason);
    (code, serde_json::from_str(&text).unwrap())
}

/// A patch as Google applies it.
fn merge(target: &mut Value, patch: &Value) {
    let (Some(fields), Some(patch)) = (target.as_object_mut(), patch.as_object()) else {
        *target = patch.clone();
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(name);
        } else if value.is_object() {
            let there = fields
                .entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            merge(there, value);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
}

#[async_trait]
impl Transport for Shelf {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut inside = self.inside.lock().unwrap();
        let is_write = request.method != Method::GET;
        if is_write
            && inside
                .mishap
                .as_ref()
                .is_some_and(|mishap| mishap.after_writes == inside.writes)
        {
            let mishap = inside.mishap.take().unwrap();
            let Some((status, body)) = mishap.answer else {
                inside.answer(&request);
                return Err(TransportError::Unanswered {
                    host: "www.googleapis.com".to_owned(),
                    reason: "the line broke".to_owned(),
                });
            };
            inside.asked.push(format!("{} {status}", request.method));
            return Ok(response(status, body));
        }
        inside.writes += usize::from(is_write);
        let (status, body) = inside.answer(&request);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        Ok(response(status, body))
    }
}

fn response(status: u16, body: String) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}
