//! Several processes: one that was killed, one that watches, one that serves, and PostgreSQL under all of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::device::Device;
use crate::person::Person;
use crate::servers::{Kind, Server};

/// How often something is looked for before it counts as missing: in sum far longer than it takes.
const TRIES: usize = 150;
const STEP: Duration = Duration::from_millis(200);

#[track_caller]
fn eventually(what: &str, mut there: impl FnMut() -> bool) {
    for _ in 0..TRIES {
        if there() {
            return;
        }
        sleep(STEP);
    }
    panic!("{what} does not come about");
}

#[test]
fn a_killed_sync_does_not_keep_the_next_waiting() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    for number in 0..30 {
        device.put(&format!("e{number}"), &format!("Event {number:02}"));
    }
    person.links(&server, &[]);
    for number in 0..5 {
        let title = format!("Ours {number}");
        person
            .says(&["events", "add", "--title", &title, "--start", "2026-12-01"])
            .well();
    }
    for milliseconds in [30, 60, 120, 200, 300] {
        let running = person.starts(&["sync"]);
        sleep(Duration::from_millis(milliseconds));
        running.kill();
    }
    person.says(&["sync"]).well();
    assert_eq!(person.titles().len(), 35);
    assert_eq!(device.titles(), person.titles());
}

#[test]
fn a_watching_process_brings_edits_over_and_ends_when_told() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    person.links(&server, &[]);
    let watching = person.starts(&["sync", "--watch"]);
    person
        .says(&[
            "events",
            "add",
            "--title",
            "Apples",
            "--start",
            "2026-12-01",
        ])
        .well();
    eventually("the event", || device.titles() == ["Apples"]);
    let said = watching.end().well();
    assert!(
        said.out.contains("acc: Work: 1 written there"),
        "{}",
        said.out
    );
}

#[test]
fn a_serving_process_tells_about_its_health() {
    let person = Person::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let serving = person.starts(&["serve", "--listen", &address]);
    eventually("the server", || TcpStream::connect(&address).is_ok());
    for (path, status) in [
        ("/healthz", "200 OK"),
        ("/readyz", "200 OK"),
        ("/", "404 Not Found"),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
    }
    serving.end().well();
}

#[test]
fn everything_works_on_postgres_too() {
    let (Some(database), Some(server)) = (postgres_database(), Server::start(Kind::Radicale))
    else {
        return;
    };
    let person = Person::on(&database);
    let device = Device::new(&server, server.calendar_path);
    device.put("a", "Apples");
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    person
        .says(&["events", "edit", &person.id("Apples"), "--title", "Pears"])
        .well();
    person.says(&["sync"]).well();
    assert_eq!(device.titles(), ["Pears"]);
    let status = person.asks(&["migrate", "status"]);
    let migrations = status["migrations"].as_array().unwrap();
    assert!(!migrations.is_empty());
    assert!(
        migrations
            .iter()
            .all(|migration| migration["applied"] == true)
    );
}

#[test]
fn two_processes_share_one_postgres_and_one_takes_over_from_the_other() {
    let (Some(database), Some(server)) = (postgres_database(), Server::start(Kind::Radicale))
    else {
        return;
    };
    let person = Person::on(&database);
    let device = Device::new(&server, server.calendar_path);
    person.links(&server, &[]);
    let one = person.starts(&["sync", "--watch"]);
    let other = person.starts(&["sync", "--watch"]);
    person
        .says(&[
            "events",
            "add",
            "--title",
            "Apples",
            "--start",
            "2026-12-01",
        ])
        .well();
    eventually("the first event", || device.titles() == ["Apples"]);
    one.kill();
    person
        .says(&["events", "add", "--title", "Bread", "--start", "2026-12-01"])
        .well();
    eventually("the second event", || {
        device.titles() == ["Apples", "Bread"]
    });
    other.end().well();
}

#[test]
fn postgres_needs_a_master_key() {
    let Some(database) = postgres_database() else {
        return;
    };
    let person = Person::on(&database);
    let mut command = person.command(&["connect", "ics", "--url", "https://example.com/a.ics"]);
    let output = command.env_remove("KALENDS_MASTER_KEY").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("KALENDS_MASTER_KEY_FILE"), "{err}");
}

/// A fresh database at the server that `KALENDS_TEST_POSTGRES` names; none where it names none.
fn postgres_database() -> Option<String> {
    let Ok(address) = std::env::var("KALENDS_TEST_POSTGRES") else {
        let is_required = std::env::var("KALENDS_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
        assert!(!is_required, "KALENDS_TEST_POSTGRES is not set");
        println!("skipped: KALENDS_TEST_POSTGRES is not set");
        return None;
    };
    let name = format!("cli_{}", uuid::Uuid::from_bytes(random()).simple());
    let made = Command::new(psql())
        .args([&address, "-qc", &format!("CREATE DATABASE {name}")])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let (server, _) = address.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// PostgreSQL's own client, which Debian keeps beside its server.
fn psql() -> PathBuf {
    let named = std::env::var_os("KALENDS_PG_BIN").map(PathBuf::from);
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"));
    named
        .into_iter()
        .chain(installed)
        .map(|folder| folder.join("psql"))
        .find(|program| program.exists())
        .unwrap_or_else(|| PathBuf::from("psql"))
}
