//! What people see and do in Outlook, by the doors that the face has for it.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Map, Value, json};

use super::draft::{Changes, Frequency, Repeat, Stretch};
use super::entry::{
    Answer, Calendar, Entry, Guest, Key, Part, Refused, Seat, Sheet, Status, User, When, instant,
};
use super::shown::Shown;
use crate::microsoft::{Microsoft, Refusal, body_text};

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let told = format!("Microsoft: {} {}", refusal.code, refusal.message);
        Self::new(refusal.status, told)
    }
}

pub(super) fn users(microsoft: &Microsoft) -> Vec<User> {
    let accounts = microsoft.accounts();
    accounts
        .map(|account| User {
            id: account.email.to_owned(),
            name: account.name.to_owned(),
            password: microsoft
                .oauth
                .people
                .get(account.email)
                .map(|person| person.password.clone()),
        })
        .collect()
}

pub(super) fn calendars(microsoft: &Microsoft, user: &str) -> Vec<Calendar> {
    let calendars = microsoft.calendars(user).unwrap_or_default();
    calendars
        .iter()
        .map(|calendar| Calendar {
            id: text(calendar, "id"),
            name: text(calendar, "name"),
            writable: calendar["canEdit"] == true,
            note: if calendar["isDefaultCalendar"] == true {
                "Default calendar".to_owned()
            } else {
                String::new()
            },
        })
        .collect()
}

pub(super) fn zone(microsoft: &Microsoft, seat: &Seat) -> Option<String> {
    let mut accounts = microsoft.accounts();
    let mine = accounts.find(|account| account.email.eq_ignore_ascii_case(&seat.user))?;
    Some(mine.time_zone.to_owned())
}

pub(super) fn entries(microsoft: &Microsoft, seat: &Seat, shown: &Shown) -> Vec<Entry> {
    let view = microsoft.view(&seat.user, &seat.calendar, shown.window());
    let events = view.unwrap_or_default();
    let entries = events.iter();
    entries
        .filter_map(|event| entry(event, &shown.zone))
        .collect()
}

pub(super) fn sheet(
    microsoft: &Microsoft,
    seat: &Seat,
    key: &Key,
    zone: &TimeZone,
) -> Option<Sheet> {
    let event = microsoft.truth(&seat.user, &key.id)?;
    if event["calendar"]["id"] != seat.calendar.as_str() {
        return None;
    }
    let guests = event["attendees"].as_array().into_iter().flatten();
    let organizer = event["organizer"]["emailAddress"]["address"].as_str();
    Some(Sheet {
        entry: entry(&event, zone)?,
        place: text(&event["location"], "displayName"),
        text: body_text(event["body"]["content"].as_str().unwrap_or_default())
            .replace("\r\n", "\n")
            .trim()
            .to_owned(),
        organizer: organizer.map(str::to_owned),
        guests: guests.map(guest).collect(),
        rule: event
            .get("recurrence")
            .filter(|rule| !rule.is_null())
            .map(told),
        series: event["seriesMasterId"].as_str().map(|id| Key {
            id: id.to_owned(),
            at: None,
        }),
        version: text(&event, "changeKey"),
        raw: format!("{event:#}"),
    })
}

fn text(event: &Value, name: &str) -> String {
    event[name].as_str().unwrap_or_default().to_owned()
}

/// A recurrence in few words: what its type uses of its pattern, and its range.
fn told(recurrence: &Value) -> String {
    let (pattern, range) = (&recurrence["pattern"], &recurrence["range"]);
    let days = pattern["daysOfWeek"].as_array().into_iter().flatten();
    let days: Vec<&str> = days.filter_map(Value::as_str).collect();
    let mut told = vec![
        text(pattern, "type"),
        format!("every {}", pattern["interval"]),
    ];
    if !days.is_empty() {
        told.push(format!("on {}", days.join(", ")));
    }
    match range["type"].as_str() {
        Some("numbered") => told.push(format!("{} times", range["numberOfOccurrences"])),
        Some("endDate") => told.push(format!("until {}", text(range, "endDate"))),
        Some(_) | None => {}
    }
    told.join(", ")
}

