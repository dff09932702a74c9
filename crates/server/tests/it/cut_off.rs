//! Runs that are cut off: by the end of their node, by a pause, by a feature that is lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use crate::nodes::{eventually, now};
use crate::person::Person;
use crate::servers::{Kind, Server};
use crate::service::{Wire, as_};
use crate::serving::{Serving, ann};

/// How soon a process that was told to end has ended: what it does may need a few seconds, a lease a minute.
const ENDS_WITHIN: SignedDuration = SignedDuration::from_secs(8);

/// A way to a server that can be blocked: what comes then is taken, and not answered.
struct Gateway {
    address: String,
    blocked: Arc<AtomicBool>,
}

impl Gateway {
    fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let target = server
            .base
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let blocked = Arc::new(AtomicBool::new(false));
        let is_blocked = Arc::clone(&blocked);
        thread::spawn(move || {
            // Those that wait are kept open.
            let mut waiting = Vec::new();
            for stream in listener.incoming().flatten() {
                if is_blocked.load(Ordering::SeqCst) {
                    waiting.push(stream);
                    continue;
                }
                let there = TcpStream::connect(&target).unwrap();
                let (mut from, mut to) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
                let blocked = Arc::clone(&is_blocked);
                thread::spawn(move || pass(&mut from, &mut to, &blocked));
                let (mut from, mut to) = (there, stream);
                let blocked = Arc::clone(&is_blocked);
                thread::spawn(move || pass(&mut from, &mut to, &blocked));
            }
        });
        Self { address, blocked }
    }

    fn block(&self, on: bool) {
        self.blocked.store(on, Ordering::SeqCst);
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, blocked: &AtomicBool) {
    let mut part = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut part) {
        while blocked.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(&part[..length]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// An account behind a gateway, linked and synced once.
fn linked(
    person: &Person,
    server: &Server,
    gateway: &Gateway,
    token: &str,
    serving: &Wire,
) -> String {
    let account = json!({ "url": format!("http://{}/", gateway.address), "user": server.user, "password": server.password });
    let connected = serving
        .sends(token, "POST", "/api/calendar/connections/caldav/", account)
        .is(201);
    let synced = json!({ "credential_id": connected["id"] });
    let synced = serving
        .sends(token, "POST", "/api/calendar/sync/", synced)
        .is(200);
    assert_eq!(synced["status"], "succeeded", "{synced}");
    // The worker that may have woken too is done.
    eventually("rest", || {
        person.asks(&["links"])["links"][0]["working"].is_null()
    });
    synced["link_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_sync_that_outlasts_its_answer_gives_its_link_back_when_the_node_stops() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let gateway = Gateway::to(&server);
    let person = Person::new();
    let token = ann(&person);
    let serving = Serving::start(&person, &[("KALENDS_SYNC_POLL_EVERY", "1h")], &[]);
    let link = linked(&person, &server, &gateway, &token, &serving);
    gateway.block(true);
    let path = format!("/api/calendar/links/{link}/sync/");
    let going = serving.asks("POST", &path, &as_(&token)).is(202);
    assert_eq!(going["status"], "running");
    assert!(person.asks(&["links"])["links"][0]["working"].is_string());
    let began = now();
    serving.ends().well();
    let took = now().duration_since(began);
    assert!(took < ENDS_WITHIN, "{took}");
    let links = person.asks(&["links"]);
    assert!(links["links"][0]["working"].is_null(), "{links}");
    let run = person.asks(&["runs"])["runs"][0].clone();
    assert_eq!(run["id"], going["sync_id"]);
    assert_eq!(run["state"], "failed");
    assert_eq!(run["error"], "stopped before it was done");
    gateway.block(false);
    person.says(&["sync"]).well();
}

#[test]
fn a_sync_that_is_asked_for_while_a_dead_process_has_the_link_is_run_when_its_lease_is_over() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let gateway = Gateway::to(&server);
    let person = Person::new();
    let token = ann(&person);
    let settings = [
        ("KALENDS_SYNC_POLL_EVERY", "1h"),
        ("KALENDS_SYNC_LEASE", "5s"),
    ];
    let serving = Serving::start(&person, &settings, &[]);
    let link = linked(&person, &server, &gateway, &token, &serving);
    gateway.block(true);
    let other = person.starts_with(&["sync"], &settings);
    eventually("the run of the other", || {
        person.asks(&["links"])["links"][0]["working"].is_string()
    });
    other.kill();
    gateway.block(false);
    let dead = person.asks(&["runs"])["runs"][0]["id"].clone();
    let path = format!("/api/calendar/links/{link}/sync/");
    let synced = serving.asks("POST", &path, &as_(&token)).is(200);
    assert_eq!(synced["status"], "succeeded");
    assert_ne!(synced["sync_id"], dead);
}

#[test]
fn a_request_under_way_is_answered_and_streams_end_when_the_node_stops() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let gateway = Gateway::to(&server);
    let person = Person::new();
    let token = ann(&person);
    let serving = Serving::start(&person, &[("KALENDS_SYNC_POLL_EVERY", "1h")], &[]);
    let link = linked(&person, &server, &gateway, &token, &serving);
    let mut stream = serving.opens_stream(&token);
    gateway.block(true);
    let wire = serving.wire.clone();
    let asked = thread::spawn({
        let token = token.clone();
        move || {
            wire.asks(
                "POST",
                &format!("/api/calendar/links/{link}/sync/"),
                &as_(&token),
            )
        }
    });
    eventually("the run", || {
        person.asks(&["links"])["links"][0]["working"].is_string()
    });
    let wire = serving.wire.clone();
    serving.ends().well();
    // The run was cut off, which is told.
    asked.join().unwrap().refused(502, "provider_error");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(TcpStream::connect(&wire.host).is_err(), "it listens still");
}

#[test]
fn a_pause_and_a_lost_feature_end_a_run_that_is_under_way() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let gateway = Gateway::to(&server);
    let person = Person::new();
    let token = ann(&person);
    let serving = Serving::start(
        &person,
        &[
            ("KALENDS_SYNC_POLL_EVERY", "1h"),
            ("KALENDS_SYNC_LEASE", "5s"),
        ],
        &[],
    );
    let link = linked(&person, &server, &gateway, &token, &serving);
    let path = format!("/api/calendar/links/{link}/sync/");
    let state = || person.asks(&["runs"])["runs"][0]["state"].clone();
    let begin = || {
        gateway.block(true);
        let (wire, token, path) = (serving.wire.clone(), token.clone(), path.clone());
        let asked = thread::spawn(move || wire.asks("POST", &path, &as_(&token)));
        eventually("the run", || state() == "running");
        asked
    };
    let asked = begin();
    let link_path = format!("/api/calendar/links/{link}/");
    serving
        .sends(&token, "PATCH", &link_path, json!({ "state": "paused" }))
        .is(200);
    assert_eq!(state(), "failed");
    gateway.block(false);
    asked.join().unwrap().refused(409, "link_paused");
    serving
        .sends(&token, "PATCH", &link_path, json!({ "state": "active" }))
        .is(200);
    eventually("the next run", || state() == "done");
    eventually("rest", || {
        person.asks(&["links"])["links"][0]["working"].is_null()
    });

    let asked = begin();
    person
        .says(&[
            "tenant",
            "set",
            "default",
            "--feature",
            "can_use_calendar_sync=off",
        ])
        .well();
    serving
        .get(&token, "/api/calendar/links/")
        .refused(403, "feature_not_available");
    eventually("the end of the run", || state() == "failed");
    gateway.block(false);
    // Who asked for it before is told what cut it off.
    let answer = asked.join().unwrap();
    answer.refused(403, "feature_not_available");
    serving.ends().well();
}
