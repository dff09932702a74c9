//! What concerns the mailbox as a whole: its settings, the zones it knows, and ids in their other form.

use kalends_calendar::zone;
use serde_json::{Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::{Asked, Need};
use super::ids::{self, IdType, Named};
use super::mailbox::Mailbox;
use super::moment::{Moment, Zone};
use super::refusal::Refusal;
use super::render::events_context;
use super::writing;
use super::zones;

/// How many ids can be translated at once.
const TRANSLATED_MAX: usize = 1000;

/// The settings that a client may write here.
const WRITABLE: [&str; 5] = [
    "dateFormat",
    "language",
    "timeFormat",
    "timeZone",
    "workingHours",
];

/// `mailboxSettings`, or one of them.
pub(crate) fn get(
    graph: &Microsoft,
    asked: &Asked<'_>,
    name: Option<&str>,
) -> Result<Answer, Refusal> {
    asked.needs(Need::ReadSettings)?;
    let mailbox = graph.mailbox(asked.email)?;
    let settings = shown(mailbox);
    let Some(name) = name else {
        let mut settings = settings;
        settings["@odata.context"] = events_context(asked, mailbox, "mailboxSettings").into();
        return Ok(Answer::ok(settings));
    };
    let value = settings
        .get(name)
        .ok_or_else(|| Refusal::no_route(http::StatusCode::BAD_REQUEST))?;
    let mut one = match value {
        Value::Object(_) => value.clone(),
        _ => json!({ "value": value }),
    };
    one["@odata.context"] =
        events_context(asked, mailbox, &format!("mailboxSettings/{name}")).into();
    Ok(Answer::ok(one))
}

pub(crate) fn patch(graph: &mut Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    asked.needs(Need::WriteSettings)?;
    let body = writing::object(asked.body)?;
    let mailbox = graph.mailbox_mut(asked.email)?;
    for (name, value) in body {
        if name.contains('@') {
            continue;
        }
        if !WRITABLE.contains(&name.as_str()) {
            return Err(Refusal::unreadable(format!(
                "The property '{name}' can't be written on type 'microsoft.graph.mailboxSettings'."
            )));
        }
        if name == "timeZone" {
            mailbox.zone = Zone::find(&writing::text("timeZone", &value)?)?;
        } else {
            mailbox.settings.insert(name, value);
        }
    }
    let settings = shown(mailbox);
    Ok(Answer::ok(settings))
}

/// The zones of Windows, or those of the database.
pub(crate) fn supported_time_zones(
    asked: &Asked<'_>,
    standard: Option<&str>,
) -> Result<Answer, Refusal> {
    let value: Vec<Value> = match standard.map(str::to_ascii_lowercase).as_deref() {
        None | Some("windows") => zones::WINDOWS
            .iter()
            .map(|(alias, shown)| json!({ "alias": alias, "displayName": shown }))
            .collect(),
        Some("iana") => zone::iana_names()
            .map(|name| json!({ "alias": name, "displayName": name }))
            .collect(),
        Some(other) => {
            return Err(Refusal::bad(
                "BadRequest",
                format!("'{other}' is no member of 'microsoft.graph.timeZoneStandard'."),
            ));
        }
    };
    Ok(Answer::ok(json!({
        "@odata.context": asked.context("Collection(microsoft.graph.timeZoneInformation)"),
        "value": value,
    })))
}

/// Gives ids in their other form.
pub(crate) fn translate_ids(graph: &Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    asked.needs(Need::ReadCalendars)?;
    let body = writing::object(asked.body)?;
    let parameter = |name: &str| writing::parameter(&body, name);
    let kind = |name: &str| match parameter(name).and_then(Value::as_str) {
        Some("restId") => Ok(IdType::Normal),
        Some("restImmutableEntryId") => Ok(IdType::Immutable),
        other => Err(Refusal::bad(
            "ErrorInvalidParameter",
            format!(
                "The {name} '{}' is not supported here.",
                other.unwrap_or_default()
            ),
        )),
    };
    kind("sourceIdType")?;
    let target = kind("targetIdType")?;
    let inputs = parameter("inputIds")
        .and_then(Value::as_array)
        .filter(|inputs| !inputs.is_empty() && inputs.len() <= TRANSLATED_MAX)
        .ok_or_else(|| {
            Refusal::bad(
                "ErrorInvalidParameter",
                format!("Between 1 and {TRANSLATED_MAX} ids can be translated."),
            )
        })?;
    let mailbox = graph.mailbox(asked.email)?;
    let value: Vec<Value> = inputs
        .iter()
        .map(|input| {
            let id = input.as_str().unwrap_or_default();
            match translated(mailbox, id, target) {
                Ok(translated) => json!({ "sourceId": id, "targetId": translated }),
                Err(refusal) => json!({
                    "sourceId": id,
                    "errorDetails": { "code": refusal.code, "message": refusal.message },
                }),
            }
        })
        .collect();
    Ok(Answer::ok(json!({
        "@odata.context": asked.context("Collection(microsoft.graph.convertIdResult)"),
        "value": value,
    })))
}

fn translated(mailbox: &Mailbox, id: &str, target: IdType) -> Result<String, Refusal> {
    if let Ok(Named::Calendar(_)) = ids::read(mailbox.tag, id) {
        return Ok(id.to_owned());
    }
    let which = mailbox.find(mailbox.items(), id)?;
    let item = mailbox.item(which.key)?;
    Ok(mailbox.id(item, which.date, target))
}

pub(crate) fn working_hours(mailbox: &Mailbox) -> Value {
    mailbox
        .settings
        .get("workingHours")
        .cloned()
        .unwrap_or_else(|| {
            json!({
                "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "startTime": "08:00:00.0000000",
                "endTime": "17:00:00.0000000",
                "timeZone": { "name": &*mailbox.zone.name },
            })
        })
}

fn shown(mailbox: &Mailbox) -> Value {
    let unused = |hour: i8| {
        let local = jiff::civil::date(2026, 1, 1).at(hour, 0, 0, 0);
        let zone = Zone::utc();
        Moment { local, zone }.to_json()
    };
    let mut settings = json!({
        "archiveFolder": ids::guid(&[b"archive", &mailbox.tag]),
        "timeZone": &*mailbox.zone.name,
        "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
        "dateFormat": "yyyy-MM-dd",
        "timeFormat": "HH:mm",
        "userPurpose": "user",
        "language": { "locale": "en-US", "displayName": "English (United States)" },
        "automaticRepliesSetting": {
            "status": "disabled",
            "externalAudience": "all",
            "internalReplyMessage": "",
            "externalReplyMessage": "",
            "scheduledStartDateTime": unused(0),
            "scheduledEndDateTime": unused(1),
        },
        "workingHours": working_hours(mailbox),
    });
    for (name, value) in &mailbox.settings {
        settings[name].clone_from(value);
    }
    settings
}
