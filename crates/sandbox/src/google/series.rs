//! Instances of a series: their ids, where they fall, and the exceptions among them.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::Google;
use super::calendar::Calendar;
use super::event::{Event, Slot, Status};
use super::moment::{Moment, rules};
use super::recurrence::Recurrence;
use super::switches::{Misfits, Switches};

/// A window of time, each side open when it is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// What ends at or before it is not in the window.
    pub(crate) after: Option<Timestamp>,
    /// What starts at or after it is not in the window.
    pub(crate) before: Option<Timestamp>,
}

impl Window {
    pub(crate) fn has(&self, start: &Moment, end: &Moment, floating: &TimeZone) -> bool {
        let starts = start.instant(floating);
        let ends = end.instant(floating);
        let ends_in = match self.after {
            // What takes no time is where it starts.
            Some(after) => ends > after || (starts == ends && starts >= after),
            None => true,
        };
        ends_in && self.before.is_none_or(|before| starts < before)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.after.is_none() && self.before.is_none()
    }
}

/// `<series>_YYYYMMDDTHHMMSSZ`, or `_YYYYMMDD` for whole days.
pub(crate) fn instance_id(series: &str, original: &Moment) -> String {
    match original {
        Moment::Day(day) => format!("{series}_{}", day.strftime("%Y%m%d")),
        Moment::Time { at, .. } => format!("{series}_{}", at.strftime("%Y%m%dT%H%M%SZ")),
    }
}

/// The instance that the rule puts at `local`, as it is while nothing sets it apart.
pub(crate) fn instance(series: &Event, local: DateTime) -> Event {
    let original = series.start.at_local(local);
    let mut event = series.clone();
    event.id = instance_id(&series.id, &original);
    event.end = series.end.shifted(&series.start, &original);
    event.start = original.clone();
    event.recurrence = Vec::new();
    event.slot = Some(Slot {
        series: series.id.clone(),
        original,
    });
    event
}

/// The instances of a series within a window, exceptions not applied; at most as many as a listing shows.
pub(crate) fn instances(
    series: &Event,
    window: Window,
    floating: &TimeZone,
    switches: &Switches,
) -> Vec<Event> {
    let Ok(recurrence) = Recurrence::read(&series.recurrence, &series.start, switches) else {
        return Vec::new();
    };
    let local = |at: Timestamp| match &series.start {
        Moment::Day(_) => floating.to_datetime(at),
        Moment::Time { zone, .. } => rules(zone).to_datetime(at),
    };
    let lasts = series
        .end
        .instant(floating)
        .duration_since(series.start.instant(floating));
    // A day more on either side, for clocks that change; the window itself decides below.
    let day = jiff::SignedDuration::from_hours(24);
    let from = window.after.map_or(DateTime::MIN, |after| {
        let early = after
            .saturating_sub(lasts)
            .and_then(|at| at.saturating_sub(day));
        local(early.unwrap_or(Timestamp::MIN))
    });
    let until = window
        .before
        .map(|before| local(before.saturating_add(day).unwrap_or(Timestamp::MAX)));
    let starts = recurrence.starts(from, until, switches.instances_max);
    starts
        .into_iter()
        .map(|start| instance(series, start))
        .filter(|event| window.has(&event.start, &event.end, floating))
        .collect()
}

/// The event with this id: stored, or an instance that nothing has set apart yet. Where an exception was dropped and the
/// series came to have its place again, that is the instance, as in every listing.
pub(crate) fn find(calendar: &Calendar, id: &str, switches: &Switches) -> Option<Arc<Event>> {
    match calendar.event(id) {
        None => yielded(calendar, id, switches),
        Some(dropped) if dropped.is_tombstone() && dropped.slot.is_some() => {
            let again = yielded(calendar, id, switches).filter(|again| !again.is_tombstone());
            again.or_else(|| Some(Arc::clone(dropped)))
        }
        Some(event) => Some(Arc::clone(event)),
    }
}

/// The instance with this id that a series yields.
fn yielded(calendar: &Calendar, id: &str, switches: &Switches) -> Option<Arc<Event>> {
    let (series, original) = id.rsplit_once('_')?;
    let series = calendar.event(series).filter(|event| event.is_series())?;
    let local = original_local(original, &series.start)?;
    let recurrence = Recurrence::read(&series.recurrence, &series.start, switches).ok()?;
    recurrence
        .contains(local)
        .then(|| Arc::new(instance(series, local)))
}

