//! Everything about an instance but its time: Google's fields to and from ours.

use std::collections::BTreeMap;

use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Details, FreeBusyStatus, Kind, Location,
    Participant, ParticipationStatus, Privacy, Role, Status, Trigger, VirtualLocation,
};
use serde_json::{Value, json};

use super::aggregate::Frame;
use super::description;
use super::properties::{More, NamedAlert};
use super::wire::{Event, Person, Reminder, Resource};

/// The longest description that Google keeps, in characters.
pub(crate) const DESCRIPTION_CHARS_MAX: usize = 8_192;

/// How many reminders of its own an event may have.
pub(crate) const REMINDERS_MAX: usize = 5;

/// The earliest reminder: four weeks before the start.
pub(crate) const REMINDER_MINUTES_MAX: i64 = 40_320;

/// Whom Google names as the organizer of imported events that have none.
const NOBODY: &str = "unknownorganizer@calendar.google.com";

/// Who reads: what an organizer is to the account depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// The addresses of the account's owner.
    pub(crate) me: &'a [Address],
    /// What the calendar says of all its events.
    pub(crate) frame: &'a Frame,
}

/// Reads the details of an event or an instance.
pub(crate) fn read(event: &Event, more: &More, all_day: bool, reader: Reader<'_>) -> Details {
    Details {
        title: event.summary.clone().unwrap_or_default(),
        description: description::read(event.description.as_deref().unwrap_or_default()),
        locations: locations(event.location.as_deref().unwrap_or_default(), more),
        virtual_locations: conference(event)
            .into_iter()
            .chain(more.virtual_locations.iter().cloned())
            .collect(),
        url: more.url.clone(),
        status: match event.status.as_deref() {
            Some("tentative") => Status::Tentative,
            Some("cancelled") => Status::Cancelled,
            Some(_) | None => Status::Confirmed,
        },
        free_busy_status: match event.transparency.as_deref() {
            Some("transparent") => FreeBusyStatus::Free,
            Some(_) | None => FreeBusyStatus::Busy,
        },
        privacy: match event.visibility.as_deref() {
            Some("private") => Privacy::Private,
            Some("confidential") => Privacy::Secret,
            Some(_) | None => Privacy::Public,
        },
        priority: more.priority,
        keywords: more.keywords.iter().cloned().collect(),
        color: more.color.clone(),
        participants: participants(event, reader.me),
        alerts: alerts(event, more, all_day, reader.frame),
    }
}

fn locations(name: &str, more: &More) -> Vec<Location> {
    let plain = || Location {
        name: name.to_owned(),
        coordinates: None,
    };
    match more.locations.first() {
        Some(first) if first.name == name => more.locations.clone(),
        // Somebody wrote another place there; the ones after the first were not to be seen there.
        Some(_) => std::iter::once(plain())
            .chain(more.locations.iter().skip(1).cloned())
            .filter(|place| !place.name.is_empty())
            .collect(),
        None if name.is_empty() => Vec::new(),
        None => vec![plain()],
    }
}

/// The ways into the conference that Google keeps with the event. They are read and never written.
pub(crate) fn conference(event: &Event) -> Vec<VirtualLocation> {
    let mut ways: Vec<VirtualLocation> = Vec::new();
    let solution = event
        .conference_data
        .as_ref()
        .and_then(|data| data.conference_solution.as_ref()?.name.clone())
        .unwrap_or_default();
    let points = event
        .conference_data
        .iter()
        .flat_map(|data| data.entry_points.iter().flatten());
    for point in points.filter(|point| point.kind.as_deref() == Some("video")) {
        if let Some(uri) = &point.uri {
            ways.push(VirtualLocation {
                uri: uri.clone(),
                name: solution.clone(),
            });
        }
    }
    if let Some(uri) = &event.hangout_link
        && ways.iter().all(|way| way.uri != *uri)
    {
        ways.push(VirtualLocation {
            uri: uri.clone(),
            name: solution,
        });
    }
    ways
}

/// Organizer and guests. Google names an organizer on every event: one without guests is nobody's meeting, and where it is
/// the calendar itself that organizes, its owner needs no entry to have the say.
fn participants(event: &Event, me: &[Address]) -> BTreeMap<Address, Participant> {
    let mut found: BTreeMap<Address, Participant> = BTreeMap::new();
    let guests = event.attendees.iter().flatten();
    for (address, person) in guests.filter_map(|person| Some((address(person)?, person))) {
        found.insert(
            address,
            Participant {
                name: person.display_name.clone().unwrap_or_default(),
                organizer: false,
                attendance: Some(attendance(person)),
            },
        );
    }
    if found.is_empty() {
        return found;
    }
    let Some((address, organizer)) = event
        .organizer
        .as_ref()
        .and_then(|person| Some((address(person)?, person)))
    else {
        return found;
    };
    let is_calendar = organizer.is_self == Some(true) && !me.is_empty() && !me.contains(&address);
    if address.0 == NOBODY || is_calendar {
        return found;
    }
    let participant = found.entry(address).or_default();
    participant.organizer = true;
    if participant.name.is_empty() {
        participant.name = organizer.display_name.clone().unwrap_or_default();
    }
    found
}

