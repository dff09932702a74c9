//! The days that bound a first import, and accounts that take with them what Kalends wrote there, on the wire.

use serde_json::{Value, json};

use crate::nodes::eventually;
use crate::service::{Service, as_};

/// Ben's account, connected; its id and that of its calendar Work.
fn connect_ben(service: &Service) -> (Value, Value) {
    let caldav = &service.told()["sandbox"]["caldav"];
    let ben = &caldav["users"][1];
    let account =
        json!({ "url": caldav["base"], "user": ben["user"], "password": ben["password"] });
    let path = "/api/calendar/connections/caldav/";
    let connected = service
        .sends(service.owner(), "POST", path, account)
        .is(201);
    let calendars = connected["calendars"].as_array().unwrap();
    let work = calendars.iter().find(|one| one["name"] == "Work").unwrap();
    (connected["id"].clone(), work["id"].clone())
}

fn send(service: &Service, path: &str, body: Value) -> Value {
    let answer = service.sends(service.owner(), "POST", path, body);
    assert!(answer.status < 300, "{} {}", answer.status, answer.text);
    answer.json()
}

/// The id of the tenant's own calendar of a name.
fn calendar(service: &Service, name: &str) -> String {
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let all = listed["calendars"].as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == name).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

fn entries(service: &Service, action: &str) -> Vec<Value> {
    let path = format!("/api/tenant/audit/?action={action}");
    let log = service.get(service.owner(), &path).is(200);
    log["entries"].as_array().unwrap().clone()
}

#[test]
fn the_dates_of_a_first_sync_bound_what_it_imports() {
    let service = Service::start();
    let (id, work) = connect_ben(&service);
    let sync = json!({ "credential_id": id, "calendar_id": work,
        "start_date": "2025-01-01", "end_date": "2025-12-31" });
    let first = send(&service, "/api/calendar/sync/", sync.clone());
    let (created, outside) = (first["created"].as_u64(), first["outside"].as_u64());
    assert!(created > Some(0) && outside > Some(0), "{first}");
    assert_eq!(created.unwrap() + outside.unwrap(), 40, "{first}");
    assert_eq!(first["skipped"], json!([]));
    let link = format!(
        "/api/calendar/links/{}/",
        first["link_id"].as_str().unwrap()
    );
    let shown = service.get(service.owner(), &link).is(200)["link"].clone();
    assert_eq!(shown["start_date"], "2025-01-01");
    assert_eq!(shown["end_date"], "2025-12-31");
    assert_eq!(shown["outside"].as_u64(), outside);
    assert_eq!(shown["skipped"], 0);
    let again = send(&service, "/api/calendar/sync/", sync);
    assert_eq!(
        (&again["created"], &again["outside"]),
        (&json!(0), &json!(0))
    );

    // A link that is made by itself takes them too, and without them everything comes in.
    service.asks("DELETE", &link, &as_(service.owner())).is(200);
    let new = |more: Value| {
        let mut new = json!({ "connection_id": id, "remote_calendar_id": work });
        let members = more.as_object().unwrap().clone();
        new.as_object_mut().unwrap().extend(members);
        service.sends(service.owner(), "POST", "/api/calendar/links/", new)
    };
    for (field, days) in [
        ("start_date", json!({ "start_date": "soon" })),
        (
            "end_date",
            json!({ "start_date": "2026-01-02", "end_date": "2026-01-01" }),
        ),
        (
            "end_date",
            json!({ "start_date": "2020-01-01", "end_date": "2026-01-01" }),
        ),
    ] {
        assert_eq!(new(days).refused(400, "invalid")["field"], field);
    }
    let made = new(json!({ "start_date": "2025-06-01" })).is(201);
    assert_eq!(made["link"]["start_date"], "2025-06-01");
    assert_eq!(made["link"]["end_date"], Value::Null);
    let link = made["link"]["id"].as_str().unwrap();
    let link = format!("/api/calendar/links/{link}/");
    service.asks("DELETE", &link, &as_(service.owner())).is(200);
    let all = send(
        &service,
        "/api/calendar/sync/",
        json!({ "credential_id": id, "calendar_id": work }),
    );
    assert_eq!((&all["outside"], &all["skipped"]), (&json!(0), &json!([])));
    let path = format!(
        "/api/calendar/calendars/{}/events/",
        calendar(&service, "Work")
    );
    let events = service.get(service.owner(), &path).is(200);
    assert_eq!(events["events"].as_array().unwrap().len(), 40);
}

