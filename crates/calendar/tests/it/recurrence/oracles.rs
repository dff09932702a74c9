//! Our expander beside python-dateutil, libical and the `rrule` crate, on rules made from a seed.
//!
//! Truth is what two of them that do not share their code agree on and RFC 5545 allows: `rrule` is a port of dateutil,
//! so that the two count as one. Where they differ, the cause must be a fault that is named in [`known_fault`].

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kalends_calendar::recurrence::{End, ExpansionError, Frequency, Rule, occurrences};
use kalends_calendar::time::{Length, Start, ZoneId};
use kalends_calendar::zone::iana;
use serde_json::{Value, json};

use super::generator::{Dice, first_start, rule};
use super::notation::{compact, text};
use super::series::event;

const RULES: usize = 5_100;
const ZONED_RULES: usize = 1_200;
const STARTS_EACH: usize = 6;
const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Europe/London",
];

struct Case {
    first: DateTime,
    rule: Rule,
    zone: Option<&'static str>,
    /// How far the others may look, so that rules which nearly never match do not cost them minutes.
    end: DateTime,
}

impl Case {
    fn rule_text(&self) -> String {
        text(&self.rule, |until| match self.zone {
            Some(zone) => {
                let instant = instant(&iana(zone).unwrap(), until);
                compact(TimeZone::UTC.to_datetime(instant)) + "Z"
            }
            None => compact(until),
        })
    }

    fn name(&self) -> String {
        let zone = self.zone.unwrap_or("no zone");
        format!("{} {zone} {}", compact(self.first), self.rule_text())
    }

    fn zone(&self) -> TimeZone {
        self.zone.map_or(TimeZone::UTC, |name| iana(name).unwrap())
    }

    /// Our starts in seconds since 1970. A rule that is given up keeps what it yielded until then.
    fn ours(&self) -> Vec<i64> {
        let zone = self.zone();
        if let Some(name) = self.zone {
            let start = Start::Zoned {
                local: self.first,
                zone: ZoneId(name.to_owned()),
            };
            let event = event(start, Length::default(), vec![self.rule.clone()]);
            let window = instant(&zone, self.first)..instant(&zone, self.end);
            let found = occurrences(&event, window, &TimeZone::UTC, 100_000);
            if let Ok(found) = found {
                let starts = found.iter().map(|o| o.span.start.as_second());
                return starts.take(STARTS_EACH).collect();
            }
        }
        let starts = self.rule.starts(self.first, DateTime::MIN);
        starts
            .map_while(|start| match start {
                Ok(start) => Some(start),
                Err(ExpansionError::Barren(_)) => None,
                Err(error) => panic!("{}: {error}", self.name()),
            })
            .take_while(|start| *start < self.end)
            .take(STARTS_EACH)
            .map(|start| instant(&zone, start).as_second())
            .collect()
    }
}

fn instant(zone: &TimeZone, local: DateTime) -> jiff::Timestamp {
    zone.to_ambiguous_timestamp(local).compatible().unwrap()
}

fn cases() -> Vec<Case> {
    let mut dice = Dice(0x6b61_6c65_6e64_7301);
    (0..RULES)
        .map(|at| {
            let first = first_start(&mut dice);
            let mut rule = rule(&mut dice, first);
            let zone = (at < ZONED_RULES).then(|| dice.pick(&ZONES));
            if zone.is_some() && matches!(rule.frequency, Frequency::Secondly | Frequency::Minutely)
            {
                rule.frequency = Frequency::Daily;
            }
            let days_ahead = match rule.frequency {
                Frequency::Yearly => 365 * 6,
                Frequency::Monthly => 365 * 2,
                Frequency::Weekly => 365,
                Frequency::Daily => 300,
                Frequency::Hourly => 20,
                Frequency::Minutely => 2,
                Frequency::Secondly => 1,
            };
            Case {
                first,
                rule,
                zone,
                end: first
                    .checked_add(jiff::Span::new().days(days_ahead))
                    .unwrap(),
            }
        })
        .collect()
}

