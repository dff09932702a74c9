//! What people do in Google's own web page.

use jiff::Timestamp;
use jiff::civil::DateTime;
use kalends_sandbox::google::{Google, Refusal, Visit};
use kalends_sandbox::{Chance, Place};
use serde_json::{Value, json};

use super::draft::{Act, Draft, Ends, Repeat};
use super::remote::Occasion;
use crate::face;

/// Weekdays as iCalendar names them, from Monday.
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Makes an event, and returns its id.
pub(crate) fn create(
    google: &mut Google,
    place: &Place,
    draft: &Draft,
    chance: &mut Chance,
    now: Timestamp,
) -> Result<String, Refusal> {
    let email = face::email(&place.user);
    let visit = Visit::primary(&email).on(&place.collection);
    let made = google.create_event(visit, &body(draft, chance), now)?;
    Ok(id(&made))
}

/// Does something to an event. Returns the id of what was made by it, if anything was.
pub(crate) fn perform(
    google: &mut Google,
    place: &Place,
    name: &str,
    (act, occasion): (&Act, Option<&Occasion>),
    now: Timestamp,
) -> Result<Option<String>, Refusal> {
    let email = face::email(&place.user);
    let visit = Visit::primary(&email).on(&place.collection);
    let Some(event) = google.event(&place.collection, name) else {
        return Ok(None);
    };
    let one = occasion.map(|occasion| instance_id(name, occasion));
    let one = one.filter(|id| google.event(&place.collection, id).is_some());
    let patch = match act {
        Act::Retitle(text) => json!({ "summary": text }),
        Act::Describe(text) => json!({ "description": text }),
        Act::Relocate(text) => json!({ "location": text }),
        Act::Remind(minutes) => json!({ "reminders": reminders(*minutes) }),
        Act::Free(yes) => json!({ "transparency": if *yes { "transparent" } else { "opaque" } }),
        Act::Private(yes) => json!({ "visibility": if *yes { "private" } else { "default" } }),
        Act::Tentative(yes) => json!({ "status": if *yes { "tentative" } else { "confirmed" } }),
        Act::Shift(minutes) => shifted(&event, *minutes),
        Act::End(ends) => match ended(&event, *ends) {
            Some(lines) => json!({ "recurrence": lines }),
            None => return Ok(None),
        },
        Act::Skip => {
            if let Some(one) = one {
                google.delete_event(visit, &one, now)?;
            }
            return Ok(None);
        }
        Act::RetitleOne(text) => {
            if let Some(one) = one {
                google.patch_event(visit, &one, &json!({ "summary": text }), now)?;
            }
            return Ok(None);
        }
        Act::MoveOne(minutes) => {
            if let Some(one) = one
                && let Some(instance) = google.event(&place.collection, &one)
            {
                google.patch_event(visit, &one, &shifted(&instance, *minutes), now)?;
            }
            return Ok(None);
        }
        Act::Split(text) => {
            let Some(one) = one else {
                return Ok(None);
            };
            let split = google.split_series(visit, &one, &json!({ "summary": text }), now)?;
            return Ok(Some(id(&split.after)));
        }
        Act::MoveAway => {
            let mine = google.calendars.values();
            let mut others = mine.filter(|other| other.owner == email);
            let other = others.find(|other| other.id != place.collection);
            if let Some(other) = other.map(|other| other.id.clone()) {
                google.move_event(visit, name, &other, now)?;
            }
            return Ok(None);
        }
        Act::Delete => {
            google.delete_event(visit, name, now)?;
            return Ok(None);
        }
    };
    google.patch_event(visit, name, &patch, now)?;
    Ok(None)
}

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap_or_default().to_owned()
}

fn instance_id(series: &str, occasion: &Occasion) -> String {
    let stamp = match occasion.at {
        None => occasion.local.strftime("%Y%m%d").to_string(),
        Some(at) => at.strftime("%Y%m%dT%H%M%SZ").to_string(),
    };
    format!("{series}_{stamp}")
}

