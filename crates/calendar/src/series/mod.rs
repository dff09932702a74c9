//! What can be done to a series: to one of its occurrences, to all that follow one, and to the whole when its start moves.
//!
//! Nothing here sets `sequence`, `created` or `updated` of an event that stays: who edits, knows when and why.

mod moving;
mod split;

pub use moving::follow_start;
pub use split::{split, truncate};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::event::{Details, Event, Instance, Override, RecurrenceId, Shape};
use crate::recurrence::{ExpansionError, First, Starts, civil::seconds, occurrences};
use crate::time::Length;
use crate::zone::{Resolved, resolve};

/// How many occurrences without length may stand at one second of the clock: one, and one that the clock skips.
const OCCURRENCES_AT_ONCE_MAX: usize = 10;

/// Why something cannot be done to a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// There are no occurrences to tell apart.
    #[error("this event happens once")]
    HappensOnce,
    /// Nothing starts there by the rules, nor was it added.
    #[error("no occurrence of this series starts at {0}")]
    NoOccurrence(RecurrenceId),
    /// Something would start there, had it not been excluded.
    #[error("the occurrence at {0} was taken away")]
    TakenAway(RecurrenceId),
    /// The series begins with the occurrence, so that all that follows is the whole.
    #[error("nothing of this series comes before {0}: change the whole series")]
    NothingBefore(RecurrenceId),
    /// The series would be left with nothing.
    #[error("nothing would be left of this series: delete the whole event")]
    NothingLeft,
    /// Only a guest's instances are known, not what they come from.
    #[error(
        "only single instances of this series are known; the series itself belongs to its organizer"
    )]
    InstancesOnly,
    /// Several rules count from one start, and cannot all go on from another.
    #[error("a series with several rules, or with rules that exclude, cannot be divided")]
    ManyRules,
    /// Occurrences that depart from the series have no counterpart in one of the other kind.
    #[error(
        "single occurrences of this series were changed; it cannot become {} without losing that",
        if *.all_day { "whole days" } else { "timed" }
    )]
    OtherKind {
        /// Whether it was to become a series of whole days.
        all_day: bool,
    },
    /// Something would lie beyond the years that the calendar has.
    #[error("an occurrence would lie outside the calendar")]
    OutOfCalendar,
    /// The rules could not be followed.
    #[error(transparent)]
    Expansion(#[from] ExpansionError),
}

/// Whether an id names an occurrence that happens.
pub fn check_occurrence(event: &Event, id: RecurrenceId) -> Result<(), SeriesError> {
    match event.recurrence_overrides.get(&id) {
        Some(Override::Excluded) => return Err(SeriesError::TakenAway(id)),
        Some(Override::Added { .. } | Override::Replaced(_)) => return Ok(()),
        None => {}
    }
    if happens_once(event) {
        return Err(SeriesError::HappensOnce);
    }
    let known = match event.shape {
        Shape::InstancesOnly => false,
        Shape::Series if event.recurrence_rules.is_empty() => id.0 == event.master.start.local(),
        Shape::Series => is_ruled(event, id)?,
    };
    if known {
        Ok(())
    } else {
        Err(SeriesError::NoOccurrence(id))
    }
}

/// Whether there is nothing that could happen a second time.
fn happens_once(event: &Event) -> bool {
    event.shape == Shape::Series
        && event.recurrence_rules.is_empty()
        && event
            .recurrence_overrides
            .values()
            .all(|change| matches!(change, Override::Excluded))
}

/// Whether the rules put an occurrence here, overrides apart, as the expansion shows it.
pub(crate) fn is_ruled(event: &Event, id: RecurrenceId) -> Result<bool, ExpansionError> {
    // Without length and overrides nothing but what starts here is found, however much overlaps.
    let bare = Event {
        uid: event.uid.clone(),
        shape: Shape::Series,
        master: Instance {
            start: event.master.start.clone(),
            duration: Length::default(),
            end_zone: None,
            details: Details::default(),
        },
        recurrence_rules: event.recurrence_rules.clone(),
        excluded_recurrence_rules: event.excluded_recurrence_rules.clone(),
        recurrence_overrides: std::collections::BTreeMap::new(),
        time_zones: event.time_zones.clone(),
        sequence: 0,
        created: None,
        updated: None,
    };
    let zone = match event.master.start.zone() {
        Some(zone) => resolve(zone, &event.time_zones)?,
        None => Resolved::Iana(TimeZone::UTC),
    };
    let from = zone.to_instant(id.0);
    let to = from
        .checked_add(jiff::SignedDuration::from_secs(1))
        .unwrap_or(Timestamp::MAX);
    let found = occurrences(&bare, from..to, &TimeZone::UTC, OCCURRENCES_AT_ONCE_MAX)?;
    Ok(found.iter().any(|one| one.recurrence_id == Some(id)))
}

