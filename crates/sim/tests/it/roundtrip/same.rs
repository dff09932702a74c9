//! When two events are one and the same: by what they say and when they happen, however their occurrences are told.

use kalends_calendar::event::{Event, Instance, Override, RecurrenceId, Shape};
use kalends_calendar::merge::{Field, differing, get};
use kalends_calendar::recurrence::{Frequency, NthDay, Rule};
use kalends_calendar::series;

/// In what two events differ, told by field with both values. UID, sequence and time stamps are no fields; an occurrence
/// that is changed into what its series yields is none.
pub(crate) fn differences(one: &Event, other: &Event) -> Vec<String> {
    let (mut one, other) = (plain(one), plain(other));
    if give_the_same(&one, &other) {
        one.recurrence_rules.clone_from(&other.recurrence_rules);
    }
    let mut found: Vec<String> = differing(&one, &other)
        .iter()
        .map(|field| {
            format!(
                "{}: {} became {}",
                name(field),
                get(&one, field),
                get(&other, field)
            )
        })
        .collect();
    if one.uid != other.uid {
        found.push(format!("uid: {} became {}", one.uid, other.uid));
    }
    found
}

/// More starts than tell two rules apart that differ in more than what they leave unsaid: four years of a daily one.
const STARTS_MAX: usize = 1_500;

/// Whether the rules of two events give the same starts, in whatever words: `FREQ=YEARLY` says of a start on the second of
/// May what `FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=2` does.
fn give_the_same(one: &Event, other: &Event) -> bool {
    let starts = |rule: &Rule, event: &Event| -> Option<Vec<_>> {
        let first = event.master.start.local();
        let all = rule.starts(first, first).take(STARTS_MAX);
        all.collect::<Result<_, _>>().ok()
    };
    let (rules, others) = (&one.recurrence_rules, &other.recurrence_rules);
    rules.len() == others.len()
        && rules.iter().zip(others).all(|(rule, counterpart)| {
            spelled_out(rule, one) == spelled_out(counterpart, other)
                || starts(rule, one).is_some_and(|all| starts(counterpart, other) == Some(all))
        })
}

/// A rule with what it takes from its first start.
fn spelled_out(rule: &Rule, event: &Event) -> Rule {
    let mut rule = rule.clone();
    let first = event.master.start.local();
    let says_no_day =
        rule.by_day.is_empty() && rule.by_year_day.is_empty() && rule.by_week_no.is_empty();
    match rule.frequency {
        Frequency::Yearly if says_no_day => {
            if rule.by_month.is_empty() && rule.by_month_day.is_empty() {
                rule.by_month.insert(first.month());
            }
            if rule.by_month_day.is_empty() {
                rule.by_month_day.insert(first.day());
            }
        }
        Frequency::Monthly if says_no_day && rule.by_month_day.is_empty() => {
            rule.by_month_day.insert(first.day());
        }
        Frequency::Weekly if says_no_day => rule.by_day.push(NthDay {
            day: first.weekday(),
            nth_of_period: None,
        }),
        Frequency::Yearly
        | Frequency::Monthly
        | Frequency::Weekly
        | Frequency::Daily
        | Frequency::Hourly
        | Frequency::Minutely
        | Frequency::Secondly => {}
    }
    rule
}

fn name(field: &Field) -> String {
    match field {
        Field::Participant(who) => format!("participant {}", who.0),
        Field::Alert(key) => format!("alert {}", key.0),
        Field::Override(id) => format!("occurrence {id}"),
        plain => format!("{plain:?}"),
    }
}

/// An event whose occurrences are told in one way only.
pub(crate) fn plain(event: &Event) -> Event {
    let mut plain = event.clone();
    if event.shape == Shape::InstancesOnly {
        return plain;
    }
    plain.recurrence_overrides.clear();
    for (id, over) in &event.recurrence_overrides {
        let here = match over {
            Override::Excluded => None,
            Override::Added { .. } | Override::Replaced(_) => series::instance_of(event, *id).ok(),
        };
        let yielded = yielded(event, *id);
        let told = match (here, yielded) {
            (Some(here), Some(yielded)) if here == yielded => continue,
            (None, None) => continue,
            (None, Some(_)) => Override::Excluded,
            (Some(here), None) if here == inherited(event, *id) => {
                Override::Added { duration: None }
            }
            (Some(here), _) => Override::Replaced(Box::new(here)),
        };
        plain.recurrence_overrides.insert(*id, told);
    }
    plain
}

fn inherited(event: &Event, id: RecurrenceId) -> Instance {
    Instance {
        start: event.master.start.at(id.0),
        ..event.master.clone()
    }
}

/// What the rules yield at a place.
fn yielded(event: &Event, id: RecurrenceId) -> Option<Instance> {
    let bare = Event {
        recurrence_overrides: std::collections::BTreeMap::new(),
        ..event.clone()
    };
    let is_first = event.recurrence_rules.is_empty() && id.0 == event.master.start.local();
    let is_there = is_first || series::check_occurrence(&bare, id).is_ok();
    is_there.then(|| inherited(event, id))
}
