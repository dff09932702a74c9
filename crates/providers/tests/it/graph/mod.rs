//! Microsoft Graph: what is asked and what is made of the answers, against scripts of bytes and against a small Outlook
//! that remembers.

mod listing;
mod mapping;
mod names;
mod outlook;
mod recurrence;
mod refusals;
mod walker;
mod watching;
mod writing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kalends_calendar::event::{Address, Details, Event, Instance, Shape};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::{EventId, RemoteCalendarId, Uid};
use kalends_calendar::provider::{Mark, Provider, Raw, Write};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_providers::graph::{BASE_URL, Graph, GraphSettings};
use kalends_providers::http::{Request, Response, Transport, TransportError};
use kalends_providers::oauth::Tokens;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::schema::graph::Checked;
use crate::script::Still;

const BASE: &str = "https://graph.microsoft.com/v1.0";

/// A token that is always good.
struct Good;

#[async_trait]
impl Tokens for Good {
    async fn access(&self, _: Option<&SecretString>) -> Result<SecretString, Failure> {
        Ok(SecretString::from("token"))
    }
}

/// Ann's account, of which every request is checked.
fn account(transport: Arc<dyn Transport>) -> Graph {
    let mut settings = GraphSettings::new(BASE_URL.parse().unwrap());
    settings.me = vec![Address::new("ann@example.com")];
    settings.floating_zone = ZoneId("Europe/Berlin".to_owned());
    Graph::new(
        Arc::new(Checked(transport)),
        Arc::new(Still),
        Arc::new(Good),
        settings,
    )
}

/// Answers one request, whatever it is, and keeps it.
struct Echo {
    status: u16,
    answer: String,
    asked: Mutex<Option<Request>>,
}

impl Echo {
    fn new(status: u16, answer: &Value) -> Arc<Self> {
        Arc::new(Self {
            status,
            answer: answer.to_string(),
            asked: Mutex::new(None),
        })
    }

    /// What it was asked; none if nothing.
    fn asked(&self) -> Option<Request> {
        self.asked.lock().unwrap().take()
    }
}

#[async_trait]
impl Transport for Echo {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let before = self.asked.lock().unwrap().replace(request);
        assert!(before.is_none(), "it answers one request");
        Ok(Response {
            status: http::StatusCode::from_u16(self.status).unwrap(),
            headers: http::HeaderMap::new(),
            body: self.answer.clone().into(),
        })
    }
}

fn calendar() -> RemoteCalendarId {
    RemoteCalendarId::from("cal-1=")
}

/// Runs what needs no threads to an end.
fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

fn berlin(local: &str) -> Start {
    Start::Zoned {
        local: local.parse().unwrap(),
        zone: ZoneId("Europe/Berlin".to_owned()),
    }
}

/// An hour of something.
fn event(title: &str, start: Start) -> Event {
    Event {
        uid: Uid::from("home@example.com"),
        shape: Shape::Series,
        master: Instance {
            start,
            duration: Length::minutes(60),
            end_zone: None,
            details: Details {
                title: title.to_owned(),
                ..Details::default()
            },
        },
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

fn mark() -> Mark {
    Mark {
        event: EventId("0198c0de-0000-7000-8000-000000000001".parse().unwrap()),
        uid: Uid::from("home@example.com"),
    }
}

fn create(event: &Event) -> Write {
    Write::Create {
        name: "6f1e6c1c-0000-5000-8000-000000000001".to_owned(),
        event: Box::new(event.clone()),
        mark: mark(),
    }
}

/// What Graph answers for an hour in Berlin, in UTC as it was asked for.
fn single(id: &str, title: &str) -> Value {
    json!({
        "@odata.etag": "W/\"one\"", "id": id, "changeKey": "one", "type": "singleInstance",
        "iCalUId": "040000008200E00074C5B7101A82E00800000000F088B8B95843D601", "transactionId": null,
        "createdDateTime": "2026-05-01T08:00:00.1234567Z", "lastModifiedDateTime": "2026-05-02T09:15:00.7654321Z",
        "originalStartTimeZone": "W. Europe Standard Time", "originalEndTimeZone": "W. Europe Standard Time",
        "subject": title, "body": {"contentType": "html", "content": "<html><body>Agenda</body></html>"},
        "start": {"dateTime": "2026-06-01T08:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-06-01T09:00:00.0000000", "timeZone": "UTC"},
        "isAllDay": false, "isCancelled": false, "isOrganizer": true, "isReminderOn": true,
        "reminderMinutesBeforeStart": 15, "showAs": "busy", "sensitivity": "normal", "importance": "normal",
        "categories": [], "location": {"displayName": ""}, "locations": [], "attendees": [], "recurrence": null,
        "seriesMasterId": null, "isOnlineMeeting": false, "onlineMeeting": null, "onlineMeetingUrl": null,
        "responseRequested": true, "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
        "organizer": {"emailAddress": {"name": "Ann", "address": "ann@example.com"}}
    })
}

/// The same every week on Mondays from 1 June 2026 on.
fn series(id: &str, title: &str) -> Value {
    let mut value = single(id, title);
    value["type"] = json!("seriesMaster");
    value["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0, "daysOfWeek": ["monday"],
            "firstDayOfWeek": "monday", "index": "first"},
        "range": {"type": "noEnd", "startDate": "2026-06-01", "endDate": "0001-01-01",
            "recurrenceTimeZone": "W. Europe Standard Time", "numberOfOccurrences": 0}
    });
    value["exceptionOccurrences"] = json!([]);
    value["cancelledOccurrences"] = json!([]);
    value
}

fn raw(value: &Value) -> Raw {
    Raw(value.to_string())
}

/// What an account without a network reads in a payload.
fn read(value: &Value) -> Event {
    account(crate::script::Script::new())
        .read(&raw(value))
        .unwrap()
}
