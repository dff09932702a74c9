//! From Google's resources to one event in our terms.

use kalends_calendar::event::{Address, Event, Instance, Override, RecurrenceId, Shape};
use kalends_calendar::ids::Uid;
use kalends_calendar::provider::Observed;
use kalends_calendar::time::{Start, ZoneId};
use serde::Deserialize;
use serde_json::Value;

use super::aggregate::{self, Aggregate, Frame};
use super::details::{self, Reader};
use super::properties::{self, More};
use super::recurrence::{self, Recurrence};
use super::times::{self, Clock, Times};
use super::wire::{self, Moment, Resource};

/// An aggregate as the engine takes it.
pub(crate) fn observed(aggregate: &Aggregate, me: &[Address]) -> Result<Observed, String> {
    let master = aggregate::typed(&aggregate.event)?;
    Ok(Observed {
        version: aggregate.version(),
        event: event(aggregate, me)?,
        raw: aggregate.raw(),
        mark: properties::mark(master.extended_properties.as_ref()),
    })
}

/// The event that an aggregate is.
pub(crate) fn event(aggregate: &Aggregate, me: &[Address]) -> Result<Event, String> {
    let reader = Reader {
        me,
        frame: &aggregate.frame,
    };
    let typed = aggregate::typed(&aggregate.event)?;
    let more = properties::more(typed.extended_properties.as_ref());
    let clock = Clock {
        calendar_zone: &aggregate.frame.time_zone,
        floating: more.floating,
    };
    let master = instance(&typed, &more, clock, reader)?;
    let lines = lines(&typed, &master.start, clock)?;
    let mut event = Event {
        uid: uid(&typed),
        shape: Shape::Series,
        master,
        recurrence_rules: lines.rules,
        excluded_recurrence_rules: lines.excluded_rules,
        recurrence_overrides: lines.dates,
        time_zones: std::collections::BTreeMap::new(),
        sequence: sequence(&typed),
        created: typed.created.as_deref().and_then(|at| at.parse().ok()),
        updated: typed.updated.as_deref().and_then(|at| at.parse().ok()),
    };
    for resource in aggregate.instances.values() {
        let typed = aggregate::typed(resource)?;
        let id = original(&typed, &event.master.start, clock, &aggregate.event)?;
        event.sequence = event.sequence.max(sequence(&typed));
        if typed.is_cancelled() {
            // What is left of an occurrence that the series does not have any more takes nothing away.
            if is_there(&event, id) {
                event.recurrence_overrides.insert(id, Override::Excluded);
            }
            continue;
        }
        let more = properties::more(typed.extended_properties.as_ref());
        let here = instance(&typed, &more, clock, reader)?;
        // An instance that somebody changed and changed back departs from nothing.
        if !departs(&event, id, &here) {
            continue;
        }
        let replaced = Override::Replaced(Box::new(here));
        event.recurrence_overrides.insert(id, replaced);
    }
    Ok(event)
}

/// Whether an instance is another than its series yields.
fn departs(event: &Event, id: RecurrenceId, here: &Instance) -> bool {
    let is_excluded = event.recurrence_overrides.get(&id) == Some(&Override::Excluded);
    is_excluded || !is_there(event, id) || *here != inherited(&event.master, id)
}

/// Whether a series has an occurrence, by its rules or among its dates.
fn is_there(event: &Event, id: RecurrenceId) -> bool {
    event.recurrence_overrides.contains_key(&id)
        || recurrence::is_yielded(&recurrence::bare(event, &event.master.start), id)
}

/// The instance that a series yields where nothing departs from it.
pub(crate) fn inherited(master: &Instance, id: RecurrenceId) -> Instance {
    Instance {
        start: master.start.at(id.0),
        ..master.clone()
    }
}

/// What the recurrence lines of a resource say.
pub(crate) fn lines(
    typed: &wire::Event,
    start: &Start,
    clock: Clock<'_>,
) -> Result<Recurrence, String> {
    let Some(lines) = &typed.recurrence else {
        return Ok(Recurrence::default());
    };
    recurrence::read(lines, &pinned(start, pin(typed, clock).as_ref()))
}

