//! Every file of the corpus: read or clearly refused, written back, read again, patched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kalends_calendar::event::Event;
use kalends_calendar::ical::{
    Tree, WriteOptions, decode, read_calendar, read_object, write_object,
};

/// The corpus, where it is at hand.
fn files() -> Option<Vec<PathBuf>> {
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

fn comparable(event: &Event) -> Event {
    Event {
        created: None,
        updated: None,
        ..event.clone()
    }
}

#[test]
fn every_file_is_read_and_comes_back() {
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
                    let again = read_object(&object.text)
                        .unwrap_or_else(|error| panic!("{name}: {error}\n{}", object.text));
                    assert_eq!(again.event, object.event, "{name}");
                    assert_eq!(again.uid, object.uid, "{name}");
                    let written = write_object(
                        &object.event,
                        &WriteOptions {
                            mark: None,
                            stamp: jiff::Timestamp::UNIX_EPOCH,
                        },
                    );
                    let back = read_object(&written)
                        .unwrap_or_else(|error| panic!("{name}: {error}\n{written}"));
                    assert_eq!(
                        comparable(&back.event),
                        comparable(&object.event),
                        "{name}\n{written}"
                    );
                    for problem in object.problems {
                        println!("{name}: {problem}");
                    }
                }
                Err(error) => {
                    println!("REFUSED {name}: {error}");
                    *refused
                        .entry(format!("{}: {}", error.property, error.message))
                        .or_default() += 1;
                }
            }
        }
    }
    println!(
        "{} files, {read} events read, {} refused",
        files.len(),
        refused.values().sum::<usize>()
    );
    for (why, count) in &refused {
        println!("  {count} × {why}");
    }
}
