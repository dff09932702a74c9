//! Every file of the corpus: read or clearly refused, written back, read again, patched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kalends_calendar::event::{Alert, AlertAction, AlertKey, Event, Override, Shape, Trigger};
use kalends_calendar::ical::{
    Object, PatchOptions, Tree, WriteOptions, decode, patch_object, read_calendar, read_object,
    write_object,
};
use kalends_calendar::time::Start;

/// The corpus, where it is at hand.
pub(crate) fn files() -> Option<Vec<PathBuf>> {
    let shared = std::env::var_os("KALENDS_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let mut folders = vec![shared.join("data/ics")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end != "tsv") {
                files.push(path);
            }
        }
    }
    files.sort();
    Some(files)
}

/// What a patch and a second reading are compared by: `CREATED` and `LAST-MODIFIED` never are.
pub(crate) fn comparable(event: &Event) -> Event {
    Event {
        created: None,
        updated: None,
        ..event.clone()
    }
}

fn stamp() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Content lines of a text that another has not, as often as it has not, by property name.
fn differing(one: &str, other: &str) -> Vec<(String, String)> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (text, sign) in [(one, 1), (other, -1)] {
        for_each_line(&Tree::parse(text), &mut |component, raw, name| {
            *counts
                .entry(format!("{component}\0{name}\0{raw}"))
                .or_default() += sign;
        });
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(key, _)| {
            let mut parts = key.splitn(3, '\0').map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap())
        })
        .collect()
}

fn for_each_line(tree: &Tree<'_>, seen: &mut impl FnMut(&str, &str, &str)) {
    use kalends_calendar::ical::{Component, Node};
    fn walk(component: &Component<'_>, seen: &mut impl FnMut(&str, &str, &str)) {
        let name = component.name().to_uppercase();
        seen(&name, component.begin.raw(), "BEGIN");
        if let Some(end) = &component.end {
            seen(&name, end.raw(), "END");
        }
        for node in &component.nodes {
            match node {
                Node::Line(line) => seen(&name, line.raw(), &line.name().to_uppercase()),
                Node::Component(inner) => walk(inner, seen),
            }
        }
    }
    for node in &tree.nodes {
        match node {
            Node::Line(line) => seen("", line.raw(), &line.name().to_uppercase()),
            Node::Component(component) => walk(component, seen),
        }
    }
}

/// Bookkeeping of every changed component.
const STAMPS: [&str; 3] = ["DTSTAMP", "LAST-MODIFIED", "UID"];

/// Patches, and checks that the law holds and that only lines of these properties differ.
fn patched(name: &str, object: &Object, target: &Event, properties: &[&str]) {
    let options = PatchOptions {
        mark: None,
        stamp: stamp(),
    };
    let text = patch_object(&object.text, target, &options)
        .unwrap_or_else(|error| panic!("{name}: {error}\n{}", object.text));
    let back = read_object(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    assert_eq!(
        comparable(&back.event),
        comparable(target),
        "{name}\n{}\n--- patched ---\n{text}",
        object.text
    );
    let differing: BTreeSet<(String, String)> =
        differing(&object.text, &text).into_iter().collect();
    for (component, property) in differing {
        assert!(
            STAMPS.contains(&property.as_str())
                || properties.contains(&property.as_str())
                || properties.contains(&component.as_str()),
            "{name}: {component} {property} differs\n{}\n--- patched ---\n{text}",
            object.text
        );
    }
    let again = patch_object(&text, target, &options).unwrap();
    assert_eq!(again, text, "{name}: patched twice");
}

fn check(name: &str, object: &Object) {
    let again = read_object(&object.text)
        .unwrap_or_else(|error| panic!("{name}: {error}\n{}", object.text));
    assert_eq!(again.event, object.event, "{name}");
    assert_eq!(again.uid, object.uid, "{name}");

    let options = WriteOptions {
        mark: None,
        stamp: stamp(),
    };
    let written = write_object(&object.event, &options);
    let back = read_object(&written).unwrap_or_else(|error| panic!("{name}: {error}\n{written}"));
    assert_eq!(
        back.event, object.event,
        "{name}\n{}\n--- written ---\n{written}",
        object.text
    );

    let unchanged = PatchOptions {
        mark: None,
        stamp: stamp(),
    };
    let same = patch_object(&object.text, &object.event, &unchanged).unwrap();
    assert_eq!(same, object.text, "{name}: patched with itself");

    let event = &object.event;
    if event.shape == Shape::InstancesOnly {
        return;
    }
    let mut target = event.clone();
    target.master.details.title =
        "Another title; with, \\ everything\nin it, and quite long äöü ".repeat(2);
    patched(name, object, &target, &["SUMMARY"]);

    let mut target = event.clone();
    let later = target.master.start.local() + jiff::Span::new().days(1);
    target.master.start = target.master.start.at(later);
    patched(name, object, &target, &["DTSTART", "DTEND"]);

    let mut target = event.clone();
    let alert = Alert {
        trigger: Trigger::FromStart(-77 * 60),
        action: AlertAction::Display,
    };
    let key = AlertKey("an alert of ours".into());
    target.master.details.alerts.insert(key, alert);
    patched(name, object, &target, &["VALARM"]);

    let mut target = event.clone();
    let id = kalends_calendar::event::RecurrenceId(later);
    target.recurrence_overrides.insert(id, Override::Excluded);
    patched(name, object, &target, &["EXDATE", "VEVENT"]);

    let mut target = event.clone();
    target.master.details = kalends_calendar::event::Details::default();
    target.recurrence_rules.clear();
    target.recurrence_overrides.clear();
    target.time_zones.retain(|zone, _| {
        target.master.start.zone() == Some(zone) || target.master.end_zone.as_ref() == Some(zone)
    });
    patched(name, object, &target, &["VEVENT", "VALARM"]);

    let mut target = event.clone();
    target.recurrence_overrides.clear();
    target.recurrence_rules.clear();
    target.excluded_recurrence_rules.clear();
    target.time_zones.clear();
    target.master.end_zone = None;
    if event.master.start.is_all_day() {
        target.master.start = Start::Floating(later);
        target.master.duration = kalends_calendar::time::Length::minutes(45);
    } else {
        target.master.start = Start::AllDay(later.date());
        target.master.duration = kalends_calendar::time::Length::days(2);
    }
    patched(name, object, &target, &["VEVENT", "VALARM"]);
}

#[test]
fn every_file_is_read_written_and_patched() {
    let Some(files) = files() else {
        println!("skipped: no ../shared corpus here");
        return;
    };
    let (mut read, mut refused) = (0, BTreeMap::<String, usize>::new());
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let decoded = decode(&bytes);
        let text = decoded.text.as_ref();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(Tree::parse(text).to_string(), text, "{name}: not lossless");
        for object in read_calendar(text).objects {
            match object {
                Ok(object) => {
                    read += 1;
                    check(&name, &object);
                    for problem in object.problems {
                        println!("{name}: {problem}");
                    }
                }
                Err(error) => {
                    println!("refused: {name}: {error}");
                    let why = format!("{}: {}", error.property, error.message);
                    *refused.entry(why).or_default() += 1;
                }
            }
        }
    }
    let refusals: usize = refused.values().sum();
    println!(
        "{} files, {read} events read, {refusals} refused",
        files.len()
    );
    for (why, count) in &refused {
        println!("  {count} × {why}");
    }
    assert!(read > 1_000, "only {read} events of the corpus were read");
}
