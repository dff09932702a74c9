//! A small Outlook that remembers: calendars, events, series with their exceptions, and what changed since when. It keeps
//! text as HTML, gives times in UTC, forgets exceptions when a series moves, and notes whom it would have mailed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use kalends_calendar::zone;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use serde_json::{Map, Value, json};

use super::BASE;
use super::walker;

/// How many occurrences of a series it shows.
const SHOWN: usize = 60;

#[derive(Default)]
pub(super) struct Outlook {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: BTreeMap<String, Stored>,
    /// What was touched, in order; a token is a place in it.
    log: Vec<Touched>,
    made: u32,
    asked: Vec<String>,
    mailed: Vec<String>,
    page_size: Option<usize>,
    oldest_token: usize,
    faults: VecDeque<(String, Fault)>,
    refuses_known_names: bool,
}

#[derive(Clone)]
enum Touched {
    Event(String),
    Removed(Vec<String>),
}

/// What befalls a request.
pub(super) enum Fault {
    /// It is done, and the answer is lost.
    LostAnswer,
    /// It is not done, and this is answered.
    Refused(u16, &'static str),
    /// It answers a list with nothing in it.
    Nothing,
}

#[derive(Clone)]
struct Stored {
    value: Value,
    calendar: String,
    properties: Vec<Value>,
    exceptions: BTreeMap<Date, Value>,
    cancelled: BTreeSet<Date>,
}

impl Outlook {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Somebody makes an event in Outlook, as Graph would show it.
    pub(super) fn add(&self, value: Value) {
        self.add_to("cal-1=", value);
    }

    pub(super) fn add_to(&self, calendar: &str, value: Value) {
        let mut state = self.state.lock().unwrap();
        let id = value["id"].as_str().unwrap().to_owned();
        let stored = Stored {
            value,
            calendar: calendar.to_owned(),
            properties: Vec::new(),
            exceptions: BTreeMap::new(),
            cancelled: BTreeSet::new(),
        };
        state.events.insert(id.clone(), stored);
        state.touch(&id);
    }

    /// Somebody edits an event or an occurrence (`{master}.{date}`) in Outlook.
    pub(super) fn edit(&self, id: &str, patch: &Value) {
        let mut state = self.state.lock().unwrap();
        let answer = state.patch(id, None, patch.as_object().unwrap());
        assert!(answer.0 < 300, "{answer:?}");
    }

    pub(super) fn delete(&self, id: &str) {
        let mut state = self.state.lock().unwrap();
        assert_eq!(state.delete(id, None).0, 204);
    }

    /// From now on a name that is known is refused, and not answered with what was made under it.
    pub(super) fn refuse_known_names(&self) {
        self.state.lock().unwrap().refuses_known_names = true;
    }

    /// Somebody drags an event to another calendar.
    pub(super) fn drag(&self, id: &str, calendar: &str) {
        let mut state = self.state.lock().unwrap();
        calendar.clone_into(&mut state.events.get_mut(id).unwrap().calendar);
        state.log.push(Touched::Removed(vec![id.to_owned()]));
    }

    /// The window no longer shows an event, though it is there.
    pub(super) fn leave_window(&self, id: &str) {
        let mut state = self.state.lock().unwrap();
        state.log.push(Touched::Removed(vec![id.to_owned()]));
    }

    /// Something in a series is touched without any change.
    pub(super) fn resend(&self, id: &str) {
        let mut state = self.state.lock().unwrap();
        state.log.push(Touched::Event(id.to_owned()));
    }

    /// Tokens given so far are forgotten.
    pub(super) fn forget_tokens(&self) {
        let mut state = self.state.lock().unwrap();
        state.oldest_token = state.log.len() + 1;
        state.log.push(Touched::Removed(Vec::new()));
    }

    pub(super) fn pages_of(&self, size: usize) {
        self.state.lock().unwrap().page_size = Some(size);
    }

    /// The next request whose line contains this meets a fault.
    pub(super) fn befall(&self, line: &str, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.faults.push_back((line.to_owned(), fault));
    }

