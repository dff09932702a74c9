//! Calendars themselves: title, zone, and their coming and going.

use serde_json::{Map, Value, json};

use super::calendar::{Calendar, Role};
use super::call::Call;
use super::mail::SendUpdates;
use super::moment::zone_name;
use super::operation::Operation;
use super::reply::{self, Reply};
use super::write::{self, Writing, met};
use super::{Google, Refusal, body};

fn shown(calendar: &Calendar) -> Value {
    let mut value = reply::resource("calendar#calendar", calendar.version);
    for (name, field) in &calendar.fields {
        value[name] = field.clone();
    }
    value["id"] = json!(calendar.id);
    value["summary"] = json!(calendar.summary);
    value["timeZone"] = json!(calendar.time_zone);
    value["conferenceProperties"] = json!({ "allowedConferenceSolutionTypes": ["hangoutsMeet"] });
    if !calendar.primary {
        value["dataOwner"] = json!(calendar.owner);
    }
    value
}

fn found<'a>(google: &'a Google, id: &str) -> Result<&'a Calendar, Refusal> {
    google.calendars.get(id).ok_or_else(Refusal::not_found)
}

/// `calendars.get`.
pub(super) fn get(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Reader)?;
    Ok(call.tagged(shown(found(google, &seat.calendar)?)))
}

/// What a client says about a calendar.
struct Said {
    summary: String,
    time_zone: Option<String>,
    fields: Map<String, Value>,
}

fn read(body: &Map<String, Value>) -> Result<Said, Refusal> {
    let summary = body::text(body, "summary")?.filter(|summary| !summary.is_empty());
    let summary = summary.ok_or_else(|| Refusal::required("Missing title."))?;
    let time_zone = body::text(body, "timeZone")?
        .map(|name| zone_name(name).ok_or_else(|| Refusal::invalid("Invalid time zone.")))
        .transpose()?;
    let mut fields = Map::new();
    for name in ["description", "location"] {
        if let Some(text) = body::text(body, name)?.filter(|text| !text.is_empty()) {
            fields.insert(name.to_owned(), text.into());
        }
    }
    if let Some(value @ Value::Object(_)) = body.get("labelProperties") {
        fields.insert("labelProperties".to_owned(), value.clone());
    }
    Ok(Said {
        summary: summary.to_owned(),
        time_zone,
        fields,
    })
}

/// `calendars.insert`.
pub(super) fn insert(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let said = read(&call.body()?)?;
    let zone = said.time_zone.unwrap_or_else(|| "UTC".to_owned());
    let id = google.add_calendar(&call.user, &said.summary, &zone, call.now);
    let calendar = google
        .calendars
        .get_mut(&id)
        .ok_or_else(Refusal::not_found)?;
    calendar.fields = said.fields;
    calendar.created_by = Some(call.client.clone());
    Ok(Reply::Json(shown(calendar)))
}

/// `calendars.patch` and `calendars.update`.
pub(super) fn change(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    met(&format!("\"{}\"", calendar.version), call.if_match())?;
    let body = call.body()?;
    let whole = if call.operation == Operation::CalendarsPatch {
        let mut whole = calendar.fields.clone();
        whole.insert("summary".to_owned(), calendar.summary.clone().into());
        whole.insert("timeZone".to_owned(), calendar.time_zone.clone().into());
        body::merge(&mut whole, &body);
        whole
    } else {
        body
    };
    let said = read(&whole)?;
    let stamp = google.stamp(call.now);
    let calendar = google
        .calendars
        .get_mut(&seat.calendar)
        .ok_or_else(Refusal::not_found)?;
    calendar.summary = said.summary;
    calendar.fields = said.fields;
    if let Some(zone) = said.time_zone {
        calendar.time_zone = zone;
    }
    calendar.version = stamp.version;
    calendar.updated = stamp.updated;
    Ok(Reply::Json(shown(calendar)))
}

/// `calendars.delete`: secondary calendars alone.
pub(super) fn delete(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    met(&format!("\"{}\"", calendar.version), call.if_match())?;
    if calendar.primary {
        return Err(Refusal::forbidden());
    }
    google.remove_calendar(&seat.calendar, call.now);
    Ok(Reply::Empty)
}

/// `calendars.clear`: primary calendars alone.
pub(super) fn clear(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let seat = call.seat(google, Role::Owner)?;
    let calendar = found(google, &seat.calendar)?;
    if !calendar.primary {
        return Err(Refusal::invalid("Invalid Value"));
    }
    let live = calendar.events().values();
    let live = live.filter(|event| !event.is_cancelled() && event.slot.is_none());
    let ids: Vec<String> = live.map(|event| event.id.clone()).collect();
    let writing = Writing {
        user: &call.user,
        calendar: &seat.calendar,
        role: seat.role,
        now: call.now,
        send: SendUpdates::None,
        conference: false,
        attachments: false,
        labels: false,
    };
    for id in ids {
        write::delete(google, &writing, &id, None)?;
    }
    Ok(Reply::Empty)
}