#[test]
fn an_account_takes_with_it_what_kalends_wrote_there() {
    let service = Service::start();
    let (id, work) = connect_ben(&service);
    let sync = json!({ "credential_id": id, "calendar_id": work });
    let first = send(&service, "/api/calendar/sync/", sync.clone());
    let path = format!(
        "/api/calendar/calendars/{}/events/",
        calendar(&service, "Work")
    );
    for title in ["One", "Two", "Three"] {
        let event = json!({ "title": title, "start": "2031-03-01" });
        service.sends(service.owner(), "POST", &path, event).is(201);
    }
    let link = format!(
        "/api/calendar/links/{}/",
        first["link_id"].as_str().unwrap()
    );
    eventually("the writes", || {
        send(&service, "/api/calendar/sync/", sync.clone());
        service.get(service.owner(), &link).is(200)["link"]["owed"] == 0
    });
    let leave = json!({ "credential_id": id, "events": "remove" });
    let disconnect =
        |body: Value| service.sends(service.owner(), "DELETE", "/api/calendar/disconnect/", body);
    assert_eq!(
        disconnect(leave.clone()).is(200),
        json!({ "success": true, "message": "Calendar disconnected successfully", "removing": 3 })
    );
    // For the tenant it is gone at once.
    disconnect(leave).refused(404, "not_found");
    service
        .get(service.owner(), &link)
        .refused(404, "not_found");
    service
        .sends(service.owner(), "POST", "/api/calendar/sync/", sync)
        .refused(404, "not_found");
    let status = service
        .get(service.owner(), "/api/calendar/status/")
        .is(200);
    assert_eq!(status["total_connected"], 1);
    let entry = &entries(&service, "connection.delete")[0];
    assert_eq!(entry["actor"], "olivia@demo.example");
    assert_eq!(entry["detail"]["removing"], 3);

    eventually("the end", || {
        !entries(&service, "connection.cleared").is_empty()
    });
    let cleared = &entries(&service, "connection.cleared")[0];
    assert_eq!(cleared["actor"], "sync");
    let detail = &cleared["detail"];
    assert_eq!(
        (&detail["removed"], &detail["stayed"], &detail["why"]),
        (&json!(3), &json!(0), &json!("done"))
    );
    assert!(cleared["cause"].as_str().unwrap().starts_with("run "));
    // All events stay here; there, only what was there before is left.
    let listed = service.get(service.owner(), &path).is(200);
    assert_eq!(listed["events"].as_array().unwrap().len(), 43);
    let (again, work) = connect_ben(&service);
    assert_ne!(again, id);
    let other = send(
        &service,
        "/api/calendar/calendars/",
        json!({ "name": "Other" }),
    );
    let new = json!({ "connection_id": again, "remote_calendar_id": work,
        "calendar_id": other["calendar"]["id"], "direction": "pull" });
    send(&service, "/api/calendar/links/", new);
    let seen = send(
        &service,
        "/api/calendar/sync/",
        json!({ "credential_id": again, "calendar_id": work }),
    );
    assert_eq!(seen["skipped"], json!([]), "no copy of ours is left");
    let path = format!(
        "/api/calendar/calendars/{}/events/",
        calendar(&service, "Other")
    );
    let listed = service.get(service.owner(), &path).is(200);
    assert_eq!(listed["events"].as_array().unwrap().len(), 40);
}

#[test]
fn where_nothing_was_written_there_the_account_is_gone_at_once() {
    let service = Service::start();
    let (id, work) = connect_ben(&service);
    let sync = json!({ "credential_id": id, "calendar_id": work });
    send(&service, "/api/calendar/sync/", sync);
    let leave = |events: &str| {
        let body = json!({ "credential_id": id, "events": events });
        service.sends(service.owner(), "DELETE", "/api/calendar/disconnect/", body)
    };
    leave("burn").refused(400, "invalid");
    assert_eq!(
        leave("remove").is(200),
        json!({ "success": true, "message": "Calendar disconnected successfully", "removing": 0 })
    );
    let entry = &entries(&service, "connection.delete")[0];
    let detail = &entry["detail"];
    assert_eq!(
        (&detail["removing"], &detail["staying"]),
        (&json!(0), &json!(0))
    );
    assert!(entries(&service, "connection.cleared").is_empty());
    // Its name is free, and it comes back as a new one.
    let (again, _) = connect_ben(&service);
    assert_ne!(again, id);
}
