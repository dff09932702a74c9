//! The web app and the document that its client is generated from.

use serde_json::{Value, json};

use crate::person::Person;
use crate::service::{Asking, Service};

/// As the app's build reads it.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");

#[test]
fn the_apps_client_is_made_from_the_document_of_this_api() {
    let told = Person::new().says(&["openapi"]).well().out;
    let kept = std::fs::read_to_string(DOCUMENT).unwrap();
    assert!(
        told == kept,
        "web/openapi.json is out of date: cargo run --bin kalends -- openapi > web/openapi.json"
    );
}

#[test]
fn no_schema_is_called_by_a_number() {
    let told = Person::new().says(&["openapi"]).well().json();
    let schemas = told["components"]["schemas"].as_object().unwrap();
    let numbered: Vec<_> = schemas
        .keys()
        .filter(|name| name.ends_with(|last: char| last.is_ascii_digit()))
        .collect();
    assert!(
        numbered.is_empty(),
        "name them by what they are: {numbered:?}"
    );
}

#[test]
fn a_person_at_a_browser_signs_in_to_the_demo() {
    let service = Service::start();
    let told = service.told();
    let page = service.asks("GET", "/", &Asking::default());
    assert_eq!(page.status, 404, "who asks for no page gets none");
    for email in told["people"].as_array().unwrap() {
        let who = json!({ "email": email, "password": told["password"] });
        let asking = Asking {
            body: Some(who),
            ..Asking::default()
        };
        let me = service.asks("POST", "/api/session/", &asking).is(200);
        assert_eq!(me["email"], *email);
    }
}

#[test]
fn what_a_new_link_would_do_is_told_before_it_does_anything() {
    let service = Service::start();
    let connection =
        service.get(service.owner(), "/api/calendar/list/").is(200)["calendars"][0].clone();
    let id = connection["id"].as_str().unwrap();
    let path = format!("/api/calendar/connections/{id}/calendars/");
    let found = service.get(service.owner(), &path).is(200)["calendars"].clone();
    let free = found
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["links"] == json!([]));
    let new = json!({ "connection_id": id, "remote_calendar_id": free.unwrap()["id"], "state": "paused" });
    let made = service
        .sends(service.owner(), "POST", "/api/calendar/links/", new)
        .is(201)["link"]
        .clone();
    assert_eq!(
        (&made["state"], &made["syncing"]),
        (&json!("paused"), &json!(false))
    );

    let link = made["id"].as_str().unwrap();
    let path = format!("/api/calendar/links/{link}/");
    let ran = service
        .sends(
            service.owner(),
            "POST",
            &format!("{path}sync/?dry_run=true"),
            json!({}),
        )
        .is(200);
    assert_eq!(ran["status"], "planned");
    assert!(
        ran["plan"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["side"] == "here"),
        "{ran}"
    );
    let still = service.get(service.owner(), &path).is(200)["link"].clone();
    assert_eq!(
        (&still["state"], &still["last_success_at"]),
        (&json!("paused"), &json!(null))
    );
}

#[test]
fn a_preview_of_a_link_that_is_only_thought_of_writes_nothing() {
    let service = Service::start();
    let get = |path: &str| service.get(service.owner(), path).is(200);
    let ask = |path: &str, body: &Value| service.sends(service.owner(), "POST", path, body.clone());
    let id = get("/api/calendar/list/")["calendars"][0]["id"].clone();
    let path = format!(
        "/api/calendar/connections/{}/calendars/",
        id.as_str().unwrap()
    );
    let found = get(&path)["calendars"].clone();
    let free = found
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["links"] == json!([]))
        .unwrap();
    let state = || {
        [
            "/api/calendar/links/",
            "/api/calendar/calendars/",
            "/api/tenant/usage/",
            "/api/tenant/audit/?writes=false",
        ]
        .map(get)
    };
    let before = state();

    let mut new = json!({ "connection_id": id, "remote_calendar_id": free["id"], "new_calendar": "Thought of" });
    let told = ask("/api/calendar/links/preview/", &new).is(200);
    assert_eq!(
        told["calendar"],
        json!({ "calendar_id": null, "name": "Thought of" })
    );
    let coming = told["plan"].as_array().unwrap().clone();
    assert!(
        coming
            .iter()
            .all(|one| one["side"] == "here" && one["action"] == "create"),
        "{told}"
    );

    // Into a calendar that has events they would go out.
    let other = &before[1]["calendars"][0];
    let mut into = new.clone();
    into.as_object_mut().unwrap().remove("new_calendar");
    into["calendar_id"] = other["id"].clone();
    let told = ask("/api/calendar/links/preview/", &into).is(200);
    assert_eq!(
        told["calendar"],
        json!({ "calendar_id": other["id"], "name": other["name"] })
    );
    let going = told["plan"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["side"] == "there")
        .count();
    let path = format!(
        "/api/calendar/calendars/{}/events/",
        other["id"].as_str().unwrap()
    );
    assert_eq!(going, get(&path)["events"].as_array().unwrap().len());
    assert!(going > 0);
    assert_eq!(state(), before);

    into["new_calendar"] = json!("Both");
    let refused = ask("/api/calendar/links/preview/", &into).refused(400, "invalid");
    assert_eq!(refused["field"], "new_calendar");
    new["new_calendar"] = other["name"].clone();
    ask("/api/calendar/links/", &new).refused(409, "taken");
    assert_eq!(state(), before);
    new["new_calendar"] = json!("Thought of");
    let made = ask("/api/calendar/links/", &new).is(201)["link"].clone();
    let calendars = get("/api/calendar/calendars/")["calendars"].clone();
    let into = calendars
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == made["calendar_id"]);
    assert_eq!(into.unwrap()["name"], "Thought of");
}

#[test]
fn who_listens_for_links_hears_that_one_was_paused() {
    let service = Service::start();
    let link =
        service.get(service.owner(), "/api/calendar/links/").is(200)["links"][0]["id"].clone();
    let listening = service.listens_for_links(service.staff());
    let path = format!("/api/calendar/links/{}/", link.as_str().unwrap());
    service
        .sends(
            service.owner(),
            "PATCH",
            &path,
            json!({ "state": "paused" }),
        )
        .is(200);
    let heard = listening("event: status");
    assert!(heard.contains("data: {}"), "{heard}");
}