fn address(person: &Person) -> Option<Address> {
    let email = person.email.as_deref()?.trim();
    (!email.is_empty()).then(|| Address::new(email))
}

fn attendance(person: &Person) -> Attendance {
    Attendance {
        participation_status: match person.response_status.as_deref() {
            Some("accepted") => ParticipationStatus::Accepted,
            Some("declined") => ParticipationStatus::Declined,
            Some("tentative") => ParticipationStatus::Tentative,
            Some(_) | None => ParticipationStatus::NeedsAction,
        },
        role: if person.optional == Some(true) {
            Role::Optional
        } else {
            Role::Required
        },
        kind: if person.resource == Some(true) {
            Kind::Resource
        } else {
            Kind::Individual
        },
        expect_reply: false,
    }
}

/// The word for an answer.
fn answer(status: ParticipationStatus) -> Result<&'static str, String> {
    match status {
        ParticipationStatus::NeedsAction => Ok("needsAction"),
        ParticipationStatus::Accepted => Ok("accepted"),
        ParticipationStatus::Declined => Ok("declined"),
        ParticipationStatus::Tentative => Ok("tentative"),
        ParticipationStatus::Delegated => {
            Err("participants: Google knows no answer that sends somebody else".to_owned())
        }
    }
}

/// The reminders of an event. The calendar's default ones are those of events with a time; what it does about whole days
/// is not to be learned.
fn alerts(event: &Event, more: &More, all_day: bool, frame: &Frame) -> BTreeMap<AlertKey, Alert> {
    let Some(reminders) = &event.reminders else {
        return BTreeMap::new();
    };
    let of_calendar = reminders.use_default == Some(true);
    let list: &[Reminder] = if of_calendar && all_day {
        &[]
    } else if of_calendar {
        &frame.default_reminders
    } else {
        reminders.overrides.as_deref().unwrap_or_default()
    };
    let mut named: Vec<&NamedAlert> = more.alert_keys.iter().collect();
    let mut alerts = BTreeMap::new();
    for reminder in list {
        let alert = alert(reminder);
        let known = named
            .iter()
            .position(|named| named.method == reminder.method && named.minutes == reminder.minutes);
        let key = match known {
            Some(at) => named.remove(at).key.clone(),
            None => derived_key(&alert, &alerts),
        };
        alerts.insert(key, alert);
    }
    alerts
}

fn alert(reminder: &Reminder) -> Alert {
    Alert {
        trigger: Trigger::FromStart(-reminder.minutes.clamp(0, i64::from(i32::MAX)) * 60),
        action: if reminder.method == "email" {
            AlertAction::Email
        } else {
            AlertAction::Display
        },
    }
}

/// What a reminder without a name of its own is called: what it does, numbered from the second that does the same. The
/// iCalendar reader calls its like the same, so that they meet.
fn derived_key(alert: &Alert, others: &BTreeMap<AlertKey, Alert>) -> AlertKey {
    let action = match alert.action {
        AlertAction::Display => "display",
        AlertAction::Email => "email",
    };
    let seconds = match alert.trigger {
        Trigger::FromStart(seconds) | Trigger::FromEnd(seconds) => seconds,
        Trigger::At(instant) => instant.as_second(),
    };
    let base = format!("{action} {} start", spoken(seconds));
    let mut key = AlertKey(base.clone());
    let mut number = 2;
    while others.contains_key(&key) {
        key = AlertKey(format!("{base} #{number}"));
        number += 1;
    }
    key
}

/// Seconds as iCalendar writes them: `-PT15M`, `-P1D`, `PT0S`.
fn spoken(seconds: i64) -> String {
    let size = seconds.unsigned_abs();
    let sign = if seconds < 0 { "-" } else { "" };
    if size == 0 {
        return "PT0S".to_owned();
    }
    if size.is_multiple_of(86_400) {
        return format!("{sign}P{}D", size / 86_400);
    }
    let part = |count: u64, unit: &str| match count {
        0 => String::new(),
        count => format!("{count}{unit}"),
    };
    let (hours, minutes, rest) = (size / 3_600, size / 60 % 60, size % 60);
    format!(
        "{sign}PT{}{}{}",
        part(hours, "H"),
        part(minutes, "M"),
        part(rest, "S")
    )
}

