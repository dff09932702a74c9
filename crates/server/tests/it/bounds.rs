//! Bounds: pages of lists, names, streams, and what is left of a series.

use serde_json::{Value, json};

use crate::nodes::eventually;
use crate::service::{Service, as_};

/// Reads a list page by page; what its pages hold, and how many pages there were.
fn pages(service: &Service, token: &str, path: &str, member: &str) -> (Vec<Value>, usize) {
    let (mut all, mut count, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = service
            .get(token, &format!("{path}?limit=2{cursor}"))
            .is(200);
        let held = page[member].as_array().unwrap();
        assert!(held.len() <= 2);
        all.extend(held.iter().cloned());
        count += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, count),
        }
    }
}

fn an_event(service: &Service, event: Value) -> String {
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let calendar = listed["calendars"][0]["id"].as_str().unwrap();
    let path = format!("/api/calendar/calendars/{calendar}/events/");
    let made = service.sends(service.owner(), "POST", &path, event).is(201);
    format!("/api/calendar/events/{}/", made["id"].as_str().unwrap())
}

#[test]
fn lists_are_read_page_by_page_and_none_ends_in_silence() {
    let service = Service::start();
    let event = an_event(&service, json!({ "title": "1", "start": "2027-03-01" }));
    for title in ["2", "3", "4"] {
        service
            .sends(service.owner(), "PATCH", &event, json!({ "title": title }))
            .is(200);
    }
    let (versions, count) = pages(
        &service,
        service.staff(),
        &format!("{event}history/"),
        "versions",
    );
    let titles: Vec<&str> = versions
        .iter()
        .map(|one| one["event"]["title"].as_str().unwrap())
        .collect();
    assert_eq!((titles, count), (vec!["1", "2", "3", "4"], 2));

    let path = "/api/platform/invitations/";
    for slug in ["a", "b", "c"] {
        let new = json!({ "email": "new@example.com", "tenant_name": "New", "slug": slug });
        service.sends(service.platform(), "POST", path, new).is(201);
    }
    let (invitations, count) = pages(&service, service.platform(), path, "invitations");
    let slugs: Vec<&str> = invitations
        .iter()
        .map(|one| one["slug"].as_str().unwrap())
        .collect();
    assert_eq!((slugs, count), (vec!["c", "b", "a"], 2));

    let (tenants, count) = pages(
        &service,
        service.platform(),
        "/api/platform/tenants/",
        "tenants",
    );
    assert_eq!(count, tenants.len().div_ceil(2));
    let (entries, count) = pages(
        &service,
        service.platform(),
        "/api/platform/audit/",
        "entries",
    );
    assert_eq!(count, entries.len().div_ceil(2));
    let (conflicts, count) = pages(
        &service,
        service.owner(),
        "/api/calendar/conflicts/",
        "conflicts",
    );
    assert_eq!((conflicts.len(), count), (0, 1));

    for (token, path) in [
        (service.owner(), format!("{event}history/")),
        (service.owner(), "/api/calendar/conflicts/".to_owned()),
        (service.platform(), path.to_owned()),
    ] {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("cursor=x", "cursor"),
        ] {
            let problem = service
                .get(token, &format!("{path}?{query}"))
                .refused(400, "invalid");
            assert_eq!(problem["field"], field, "{path}?{query}");
        }
    }
}

#[test]
fn names_have_an_end_wherever_they_are_given() {
    let service = Service::start();
    let long = "n".repeat(201);
    let (owner, platform) = (service.owner(), service.platform());
    let caldav = "/api/calendar/connections/caldav/";
    let account = |user: &str, name: &str| json!({ "url": "dav.example.com", "user": user, "password": "x", "name": name });
    for (token, path, body, field) in [
        (owner, caldav, account(&long, "short"), "user"),
        (owner, caldav, account(" ", "short"), "user"),
        (owner, caldav, account("ann", &long), "name"),
        (
            owner,
            "/api/calendar/connections/ics/",
            json!({ "url": "https://example.com/a.ics", "name": long }),
            "name",
        ),
        (
            owner,
            "/api/calendar/calendars/",
            json!({ "name": long }),
            "name",
        ),
        (
            owner,
            "/api/calendar/calendars/",
            json!({ "name": "  " }),
            "name",
        ),
        (
            platform,
            "/api/platform/tenants/",
            json!({ "slug": "new", "name": long }),
            "name",
        ),
        (
            platform,
            "/api/platform/features/",
            json!({ "code": "seats", "name": long }),
            "name",
        ),
        (
            platform,
            "/api/platform/plans/",
            json!({ "code": "pro", "name": long }),
            "name",
        ),
        (
            platform,
            "/api/platform/invitations/",
            json!({ "email": "a@b.example", "slug": "new", "tenant_name": long }),
            "tenant_name",
        ),
        (platform, "/api/tokens/", json!({ "name": long }), "name"),
    ] {
        let problem = service
            .sends(token, "POST", path, body)
            .refused(400, "invalid");
        assert_eq!(problem["field"], field, "{path}: {problem}");
        assert!(
            problem["error"]
                .as_str()
                .unwrap()
                .contains("1 to 200 characters"),
            "{problem}"
        );
    }
}