    /// What was asked since the last time, as `METHOD path` without options.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    /// Whom it would have mailed about what.
    pub(super) fn mailed(&self) -> Vec<String> {
        self.state.lock().unwrap().mailed.clone()
    }

    /// An event with all that belongs to it.
    pub(super) fn shown(&self, id: &str) -> Value {
        self.state.lock().unwrap().whole(id).unwrap()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.state.lock().unwrap().events.keys().cloned().collect()
    }
}

type Answer = (u16, Value);

fn refused(status: u16, code: &str) -> Answer {
    (status, json!({"error": {"code": code, "message": code}}))
}

impl State {
    fn touch(&mut self, id: &str) {
        self.made += 1;
        let tag = format!("W/\"{}\"", self.made);
        if let Some(stored) = self.events.get_mut(id) {
            stored.value["@odata.etag"] = json!(tag);
        }
        self.log.push(Touched::Event(id.to_owned()));
    }

    fn whole(&self, id: &str) -> Option<Value> {
        if let Some((master, date)) = occurrence(id) {
            let stored = self.events.get(master)?;
            let shown = stored.occurrences();
            return Some(shown.get(&date)?.clone());
        }
        let stored = self.events.get(id)?;
        let mut value = stored.value.clone();
        value["singleValueExtendedProperties"] = json!(stored.properties);
        value["exceptionOccurrences"] = stored.exceptions.values().cloned().collect();
        value["cancelledOccurrences"] = stored
            .cancelled
            .iter()
            .map(|date| json!(format!("OID.{id}.{date}")))
            .collect();
        Some(value)
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let path = request
            .url
            .path()
            .split_once("/v1.0/")
            .unwrap()
            .1
            .to_owned();
        let parts: Vec<String> = path
            .split('/')
            .map(|part| {
                percent_encoding::percent_decode_str(part)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let tag = request
            .headers
            .get("if-match")
            .map(|tag| tag.to_str().unwrap());
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["me", "calendars", calendar, "calendarView", "delta"]) => {
                self.delta(calendar, &query)
            }
            ("GET", ["me", "calendars", calendar, "events"]) => self.list(calendar, &query),
            ("POST", ["me", "calendars", calendar, "events"]) => self.create(calendar, &body),
            ("GET", ["me", "events", id, "calendar"]) => match self.events.get(*id) {
                Some(stored) => (200, json!({"id": stored.calendar})),
                None => refused(404, "ErrorItemNotFound"),
            },
            ("GET", ["me", "events", id, "instances"]) => self.instances(id, &query),
            ("GET", ["me", "events", id]) => match self.whole(id) {
                Some(value) => (200, value),
                None => refused(404, "ErrorItemNotFound"),
            },
            ("PATCH", ["me", "events", id]) => self.patch(id, tag, body.as_object().unwrap()),
            ("DELETE", ["me", "events", id]) => self.delete(id, tag),
            ("POST", ["me", "events", id, action]) => self.respond(id, action, &body),
            (method, _) => panic!("nobody taught me {method} {path}"),
        }
    }

    /// Answers an invitation. What is declined leaves the calendar.
    fn respond(&mut self, id: &str, action: &str, body: &Value) -> Answer {
        assert_eq!(
            *body,
            json!({"sendResponse": false}),
            "the organizer is told nothing"
        );
        let Some(stored) = self.events.get_mut(id) else {
            return refused(404, "ErrorItemNotFound");
        };
        let response = match action {
            "accept" => "accepted",
            "tentativelyAccept" => "tentativelyAccepted",
            "decline" => {
                self.delete(id, None);
                return (202, Value::Null);
            }
            other => panic!("nobody taught me {other}"),
        };
        stored.value["responseStatus"]["response"] = json!(response);
        self.touch(id);
        (202, Value::Null)
    }

