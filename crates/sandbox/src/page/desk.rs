//! The same things to see and to do at every provider.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::draft::Changes;
use super::entry::{Answer, Calendar, Entry, Face, Key, Refused, Seat, Sheet, User, rules};
use super::shown::Shown;
use super::{caldav, google, microsoft};
use crate::world::World;

/// Everybody who has calendars at a provider.
pub(crate) fn users(world: &World, face: Face) -> Vec<User> {
    match face {
        Face::Google => google::users(&world.google),
        Face::Microsoft => microsoft::users(&world.microsoft),
        Face::CalDav => caldav::users(world),
    }
}

/// The calendars somebody sees.
pub(crate) fn calendars(world: &World, face: Face, user: &str) -> Vec<Calendar> {
    match face {
        Face::Google => google::calendars(&world.google, user),
        Face::Microsoft => microsoft::calendars(&world.microsoft, user),
        Face::CalDav => caldav::calendars(world, user),
    }
}

/// The calendar that somebody is in front of; none where they see none.
pub(crate) fn calendar(world: &World, seat: &Seat) -> Option<Calendar> {
    let all = calendars(world, seat.face, &seat.user);
    all.into_iter()
        .find(|calendar| calendar.id == seat.calendar)
}

/// The zone in which a calendar is shown, by its IANA name.
pub(crate) fn zone(world: &World, seat: &Seat) -> String {
    let named = match seat.face {
        Face::Google => google::zone(&world.google, seat),
        Face::Microsoft => microsoft::zone(&world.microsoft, seat),
        Face::CalDav => caldav::zone(world, seat),
    };
    let known = named.and_then(|name| rules(&name)?.iana_name().map(str::to_owned));
    known.unwrap_or_else(|| "UTC".to_owned())
}

/// What stands in a calendar, by its start; whole days first.
pub(crate) fn entries(world: &World, seat: &Seat, shown: &Shown) -> Vec<Entry> {
    let mut entries = match seat.face {
        Face::Google => google::entries(&world.google, seat, shown),
        Face::Microsoft => microsoft::entries(&world.microsoft, seat, shown),
        Face::CalDav => caldav::entries(world, seat, shown),
    };
    entries.sort_by(|one, other| {
        let order = |entry: &Entry| (!entry.when.all_day, entry.when.span.start);
        order(one)
            .cmp(&order(other))
            .then_with(|| one.title.cmp(&other.title))
            .then_with(|| one.key.id.cmp(&other.key.id))
    });
    entries
}

/// Everything about an event; none where there is none.
pub(crate) fn sheet(world: &World, seat: &Seat, key: &Key, zone: &TimeZone) -> Option<Sheet> {
    match seat.face {
        Face::Google => google::sheet(&world.google, seat, key, zone),
        Face::Microsoft => microsoft::sheet(&world.microsoft, seat, key, zone),
        Face::CalDav => caldav::sheet(world, seat, key, zone),
    }
}

/// The user makes an event.
pub(crate) fn create(
    world: &mut World,
    seat: &Seat,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    match seat.face {
        Face::Google => google::create(&mut world.google, seat, changes, now),
        Face::Microsoft => microsoft::create(&mut world.microsoft, seat, changes, now),
        Face::CalDav => caldav::create(world, seat, changes, now),
    }
}

/// The user changes an event, a series, or one occurrence.
pub(crate) fn change(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    match seat.face {
        Face::Google => google::change(&mut world.google, seat, key, changes, now),
        Face::Microsoft => microsoft::change(&mut world.microsoft, seat, key, changes, now),
        Face::CalDav => caldav::change(world, seat, key, changes, now),
    }
}

/// The user changes an occurrence and all that follow, which become a series of their own.
pub(crate) fn split(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    changes: &Changes,
    now: Timestamp,
) -> Result<Key, Refused> {
    match seat.face {
        Face::Google => google::split(&mut world.google, seat, key, changes, now),
        Face::Microsoft => microsoft::split(&mut world.microsoft, seat, key, changes, now),
        Face::CalDav => caldav::split(world, seat, key, changes, now),
    }
}

/// The user deletes an event, a series, or one occurrence. `mail` counts where the provider asks (Google).
pub(crate) fn delete(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    mail: bool,
    now: Timestamp,
) -> Result<(), Refused> {
    match seat.face {
        Face::Google => google::delete(&mut world.google, seat, key, mail, now),
        Face::Microsoft => microsoft::delete(&mut world.microsoft, seat, key, now),
        Face::CalDav => caldav::delete(world, seat, key, now),
    }
}

/// The user moves an event to another of their calendars.
pub(crate) fn relocate(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    to: &str,
    now: Timestamp,
) -> Result<Key, Refused> {
    match seat.face {
        Face::Google => google::relocate(&mut world.google, seat, key, to, now),
        Face::Microsoft => microsoft::relocate(&mut world.microsoft, seat, key, to, now),
        Face::CalDav => caldav::relocate(world, seat, key, to, now),
    }
}

/// The user answers an invitation.
pub(crate) fn respond(
    world: &mut World,
    seat: &Seat,
    key: &Key,
    answer: Answer,
    now: Timestamp,
) -> Result<(), Refused> {
    match seat.face {
        Face::Google => google::respond(&mut world.google, seat, key, answer, now),
        Face::Microsoft => microsoft::respond(&mut world.microsoft, seat, key, answer, now),
        Face::CalDav => caldav::respond(world, seat, key, answer, now),
    }
}