/// The reminders as Google takes them, and the names of those that have one.
fn reminders(
    alerts: &BTreeMap<AlertKey, Alert>,
) -> Result<(Vec<Reminder>, Vec<NamedAlert>), String> {
    if alerts.len() > REMINDERS_MAX {
        return Err(format!(
            "alerts: Google takes at most {REMINDERS_MAX}, and these are {}",
            alerts.len()
        ));
    }
    let mut list = Vec::new();
    let mut named = Vec::new();
    let mut derived = BTreeMap::new();
    for (key, alert) in alerts {
        let minutes = match alert.trigger {
            Trigger::FromStart(seconds) if seconds <= 0 && seconds % 60 == 0 => -seconds / 60,
            Trigger::FromStart(_) => {
                return Err("alerts: Google reminds whole minutes before the start".to_owned());
            }
            Trigger::FromEnd(_) | Trigger::At(_) => {
                return Err("alerts: Google reminds before the start only".to_owned());
            }
        };
        if minutes > REMINDER_MINUTES_MAX {
            return Err(format!(
                "alerts: Google reminds at most {REMINDER_MINUTES_MAX} minutes before the start"
            ));
        }
        let reminder = Reminder {
            method: match alert.action {
                AlertAction::Display => "popup",
                AlertAction::Email => "email",
            }
            .to_owned(),
            minutes,
        };
        let plain = derived_key(alert, &derived);
        if plain != *key {
            named.push(NamedAlert {
                method: reminder.method.clone(),
                minutes,
                key: key.clone(),
            });
        }
        derived.insert(plain, alert.clone());
        list.push(reminder);
    }
    Ok((list, named))
}

/// What of an instance's details goes where Google has no field.
pub(crate) fn more(details: &Details, conference: &[VirtualLocation]) -> Result<More, String> {
    let is_plain = match details.locations.as_slice() {
        [] => true,
        [only] => only.coordinates.is_none() && !only.name.is_empty(),
        [..] => false,
    };
    Ok(More {
        url: details.url.clone(),
        priority: details.priority,
        keywords: details.keywords.iter().cloned().collect(),
        color: details.color.clone(),
        locations: if is_plain {
            Vec::new()
        } else {
            details.locations.clone()
        },
        virtual_locations: details
            .virtual_locations
            .iter()
            .filter(|way| !conference.contains(way))
            .cloned()
            .collect(),
        duration: None,
        floating: false,
        alert_keys: reminders(&details.alerts)?.1,
    })
}

/// The fields in which `now` differs from `before`, as Google takes them; nulls clear. `before` is none for a new event.
pub(crate) fn write(before: Option<&Details>, now: &Details) -> Result<Resource, String> {
    let mut fields = Resource::new();
    let unsaid = Details::default();
    let was = before.unwrap_or(&unsaid);
    if was.title != now.title {
        fields.insert("summary".to_owned(), text_or_null(&now.title));
    }
    if !description::says(&was.description, &now.description) {
        let text = description::write(&now.description);
        let length = text.chars().count();
        if length > DESCRIPTION_CHARS_MAX {
            return Err(format!(
                "description: Google keeps at most {DESCRIPTION_CHARS_MAX} characters, and these are {length}"
            ));
        }
        fields.insert("description".to_owned(), text_or_null(&text));
    }
    if place(was) != place(now) {
        fields.insert("location".to_owned(), text_or_null(place(now)));
    }
    if was.status != now.status {
        let status = match now.status {
            Status::Confirmed => "confirmed",
            Status::Tentative => "tentative",
            Status::Cancelled => {
                return Err("status: Google shows no events that are cancelled".to_owned());
            }
        };
        fields.insert("status".to_owned(), json!(status));
    }
    if was.free_busy_status != now.free_busy_status {
        let transparency = match now.free_busy_status {
            FreeBusyStatus::Busy => "opaque",
            FreeBusyStatus::Free => "transparent",
        };
        fields.insert("transparency".to_owned(), json!(transparency));
    }
    if was.privacy != now.privacy {
        let visibility = match now.privacy {
            Privacy::Public => "default",
            Privacy::Private => "private",
            Privacy::Secret => "confidential",
        };
        fields.insert("visibility".to_owned(), json!(visibility));
    }
    if before.is_none_or(|was| was.alerts != now.alerts) {
        let (overrides, _) = reminders(&now.alerts)?;
        let unchanged = before
            .and_then(|was| reminders(&was.alerts).ok())
            .is_some_and(|(before, _)| before == overrides);
        if !unchanged {
            fields.insert(
                "reminders".to_owned(),
                json!({"useDefault": false, "overrides": overrides}),
            );
        }
    }
    Ok(fields)
}

/// The owner's own answer, where it differs: told alone, so that nobody else's entry can be touched.
pub(crate) fn own_answer(
    event: &Event,
    before: &Details,
    now: &Details,
) -> Result<Option<Value>, String> {
    let own = event
        .attendees
        .iter()
        .flatten()
        .find(|person| person.is_self == Some(true));
    let Some(email) = own.and_then(|own| own.email.as_deref()) else {
        return Ok(None);
    };
    let status = |details: &Details| {
        let participant = details.participants.get(&Address::new(email))?;
        Some(participant.attendance.as_ref()?.participation_status)
    };
    let Some(wanted) = status(now).filter(|wanted| status(before) != Some(*wanted)) else {
        return Ok(None);
    };
    Ok(Some(
        json!([{"email": email, "responseStatus": answer(wanted)?}]),
    ))
}

/// The first place by name: the one that Google shows.
fn place(details: &Details) -> &str {
    details
        .locations
        .first()
        .map_or("", |place| place.name.as_str())
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        json!(text)
    }
}
