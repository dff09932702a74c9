//! A zone ready to turn wall-clock times into instants and back, wherever its rules come from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{CustomZone, Observance, iana};
use crate::recurrence::civil::{DAY_SECONDS, datetime_clamped, seconds};
use crate::recurrence::{ExpansionError, First, Rule, Starts};
use crate::time::ZoneId;

/// How far back the last onset of an observance is looked for, in days, before going back to its very beginning.
/// Zones change yearly, so that the first look nearly always finds it.
const LOOK_BACK_DAYS: [i64; 3] = [400, 3_700, 37_000];

/// A zone that can be calculated with.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// From the bundled database.
    Iana(TimeZone),
    /// From the rules that the event carries.
    Custom(CustomRules),
}

/// Finds the rules of a zone: an event's own for a name that opens with `/`, else the bundled database's.
pub fn resolve(
    zone: &ZoneId,
    time_zones: &BTreeMap<ZoneId, CustomZone>,
) -> Result<Resolved, ExpansionError> {
    if let Some(custom) = time_zones.get(zone) {
        return Ok(Resolved::Custom(CustomRules::new(custom)));
    }
    iana(&zone.0)
        .map(Resolved::Iana)
        .ok_or_else(|| ExpansionError::UnknownZone(zone.0.clone()))
}

impl Resolved {
    /// The instant that a wall-clock time means. A time that the clock skips is read with the offset before the gap, and
    /// one that it shows twice means the first (RFC 5545 §3.3.5). Held within the years that a timestamp can have.
    pub fn to_instant(&self, local: DateTime) -> Timestamp {
        match self {
            Self::Iana(zone) => zone
                .to_ambiguous_timestamp(local)
                .compatible()
                .unwrap_or_else(|_| clamped(seconds(local))),
            Self::Custom(rules) => {
                let local = seconds(local);
                clamped(local - i64::from(rules.offset_at_local(local)))
            }
        }
    }

