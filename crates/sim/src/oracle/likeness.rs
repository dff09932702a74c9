//! What two sides of a link to Google or Microsoft have in common: all that the provider has words for.
//!
//! What is lost on the way stands in docs/mapping.md. It is written down here a second time, from that page: an adapter
//! that loses more, or something else, is caught. Series are compared by what they come to, occurrence by occurrence,
//! because each provider says the same repetition in another way.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{
    Alert, AlertAction, Details, Event, FreeBusyStatus, Instance, Override, Privacy, Shape, Status,
    Trigger,
};
use kalends_calendar::merge::{Field, get, set};
use kalends_calendar::recurrence::occurrences;
use kalends_calendar::time::Start;
use kalends_calendar::zone;
use kalends_providers::oauth::Vendor;
use serde_json::{Value, json};

use crate::face::Face;

/// How much of a series is compared: from a year before its start, for what was moved, to some years after.
const BEFORE: SignedDuration = SignedDuration::from_hours(24 * 366);
const AFTER: SignedDuration = SignedDuration::from_hours(24 * 1_500);

/// More than a series has in that time.
const OCCURRENCES_MAX: usize = 10_000;

/// How our event should stand there: ours in these fields, in all others what stands there, for those may differ.
pub(super) fn due(ours: &Event, theirs: &Event, fields: &[Field]) -> Event {
    let mut due = theirs.clone();
    for field in fields {
        // Both are events.
        let fits = set(&mut due, field, &get(ours, field));
        debug_assert!(fits.is_ok());
    }
    due
}

/// What differs of two events in a way that the provider has words for.
pub(super) fn differs(vendor: Vendor, ours: &Event, theirs: &Event) -> Option<String> {
    let first = start(theirs);
    let ours = with_one_of_several(vendor, ours, theirs);
    let (ours, theirs) = (told(vendor, &ours, first), told(vendor, theirs, first));
    if ours == theirs {
        return None;
    }
    let at = ours
        .iter()
        .zip(&theirs)
        .position(|(one, other)| one != other);
    let at = at.unwrap_or_else(|| ours.len().min(theirs.len()));
    let (here, there) = (ours.get(at), theirs.get(at));
    let (Some(Value::Array(here)), Some(Value::Array(there))) = (here, there) else {
        let (here, there) = (ours.len(), theirs.len());
        return Some(format!("{here} occurrences here, {there} there"));
    };
    let mut parts: Vec<String> = Vec::new();
    if here.first() != there.first() {
        parts.push(format!(
            "{} there {}",
            json!(here.first()),
            json!(there.first())
        ));
    }
    if let (Some(Value::Object(here)), Some(Value::Object(there))) = (here.get(1), there.get(1)) {
        parts.extend(
            here.iter()
                .filter(|(name, value)| there.get(*name) != Some(value))
                .map(|(name, value)| {
                    format!("{name} is {value}, there {}", json!(there.get(name)))
                }),
        );
    }
    Some(format!("occurrence {at}: {}", parts.join("; ")))
}

/// Our event with the reminders that stand there, where those are some of ours and we have several: only one of them had a
/// place at Microsoft, and one of two alike at Google, and that one may be gone by now.
fn with_one_of_several(vendor: Vendor, ours: &Event, theirs: &Event) -> Event {
    let (here, there) = (&ours.master.details.alerts, &theirs.master.details.alerts);
    let mut wanted: Vec<&Alert> = here.values().collect();
    wanted.dedup();
    let several = match vendor {
        Vendor::Google => wanted.len() < here.len() || here.keys().any(|key| key.0.contains(" #")),
        Vendor::Microsoft => here.len() > there.len(),
    };
    let known = there.values().all(|alert| wanted.contains(&alert));
    let mut ours = ours.clone();
    if several && known {
        ours.master.details.alerts.clone_from(there);
    }
    ours
}

/// Every happening of an event as the provider can tell it, for some years from a start on.
fn told(vendor: Vendor, event: &Event, first: Timestamp) -> Vec<Value> {
    let home = zone::iana(crate::face::HOME).unwrap_or(TimeZone::UTC);
    let (Ok(from), Ok(to)) = (first.checked_sub(BEFORE), first.checked_add(AFTER)) else {
        return Vec::new();
    };
    let all = occurrences(event, from..to, &home, OCCURRENCES_MAX).unwrap_or_default();
    let whole = &event.master.details;
    all.iter()
        // Left out at Google, which shows no occurrence as cancelled.
        .filter(|one| {
            let may_be = one.recurrence_id.is_none() || vendor == Vendor::Microsoft;
            may_be || one.instance.details.status != Status::Cancelled
        })
        .map(|one| {
            let length = if one.start.is_all_day() {
                json!([one.start.local().date(), days(one.instance)])
            } else {
                json!([one.span.start, one.span.end])
            };
            let is_occurrence = one.recurrence_id.is_some();
            let mut told = one.instance.details.clone();
            // What is more open than its series stays as its series.
            if vendor == Vendor::Google && hidden(told.privacy) < hidden(whole.privacy) {
                told.privacy = whole.privacy;
            }
            json!([length, details(vendor, &told, is_occurrence)])
        })
        .collect()
}

fn hidden(privacy: Privacy) -> u8 {
    match privacy {
        Privacy::Public => 0,
        Privacy::Private => 1,
        Privacy::Secret => 2,
    }
}

