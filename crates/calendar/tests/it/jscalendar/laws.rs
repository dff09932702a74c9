//! Laws that hold for every event.

use kalends_calendar::event::{Event, Shape};
use kalends_calendar::ical::{decode, read_calendar};
use kalends_calendar::jscalendar::{patch, to_json};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::read;
use crate::ical::corpus::files;
use crate::ical::laws::{cases, event, seed};

fn change(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// Members that may be given, each with a value that no event of the generator has.
fn changes() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        Just(json!({ "title": "Another title" })),
        Just(json!({ "description": "More / ~ of it" })),
        Just(json!({ "status": "cancelled" })),
        Just(json!({ "freeBusyStatus": "free" })),
        Just(json!({ "privacy": "secret" })),
        Just(json!({ "priority": 9 })),
        Just(json!({ "color": "rebeccapurple" })),
        Just(json!({ "keywords": { "a/b~c": true } })),
        Just(json!({ "locations": { "77": { "name": "Elsewhere" } } })),
        Just(
            json!({ "participants": { "zoe": { "email": "zoe@example.net", "roles": { "attendee": true } } } })
        ),
        Just(json!({ "alerts": { "new": { "trigger": { "offset": "-PT77M" } } } })),
        Just(json!({ "duration": "P3D" })),
        Just(json!({ "description": null })),
        Just(json!({ "alerts": null })),
        Just(json!({ "participants": null })),
    ];
    proptest::collection::vec(one, 1..4).prop_map(|many| {
        let members = many.into_iter().filter_map(|one| one.as_object().cloned());
        Value::Object(members.flatten().collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        rng_seed: seed(),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_written_reads_the_same(event in event()) {
        let value = to_json(&event);
        match read(&value) {
            Ok(back) => prop_assert_eq!(&back, &event, "{:#}", value),
            Err(error) => prop_assert!(false, "{}\n{:#}", error, value),
        }
        let text = value.to_string();
        let again: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(again, value);
    }

    #[test]
    fn a_change_of_nothing_changes_nothing(event in event()) {
        prop_assert_eq!(patch(&event, &Map::new()).unwrap(), event.clone());
        let whole = to_json(&event);
        prop_assert_eq!(patch(&event, change(&whole)).unwrap(), event);
    }

    #[test]
    fn a_change_touches_the_named_members_alone(event in event(), asked in changes()) {
        let changed = patch(&event, change(&asked)).unwrap();
        let (before, after) = (to_json(&event), to_json(&changed));
        let names = change(&before).keys().chain(change(&after).keys());
        for name in names {
            // An override that said what the series now says, or the reverse, is written with fewer words or more.
            if !change(&asked).contains_key(name) && name != "recurrenceOverrides" {
                prop_assert_eq!(before.get(name), after.get(name), "{}", name);
            }
        }
        let named = |event: &Event| event.recurrence_overrides.keys().copied().collect::<Vec<_>>();
        prop_assert_eq!(named(&changed), named(&event));
        prop_assert_eq!(patch(&changed, change(&asked)).unwrap(), changed);
    }

    #[test]
    fn anything_is_read_or_refused(event in event(), at in any::<prop::sample::Index>(), put in 0usize..7) {
        let mut value = to_json(&event);
        let mut places = Vec::new();
        pointers(&value, "", &mut places);
        let pointer = at.get(&places);
        let put = [
            json!(null), json!(-1), json!("x"), json!([]), json!({}), json!(true), json!({ "@type": [1] }),
        ][put].clone();
        *value.pointer_mut(pointer).unwrap() = put;
        if let Ok(read) = read(&value) {
            prop_assert_eq!(super::read(&to_json(&read)).unwrap(), read);
        }
        let changes = value.as_object().cloned().unwrap_or_default();
        let _ = patch(&event, &changes);
    }
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_event_of_the_corpus_comes_back() {
    let Some(files) = files() else {
        println!("skipped: no ../shared corpus here");
        return;
    };
    let mut read_back = 0;
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for object in read_calendar(decode(&bytes).text.as_ref()).objects {
            let Ok(object) = object else { continue };
            let value = to_json(&object.event);
            let back = read(&value).unwrap_or_else(|error| panic!("{name}: {error}\n{value:#}"));
            assert_eq!(back, object.event, "{name}\n{value:#}");
            if object.event.shape == Shape::Series {
                let asked = json!({ "title": "Another" });
                let renamed = patch(&object.event, change(&asked)).unwrap();
                assert_eq!(renamed.master.details.title, "Another", "{name}");
            }
            read_back += 1;
        }
    }
    println!("{read_back} events came back");
    assert!(
        read_back > 1_000,
        "only {read_back} events of the corpus came back"
    );
}
