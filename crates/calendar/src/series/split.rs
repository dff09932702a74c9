//! Dividing a series at one of its occurrences.

use jiff::civil::DateTime;

use super::{SeriesError, check_occurrence, next_start};
use crate::event::{Event, Override, RecurrenceId, Shape};
use crate::ical::used_zones;
use crate::ids::Uid;
use crate::recurrence::civil::{DAY_SECONDS, datetime, seconds};
use crate::recurrence::{End, ExpansionError, First, Rule, Starts};

/// How many starts of a rule with `COUNT` are counted off; a rule with more is refused, not waited for.
const COUNTED_STARTS_MAX: u32 = 1_000_000;

/// How far back the last start before the cut is looked for, in seconds, before going back to the first: an hour, a day,
/// and then until rules of ever longer periods have one. The first look that finds one finds few.
const LOOK_BACK_SECONDS: [i64; 5] = [
    3_600,
    DAY_SECONDS,
    40 * DAY_SECONDS,
    3_700 * DAY_SECONDS,
    150_000 * DAY_SECONDS,
];

/// Divides a series before an occurrence. The first part keeps the uid and ends before it; the second begins with it,
/// under a uid of its own, with what is left of a `COUNT`. Overrides go where their ids lie. Together they happen when
/// the whole did.
pub fn split(event: &Event, id: RecurrenceId, new_uid: Uid) -> Result<(Event, Event), SeriesError> {
    if event.recurrence_rules.len() > 1 || !event.excluded_recurrence_rules.is_empty() {
        return Err(SeriesError::ManyRules);
    }
    let first = truncate(event, id)?;
    // An added occurrence is none of the rule's, which goes on from its own next start.
    let begins = next_start(event, id.0)?;
    let mut second = Event {
        uid: new_uid,
        sequence: 0,
        created: None,
        updated: None,
        recurrence_rules: match begins {
            Some(_) => rest_of_rules(event, id.0)?,
            None => Vec::new(),
        },
        ..event.clone()
    };
    second.master.start = event.master.start.at(begins.unwrap_or(id.0));
    second.recurrence_overrides.retain(|other, _| *other >= id);
    drop_needless(&mut second);
    second.time_zones = used_zones(&second, &event.time_zones);
    Ok((first, second))
}

/// The part of a series before an occurrence: what [`split`] leaves under the old uid.
pub fn truncate(event: &Event, id: RecurrenceId) -> Result<Event, SeriesError> {
    if event.shape == Shape::InstancesOnly {
        return Err(SeriesError::InstancesOnly);
    }
    check_occurrence(event, id)?;
    let mut part = event.clone();
    part.recurrence_overrides.retain(|other, _| *other < id);
    if id.0 <= event.master.start.local() {
        // Only dates that were added before the first start are left.
        let kept = part.recurrence_overrides.iter();
        let earliest = kept
            .filter(|(_, change)| !matches!(change, Override::Excluded))
            .map(|(other, _)| *other)
            .next()
            .ok_or(SeriesError::NothingBefore(id))?;
        part.master.start = event.master.start.at(earliest.0);
        part.recurrence_rules.clear();
        part.excluded_recurrence_rules.clear();
        drop_needless(&mut part);
    } else {
        for rule in &mut part.recurrence_rules {
            rule.end = end_before(rule, event.master.start.local(), id.0)?;
        }
    }
    part.time_zones = used_zones(&part, &event.time_zones);
    Ok(part)
}

/// An added date where the master itself starts says nothing, unless it has a length of its own.
fn drop_needless(part: &mut Event) {
    let start = RecurrenceId(part.master.start.local());
    let added = part.recurrence_overrides.get(&start);
    if matches!(added, Some(Override::Added { duration: None })) {
        part.recurrence_overrides.remove(&start);
    }
}

/// How a rule ends whose last start comes before a cut, which lies after the first.
fn end_before(rule: &Rule, first: DateTime, cut: DateTime) -> Result<End, ExpansionError> {
    Ok(match rule.end {
        End::Count(count) => End::Count(count.min(starts_before(rule, first, cut)?)),
        End::Until(until) if until < cut => rule.end,
        End::Until(_) | End::Never => End::Until(last_before(rule, first, cut)?),
    })
}

/// The rules from the cut on.
fn rest_of_rules(event: &Event, cut: DateTime) -> Result<Vec<Rule>, ExpansionError> {
    let first = event.master.start.local();
    let mut rest = Vec::new();
    for rule in &event.recurrence_rules {
        let mut rule = rule.clone();
        if let End::Count(count) = rule.end {
            rule.end = End::Count(count.saturating_sub(starts_before(&rule, first, cut)?));
        }
        if rule.end != End::Count(0) {
            rest.push(rule);
        }
    }
    Ok(rest)
}

fn starts_before(rule: &Rule, first: DateTime, cut: DateTime) -> Result<u32, ExpansionError> {
    let mut starts = Starts::new(rule, first, i64::MIN..seconds(cut), First::Always);
    let mut count = 0;
    while let Some(start) = starts.next_second() {
        start?;
        count += 1;
        if count > COUNTED_STARTS_MAX {
            let limit = usize::try_from(COUNTED_STARTS_MAX).unwrap_or(usize::MAX);
            return Err(ExpansionError::TooMany(limit));
        }
    }
    Ok(count)
}

/// The last start before a cut, which as the end of a rule means the same on every clock.
fn last_before(rule: &Rule, first: DateTime, cut: DateTime) -> Result<DateTime, ExpansionError> {
    let (origin, end) = (seconds(first), seconds(cut));
    let looks = LOOK_BACK_SECONDS
        .iter()
        .map(|back| end - back)
        .take_while(|from| *from > origin)
        .chain([origin]);
    for from in looks {
        let mut starts = Starts::new(rule, first, from..end, First::Always);
        let mut last = None;
        while let Some(start) = starts.next_second() {
            last = Some(start?);
        }
        if let Some(last) = last.and_then(datetime) {
            return Ok(last);
        }
    }
    Ok(first)
}