fn entry(event: &Value, shown: &TimeZone) -> Option<Entry> {
    let answer = match event["isOrganizer"].as_bool() {
        Some(false) => Some(answer(&event["responseStatus"])),
        Some(true) | None => None,
    };
    Some(Entry {
        key: Key {
            id: text(event, "id"),
            at: None,
        },
        title: text(event, "subject"),
        when: when(event, shown)?,
        part: match event["type"].as_str() {
            Some("seriesMaster") => Part::Series,
            Some("occurrence") => Part::Occurrence,
            Some("exception") => Part::Exception,
            Some(_) | None => Part::Single,
        },
        status: match (event["isCancelled"].as_bool(), event["showAs"].as_str()) {
            (Some(true), _) => Status::Cancelled,
            (_, Some("tentative")) => Status::Tentative,
            (_, _) => Status::Confirmed,
        },
        answer,
        free: event["showAs"] == "free",
    })
}

/// What is true is told in UTC; whole days are as they were written.
fn when(event: &Value, shown: &TimeZone) -> Option<When> {
    let local = |name: &str| event[name]["dateTime"].as_str()?.parse::<DateTime>().ok();
    let (start, end) = (local("start")?, local("end")?);
    if event["isAllDay"] == true {
        return Some(When::days(start.date(), end.date(), shown));
    }
    let utc = |local: DateTime| instant(&TimeZone::UTC, local);
    let zone = event["originalStartTimeZone"].as_str().unwrap_or("UTC");
    Some(When::times(utc(start)..utc(end), zone))
}

fn guest(attendee: &Value) -> Guest {
    Guest {
        address: text(&attendee["emailAddress"], "address"),
        name: text(&attendee["emailAddress"], "name"),
        answer: answer(&attendee["status"]),
    }
}

fn answer(status: &Value) -> Answer {
    match status["response"].as_str() {
        Some("accepted" | "organizer") => Answer::Accepted,
        Some("tentativelyAccepted") => Answer::Tentative,
        Some("declined") => Answer::Declined,
        Some(_) | None => Answer::Waiting,
    }
}

pub(super) fn create(
    microsoft: &mut Microsoft,
    seat: &Seat,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let body = body(microsoft, seat, None, changes);
    let id = microsoft.as_user_create(&seat.user, &seat.calendar, &body, now)?;
    Ok(Key { id, at: None })
}

pub(super) fn change(
    microsoft: &mut Microsoft,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let body = body(microsoft, seat, Some(key), changes);
    let id = microsoft.as_user_change(&seat.user, &key.id, &body, now)?;
    Ok(Key { id, at: None })
}

/// Changes this occurrence and all that follow.
pub(super) fn split(
    microsoft: &mut Microsoft,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    let truth = microsoft.truth(&seat.user, &key.id);
    let truth = truth.ok_or_else(Refused::not_found)?;
    let series = text(&truth, "seriesMasterId");
    let date = date_of(microsoft, seat, &series, &truth).ok_or_else(Refused::not_found)?;
    let body = body(microsoft, seat, Some(key), changes);
    let id = microsoft.as_user_change_from(&seat.user, &series, date, &body, now)?;
    Ok(Key { id, at: None })
}

/// The date of the pattern that an occurrence stands for: where the rule has it start, on the clock of the series.
fn date_of(microsoft: &Microsoft, seat: &Seat, series: &str, truth: &Value) -> Option<Date> {
    let original: Timestamp = truth["originalStart"].as_str()?.parse().ok()?;
    let master = microsoft.truth(&seat.user, series)?;
    let zone = if master["isAllDay"] == true {
        TimeZone::UTC
    } else {
        let name = master["recurrence"]["range"]["recurrenceTimeZone"].as_str()?;
        super::entry::rules(name)?
    };
    Some(Zoned::new(original, zone).date())
}

