//! Several processes: one that was killed, one that watches, one that serves, and PostgreSQL under all of them.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::device::Device;
use crate::person::{Person, Running};
use crate::servers::{Kind, Server};

/// How often something is looked for before it counts as missing: in sum far longer than it takes.
const TRIES: usize = 150;
const STEP: Duration = Duration::from_millis(200);

/// So many that a first sync of them takes seconds, and can be met under way.
const EVENTS: usize = 1_500;

/// Waits for something that comes about by itself.
#[track_caller]
pub(crate) fn eventually(what: &str, mut there: impl FnMut() -> bool) {
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
fn a_watching_process_shows_in_a_terminal_that_runs_begin_and_end() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    Device::new(&server, server.calendar_path).put("a", "Apples");
    let person = Person::new();
    person.links(&server, &[]);
    let Some(mut watching) = person.starts_in_terminal(&["sync", "--watch"]) else {
        return;
    };
    watching.hears(&["  acc: Work: begins", "  acc: Work: 1 created here"]);
    watching.kill();
}

#[test]
fn a_watching_process_goes_on_when_the_keys_are_rotated() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    person.links(&server, &[]);
    let watching = person.starts(&["sync", "--watch"]);
    let run = || person.asks(&["runs"])["runs"][0]["state"] == "done";
    eventually("the first run", run);
    person.says(&["keys", "rotate"]).well();
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
    assert!(!said.out.contains("failed"), "{}", said.out);
}

#[test]
fn a_link_that_is_deleted_meanwhile_does_not_stop_the_others() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    server.add_calendar("Large", EVENTS);
    server.add_calendar("Doomed", 1);
    server.add_calendar("Small", 1);
    let person = Person::new();
    person.connects(&server).well();
    for name in ["Large", "Doomed", "Small"] {
        person.links_one(name, &[]);
    }
    person
        .says(&["pause", "acc"])
        .failed("\"acc\" means several links: ");
    let running = person.starts(&["sync"]);
    eventually("work on the large one", || {
        holder(&person, "Large").is_some()
    });
    person.says(&["unlink", "Doomed"]).well();
    let said = running
        .waits()
        .failed("acc: Doomed: the link was deleted meanwhile");
    assert!(said.out.contains("1 created here"), "{}", said.out);
    let listed = person.asks(&["events", "list", "--calendar", "Small"]);
    assert_eq!(listed["events"][0]["title"], "Small 0", "{listed}");
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
fn two_processes_share_the_links_in_one_postgres_and_one_takes_over_from_the_other() {
    /// How long a busy machine may keep the one that takes over from doing so.
    const DELAY: SignedDuration = SignedDuration::from_secs(5);
    let (Some(database), Some(server)) = (postgres_database(), Server::start(Kind::Radicale))
    else {
        return;
    };
    let person = Person::on(&database);
    person.connects(&server).well();
    server.add_calendar("Large", EVENTS);
    let small = ["One", "Two", "Three", "Four", "Five"];
    for name in small {
        server.add_calendar(name, 1);
    }
    person.connects(&server).well();
    person.links_one("Large", &[]);
    for name in small {
        person.links_one(name, &[]);
    }
    let (lease, poll) = (SignedDuration::from_secs(5), SignedDuration::from_secs(2));
    let variables = [
        ("KALENDS_SYNC_LEASE", "5s"),
        ("KALENDS_SYNC_POLL_EVERY", "2s"),
        ("KALENDS_SYNC_WORKERS", "2"),
    ];
    let one = person.starts_with(&["sync", "--watch"], &variables);
    let other = person.starts_with(&["sync", "--watch"], &variables);

    let mut found = None;
    eventually("work on the large one", || {
        found = holder(&person, "Large");
        found.is_some()
    });
    let name = found.unwrap();
    let is_of = |running: &Running| name.split(' ').nth(1) == Some(&running.process());
    let (killed, survivor) = if is_of(&one) {
        (one, other)
    } else {
        (other, one)
    };
    assert!(is_of(&killed), "{name}");
    killed.kill();
    let end = now();
    let all = || {
        listed(&person, "Large")
            .iter()
            .filter(|run| run.state == "done")
            .count()
            > 1
    };
    eventually("what the killed one had begun", all);
    survivor.end().well();

    let mut holders = HashSet::new();
    for calendar in small.into_iter().chain(["Large"]) {
        let runs = listed(&person, calendar);
        for pair in runs.windows(2) {
            let [before, after] = pair else { continue };
            // The one that was cut off was the killed one's; the next run has closed its record.
            let finished = before.finished_at.filter(|_| before.state == "done");
            let ended = finished.unwrap_or(end);
            assert!(
                ended <= after.started_at,
                "{calendar}: {before:?} overlaps {after:?}"
            );
            let gap = after.started_at.duration_since(ended);
            assert!(
                gap <= lease + poll + DELAY,
                "{calendar}: {gap} before {after:?}"
            );
        }
        holders.extend(runs.into_iter().map(|run| run.holder));
    }
    assert_eq!(holders.len(), 2, "{holders:?}");
    let cut_short = listed(&person, "Large");
    assert!(
        cut_short
            .iter()
            .any(|run| run.state == "failed" && run.holder == name),
        "{cut_short:?}"
    );
    assert_eq!(person.titles().len(), EVENTS + small.len());
}