    fn delta(&self, calendar: &str, query: &BTreeMap<String, String>) -> Answer {
        let here = |id: &String| {
            self.events
                .get(id)
                .is_some_and(|stored| stored.calendar == calendar)
        };
        let token: Option<usize> = query.get("$deltatoken").map(|token| token.parse().unwrap());
        if token.is_some_and(|token| token < self.oldest_token) {
            return refused(410, "SyncStateNotFound");
        }
        let mut items = Vec::new();
        let touched: Vec<Touched> = match token {
            Some(token) => self.log[token..].to_vec(),
            None => self.events.keys().cloned().map(Touched::Event).collect(),
        };
        for one in touched {
            match one {
                Touched::Event(id) if here(&id) => {
                    let stored = &self.events[&id];
                    if stored.value["recurrence"].is_null() {
                        items.push(stored.value.clone());
                    } else {
                        items.extend(stored.occurrences().values().map(stub));
                    }
                }
                Touched::Event(_) => {}
                Touched::Removed(ids) => items.extend(
                    ids.iter()
                        .map(|id| json!({"id": id, "@removed": {"reason": "deleted"}})),
                ),
            }
        }
        let link = format!(
            "{BASE}/me/calendars/{calendar}/calendarView/delta?$deltatoken={}",
            self.log.len()
        );
        (200, json!({"value": items, "@odata.deltaLink": link}))
    }

    fn list(&self, calendar: &str, query: &BTreeMap<String, String>) -> Answer {
        let wanted = query
            .get("$filter")
            .map(|filter| filter.rsplit('\'').nth(1).unwrap().to_owned());
        let all: Vec<Value> = self
            .events
            .iter()
            .filter(|(_, stored)| stored.calendar == calendar)
            .filter(|(_, stored)| {
                wanted.as_ref().is_none_or(|wanted| {
                    stored
                        .properties
                        .iter()
                        .any(|property| property["value"] == **wanted)
                })
            })
            .map(|(_, stored)| {
                let mut value = stored.value.clone();
                value["singleValueExtendedProperties"] = json!(stored.properties);
                value
            })
            .collect();
        let skip: usize = query.get("$skip").map_or(0, |skip| skip.parse().unwrap());
        let size = self.page_size.unwrap_or(usize::MAX);
        let page: Vec<Value> = all.iter().skip(skip).take(size).cloned().collect();
        let mut answer = json!({"value": page});
        if skip.saturating_add(size) < all.len() {
            answer["@odata.nextLink"] = json!(format!(
                "{BASE}/me/calendars/{calendar}/events?$skip={}",
                skip + size
            ));
        }
        (200, answer)
    }

    fn instances(&self, id: &str, query: &BTreeMap<String, String>) -> Answer {
        let Some(stored) = self.events.get(id) else {
            return refused(404, "ErrorItemNotFound");
        };
        let bound = |name: &str| query[name].parse::<Timestamp>().unwrap();
        let (from, to) = (bound("startDateTime"), bound("endDateTime"));
        let shown: Vec<Value> = stored
            .occurrences()
            .into_values()
            .filter(|value| {
                let text = value["start"]["dateTime"].as_str().unwrap();
                let at = text
                    .parse::<DateTime>()
                    .unwrap()
                    .to_zoned(jiff::tz::TimeZone::UTC);
                (from..to).contains(&at.unwrap().timestamp())
            })
            .collect();
        (200, json!({"value": shown}))
    }

    fn create(&mut self, calendar: &str, body: &Value) -> Answer {
        let transaction = &body["transactionId"];
        let known = self
            .events
            .values()
            .find(|stored| !transaction.is_null() && stored.value["transactionId"] == *transaction);
        if let Some(known) = known {
            return if self.refuses_known_names {
                refused(409, "ErrorDuplicateTransactionId")
            } else {
                (200, known.value.clone())
            };
        }
        self.made += 1;
        let id = format!("AAMk-{}=", self.made);
        let mut stored = Stored {
            value: super::single(&id, ""),
            calendar: calendar.to_owned(),
            properties: Vec::new(),
            exceptions: BTreeMap::new(),
            cancelled: BTreeSet::new(),
        };
        stored.value["isReminderOn"] = json!(true);
        stored.value["transactionId"] = transaction.clone();
        merge(&mut stored.value, body.as_object().unwrap());
        stored.take_properties(body);
        self.events.insert(id.clone(), stored);
        self.touch(&id);
        (201, self.events[&id].value.clone())
    }

