//! What an event at Graph says in our terms. A series is one aggregate: its master, the exceptions that came with it, and
//! the dates of the occurrences that were taken away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{
    Address, Alert, AlertAction, AlertKey, Attendance, Details, Event, FreeBusyStatus, Instance,
    Kind, Location, Override, Participant, ParticipationStatus, Privacy, RecurrenceId, Role, Shape,
    Status, Trigger, VirtualLocation,
};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::{Uid, Version};
use kalends_calendar::provider::{Observed, Raw};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_calendar::zone::resolve;
use serde_json::Value;

use super::properties::{Note, Ours};
use super::wire::{Item, Moment, instant};
use super::write::AGAIN;
use super::{body, recurrence, wire, zones};
use crate::remote_id::digest;

/// How a Global Object Id opens, in hexadecimal ([MS-OXOCAL] 2.2.1.27).
const GLOBAL_OBJECT_ID: &str = "040000008200E00074C5B7101A82E008";

/// Where in it the date of one occurrence stands.
const INSTANCE_DATE: std::ops::Range<usize> = 32..40;

/// Whether what a write still owes counts as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// It does: nobody undid it, it was only not done yet.
    Counts,
    /// It does not: what stands there is what the next write starts from.
    Waits,
}

/// An aggregate as it is reported.
pub(super) fn observed(value: &Value, me: &[Address]) -> Result<Observed, Failure> {
    let item = wire::item(value)?;
    Ok(Observed {
        version: version(&item),
        event: event(&item, me, Owed::Counts)?,
        raw: Raw(value.to_string()),
        mark: Ours::of(&item).mark,
    })
}

/// The version of an aggregate: that of the event, and for a series of all that belongs to it. Graph promises nowhere that
/// a master's tag changes with its exceptions.
pub(super) fn version(item: &Item) -> Option<Version> {
    let own = item.tag()?;
    if !item.is_master() {
        return Some(Version(own));
    }
    let mut parts: BTreeSet<String> = item
        .exception_occurrences
        .iter()
        .map(|exception| format!("{} {}", exception.id, exception.tag().unwrap_or_default()))
        .collect();
    parts.extend(item.cancelled_occurrences.iter().cloned());
    let all: Vec<String> = std::iter::once(own).chain(parts).collect();
    Some(Version(format!("series {}", digest(&all.join("\n")))))
}

/// The event that an aggregate is.
pub(super) fn event(item: &Item, me: &[Address], owed: Owed) -> Result<Event, Failure> {
    let ours = Ours::of(item);
    let mut master = instance(item, item, &ours.note, me)?;
    let mut rules = Vec::new();
    if let Some(pattern) = &item.recurrence {
        let (rule, start) = recurrence::from_graph(pattern, &master.start)
            .map_err(|reason| unreadable(item, &reason))?;
        master.start = start;
        rules.push(rule);
    }
    let mut overrides = BTreeMap::new();
    if !rules.is_empty() {
        for cancelled in &item.cancelled_occurrences {
            if let Some(date) = cancelled_date(cancelled) {
                let id = RecurrenceId(date.to_datetime(master.start.local().time()));
                overrides.insert(id, Override::Excluded);
            }
        }
        for exception in &item.exception_occurrences {
            let id = recurrence_id(exception, item, &master.start)?;
            let instance = instance(exception, item, &ours.note, me)?;
            overrides.insert(id, Override::Replaced(Box::new(instance)));
        }
        if owed == Owed::Counts {
            // What is there already was done, or changed by somebody since.
            for (id, change) in &ours.note.owed {
                overrides.entry(*id).or_insert_with(|| change.clone());
            }
        }
    }
    Ok(Event {
        uid: uid(item, &ours),
        shape: Shape::Series,
        master,
        recurrence_rules: rules,
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: overrides,
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: item.created_date_time.as_deref().and_then(instant),
        updated: item.last_modified_date_time.as_deref().and_then(instant),
    })
}

/// The UID. Graph gives its own to what we create; there the mark tells the one that the event is known by. An event with
/// the mark and without the transaction that made it is a duplicate, or the later half of a series that was cut in two: some
/// programs copy all properties. Graph tells the transaction of every event that was made with one.
fn uid(item: &Item, ours: &Ours) -> Uid {
    let is_own = |name: &String| {
        let transaction = item.transaction_id.as_deref().unwrap_or_default();
        let rest = transaction.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(AGAIN))
    };
    let is_duplicate = ours.name.as_ref().is_some_and(|name| !is_own(name));
    if let Some(mark) = ours.mark.as_ref().filter(|_| !is_duplicate) {
        return mark.uid.clone();
    }
    match item.i_cal_u_id.as_deref().filter(|uid| !uid.is_empty()) {
        Some(uid) => Uid(clean_uid(uid)),
        None => Uid(format!("graph-{}", digest(&item.id))),
    }
}