/// What is sent: only what changes.
fn body(microsoft: &Microsoft, seat: &Seat, key: Option<&Key>, changes: &Changes) -> Value {
    let known = key.and_then(|key| microsoft.truth(&seat.user, &key.id));
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    if let Some(title) = &changes.title {
        put("subject", json!(title));
    }
    if let Some(place) = &changes.place {
        put("location", json!({ "displayName": place }));
    }
    if let Some(text) = &changes.text {
        put("body", json!({ "contentType": "text", "content": text }));
    }
    let mine = zone(microsoft, seat).unwrap_or_else(|| "UTC".to_owned());
    if let Some(time) = &changes.time {
        put("isAllDay", json!(time.all_day));
        put("start", moment(time, time.start, &mine));
        put("end", moment(time, time.end, &mine));
    }
    if let Some(guests) = &changes.guests {
        put("attendees", attendees(guests, known.as_ref()));
    }
    match changes.repeat {
        Repeat::Kept => {}
        Repeat::Never => put("recurrence", Value::Null),
        Repeat::Every(frequency, times) => {
            let start = changes.time.as_ref().map(|time| time.start.date());
            let start = start.or_else(|| {
                let when = when(known.as_ref()?, &TimeZone::UTC)?;
                Some(when.start.date())
            });
            let start = start.unwrap_or(Date::ZERO);
            let mut range = json!({ "type": "noEnd", "startDate": start.to_string() });
            if let Some(times) = times {
                range["type"] = "numbered".into();
                range["numberOfOccurrences"] = times.get().into();
            }
            let pattern = pattern(frequency, start);
            put("recurrence", json!({ "pattern": pattern, "range": range }));
        }
    }
    body.into()
}

fn attendees(guests: &[String], known: Option<&Value>) -> Value {
    let known = known.and_then(|event| event["attendees"].as_array());
    guests
        .iter()
        .map(|address| {
            let same = |guest: &&Value| {
                let email = guest["emailAddress"]["address"].as_str();
                email.is_some_and(|email| email.eq_ignore_ascii_case(address))
            };
            let stays = known.into_iter().flatten().find(same).cloned();
            stays.unwrap_or_else(|| {
                let email = json!({ "address": address, "name": address });
                json!({ "type": "required", "emailAddress": email })
            })
        })
        .collect()
}

fn moment(time: &Stretch, local: DateTime, mine: &str) -> Value {
    let zone = time.zone.as_deref().unwrap_or(mine);
    let local = local.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    json!({ "dateTime": local, "timeZone": zone })
}

/// The pattern that follows from the start, as Outlook's form has it.
fn pattern(frequency: Frequency, start: Date) -> Value {
    match frequency {
        Frequency::Daily => json!({ "type": "daily", "interval": 1 }),
        Frequency::Weekly => json!({
            "type": "weekly",
            "interval": 1,
            "daysOfWeek": [weekday(start.weekday())],
            "firstDayOfWeek": "monday",
        }),
        Frequency::Monthly => {
            json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": start.day() })
        }
        Frequency::Yearly => json!({
            "type": "absoluteYearly",
            "interval": 1,
            "month": start.month(),
            "dayOfMonth": start.day(),
        }),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

pub(super) fn delete(
    microsoft: &mut Microsoft,
    seat: &Seat,
    key: &Key,
    now: Timestamp,
) -> Result<(), Refused> {
    Ok(microsoft.as_user_delete(&seat.user, &key.id, now)?)
}

pub(super) fn relocate(
    microsoft: &mut Microsoft,
    seat: &Seat,
    key: &Key,
    to: &str,
    now: Timestamp,
) -> Result<Key, Refused> {
    microsoft.as_user_move(&seat.user, &key.id, to, now)?;
    // Ids are immutable here: they stay.
    Ok(key.clone())
}

/// The user answers an invitation, and the organizer is mailed.
pub(super) fn respond(
    microsoft: &mut Microsoft,
    seat: &Seat,
    key: &Key,
    answer: Answer,
    now: Timestamp,
) -> Result<(), Refused> {
    let response = match answer {
        Answer::Accepted => "accepted",
        Answer::Tentative => "tentativelyAccepted",
        Answer::Declined => "declined",
        Answer::Waiting => return Err(Refused::form("An answer cannot be taken back.")),
    };
    Ok(microsoft.as_user_respond(&seat.user, &key.id, response, now)?)
}
