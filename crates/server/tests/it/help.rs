//! What a person reads before anything happens.

use crate::person::Person;

#[test]
fn the_first_page() {
    let said = Person::new().says(&["--help"]).well();
    insta::assert_snapshot!(said.out);
}

#[test]
fn how_to_connect() {
    let said = Person::new().says(&["connect", "caldav", "--help"]).well();
    insta::assert_snapshot!(said.out);
}

#[test]
fn a_wrong_call_ends_with_2() {
    let person = Person::new();
    for wrong in [
        &["sink"][..],
        &["sync", "--watch", "--dry-run"],
        &["link", "--connection", "a"],
        &["events", "add", "--title", "T", "--start", "tomorrow"],
        &[
            "connect",
            "caldav",
            "--url",
            "x",
            "--user",
            "u",
            "--password",
            "never",
        ],
    ] {
        assert_eq!(person.says(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn settings_are_checked_at_the_start() {
    let person = Person::new();
    let file = person.write("config.toml", "[sync]\npoll_evry = \"5m\"\n");
    let file = file.to_str().unwrap();
    person
        .says(&["--config", file, "connections"])
        .failed("poll_evry");
    person.write("config.toml", "[network]\nallow = [\"10.0.0.0/99\"]\n");
    let mut command = person.command(&["--config", file, "connections"]);
    let output = command
        .env_remove("KALENDS_ALLOW_ADDRESSES")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("network.allow"), "{err}");
}

#[test]
fn nothing_yet_is_said_with_what_to_do() {
    let person = Person::new();
    for (command, words) in [
        (
            &["connections"][..],
            "Nothing is connected yet: kalends connect --help\n",
        ),
        (&["links"], "Nothing is linked yet: kalends link --help\n"),
        (&["sync"], "Nothing is linked yet: kalends link --help\n"),
        (&["events", "list"], "There are no events.\n"),
        (&["conflicts"], "There are no conflicts.\n"),
        (&["runs"], "Nothing has been synced yet: kalends sync\n"),
    ] {
        assert_eq!(person.says(command).well().out, words);
    }
}

#[test]
fn the_schema_goes_down_and_up() {
    let person = Person::new();
    person.says(&["events", "list"]).well();
    person
        .says(&["migrate", "down", "--to", "0"])
        .failed("--yes");
    person
        .says(&["migrate", "down", "--to", "0", "--yes"])
        .well();
    let mut command = person.command(&["events", "list"]);
    let output = command.env("KALENDS_MIGRATE", "manual").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("kalends migrate up"));
    person.says(&["migrate", "up"]).well();
    person.says(&["events", "list"]).well();
}