/// A UID that the whole series has in common: without the date of one occurrence.
pub(super) fn clean_uid(uid: &str) -> String {
    let is_global = uid
        .get(..GLOBAL_OBJECT_ID.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(GLOBAL_OBJECT_ID))
        && uid.bytes().all(|byte| byte.is_ascii_hexdigit());
    match uid.get(INSTANCE_DATE.end..).filter(|_| is_global) {
        Some(tail) => format!("{}00000000{tail}", &uid[..INSTANCE_DATE.start]),
        None => uid.to_owned(),
    }
}

/// One happening. What Graph leaves out of an exception is as in its master.
pub(super) fn instance(
    item: &Item,
    master: &Item,
    note: &Note,
    me: &[Address],
) -> Result<Instance, Failure> {
    let start_at = item
        .start
        .as_ref()
        .ok_or_else(|| unreadable(item, "it has no start"))?;
    let end_at = item.end.as_ref().unwrap_or(start_at);
    let details = details(item, master, note, me);
    if item.is_all_day {
        let first = date(start_at, item)?;
        let last = date(end_at, item)?;
        let days = first.until(last).map_or(1, |span| span.get_days()).max(1);
        return Ok(Instance {
            start: Start::AllDay(first),
            duration: Length::days(days),
            end_zone: None,
            details,
        });
    }
    let zone = zone_of(item, master, note)?;
    let from = at(start_at, item)?;
    let until = at(end_at, item)?;
    let local = in_zone(from, &zone)?;
    let start = if note.floating {
        Start::Floating(local)
    } else {
        Start::Zoned {
            local,
            zone: zone.clone(),
        }
    };
    let end_zone = end_zone_of(item, note).filter(|end| *end != zone && !note.floating);
    Ok(Instance {
        start,
        duration: Length::seconds(from.duration_until(until).as_secs().max(0)),
        end_zone,
        details,
    })
}

/// The zone in which an event was made. Times come in UTC; only this tells what clock they were meant by.
fn zone_of(item: &Item, master: &Item, note: &Note) -> Result<ZoneId, Failure> {
    let pattern_zone = master
        .recurrence
        .as_ref()
        .map(|recurrence| recurrence.range.recurrence_time_zone.as_str());
    let original = item
        .original_start_time_zone
        .as_deref()
        .filter(|name| !name.is_empty());
    let names = [
        original,
        pattern_zone,
        item.start.as_ref().map(|start| start.time_zone.as_str()),
    ];
    if let (Some(chosen), Some(original)) = (&note.zone, original)
        && (zones::windows(chosen).unwrap_or(zones::UTC)).eq_ignore_ascii_case(original)
    {
        return Ok(chosen.clone());
    }
    let known = names
        .iter()
        .take(2)
        .flatten()
        .find_map(|name| zones::iana(name));
    match known {
        Some(zone) => Ok(zone),
        // What repeats must repeat by the right clock.
        None if master.recurrence.is_some() => Err(unreadable(
            item,
            &format!(
                "nobody knows the time zone “{}”",
                original.unwrap_or_default()
            ),
        )),
        None => Ok(names[2].and_then(zones::iana).unwrap_or_else(ZoneId::utc)),
    }
}

/// The zone of the end. Where Windows calls it as it calls that of the start, only what was noted tells them apart.
fn end_zone_of(item: &Item, note: &Note) -> Option<ZoneId> {
    let original = item.original_end_time_zone.as_deref()?;
    let is_called_so = |zone: &&ZoneId| {
        zones::windows(zone).is_some_and(|name| name.eq_ignore_ascii_case(original))
    };
    if let Some(chosen) = note.end_zone.as_ref().filter(is_called_so) {
        return Some(chosen.clone());
    }
    (item.original_start_time_zone.as_deref() != Some(original))
        .then(|| zones::iana(original))
        .flatten()
}

fn at(moment: &Moment, item: &Item) -> Result<Timestamp, Failure> {
    let local = moment
        .local()
        .ok_or_else(|| unreadable(item, "its time cannot be read"))?;
    let zone = zones::iana(&moment.time_zone)
        .ok_or_else(|| unreadable(item, "its time is in no zone that anybody knows"))?;
    let zone =
        resolve(&zone, &BTreeMap::new()).map_err(|error| unreadable(item, &error.to_string()))?;
    Ok(zone.to_instant(local))
}

