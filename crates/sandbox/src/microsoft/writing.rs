//! What clients write: JSON read into an event, property by property, as strictly as the metadata.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::body;
use super::item::{Address, Answer, Attendee, Details};
use super::moment::{Moment, Zone};
use super::refusal::Refusal;
use super::shape;
use super::switches::Switches;
use super::words::{self, word};

/// How many attendees an event may have (reference page of `event`).
const ATTENDEES_MAX: usize = 500;

/// The properties that are read elsewhere: they are not details of one occurrence.
const ELSEWHERE: [&str; 3] = ["recurrence", "transactionId", "extensions"];

/// An event before anything was said about it.
pub(crate) fn blank() -> Details {
    let now = Moment {
        local: jiff::civil::DateTime::ZERO,
        zone: Zone::utc(),
    };
    Details {
        subject: String::new(),
        body: String::new(),
        start: now.clone(),
        end: now,
        all_day: false,
        locations: Vec::new(),
        attendees: Vec::new(),
        categories: Vec::new(),
        importance: "normal",
        sensitivity: "normal",
        show_as: "busy",
        reminder_on: true,
        reminder_minutes: 15,
        response_requested: true,
        allow_proposals: true,
        hide_attendees: false,
        online: false,
        online_provider: "unknown",
        cancelled: false,
        answer: Answer::none("organizer"),
        extended: BTreeMap::new(),
    }
}

/// The body of a request as an object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(Refusal::bad(
            "BadRequest",
            "Unable to read JSON request payload.",
        )),
    }
}

/// The parameters of an action, no others than these. An empty body has none.
pub(crate) fn parameters(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let body = object(bytes)?;
    match body.keys().find(|name| {
        !name.contains('@') && !known.iter().any(|known| known.eq_ignore_ascii_case(name))
    }) {
        None => Ok(body),
        Some(name) => Err(Refusal::unreadable(format!(
            "The parameter '{name}' in the request payload is not a valid parameter for the operation."
        ))),
    }
}

/// A parameter of an action, whatever its capitals: the documents begin its name with a small letter, the metadata and the
/// libraries that are made from it with a large one.
pub(crate) fn parameter<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    body.iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Writes what `patch` says into `details`, and returns the names of the properties it said something about. Properties
/// that only the server writes are passed over.
pub(crate) fn apply(
    details: &mut Details,
    patch: &Map<String, Value>,
    switches: &Switches,
) -> Result<BTreeSet<&'static str>, Refusal> {
    let mut written = BTreeSet::new();
    for (name, value) in patch {
        if name.contains('@') {
            continue;
        }
        let known = words::EVENT_PROPERTIES
            .iter()
            .find(|(property, _)| property == name);
        match known {
            None if switches.unknown_properties_refused => {
                return Err(Refusal::unreadable(format!(
                    "The property '{name}' does not exist on type 'microsoft.graph.event'."
                )));
            }
            None => {}
            Some((property, false)) => shape::check_property(property, value)?,
            Some((property, true)) => {
                shape::check_property(property, value)?;
                if !ELSEWHERE.contains(property) {
                    set(details, property, value)?;
                }
                written.insert(*property);
            }
        }
    }
    check(details)?;
    Ok(written)
}

/// Whether the times of an event go together.
fn check(details: &Details) -> Result<(), Refusal> {
    if details.all_day {
        for (name, moment) in [("Start", &details.start), ("End", &details.end)] {
            if !moment.is_midnight() {
                return Err(Refusal::property(format!(
                    "The Event.{name} property for an all-day event needs to be set to midnight."
                )));
            }
        }
        if details.start.zone != details.end.zone {
            return Err(Refusal::property(
                "The Event.Start and Event.End properties of an all-day event need to be in the same time zone.",
            ));
        }
        if details.end.local <= details.start.local {
            return Err(Refusal::property(
                "The duration of an all-day event must be at least one day.",
            ));
        }
    }
    if details.end.instant() < details.start.instant() {
        return Err(Refusal::bad(
            "ErrorCalendarEndDateIsEarlierThanStartDate",
            "The end date is earlier than the start date.",
        ));
    }
    Ok(())
}

