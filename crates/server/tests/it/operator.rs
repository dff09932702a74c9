//! What the operator types is taken as the API takes it, and told to the audit log in the same words.

use serde_json::json;

use crate::person::Person;
use crate::serving::Serving;

#[test]
fn what_the_api_refuses_is_refused_here_too() {
    let person = Person::new();
    for (command, words) in [
        (&["invite", "@", "--slug", "s"][..], "is no address"),
        (&["invite", "two words@", "--slug", "s"], "is no address"),
        (
            &["invite", "a@b.c", "--slug", "s", "--tenant-name", ""],
            "--tenant-name: expected 1 to 200 characters",
        ),
        (&["tenant", "add", "s", "--name", ""], "--name: expected"),
        (&["plan", "put", "Bad Code!", "--name", "Pro"], "is no code"),
        (&["plan", "put", "pro", "--name", " "], "--name: expected"),
        (&["feature", "add", "can_fly", ""], "the name: expected"),
        (&["user", "add", "ann", "--no-password"], "is no address"),
        (
            &["user", "add", "a@b.c", "--name", "", "--no-password"],
            "--name: expected",
        ),
    ] {
        person.says(command).failed(words);
    }
    assert_eq!(person.asks(&["plan", "list"])["plans"], json!([]));
    assert_eq!(person.asks(&["tenant", "list"])["tenants"], json!([]));
}

#[test]
fn the_audit_log_has_the_apis_words_for_it() {
    let person = Person::new();
    for name in ["Pro", "Professional"] {
        person.says(&["plan", "put", "pro", "--name", name]).well();
    }
    let invite = ["invite", "ann@example.com", "--slug", "ann"];
    person
        .says(&[&invite[..], &["--calendar-sync"]].concat())
        .well();
    person.says(&["tenant", "add", "demo"]).well();
    let feature = ["--feature", "can_use_calendar_sync=on"];
    let set = ["tenant", "set", "demo", "--plan", "pro"];
    person.says(&[&set[..], &feature].concat()).well();

    person
        .says(&[
            "user",
            "add",
            "root@example.com",
            "--admin",
            "--no-password",
        ])
        .well();
    let token = person.asks(&[
        "token",
        "create",
        "--user",
        "root@example.com",
        "--name",
        "t",
    ]);
    let serving = Serving::start(&person, &[], &[]);
    let detail = |action: &str| {
        let path = format!("/api/platform/audit/?action={action}");
        let log = serving.get(token["token"].as_str().unwrap(), &path).is(200);
        let entries = log["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{action}: {log}");
        entries[0]["detail"].clone()
    };
    let nothing = json!({ "permissions": {}, "quotas": {} });
    assert_eq!(detail("plan.create"), nothing);
    assert_eq!(detail("plan.update"), nothing);
    assert_eq!(
        detail("invitation.create")["features"],
        json!({ "can_use_calendar_sync": true })
    );
    assert_eq!(detail("tenant.update"), json!({ "plan": "pro" }));
    assert_eq!(
        detail("tenant.features"),
        json!({ "can_use_calendar_sync": true })
    );
    serving.ends().well();
}

#[test]
fn who_invites_is_told_that_nobody_is_mailed() {
    let person = Person::new();
    let said = person
        .says(&["invite", "ann@example.com", "--slug", "ann"])
        .well();
    assert!(
        said.err
            .contains("nobody is mailed; send it to ann@example.com"),
        "{}",
        said.err
    );
    let told = person.asks(&["invite", "ann@example.com", "--slug", "ann"]);
    assert_eq!(told["mailed"], false);
    let help = person.says(&["invite", "--help"]).well();
    assert!(help.out.contains("Nobody is mailed"), "{}", help.out);
}

#[test]
fn a_wrong_call_is_not_taken_for_one_that_does_nothing() {
    let person = Person::new();
    person.says(&["tenant", "add", "demo"]).well();
    let said = person.says(&["tenant", "set", "demo"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("Usage: kalends tenant set"),
        "{}",
        said.err
    );
    person
        .says(&["migrate", "down", "--to", "99"])
        .failed("there is no migration 99: kalends migrate status");
    assert_eq!(
        person.asks(&["tenant", "list"])["tenants"][0]["slug"],
        "demo"
    );
}

#[test]
fn a_master_key_that_is_none_stops_every_command() {
    let person = Person::new();
    let short = [("KALENDS_MASTER_KEY", "sesame")];
    for command in [
        &["tenant", "list"][..],
        &["links"],
        &["migrate", "status"],
        &["serve"],
    ] {
        let said = person.starts_with(command, &short).waits();
        let said = said.failed("KALENDS_MASTER_KEY: a master key is 32 bytes");
        assert!(!said.err.contains("sesame"), "{}", said.err);
    }
    let said = person.starts_with(&["doctor"], &short).waits();
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("KALENDS_MASTER_KEY"), "{}", said.out);
}

#[test]
fn a_log_that_is_no_terminal_has_no_colours() {
    let person = Person::new();
    let serving = Serving::start(&person, &[("KALENDS_LOG", "info")], &[]);
    serving.asks("GET", "/healthz", &crate::service::Asking::default());
    let said = serving.ends().well();
    assert!(said.err.contains("status=200"), "{}", said.err);
    assert!(!said.err.contains('\u{1b}'), "{}", said.err);
}
