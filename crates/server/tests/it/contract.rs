//! The examples of the API contract, on the wire.

use serde_json::{Value, json};

use crate::service::{Asking, Service, as_};

fn credential(service: &Service) -> String {
    let listed = service.get(service.owner(), "/api/calendar/list/").is(200);
    listed["calendars"][0]["id"].as_str().unwrap().to_owned()
}

/// Ben's account in the sandbox: its address, user and password.
fn ben(service: &Service) -> Value {
    let caldav = &service.told()["sandbox"]["caldav"];
    let ben = &caldav["users"][1];
    json!({ "url": caldav["base"], "user": ben["user"], "password": ben["password"] })
}

#[test]
fn status_tells_whether_there_is_calendar_sync() {
    let service = Service::start();
    for path in ["/api/calendar/status/", "/api/calendar/status"] {
        assert_eq!(
            service.get(service.customer(), path).is(200),
            json!({ "success": true, "can_use_calendar_sync": true, "total_connected": 1 })
        );
        assert_eq!(
            service.get(service.rival(), path).is(200),
            json!({ "success": true, "can_use_calendar_sync": false,
                "message": "Calendar Sync feature is not available for your plan" })
        );
        let problem = service
            .asks("GET", path, &Asking::default())
            .refused(401, "not_authenticated");
        assert_eq!(
            problem["error"],
            "Authentication credentials were not provided."
        );
    }
}

#[test]
fn list_shows_connections_and_no_secret() {
    let service = Service::start();
    for path in ["/api/calendar/list/", "/api/calendar/list"] {
        let listed = service.get(service.staff(), path).is(200);
        let shown = &listed["calendars"][0];
        assert_eq!(listed["success"], true);
        assert_eq!(shown["provider"], "CalDAV");
        assert_eq!(shown["email"], "ann");
        assert_eq!(shown["is_valid"], true);
        assert_eq!(shown["is_expired"], false);
        assert_eq!(shown["status"], "connected");
        assert_eq!(shown["calendars_found"], 2);
        assert_eq!(shown["links"].as_array().unwrap().len(), 1);
        assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
    }
}

