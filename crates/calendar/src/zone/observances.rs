//! The rules of a database zone as observances: what a `VTIMEZONE` for it has to say.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time, Weekday};

use super::{Observance, iana};
use crate::recurrence::civil::{
    DAY_SECONDS, datetime_clamped, days_in_month, first_day, weekday_number, weekday_of,
};
use crate::recurrence::{Frequency, NthDay, Rule};
use crate::time::ZoneId;

/// A yearly rule must be right for this many years ahead: in them each date meets each weekday, leap years included.
const VERIFIED_YEARS: i32 = 30;

/// Without a yearly rule (Morocco follows the moon) changes are listed up to this year at least, …
const LISTED_UNTIL_YEAR: i32 = 2037;
/// … and for this many years from the one asked for.
const LISTED_YEARS: i32 = 10;

/// A change of the clock.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// On the wall clock before it.
    local: DateTime,
    from: i32,
    to: i32,
}

impl Change {
    fn year(self) -> i32 {
        i32::from(self.local.year())
    }
}

/// The observances of a database zone that are right from the first day of `from_year` on: yearly rules where the zone
/// has them, single changes before those, and for zones that follow no yearly rule the changes until 2037 or ten years
/// after `from_year`. None where the database has no such zone.
pub fn observances(zone: &ZoneId, from_year: i16) -> Option<Vec<Observance>> {
    let zone = iana(&zone.0)?;
    let first_year = i32::from(from_year.clamp(1800, 9_900));
    let listed_until = LISTED_UNTIL_YEAR.max(first_year + LISTED_YEARS);
    let last_year = listed_until + VERIFIED_YEARS;

    let begins = super::resolved::clamped(first_day(first_year) * DAY_SECONDS);
    let changes = changes(&zone, begins, last_year);
    let Some(earliest) = changes.first() else {
        let offset = zone.to_offset(begins).seconds();
        return Some(vec![single(
            datetime_clamped(first_day(first_year.min(1970)) * DAY_SECONDS),
            offset,
            offset,
        )]);
    };
    let first_change_year = earliest.year();

    let mut alike: BTreeMap<(i32, i32, i8, Time), Vec<Change>> = BTreeMap::new();
    for change in &changes {
        alike
            .entry((
                change.from,
                change.to,
                change.local.month(),
                change.local.time(),
            ))
            .or_default()
            .push(*change);
    }

    let mut ruled = Vec::new();
    let mut listed: BTreeMap<(i32, i32), Vec<DateTime>> = BTreeMap::new();
    for ((from, to, month, _), group) in alike {
        let (before, rule) = match yearly_rule(&group, month, last_year) {
            Some(pattern) => split(&group, pattern, first_change_year, last_year),
            None => (group.as_slice(), None),
        };
        for change in before {
            if change.year() <= listed_until {
                listed.entry((from, to)).or_default().push(change.local);
            }
        }
        ruled.extend(rule.map(|(start, rule)| Observance {
            recurrence_rules: vec![rule],
            ..single(start, from, to)
        }));
    }

    let mut observances: Vec<_> = listed
        .into_iter()
        .filter_map(|((from, to), mut dates)| {
            dates.sort_unstable();
            let (start, dates) = dates.split_first()?;
            Some(Observance {
                dates: dates.to_vec(),
                ..single(*start, from, to)
            })
        })
        .chain(ruled)
        .collect();
    observances.sort_by_key(|observance| observance.start);
    Some(observances)
}

fn single(start: DateTime, offset_from: i32, offset_to: i32) -> Observance {
    Observance {
        start,
        offset_from,
        offset_to,
        recurrence_rules: Vec::new(),
        dates: Vec::new(),
    }
}

/// The changes of a zone from the one in force at `begins` to the end of a year.
fn changes(zone: &jiff::tz::TimeZone, begins: Timestamp, last_year: i32) -> Vec<Change> {
    let mut changes = Vec::new();
    let in_force = zone
        .preceding(begins)
        .map(|transition| (transition.timestamp(), transition.offset().seconds()))
        .find(|(at, to)| offset_before(zone, *at) != *to);
    let following = zone
        .following(begins)
        .map(|transition| (transition.timestamp(), transition.offset().seconds()));
    // A change in the very second is neither before nor after.
    let now = (begins, zone.to_offset(begins).seconds());
    for (at, to) in in_force.into_iter().chain([now]).chain(following) {
        let from = offset_before(zone, at);
        if from == to {
            continue;
        }
        let local = datetime_clamped(at.as_second() + i64::from(from));
        if i32::from(local.year()) > last_year {
            break;
        }
        changes.push(Change { local, from, to });
    }
    changes
}

fn offset_before(zone: &jiff::tz::TimeZone, at: Timestamp) -> i32 {
    zone.to_offset(super::resolved::clamped(at.as_second() - 1))
        .seconds()
}

/// Which day of a month.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    /// The same date each year.
    Date { month: i8, day: i8 },
    /// The n-th weekday of the month.
    Nth { month: i8, weekday: Weekday, n: i8 },
    /// The weekday that falls on one of these dates, which are seven at most.
    Among {
        month: i8,
        weekday: Weekday,
        first: i8,
        last: i8,
    },
}

impl Pattern {
    /// The day of the month in a year.
    fn day(self, year: i32) -> Option<i32> {
        let (month, weekday, from, to) = match self {
            Self::Date { day, .. } => return Some(i32::from(day)),
            Self::Nth {
                month,
                weekday,
                n: -1,
            } => {
                let length = days_in_month(year, index(month));
                (month, weekday, length - 6, length)
            }
            Self::Nth { month, weekday, n } => {
                let from = (i32::from(n) - 1) * 7 + 1;
                (month, weekday, from, from + 6)
            }
            Self::Among {
                month,
                weekday,
                first,
                last,
            } => (month, weekday, i32::from(first), i32::from(last)),
        };
        let before = first_day(year)
            + i64::from(crate::recurrence::civil::days_before_month(
                year,
                index(month),
            ));
        (from..=to).find(|day| weekday_of(before + i64::from(*day) - 1) == weekday_number(weekday))
    }

