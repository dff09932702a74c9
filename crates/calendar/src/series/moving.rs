//! What follows when the start of a series moves.

use jiff::SignedDuration;
use jiff::civil::{DateTime, Time};

use super::SeriesError;
use crate::event::{Event, Override, RecurrenceId};
use crate::recurrence::{End, Rule};
use crate::time::Start;

/// Whether a rule says itself on which days it happens.
fn names_days(rule: &Rule) -> bool {
    !rule.by_day.is_empty()
        || !rule.by_month_day.is_empty()
        || !rule.by_year_day.is_empty()
        || !rule.by_week_no.is_empty()
        || !rule.by_month.is_empty()
}

/// A shorter move takes every occurrence along, so that the end of the rules moves too and none is lost to it. A longer
/// one lets the series begin later or earlier, and its end is where it was.
const MOVE_OF_ALL: SignedDuration = SignedDuration::from_hours(7 * 24);

/// After the start of a series was moved from `before`: ids move along, so that each override still names its occurrence,
/// and so does the end of the rules. An occurrence that stood where the rules put it stays with them; one that was
/// itself moved stays where it is. An event that is refused is unchanged.
pub fn follow_start(event: &mut Event, before: &Start) -> Result<(), SeriesError> {
    let now = event.master.start.clone();
    if now == *before {
        return Ok(());
    }
    let all_day = now.is_all_day();
    let same_kind = all_day == before.is_all_day();
    if !same_kind && !event.recurrence_overrides.is_empty() {
        return Err(SeriesError::OtherKind { all_day });
    }
    let by = before.local().duration_until(now.local());
    // Where a rule names the days, they stay, and only the time of day moves. So do those of a series that begins later.
    let keeps_days = same_kind
        && !event.recurrence_rules.is_empty()
        && (by.abs() >= MOVE_OF_ALL || event.recurrence_rules.iter().any(names_days));
    let moved = |at: DateTime| {
        let of_day = before.local().time().duration_until(now.local().time());
        let by = if keeps_days { of_day } else { by };
        at.checked_add(by).map_err(|_| SeriesError::OutOfCalendar)
    };

    let mut overrides = std::collections::BTreeMap::new();
    for (id, change) in &event.recurrence_overrides {
        let to = RecurrenceId(moved(id.0)?);
        let mut change = change.clone();
        if let Override::Replaced(instance) = &mut change
            && instance.start == before.at(id.0)
        {
            instance.start = now.at(to.0);
        }
        overrides.insert(to, change);
    }
    let end = |until: DateTime| {
        Ok::<_, SeriesError>(match (same_kind, all_day) {
            (true, _) => moved(until)?,
            (false, true) => until.date().to_datetime(Time::midnight()),
            (false, false) => until.date().at(23, 59, 59, 0),
        })
    };
    let ended = |rules: &[Rule]| {
        rules
            .iter()
            .map(|rule| {
                let mut rule = rule.clone();
                if let End::Until(until) = &mut rule.end {
                    *until = end(*until)?;
                }
                Ok::<_, SeriesError>(rule)
            })
            .collect::<Result<Vec<Rule>, _>>()
    };
    let rules = ended(&event.recurrence_rules)?;
    let excluding = ended(&event.excluded_recurrence_rules)?;
    event.recurrence_overrides = overrides;
    event.recurrence_rules = rules;
    event.excluded_recurrence_rules = excluding;
    Ok(())
}