    fn patch(&mut self, id: &str, tag: Option<&str>, body: &Map<String, Value>) -> Answer {
        let Some(now) = self.whole(id) else {
            return refused(404, "ErrorItemNotFound");
        };
        if tag.is_some_and(|tag| now["@odata.etag"] != tag) {
            return refused(412, "ErrorIrresolvableConflict");
        }
        self.mail(id, "changed");
        if let Some((master, date)) = occurrence(id) {
            let stored = self.events.get_mut(master).unwrap();
            let mut changed = now;
            merge(&mut changed, body);
            if stored.crosses(date, &changed) {
                return refused(400, "ErrorOccurrenceCrossingBoundary");
            }
            changed["type"] = json!("exception");
            self.made += 1;
            changed["@odata.etag"] = json!(format!("W/\"x{}\"", self.made));
            stored.exceptions.insert(date, changed.clone());
            let master = master.to_owned();
            self.touch(&master);
            return (200, changed);
        }
        let stored = self.events.get_mut(id).unwrap();
        merge(&mut stored.value, body);
        stored.take_properties(&Value::Object(body.clone()));
        if ["start", "recurrence"]
            .iter()
            .any(|key| body.contains_key(*key))
        {
            stored.exceptions.clear();
            stored.cancelled.clear();
        }
        self.touch(id);
        (200, self.events[id].value.clone())
    }

    fn delete(&mut self, id: &str, tag: Option<&str>) -> Answer {
        let Some(now) = self.whole(id) else {
            return refused(404, "ErrorItemNotFound");
        };
        if tag.is_some_and(|tag| now["@odata.etag"] != tag) {
            return refused(412, "ErrorIrresolvableConflict");
        }
        self.mail(id, "cancelled");
        if let Some((master, date)) = occurrence(id) {
            let master = master.to_owned();
            let stored = self.events.get_mut(&master).unwrap();
            stored.exceptions.remove(&date);
            stored.cancelled.insert(date);
            self.touch(&master);
            return (204, Value::Null);
        }
        let stored = self.events.remove(id).unwrap();
        let lost = if stored.value["recurrence"].is_null() {
            vec![id.to_owned()]
        } else {
            stored
                .occurrences()
                .values()
                .map(|value| value["id"].as_str().unwrap().to_owned())
                .collect()
        };
        self.log.push(Touched::Removed(lost));
        (204, Value::Null)
    }

    fn mail(&mut self, id: &str, what: &str) {
        let now = self.whole(id).unwrap();
        let has_guests = now["attendees"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        if has_guests && now["isOrganizer"] == true {
            self.mailed.push(format!("{} {what}", now["subject"]));
        }
    }
}

impl Stored {
    fn take_properties(&mut self, body: &Value) {
        let Some(written) = body["singleValueExtendedProperties"].as_array() else {
            return;
        };
        for property in written {
            self.properties
                .retain(|known| known["id"] != property["id"]);
            self.properties.push(property.clone());
        }
    }

    /// What takes place, by the date that the pattern gave it.
    fn occurrences(&self) -> BTreeMap<Date, Value> {
        if self.value["recurrence"].is_null() {
            return BTreeMap::new();
        }
        let zone = self.zone();
        let id = self.value["id"].as_str().unwrap();
        let (start, end) = (utc(&self.value["start"]), utc(&self.value["end"]));
        let length = start.duration_until(end);
        let time = zone.to_datetime(start).time();
        walker::dates(&self.value["recurrence"], SHOWN)
            .into_iter()
            .filter(|date| !self.cancelled.contains(date))
            .map(|date| {
                if let Some(exception) = self.exceptions.get(&date) {
                    return (date, exception.clone());
                }
                let at = zone
                    .to_ambiguous_timestamp(date.to_datetime(time))
                    .compatible()
                    .unwrap();
                let mut value = self.value.clone();
                value["id"] = json!(format!("{id}.{date}"));
                value["type"] = json!("occurrence");
                value["seriesMasterId"] = json!(id);
                value["recurrence"] = Value::Null;
                value["originalStart"] = json!(at.to_string());
                value["start"] = moment(at);
                value["end"] = moment(at + length);
                (date, value)
            })
            .collect()
    }

