//! What people do in Outlook.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use kalends_sandbox::Place;
use kalends_sandbox::microsoft::{Microsoft, Refusal};
use serde_json::{Value, json};

use super::draft::{Act, Draft, Ends, Repeat, ZONES};
use super::remote::Occasion;
use crate::face;

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

const NTH: [&str; 4] = ["first", "second", "third", "fourth"];

/// Makes an event, and returns its id.
pub(crate) fn create(
    microsoft: &mut Microsoft,
    place: &Place,
    draft: &Draft,
    now: Timestamp,
) -> Result<String, Refusal> {
    let email = face::email(&place.user);
    microsoft.as_user_create(&email, &place.collection, &body(draft), now)
}

/// Does something to an event. Returns the id of what was made by it, if anything was.
pub(crate) fn perform(
    microsoft: &mut Microsoft,
    place: &Place,
    name: &str,
    (act, occasion): (&Act, Option<&Occasion>),
    now: Timestamp,
) -> Result<Option<String>, Refusal> {
    let email = face::email(&place.user);
    let Some(event) = microsoft.truth(&email, name) else {
        return Ok(None);
    };
    let date = occasion.map(|occasion| occasion.local.date());
    let one = date.and_then(|date| microsoft.occurrence(&email, name, date));
    let changes = match act {
        Act::Retitle(text) => json!({ "subject": text }),
        Act::Describe(text) => json!({ "body": { "contentType": "text", "content": text } }),
        Act::Relocate(text) => json!({ "location": { "displayName": text } }),
        Act::Remind(minutes) => reminder(*minutes),
        Act::Free(yes) => json!({ "showAs": if *yes { "free" } else { "busy" } }),
        Act::Private(yes) => json!({ "sensitivity": if *yes { "private" } else { "normal" } }),
        Act::Tentative(yes) => json!({ "showAs": if *yes { "tentative" } else { "busy" } }),
        Act::Shift(minutes) => shifted(&event, *minutes),
        Act::End(ends) => match ended(&event, *ends) {
            Some(recurrence) => json!({ "recurrence": recurrence }),
            None => return Ok(None),
        },
        Act::Skip => {
            if let Some(one) = one {
                microsoft.as_user_delete(&email, &one, now)?;
            }
            return Ok(None);
        }
        Act::RetitleOne(text) => {
            if let Some(one) = one {
                microsoft.as_user_change(&email, &one, &json!({ "subject": text }), now)?;
            }
            return Ok(None);
        }
        Act::MoveOne(minutes) => {
            if let Some(one) = one
                && let Some(instance) = microsoft.truth(&email, &one)
            {
                microsoft.as_user_change(&email, &one, &shifted(&instance, *minutes), now)?;
            }
            return Ok(None);
        }
        Act::Split(text) => {
            let Some(date) = date.filter(|_| one.is_some()) else {
                return Ok(None);
            };
            let changes = json!({ "subject": text });
            let made = microsoft.as_user_change_from(&email, name, date, &changes, now)?;
            return Ok(Some(made));
        }
        Act::MoveAway => {
            let calendars = microsoft.calendars(&email)?;
            let mut ids = calendars.iter().filter_map(|other| other["id"].as_str());
            if let Some(other) = ids.find(|id| *id != place.collection) {
                microsoft.as_user_move(&email, name, other, now)?;
            }
            return Ok(None);
        }
        Act::Delete => {
            microsoft.as_user_delete(&email, name, now)?;
            return Ok(None);
        }
    };
    microsoft.as_user_change(&email, name, &changes, now)?;
    Ok(None)
}

fn body(draft: &Draft) -> Value {
    let mut body = json!({
        "subject": draft.title,
        "start": moment(draft, draft.start),
        "end": moment(draft, draft.end()),
        "isAllDay": draft.zone.is_none(),
        "showAs": match (draft.free, draft.tentative) {
            (true, _) => "free",
            (false, true) => "tentative",
            (false, false) => "busy",
        },
        "sensitivity": if draft.private { "private" } else { "normal" },
    });
    if let Some(text) = draft.text {
        body["body"] = json!({ "contentType": "text", "content": text });
    }
    if let Some(place) = draft.place {
        body["location"] = json!({ "displayName": place });
    }
    if draft.guests {
        let guest = json!({ "address": "guest@example.org", "name": "Guest" });
        body["attendees"] = json!([{ "emailAddress": guest, "type": "required" }]);
    }
    if let (Value::Object(body), Value::Object(reminder)) = (&mut body, reminder(draft.reminder)) {
        body.extend(reminder);
    }
    if let Some(repeat) = draft.repeat {
        body["recurrence"] = recurrence(draft, repeat);
    }
    body
}

