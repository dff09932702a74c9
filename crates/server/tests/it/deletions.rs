//! Deletions: emptiness is none, and many at once wait for a person's word.

use crate::device::Device;
use crate::person::Person;
use crate::servers::{Kind, Server};

const EVENTS: usize = 15;

fn filled(server: &Server) -> Person {
    filled_through(server, &[])
}

fn filled_through(server: &Server, link: &[&str]) -> Person {
    let device = Device::new(server, server.calendar_path);
    for number in 0..EVENTS {
        device.put(&format!("e{number}"), &format!("Event {number:02}"));
    }
    let person = Person::new();
    person.links(server, link);
    person.says(&["sync"]).well();
    assert_eq!(person.titles().len(), EVENTS);
    person
}

#[test]
fn a_mass_deletion_is_held_until_it_is_confirmed() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = filled(&server);
    let device = Device::new(&server, server.calendar_path);
    for number in 1..EVENTS {
        device.delete(&format!("e{number}"));
    }
    let said = person.says(&["sync"]).well();
    assert!(
        said.err.contains("kalends sync --confirm-deletions"),
        "{}",
        said.err
    );
    assert_eq!(person.titles().len(), EVENTS);
    assert_eq!(person.asks(&["links"])["links"][0]["held"], EVENTS - 1);
    assert_eq!(device.titles(), ["Event 00"]);
    person.says(&["sync", "--confirm-deletions"]).well();
    assert_eq!(person.titles(), ["Event 00"]);
}

#[test]
fn a_mass_deletion_that_is_refused_comes_back_there() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = filled(&server);
    let device = Device::new(&server, server.calendar_path);
    for number in 1..EVENTS {
        device.delete(&format!("e{number}"));
    }
    person.says(&["sync"]).well();
    person.says(&["sync", "--refuse-deletions"]).well();
    assert_eq!(person.titles().len(), EVENTS);
    assert_eq!(device.titles().len(), EVENTS);
}

#[test]
fn what_is_refused_on_a_link_that_only_reads_stays_here() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = filled_through(&server, &["--direction", "pull"]);
    let device = Device::new(&server, server.calendar_path);
    for number in 1..EVENTS {
        device.delete(&format!("e{number}"));
    }
    let said = person.says(&["sync"]).well();
    assert!(said.err.contains("(keep them here)"), "{}", said.err);
    person.says(&["sync", "--refuse-deletions"]).well();
    assert_eq!(person.titles().len(), EVENTS);
    assert_eq!(device.titles(), ["Event 00"]);
}

#[test]
fn an_emptied_calendar_deletes_nothing() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let device = Device::new(&server, server.calendar_path);
    let person = Person::new();
    device.put("a", "Apples");
    device.put("b", "Bread");
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    device.delete("a");
    device.delete("b");
    person.says(&["sync", "--full"]);
    assert_eq!(person.titles(), ["Apples", "Bread"]);
}

#[test]
fn a_server_that_is_gone_deletes_nothing_and_is_named() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = filled(&server);
    drop(server);
    person.says(&["sync"]).failed("cannot be reached");
    assert_eq!(person.titles().len(), EVENTS);
}
