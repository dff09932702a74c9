//! Conflicts: both sides changed the same field.

use crate::device::Device;
use crate::person::Person;
use crate::servers::{Kind, Server};

fn in_conflict(server: &Server, policy: &str) -> Person {
    let device = Device::new(server, server.calendar_path);
    let person = Person::new();
    device.put("a", "Apples");
    person.links(server, &["--conflicts", policy]);
    person.says(&["sync"]).well();
    device.edit("a", "SUMMARY:Apples", "SUMMARY:Pears");
    person
        .says(&["events", "edit", &person.id("Apples"), "--title", "Plums"])
        .well();
    person.says(&["sync"]).well();
    person
}

/// Both sides say something else, and somebody is to decide; with the conflict's id.
pub(crate) fn undecided(server: &Server) -> (Person, String) {
    let person = in_conflict(server, "ask");
    let conflicts = person.asks(&["conflicts"]);
    let id = conflicts["conflicts"][0]["id"].as_str().unwrap().to_owned();
    (person, id)
}

#[test]
fn who_asks_keeps_both_sides_until_somebody_decides() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = in_conflict(&server, "ask");
    let device = Device::new(&server, server.calendar_path);
    assert_eq!(person.titles(), ["Plums"]);
    assert_eq!(device.titles(), ["Pears"]);
    let conflicts = person.asks(&["conflicts"]);
    let conflict = &conflicts["conflicts"][0];
    assert_eq!(conflict["field"], "title");
    assert_eq!(conflict["base"], "Apples");
    assert_eq!(conflict["local"], "Plums");
    assert_eq!(conflict["remote_value"], "Pears");
    let id = conflict["id"].as_str().unwrap();
    person
        .says(&[
            "conflicts",
            "resolve",
            id,
            "--choose",
            "custom",
            "--value",
            "\"Grapes\"",
        ])
        .well();
    person.says(&["sync"]).well();
    assert_eq!(person.titles(), ["Grapes"]);
    assert_eq!(device.titles(), ["Grapes"]);
    assert!(
        person.asks(&["conflicts"])["conflicts"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        person.asks(&["conflicts", "--all"])["conflicts"][0]["resolved_by"],
        "cli"
    );
}

#[test]
fn where_the_remote_side_wins_the_loser_is_on_record() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = in_conflict(&server, "remote");
    assert_eq!(person.titles(), ["Pears"]);
    assert!(
        person.asks(&["conflicts"])["conflicts"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let all = person.asks(&["conflicts", "--all"]);
    assert_eq!(all["conflicts"][0]["local"], "Plums");
    let id = all["conflicts"][0]["id"].as_str().unwrap();
    person
        .says(&["conflicts", "resolve", id, "--choose", "local"])
        .well();
    person.says(&["sync"]).well();
    assert_eq!(
        Device::new(&server, server.calendar_path).titles(),
        ["Plums"]
    );
}
