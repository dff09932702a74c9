//! The definition of a time zone (RFC 5545 §3.6.5), made of what the zone does in the years around an event.

use jiff::civil::{DateTime, Weekday, date};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::page::entry::instant;

/// How many years are looked at: what is alike in all of them is taken for a rule.
const YEARS: i16 = 12;

/// A change of the clock.
#[derive(Clone, Debug)]
struct Change {
    /// On the clock before it.
    local: DateTime,
    from: Offset,
    to: Offset,
    summer: bool,
    name: String,
}

/// `VTIMEZONE` of a zone, good for what happens from `around` on.
pub(super) fn definition(name: &str, zone: &TimeZone, around: Timestamp) -> Vec<String> {
    let year = zone.to_datetime(around).year().clamp(1, 9000);
    let from = instant(
        zone,
        date(year - 1, 1, 1).to_datetime(jiff::civil::Time::midnight()),
    );
    let until = instant(
        zone,
        date(year - 1 + YEARS, 1, 1).to_datetime(jiff::civil::Time::midnight()),
    );
    let changes: Vec<Change> = zone
        .following(from)
        .take_while(|change| change.timestamp() < until)
        .map(|change| {
            let before = change
                .timestamp()
                .saturating_sub(SignedDuration::from_secs(1));
            let from = zone.to_offset(before.unwrap_or(change.timestamp()));
            Change {
                local: from.to_datetime(change.timestamp()),
                from,
                to: change.offset(),
                summer: change.dst().is_dst(),
                name: change.abbreviation().to_owned(),
            }
        })
        .collect();
    let mut lines = vec!["BEGIN:VTIMEZONE".to_owned(), format!("TZID:{name}")];
    if let Some(rules) = yearly(&changes) {
        for (change, rule) in rules {
            lines.extend(observance(change, Some(&rule)));
        }
    } else {
        // What holds until the first change, and for ever where there is none.
        let offset = changes
            .first()
            .map_or_else(|| zone.to_offset(around), |first| first.from);
        let before = Change {
            local: date(1970, 1, 1).at(0, 0, 0, 0),
            from: offset,
            to: offset,
            summer: false,
            name: String::new(),
        };
        lines.extend(observance(&before, None));
        for change in &changes {
            lines.extend(observance(change, None));
        }
    }
    lines.push("END:VTIMEZONE".to_owned());
    lines
}

/// The two changes that come back each year, with their rules; none where it is not so simple.
fn yearly(changes: &[Change]) -> Option<Vec<(&Change, String)>> {
    let whole = changes.len() == usize::from(YEARS.unsigned_abs()) * 2;
    let groups = [true, false].map(|summer| {
        let group = changes.iter().filter(move |change| change.summer == summer);
        group.collect::<Vec<&Change>>()
    });
    if !whole {
        return None;
    }
    let rules = groups.into_iter().map(|group| {
        let first = *group.first()?;
        let alike = |change: &&Change| {
            let (one, other) = (first.local, change.local);
            one.month() == other.month()
                && one.weekday() == other.weekday()
                && one.time() == other.time()
                && first.from == change.from
                && first.to == change.to
        };
        let nth = |change: &&Change| (change.local.day() - 1) / 7 + 1;
        let last = |change: &&Change| change.local.day() + 7 > change.local.date().days_in_month();
        let place = if group.iter().all(last) {
            -1
        } else {
            let one = nth(&first);
            group
                .iter()
                .all(|change| nth(change) == one)
                .then_some(one)?
        };
        let day = weekday(first.local.weekday());
        let rule = format!(
            "FREQ=YEARLY;BYMONTH={};BYDAY={place}{day}",
            first.local.month()
        );
        group.iter().all(alike).then_some((first, rule))
    });
    rules.collect()
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

fn observance(change: &Change, rule: Option<&str>) -> Vec<String> {
    let kind = if change.summer {
        "DAYLIGHT"
    } else {
        "STANDARD"
    };
    let mut lines = vec![
        format!("BEGIN:{kind}"),
        format!("DTSTART:{}", change.local.strftime("%Y%m%dT%H%M%S")),
        format!("TZOFFSETFROM:{}", written(change.from)),
        format!("TZOFFSETTO:{}", written(change.to)),
    ];
    if !change.name.is_empty() {
        lines.push(format!("TZNAME:{}", change.name));
    }
    if let Some(rule) = rule {
        lines.push(format!("RRULE:{rule}"));
    }
    lines.push(format!("END:{kind}"));
    lines
}

/// `+0100`, with seconds where there are any.
fn written(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let whole = seconds.unsigned_abs();
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if rest == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defined(name: &str) -> String {
        let zone = crate::page::entry::rules(name).expect("a zone");
        let around = "2026-11-23T12:00:00Z".parse().expect("a time");
        definition(name, &zone, around).join("\n")
    }

    #[test]
    fn clocks_that_change_every_year_have_rules() {
        let berlin = defined("Europe/Berlin");
        assert!(berlin.contains("DTSTART:20250330T020000"), "{berlin}");
        assert!(berlin.contains("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"));
        assert!(berlin.contains("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"));
        assert!(defined("America/New_York").contains("BYMONTH=11;BYDAY=1SU"));
        assert!(defined("Australia/Sydney").contains("BYMONTH=10;BYDAY=1SU"));
    }

    #[test]
    fn a_clock_that_never_changes_has_one_offset_and_an_odd_one_all_its_changes() {
        let kolkata = defined("Asia/Kolkata");
        assert!(kolkata.contains("TZOFFSETTO:+0530") && !kolkata.contains("RRULE"));
        assert_eq!(kolkata.matches("BEGIN:STANDARD").count(), 1);
        let gaza = defined("Asia/Gaza");
        assert!(!gaza.contains("RRULE"), "it follows the moon: {gaza}");
        assert!(gaza.matches("BEGIN:DAYLIGHT").count() > 10, "{gaza}");
        assert!(gaza.contains("DTSTART:19700101T000000"), "and before that");
    }
}