#[test]
fn a_user_listens_to_few_streams_at_once_and_closing_one_makes_room() {
    let service = Service::start();
    let mut open: Vec<_> = (0..10)
        .map(|_| service.opens_stream(service.staff()))
        .collect();
    let one_more = || service.asks("GET", "/api/calendar/stream/", &as_(service.staff()));
    let answer = one_more();
    assert!(
        answer.headers.contains("retry-after: "),
        "{}",
        answer.headers
    );
    answer.refused(429, "too_many_streams");
    // Another user of the tenant is not kept out.
    open.push(service.opens_stream(service.owner()));
    drop(open.swap_remove(0));
    eventually("room", || service.tries_stream(service.staff()).is_some());
}

#[test]
fn a_series_of_which_nothing_is_left_is_deleted_and_comes_back() {
    let service = Service::start();
    let daily = json!({ "title": "Course", "start": "2027-03-01T09:00:00", "timeZone": "Etc/UTC", "duration": "PT1H",
        "recurrenceRules": [{ "frequency": "daily", "count": 3 }] });
    let staff = service.staff();
    let event = an_event(&service, daily.clone());
    for (day, deleted) in [(1, false), (2, false), (3, true)] {
        let one = format!("{event}?recurrence_id=2027-03-0{day}T09:00:00");
        let left = service.asks("DELETE", &one, &as_(staff)).is(200);
        assert_eq!(
            (&left["deleted"], left["event"].is_null()),
            (&json!(deleted), deleted),
            "{left}"
        );
    }
    let log = service
        .get(service.owner(), "/api/tenant/audit/?action=event.delete")
        .is(200);
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
    let back = service
        .sends(
            staff,
            "POST",
            &format!("{event}restore/"),
            json!({ "version": 1 }),
        )
        .is(200);
    assert_eq!(
        (&back["deleted"], &back["event"]["title"]),
        (&json!(false), &json!("Course"))
    );

    // Without its first, all that follow the second are all.
    let event = an_event(&service, daily.clone());
    service
        .asks(
            "DELETE",
            &format!("{event}?recurrence_id=2027-03-01T09:00:00"),
            &as_(staff),
        )
        .is(200);
    let rest = format!("{event}?recurrence_id=2027-03-02T09:00:00&scope=following");
    assert_eq!(
        service.asks("DELETE", &rest, &as_(staff)).is(200)["deleted"],
        true
    );

    // Taken away by a change it is the same; divided, what follows goes on by itself.
    let event = an_event(&service, daily);
    service
        .asks(
            "DELETE",
            &format!("{event}?recurrence_id=2027-03-01T09:00:00"),
            &as_(staff),
        )
        .is(200);
    let rest = format!("{event}?recurrence_id=2027-03-02T09:00:00&scope=following");
    let divided = service
        .sends(staff, "PATCH", &rest, json!({ "title": "Seminar" }))
        .is(200);
    assert_eq!(divided["deleted"], true, "{divided}");
    assert_eq!(divided["following"]["event"]["title"], "Seminar");
    let seminar = format!(
        "/api/calendar/events/{}/",
        divided["following"]["id"].as_str().unwrap()
    );
    let gone = json!({ "recurrenceOverrides": { "2027-03-02T09:00:00": { "excluded": true }, "2027-03-03T09:00:00": { "excluded": true } } });
    assert_eq!(
        service.sends(staff, "PATCH", &seminar, gone).is(200)["deleted"],
        true
    );
}

#[test]
fn a_change_of_an_occurrence_that_was_taken_away_is_refused_by_name() {
    let service = Service::start();
    let daily = json!({ "title": "Course", "start": "2027-03-01T09:00:00", "timeZone": "Etc/UTC",
        "recurrenceRules": [{ "frequency": "daily", "count": 3 }],
        "recurrenceOverrides": { "2027-03-02T09:00:00": { "excluded": true } } });
    let event = an_event(&service, daily);
    let change = |what: Value| {
        let body = json!({ "recurrenceOverrides": { "2027-03-02T09:00:00": what } });
        service.sends(service.staff(), "PATCH", &event, body)
    };
    let problem = change(json!({ "title": "Ghost" })).refused(400, "invalid");
    assert_eq!(problem["field"], "recurrenceOverrides/2027-03-02T09:00:00");
    let back = change(json!({ "excluded": false, "title": "Back" })).is(200);
    assert_eq!(
        back["event"]["recurrenceOverrides"]["2027-03-02T09:00:00"]["title"],
        "Back"
    );
}

#[test]
fn the_audit_log_tells_what_a_link_was() {
    let service = Service::start();
    let links = service.get(service.owner(), "/api/calendar/links/").is(200);
    let path = format!(
        "/api/calendar/links/{}/",
        links["links"][0]["id"].as_str().unwrap()
    );
    service
        .sends(service.owner(), "PATCH", &path, json!({ "detail": "busy" }))
        .is(200);
    service.asks("DELETE", &path, &as_(service.owner())).is(200);
    let log = service.get(service.owner(), "/api/tenant/audit/").is(200);
    let told = |action: &str| {
        let entries = log["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["action"] == action);
        entry.unwrap_or_else(|| panic!("no {action} in {log}"))["detail"].clone()
    };
    let changed = told("link.update");
    assert_eq!(
        (&changed["before"]["detail"], &changed["detail"]),
        (&json!("full"), &json!("busy"))
    );
    let deleted = told("link.delete");
    for member in [
        "calendar",
        "connection",
        "remote",
        "remote_id",
        "direction",
        "conflict_policy",
    ] {
        assert!(
            deleted[member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{member}: {deleted}"
        );
    }
    assert_eq!(deleted["detail"], "busy");
}