/// When an event begins, about.
fn start(event: &Event) -> Timestamp {
    TimeZone::UTC
        .to_timestamp(event.master.start.local())
        .unwrap_or_default()
}

fn days(instance: &Instance) -> i64 {
    let more = instance.duration.seconds;
    i64::from(instance.duration.days) + more.div_euclid(86_400) + i64::from(more % 86_400 > 0)
}

fn details(vendor: Vendor, details: &Details, is_occurrence: bool) -> Value {
    match vendor {
        Vendor::Google => json!({
            "title": details.title,
            // Google keeps HTML, of which the text is compared that people read.
            "description": details.description.split_whitespace().collect::<Vec<_>>().join(" "),
            "locations": details.locations,
            "url": details.url,
            "status": details.status,
            "freeBusyStatus": details.free_busy_status,
            "privacy": details.privacy,
            "priority": details.priority,
            "keywords": details.keywords,
            "color": details.color,
            "alerts": alerts(details),
        }),
        Vendor::Microsoft => json!({
            "title": details.title.split_whitespace().collect::<Vec<_>>().join(" "),
            "description": details.description.split_whitespace().collect::<Vec<_>>().join(" "),
            "locations": places(details),
            // Kept beside the master alone.
            "url": details.url.as_ref().filter(|_| !is_occurrence),
            "showAs": match (details.status, details.free_busy_status) {
                (Status::Cancelled, _) | (_, FreeBusyStatus::Free) => "free",
                (Status::Tentative, FreeBusyStatus::Busy) => "tentative",
                (Status::Confirmed, FreeBusyStatus::Busy) => "busy",
            },
            "privacy": details.privacy,
            "importance": match details.priority {
                1..=4 => "high",
                6..=9 => "low",
                _ => "normal",
            },
            "keywords": details.keywords,
            "reminder": details.alerts.values().filter_map(reminds).min(),
        }),
    }
}

/// What the reminders do, each once: two alike are one at Google.
fn alerts(details: &Details) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for alert in details.alerts.values().map(|alert| json!(alert)) {
        if !all.contains(&alert) {
            all.push(alert);
        }
    }
    all.sort_by_key(Value::to_string);
    all
}

fn places(details: &Details) -> Vec<&str> {
    let names = details.locations.iter().map(|place| place.name.trim());
    names.filter(|name| !name.is_empty()).collect()
}

/// How many minutes before the start a reminder on a screen comes.
fn reminds(alert: &Alert) -> Option<i64> {
    match (alert.action, &alert.trigger) {
        (AlertAction::Display, Trigger::FromStart(seconds)) if *seconds <= 0 => Some(-seconds / 60),
        _ => None,
    }
}

/// Whether what a provider refuses an event for is something that the event has.
pub(super) fn may_refuse(
    face: Face,
    error: &str,
    ours: Option<&Event>,
    theirs: Option<&Event>,
) -> bool {
    let Some(event) = ours else {
        return false;
    };
    let says = |words: &str| error.contains(words);
    match face {
        Face::Caldav => false,
        Face::Google => {
            (says("status") && is_cancelled(event))
                || (says("alerts") && has(event, |details| !details.alerts.is_empty()))
                || (says("description") && has(event, |details| details.description.len() > 8_000))
                || (says("zone") && !event.time_zones.is_empty())
                || (says("privacy") && !event.recurrence_overrides.is_empty())
                || (says("recurrence") && repeats(event))
                // A copy that was moved to another calendar is that one's by now.
                || (says("only the organizer") && theirs.is_none())
        }
        Face::Microsoft => {
            (says("cannot repeat") && repeats(event))
                || (says("neighbour") && moves_one(event))
                || (says("bring back") && theirs.is_some_and(leaves_one_out))
                || (says("the rule does not give") && adds(event))
                // What was moved there and shall be here again.
                || (says("in another calendar") && theirs.is_none())
        }
    }
}

fn is_cancelled(event: &Event) -> bool {
    has(event, |details| details.status == Status::Cancelled)
}

fn has(event: &Event, what: impl Fn(&Details) -> bool) -> bool {
    what(&event.master.details)
        || event
            .recurrence_overrides
            .values()
            .any(|change| match change {
                Override::Replaced(instance) => what(&instance.details),
                Override::Excluded | Override::Added { .. } => false,
            })
}

fn repeats(event: &Event) -> bool {
    event.shape == Shape::InstancesOnly
        || !event.recurrence_rules.is_empty()
        || !event.excluded_recurrence_rules.is_empty()
        || !event.recurrence_overrides.is_empty()
}

fn adds(event: &Event) -> bool {
    let mut changes = event.recurrence_overrides.values();
    changes.any(|change| !matches!(change, Override::Excluded))
}

fn leaves_one_out(event: &Event) -> bool {
    let mut changes = event.recurrence_overrides.values();
    changes.any(|change| matches!(change, Override::Excluded))
}

fn moves_one(event: &Event) -> bool {
    event.recurrence_overrides.iter().any(|(id, change)| {
        let Override::Replaced(instance) = change else {
            return false;
        };
        let usual: &Start = &event.master.start;
        instance.start != usual.at(id.0) || instance.duration != event.master.duration
    })
}
