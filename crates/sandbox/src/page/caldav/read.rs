//! Objects as people see them, their series by occurrences.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kalends_calendar::event as ical;
use kalends_calendar::ical::read_object;
use kalends_calendar::recurrence::{Occurrence, occurrences};
use kalends_calendar::time::{Length, Start};
use kalends_calendar::zone::resolve;

use super::{page, place};
use crate::page::entry::{
    Answer, Calendar, Entry, Guest, Key, Part, Seat, Sheet, Status, User, When, instant,
};
use crate::page::shown::Shown;
use crate::world::{Access, Account, Holds, Object, World};

/// More occurrences of one event than a page of some weeks shows; what has more is not shown.
const OCCURRENCES_MAX: usize = 1000;

pub(in crate::page) fn users(world: &World) -> Vec<User> {
    let accounts = world.accounts.values();
    accounts
        .map(|account| User {
            id: account.user.clone(),
            name: account.addresses.first().cloned().unwrap_or_default(),
            password: Some(account.password.clone()),
        })
        .collect()
}

pub(in crate::page) fn calendars(world: &World, user: &str) -> Vec<Calendar> {
    let Some(account) = world.accounts.get(user) else {
        return Vec::new();
    };
    let collections = account.collections.iter();
    collections
        .map(|(slug, collection)| Calendar {
            id: slug.clone(),
            name: collection.name.clone(),
            writable: collection.access == Access::ReadWrite && collection.holds == Holds::Events,
            note: match collection.holds {
                Holds::Events => format!("{} objects", collection.objects().len()),
                Holds::Tasks => "Tasks, which are not shown here".to_owned(),
            },
        })
        .collect()
}

