//! Where the events come from: samples of our own, and calendars from the wild where those are at hand.

use std::path::{Path, PathBuf};

use kalends_calendar::event::Event;
use kalends_calendar::ical::{decode, read_calendar};

/// An event, and where it was found.
pub(crate) struct Known {
    pub(crate) from: String,
    pub(crate) event: Event,
}

/// The events in `tests/roundtrip`.
pub(crate) fn samples() -> Vec<Known> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roundtrip");
    let events = below(folder).expect("the samples are there");
    assert!(events.len() >= 20, "only {} samples", events.len());
    events
}

/// The corpus, where it is at hand.
pub(crate) fn corpus() -> Option<Vec<Known>> {
    let shared = std::env::var_os("KALENDS_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    below(shared.join("data/ics"))
}

/// Every event that can be read below a folder, in the order of its files.
fn below(folder: PathBuf) -> Option<Vec<Known>> {
    let mut folders = vec![folder];
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
    let mut events = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path).expect("a file that was just listed");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let objects = read_calendar(&decode(&bytes).text).objects;
        events.extend(objects.into_iter().flatten().map(|object| Known {
            from: format!("{name} {}", object.event.uid),
            event: object.event,
        }));
    }
    Some(events)
}