/// A start as it stands at Google: a floating one in the zone it is pinned to.
pub(crate) fn pinned(start: &Start, pin: Option<&ZoneId>) -> Start {
    match (start, pin) {
        (Start::Floating(local), Some(zone)) => Start::Zoned {
            local: *local,
            zone: zone.clone(),
        },
        (Start::AllDay(_) | Start::Floating(_) | Start::Zoned { .. }, _) => start.clone(),
    }
}

/// The zone that a resource's start stands in.
pub(crate) fn pin(typed: &wire::Event, clock: Clock<'_>) -> Option<ZoneId> {
    times::zone_of(typed.start.as_ref()?, clock)
}

/// One event or instance, apart from what repeats.
pub(crate) fn instance(
    typed: &wire::Event,
    more: &More,
    clock: Clock<'_>,
    reader: Reader<'_>,
) -> Result<Instance, String> {
    let end = if typed.end_time_unspecified == Some(true) {
        None
    } else {
        typed.end.as_ref()
    };
    let times = times::read(typed.start.as_ref(), end, clock)?;
    let plain = Instance {
        start: times.start.clone(),
        duration: times.duration,
        end_zone: times.end_zone.clone(),
        details: details::read(typed, more, times.start.is_all_day(), reader),
    };
    let pin = pin(typed, clock);
    let meant = more.duration.map(|duration| Instance {
        duration,
        ..plain.clone()
    });
    // Somebody who moved the end at Google meant that, not what was left beside it.
    Ok(meant
        .filter(|meant| {
            let zone = pin.as_ref().map_or(clock.calendar_zone, |zone| &zone.0);
            stands_as(meant, zone).is_some_and(|standing| standing == times)
        })
        .unwrap_or(plain))
}

/// The times of an instance as they would be read back from Google.
pub(crate) fn stands_as(instance: &Instance, pin: &str) -> Option<Times> {
    let (start, end) = times::write(instance, pin).ok()?;
    let moment = |value: Value| Moment::deserialize(value).ok();
    let floating = matches!(instance.start, Start::Floating(_));
    let clock = Clock {
        calendar_zone: pin,
        floating,
    };
    times::read(Some(&moment(start)?), Some(&moment(end)?), clock).ok()
}

/// Which occurrence an instance is.
pub(crate) fn original(
    typed: &wire::Event,
    series: &Start,
    clock: Clock<'_>,
    master: &Resource,
) -> Result<RecurrenceId, String> {
    let original = typed
        .original_start_time
        .as_ref()
        .ok_or("originalStartTime: missing")?;
    let pinned = aggregate::typed(master)
        .ok()
        .and_then(|master| pin(&master, clock));
    times::occurrence(original, series, clock, pinned.as_ref())
}

/// The UID of an event: ours where it is a mirror that we made, Google's own else. A single instance whose series cannot
/// be seen has one that no other instance of it has.
fn uid(typed: &wire::Event) -> Uid {
    let properties = typed.extended_properties.as_ref();
    let of_google = || Uid(format!("{}@google.com", typed.id));
    if typed.recurring_event_id.is_some() {
        return of_google();
    }
    match properties::mark(properties) {
        Some(mark) if properties::is_place(properties, &typed.id) => mark.uid,
        Some(_) | None => typed
            .ical_uid
            .as_deref()
            .filter(|uid| !uid.is_empty())
            .map_or_else(of_google, Uid::from),
    }
}

fn sequence(typed: &wire::Event) -> u32 {
    let number = typed.sequence.unwrap_or_default().max(0);
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How the moments of an aggregate are to be read.
pub(crate) fn clock<'a>(typed: &wire::Event, frame: &'a Frame) -> Clock<'a> {
    Clock {
        calendar_zone: &frame.time_zone,
        floating: properties::more(typed.extended_properties.as_ref()).floating,
    }
}
