//! Which events a listing is asked for, and which parameters go together.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Role};
use super::call::{Call, Seat};
use super::event::{Event, KINDS, Kind};
use super::push::later;
use super::series::{self, Window};
use super::switches::{PropertyFilters, Switches};
use super::token::SyncToken;
use super::{Google, Refusal};
use crate::faults::Disturbance;

/// What a sync token cannot go with, by the reference.
const NOT_WITH_SYNC_TOKEN: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];
/// What a listing cannot end with a sync token after.
const NO_SYNC_TOKEN_AFTER: [&str; 6] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "updatedMin",
];

/// In which order events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Stored,
    StartTime,
    Updated,
}

/// Which events are wanted.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) single: bool,
    pub(super) show_deleted: bool,
    pub(super) incremental: bool,
    pub(super) window: Window,
    pub(super) updated_min: Option<Timestamp>,
    pub(super) uid: Option<String>,
    pub(super) kinds: Vec<Kind>,
    pub(super) properties: Vec<(&'static str, String, String)>,
    pub(super) text: Option<String>,
    pub(super) order: Order,
}

/// The request's sync token, if it has one that is still good.
pub(super) fn sync_token(
    call: &Call<'_>,
    switches: &Switches,
    calendar: &Calendar,
    seat: &Seat,
    topic: &str,
) -> Result<Option<SyncToken>, Refusal> {
    let Some(text) = call.query.text("syncToken") else {
        return Ok(None);
    };
    let conflict = NOT_WITH_SYNC_TOKEN
        .iter()
        .find(|name| call.query.text(name).is_some());
    match conflict {
        Some(&"orderBy") => {
            let message = "Sync token cannot be used with non-default ordering.";
            return Err(Refusal::new(400, "global", "badRequest", message));
        }
        Some(_) => {
            let message = "Sync token cannot be used with other request restrictions.";
            return Err(Refusal::new(400, "global", "badRequest", message));
        }
        None if call.query.flag("showDeleted")? == Some(false) => {
            let message = "Sync token cannot be used when deleted events are hidden.";
            return Err(Refusal::new(400, "global", "badRequest", message));
        }
        None => {}
    }
    let token = SyncToken::read(text)
        .filter(|token| token.topic == topic && token.user == call.user)
        .ok_or_else(Refusal::sync_token)?;
    let ends = later(token.issued, switches.sync_token_lifetime);
    let dead = token.generation != calendar.generation()
        || token.role != seat.role.word()
        || token.revision < calendar.forgotten()
        || ends <= call.now
        || call.how == Disturbance::DeadCursor;
    if dead {
        return Err(Refusal::full_sync());
    }
    Ok(Some(token))
}

/// Refuses a sync token that is no longer good, for `events.watch`.
pub(super) fn check_sync_token(
    google: &Google,
    call: &Call<'_>,
    seat: &Seat,
) -> Result<(), Refusal> {
    let calendar = google.calendars.get(&seat.calendar);
    let calendar = calendar.ok_or_else(Refusal::not_found)?;
    let topic = format!("events:{}", calendar.id);
    sync_token(call, &google.switches, calendar, seat, &topic).map(drop)
}

pub(super) fn allows_sync_token(call: &Call<'_>, switches: &Switches) -> bool {
    let filtered = NO_SYNC_TOKEN_AFTER
        .iter()
        .any(|name| call.query.text(name).is_some());
    !filtered || switches.tokens_despite_filters
}

/// What of a first listing sticks to its sync token.
pub(super) fn kept(selection: &Selection) -> Map<String, Value> {
    let mut kept = Map::new();
    kept.insert("single".to_owned(), selection.single.into());
    let time = |at: Option<Timestamp>| at.map(Timestamp::as_second);
    kept.insert("after".to_owned(), json!(time(selection.window.after)));
    kept.insert("before".to_owned(), json!(time(selection.window.before)));
    let kinds: Vec<&str> = selection.kinds.iter().map(|kind| kind.word()).collect();
    kept.insert("kinds".to_owned(), json!(kinds));
    kept
}

pub(super) fn window(call: &Call<'_>) -> Result<Window, Refusal> {
    let window = Window {
        after: call.query.time("timeMin")?,
        before: call.query.time("timeMax")?,
    };
    match (window.after, window.before) {
        (Some(after), Some(before)) if after >= before => Err(Refusal::empty_window()),
        _ => Ok(window),
    }
}

