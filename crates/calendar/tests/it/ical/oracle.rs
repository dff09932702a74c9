//! What we write, read back by programs that others wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use kalends_calendar::event::{Event, Override, Shape};
use kalends_calendar::ical::{WriteOptions, write_object};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::laws::event;

/// How many events the other readers get: a few seconds' worth.
const EVENTS: usize = 120;

/// A Python that has both packages.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let venv = std::env::var_os("KALENDS_VENV").map_or_else(|| root.join(".venv"), PathBuf::from);
    let python = venv.join("bin/python");
    let found = Command::new(&python)
        .args(["-c", "import icalendar, vobject"])
        .output()
        .is_ok_and(|output| output.status.success());
    found.then_some(python)
}

/// What a `VEVENT` of ours must look like to others, in the order in which we write them.
fn expected(event: &Event) -> Vec<serde_json::Value> {
    let replaced = event
        .recurrence_overrides
        .values()
        .filter_map(|change| match change {
            Override::Replaced(instance) => Some((instance.as_ref(), false)),
            Override::Excluded | Override::Added { .. } => None,
        });
    let master = (event.shape == Shape::Series).then_some((&event.master, true));
    master
        .into_iter()
        .chain(replaced)
        .map(|(instance, master)| {
            let all_day = instance.start.is_all_day();
            let local = instance.start.local();
            serde_json::json!({
                "uid": event.uid.as_str(),
                "title": instance.details.title,
                "description": instance.details.description,
                "start": if all_day { local.date().to_string() } else { local.to_string() },
                "all_day": all_day,
                "ends": all_day || instance.duration != kalends_calendar::time::Length::default()
                    || instance.end_zone.is_some(),
                "rules": master && !event.recurrence_rules.is_empty(),
                "alarms": instance.details.alerts.len(),
                "errors": [],
            })
        })
        .collect()
}

#[test]
fn others_read_what_we_write() {
    let Some(python) = python() else {
        println!("skipped: no Python with icalendar and vobject (KALENDS_VENV or .venv)");
        return;
    };
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(5545),
        ..Config::default()
    });
    let events: Vec<Event> = (0..EVENTS)
        .map(|_| event().new_tree(&mut runner).unwrap().current())
        .collect();
    let options = WriteOptions {
        mark: None,
        stamp: Timestamp::UNIX_EPOCH,
    };
    let mut input = String::new();
    for (number, event) in events.iter().enumerate() {
        let head = format!("== {number}\n");
        input.extend([head, write_object(event, &options)]);
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("written.ics");
    std::fs::write(&file, input).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/read_ical.py");
    let output = Command::new(python)
        .arg(script)
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let answers = String::from_utf8(output.stdout).unwrap();
    let mut compared = 0;
    for answer in answers.lines() {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        let number = usize::try_from(answer["number"].as_u64().unwrap()).unwrap();
        let want = expected(&events[number]);
        let text = write_object(&events[number], &options);
        assert_eq!(answer["icalendar"], serde_json::json!(want), "{text}");
        let titles: Vec<_> = want
            .iter()
            .map(|event| serde_json::json!({ "uid": event["uid"], "title": event["title"] }))
            .collect();
        assert_eq!(answer["vobject"], serde_json::json!(titles), "{text}");
        compared += 1;
    }
    assert_eq!(compared, EVENTS);
}
