//! What a client writes about an event: read with Google's leniency, and refused where Google refuses.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::event::{Answer, Attendee, Event, Kind, Party, Slot, Status};
use super::moment::{self, Moment, Reading, Which};
use super::recurrence::Recurrence;
use super::refusal::Refusal;
use super::reminders;
use super::switches::Switches;

/// An event as a client describes it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) id: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) status: Option<Status>,
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) recurrence: Vec<String>,
    pub(crate) slot: Option<Slot>,
    pub(crate) organizer: Option<Party>,
    pub(crate) attendees: Vec<Attendee>,
    /// Whether the guest list is partial, so that it says nothing but one's own answer.
    pub(crate) attendees_omitted: bool,
    pub(crate) sequence: Option<i64>,
    pub(crate) kind: Option<Kind>,
    pub(crate) reminders: Option<Value>,
    pub(crate) fields: Map<String, Value>,
}

/// What reading depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The calendar's zone.
    pub(crate) zone: &'a str,
    pub(crate) switches: &'a Switches,
}

const TEXTS: [&str; 5] = [
    "summary",
    "description",
    "location",
    "colorId",
    "eventLabelId",
];
const OBJECTS: [&str; 7] = [
    "source",
    "gadget",
    "conferenceData",
    "focusTimeProperties",
    "outOfOfficeProperties",
    "workingLocationProperties",
    "birthdayProperties",
];
/// Words that are allowed, the default first, which is never shown.
const WORDS: [(&str, &[&str]); 2] = [
    ("transparency", &["opaque", "transparent"]),
    (
        "visibility",
        &["default", "public", "private", "confidential"],
    ),
];
/// Flags with their defaults, which are never shown.
const FLAGS: [(&str, bool); 5] = [
    ("anyoneCanAddSelf", false),
    ("endTimeUnspecified", false),
    ("guestsCanInviteOthers", true),
    ("guestsCanModify", false),
    ("guestsCanSeeOtherGuests", true),
];
/// Longer keys of extended properties are dropped silently.
const PROPERTY_KEY_CHARACTERS_MAX: usize = 44;
/// Longer values of extended properties are cut silently.
const PROPERTY_VALUE_CHARACTERS_MAX: usize = 1024;
/// More extended properties are dropped silently.
const PROPERTIES_MAX: usize = 300;
/// More attachments are refused.
const ATTACHMENTS_MAX: usize = 25;
/// Ids are base32hex of 5 to 1024 characters.
const ID_CHARACTERS: std::ops::RangeInclusive<usize> = 5..=1024;

/// The JSON object of a request body.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(Refusal::parse()),
    }
}

/// A member that is text; none when it is absent or null.
pub(crate) fn text<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(name)),
    }
}

/// A member that is true or false; none when it is absent or null.
pub(crate) fn flag(members: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(wrong(name)),
    }
}

pub(crate) fn wrong(name: &str) -> Refusal {
    Refusal::invalid(format!("Invalid value for: {name}"))
}

fn whole(members: &Map<String, Value>, name: &str) -> Result<Option<i64>, Refusal> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value
                .as_i64()
                .filter(|number| i32::try_from(*number).is_ok());
            number.map(Some).ok_or_else(|| wrong(name))
        }
    }
}

