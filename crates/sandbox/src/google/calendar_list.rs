//! Somebody's list of calendars.

use serde_json::{Map, Value, json};

use super::account::{Account, Entry};
use super::calendar::Role;
use super::call::Call;
use super::operation::Operation;
use super::push::later;
use super::reply::{self, Reply};
use super::token::{PageToken, SyncToken};
use super::write::met;
use super::{Google, Refusal, body, reminders, settings};
use crate::digest;
use crate::faults::Disturbance;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 250;

const ROLES: [&str; 5] = [
    "freeBusyReader",
    "owner",
    "reader",
    "writer",
    "writerWithoutPrivateAccess",
];

fn account<'a>(google: &'a Google, call: &Call<'_>) -> Result<&'a Account, Refusal> {
    google
        .accounts
        .get(&call.user)
        .ok_or_else(Refusal::no_calendar_user)
}

/// An entry in JSON.
fn shown(google: &Google, call: &Call<'_>, id: &str, entry: &Entry) -> Value {
    let calendar = google.calendars.get(id);
    let version = calendar.map_or(entry.version, |calendar| {
        calendar.version.max(entry.version)
    });
    let mut value = reply::resource("calendar#calendarListEntry", version);
    value["id"] = json!(id);
    if entry.deleted {
        value["deleted"] = json!(true);
    }
    let Some(calendar) = calendar else {
        return value;
    };
    value["summary"] = json!(calendar.summary);
    value["timeZone"] = json!(calendar.time_zone);
    for name in ["description", "location"] {
        if let Some(text) = calendar.fields.get(name) {
            value[name] = text.clone();
        }
    }
    for (name, field) in &entry.fields {
        value[name] = field.clone();
    }
    let color = entry.fields.get("colorId").and_then(Value::as_str);
    if let Some((background, foreground)) = color.and_then(settings::calendar_color) {
        for (name, color) in [
            ("backgroundColor", background),
            ("foregroundColor", foreground),
        ] {
            if !entry.fields.contains_key(name) {
                value[name] = json!(color);
            }
        }
    }
    value["accessRole"] = json!(google.role(&call.user, id).word());
    value["defaultReminders"] = json!(entry.default_reminders);
    value["conferenceProperties"] = json!({ "allowedConferenceSolutionTypes": ["hangoutsMeet"] });
    if calendar.primary && calendar.owner == call.user {
        value["primary"] = json!(true);
    }
    if !calendar.primary {
        value["dataOwner"] = json!(calendar.owner);
    }
    value
}

/// `calendarList.list`.
pub(super) fn list(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let account = account(google, call)?;
    let topic = format!("calendarList:{}", call.user);
    let query = &call.query;
    let least = query.word("minAccessRole", &ROLES)?;
    let own_only = query.flag("showOwnOrganizationOnly")?;
    let (show_deleted, show_hidden) = (query.flag("showDeleted")?, query.flag("showHidden")?);
    let sync = match query.text("syncToken") {
        None => None,
        Some(_) if least.is_some() || own_only.is_some() => {
            let message = "Sync token cannot be used with other request restrictions.";
            return Err(Refusal::new(400, "global", "badRequest", message));
        }
        Some(_) if show_deleted == Some(false) || show_hidden == Some(false) => {
            let message = "Sync token cannot be used when deleted or hidden entries are left out.";
            return Err(Refusal::new(400, "global", "badRequest", message));
        }
        Some(text) => {
            let token = SyncToken::read(text)
                .filter(|token| token.topic == topic)
                .ok_or_else(Refusal::sync_token)?;
            let ends = later(token.issued, google.switches.sync_token_lifetime);
            if token.generation != account.list_generation
                || ends <= call.now
                || call.how == Disturbance::DeadCursor
            {
                return Err(Refusal::full_sync());
            }
            Some(token.revision)
        }
    };
    let page = match query.text("pageToken") {
        None => None,
        Some(text) => {
            let token = PageToken::read(text).filter(|token| token.topic == topic);
            Some(token.ok_or_else(Refusal::page_token)?)
        }
    };
    let limit = query
        .count("maxResults")?
        .unwrap_or(PAGE_DEFAULT)
        .min(PAGE_MAX);
    let limit = match call.how {
        Disturbance::CutListing { members } => limit.min(members.max(1)),
        Disturbance::None
        | Disturbance::DeadCursor
        | Disturbance::Stale { .. }
        | Disturbance::EmptyListing => limit,
    };
    let least = least.and_then(Role::read).unwrap_or(Role::FreeBusyReader);
    let wanted = |id: &str, entry: &Entry| {
        if let Some(since) = sync {
            return entry.revision > since;
        }
        let hidden = entry.fields.get("hidden") == Some(&Value::Bool(true));
        (!entry.deleted || show_deleted == Some(true))
            && (!hidden || show_hidden == Some(true))
            && (entry.deleted || google.role(&call.user, id) >= least)
    };
    let revision = page
        .as_ref()
        .map_or(account.list_revision, |page| page.shown);
    let after = page.as_ref().map_or("", |page| page.after.as_str());
    let mut items = Vec::new();
    let mut next = None;
    let mut last = "";
    for (id, entry) in &account.list {
        if id.as_str() <= after || !wanted(id, entry) || call.how == Disturbance::EmptyListing {
            continue;
        }
        if items.len() == limit {
            next = Some(last.to_owned());
            break;
        }
        last = id;
        items.push(shown(google, call, id, entry));
    }
    let tag = digest::short(&[
        topic.as_bytes(),
        &account.list_revision.to_be_bytes(),
        call.request.uri().query().unwrap_or("").as_bytes(),
    ]);
    let mut answer = json!({
        "kind": "calendar#calendarList", "etag": format!("\"p{tag}\""), "items": items,
    });
    if let Some(after) = next {
        let token = PageToken {
            topic,
            after,
            shown: revision,
        };
        answer["nextPageToken"] = json!(token.write());
        return Ok(call.tagged(answer));
    }
    let told = if call.how == Disturbance::EmptyListing {
        sync.unwrap_or(0)
    } else {
        revision
    };
    let token = SyncToken {
        topic,
        user: call.user.clone(),
        role: String::new(),
        generation: account.list_generation,
        revision: told,
        issued: call.now,
        kept: Map::new(),
    };
    answer["nextSyncToken"] = json!(token.write());
    Ok(call.tagged(answer))
}

