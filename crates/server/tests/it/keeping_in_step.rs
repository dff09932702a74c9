//! Keeping in step: edits on both sides, on servers that others wrote.

use crate::device::Device;
use crate::person::Person;
use crate::servers::{Kind, Server};

#[test]
fn both_sides_edit_and_both_sides_have_it_with_radicale() {
    both_sides_edit(Kind::Radicale);
}

#[test]
fn both_sides_edit_and_both_sides_have_it_with_xandikos() {
    both_sides_edit(Kind::Xandikos);
}

fn both_sides_edit(kind: Kind) {
    let Some(server) = Server::start(kind) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    for (uid, title) in [("a", "Apples"), ("b", "Bread"), ("c", "Cheese")] {
        device.put(uid, title);
    }
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    assert_eq!(person.titles(), ["Apples", "Bread", "Cheese"]);

    device.edit(
        "a",
        "SUMMARY:Apples",
        "SUMMARY:Apples and pears\r\nLOCATION:Market",
    );
    device.delete("b");
    person
        .says(&[
            "events",
            "edit",
            &person.id("Cheese"),
            "--title",
            "Blue cheese",
        ])
        .well();
    person
        .says(&[
            "events",
            "edit",
            &person.id("Apples"),
            "--description",
            "Ripe ones",
        ])
        .well();
    person
        .says(&[
            "events",
            "add",
            "--title",
            "Dates",
            "--start",
            "2026-12-05T11:00",
            "--duration",
            "1h",
        ])
        .well();
    person.says(&["sync"]).well();

    let expected = ["Apples and pears", "Blue cheese", "Dates"];
    assert_eq!(person.titles(), expected);
    assert_eq!(device.titles(), expected);
    let apples = device.get("a").unwrap();
    assert!(apples.contains("DESCRIPTION:Ripe ones"), "{apples}");
    assert!(apples.contains("LOCATION:Market"), "{apples}");

    let again = person.asks(&["sync"]);
    assert_eq!(again["links"][0]["pushed"], 0, "{again}");
    assert_eq!(again["links"][0]["updated"], 0, "{again}");
    assert!(
        again["links"][0]["requests"].as_u64().unwrap() <= 3,
        "{again}"
    );
}

#[test]
fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    device.put("a", "Apples");
    person.links(&server, &[]);
    person
        .says(&[
            "events",
            "add",
            "--title",
            "Dates",
            "--start",
            "2026-12-05T11:00",
            "--duration",
            "1h",
        ])
        .well();
    let said = person.says(&["sync", "--dry-run"]).well();
    insta::assert_snapshot!(said.out, @r"
    acc: Work and Ours
    WHERE  ACTION  EVENT   WHEN                      FIELDS  WHY
    here   create  Apples  Tue 2026-12-01 09:00 UTC          new there
    acc    create  Dates   Sat 2026-12-05 11:00              new here

    Nothing was changed.
    ");
    assert_eq!(person.titles(), ["Dates"]);
    assert_eq!(device.titles(), ["Apples"]);
    assert_eq!(person.asks(&["runs"])["runs"].as_array().unwrap().len(), 0);
    person.says(&["sync"]).well();
    assert_eq!(device.titles(), ["Apples", "Dates"]);
}

#[test]
fn what_one_account_has_reaches_the_other_in_one_command() {
    let (Some(one), Some(other)) = (Server::start(Kind::Radicale), Server::start(Kind::Xandikos))
    else {
        return;
    };
    let person = Person::new();
    Device::new(&one, one.calendar_path).put("a", "Apples");
    Device::new(&other, other.calendar_path).put("b", "Bread");
    person.links(&one, &[]);
    let file = person.write("other", other.password);
    let mut arguments = vec!["connect", "caldav", "--name", "other", "--url", &other.base];
    arguments.extend([
        "--user",
        other.user,
        "--password-file",
        file.to_str().unwrap(),
    ]);
    person.says(&arguments).well();
    person
        .says(&[
            "link",
            "--connection",
            "other",
            "--remote",
            other.calendar_name,
            "--calendar",
            "Ours",
        ])
        .well();
    person.says(&["sync"]).well();
    assert_eq!(
        Device::new(&one, one.calendar_path).titles(),
        ["Apples", "Bread"]
    );
    assert_eq!(
        Device::new(&other, other.calendar_path).titles(),
        ["Apples", "Bread"]
    );
}

#[test]
fn a_database_thrown_away_and_set_up_again_doubles_nothing() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let first = Person::new();
    device.put("a", "Apples");
    first.links(&server, &[]);
    first
        .says(&[
            "events",
            "add",
            "--title",
            "Dates",
            "--start",
            "2026-12-05T11:00",
            "--duration",
            "1h",
        ])
        .well();
    first.says(&["sync"]).well();
    assert_eq!(device.titles(), ["Apples", "Dates"]);
    drop(first);

    let second = Person::new();
    second.links(&server, &[]);
    second.says(&["sync"]).well();
    assert_eq!(second.titles(), ["Apples", "Dates"]);
    assert_eq!(device.titles(), ["Apples", "Dates"]);

    second.says(&["unlink", "acc"]).well();
    second.links(&server, &[]);
    second.says(&["sync"]).well();
    assert_eq!(second.titles(), ["Apples", "Dates"]);
    assert_eq!(device.titles(), ["Apples", "Dates"]);
}

#[test]
fn a_pull_link_writes_nothing_there() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    device.put("a", "Apples");
    person.links(&server, &["--direction", "pull"]);
    person.says(&["sync"]).well();
    person
        .says(&["events", "edit", &person.id("Apples"), "--title", "Pears"])
        .well();
    person.says(&["sync"]).well();
    assert_eq!(device.titles(), ["Apples"]);
}

#[test]
fn one_occurrence_is_moved_and_another_taken_away() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    person.links(&server, &[]);
    let mut arguments = vec![
        "events",
        "add",
        "--title",
        "Standup",
        "--start",
        "2026-12-01T09:30",
    ];
    arguments.extend(["--duration", "15m", "--rrule", "FREQ=DAILY;COUNT=5"]);
    person.says(&arguments).well();
    let id = person.id("Standup");
    let mut arguments = vec!["events", "edit", &id, "--occurrence", "2026-12-02T09:30"];
    arguments.extend(["--start", "2026-12-02T11:00", "--title", "Late standup"]);
    person.says(&arguments).well();
    person
        .says(&["events", "rm", &id, "--occurrence", "2026-12-03"])
        .well();
    person
        .says(&["events", "rm", &id, "--occurrence", "2026-12-20"])
        .failed("nothing of this series starts at");
    let expanded = person.says(&[
        "events",
        "list",
        "--expand",
        "--from",
        "2026-12-01",
        "--to",
        "2026-12-31",
    ]);
    let shown: Vec<String> = expanded
        .well()
        .out
        .lines()
        .skip(1)
        .map(|line| line.rsplit_once("  ").unwrap().0.trim().to_owned())
        .collect();
    assert_eq!(
        shown,
        [
            "Tue 2026-12-01 09:30  15 min  Standup       Ours",
            "Wed 2026-12-02 11:00  15 min  Late standup  Ours",
            "Fri 2026-12-04 09:30  15 min  Standup       Ours",
            "Sat 2026-12-05 09:30  15 min  Standup       Ours",
        ]
    );
    person.says(&["sync"]).well();
    let device = Device::new(&server, server.calendar_path);
    let there = device.everything().concat();
    assert!(there.contains("EXDATE"), "{there}");
    assert!(there.contains("Late standup"), "{there}");
}