/// The first start from `from` on that the first rule gives, or that the master has by itself, overrides and excluding rules apart.
fn next_start(event: &Event, from: DateTime) -> Result<Option<DateTime>, ExpansionError> {
    let first = event.master.start.local();
    let Some(rule) = event.recurrence_rules.first() else {
        return Ok(Some(first).filter(|first| *first >= from));
    };
    let mut starts = Starts::new(rule, first, seconds(from)..i64::MAX, First::Always);
    starts.next().transpose()
}

/// One occurrence as it is now, whole. It must be one of the series (see [`check_occurrence`]).
pub fn instance_of(event: &Event, id: RecurrenceId) -> Result<Instance, SeriesError> {
    let master = &event.master;
    match event.recurrence_overrides.get(&id) {
        Some(Override::Replaced(instance)) => Ok(instance.as_ref().clone()),
        Some(Override::Excluded) => Err(SeriesError::TakenAway(id)),
        Some(Override::Added { duration }) => Ok(Instance {
            start: master.start.at(id.0),
            duration: duration.unwrap_or(master.duration),
            ..master.clone()
        }),
        None => Ok(Instance {
            start: master.start.at(id.0),
            ..master.clone()
        }),
    }
}

/// The series with one occurrence being this instead.
pub fn replace(event: &Event, id: RecurrenceId, instance: Instance) -> Result<Event, SeriesError> {
    check_occurrence(event, id)?;
    let mut changed = event.clone();
    let replaced = Override::Replaced(Box::new(instance));
    changed.recurrence_overrides.insert(id, replaced);
    repeat_first(&mut changed);
    Ok(changed)
}

/// The series without one occurrence. One that is gone already stays gone.
pub fn exclude(event: &Event, id: RecurrenceId) -> Result<Event, SeriesError> {
    match check_occurrence(event, id) {
        Ok(()) | Err(SeriesError::TakenAway(_)) => {}
        Err(other) => return Err(other),
    }
    let mut changed = event.clone();
    match event.shape {
        Shape::Series => {
            changed.recurrence_overrides.insert(id, Override::Excluded);
        }
        Shape::InstancesOnly => {
            changed.recurrence_overrides.remove(&id);
            if changed.recurrence_overrides.is_empty() {
                return Err(SeriesError::NothingLeft);
            }
            repeat_first(&mut changed);
        }
    }
    Ok(changed)
}

/// Whether nothing of an event happens any more: each of its occurrences was taken away. What cannot be told is not so.
pub fn is_empty(event: &Event) -> bool {
    let gone = event
        .recurrence_overrides
        .values()
        .filter(|change| matches!(change, Override::Excluded))
        .count();
    if gone < event.recurrence_overrides.len() || (gone == 0 && event.shape == Shape::Series) {
        return false;
    }
    // One more than is gone is enough to know that something is left.
    let all = Timestamp::MIN..Timestamp::MAX;
    occurrences(event, all, &TimeZone::UTC, gone + 1).is_ok_and(|found| found.is_empty())
}

/// The master of instances without a series repeats the first of them. Ids are on its clock, so that one of another
/// zone or kind cannot stand for it.
fn repeat_first(event: &mut Event) {
    if event.shape == Shape::Series {
        return;
    }
    let first = event.recurrence_overrides.values().next();
    if let Some(Override::Replaced(first)) = first
        && first.start.zone() == event.master.start.zone()
        && first.start.is_all_day() == event.master.start.is_all_day()
    {
        event.master = first.as_ref().clone();
    }
}