/// The zone that most of its events are said in: a collection has none of its own.
pub(in crate::page) fn zone(world: &World, seat: &Seat) -> Option<String> {
    let collection = world.collection(&place(seat)).ok()?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for object in collection.objects().values() {
        let read = read_object(&object.text).ok();
        let zone = read.and_then(|read| read.event.master.start.zone().cloned());
        if let Some(zone) = zone.filter(|zone| !zone.is_custom() && !zone.is_utc()) {
            *counts.entry(zone.0).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(zone, _)| zone)
}

pub(in crate::page) fn entries(world: &World, seat: &Seat, shown: &Shown) -> Vec<Entry> {
    let place = place(seat);
    let Ok(collection) = world.collection(&place) else {
        return Vec::new();
    };
    let account = world.accounts.get(&seat.user);
    let mut entries = Vec::new();
    for (name, object) in collection.objects() {
        // What cannot be read, or never ends, is looked at as text: its page has it.
        let Ok(read) = read_object(&object.text) else {
            continue;
        };
        let found = occurrences(&read.event, shown.window(), &shown.zone, OCCURRENCES_MAX);
        for occurrence in found.unwrap_or_default() {
            entries.push(entry(name, &read.event, &occurrence, account));
        }
    }
    entries
}

fn entry(
    name: &str,
    event: &ical::Event,
    occurrence: &Occurrence<'_>,
    account: Option<&Account>,
) -> Entry {
    let instance = occurrence.instance;
    let at = occurrence.recurrence_id.map(|id| id.0);
    let part = match occurrence.recurrence_id {
        None => Part::Single,
        Some(id) => match event.recurrence_overrides.get(&id) {
            Some(ical::Override::Replaced(_)) => Part::Exception,
            Some(ical::Override::Excluded | ical::Override::Added { .. }) | None => {
                Part::Occurrence
            }
        },
    };
    Entry {
        key: Key {
            id: name.to_owned(),
            at,
        },
        title: instance.details.title.clone(),
        when: when(event, occurrence),
        part,
        status: match instance.details.status {
            ical::Status::Confirmed => Status::Confirmed,
            ical::Status::Tentative => Status::Tentative,
            ical::Status::Cancelled => Status::Cancelled,
        },
        answer: account.and_then(|account| my_answer(instance, account)),
        free: instance.details.free_busy_status == ical::FreeBusyStatus::Free,
    }
}

fn when(event: &ical::Event, occurrence: &Occurrence<'_>) -> When {
    let start = occurrence.start.local();
    let (all_day, end) = match &occurrence.start {
        Start::AllDay(day) => {
            let days = occurrence.instance.duration.days.max(1);
            let end = day.saturating_add(days.days());
            (true, end.to_datetime(jiff::civil::Time::midnight()))
        }
        Start::Floating(local) => (false, after(*local, occurrence.instance.duration)),
        Start::Zoned { zone, .. } => {
            let rules = resolve(zone, &event.time_zones);
            let end = rules.map(|rules| rules.to_local(occurrence.span.end));
            (false, end.unwrap_or(start))
        }
    };
    When {
        all_day,
        start,
        end,
        zone: occurrence.start.zone().map(|zone| zone.0.clone()),
        span: occurrence.span.clone(),
    }
}

fn after(local: DateTime, length: Length) -> DateTime {
    let days = local.saturating_add(i64::from(length.days).days());
    days.saturating_add(length.seconds.seconds())
}

fn my_answer(instance: &ical::Instance, account: &Account) -> Option<Answer> {
    let participants = &instance.details.participants;
    let (_, me) = participants
        .iter()
        .find(|(address, who)| account.is_me(&address.0) && !who.organizer)?;
    me.attendance
        .as_ref()
        .map(|attendance| answer(attendance.participation_status))
}

fn answer(status: ical::ParticipationStatus) -> Answer {
    match status {
        ical::ParticipationStatus::NeedsAction | ical::ParticipationStatus::Delegated => {
            Answer::Waiting
        }
        ical::ParticipationStatus::Accepted => Answer::Accepted,
        ical::ParticipationStatus::Declined => Answer::Declined,
        ical::ParticipationStatus::Tentative => Answer::Tentative,
    }
}

pub(in crate::page) fn sheet(
    world: &World,
    seat: &Seat,
    key: &Key,
    shown: &TimeZone,
) -> Option<Sheet> {
    let place = place(seat);
    let object = world.collection(&place).ok()?.objects().get(&key.id)?;
    let account = world.accounts.get(&seat.user)?;
    let Ok(read) = read_object(&object.text) else {
        return Some(unread(key, object));
    };
    let event = &read.event;
    let occurrence = match key.at {
        None => whole(event, shown)?,
        Some(at) => single(event, at, shown)?,
    };
    let mut entry = entry(&key.id, event, &occurrence, Some(account));
    let repeats = !event.recurrence_rules.is_empty() || !event.recurrence_overrides.is_empty();
    if key.at.is_none() && repeats {
        entry.part = Part::Series;
        entry.key.at = None;
    }
    let details = &occurrence.instance.details;
    let guests = details.participants.iter().filter_map(|(address, who)| {
        Some(Guest {
            address: address.0.clone(),
            name: who.name.clone(),
            answer: answer(who.attendance.as_ref()?.participation_status),
        })
    });
    let organizer = details.participants.iter().find(|(_, who)| who.organizer);
    let place = details.locations.first().map(|place| place.name.clone());
    Some(Sheet {
        place: place.unwrap_or_default(),
        text: details.description.clone(),
        organizer: organizer.map(|(address, _)| address.0.clone()),
        guests: guests.collect(),
        rule: page::rule(&object.text),
        series: key.at.map(|_| Key {
            id: key.id.clone(),
            at: None,
        }),
        version: object.etag.clone(),
        raw: object.text.to_string(),
        entry,
    })
}

/// An object that cannot be read is shown as the text it is.
fn unread(key: &Key, object: &Object) -> Sheet {
    let at = object.modified;
    Sheet {
        entry: Entry {
            key: key.clone(),
            title: "(cannot be read)".to_owned(),
            when: When::times(at..at, "UTC"),
            part: Part::Single,
            status: Status::Confirmed,
            answer: None,
            free: true,
        },
        place: String::new(),
        text: String::new(),
        organizer: None,
        guests: Vec::new(),
        rule: None,
        series: None,
        version: object.etag.clone(),
        raw: object.text.to_string(),
    }
}

/// The master, at its own start.
fn whole<'a>(event: &'a ical::Event, shown: &TimeZone) -> Option<Occurrence<'a>> {
    let instance = &event.master;
    let rules = match instance.start.zone() {
        Some(zone) => Some(resolve(zone, &event.time_zones).ok()?),
        None => None,
    };
    let at = |local: DateTime| match &rules {
        Some(rules) => rules.to_instant(local),
        None => instant(shown, local),
    };
    let start = instance.start.local();
    let span = at(start)..at(after(start, instance.duration));
    Some(Occurrence {
        recurrence_id: None,
        start: instance.start.clone(),
        span,
        instance,
    })
}

/// One occurrence, by where the rule has it start.
fn single<'a>(event: &'a ical::Event, at: DateTime, shown: &TimeZone) -> Option<Occurrence<'a>> {
    let id = ical::RecurrenceId(at);
    let around = match event.recurrence_overrides.get(&id) {
        Some(ical::Override::Replaced(instance)) => instance.start.local(),
        Some(ical::Override::Excluded) => return None,
        Some(ical::Override::Added { .. }) | None => at,
    };
    // Wide enough for every zone.
    let reach = jiff::SignedDuration::from_hours(48);
    let middle = instant(&TimeZone::UTC, around);
    let window = middle.saturating_sub(reach).ok()?..middle.saturating_add(reach).ok()?;
    let found = occurrences(event, window, shown, OCCURRENCES_MAX).ok()?;
    found
        .into_iter()
        .find(|occurrence| occurrence.recurrence_id == Some(id))
}