fn moment(draft: &Draft, local: DateTime) -> Value {
    json!({
        "dateTime": local.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "timeZone": draft.zone.map_or("UTC", |(_, windows)| windows),
    })
}

fn reminder(minutes: Option<i64>) -> Value {
    match minutes {
        None => json!({ "isReminderOn": false }),
        Some(minutes) => json!({ "isReminderOn": true, "reminderMinutesBeforeStart": minutes }),
    }
}

fn recurrence(draft: &Draft, repeat: Repeat) -> Value {
    let day = draft.start.date();
    let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    let weekday = DAYS[weekday];
    let pattern = match repeat {
        Repeat::Daily(every) => json!({ "type": "daily", "interval": every }),
        Repeat::Weekly(every) => json!({
            "type": "weekly",
            "interval": every,
            "daysOfWeek": [weekday],
            "firstDayOfWeek": "monday",
        }),
        Repeat::Monthly => json!({
            "type": "absoluteMonthly",
            "interval": 1,
            "dayOfMonth": day.day(),
        }),
        Repeat::MonthlyNth => {
            let nth = usize::try_from((day.day() - 1) / 7).unwrap_or(0);
            json!({
                "type": "relativeMonthly",
                "interval": 1,
                "daysOfWeek": [weekday],
                "index": NTH[nth.min(3)],
            })
        }
        Repeat::Yearly => json!({
            "type": "absoluteYearly",
            "interval": 1,
            "dayOfMonth": day.day(),
            "month": day.month(),
        }),
    };
    let zone = draft.zone.map_or("UTC", |(_, windows)| windows);
    json!({ "pattern": pattern, "range": range(draft.ends, day, zone) })
}

fn range(ends: Ends, first: Date, zone: &str) -> Value {
    let mut range = match ends {
        Ends::Never => json!({ "type": "noEnd" }),
        Ends::Count(count) => json!({ "type": "numbered", "numberOfOccurrences": count }),
        Ends::Until(day) => json!({ "type": "endDate", "endDate": day.max(first).to_string() }),
    };
    range["startDate"] = first.to_string().into();
    range["recurrenceTimeZone"] = zone.into();
    range
}

/// The repetition of a series with another end; none for a single event.
fn ended(event: &Value, ends: Ends) -> Option<Value> {
    let old = event["recurrence"].as_object()?;
    let first: Date = old["range"]["startDate"].as_str()?.parse().ok()?;
    let zone = old["range"]["recurrenceTimeZone"].as_str()?;
    Some(json!({ "pattern": old["pattern"], "range": range(ends, first, zone) }))
}

/// Start and end so many minutes later, in the zones in which they were chosen; of whole days, a day.
fn shifted(event: &Value, minutes: i64) -> Value {
    let by: Span = if event["isAllDay"] == true {
        minutes.signum().days()
    } else {
        minutes.minutes()
    };
    let shift = |moment: &Value, chosen: &Value| {
        let text = moment["dateTime"].as_str().unwrap_or_default();
        let told: Option<DateTime> = text.parse().ok();
        let (name, zone) = zone(chosen.as_str().unwrap_or_default());
        let local = told
            .and_then(|told| TimeZone::UTC.to_timestamp(told).ok())
            .map(|at| zone.to_datetime(at).saturating_add(by));
        json!({ "dateTime": local.map(|local| local.to_string()), "timeZone": name })
    };
    json!({
        "start": shift(&event["start"], &event["originalStartTimeZone"]),
        "end": shift(&event["end"], &event["originalEndTimeZone"]),
    })
}

/// A zone by its Windows name; UTC where people do not know it.
fn zone(windows: &str) -> (&str, TimeZone) {
    let known = ZONES.iter().find(|(_, name)| *name == windows);
    match known.and_then(|(iana, _)| kalends_calendar::zone::iana(iana)) {
        Some(zone) => (windows, zone),
        None => ("UTC", TimeZone::UTC),
    }
}