fn body(draft: &Draft, chance: &mut Chance) -> Value {
    let mut body = json!({
        "summary": draft.title,
        "start": moment(draft, draft.start),
        "end": moment(draft, draft.end()),
        "status": if draft.tentative { "tentative" } else { "confirmed" },
        "transparency": if draft.free { "transparent" } else { "opaque" },
        "visibility": if draft.private { "private" } else { "default" },
    });
    // Half of all people leave the calendar's own reminders alone.
    if chance.percent(50) {
        body["reminders"] = reminders(draft.reminder);
    }
    if let Some(text) = draft.text {
        body["description"] = text.into();
    }
    if let Some(place) = draft.place {
        body["location"] = place.into();
    }
    if draft.guests {
        body["attendees"] = json!([{ "email": "guest@example.org" }]);
    }
    if let Some(repeat) = draft.repeat {
        body["recurrence"] = json!([rule(draft, repeat)]);
    }
    body
}

fn moment(draft: &Draft, local: DateTime) -> Value {
    match draft.zone {
        None => json!({ "date": local.date().to_string() }),
        Some((zone, _)) => json!({
            "dateTime": local.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "timeZone": zone,
        }),
    }
}

fn reminders(minutes: Option<i64>) -> Value {
    let overrides: Vec<Value> = minutes
        .into_iter()
        .map(|minutes| json!({ "method": "popup", "minutes": minutes }))
        .collect();
    json!({ "useDefault": false, "overrides": overrides })
}

fn rule(draft: &Draft, repeat: Repeat) -> String {
    let day = draft.start.date();
    let rule = match repeat {
        Repeat::Daily(every) => format!("FREQ=DAILY;INTERVAL={every}"),
        Repeat::Weekly(every) => format!("FREQ=WEEKLY;INTERVAL={every}"),
        Repeat::Monthly => format!("FREQ=MONTHLY;BYMONTHDAY={}", day.day()),
        Repeat::MonthlyNth => {
            let nth = (day.day() - 1) / 7 + 1;
            let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
            format!("FREQ=MONTHLY;BYDAY={nth}{}", DAYS[weekday])
        }
        Repeat::Yearly => "FREQ=YEARLY".to_owned(),
    };
    format!("RRULE:{rule}{}", ending(draft.ends, draft.zone.is_none()))
}

fn ending(ends: Ends, all_day: bool) -> String {
    match ends {
        Ends::Never => String::new(),
        Ends::Count(count) => format!(";COUNT={count}"),
        Ends::Until(day) if all_day => format!(";UNTIL={}", day.strftime("%Y%m%d")),
        Ends::Until(day) => format!(";UNTIL={}", day.strftime("%Y%m%dT225959Z")),
    }
}

/// The rules of a series with another end; none for a single event.
fn ended(event: &Value, ends: Ends) -> Option<Vec<String>> {
    let all_day = event["start"]["date"].is_string();
    let lines = event["recurrence"].as_array()?.iter();
    let lines = lines.filter_map(Value::as_str).map(|line| {
        let Some(rule) = line.strip_prefix("RRULE:") else {
            return line.to_owned();
        };
        let parts = rule.split(';');
        let kept: Vec<&str> = parts
            .filter(|part| !part.starts_with("COUNT=") && !part.starts_with("UNTIL="))
            .collect();
        format!("RRULE:{}{}", kept.join(";"), ending(ends, all_day))
    });
    Some(lines.collect())
}

/// Start and end so many minutes later; of whole days, a day.
fn shifted(event: &Value, minutes: i64) -> Value {
    let shift = |moment: &Value| {
        if let Some(day) = moment["date"].as_str() {
            let day: Option<jiff::civil::Date> = day.parse().ok();
            let day = day.map(|day| day.saturating_add(jiff::Span::new().days(minutes.signum())));
            return json!({ "date": day.map(|day| day.to_string()) });
        }
        let at: Option<Timestamp> = moment["dateTime"].as_str().and_then(|at| at.parse().ok());
        let at = at.map(|at| at.saturating_add(jiff::SignedDuration::from_mins(minutes)));
        let at = at.and_then(Result::ok).map(|at| at.to_string());
        json!({ "dateTime": at, "timeZone": moment["timeZone"] })
    };
    json!({ "start": shift(&event["start"]), "end": shift(&event["end"]) })
}