/// Puts a patch over what is there: objects member by member, everything else whole, `null` takes away. Reminders are
/// replaced as one, as Google was seen to do.
pub(crate) fn merge(base: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (base.get_mut(name), value) {
            (_, Value::Null) => {
                base.remove(name);
            }
            (Some(Value::Object(below)), Value::Object(above)) if name != "reminders" => {
                merge(below, above);
            }
            _ => {
                base.insert(name.clone(), without_nulls(value));
            }
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// What `user` could write to leave an event as it is: what a patch is put over.
pub(crate) fn writable(event: &Event, user: &str) -> Map<String, Value> {
    let mut members = event.fields.clone();
    members.insert("status".to_owned(), event.status.word().into());
    members.insert("start".to_owned(), moment::members(&event.start).into());
    members.insert("end".to_owned(), moment::members(&event.end).into());
    members.insert("eventType".to_owned(), event.kind.word().into());
    if !event.recurrence.is_empty() {
        members.insert("recurrence".to_owned(), json!(event.recurrence));
    }
    if !event.attendees.is_empty() {
        let attendees = event.attendees.iter().map(attendee_json);
        members.insert("attendees".to_owned(), attendees.collect());
    }
    if let Some(reminders) = event.reminders.get(user) {
        members.insert("reminders".to_owned(), reminders.clone());
    }
    members
}

/// An attendee without what depends on who looks.
pub(crate) fn attendee_json(attendee: &Attendee) -> Value {
    let mut value = json!({ "email": attendee.email, "responseStatus": attendee.answer.word() });
    if let Some(name) = &attendee.name {
        value["displayName"] = json!(name);
    }
    if let Some(comment) = &attendee.comment {
        value["comment"] = json!(comment);
    }
    if attendee.optional {
        value["optional"] = json!(true);
    }
    if attendee.resource {
        value["resource"] = json!(true);
    }
    if attendee.additional_guests != 0 {
        value["additionalGuests"] = json!(attendee.additional_guests);
    }
    value
}

/// Reads what a client wrote. Unknown members are passed over.
pub(crate) fn read(body: &Map<String, Value>, how: Context<'_>) -> Result<Draft, Refusal> {
    let recurrence = lines(body)?;
    let reading = |which| Reading {
        which,
        zone_required: !recurrence.is_empty(),
        zone_default: how.zone,
    };
    // The end is looked for first: a body without either is told that.
    let end = Moment::read(body.get("end"), reading(Which::End))?;
    let start = Moment::read(body.get("start"), reading(Which::Start))?;
    match (&start, &end) {
        (Moment::Day(start), Moment::Day(end)) if end <= start => {
            return Err(Refusal::empty_range());
        }
        (Moment::Time { at: start, .. }, Moment::Time { at: end, .. }) if end < start => {
            return Err(Refusal::empty_range());
        }
        (Moment::Day(_), Moment::Time { .. }) | (Moment::Time { .. }, Moment::Day(_)) => {
            let message = "Start and end times must either both be date or both be dateTime.";
            return Err(Refusal::invalid(message));
        }
        (Moment::Time { zone: one, .. }, Moment::Time { zone: other, .. })
            if !recurrence.is_empty() && one != other =>
        {
            let message = "Invalid time zone definition for end time.";
            return Err(Refusal::invalid(message));
        }
        (Moment::Day(_), Moment::Day(_)) | (Moment::Time { .. }, Moment::Time { .. }) => {}
    }
    if !recurrence.is_empty() {
        Recurrence::read(&recurrence, &start, how.switches)?;
    }
    Ok(Draft {
        id: text(body, "id")?
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
        uid: text(body, "iCalUID")?
            .filter(|uid| !uid.is_empty())
            .map(str::to_owned),
        status: word(body, "status", Status::read)?,
        slot: slot(body, how)?,
        organizer: organizer(body)?,
        attendees: attendees(body)?,
        attendees_omitted: flag(body, "attendeesOmitted")?.unwrap_or(false),
        sequence: whole(body, "sequence")?,
        kind: word(body, "eventType", Kind::read)?,
        reminders: reminders::read(body.get("reminders"))?,
        fields: fields(body)?,
        start,
        end,
        recurrence,
    })
}

/// Whether a client may give this id to a new event.
pub(crate) fn is_id(id: &str) -> bool {
    let base32hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte);
    ID_CHARACTERS.contains(&id.len()) && id.bytes().all(base32hex)
}

fn word<T>(
    body: &Map<String, Value>,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    text(body, name)?
        .map(|word| read(word).ok_or_else(|| wrong(name)))
        .transpose()
}

fn lines(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    match body.get("recurrence") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(lines)) => lines
            .iter()
            .map(|line| line.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong("recurrence")),
        Some(_) => Err(wrong("recurrence")),
    }
}

/// Which instance an imported exception is.
fn slot(body: &Map<String, Value>, how: Context<'_>) -> Result<Option<Slot>, Refusal> {
    let Some(series) = text(body, "recurringEventId")? else {
        return Ok(None);
    };
    let Some(original) = body.get("originalStartTime") else {
        return Ok(None);
    };
    let reading = Reading {
        which: Which::Start,
        zone_required: false,
        zone_default: how.zone,
    };
    Ok(Some(Slot {
        series: series.to_owned(),
        original: Moment::read(Some(original), reading)?,
    }))
}

