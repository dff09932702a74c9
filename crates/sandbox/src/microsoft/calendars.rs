//! Calendars: listing, creating, renaming and deleting them.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::{Asked, Need};
use super::events::author;
use super::mailbox::{Calendar, Mailbox};
use super::refusal::Refusal;
use super::render::{events_context, show_calendar};
use super::words::CALENDAR_COLOR;
use super::writing;
use crate::faults::Disturbance;

/// How many calendars a page has.
const PAGE_DEFAULT: usize = 10;

/// The properties of a calendar that a client may write.
const WRITABLE: [&str; 2] = ["name", "color"];

/// The properties of a calendar that are the server's.
const READ_ONLY: [&str; 12] = [
    "allowedOnlineMeetingProviders",
    "canEdit",
    "canShare",
    "canViewPrivateItems",
    "changeKey",
    "defaultOnlineMeetingProvider",
    "hexColor",
    "id",
    "isDefaultCalendar",
    "isRemovable",
    "isTallyingResponses",
    "owner",
];

pub(crate) fn list(graph: &Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    asked.needs(Need::ReadCalendars)?;
    let mailbox = graph.mailbox(asked.email)?;
    let number = |name: &str| {
        asked
            .query
            .get(name)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let skip = number("$skip").unwrap_or(0);
    let mut size = number("$top")
        .or(asked.prefer.page)
        .unwrap_or(PAGE_DEFAULT)
        .max(1);
    if let Disturbance::CutListing { members } = asked.how {
        size = size.min(members.max(1));
    }
    let all: Vec<&Calendar> = if asked.how == Disturbance::EmptyListing {
        Vec::new()
    } else {
        mailbox.calendars.values().collect()
    };
    let shown: Vec<Value> = all
        .iter()
        .skip(skip)
        .take(size)
        .map(|calendar| selected(asked, show_calendar(mailbox, calendar)))
        .collect();
    let mut body =
        json!({ "@odata.context": events_context(asked, mailbox, "calendars"), "value": shown });
    if skip.saturating_add(size) < all.len() {
        let rest = asked.query.without(&["$skip"]);
        let joint = if rest.is_empty() { "" } else { "&" };
        body["@odata.nextLink"] = asked
            .link(&format!("{rest}{joint}$skip={}", skip.saturating_add(size)))
            .into();
    }
    Ok(Answer::ok(body))
}

pub(crate) fn create(graph: &mut Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    asked.needs(Need::WriteCalendars)?;
    let body = writing::object(asked.body)?;
    let (name, color) = written(&body)?;
    let name = name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Refusal::property("The name property is required."))?;
    let mailbox = graph.mailbox_mut(asked.email)?;
    free(mailbox, &name, None)?;
    let key = mailbox.add_calendar(&name);
    if let (Some(calendar), Some(color)) = (mailbox.calendars.get_mut(&key), color) {
        calendar.color = color;
    }
    shown(mailbox, asked, key).map(Answer::created)
}

pub(crate) fn get(graph: &Microsoft, asked: &Asked<'_>, key: u64) -> Result<Answer, Refusal> {
    asked.needs(Need::ReadCalendars)?;
    shown(graph.mailbox(asked.email)?, asked, key).map(Answer::ok)
}

pub(crate) fn patch(graph: &mut Microsoft, asked: &Asked<'_>, key: u64) -> Result<Answer, Refusal> {
    asked.needs(Need::WriteCalendars)?;
    let (name, color) = written(&writing::object(asked.body)?)?;
    let mailbox = graph.mailbox_mut(asked.email)?;
    if let Some(name) = &name {
        free(mailbox, name, Some(key))?;
    }
    let calendar = mailbox
        .calendars
        .get_mut(&key)
        .ok_or_else(Refusal::not_found)?;
    if let Some(name) = name {
        calendar.name = name;
    }
    calendar.color = color.unwrap_or(calendar.color);
    calendar.version += 1;
    shown(mailbox, asked, key).map(Answer::ok)
}

/// Deletes a calendar with all that is in it. The default one stays.
pub(crate) fn delete(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    key: u64,
) -> Result<Answer, Refusal> {
    asked.needs(Need::WriteCalendars)?;
    let mailbox = graph.mailbox(asked.email)?;
    if mailbox.default == key {
        return Err(Refusal::bad(
            "ErrorDeleteDistinguishedFolder",
            "Distinguished folders cannot be deleted.",
        ));
    }
    let within: Vec<_> = mailbox
        .items()
        .values()
        .filter(|item| item.calendar == key)
        .map(Arc::clone)
        .collect();
    for item in within {
        graph.erase(author(asked), &item, None);
    }
    graph.mailbox_mut(asked.email)?.calendars.remove(&key);
    Ok(Answer::no_content())
}

fn shown(mailbox: &Mailbox, asked: &Asked<'_>, key: u64) -> Result<Value, Refusal> {
    let calendar = mailbox.calendars.get(&key).ok_or_else(Refusal::not_found)?;
    let mut shown = selected(asked, show_calendar(mailbox, calendar));
    shown["@odata.context"] = events_context(asked, mailbox, "calendars/$entity").into();
    Ok(shown)
}

/// What `$select` leaves of a calendar.
fn selected(asked: &Asked<'_>, mut shown: Value) -> Value {
    let names: Vec<&str> = asked
        .query
        .get("$select")
        .map(|names| names.split(',').map(str::trim).collect())
        .unwrap_or_default();
    if let Value::Object(object) = &mut shown
        && !names.is_empty()
    {
        object.retain(|name, _| name == "id" || names.contains(&name.as_str()));
    }
    shown
}

fn written(body: &Map<String, Value>) -> Result<(Option<String>, Option<&'static str>), Refusal> {
    if let Some(unknown) = body.keys().find(|name| {
        !name.contains('@')
            && !WRITABLE.contains(&name.as_str())
            && !READ_ONLY.contains(&name.as_str())
    }) {
        return Err(Refusal::unreadable(format!(
            "The property '{unknown}' does not exist on type 'microsoft.graph.calendar'."
        )));
    }
    let name = body
        .get("name")
        .map(|name| writing::text("name", name))
        .transpose()?;
    let color = body
        .get("color")
        .map(|color| writing::member("color", CALENDAR_COLOR, color))
        .transpose()?;
    Ok((name, color))
}

/// Whether no other calendar has this name.
fn free(mailbox: &Mailbox, name: &str, own: Option<u64>) -> Result<(), Refusal> {
    let taken = mailbox
        .calendars
        .values()
        .any(|calendar| Some(calendar.key) != own && calendar.name.eq_ignore_ascii_case(name));
    if taken {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "ErrorFolderExists",
            "A folder with the specified name already exists., Could not create folder.",
        ));
    }
    Ok(())
}