/// A run as `kalends runs` tells it.
#[derive(Debug)]
struct Told {
    holder: String,
    state: String,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
}

/// The runs of the link with this remote calendar, first ones first.
fn listed(person: &Person, remote: &str) -> Vec<Told> {
    let all = person.asks(&["runs", "--link", remote, "--limit", "1000"]);
    let mut runs: Vec<Told> = all["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| Told {
            holder: run["holder"].as_str().unwrap().to_owned(),
            state: run["state"].as_str().unwrap().to_owned(),
            started_at: run["started_at"].as_str().unwrap().parse().unwrap(),
            finished_at: run["finished_at"].as_str().map(|at| at.parse().unwrap()),
        })
        .collect();
    runs.sort_by_key(|run| run.started_at);
    runs
}

/// Who works on the link with this remote calendar.
fn holder(person: &Person, remote: &str) -> Option<String> {
    let all = person.asks(&["links"]);
    let links = all["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["remote_calendar"] == remote);
    link.unwrap()["working"].as_str().map(str::to_owned)
}

#[expect(
    clippy::disallowed_methods,
    reason = "processes of their own are watched, which have the machine's clock"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
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

/// Somebody on SQLite, and somebody on PostgreSQL where there is one.
pub(crate) fn everywhere() -> Vec<Person> {
    let there = postgres_database().map(|database| Person::on(&database));
    [Person::new()].into_iter().chain(there).collect()
}

/// A fresh database at the server that `KALENDS_TEST_POSTGRES` names; none where it names none.
pub(crate) fn postgres_database() -> Option<String> {
    let Ok(address) = std::env::var("KALENDS_TEST_POSTGRES") else {
        let is_required = std::env::var("KALENDS_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
        assert!(!is_required, "KALENDS_TEST_POSTGRES is not set");
        println!("skipped: KALENDS_TEST_POSTGRES is not set");
        return None;
    };
    let name = format!("cli_{}", uuid::Uuid::from_bytes(random()).simple());
    asks_postgres(&address, &format!("CREATE DATABASE {name}"));
    let (server, _) = address.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

/// Says something to a PostgreSQL server in its own words.
pub(crate) fn asks_postgres(address: &str, words: &str) {
    let mut command = Command::new(psql());
    command.args([address, "-v", "ON_ERROR_STOP=1"]);
    // Each by itself: some may not stand in a transaction with others.
    for one in words.split("; ") {
        command.args(["-qc", one]);
    }
    let said = command.output().unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
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