/// What the request wants; with a sync token, what its first listing wanted.
pub(super) fn select(
    call: &Call<'_>,
    switches: &Switches,
    seat: &Seat,
    sync: Option<&SyncToken>,
) -> Result<Selection, Refusal> {
    let query = &call.query;
    let single = query.set("singleEvents")?;
    let order = match query.word("orderBy", &["startTime", "updated"])? {
        Some("startTime") if !single => {
            let message = "The requested ordering is not available for the particular query.";
            return Err(Refusal::new(400, "global", "badRequest", message));
        }
        Some("startTime") => Order::StartTime,
        Some(_) => Order::Updated,
        None => Order::Stored,
    };
    let updated_min = query.time("updatedMin")?;
    if let Some(at) = updated_min
        && later(at, switches.updated_min_age_max) < call.now
    {
        return Err(Refusal::updated_min_too_old());
    }
    let mut properties = Vec::new();
    for (name, side) in [
        ("privateExtendedProperty", "private"),
        ("sharedExtendedProperty", "shared"),
    ] {
        for text in query.all(name) {
            let (key, value) = text.split_once('=').ok_or_else(|| {
                let message = "Extended property filters are written as propertyName=value.";
                Refusal::parameter(name, message)
            })?;
            properties.push((side, key.to_owned(), value.to_owned()));
        }
    }
    let words = query.words("eventTypes", &KINDS)?;
    let mut selection = Selection {
        // Those who see only free and busy always see single instances.
        single: single || seat.role <= Role::FreeBusyReader,
        show_deleted: query.set("showDeleted")?,
        incremental: sync.is_some(),
        window: window(call)?,
        updated_min,
        uid: query.text("iCalUID").map(str::to_owned),
        kinds: words.iter().filter_map(|word| Kind::read(word)).collect(),
        properties,
        text: query.text("q").map(str::to_lowercase),
        order,
    };
    if let Some(token) = sync {
        let time = |name: &str| {
            let second = token.kept.get(name).and_then(Value::as_i64)?;
            Timestamp::from_second(second).ok()
        };
        selection.single = token.kept.get("single") == Some(&Value::Bool(true));
        selection.window = Window {
            after: time("after"),
            before: time("before"),
        };
        let kinds = token.kept.get("kinds").and_then(Value::as_array);
        let kinds = kinds.into_iter().flatten().filter_map(Value::as_str);
        selection.kinds = kinds.filter_map(Kind::read).collect();
    }
    Ok(selection)
}

/// Whether an event is of the kind that is wanted, its time aside.
pub(super) fn matches(event: &Event, selection: &Selection, switches: &Switches) -> bool {
    let deleted_too =
        selection.show_deleted || selection.incremental || selection.updated_min.is_some();
    if event.is_cancelled() && !deleted_too {
        // Instances that do not take place are part of what a series is.
        let told = !selection.single && series::is_cancelled_instance(event);
        if !told {
            return false;
        }
    }
    if selection.updated_min.is_some_and(|min| event.updated < min) {
        return false;
    }
    if !selection.kinds.is_empty() && !selection.kinds.contains(&event.kind) {
        return false;
    }
    let mut found = selection.properties.iter().map(|(side, key, value)| {
        let properties = event.fields.get("extendedProperties");
        properties.is_some_and(|properties| properties[side][key] == value.as_str())
    });
    let properties = selection.properties.is_empty()
        || match switches.property_filters {
            PropertyFilters::All => found.all(|found| found),
            PropertyFilters::Any => found.any(|found| found),
        };
    properties && selection.text.as_ref().is_none_or(|text| says(event, text))
}

/// Whether an event has a text in what people read of it.
fn says(event: &Event, text: &str) -> bool {
    let fields = ["summary", "description", "location"].into_iter();
    let fields = fields.filter_map(|name| event.text(name));
    let people = event.attendees.iter().flat_map(|attendee| {
        let name = attendee.name.as_deref();
        name.into_iter().chain([attendee.email.as_str()])
    });
    fields
        .chain(people)
        .chain([event.organizer.email.as_str()])
        .any(|said| said.to_lowercase().contains(text))
}