/// The calendar that an entry's address names.
fn entry_id(call: &Call<'_>) -> String {
    match call.name(0) {
        "primary" => call.user.clone(),
        name => name.to_owned(),
    }
}

fn found<'a>(google: &'a Google, call: &Call<'_>, id: &str) -> Result<&'a Entry, Refusal> {
    let entry = account(google, call)?.list.get(id);
    entry
        .filter(|entry| !entry.deleted)
        .ok_or_else(Refusal::not_found)
}

/// `calendarList.get`.
pub(super) fn get(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = call.seat(google, Role::FreeBusyReader)?.calendar;
    let entry = found(google, call, &id)?;
    Ok(call.tagged(shown(google, call, &id, entry)))
}

/// What a client may set in an entry.
fn settable(call: &Call<'_>, body: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Map::new();
    let rgb = call.query.set("colorRgbFormat")?;
    for name in [
        "summaryOverride",
        "colorId",
        "backgroundColor",
        "foregroundColor",
    ] {
        let color = name.ends_with("Color");
        if let Some(text) = body::text(body, name)?
            && (rgb || !color)
        {
            if name == "colorId" && settings::calendar_color(text).is_none() {
                return Err(body::wrong(name));
            }
            fields.insert(name.to_owned(), text.into());
        }
    }
    for name in ["hidden", "selected"] {
        if let Some(flag) = body::flag(body, name)?
            && (flag || name == "selected")
        {
            fields.insert(name.to_owned(), flag.into());
        }
    }
    if let Some(value @ Value::Object(_)) = body.get("notificationSettings") {
        fields.insert("notificationSettings".to_owned(), value.clone());
    }
    Ok(fields)
}

fn store(
    google: &mut Google,
    call: &Call<'_>,
    id: &str,
    whole: &Map<String, Value>,
) -> Result<Reply, Refusal> {
    let fields = settable(call, whole)?;
    let defaults = reminders::list(whole.get("defaultReminders").unwrap_or(&Value::Null))?;
    google.change_entry(&call.user, id, call.now, |entry| {
        let color = entry.fields.get("colorId").cloned();
        entry.deleted = false;
        entry.fields = fields;
        if let Some(color) = color.filter(|_| !entry.fields.contains_key("colorId")) {
            entry.fields.insert("colorId".to_owned(), color);
        }
        entry.default_reminders = defaults;
    });
    let entry = found(google, call, id)?;
    Ok(Reply::Json(shown(google, call, id, entry)))
}

/// `calendarList.insert`.
pub(super) fn insert(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let id = body::text(&body, "id")?.ok_or_else(|| Refusal::required("Required"))?;
    let seat = call.seat_at(google, id, Role::FreeBusyReader)?;
    store(google, call, &seat.calendar, &body)
}

/// `calendarList.patch` and `calendarList.update`.
pub(super) fn change(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = call.seat(google, Role::FreeBusyReader)?.calendar;
    let entry = found(google, call, &id)?;
    let now = shown(google, call, &id, entry);
    met(now["etag"].as_str().unwrap_or(""), call.if_match())?;
    let body = call.body()?;
    let whole = if call.operation == Operation::CalendarListPatch {
        let mut whole = entry.fields.clone();
        whole.insert(
            "defaultReminders".to_owned(),
            json!(entry.default_reminders),
        );
        body::merge(&mut whole, &body);
        whole
    } else {
        body
    };
    store(google, call, &id, &whole)
}

/// `calendarList.delete`.
pub(super) fn delete(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = entry_id(call);
    found(google, call, &id)?;
    if id == call.user {
        return Err(Refusal::forbidden());
    }
    google.delist(&call.user, &id, call.now);
    Ok(Reply::Empty)
}