fn organizer(body: &Map<String, Value>) -> Result<Option<Party>, Refusal> {
    let organizer = match body.get("organizer") {
        Some(Value::Object(members)) => members,
        None | Some(Value::Null) => return Ok(None),
        Some(_) => return Err(wrong("organizer")),
    };
    let name = text(organizer, "displayName")?.map(str::to_owned);
    Ok(text(organizer, "email")?.map(|email| Party {
        email: email.to_owned(),
        name,
    }))
}

/// Whether a text has the shape of a mail address.
pub(crate) fn is_address(text: &str) -> bool {
    let shaped = text
        .rsplit_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    shaped && !text.contains(char::is_whitespace)
}

fn attendees(body: &Map<String, Value>) -> Result<Vec<Attendee>, Refusal> {
    let list = match body.get("attendees") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong("attendees")),
    };
    let mut seen = BTreeSet::new();
    let mut attendees = Vec::new();
    for entry in list {
        let entry = entry.as_object().ok_or_else(|| wrong("attendees"))?;
        let email =
            text(entry, "email")?.ok_or_else(|| Refusal::required("Missing attendee email."))?;
        if !is_address(email) {
            return Err(Refusal::invalid("Invalid attendee email."));
        }
        if !seen.insert(email.to_ascii_lowercase()) {
            continue;
        }
        attendees.push(Attendee {
            email: email.to_owned(),
            name: text(entry, "displayName")?.map(str::to_owned),
            answer: word(entry, "responseStatus", Answer::read)?.unwrap_or(Answer::NeedsAction),
            comment: text(entry, "comment")?
                .filter(|comment| !comment.is_empty())
                .map(str::to_owned),
            optional: flag(entry, "optional")?.unwrap_or(false),
            resource: flag(entry, "resource")?.unwrap_or(false),
            additional_guests: whole(entry, "additionalGuests")?.unwrap_or(0),
        });
    }
    Ok(attendees)
}

fn fields(body: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Map::new();
    for name in TEXTS {
        if let Some(text) = text(body, name)?.filter(|text| !text.is_empty()) {
            fields.insert(name.to_owned(), text.into());
        }
    }
    for (name, allowed) in WORDS {
        if let Some(word) = text(body, name)? {
            if !allowed.contains(&word) {
                return Err(wrong(name));
            }
            if word != allowed[0] {
                fields.insert(name.to_owned(), word.into());
            }
        }
    }
    for (name, default) in FLAGS {
        if let Some(flag) = flag(body, name)?.filter(|flag| *flag != default) {
            fields.insert(name.to_owned(), flag.into());
        }
    }
    for name in OBJECTS {
        match body.get(name) {
            None | Some(Value::Null) => {}
            Some(value @ Value::Object(_)) => {
                fields.insert(name.to_owned(), without_nulls(value));
            }
            Some(_) => return Err(wrong(name)),
        }
    }
    match body.get("attachments") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) if list.len() > ATTACHMENTS_MAX => {
            return Err(Refusal::invalid("Too many attachments."));
        }
        Some(value @ Value::Array(list)) => {
            if list.iter().any(|entry| entry["fileUrl"].as_str().is_none()) {
                return Err(Refusal::required("Missing attachment file URL."));
            }
            if !list.is_empty() {
                fields.insert("attachments".to_owned(), value.clone());
            }
        }
        Some(_) => return Err(wrong("attachments")),
    }
    if let Some(properties) = properties(body.get("extendedProperties"))? {
        fields.insert("extendedProperties".to_owned(), properties);
    }
    Ok(fields)
}

/// Extended properties as Google keeps them: what is too long is dropped or cut without a word.
fn properties(value: Option<&Value>) -> Result<Option<Value>, Refusal> {
    let value = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(value)) => value,
        Some(_) => return Err(wrong("extendedProperties")),
    };
    let mut kept = Map::new();
    let mut room = PROPERTIES_MAX;
    for side in ["private", "shared"] {
        let given = match value.get(side) {
            None | Some(Value::Null) => continue,
            Some(Value::Object(given)) => given,
            Some(_) => return Err(wrong("extendedProperties")),
        };
        let mut properties = Map::new();
        for (key, value) in given {
            if value.is_null() || key.chars().count() > PROPERTY_KEY_CHARACTERS_MAX || room == 0 {
                continue;
            }
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let cut: String = text.chars().take(PROPERTY_VALUE_CHARACTERS_MAX).collect();
            properties.insert(key.clone(), cut.into());
            room -= 1;
        }
        if !properties.is_empty() {
            kept.insert(side.to_owned(), properties.into());
        }
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}