    /// What the clock on the wall shows at an instant.
    pub fn to_local(&self, instant: Timestamp) -> DateTime {
        match self {
            Self::Iana(zone) => zone.to_datetime(instant),
            Self::Custom(rules) => {
                let at = instant.as_second();
                datetime_clamped(at + i64::from(rules.offset_at(at)))
            }
        }
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_seconds(&self, instant: Timestamp) -> i32 {
        match self {
            Self::Iana(zone) => zone.to_offset(instant).seconds(),
            Self::Custom(rules) => rules.offset_at(instant.as_second()),
        }
    }
}

/// The timestamp at this second, or the nearest one there is.
pub(crate) fn clamped(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The observances of a custom zone, ready to be asked.
#[derive(Clone, Debug)]
pub struct CustomRules {
    observances: Vec<Observance>,
}

/// A moment at which an observance begins.
#[derive(Clone, Copy, Debug)]
struct Onset {
    /// On the wall clock before it.
    local: i64,
    from: i64,
    to: i64,
}

impl Onset {
    fn instant(self) -> i64 {
        self.local - self.from
    }
}

impl CustomRules {
    fn new(zone: &CustomZone) -> Self {
        Self {
            observances: zone.observances.clone(),
        }
    }

    /// The offset that a wall-clock time is read with.
    fn offset_at_local(&self, local: i64) -> i32 {
        let latest = self.latest(|_| local);
        match latest {
            // In the gap the clock never showed this time: the offset before it.
            Some(onset) if local - onset.local < onset.to - onset.from => narrow(onset.from),
            Some(onset) => narrow(onset.to),
            None => self.offset_before_all(),
        }
    }

    fn offset_at(&self, instant: i64) -> i32 {
        match self.latest(|observance| instant + i64::from(observance.offset_from)) {
            Some(onset) => narrow(onset.to),
            None => self.offset_before_all(),
        }
    }

    /// What held before the first observance began; UTC where there is none at all.
    fn offset_before_all(&self) -> i32 {
        self.observances
            .iter()
            .min_by_key(|observance| observance.start)
            .map_or(0, |observance| observance.offset_from)
    }

    /// The last onset at or before a wall-clock time, which may differ by observance.
    fn latest(&self, local: impl Fn(&Observance) -> i64) -> Option<Onset> {
        self.observances
            .iter()
            .filter_map(|observance| {
                Some(Onset {
                    local: last_onset(observance, local(observance))?,
                    from: i64::from(observance.offset_from),
                    to: i64::from(observance.offset_to),
                })
            })
            .max_by_key(|onset| onset.instant())
    }
}

fn last_onset(observance: &Observance, at: i64) -> Option<i64> {
    let start = seconds(observance.start);
    let dates = observance.dates.iter().map(|date| seconds(*date));
    let listed = dates.chain([start]).filter(|onset| *onset <= at).max();
    let ruled = observance
        .recurrence_rules
        .iter()
        .filter_map(|rule| last_start(rule, observance.start, at))
        .max();
    listed.max(ruled)
}

/// The last start of a rule at or before a time. A rule that fails has none, and leaves what is listed.
fn last_start(rule: &Rule, first: DateTime, at: i64) -> Option<i64> {
    let origin = seconds(first);
    if at < origin {
        return None;
    }
    let end = at.saturating_add(1);
    let looks = LOOK_BACK_DAYS
        .iter()
        .map(|days| at - days * DAY_SECONDS)
        .take_while(|from| *from > origin)
        .chain([origin]);
    for from in looks {
        let mut starts = Starts::new(rule, first, from..end, First::Always);
        let mut last = None;
        while let Some(Ok(start)) = starts.next_second() {
            last = Some(start);
        }
        if last.is_some() {
            return last;
        }
    }
    None
}

/// Offsets come from 32 bits and go back to them.
fn narrow(offset: i64) -> i32 {
    i32::try_from(offset).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recurrence::{End, Frequency, NthDay};
    use jiff::civil::{Weekday, date};

    fn yearly(month: i8, n: i8, end: End) -> Rule {
        let mut rule = Rule::every(Frequency::Yearly);
        rule.by_month.insert(month);
        rule.by_day.push(NthDay {
            day: Weekday::Sunday,
            nth_of_period: Some(n),
        });
        rule.end = end;
        rule
    }

    /// New York as RFC 5545 §3.6.5 gives it, from 1987 on, with the change of 2007.
    fn new_york() -> Resolved {
        let (winter, summer) = (-5 * 3600, -4 * 3600);
        let observance = |start, offset_from, offset_to, rule| Observance {
            start,
            offset_from,
            offset_to,
            recurrence_rules: vec![rule],
            dates: Vec::new(),
        };
        let until = |year, month, day| End::Until(date(year, month, day).at(2, 0, 0, 0));
        let zone = CustomZone {
            observances: vec![
                observance(
                    date(1987, 4, 5).at(2, 0, 0, 0),
                    winter,
                    summer,
                    yearly(4, 1, until(2006, 4, 2)),
                ),
                observance(
                    date(1987, 10, 25).at(2, 0, 0, 0),
                    summer,
                    winter,
                    yearly(10, -1, until(2006, 10, 29)),
                ),
                observance(
                    date(2007, 3, 11).at(2, 0, 0, 0),
                    winter,
                    summer,
                    yearly(3, 2, End::Never),
                ),
                observance(
                    date(2007, 11, 4).at(2, 0, 0, 0),
                    summer,
                    winter,
                    yearly(11, 1, End::Never),
                ),
            ],
        };
        let id = ZoneId("/example.com/NY".to_owned());
        resolve(&id, &[(id.clone(), zone)].into()).unwrap()
    }

    #[test]
    fn a_custom_zone_agrees_with_the_database_it_was_written_from() {
        let custom = new_york();
        let known = Resolved::Iana(iana("America/New_York").unwrap());
        let mut local = date(1988, 1, 1).at(0, 30, 0, 0);
        while local.year() < 2045 {
            let instant = known.to_instant(local);
            assert_eq!(custom.to_instant(local), instant, "{local}");
            assert_eq!(custom.to_local(instant), known.to_local(instant), "{local}");
            local = local.checked_add(jiff::Span::new().hours(31)).unwrap();
        }
    }

    #[test]
    fn gaps_and_folds_are_read_as_the_standard_says() {
        for zone in [
            new_york(),
            Resolved::Iana(iana("America/New_York").unwrap()),
        ] {
            let gap = zone.to_instant(date(2026, 3, 8).at(2, 30, 0, 0));
            assert_eq!(gap.to_string(), "2026-03-08T07:30:00Z");
            let fold = zone.to_instant(date(2026, 11, 1).at(1, 30, 0, 0));
            assert_eq!(fold.to_string(), "2026-11-01T05:30:00Z");
            let second = clamped(fold.as_second() + 3600);
            assert_eq!(zone.to_local(second), date(2026, 11, 1).at(1, 30, 0, 0));
            assert_eq!(zone.offset_seconds(second), -5 * 3600);
        }
    }

    #[test]
    fn before_the_first_observance_its_own_offset_from_holds() {
        let early = date(1950, 7, 1).at(12, 0, 0, 0);
        assert_eq!(
            new_york().to_instant(early).to_string(),
            "1950-07-01T17:00:00Z"
        );
    }

    #[test]
    fn unknown_zones_and_odd_ends_of_time_do_no_harm() {
        let unknown = resolve(&ZoneId("Mars/Olympus".to_owned()), &BTreeMap::new());
        assert_eq!(
            unknown.unwrap_err(),
            ExpansionError::UnknownZone("Mars/Olympus".to_owned())
        );
        for zone in [new_york(), Resolved::Iana(TimeZone::UTC)] {
            assert!(zone.to_instant(DateTime::MIN) <= zone.to_instant(DateTime::MAX));
            let _ = zone.to_local(Timestamp::MIN);
            let _ = zone.to_local(Timestamp::MAX);
        }
        let empty = Resolved::Custom(CustomRules {
            observances: Vec::new(),
        });
        assert_eq!(empty.offset_seconds(Timestamp::UNIX_EPOCH), 0);
    }
}
