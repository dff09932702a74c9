//! Connecting: what is looked at before anything is kept, and what is said where it does not work.

use crate::person::Person;
use crate::servers::{Kind, Server};

#[test]
fn an_account_is_connected_with_its_calendars() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    let said = person.connects(&server).well();
    insta::assert_snapshot!(said.out, @r"
    Connected acc
    CALENDAR  ACCESS      COLOR
    Work      read_write  #0082c9
    ");
    assert!(said.err.contains("made a master key"), "{}", said.err);
    let connections = person.asks(&["connections"]);
    let connection = &connections["connections"][0];
    assert_eq!(connection["name"], "acc");
    assert_eq!(connection["state"], "ok");
    assert_eq!(connection["calendars"][0]["name"], "Work");
}

#[test]
fn a_wrong_password_keeps_nothing() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    let file = person.write("password", "wrong\n");
    let mut arguments = vec!["connect", "caldav", "--url", &server.base, "--user", "ann"];
    arguments.extend(["--password-file", file.to_str().unwrap()]);
    let said = person
        .says(&arguments)
        .failed("does not accept this user name and password");
    assert_eq!(
        said.err.lines().last(),
        Some("kalends: 127.0.0.1 does not accept this user name and password")
    );
    assert_eq!(
        person.asks(&["connections"])["connections"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn without_terminal_file_or_variable_there_is_no_password() {
    let person = Person::new();
    let arguments = [
        "connect",
        "caldav",
        "--url",
        "https://dav.example.com",
        "--user",
        "ann",
    ];
    person
        .says(&arguments)
        .failed("give --password-file or --password-env");
}

#[test]
fn a_password_in_the_address_is_neither_kept_nor_shown() {
    let person = Person::new();
    let file = person.write("password", "sesame");
    for (url, words) in [
        (
            "https://ann:sesame@dav.example.com/",
            "does not belong in the address",
        ),
        (
            "ann:sesame@dav.example.com",
            "does not belong in the address",
        ),
        (
            "https://ann:open/sesame@dav.example.com/",
            "is neither an address",
        ),
    ] {
        let mut arguments = vec!["connect", "caldav", "--url", url, "--user", "ann"];
        arguments.extend(["--password-file", file.to_str().unwrap()]);
        let said = person.says(&arguments).failed(words);
        assert!(!said.err.contains("sesame"), "{}", said.err);
    }
    let connections = person.asks(&["connections"]);
    assert_eq!(connections["connections"].as_array().unwrap().len(), 0);
}

#[test]
fn the_guard_refuses_this_machine_and_says_what_opens_it() {
    let person = Person::guarded();
    let file = person.write("password", "secret");
    for url in [
        "http://127.0.0.1:1/",
        "http://127.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
    ] {
        let mut arguments = vec!["connect", "caldav", "--url", url, "--user", "ann"];
        arguments.extend(["--password-file", file.to_str().unwrap()]);
        person.says(&arguments).failed("KALENDS_ALLOW_ADDRESSES");
    }
}

#[test]
fn the_same_account_again_is_a_reconnect() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    let before = person.asks(&["links"]);
    let said = person.connects(&server).well();
    assert!(said.out.starts_with("Connected again: acc"), "{}", said.out);
    let after = person.asks(&["links"]);
    assert_eq!(before["links"][0]["id"], after["links"][0]["id"]);
    assert_eq!(
        person.asks(&["connections"])["connections"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn passwords_are_not_in_the_database_in_clear() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    let file = person.write("password", server.password);
    let mut arguments = vec!["connect", "caldav", "--url", &server.base, "--user", "ann"];
    arguments.extend(["--password-file", file.to_str().unwrap()]);
    person.says(&arguments).well();
    for name in ["kalends.db", "kalends.db-wal"] {
        let bytes = std::fs::read(person.folder().join(name)).unwrap_or_default();
        let found = bytes
            .windows(server.password.len())
            .any(|part| part == server.password.as_bytes());
        assert!(!found, "{name} holds the password");
    }
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let person = Person::new();
    let database = format!("sqlite:{}/new/folder/k.db", person.folder().display());
    person
        .says(&["--database", &database, "events", "list"])
        .well();
    for (name, mode) in [
        ("new", 0o700),
        ("new/folder", 0o700),
        ("new/folder/k.db", 0o600),
    ] {
        let of = std::fs::metadata(person.folder().join(name)).unwrap();
        assert_eq!(of.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn a_key_rotation_leaves_every_password_readable() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    person.links(&server, &[]);
    let key = || std::fs::read_to_string(person.folder().join("master.key")).unwrap();
    let before = key();
    let mut old = Vec::new();
    for _ in 0..2 {
        let said = person.asks(&["keys", "rotate"]);
        old.push(said["old_key_file"].as_str().unwrap().to_owned());
    }
    assert_ne!(before, key());
    assert_ne!(old[0], old[1]);
    assert_eq!(std::fs::read_to_string(&old[0]).unwrap(), before);
    for old in old {
        std::fs::remove_file(old).unwrap();
    }
    person.says(&["sync"]).well();
}

#[test]
fn a_lost_master_key_is_named_and_its_passwords_can_be_forgotten() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    let key = person.folder().join("master.key");
    std::fs::remove_file(&key).unwrap();
    for command in [&["sync"][..], &["keys", "rotate"]] {
        person
            .says(command)
            .failed("kalends --tenant default keys forget");
        assert!(!key.exists(), "{command:?} made a key");
    }
    person.says(&["keys", "forget"]).failed("--yes");
    person.says(&["keys", "forget", "--yes"]).well();
    assert_eq!(
        person.asks(&["connections"])["connections"][0]["state"],
        "reconnect_needed"
    );
    let said = person.connects(&server).well();
    assert!(said.out.starts_with("Connected again: acc"), "{}", said.out);
    person.says(&["sync"]).well();
}

#[test]
fn an_older_key_that_is_named_is_there() {
    let person = Person::new();
    let key = person.write("current.key", &"ab".repeat(32));
    let output = person
        .command(&["keys", "rotate"])
        .env("KALENDS_MASTER_KEY_FILE", key)
        .env("KALENDS_OLDER_MASTER_KEY_FILES", "/nowhere/old.key")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("/nowhere/old.key"), "{err}");
}