fn set(details: &mut Details, name: &'static str, value: &Value) -> Result<(), Refusal> {
    match name {
        "subject" => details.subject = text(name, value)?,
        "body" => details.body = read_body(value)?,
        "start" => details.start = Moment::read("start", value)?,
        "end" => details.end = Moment::read("end", value)?,
        "isAllDay" => details.all_day = flag(name, value)?,
        "location" => {
            let location = location(value)?;
            details.locations = if is_nowhere(&location) {
                Vec::new()
            } else {
                vec![location]
            };
        }
        "locations" => {
            let all = list(name, value)?.iter().map(location);
            details.locations = all.collect::<Result<_, _>>()?;
        }
        "attendees" => details.attendees = attendees(details, value)?,
        "categories" => {
            details.categories = list(name, value)?
                .iter()
                .map(|category| text(name, category))
                .collect::<Result<_, _>>()?;
        }
        "importance" => details.importance = member(name, words::IMPORTANCE, value)?,
        "sensitivity" => details.sensitivity = member(name, words::SENSITIVITY, value)?,
        "showAs" => details.show_as = member(name, words::SHOW_AS, value)?,
        "isReminderOn" => details.reminder_on = flag(name, value)?,
        "reminderMinutesBeforeStart" => details.reminder_minutes = whole_number(name, value)?,
        "responseRequested" => details.response_requested = flag(name, value)?,
        "allowNewTimeProposals" => details.allow_proposals = flag(name, value)?,
        "hideAttendees" => details.hide_attendees = flag(name, value)?,
        "isOnlineMeeting" => {
            let wanted = flag(name, value)?;
            // It can be said once; what is said later is passed over.
            if wanted && !details.online {
                details.online = true;
                if details.online_provider == "unknown" {
                    details.online_provider = "teamsForBusiness";
                }
            }
        }
        "onlineMeetingProvider" => {
            let provider = member(name, words::MEETING_PROVIDER, value)?;
            if !details.online {
                details.online_provider = provider;
            }
        }
        "singleValueExtendedProperties" => {
            for property in list(name, value)? {
                let id = property
                    .get("id")
                    .and_then(Value::as_str)
                    .and_then(property_id)
                    .ok_or_else(|| {
                        Refusal::bad(
                            "ErrorInvalidProperty",
                            "The extended property id is invalid.",
                        )
                    })?;
                let value = property.get("value").unwrap_or(&Value::Null);
                details.extended.insert(id, text("value", value)?);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The id of an extended property in the form in which it is compared and shown: type, GUID in small letters, name. None
/// when it is no such id.
pub(crate) fn property_id(id: &str) -> Option<String> {
    const TYPES: [&str; 11] = [
        "ApplicationTime",
        "Binary",
        "Boolean",
        "CLSID",
        "Currency",
        "Double",
        "Float",
        "Integer",
        "Short",
        "String",
        "SystemTime",
    ];
    let (kind, rest) = id.split_once(' ')?;
    if !TYPES.contains(&kind) {
        return None;
    }
    if let Some(tag) = rest.strip_prefix("0x") {
        let hex = !tag.is_empty() && tag.chars().all(|digit| digit.is_ascii_hexdigit());
        return hex.then(|| id.to_owned());
    }
    let (guid, name) = rest.strip_prefix('{')?.split_once("} ")?;
    let shape: Vec<usize> = guid.split('-').map(str::len).collect();
    let hex = guid
        .chars()
        .all(|digit| digit == '-' || digit.is_ascii_hexdigit());
    let named = name
        .strip_prefix("Name ")
        .or_else(|| name.strip_prefix("Id "))?;
    (hex && shape == [8, 4, 4, 4, 12] && !named.is_empty())
        .then(|| format!("{kind} {{{}}} {name}", guid.to_ascii_lowercase()))
}

fn read_body(value: &Value) -> Result<String, Refusal> {
    if value.is_null() {
        return Ok(String::new());
    }
    let part = |name: &'static str| match value.get(name) {
        None => Ok(String::new()),
        Some(part) => text(name, part),
    };
    let content = part("content")?;
    match part("contentType")?.to_ascii_lowercase().as_str() {
        "" | "text" => Ok(body::from_text(&content)),
        "html" => Ok(body::from_html(&content)),
        other => Err(Refusal::unreadable(format!(
            "'{other}' is no member of 'microsoft.graph.bodyType'."
        ))),
    }
}

/// A location, with what the server adds to it.
fn location(value: &Value) -> Result<Value, Refusal> {
    let Value::Object(written) = value else {
        return if value.is_null() {
            Ok(json!({}))
        } else {
            Err(Refusal::unreadable("'location' is no location."))
        };
    };
    let mut location = json!({ "locationType": "default", "uniqueIdType": "unknown" });
    for (name, value) in written {
        if name.contains('@') || value.is_null() {
            continue;
        }
        let enumeration = match name.as_str() {
            "locationType" => Some(words::LOCATION_TYPE),
            "uniqueIdType" => Some(words::LOCATION_ID_TYPE),
            _ => None,
        };
        if let Some(table) = enumeration {
            member("location", table, value)?;
        } else if !matches!(name.as_str(), "address" | "coordinates") {
            text("location", value)?;
        }
        location[name].clone_from(value);
    }
    if let Some(name) = location.get("displayName").cloned()
        && location.get("uniqueId").is_none()
    {
        location["uniqueId"] = name;
        location["uniqueIdType"] = "private".into();
    }
    Ok(location)
}

fn is_nowhere(location: &Value) -> bool {
    [
        "displayName",
        "locationUri",
        "locationEmailAddress",
        "address",
        "coordinates",
    ]
    .iter()
    .all(|name| {
        location
            .get(name)
            .is_none_or(|value| value == "" || value == &json!({}))
    })
}

/// The new guest list; who was on it before keeps the answer.
fn attendees(details: &Details, value: &Value) -> Result<Vec<Attendee>, Refusal> {
    let list = list("attendees", value)?;
    if list.len() > ATTENDEES_MAX {
        return Err(Refusal::property(format!(
            "An event can have at most {ATTENDEES_MAX} attendees."
        )));
    }
    let mut all: Vec<Attendee> = Vec::new();
    for entry in list {
        let who = address(entry)?;
        let before = details.attendee(&who.address);
        let attendee = Attendee {
            kind: match entry.get("type") {
                None | Some(Value::Null) => "required",
                Some(kind) => member("type", words::ATTENDEE_TYPE, kind)?,
            },
            answer: before.map_or(Answer::none("none"), |before| before.answer),
            proposed: before.and_then(|before| before.proposed.clone()),
            who,
        };
        if !all.iter().any(|known| known.who.is(&attendee.who.address)) {
            all.push(attendee);
        }
    }
    Ok(all)
}

/// The address in a `recipient`.
pub(crate) fn address(recipient: &Value) -> Result<Address, Refusal> {
    let email = recipient.get("emailAddress");
    let part = |name: &str| {
        email
            .and_then(|email| email.get(name))
            .and_then(Value::as_str)
    };
    let address = part("address")
        .filter(|address| address.contains('@'))
        .ok_or_else(|| {
            Refusal::bad(
                "ErrorInvalidRecipients",
                "At least one recipient isn't valid., Recipient is not resolved.",
            )
        })?;
    Ok(Address {
        name: part("name").unwrap_or(address).to_owned(),
        address: address.to_owned(),
    })
}

fn wrong(name: &str, kind: &str) -> Refusal {
    Refusal::unreadable(format!("The value of '{name}' is no {kind}."))
}

pub(crate) fn text(name: &str, value: &Value) -> Result<String, Refusal> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        _ => Err(wrong(name, "string")),
    }
}

pub(crate) fn flag(name: &str, value: &Value) -> Result<bool, Refusal> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(wrong(name, "Boolean")),
    }
}

fn whole_number(name: &str, value: &Value) -> Result<i32, Refusal> {
    value
        .as_i64()
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(|| wrong(name, "Int32"))
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], Refusal> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(wrong(name, "collection")),
    }
}

pub(crate) fn member(
    name: &str,
    table: &'static [&'static str],
    value: &Value,
) -> Result<&'static str, Refusal> {
    value
        .as_str()
        .and_then(|text| word(table, text))
        .ok_or_else(|| wrong(name, "member of its enumeration"))
}