/// The wall-clock start that the end of an instance id names.
fn original_local(text: &str, start: &Moment) -> Option<DateTime> {
    match start {
        Moment::Day(_) => {
            let day = Date::strptime("%Y%m%d", text)
                .ok()
                .filter(|_| text.len() == 8)?;
            Some(day.to_datetime(Time::midnight()))
        }
        Moment::Time { zone, .. } => {
            let local = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
            let at = super::moment::instant(&TimeZone::UTC, local);
            Some(rules(zone).to_datetime(at))
        }
    }
}

/// The stored exceptions of a series, dropped ones aside.
pub(crate) fn exceptions(calendar: &Calendar, series: &str) -> Vec<Arc<Event>> {
    let prefix = format!("{series}_");
    let from: (Bound<&str>, Bound<&str>) = (Bound::Included(&prefix), Bound::Unbounded);
    calendar
        .events()
        .range::<str, _>(from)
        .take_while(|(id, _)| id.starts_with(&prefix))
        .map(|(_, event)| event)
        .filter(|event| !event.is_tombstone())
        // Another series may have an id that begins alike.
        .filter(|event| {
            event
                .slot
                .as_ref()
                .is_some_and(|slot| slot.series == series)
        })
        .map(Arc::clone)
        .collect()
}

/// Whether a series still has a place for what was its instance.
pub(crate) fn fits(series: &Event, slot: &Slot, switches: &Switches) -> bool {
    if series.start.is_day() != slot.original.is_day() {
        return false;
    }
    let local = match (&series.start, &slot.original) {
        (Moment::Time { zone, .. }, Moment::Time { at, .. }) => rules(zone).to_datetime(*at),
        (Moment::Day(_) | Moment::Time { .. }, original) => original.local(),
    };
    Recurrence::read(&series.recurrence, &series.start, switches)
        .is_ok_and(|recurrence| recurrence.contains(local))
}

/// Whether a cancelled event stands for an instance that does not take place, rather than for something deleted.
pub(crate) fn is_cancelled_instance(event: &Event) -> bool {
    event.status == Status::Cancelled && event.slot.is_some() && !event.is_tombstone()
}

/// Brings the exceptions of a series in line with what the series became.
pub(super) fn follow(
    google: &mut Google,
    calendar: &str,
    before: &Event,
    after: &Event,
    now: Timestamp,
) {
    let Some(found) = google.calendars.get(calendar) else {
        return;
    };
    let moved = before.start != after.start || before.recurrence != after.recurrence;
    for exception in exceptions(found, &after.id) {
        let Some(slot) = &exception.slot else {
            continue;
        };
        let misfit = google.switches.misfits == Misfits::Dropped
            && moved
            && !fits(after, slot, &google.switches);
        let mut changed = Event::clone(&exception);
        if after.is_tombstone() {
            changed.status = Status::Cancelled;
            changed.deleted_at = Some(now);
            if !google.switches.deaths_told_one_by_one {
                // Dead with its series, and not worth a word.
                if let Some(found) = google.calendars.get_mut(calendar) {
                    found.bury(changed);
                }
                continue;
            }
        } else if misfit {
            changed.status = Status::Cancelled;
            changed.deleted_at = Some(now);
        } else if google.switches.masters_reach_exceptions {
            inherit(&mut changed, before, after);
        }
        if changed != *exception {
            let stored = google.put(calendar, changed, now);
            super::guests::spread(google, calendar, Some(&exception), &stored, now);
        }
    }
}

/// Gives an exception the series' new values where it had the old ones.
fn inherit(exception: &mut Event, before: &Event, after: &Event) {
    let names: BTreeSet<&String> = before.fields.keys().chain(after.fields.keys()).collect();
    for name in names {
        let (old, new) = (before.fields.get(name), after.fields.get(name));
        if old == new || exception.fields.get(name) != old {
            continue;
        }
        match new {
            Some(new) => exception.fields.insert(name.clone(), new.clone()),
            None => exception.fields.remove(name),
        };
    }
    exception.attendees.retain(|known| {
        before.attendee(&known.email).is_none() || after.attendee(&known.email).is_some()
    });
    for attendee in &after.attendees {
        let old = before.attendee(&attendee.email);
        match exception
            .attendees
            .iter_mut()
            .find(|known| known.is(&attendee.email))
        {
            Some(known) if old.is_some_and(|old| *old == *known) => *known = attendee.clone(),
            None if old.is_none() => exception.attendees.push(attendee.clone()),
            Some(_) | None => {}
        }
    }
}