fn in_zone(instant: Timestamp, zone: &ZoneId) -> Result<DateTime, Failure> {
    let zone = resolve(zone, &BTreeMap::new())
        .map_err(|error| Failure::item(format!("The event cannot be read: {error}")))?;
    Ok(zone.to_local(instant))
}

fn date(moment: &Moment, item: &Item) -> Result<Date, Failure> {
    moment
        .date()
        .ok_or_else(|| unreadable(item, "its date cannot be read"))
}

/// The date of an occurrence that was taken away, as `OID.{master}.{date}` names it.
fn cancelled_date(text: &str) -> Option<Date> {
    text.rsplit('.').next()?.parse().ok()
}

/// Which occurrence an exception stands for: the start that the pattern gave it, on the wall clock of the master.
pub(super) fn recurrence_id(
    exception: &Item,
    master: &Item,
    first: &Start,
) -> Result<RecurrenceId, Failure> {
    let original = exception.original_start.as_deref().and_then(instant);
    let local = match (original, first) {
        (Some(original), Start::AllDay(_)) => {
            midnight_near(original, master).to_datetime(Time::midnight())
        }
        (Some(original), Start::Zoned { zone, .. }) => in_zone(original, zone)?,
        (Some(original), Start::Floating(_)) => {
            in_zone(original, &zone_of(master, master, &Note::default())?)?
        }
        // Without it, only the day on which it takes place now can tell; most exceptions stay on their day.
        (None, _) => {
            let start = instance(exception, master, &Ours::of(master).note, &[])?.start;
            start.local().date().to_datetime(first.local().time())
        }
    };
    Ok(RecurrenceId(local))
}

/// The date whose midnight an instant is: in UTC, in the zone of the series, or where neither shows midnight, the nearest.
fn midnight_near(instant: Timestamp, master: &Item) -> Date {
    let utc = jiff::tz::TimeZone::UTC.to_datetime(instant);
    if utc.time() == Time::midnight() {
        return utc.date();
    }
    let zone = master
        .recurrence
        .as_ref()
        .and_then(|recurrence| zones::iana(&recurrence.range.recurrence_time_zone));
    let local = zone.and_then(|zone| in_zone(instant, &zone).ok());
    if let Some(local) = local.filter(|local| local.time() == Time::midnight()) {
        return local.date();
    }
    let later = instant
        .checked_add(SignedDuration::from_hours(12))
        .unwrap_or(instant);
    jiff::tz::TimeZone::UTC.to_datetime(later).date()
}

fn details(item: &Item, master: &Item, note: &Note, me: &[Address]) -> Details {
    // Exceptions may come without their text; then it is that of the series.
    let is_bare = item.subject.is_empty() && item.body.is_none();
    let text = if is_bare { master } else { item };
    let noted = note.state.as_ref();
    let noted = noted.filter(|noted| noted.show_as == item.show_as);
    let (status, free_busy_status) = noted.map_or_else(
        || state(&item.show_as),
        |noted| (noted.status, noted.free_busy_status),
    );
    Details {
        title: text.subject.clone(),
        description: body::description(text),
        locations: locations(item),
        virtual_locations: made_there(item)
            .into_iter()
            .chain(note.conferences.iter().cloned())
            .collect(),
        url: note.url.clone(),
        status: if item.is_cancelled {
            Status::Cancelled
        } else {
            status
        },
        free_busy_status,
        privacy: match item.sensitivity.as_str() {
            "personal" | "private" => Privacy::Private,
            "confidential" => Privacy::Secret,
            _ => Privacy::Public,
        },
        priority: match item.importance.as_str() {
            "high" => 1,
            "low" => 9,
            _ => 0,
        },
        keywords: item.categories.iter().cloned().collect(),
        color: None,
        participants: participants(item, me),
        alerts: alerts(item, note),
    }
}

/// The two states of ours that are meant by the one that is shown.
pub(super) fn state(show_as: &str) -> (Status, FreeBusyStatus) {
    match show_as {
        "free" => (Status::Confirmed, FreeBusyStatus::Free),
        "tentative" => (Status::Tentative, FreeBusyStatus::Busy),
        _ => (Status::Confirmed, FreeBusyStatus::Busy),
    }
}

fn locations(item: &Item) -> Vec<Location> {
    let places = if item.locations.is_empty() {
        item.location.as_slice()
    } else {
        &item.locations[..]
    };
    places
        .iter()
        .filter(|place| !place.display_name.trim().is_empty())
        .map(|place| Location {
            name: place.display_name.clone(),
            coordinates: place
                .coordinates
                .as_ref()
                .and_then(|found| Some(format!("geo:{},{}", found.latitude?, found.longitude?))),
        })
        .collect()
}

