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
use kalends_calendar::recurrence::{End, Frequency, Rule};
use kalends_calendar::zone::iana;
use serde_json::{Value, json};

use super::generator::{Dice, first_start, rule};
use super::notation::{compact, text};

const RULES: usize = 5_600;
const ZONED_RULES: usize = 1_200;
const STARTS_EACH: usize = 10;
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

    fn ours(&self) -> Result<Vec<DateTime>, String> {
        let mut starts = Vec::new();
        for start in self.rule.starts(self.first, DateTime::MIN) {
            let start = start.map_err(|error| error.to_string())?;
            if start >= self.end || starts.len() == STARTS_EACH {
                break;
            }
            starts.push(start);
        }
        Ok(starts)
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
                Frequency::Yearly => 365 * 9,
                Frequency::Monthly => 365 * 4,
                Frequency::Weekly => 365 * 2,
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

fn rrule_crate(case: &Case) -> Option<Vec<DateTime>> {
    use rrule::RRuleSet;
    // Refused for intervals and parts it does not know.
    let start = match case.zone {
        Some(zone) => format!("DTSTART;TZID={zone}:{}", compact(case.first)),
        None => format!("DTSTART:{}Z", compact(case.first)),
    };
    let until = match (case.rule.end, case.zone) {
        (End::Until(_), None) => "Z",
        _ => "",
    };
    let source = format!("{start}\nRRULE:{}{until}", case.rule_text());
    let set: RRuleSet = source.parse().ok()?;
    let mut found = Vec::new();
    for at in &set.limit() {
        let local = at.naive_local().format("%Y%m%dT%H%M%S").to_string();
        let local = super::notation::local(&local);
        if local >= case.end || found.len() == STARTS_EACH {
            break;
        }
        found.push(local);
    }
    Some(found)
}

/// What others are known to do wrong, and how such a rule is recognised.
fn known_fault(case: &Case) -> Option<&'static str> {
    let rule = &case.rule;
    let numbered = rule.by_day.iter().any(|day| day.nth_of_period.is_some());
    let _ = numbered;
    None
}

fn locals(answer: &Value) -> Option<Vec<DateTime>> {
    let list = answer.as_array()?;
    Some(
        list.iter()
            .map(|at| super::notation::local(at.as_str().unwrap()))
            .collect(),
    )
}

#[test]
fn rules_are_expanded_as_independent_implementations_do() {
    let cases = cases();
    let answers = python().map(|python| {
        let rules: Vec<_> = cases
            .iter()
            .map(|case| {
                json!({
                    "start": compact(case.first), "rule": case.rule_text(), "zone": case.zone,
                    "count": STARTS_EACH, "end": compact(case.end),
                })
            })
            .collect();
        ask(python, &json!({"rules": rules, "events": []}))
    });
    if answers.is_none() {
        println!(
            "skipped: python-dateutil and libical are not here (make setup installs them); only `rrule` is asked"
        );
    }
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    for (at, case) in cases.iter().enumerate() {
        let ours = match case.ours() {
            Ok(ours) => ours,
            Err(error) => {
                *tally.entry(format!("ours: {error}")).or_default() += 1;
                continue;
            }
        };
        let mut verdict = String::new();
        let mut details = String::new();
        let mut see = |who: &str, theirs: Option<Vec<DateTime>>| {
            let word = match &theirs {
                None => "refuses",
                Some(theirs) if same(&ours, theirs, case) => "agrees",
                Some(theirs) => {
                    details += &format!(
                        "\n    {who}: {:?}",
                        theirs.iter().map(|t| compact(*t)).collect::<Vec<_>>()
                    );
                    "differs"
                }
            };
            verdict += &format!("{who} {word}; ");
        };
        see("rrule", rrule_crate(case));
        if let Some(answers) = &answers {
            if let Some(zone) = case.zone {
                let zone = iana(zone).unwrap();
                let theirs = answers["dateutil"][at].as_array().map(|list| {
                    list.iter()
                        .map(|at| {
                            zone.to_datetime(
                                jiff::Timestamp::from_second(at.as_i64().unwrap()).unwrap(),
                            )
                        })
                        .collect::<Vec<_>>()
                });
                see("dateutil", theirs);
            } else {
                see("dateutil", locals(&answers["dateutil"][at]));
                see("libical", locals(&answers["libical"][at]));
            }
        }
        let count = shown.entry(verdict.clone()).or_default();
        *count += 1;
        if verdict.contains("differs") && *count <= 12 {
            println!(
                "{}\n  {verdict}\n    ours: {:?}{details}",
                case.name(),
                ours.iter().map(|t| compact(*t)).collect::<Vec<_>>()
            );
        }
        *tally.entry(verdict).or_default() += 1;
        let _ = known_fault(case);
    }
    println!("{tally:#?}");
}

fn same(ours: &[DateTime], theirs: &[DateTime], _case: &Case) -> bool {
    ours == theirs
        || (ours.len() > theirs.len() && &ours[1..] == theirs)
        || (ours[1..].len() < theirs.len() && ours[1..] == theirs[..ours.len() - 1])
}
