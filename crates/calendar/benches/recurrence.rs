//! How fast rules are expanded, beside the `rrule` crate and python-dateutil: JSON lines with ratios.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time; nothing here belongs to the domain"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday, date};
use jiff::tz::TimeZone;
use kalends_calendar::event::{Details, Event, Instance, Shape};
use kalends_calendar::ids::Uid;
use kalends_calendar::recurrence::{Frequency, NthDay, Rule, occurrences};
use kalends_calendar::time::{Length, Start, ZoneId};
use serde_json::json;

const RULES: usize = 600;
const STARTS_EACH: usize = 20;
/// Measured this often; the median counts.
const ROUNDS: usize = 7;

fn main() {
    seek();
    mixed();
}

fn median(mut measure: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            measure();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

/// A daily event asked for one week: begun in 1990, and begun last month.
fn seek() {
    const REPEATS: u32 = 2_000;
    let window: std::ops::Range<Timestamp> = "2026-11-16T00:00:00Z".parse().unwrap_or_default()
        .."2026-11-23T00:00:00Z".parse().unwrap_or_default();
    let measure = |first: DateTime| {
        let event = daily(first);
        median(|| {
            for _ in 0..REPEATS {
                let found = occurrences(black_box(&event), window.clone(), &TimeZone::UTC, 100);
                assert_eq!(found.map(|found| found.len()), Ok(7));
            }
        }) / REPEATS
    };
    let old = measure(date(1990, 1, 1).at(9, 0, 0, 0));
    let new = measure(date(2026, 10, 20).at(9, 0, 0, 0));
    println!(
        "{}",
        json!({
            "bench": "recurrence-seek",
            "since_1990_ns": nanos(old), "since_last_month_ns": nanos(new),
            "ratio": round(old.as_secs_f64() / new.as_secs_f64()),
        })
    );
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn round(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}

fn daily(first: DateTime) -> Event {
    Event {
        uid: Uid::from("bench"),
        shape: Shape::Series,
        master: Instance {
            start: Start::Zoned {
                local: first,
                zone: ZoneId("Europe/Berlin".to_owned()),
            },
            duration: Length::minutes(30),
            end_zone: None,
            details: Details::default(),
        },
        recurrence_rules: vec![Rule::every(Frequency::Daily)],
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: BTreeMap::new(),
        time_zones: BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}

/// Rules as calendars have them, each with its text for the others.
fn mixed_rules() -> Vec<(DateTime, Rule, String)> {
    const DAYS: [(Weekday, &str); 5] = [
        (Weekday::Monday, "MO"),
        (Weekday::Tuesday, "TU"),
        (Weekday::Wednesday, "WE"),
        (Weekday::Thursday, "TH"),
        (Weekday::Friday, "FR"),
    ];
    (0_u8..200)
        .flat_map(|_| 0_u8..3)
        .zip(0_u32..)
        .take(RULES)
        .map(|(_, at)| {
            let (day, name) = DAYS[at as usize % 5];
            let number = i8::try_from(at % 4 + 1).unwrap_or(1);
            let interval =
                std::num::NonZeroU32::new(at / 6 % 3 + 1).unwrap_or(std::num::NonZeroU32::MIN);
            let nth = |nth_of_period| NthDay { day, nth_of_period };
            let frequencies = [
                (Frequency::Daily, "DAILY"),
                (Frequency::Weekly, "WEEKLY"),
                (Frequency::Monthly, "MONTHLY"),
                (Frequency::Monthly, "MONTHLY"),
                (Frequency::Yearly, "YEARLY"),
                (Frequency::Monthly, "MONTHLY"),
            ];
            let (frequency, word) = frequencies[at as usize % 6];
            let mut rule = Rule::every(frequency);
            rule.interval = interval;
            let parts = match at % 6 {
                0 => String::new(),
                1 => {
                    rule.by_day = vec![
                        nth(None),
                        NthDay {
                            day: Weekday::Sunday,
                            nth_of_period: None,
                        },
                    ];
                    format!(";BYDAY={name},SU")
                }
                2 => {
                    rule.by_day = vec![nth(Some(number))];
                    format!(";BYDAY={number}{name}")
                }
                3 => {
                    rule.by_month_day = [number, -1].into();
                    format!(";BYMONTHDAY={number},-1")
                }
                4 => {
                    rule.by_month = [number, 9].into();
                    rule.by_day = vec![nth(Some(-1))];
                    format!(";BYMONTH={number},9;BYDAY=-1{name}")
                }
                _ => {
                    rule.by_day = DAYS
                        .map(|(day, _)| NthDay {
                            day,
                            nth_of_period: None,
                        })
                        .to_vec();
                    rule.by_set_position = [-1].into();
                    ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1".to_owned()
                }
            };
            let first = date(2010, 1, 4).at(9, 30, 0, 0);
            (
                first,
                rule,
                format!("FREQ={word};INTERVAL={interval}{parts}"),
            )
        })
        .collect()
}

/// 600 rules, 20 starts each; the others read the rule's text first, as they must.
fn mixed() {
    let rules = mixed_rules();
    let ours = median(|| {
        for (first, rule, _) in &rules {
            let starts = black_box(rule).starts(*first, *first).take(STARTS_EACH);
            assert_eq!(
                black_box(starts.filter_map(Result::ok).collect::<Vec<_>>()).len(),
                STARTS_EACH
            );
        }
    });
    let sources: Vec<String> = rules
        .iter()
        .map(|(first, _, text)| {
            format!("DTSTART:{}Z\nRRULE:{text}", first.strftime("%Y%m%dT%H%M%S"))
        })
        .collect();
    let expand = |set: rrule::RRuleSet| {
        assert_eq!(
            black_box(set.into_iter().take(STARTS_EACH).collect::<Vec<_>>()).len(),
            STARTS_EACH
        );
    };
    let parsed: Vec<rrule::RRuleSet> = sources
        .iter()
        .filter_map(|source| source.parse().ok())
        .collect();
    assert_eq!(parsed.len(), RULES);
    let expanding = median(|| parsed.iter().cloned().for_each(expand));
    let with_parsing = median(|| {
        sources
            .iter()
            .filter_map(|source| source.parse().ok())
            .for_each(expand);
    });
    let python = dateutil(&rules);
    let ratio = |other: Duration| round(other.as_secs_f64() / ours.as_secs_f64());
    println!(
        "{}",
        json!({
            "bench": "recurrence-600", "rules": RULES, "starts_each": STARTS_EACH,
            "ours_ns_per_rule": nanos(ours) / RULES as u64,
            "rrule_ns_per_rule": nanos(expanding) / RULES as u64,
            "rrule_with_parsing_ns_per_rule": nanos(with_parsing) / RULES as u64,
            "dateutil_ns_per_rule": python.map(|time| nanos(time) / RULES as u64),
            "times_faster_than_rrule": ratio(expanding),
            "times_faster_than_rrule_with_parsing": ratio(with_parsing),
            "times_faster_than_dateutil": python.map(ratio),
        })
    );
}

/// The same in one Python process that times itself; none where it is not installed.
fn dateutil(rules: &[(DateTime, Rule, String)]) -> Option<Duration> {
    const SCRIPT: &str = "
import json, sys, time
from datetime import datetime
from itertools import islice
from dateutil.rrule import rrulestr
given = json.load(sys.stdin)
begun = time.perf_counter()
for start, rule, count in given:
    list(islice(rrulestr(rule, dtstart=datetime.strptime(start, '%Y%m%dT%H%M%S')), count))
print(time.perf_counter() - begun)
";
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let venv = std::env::var_os("KALENDS_VENV").map_or_else(|| root.join(".venv"), PathBuf::from);
    let given: Vec<_> = rules
        .iter()
        .map(|(first, _, text)| {
            json!([
                first.strftime("%Y%m%dT%H%M%S").to_string(),
                text,
                STARTS_EACH
            ])
        })
        .collect();
    let mut child = Command::new(venv.join("bin/python"))
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child
        .stdin
        .take()?
        .write_all(json!(given).to_string().as_bytes())
        .ok()?;
    let output = child.wait_with_output().ok()?;
    let seconds = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