/// The Python that has dateutil: `$KALENDS_VENV`, or `.venv` at the root of the repository.
pub(super) fn python() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let venv = std::env::var_os("KALENDS_VENV").map_or_else(|| root.join(".venv"), PathBuf::from);
    let python = venv.join("bin/python");
    let has_dateutil = Command::new(&python)
        .args(["-c", "import dateutil.rrule"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    has_dateutil.then_some(python)
}

/// One process answers everything.
pub(super) fn ask(python: PathBuf, question: &Value) -> Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/recurrence/oracles.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let question = question.to_string();
    let writer = std::thread::spawn(move || input.write_all(question.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "the oracle script failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The crate, and whether it came to an end by itself.
fn rrule_crate(case: &Case) -> Option<Vec<i64>> {
    let (zone, z) = match case.zone {
        Some(zone) => (format!(";TZID={zone}:{}", compact(case.first)), ""),
        None => (format!(":{}Z", compact(case.first)), "Z"),
    };
    let z = if matches!(case.rule.end, End::Until(_)) {
        z
    } else {
        ""
    };
    let source = format!("DTSTART{zone}\nRRULE:{}{z}", case.rule_text());
    let set: rrule::RRuleSet = source.parse().ok()?;
    let end = instant(&case.zone(), case.end).as_second();
    let limited = set.limit();
    let starts = limited.into_iter().map(|at| at.timestamp());
    Some(
        starts
            .take_while(|at| *at < end)
            .take(STARTS_EACH)
            .collect(),
    )
}

/// Somebody else's answer, and why it may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Other {
    Dateutil,
    Rrule,
    Libical,
}

/// The faults of others that explain a difference. Each was looked at by hand; a difference without one fails the test.
fn known_fault(case: &Case, of: Other) -> Option<&'static str> {
    let rule = &case.rule;
    let weekly = rule.frequency == Frequency::Weekly;
    let yearly = rule.frequency == Frequency::Yearly;
    let positions = !rule.by_set_position.is_empty();
    let within_day = matches!(
        rule.frequency,
        Frequency::Hourly | Frequency::Minutely | Frequency::Secondly
    );
    let only_weeks = !rule.by_week_no.is_empty()
        && rule.by_day.is_empty()
        && rule.by_month_day.is_empty()
        && rule.by_year_day.is_empty();
    match of {
        // dateutil and its port.
        Other::Dateutil | Other::Rrule if weekly && positions => {
            Some("weekly BYSETPOS: counts the first week from DTSTART, not from its first day")
        }
        Other::Dateutil | Other::Rrule if yearly && only_weeks => {
            Some("BYWEEKNO alone: takes all days of the week, not that of DTSTART")
        }
        Other::Rrule if within_day => Some(
            "within a day: stops searching after a fixed number of steps, or steps over a change of the clock",
        ),
        Other::Libical if weekly => Some("weekly INTERVAL: its weeks are not aligned to WKST"),
        _ => None,
    }
}

/// Rules on which libical searches to the year 2582 for starts that it cannot find, seconds each: it is not asked.
fn libical_searches_for_ever(rule: &Rule) -> bool {
    let from_end = rule.by_month_day.iter().any(|day| *day < 0);
    let yearly_month_days = rule.frequency == Frequency::Yearly && !rule.by_month_day.is_empty();
    !rule.by_set_position.is_empty() || !rule.by_week_no.is_empty() || from_end || yearly_month_days
}

/// Whether two answers agree. `DTSTART` is always our first start; others leave it out where the rule does not match
/// it, do not count it either, and so may have one more at the end.
fn same(ours: &[i64], theirs: &[i64], first: i64, of: Other) -> bool {
    let rest = &ours[usize::from(ours.first() == Some(&first))..];
    if of == Other::Libical {
        // It is slow to find out that nothing more comes, and is asked for one less than we have.
        return ours.starts_with(theirs) || rest.starts_with(theirs);
    }
    ours == theirs
        || theirs.first() != Some(&first)
            && theirs.starts_with(rest)
            && theirs.len() - rest.len() <= 1
}

fn numbers(answer: &Value) -> Option<Vec<i64>> {
    let list = answer.as_array()?;
    Some(list.iter().filter_map(Value::as_i64).collect())
}

#[test]
fn rules_are_expanded_as_independent_implementations_do() {
    let cases = cases();
    let ours: Vec<_> = cases.iter().map(Case::ours).collect();
    let rules: Vec<_> = cases
        .iter()
        .zip(&ours)
        .map(|(case, ours)| {
            json!({
                "start": compact(case.first), "rule": case.rule_text(), "zone": case.zone,
                "count": STARTS_EACH, "expected": if libical_searches_for_ever(&case.rule) { 0 } else { ours.len().saturating_sub(1) }, "end": compact(case.end),
            })
        })
        .collect();
    let asked = python().map(|python| {
        std::thread::spawn(move || ask(python, &json!({"rules": rules, "events": []})))
    });
    let rrules: Vec<_> = cases.iter().map(rrule_crate).collect();
    let answers = asked.map(|asked| asked.join().unwrap());
    if answers.is_none() {
        println!(
            "skipped: no python-dateutil here (make setup installs it); only `rrule` was asked"
        );
    }

    let mut tally: BTreeMap<(Other, &str), usize> = BTreeMap::new();
    let mut unexplained = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let mut theirs = vec![(Other::Rrule, rrules[at].clone())];
        if let Some(answers) = &answers {
            theirs.push((Other::Dateutil, numbers(&answers["dateutil"][at])));
            theirs.push((Other::Libical, numbers(&answers["libical"][at])));
        }
        let first = instant(&case.zone(), case.first).as_second();
        for (of, theirs) in theirs {
            let word = match theirs {
                None => "was not asked, refused or gave up",
                Some(theirs) if same(&ours[at], &theirs, first, of) => "agrees",
                Some(theirs) => known_fault(case, of).unwrap_or_else(|| {
                    let show = |list: &[i64]| {
                        let at = list
                            .iter()
                            .map(|s| jiff::Timestamp::from_second(*s).unwrap());
                        at.map(|at| compact(case.zone().to_datetime(at)))
                            .collect::<Vec<_>>()
                            .join(" ")
                    };
                    unexplained.push(format!(
                        "{}\n  ours {}\n  {of:?} {}",
                        case.name(),
                        show(&ours[at]),
                        show(&theirs)
                    ));
                    "UNEXPLAINED"
                }),
            };
            *tally.entry((of, word)).or_default() += 1;
        }
    }
    for ((of, word), count) in &tally {
        println!("{count:>6} {of:?}: {word}");
    }
    assert!(
        unexplained.is_empty(),
        "{} differences:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    assert!(tally[&(Other::Rrule, "agrees")] > RULES * 8 / 10);
    if answers.is_some() {
        assert!(tally[&(Other::Dateutil, "agrees")] > RULES * 9 / 10);
    }
}
