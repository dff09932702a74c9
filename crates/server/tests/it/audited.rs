//! What is done at a terminal is in the audit log, and the log is checked there.

use std::process::Command;

use serde_json::Value;

use crate::person::Person;
use crate::servers::{Kind, Server, installed};

/// What the log says was done, the first first.
#[track_caller]
fn done(person: &Person) -> Vec<String> {
    let log = person.asks(&["audit", "list"]);
    let all = log["entries"].as_array().unwrap();
    let actors = |one: &&Value| one["actor"] == "cli" || one["actor"] == "sync";
    assert!(all.iter().all(|entry| actors(&entry)));
    let entries = all.iter().filter(|entry| entry["actor"] == "cli");
    let actions = entries.rev().map(|entry| entry["action"].as_str());
    actions.map(|action| action.unwrap().to_owned()).collect()
}

fn edits(person: &Person) {
    let new = ["events", "add", "--title", "Dentist"];
    person
        .says(&[&new[..], &["--start", "2026-12-01T09:00"]].concat())
        .well();
    let id = &person.id("Dentist");
    person
        .says(&["events", "edit", id, "--title", "Doctor"])
        .well();
    // Nothing is changed, and nothing told.
    person
        .says(&["events", "edit", id, "--title", "Doctor"])
        .well();
    person.says(&["events", "rm", id]).well();
    person
        .says(&["events", "restore", id, "--version", "1"])
        .well();
}

#[test]
fn every_edit_and_every_import_is_told() {
    let person = Person::new();
    edits(&person);
    let told = [
        "tenant.create",
        "calendar.create",
        "event.create",
        "event.update",
        "event.delete",
        "event.restore",
    ];
    assert_eq!(done(&person), told);
    let log = person.asks(&["audit", "list"]);
    let object = log["entries"][0]["object"].as_str().unwrap();
    assert_eq!(object, format!("event {}", person.id("Dentist")));

    let file = person.folder().join("all.ics");
    let file = file.to_str().unwrap();
    person.says(&["export", "-o", file]).well();
    let other = Person::new();
    for _ in 0..2 {
        other.says(&["import", "--calendar", "Ours", file]).well();
    }
    // The second time it changes nothing.
    let told = ["tenant.create", "calendar.create", "calendar.import"];
    assert_eq!(done(&other), told);
    let log = other.asks(&["audit", "list"]);
    assert_eq!(log["entries"][0]["detail"]["created"], 1);
}

#[test]
fn what_is_done_for_the_platform_makes_no_tenant_and_is_told_in_its_log() {
    let person = Person::new();
    let add = [
        "user",
        "add",
        "root@example.com",
        "--admin",
        "--no-password",
    ];
    person.says(&add).well();
    let token = ["token", "create", "--user", "root@example.com"];
    person
        .says(&[&token[..], &["--name", "provisioning"]].concat())
        .well();
    person.says(&["feature", "add", "can_fly", "Flying"]).well();
    let tenants = person.asks(&["tenant", "list"]);
    assert_eq!(tenants["tenants"], serde_json::json!([]));
    let found = person.asks(&["audit", "verify"]);
    assert_eq!(found["chains"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["chains"][0]["entries"], 3, "{found}");
}

#[test]
fn every_sync_and_every_decision_is_told() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let (person, conflict) = crate::conflicts::undecided(&server);
    person.says(&["sync", "--dry-run"]).well();
    let count = |action: &str| done(&person).iter().filter(|one| *one == action).count();
    let before = (count("link.sync"), count("conflict.resolve"));
    person
        .says(&["conflicts", "resolve", &conflict, "--choose", "local"])
        .well();
    person.says(&["sync"]).well();
    assert_eq!((before.0, before.1), (2, 0));
    assert_eq!((count("link.sync"), count("conflict.resolve")), (3, 1));
    let log = person.asks(&["audit", "list", "--action", "conflict.resolve"]);
    let detail = &log["entries"][0]["detail"];
    assert_eq!(
        (detail["choose"].as_str(), detail["field"].as_str()),
        (Some("local"), Some("title"))
    );
    // What that led to is told too: the write, and the run that it was part of, which says what woke it.
    let one =
        |action: &str| person.asks(&["audit", "list", "--action", action])["entries"][0].clone();
    let (write, run) = (one("remote.update"), one("sync.run"));
    assert_eq!(
        (&write["cause"], &write["actor"]),
        (&run["object"], &"sync".into())
    );
    assert!(
        write["object"].as_str().unwrap().starts_with("event "),
        "{write}"
    );
    assert_eq!(write["detail"]["link"], run["detail"]["link"]);
    assert_eq!(
        (
            &run["detail"]["counts"]["pushed"],
            &run["detail"]["woken_by"]
        ),
        (&1.into(), &"edit".into())
    );
    assert!(!write.to_string().contains("Dentist"), "no titles");
}

#[test]
fn what_is_from_before_the_chain_is_counted() {
    let person = Person::new();
    edits(&person);
    for to in [&["down", "--to", "5", "--yes"][..], &["up"]] {
        person.says(&[&["migrate"], to].concat()).well();
    }
    let found = person.asks(&["audit", "verify"]);
    let chain = &found["chains"][1];
    assert_eq!(
        (&chain["entries"], &chain["unchained"], &chain["problem"]),
        (&0.into(), &6.into(), &serde_json::Value::Null)
    );
    let shown = person.says(&["audit", "verify"]).well();
    assert!(
        shown.out.contains("6 more are from before it"),
        "{}",
        shown.out
    );
}

#[test]
fn an_entry_that_nothing_vouches_for_is_a_failure() {
    let Some(python) = installed("python") else {
        return;
    };
    let person = Person::new();
    edits(&person);
    let verified = person.says(&["audit", "verify", "--json"]).well();
    assert_eq!(verified.json()["chains"][1]["entries"], 6);
    let forge = "import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute(\"INSERT INTO audit (tenant_id, id, at, actor, action, object, detail) \"
           \"SELECT tenant_id, tenant_id, at, 'eve', 'link.delete', 'link 1', '{}' FROM audit WHERE actor = 'cli' AND seq = 1\")
db.commit()";
    let forged = Command::new(python)
        .args(["-c", forge])
        .arg(person.folder().join("kalends.db"))
        .status();
    assert!(forged.unwrap().success());
    let said = person.says(&["audit", "verify", "--json"]);
    assert_eq!(said.code, 1, "{}", said.out);
    let chain = &said.json()["chains"][1];
    assert_eq!(
        (&chain["outside"], &chain["problem"]),
        (&1.into(), &"outside".into())
    );
    let said = person.says(&["audit", "verify"]);
    assert!(
        said.out.contains("nothing vouches for them"),
        "{}",
        said.out
    );
    let doctor = person.says(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.out);
    assert!(
        doctor.out.contains("nothing vouches for them"),
        "{}",
        doctor.out
    );
}
