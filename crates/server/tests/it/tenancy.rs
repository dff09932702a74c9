//! For whom the command line works: tenants that are there, with calendar sync where calendars are worked with.

use serde_json::{Value, json};

use crate::person::Person;
use crate::servers::{Kind, Server};
use crate::service::Asking;
use crate::serving::Serving;

/// The slugs of all tenants.
fn tenants(person: &Person) -> Vec<String> {
    let listed = person.asks(&["tenant", "list"]);
    let tenants = listed["tenants"].as_array().unwrap();
    let slug = |tenant: &Value| tenant["slug"].as_str().unwrap().to_owned();
    tenants.iter().map(slug).collect()
}

#[test]
fn a_slip_of_the_pen_makes_no_tenant() {
    let person = Person::new();
    person
        .says(&["user", "add", "ann@example.com", "--no-password"])
        .well();
    let file = person.write("none.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    let file = file.to_str().unwrap();
    for command in [
        &["links"][..],
        &["audit", "list"],
        &["user", "list"],
        &["user", "role", "ann@example.com", "staff"],
        &[
            "user",
            "add",
            "ben@example.com",
            "--role",
            "staff",
            "--no-password",
        ],
        &[
            "token",
            "create",
            "--user",
            "ann@example.com",
            "--name",
            "x",
            "--bound",
        ],
        &[
            "events",
            "add",
            "--title",
            "Dentist",
            "--start",
            "2026-12-01",
        ],
        &["import", file],
        &["connect", "ics", "--url", "https://example.com/feed.ics"],
        &["link", "--connection", "acc", "--remote", "Work"],
        &["sync"],
        &["keys", "forget", "--yes"],
    ] {
        let typo = [&["--tenant", "dmeo"], command].concat();
        let told = person
            .says(&typo)
            .failed("`kalends tenant add dmeo` makes it");
        assert!(told.err.contains("there is no tenant"), "{}", told.err);
    }
    // Whoever names the default one means one that is there, too.
    person
        .says(&["--tenant", "default", "calendars"])
        .failed("`kalends tenant add default` makes it");
    assert_eq!(tenants(&person), Vec::<String>::new());
}

#[test]
fn who_serves_or_looks_makes_no_tenant() {
    let person = Person::new();
    for command in [
        &["links"][..],
        &["connections"],
        &["calendars"],
        &["runs"],
        &["conflicts"],
        &["events", "list"],
        &["export"],
        &["sync"],
        &["audit", "list"],
        &["user", "list"],
    ] {
        person.says(command).well();
    }
    let serving = Serving::start(&person, &[], &[]);
    let ready = serving.asks("GET", "/readyz", &Asking::default());
    assert_eq!(ready.status, 200);
    serving.ends().well();
    assert_eq!(tenants(&person), Vec::<String>::new());
}

#[test]
fn the_default_tenant_is_made_by_what_is_done_first_and_the_audit_log_tells_of_it() {
    let person = Person::new();
    let add = [
        "events",
        "add",
        "--title",
        "Dentist",
        "--start",
        "2026-12-01",
    ];
    person.says(&add).well();
    assert_eq!(tenants(&person), ["default"]);
    let log = person.asks(&["audit", "list", "--action", "tenant.create"]);
    let entry = &log["entries"][0];
    assert_eq!(entry["object"], "tenant default");
    let detail = json!({ "plan": null, "can_use_calendar_sync": true });
    assert_eq!(entry["detail"], detail);
    let verified = person.asks(&["audit", "verify"]);
    assert_eq!(verified["chains"][1]["entries"], 3, "{verified}");
}

#[test]
fn without_calendar_sync_nothing_is_connected_read_or_synced() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    person.links(&server, &[]);
    person.says(&["sync"]).well();
    let switch = |to: &str| {
        let feature = format!("can_use_calendar_sync={to}");
        person
            .says(&["tenant", "set", "default", "--feature", &feature])
            .well();
    };
    switch("off");
    let file = person.write("none.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    let file = file.to_str().unwrap();
    let asked = server.base.as_str();
    for command in [
        &["connect", "ics", "--url", asked][..],
        &["link", "--connection", "acc", "--remote", "Work"],
        &["calendars"],
        &["connections"],
        &["sync"],
        &["sync", "--dry-run"],
        &["events", "list"],
        &[
            "events",
            "add",
            "--title",
            "Dentist",
            "--start",
            "2026-12-01",
        ],
        &["events", "show", "1"],
        &["import", file],
        &["export"],
        &["conflicts"],
        &["pause", "acc"],
        &["unlink", "acc"],
        &["disconnect", "acc"],
    ] {
        let said = person.says(command).failed(
            "the tenant default does not have Calendar Sync: `kalends tenant set default --feature \
             can_use_calendar_sync=on` switches it on",
        );
        assert_eq!(said.out, "", "{command:?}");
    }
    let shown = person.says(&["links"]).well();
    assert!(
        shown.out.contains("paused by plan") && !shown.out.contains("in step"),
        "{}",
        shown.out
    );
    let told = |person: &Person| person.asks(&["links"])["links"][0]["paused_by_plan"].clone();
    assert_eq!(told(&person), true);
    switch("on");
    assert_eq!(told(&person), false);
    let shown = person.says(&["links"]).well();
    assert!(shown.out.contains("in step"), "{}", shown.out);
    person.says(&["sync"]).well();
}
