//! `getSchedule`: who is free and busy when.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::{Asked, Need};
use super::item::{Details, Window};
use super::mailbox::Mailbox;
use super::moment::{Moment, Zone};
use super::refusal::Refusal;
use super::settings;
use super::writing;

/// The bounds of `availabilityViewInterval`, and what it is when nothing is said, in minutes.
const INTERVAL_MIN: i64 = 5;
const INTERVAL_MAX: i64 = 1440;
const INTERVAL_DEFAULT: i64 = 30;

/// More entries than this in one slot are not worked through (`5006`).
const ENTRIES_IN_SLOT_MAX: usize = 1000;

/// Something that takes up time.
struct Busy {
    start: Timestamp,
    end: Timestamp,
    details: Details,
}

pub(crate) fn get_schedule(graph: &Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    asked.needs(Need::ReadCalendars)?;
    let body = writing::parameters(
        asked.body,
        &[
            "schedules",
            "startTime",
            "endTime",
            "availabilityViewInterval",
        ],
    )?;
    let parameter = |name: &str| writing::parameter(&body, name);
    let schedules: Vec<String> = parameter("schedules")
        .and_then(Value::as_array)
        .map(|all| {
            all.iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default();
    let most = graph.switches.schedules_max;
    if schedules.is_empty() || schedules.len() > most {
        return Err(Refusal::bad(
            "ErrorInvalidParameter",
            format!("Between 1 and {most} schedules can be asked for."),
        ));
    }
    let time = |name: &str| Moment::read(name, parameter(name).unwrap_or(&Value::Null));
    let window = Window {
        from: time("startTime")?.instant(),
        until: time("endTime")?.instant(),
    };
    let length = window.until.duration_since(window.from);
    let days = graph.switches.schedule_days_max;
    if length <= SignedDuration::ZERO {
        return Err(Refusal::bad(
            "ErrorInvalidParameter",
            "The end of the time window is not after its start.",
        ));
    }
    if length.as_hours() > days.saturating_mul(24) {
        return Err(Refusal::bad(
            "ErrorTimeIntervalTooBig",
            format!(
                "The requested time duration specified for FreeBusyViewOptions.TimeWindow is too long. The allowed limit = \
                 {days} days; the actual limit = {} days.",
                length.as_hours() / 24
            ),
        ));
    }
    let interval = match parameter("availabilityViewInterval") {
        None | Some(Value::Null) => INTERVAL_DEFAULT,
        Some(minutes) => minutes
            .as_i64()
            .filter(|minutes| (INTERVAL_MIN..=INTERVAL_MAX).contains(minutes))
            .ok_or_else(|| {
                Refusal::bad(
                    "ErrorInvalidParameter",
                    format!("The availabilityViewInterval must be between {INTERVAL_MIN} and {INTERVAL_MAX} minutes."),
                )
            })?,
    };
    let slot = SignedDuration::from_mins(interval);
    let zone = asked.prefer.shown_zone();
    let value: Vec<Value> = schedules
        .iter()
        .map(|schedule| match graph.mailbox(schedule) {
            Ok(mailbox) => {
                let own = mailbox.owner.is(asked.email);
                information(mailbox, own, window, slot, &zone)
            }
            Err(_) => failed(
                schedule,
                "ErrorMailRecipientNotFound",
                "Unable to resolve e-mail address to an Active Directory object.",
            ),
        })
        .collect();
    Ok(Answer::ok(json!({
        "@odata.context": asked.context("Collection(microsoft.graph.scheduleInformation)"),
        "value": value,
    })))
}

fn information(
    mailbox: &Mailbox,
    own: bool,
    window: Window,
    slot: SignedDuration,
    zone: &Zone,
) -> Value {
    let mut busy: Vec<Busy> = mailbox
        .items()
        .values()
        .filter(|item| item.calendar == mailbox.default)
        .flat_map(|item| {
            item.standing(window).into_iter().filter_map(|standing| {
                let details = match standing.date {
                    None => item.master.clone(),
                    Some(date) => item.occurrence(date)?,
                };
                Some(Busy {
                    start: standing.start,
                    end: standing.end,
                    details,
                })
            })
        })
        .collect();
    busy.sort_by_key(|entry| entry.start);
    let mut view = String::new();
    let mut from = window.from;
    while from < window.until {
        let until = from
            .saturating_add(slot)
            .unwrap_or(window.until)
            .min(window.until);
        let within = busy
            .iter()
            .filter(|entry| entry.start < until && entry.end > from);
        if within.clone().count() > ENTRIES_IN_SLOT_MAX {
            return failed(
                &mailbox.owner.address,
                "5006",
                "The result set contains too many calendar entries.",
            );
        }
        view.push(
            within
                .map(|entry| digit(entry.details.show_as))
                .max()
                .unwrap_or('0'),
        );
        from = until;
    }
    let items: Vec<Value> = busy
        .iter()
        .map(|entry| schedule_item(entry, own, zone))
        .collect();
    json!({
        "scheduleId": mailbox.owner.address,
        "availabilityView": view,
        "scheduleItems": items,
        "workingHours": settings::working_hours(mailbox),
    })
}

fn schedule_item(entry: &Busy, own: bool, zone: &Zone) -> Value {
    let at = |instant: Timestamp| {
        Moment {
            local: zone.local(instant),
            zone: zone.clone(),
        }
        .to_json()
    };
    let private = matches!(entry.details.sensitivity, "private" | "confidential");
    let mut item = json!({
        "isPrivate": private,
        "status": entry.details.show_as,
        "start": at(entry.start),
        "end": at(entry.end),
    });
    if own || !private {
        item["subject"] = entry.details.subject.clone().into();
        let place = entry
            .details
            .locations
            .first()
            .and_then(|place| place.get("displayName"));
        item["location"] = place.cloned().unwrap_or_else(|| "".into());
    }
    item
}

fn failed(schedule: &str, code: &str, message: &str) -> Value {
    json!({
        "scheduleId": schedule,
        "availabilityView": "",
        "scheduleItems": [],
        "error": { "responseCode": code, "message": message },
    })
}

/// The digits of `availabilityView`.
fn digit(show_as: &str) -> char {
    match show_as {
        "tentative" => '1',
        "busy" => '2',
        "oof" => '3',
        "workingElsewhere" => '4',
        _ => '0',
    }
}