    fn zone(&self) -> jiff::tz::TimeZone {
        let name = self.value["originalStartTimeZone"].as_str().unwrap();
        zone::iana(&zone::identify(name).unwrap().0).unwrap()
    }

    /// Whether an occurrence would come to stand on or past the day of its neighbour, deleted or not.
    fn crosses(&self, date: Date, changed: &Value) -> bool {
        let day = self.zone().to_datetime(utc(&changed["start"])).date();
        let all = walker::dates(&self.value["recurrence"], SHOWN);
        let at = all.iter().position(|known| *known == date).unwrap();
        let before = at.checked_sub(1).map(|at| all[at]);
        before.is_some_and(|before| day <= before)
            || all.get(at + 1).is_some_and(|next| day >= *next)
    }
}

/// The master and the date in the id of an occurrence.
fn occurrence(id: &str) -> Option<(&str, Date)> {
    let (master, date) = id.rsplit_once('.')?;
    Some((master, date.parse().ok()?))
}

fn stub(value: &Value) -> Value {
    let keys = [
        "@odata.etag",
        "id",
        "seriesMasterId",
        "type",
        "start",
        "end",
    ];
    keys.iter()
        .map(|key| ((*key).to_owned(), value[*key].clone()))
        .collect::<Map<_, _>>()
        .into()
}

fn utc(moment: &Value) -> Timestamp {
    let zone = zone::identify(moment["timeZone"].as_str().unwrap()).unwrap();
    let local: DateTime = moment["dateTime"].as_str().unwrap().parse().unwrap();
    zone::iana(&zone.0)
        .unwrap()
        .to_ambiguous_timestamp(local)
        .compatible()
        .unwrap()
}

fn moment(at: Timestamp) -> Value {
    json!({"dateTime": at.strftime("%Y-%m-%dT%H:%M:%S.0000000").to_string(), "timeZone": "UTC"})
}

/// Takes over what was written, as Exchange keeps it.
fn merge(value: &mut Value, body: &Map<String, Value>) {
    for (key, written) in body {
        match key.as_str() {
            "singleValueExtendedProperties" => {}
            "start" | "end" => {
                let zone = if key == "start" {
                    "originalStartTimeZone"
                } else {
                    "originalEndTimeZone"
                };
                value[zone] = written["timeZone"].clone();
                value[key] = moment(utc(written));
            }
            "body" => {
                let html = format!(
                    "<html>\r\n<head>\r\n</head>\r\n<body>\r\n{}\r\n</body>\r\n</html>\r\n",
                    written["content"].as_str().unwrap()
                );
                value[key] = json!({"contentType": "html", "content": html});
            }
            "location" => {
                value[key] = written.clone();
                value["locations"] = if written["displayName"] == "" {
                    json!([])
                } else {
                    json!([written])
                };
            }
            "subject" => value[key] = json!(written.as_str().unwrap().trim()),
            "recurrence" => {
                value[key] = written.clone();
                value["type"] = json!(if written.is_null() {
                    "singleInstance"
                } else {
                    "seriesMaster"
                });
            }
            _ => value[key] = written.clone(),
        }
    }
}

#[async_trait]
impl Transport for Outlook {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut state = self.state.lock().unwrap();
        let line = format!(
            "{} {}",
            request.method,
            request.url.path().split_once("/v1.0/").unwrap().1
        );
        state.asked.push(line.clone());
        let fault = state
            .faults
            .iter()
            .position(|(part, _)| line.contains(part))
            .and_then(|at| state.faults.remove(at));
        if let Some((_, Fault::Refused(status, code))) = fault {
            let (status, body) = refused(status, code);
            return Ok(response(status, &body));
        }
        if matches!(fault, Some((_, Fault::Nothing))) {
            return Ok(response(200, &json!({"value": []})));
        }
        let (status, body) = state.answer(&request);
        if matches!(fault, Some((_, Fault::LostAnswer))) {
            return Err(TransportError::Unanswered {
                host: "graph.microsoft.com".to_owned(),
                reason: "the line went dead".to_owned(),
            });
        }
        Ok(response(status, &body))
    }
}

fn response(status: u16, body: &Value) -> Response {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}
