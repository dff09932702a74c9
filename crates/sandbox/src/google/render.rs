//! Events as one user sees them on one calendar.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::body::attendee_json;
use super::calendar::{Calendar, Role};
use super::event::{Attendee, Event, Party};
use super::moment::stamp;
use super::reminders;
use crate::base64;

/// Who looks, and how.
#[derive(Clone, Debug)]
pub(super) struct Look<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) user: &'a str,
    pub(super) role: Role,
    /// The zone that times are shown in.
    pub(super) zone: TimeZone,
    /// How many attendees are shown.
    pub(super) attendees_max: Option<usize>,
    /// The user's reminders where an event has none of its own.
    pub(super) default_reminders: &'a [Value],
    /// Whether what was deleted shows nothing but that, as incremental listings have it.
    pub(super) stubs: bool,
}

/// What everybody who sees anything sees of an event whose details are not theirs.
const VISIBLE_TO_ALL: [&str; 12] = [
    "kind",
    "etag",
    "id",
    "status",
    "start",
    "end",
    "recurringEventId",
    "originalStartTime",
    "created",
    "updated",
    "iCalUID",
    "sequence",
];

impl Look<'_> {
    /// The event in JSON.
    pub(super) fn event(&self, event: &Event) -> Value {
        let mine = event.is_organized_by(&self.calendar.id);
        if event.is_cancelled() && (self.stubs || !mine) {
            return self.stub(event);
        }
        let whole = self.whole(event);
        if self.role <= Role::FreeBusyReader {
            return kept(whole, &VISIBLE_TO_ALL[..10]);
        }
        if event.is_private() && self.role < Role::Writer {
            let mut shown: Vec<&str> = VISIBLE_TO_ALL.to_vec();
            shown.extend([
                "visibility",
                "transparency",
                "recurrence",
                "eventType",
                "htmlLink",
            ]);
            return kept(whole, &shown);
        }
        whole
    }

    /// What is certain of a cancelled event.
    fn stub(&self, event: &Event) -> Value {
        let mut value = json!({
            "kind": "calendar#event",
            "etag": event.etag(),
            "id": event.id,
            "status": event.status.word(),
        });
        if let Some(slot) = &event.slot {
            value["recurringEventId"] = json!(slot.series);
            value["originalStartTime"] = slot.original.json(&self.zone);
        }
        value
    }

    fn whole(&self, event: &Event) -> Value {
        let calendar = &self.calendar.id;
        let mut members = event.fields.clone();
        if event.creator.email != self.user {
            members.remove("source");
        }
        let mut set = |name: &str, value: Value| {
            members.insert(name.to_owned(), value);
        };
        set("kind", json!("calendar#event"));
        set("etag", json!(event.etag()));
        set("id", json!(event.id));
        set("status", json!(event.status.word()));
        let link = base64::encode(format!("{} {calendar}", event.id).as_bytes());
        let link = link.trim_end_matches('=');
        set(
            "htmlLink",
            json!(format!("https://www.google.com/calendar/event?eid={link}")),
        );
        // Whole seconds, as Google has them here.
        set(
            "created",
            json!(event.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
        );
        set("updated", json!(stamp(event.updated)));
        set("creator", party(&event.creator, calendar));
        set("organizer", party(&event.organizer, calendar));
        set("start", event.start.json(&self.zone));
        set("end", event.end.json(&self.zone));
        if !event.recurrence.is_empty() {
            set("recurrence", json!(event.recurrence));
        }
        if let Some(slot) = &event.slot {
            set("recurringEventId", json!(slot.series));
            set("originalStartTime", slot.original.json(&self.zone));
        }
        set("iCalUID", json!(event.uid));
        set("sequence", json!(event.sequence));
        set("eventType", json!(event.kind.word()));
        if event.private_copy {
            set("privateCopy", json!(true));
        }
        let own = event.reminders.get(self.user);
        set(
            "reminders",
            reminders::shown(own, event.start.is_day(), self.default_reminders),
        );
        self.attendees(event, &mut members);
        Value::Object(members)
    }

    fn attendees(&self, event: &Event, members: &mut Map<String, Value>) {
        if event.attendees.is_empty() {
            return;
        }
        let calendar = &self.calendar.id;
        let secret =
            !event.is_organized_by(calendar) && !event.flag("guestsCanSeeOtherGuests", true);
        let too_many = self
            .attendees_max
            .is_some_and(|max| event.attendees.len() > max);
        let shown = |attendee: &&Attendee| !(secret || too_many) || attendee.is(calendar);
        let list: Vec<Value> = event
            .attendees
            .iter()
            .filter(shown)
            .map(|attendee| {
                let mut value = attendee_json(attendee);
                if attendee.is(&event.organizer.email) {
                    value["organizer"] = json!(true);
                }
                if attendee.is(calendar) {
                    value["self"] = json!(true);
                }
                value
            })
            .collect();
        if list.len() < event.attendees.len() {
            members.insert("attendeesOmitted".to_owned(), true.into());
        }
        if !list.is_empty() {
            members.insert("attendees".to_owned(), list.into());
        }
    }
}

fn party(party: &Party, calendar: &str) -> Value {
    let mut value = json!({ "email": party.email });
    if let Some(name) = &party.name {
        value["displayName"] = json!(name);
    }
    if party.email.eq_ignore_ascii_case(calendar) {
        value["self"] = json!(true);
    }
    value
}

fn kept(value: Value, names: &[&str]) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}
