//! History: every version is there, and can be brought back.

use crate::person::Person;

#[test]
fn an_event_is_restored_to_an_earlier_version_and_from_its_deletion() {
    let person = Person::new();
    person
        .says(&[
            "events",
            "add",
            "--title",
            "Dentist",
            "--start",
            "2026-12-01T09:00",
            "--duration",
            "45m",
        ])
        .well();
    let id = person.id("Dentist");
    person
        .says(&[
            "events",
            "edit",
            &id,
            "--title",
            "Doctor",
            "--start",
            "2026-12-01T10:00",
        ])
        .well();
    person.says(&["events", "rm", &id]).well();
    assert!(person.titles().is_empty());

    let history = person.asks(&["events", "history", &id]);
    let versions = history["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 3);
    assert_eq!(versions[1]["changed"], serde_json::json!(["time", "title"]));
    assert_eq!(versions[2]["deleted"], true);
    assert_eq!(versions[2]["actor"]["name"], "cli");

    person
        .says(&["events", "restore", &id, "--version", "1"])
        .well();
    let listed = person.asks(&["events", "list"]);
    assert_eq!(listed["events"][0]["title"], "Dentist");
    assert_eq!(listed["events"][0]["start"], "2026-12-01T09:00:00");
    assert_eq!(listed["events"][0]["version"], 4);
    person
        .says(&["events", "restore", &id, "--version", "9"])
        .failed("it has the versions 1 to 4");
}

#[test]
fn an_id_may_be_shortened_to_its_end() {
    let person = Person::new();
    for title in ["One", "Two", "Three"] {
        person
            .says(&["events", "add", "--title", title, "--start", "2026-12-01"])
            .well();
    }
    let id = person.id("Two");
    let shown = person.says(&["events", "show", &id[id.len() - 8..]]).well();
    assert!(shown.out.starts_with("title       Two\n"), "{}", shown.out);
    person
        .says(&["events", "show", "zzzzzzzz"])
        .failed("there is no event");
    // Made within one moment, their ids begin alike.
    person
        .says(&["events", "show", &id[..4]])
        .failed("means several events");
}