#[test]
fn sync_links_a_calendar_and_tells_what_came_of_it() {
    let service = Service::start();
    let connected = service
        .sends(
            service.owner(),
            "POST",
            "/api/calendar/connections/caldav/",
            ben(&service),
        )
        .is(201);
    let id = connected["id"].as_str().unwrap();
    let work = connected["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .find(|calendar| calendar["name"] == "Work")
        .unwrap()["id"]
        .clone();
    let body = json!({ "credential_id": id, "calendar_id": work });
    for path in ["/api/calendar/sync/", "/api/calendar/sync"] {
        let synced = service
            .sends(service.owner(), "POST", path, body.clone())
            .is(200);
        assert_eq!(synced["success"], true);
        assert_eq!(synced["status"], "succeeded");
        assert!(synced["sync_id"].is_string());
        for count in ["created", "updated", "deleted", "pushed", "conflicts"] {
            assert!(synced[count].is_u64(), "{count}: {synced}");
        }
        assert!(synced["skipped"].is_array());
    }
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let work = listed["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .find(|calendar| calendar["name"] == "Work")
        .unwrap();
    let events = format!(
        "/api/calendar/calendars/{}/events/",
        work["id"].as_str().unwrap()
    );
    let events = service.get(service.owner(), &events).is(200);
    assert_eq!(events["events"].as_array().unwrap().len(), 40);
}

#[test]
fn sync_says_what_is_wrong_with_a_request() {
    let service = Service::start();
    let id = credential(&service);
    let sync = |body: Value| service.sends(service.owner(), "POST", "/api/calendar/sync/", body);
    for (member, from, to) in [
        ("end_date", "2026-03-31", "2026-01-01"),
        ("start_date", "soon", "2026-01-01"),
        ("end_date", "2026-01-01", "2026-02-30"),
        ("end_date", "2020-01-01", "2026-01-01"),
    ] {
        let body = json!({ "credential_id": id, "start_date": from, "end_date": to });
        let problem = sync(body).refused(400, "invalid");
        assert_eq!(problem["field"], member, "{problem}");
    }
    sync(json!({ "credential_id": 7 })).refused(404, "not_found");
    sync(json!({ "credential_id": id, "calendar_id": "nowhere" })).refused(404, "not_found");
    let problem = sync(json!({})).refused(400, "invalid");
    assert_eq!(problem["field"], "credential_id", "{problem}");
    sync(json!([id])).refused(400, "invalid");
    let as_text = Asking {
        headers: vec![("content-type", "text/plain".to_owned())],
        body: Some(json!({ "credential_id": id })),
        ..as_(service.owner())
    };
    service
        .asks("POST", "/api/calendar/sync/", &as_text)
        .refused(415, "unsupported_media_type");
    sync(json!({ "credential_id": "x".repeat(2 << 20) })).refused(413, "payload_too_large");
}

#[test]
fn connecting_says_what_is_wrong_and_the_same_account_again_is_a_reconnect() {
    let service = Service::start();
    let connect = |token, body: Value| {
        service.sends(token, "POST", "/api/calendar/connections/caldav/", body)
    };
    let mut wrong = ben(&service);
    wrong["password"] = json!("wrong");
    let problem = connect(service.owner(), wrong).refused(400, "credentials_refused");
    assert!(!problem.to_string().contains("\"wrong\""), "{problem}");
    let mut private = ben(&service);
    private["url"] = json!("http://10.0.0.1/");
    let problem = connect(service.owner(), private).refused(400, "address_refused");
    assert_eq!(problem["field"], "url");
    let mut incomplete = ben(&service);
    incomplete.as_object_mut().unwrap().remove("password");
    let problem = connect(service.owner(), incomplete).refused(400, "invalid");
    assert_eq!(problem["field"], "password");
    let mut number = ben(&service);
    number["password"] = json!(48_151_623.5);
    let problem = connect(service.owner(), number).refused(400, "invalid");
    assert_eq!(problem["error"], "password: expected a string");
    let mut inside = ben(&service);
    inside["url"] = json!("http://ben:sesame@127.0.0.1/");
    let problem = connect(service.owner(), inside).refused(400, "invalid");
    assert_eq!(problem["field"], "url");
    assert!(!problem.to_string().contains("sesame"), "{problem}");
    let first = connect(service.staff(), ben(&service)).is(201);
    let again = connect(service.staff(), ben(&service)).is(200);
    assert_eq!(first["id"], again["id"]);
    assert_eq!(again["reconnected"], true);
}

#[test]
fn staff_look_after_their_own_accounts_and_no_others() {
    let service = Service::start();
    let theirs = service
        .sends(
            service.staff(),
            "POST",
            "/api/calendar/connections/caldav/",
            ben(&service),
        )
        .is(201);
    let disconnect = |id: &Value| {
        let body = json!({ "credential_id": id });
        service.sends(service.staff(), "DELETE", "/api/calendar/disconnect/", body)
    };
    disconnect(&json!(credential(&service))).refused(403, "role_required");
    assert_eq!(
        disconnect(&theirs["id"]).is(200),
        json!({ "success": true, "message": "Calendar disconnected successfully" })
    );
    disconnect(&theirs["id"]).refused(404, "not_found");
}

#[test]
fn an_event_is_made_changed_split_and_restored() {
    let service = Service::start();
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let calendar = listed["calendars"][0]["id"].as_str().unwrap();
    let events = format!("/api/calendar/calendars/{calendar}/events/");
    let daily = json!({ "title": "Stand-up", "start": "2027-03-01T09:00:00", "timeZone": "Europe/Berlin",
        "duration": "PT15M", "recurrenceRules": [{ "frequency": "daily", "count": 10 }] });
    let made = service.sends(service.staff(), "POST", &events, daily);
    assert!(made.headers.contains("etag: \"1\""), "{}", made.headers);
    let made = made.is(201);
    let path = format!("/api/calendar/events/{}/", made["id"].as_str().unwrap());
    let change = |path: &str, version: &str, body: Value| {
        let asking = Asking {
            headers: vec![("if-match", version.to_owned())],
            body: Some(body),
            ..as_(service.staff())
        };
        service.asks("PATCH", path, &asking)
    };
    let moved = change(&path, "\"1\"", json!({ "title": "Daily", "locations": { "1": { "@type": "Location", "name": "Room 1" } } })).is(200);
    assert_eq!(moved["version"], 2);
    assert_eq!(moved["event"]["title"], "Daily");
    assert_eq!(moved["event"]["duration"], "PT15M");
    change(&path, "\"1\"", json!({ "title": "Late" })).refused(412, "version_conflict");
    let one = format!("{path}?recurrence_id=2027-03-03T09:00:00");
    change(&one, "*", json!({ "start": "2027-03-03T11:00:00" })).is(200);
    let shown = service.get(service.staff(), &one).is(200);
    assert_eq!(shown["event"]["start"], "2027-03-03T11:00:00");
    assert_eq!(shown["event"]["recurrenceId"], "2027-03-03T09:00:00");
    let rest = format!("{path}?recurrence_id=2027-03-06T09:00:00&scope=following");
    let split = change(&rest, "*", json!({ "title": "Weekly sync" })).is(200);
    assert_eq!(split["following"]["event"]["title"], "Weekly sync");
    let range = "expand=true&from=2027-03-01T00:00:00Z&to=2027-03-20T00:00:00Z";
    let mut titles = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = service
            .get(
                service.staff(),
                &format!("{events}?{range}&limit=4{cursor}"),
            )
            .is(200);
        let all = page["occurrences"].as_array().unwrap();
        assert!(all.len() <= 4);
        let ours = ["Daily", "Weekly sync"];
        titles.extend(
            all.iter()
                .map(|one| one["title"].as_str().unwrap().to_owned())
                .filter(|title| ours.contains(&title.as_str())),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(titles.len(), 10, "{titles:?}");
    assert_eq!(titles.iter().filter(|title| *title == "Daily").count(), 5);
    let gone = service.asks("DELETE", &path, &as_(service.staff())).is(200);
    assert_eq!(gone["deleted"], true);
    change(&path, "*", json!({ "title": "Ghost" })).refused(409, "deleted");
    let back = service
        .sends(
            service.staff(),
            "POST",
            &format!("{path}restore/"),
            json!({ "version": 1 }),
        )
        .is(200);
    assert_eq!(back["event"]["title"], "Stand-up");
    let history = service
        .get(service.staff(), &format!("{path}history/"))
        .is(200);
    let versions = history["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 6);
    assert_eq!(versions[0]["cause"]["actor"]["name"], "stan@demo.example");
}

#[test]
fn an_event_that_makes_no_sense_is_refused_by_the_name_of_its_member() {
    let service = Service::start();
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let calendar = listed["calendars"][0]["id"].as_str().unwrap();
    let events = format!("/api/calendar/calendars/{calendar}/events/");
    for (field, event) in [
        ("start", json!({ "title": "When?" })),
        ("start", json!({ "start": "2027-03-01T09:00:00Z" })),
        (
            "timeZone",
            json!({ "start": "2027-03-01T09:00:00", "timeZone": "Mars/Olympus" }),
        ),
        (
            "titel",
            json!({ "start": "2027-03-01T09:00:00", "titel": "x" }),
        ),
        (
            "recurrenceRules/0/frequency",
            json!({ "start": "2027-03-01T09:00:00", "recurrenceRules": [{ "frequency": "often" }] }),
        ),
    ] {
        let problem = service
            .sends(service.staff(), "POST", &events, event)
            .refused(400, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    }
    let late = format!("{events}?expand=true&from=2027-03-01T00:00:00Z");
    assert_eq!(
        service.get(service.staff(), &late).refused(400, "invalid")["field"],
        "to"
    );
    let many = format!("{events}?limit=0");
    assert_eq!(
        service.get(service.staff(), &many).refused(400, "invalid")["field"],
        "limit"
    );
    let odd = format!("{events}?limit=many");
    assert_eq!(
        service.get(service.staff(), &odd).refused(400, "invalid")["field"],
        "limit"
    );
}

#[test]
fn the_feed_and_the_stream_tell_every_change_and_can_be_resumed() {
    let service = Service::start();
    let first = service
        .get(service.staff(), "/api/calendar/changes/?limit=30")
        .is(200);
    assert_eq!(first["has_more"], true);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = service
        .get(
            service.staff(),
            &format!("/api/calendar/changes?since={cursor}"),
        )
        .is(200);
    assert_eq!(rest["changes"].as_array().unwrap().len(), 10);
    let now = rest["next_cursor"].as_str().unwrap();
    let calendar = rest["changes"][0]["calendar_id"].as_str().unwrap();
    let path = format!("/api/calendar/calendars/{calendar}/events/");
    let made = service
        .sends(
            service.staff(),
            "POST",
            &path,
            json!({ "title": "Heard", "start": "2027-03-01" }),
        )
        .is(201);
    let heard = service.listens(service.staff(), now, "\"title\":\"Heard\"");
    assert!(
        heard.contains("event: change") && heard.contains("id: "),
        "{heard}"
    );
    let event = format!("/api/calendar/events/{}/", made["id"].as_str().unwrap());
    service
        .asks("DELETE", &event, &as_(service.staff()))
        .is(200);
    let after = service
        .get(
            service.staff(),
            &format!("/api/calendar/changes/?since={now}"),
        )
        .is(200);
    let last = &after["changes"][1];
    assert_eq!(
        (&last["deleted"], &last["event"]),
        (&json!(true), &Value::Null)
    );
}

#[test]
fn double_bookings_are_found_across_calendars() {
    let service = Service::start();
    let other = service
        .sends(
            service.owner(),
            "POST",
            "/api/calendar/calendars/",
            json!({ "name": "Second" }),
        )
        .is(201);
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let first = listed["calendars"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "Practice")
        .unwrap();
    for (calendar, title, start) in [
        (&first["id"], "Filling", "2031-05-05T10:00:00"),
        (&other["calendar"]["id"], "Crown", "2031-05-05T10:30:00"),
    ] {
        let path = format!(
            "/api/calendar/calendars/{}/events/",
            calendar.as_str().unwrap()
        );
        let event = json!({ "title": title, "start": start, "timeZone": "Europe/Berlin", "duration": "PT1H" });
        service.sends(service.owner(), "POST", &path, event).is(201);
    }
    let found = service
        .get(
            service.owner(),
            "/api/calendar/overlaps/?from=2031-05-05T00:00:00Z&to=2031-05-06T00:00:00Z",
        )
        .is(200);
    let ours: Vec<&Value> = found["overlaps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["first"]["title"] == "Filling" && one["second"]["title"] == "Crown")
        .collect();
    assert_eq!(ours.len(), 1, "{found}");
    assert_eq!(ours[0]["from"], "2031-05-05T08:30:00Z");
    assert_eq!(ours[0]["to"], "2031-05-05T09:00:00Z");
}

#[test]
fn pages_of_occurrences_hold_each_once_and_none_that_has_ended() {
    let service = Service::start();
    let made = service
        .sends(
            service.owner(),
            "POST",
            "/api/calendar/calendars/",
            json!({ "name": "Paged" }),
        )
        .is(201);
    let events = format!(
        "/api/calendar/calendars/{}/events/",
        made["calendar"]["id"].as_str().unwrap()
    );
    for (title, start, duration) in [
        ("A", "09:00:00", "PT2H"),
        ("X", "09:00:00", "PT30M"),
        ("C", "09:00:00", "PT3H"),
        ("D", "09:00:00", "PT4H"),
        ("B", "09:40:00", "PT10M"),
        ("E", "10:30:00", "PT1H"),
    ] {
        let event = json!({ "title": title, "start": format!("2032-02-02T{start}"), "timeZone": "Etc/UTC", "duration": duration });
        service
            .sends(service.owner(), "POST", &events, event)
            .is(201);
    }
    for limit in 1..=5 {
        let mut titles = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = format!(
                "{events}?expand=true&from=2032-02-02T10:00:00Z&to=2032-02-03T00:00:00Z&limit={limit}{cursor}"
            );
            let page = service.get(service.owner(), &page).is(200);
            let all = page["occurrences"].as_array().unwrap();
            titles.extend(
                all.iter()
                    .map(|one| one["title"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(titles.last().unwrap(), "E", "{limit}");
        titles.sort();
        assert_eq!(titles, ["A", "C", "D", "E"], "{limit} a page");
    }
}

#[test]
fn a_series_is_not_taken_for_one_occurrence_that_is_misspelt() {
    let service = Service::start();
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let calendar = listed["calendars"][0]["id"].as_str().unwrap();
    let events = format!("/api/calendar/calendars/{calendar}/events/");
    let daily = json!({ "title": "Safe", "start": "2027-03-01", "recurrenceRules": [{ "frequency": "daily", "count": 3 }] });
    let made = service
        .sends(service.owner(), "POST", &events, daily)
        .is(201);
    let path = format!("/api/calendar/events/{}/", made["id"].as_str().unwrap());
    for query in [
        "recurrenceId=2027-03-02&scope=this",
        "scope=this",
        "scope=following",
        "recurrence_id=2027-04-01",
    ] {
        let answer = service.asks("DELETE", &format!("{path}?{query}"), &as_(service.owner()));
        answer.refused(400, "invalid");
    }
    assert_eq!(service.get(service.owner(), &path).is(200)["version"], 1);

    // Reading says of an occurrence that there is none in the words of changing and deleting.
    let once = json!({ "title": "Once", "start": "2027-03-01T09:00:00" });
    let once = service
        .sends(service.owner(), "POST", &events, once)
        .is(201);
    let once = format!("/api/calendar/events/{}/", once["id"].as_str().unwrap());
    service
        .asks(
            "DELETE",
            &format!("{path}?recurrence_id=2027-03-03"),
            &as_(service.owner()),
        )
        .is(200);
    for (path, id) in [
        (&path, "2039-06-06T06:06:06"),
        (&path, "2027-03-02T09:00:00"),
        (&path, "2027-03-03"),
        (&once, "2027-03-01T09:00:00"),
    ] {
        let path = format!("{path}?recurrence_id={id}");
        let read = service.get(service.owner(), &path).refused(400, "invalid");
        assert_eq!(read["field"], "recurrence_id", "{read}");
        let change = json!({ "title": "Never" });
        let changed = service
            .sends(service.owner(), "PATCH", &path, change)
            .refused(400, "invalid");
        assert_eq!(read, changed, "{path}");
    }
    let there = service
        .get(service.owner(), &format!("{path}?recurrence_id=2027-03-02"))
        .is(200);
    assert_eq!(there["event"]["recurrenceId"], "2027-03-02T00:00:00");
}

#[test]
fn accounts_of_two_people_do_not_flow_into_each_other_because_of_a_name() {
    let service = Service::start();
    let connected = service
        .sends(
            service.staff(),
            "POST",
            "/api/calendar/connections/caldav/",
            ben(&service),
        )
        .is(201);
    let ann = json!({ "credential_id": credential(&service) });
    let ben = json!({ "credential_id": connected["id"] });
    service
        .sends(service.owner(), "POST", "/api/calendar/sync/", ann)
        .is(200);
    service
        .sends(service.staff(), "POST", "/api/calendar/sync/", ben)
        .is(200);
    let links = service.get(service.owner(), "/api/calendar/links/").is(200);
    let private: Vec<&Value> = links["links"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|link| {
            link["remote_calendar_id"]
                .as_str()
                .unwrap()
                .ends_with("/private/")
        })
        .collect();
    assert_eq!(private.len(), 2);
    assert_ne!(private[0]["calendar_id"], private[1]["calendar_id"]);
}

#[test]
fn what_exists_already_is_told_without_the_names_of_tables() {
    let service = Service::start();
    let twice = [
        (
            service.owner(),
            "/api/calendar/calendars/",
            json!({ "name": "Practice" }),
        ),
        (
            service.platform(),
            "/api/platform/tenants/",
            json!({ "slug": "rival", "name": "Again" }),
        ),
        (
            service.platform(),
            "/api/platform/features/",
            json!({ "code": "can_use_webhooks", "name": "Again" }),
        ),
    ];
    for (token, path, body) in twice {
        let problem = service
            .sends(token, "POST", path, body)
            .refused(409, "taken");
        let error = problem["error"].as_str().unwrap();
        assert!(
            !error.contains("_id") && !error.contains("tenants") && !error.contains("calendars"),
            "{error}"
        );
    }
}

#[test]
fn a_cursor_from_ahead_of_the_feed_is_told_to_begin_anew() {
    let service = Service::start();
    service
        .get(service.staff(), "/api/calendar/changes/?since=999999")
        .refused(410, "cursor_gone");
}

#[test]
fn links_are_made_changed_tried_and_taken_away() {
    let service = Service::start();
    let connected = service
        .sends(
            service.owner(),
            "POST",
            "/api/calendar/connections/caldav/",
            ben(&service),
        )
        .is(201);
    let new = json!({ "connection_id": connected["id"], "remote_calendar_id": connected["calendars"][1]["id"],
        "direction": "pull", "conflict_policy": "ask" });
    let made = service
        .sends(service.owner(), "POST", "/api/calendar/links/", new.clone())
        .is(201);
    assert_eq!(made["link"]["direction"], "pull");
    service
        .sends(service.owner(), "POST", "/api/calendar/links/", new)
        .refused(409, "taken");
    let path = format!(
        "/api/calendar/links/{}/",
        made["link"]["id"].as_str().unwrap()
    );
    let planned = service
        .sends(
            service.owner(),
            "POST",
            &format!("{path}sync/?dry_run=true"),
            json!({}),
        )
        .is(200);
    assert_eq!(planned["status"], "planned");
    let changed = service
        .sends(
            service.owner(),
            "PATCH",
            &path,
            json!({ "state": "paused", "detail": "busy" }),
        )
        .is(200);
    assert_eq!(changed["link"]["state"], "paused");
    assert_eq!(changed["link"]["detail"], "busy");
    service
        .sends(service.owner(), "POST", &format!("{path}sync/"), json!({}))
        .refused(409, "link_paused");
    service.asks("DELETE", &path, &as_(service.owner())).is(200);
    service
        .get(service.owner(), &path)
        .refused(404, "not_found");
}

#[test]
fn what_is_not_there_and_what_is_not_allowed_are_problems_too() {
    let service = Service::start();
    let anybody = Asking::default();
    service
        .asks("GET", "/api/nowhere/", &anybody)
        .refused(404, "not_found");
    service
        .asks("PUT", "/api/calendar/list/", &anybody)
        .refused(405, "method_not_allowed");
    let answer = service.asks("GET", "/api/calendar/status/", &anybody);
    for header in [
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: same-origin",
        "content-security-policy: default-src 'none'",
        "cache-control: no-store",
        "x-request-id: ",
        "www-authenticate: bearer",
    ] {
        assert!(
            answer.headers.contains(header),
            "{header}: {}",
            answer.headers
        );
    }
    let page = service.asks("GET", "/api/docs", &anybody);
    assert!(page.text.contains("/api/calendar/sync/"), "{}", page.status);
}