    fn rule(self) -> Rule {
        let mut rule = Rule::every(Frequency::Yearly);
        let (Self::Date { month, .. } | Self::Nth { month, .. } | Self::Among { month, .. }) = self;
        rule.by_month.insert(month);
        match self {
            Self::Date { day, .. } => {
                rule.by_month_day.insert(day);
            }
            Self::Nth { weekday, n, .. } => rule.by_day.push(NthDay {
                day: weekday,
                nth_of_period: Some(n),
            }),
            Self::Among {
                weekday,
                first,
                last,
                ..
            } => {
                rule.by_day.push(NthDay {
                    day: weekday,
                    nth_of_period: None,
                });
                rule.by_month_day.extend(first..=last);
            }
        }
        rule
    }
}

fn index(month: i8) -> usize {
    usize::from(month.unsigned_abs())
}

/// The pattern that all changes of the verified years follow, if there is one.
fn yearly_rule(group: &[Change], month: i8, last_year: i32) -> Option<Pattern> {
    let verified = last_year - VERIFIED_YEARS + 1;
    let recent: Vec<_> = group.iter().filter(|c| c.year() >= verified).collect();
    let weekday = recent.first()?.local.date().weekday();
    let days = || recent.iter().map(|change| change.local.day());
    let (first, last) = (days().min()?, days().max()?);
    let nth = |n| Pattern::Nth { month, weekday, n };
    let candidates = [
        Pattern::Date { month, day: first },
        nth(-1),
        nth(1),
        nth(2),
        nth(3),
        nth(4),
        Pattern::Among {
            month,
            weekday,
            first,
            last,
        },
    ];
    candidates
        .into_iter()
        .find(|pattern| (verified..=last_year).all(|year| fits(group, *pattern, year)))
}

/// Whether a year's changes of a group are just what the pattern says.
fn fits(group: &[Change], pattern: Pattern, year: i32) -> bool {
    let mut of_year = group.iter().filter(|change| change.year() == year);
    let day = of_year.next().map(|change| i32::from(change.local.day()));
    of_year.next().is_none() && day == pattern.day(year)
}

/// Changes before the pattern held, and the rule with its first start.
type Split<'a> = (&'a [Change], Option<(DateTime, Rule)>);

fn split(group: &[Change], pattern: Pattern, first_year: i32, last_year: i32) -> Split<'_> {
    let since = (first_year..=last_year)
        .rev()
        .take_while(|year| fits(group, pattern, *year))
        .last();
    let Some(since) = since else {
        return (group, None);
    };
    let at = group.partition_point(|change| change.year() < since);
    let (before, after) = group.split_at(at);
    let rule = after.first().map(|change| (change.local, pattern.rule()));
    (before, rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{CustomZone, iana_names, resolve};

    fn of(name: &str, from_year: i16) -> Vec<Observance> {
        observances(&ZoneId(name.to_owned()), from_year).unwrap()
    }

    #[test]
    fn a_zone_with_summer_time_is_two_rules() {
        let berlin = of("Europe/Berlin", 2026);
        assert_eq!(berlin.len(), 2);
        assert_eq!(berlin[0].start.to_string(), "2025-10-26T03:00:00");
        assert_eq!((berlin[0].offset_from, berlin[0].offset_to), (7200, 3600));
        assert_eq!(berlin[1].start.to_string(), "2026-03-29T02:00:00");
        assert!(berlin.iter().all(|o| o.recurrence_rules.len() == 1));
        assert_eq!(of("Asia/Tokyo", 2026).len(), 1);
        assert_eq!(of("Etc/UTC", 2026).len(), 1);
        assert!(observances(&ZoneId("Europe/Nowhere".to_owned()), 2026).is_none());
        // The Friday after the last Thursday of October may be the first of November.
        assert!(of("Africa/Cairo", 2030).len() <= 3);
    }

    #[test]
    fn every_zone_of_the_database_keeps_its_offsets() {
        let mut checked = 0;
        for name in iana_names() {
            let Some(known) = iana(&name) else { continue };
            for from_year in [2000, 2015, 2026] {
                let id = ZoneId(format!("/{name}"));
                let zone = CustomZone {
                    observances: of(&name, from_year),
                };
                let custom = resolve(&id, &[(id.clone(), zone)].into()).unwrap();
                let begins =
                    super::super::resolved::clamped(first_day(i32::from(from_year)) * DAY_SECONDS);
                let ends = super::super::resolved::clamped(first_day(2038) * DAY_SECONDS);
                let edges = known
                    .following(begins)
                    .take_while(|transition| transition.timestamp() < ends)
                    .flat_map(|transition| {
                        let at = transition.timestamp().as_second();
                        [at - 1, at, at + 1, at + 40 * DAY_SECONDS]
                    });
                for at in [begins.as_second(), ends.as_second() - 1]
                    .into_iter()
                    .chain(edges)
                {
                    let at = super::super::resolved::clamped(at);
                    if at < begins || at >= ends {
                        continue;
                    }
                    assert_eq!(
                        custom.offset_seconds(at),
                        known.to_offset(at).seconds(),
                        "{name} from {from_year} at {at}"
                    );
                    checked += 1;
                }
            }
        }
        assert!(checked > 20_000, "only {checked} instants");
    }
}