/// The way into the online meeting that Graph itself keeps with an event. It is read and never written.
pub(super) fn made_there(item: &Item) -> Vec<VirtualLocation> {
    item.online_meeting
        .as_ref()
        .and_then(|meeting| meeting.join_url.clone())
        .or_else(|| item.online_meeting_url.clone())
        .filter(|uri| !uri.is_empty())
        .map(|uri| VirtualLocation {
            uri,
            name: String::new(),
        })
        .into_iter()
        .collect()
}

/// Who takes part. Graph names an organizer for every appointment, which is a meeting only where somebody is invited.
fn participants(item: &Item, me: &[Address]) -> BTreeMap<Address, Participant> {
    let mut all: BTreeMap<Address, Participant> = BTreeMap::new();
    let is_own = item.is_organizer.unwrap_or(true);
    if item.attendees.is_empty() && is_own {
        return all;
    }
    for attendee in &item.attendees {
        let Some(email) = attendee
            .email_address
            .as_ref()
            .filter(|email| !email.address.trim().is_empty())
        else {
            continue;
        };
        let address = Address::new(&email.address);
        let own = me.contains(&address) && !is_own;
        // The list of a guest's copy does not know the guest's own answer.
        let status = if own {
            &item.response_status
        } else {
            &attendee.status
        };
        let response = status
            .as_ref()
            .map_or("", |status| status.response.as_str());
        let (role, kind) = match attendee.kind.as_str() {
            "optional" => (Role::Optional, Kind::Individual),
            "resource" => (Role::Required, Kind::Resource),
            _ => (Role::Required, Kind::Individual),
        };
        all.insert(
            address,
            Participant {
                name: email.name.clone(),
                organizer: false,
                attendance: Some(Attendance {
                    participation_status: answer(response),
                    role,
                    kind,
                    expect_reply: item.response_requested.unwrap_or(true),
                }),
            },
        );
    }
    let organizer = item
        .organizer
        .as_ref()
        .and_then(|organizer| organizer.email_address.as_ref())
        .filter(|email| !email.address.trim().is_empty());
    if let Some(email) = organizer {
        let entry = all.entry(Address::new(&email.address)).or_default();
        entry.organizer = true;
        if entry.name.is_empty() {
            entry.name.clone_from(&email.name);
        }
    }
    all
}

fn answer(response: &str) -> ParticipationStatus {
    match response {
        "accepted" | "organizer" => ParticipationStatus::Accepted,
        "declined" => ParticipationStatus::Declined,
        "tentativelyAccepted" => ParticipationStatus::Tentative,
        _ => ParticipationStatus::NeedsAction,
    }
}

fn alerts(item: &Item, note: &Note) -> BTreeMap<AlertKey, Alert> {
    if !item.is_reminder_on {
        return BTreeMap::new();
    }
    let minutes = item.reminder_minutes_before_start;
    let seconds = minutes.saturating_mul(-60);
    let alert = Alert {
        trigger: Trigger::FromStart(seconds),
        action: AlertAction::Display,
    };
    let named = note
        .reminder
        .as_ref()
        .filter(|named| named.minutes == minutes);
    let key = named.map_or_else(|| derived_key(minutes), |named| named.key.clone());
    BTreeMap::from([(key, alert)])
}

/// What a reminder without a name of its own is called: as wherever else it is read, so that they meet.
pub(super) fn derived_key(minutes: i64) -> AlertKey {
    AlertKey(format!(
        "display {} start",
        span(minutes.saturating_mul(-60))
    ))
}

/// A span as iCalendar writes it.
fn span(seconds: i64) -> String {
    let size = seconds.unsigned_abs();
    let sign = if seconds < 0 { "-" } else { "" };
    if size > 0 && size.is_multiple_of(86_400) {
        return format!("{sign}P{}D", size / 86_400);
    }
    let (hours, minutes) = (size / 3_600, size / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}PT0S"),
        (0, minutes) => format!("{sign}PT{minutes}M"),
        (hours, 0) => format!("{sign}PT{hours}H"),
        (hours, minutes) => format!("{sign}PT{hours}H{minutes}M"),
    }
}

fn unreadable(item: &Item, reason: &str) -> Failure {
    let title: String = item.subject.chars().take(60).collect();
    Failure::item(format!("“{title}” cannot be read: {reason}"))
}
