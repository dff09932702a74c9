//! Busy times: asked for across accounts, told without a word of what with, and a calendar that shows no more is not linked.

use serde_json::{Value, json};

use crate::consent::connect;
use crate::service::{Service, as_, exchange};

const FROM: &str = "2026-11-30T00:00:00Z";
const TO: &str = "2026-12-01T00:00:00Z";

/// The id of the one connected account at a provider.
fn account(service: &Service, vendor: &str, provider: &str, email: &str) -> String {
    let page = connect(service, service.owner(), vendor, email);
    assert_eq!(page.status, 200, "{}", page.text);
    let all = service.get(service.owner(), "/api/calendar/list/").is(200);
    let all = all["calendars"].as_array().unwrap();
    let own = all.iter().find(|account| account["provider"] == provider);
    own.unwrap()["id"].as_str().unwrap().to_owned()
}

fn asked(calendars: &Value) -> Value {
    json!({ "from": FROM, "to": TO, "calendars": calendars })
}

#[track_caller]
fn ask(service: &Service, token: &str, calendars: &Value) -> Vec<Value> {
    let told = service
        .sends(token, "POST", "/api/calendar/free-busy/", asked(calendars))
        .is(200);
    let text = told.to_string();
    for secret in ["Interview", "Team meeting", "tax adviser"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!((&told["from"], &told["to"]), (&json!(FROM), &json!(TO)));
    told["calendars"].as_array().unwrap().clone()
}

/// What the sandbox's Google is asked by one of its people.
fn at_google(service: &Service, person: usize, method: &str, path: &str, body: &Value) -> Value {
    let google = &service.told()["sandbox"]["google"];
    let base = google["base"].as_str().unwrap();
    let host = base
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let token = google["users"][person]["access_token"].as_str().unwrap();
    let path = format!("/google/calendar/v3/{path}");
    let mut asking = as_(token);
    asking
        .headers
        .push(("content-type", "application/json".to_owned()));
    let answer = exchange(host, method, &path, &asking, Some(&body.to_string()));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[test]
fn busy_times_come_from_google_and_microsoft_and_each_calendar_has_its_own_fault() {
    let service = Service::start();
    let google = account(&service, "google", "Google", "ann@example.com");
    let microsoft = account(&service, "microsoft", "Microsoft", "ann@contoso.example");
    let all = service.get(service.owner(), "/api/calendar/list/").is(200);
    let caldav = all["calendars"].as_array().unwrap().iter();
    let caldav = caldav
        .map(|account| (&account["provider"], &account["id"]))
        .find(|(provider, _)| **provider != "Google" && **provider != "Microsoft");
    let caldav = caldav.unwrap().1;
    let strange = "01a20593-0000-7000-8000-000000000000";
    let told = ask(
        &service,
        service.staff(),
        &json!([
            { "connection_id": google, "calendar_id": "ann@example.com" },
            { "connection_id": microsoft, "calendar_id": "ann@contoso.example" },
            { "connection_id": google, "calendar_id": "nobody@example.com" },
            { "connection_id": microsoft, "calendar_id": "AAMkAGI1" },
            { "connection_id": caldav, "calendar_id": "/ann/work/" },
            { "connection_id": strange, "calendar_id": "ann@example.com" },
            { "connection_id": google, "calendar_id": "ann@example.com" },
        ]),
    );
    let busy = |from: &str, to: &str| json!([{ "from": from, "to": to }]);
    // Three appointments at the same time take it once; the end is free again.
    let morning = busy("2026-11-30T08:00:00Z", "2026-11-30T08:45:00Z");
    assert_eq!(
        (&told[0]["busy"], &told[0]["error"]),
        (&morning, &Value::Null)
    );
    assert_eq!(
        (&told[1]["busy"], &told[1]["error"]),
        (
            &busy("2026-11-30T10:00:00Z", "2026-11-30T10:30:00Z"),
            &Value::Null
        )
    );
    let codes: Vec<&str> = told[2..6]
        .iter()
        .map(|one| {
            assert_eq!(one["busy"], json!([]), "{one}");
            one["error"]["code"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        codes,
        ["not_found", "askByAddress", "not_supported", "not_found"]
    );
    assert_eq!(
        told[6]["busy"], morning,
        "in the order in which it was asked"
    );

    // It is in the audit log, with whose accounts were asked.
    let log = service
        .get(
            service.owner(),
            "/api/tenant/audit/?action=calendar.free_busy",
        )
        .is(200);
    assert_eq!(log["entries"][0]["detail"]["calendars"], 7, "{log}");
    // Another tenant's account is as if it did not exist, and who has not the feature asks in vain.
    service
        .sends(
            service.rival(),
            "POST",
            "/api/calendar/free-busy/",
            asked(&json!([{ "connection_id": google, "calendar_id": "ann@example.com" }])),
        )
        .refused(403, "feature_not_available");
}

#[test]
fn a_question_has_its_limits() {
    let service = Service::start();
    let named = json!([{ "connection_id": "x", "calendar_id": "y" }]);
    let many: Vec<Value> = (0..51).map(|_| named[0].clone()).collect();
    for (from, to, calendars, field) in [
        (TO, FROM, named.clone(), "to"),
        (FROM, FROM, named.clone(), "to"),
        (FROM, "2027-02-15T00:00:00Z", named.clone(), "to"),
        (FROM, TO, json!([]), "calendars"),
        (FROM, TO, json!(many), "calendars"),
        (
            FROM,
            TO,
            json!([{ "connection_id": "x", "calendar_id": "" }]),
            "calendars[0].calendar_id",
        ),
    ] {
        let body = json!({ "from": from, "to": to, "calendars": calendars });
        let refused = service
            .sends(service.staff(), "POST", "/api/calendar/free-busy/", body)
            .refused(400, "invalid");
        assert_eq!(refused["field"], field, "{refused}");
    }
}

#[test]
fn a_calendar_that_shows_only_when_it_is_taken_is_not_linked() {
    let service = Service::start();
    // Ben lets Ann see when he is busy, and she has his calendar in her list.
    let rule = json!({ "role": "freeBusyReader", "scope": { "type": "user", "value": "ann@example.com" } });
    at_google(
        &service,
        1,
        "POST",
        "calendars/ben%40example.com/acl",
        &rule,
    );
    let entry = json!({ "id": "ben@example.com" });
    at_google(&service, 0, "POST", "users/me/calendarList", &entry);
    let google = account(&service, "google", "Google", "ann@example.com");
    let path = format!("/api/calendar/connections/{google}/calendars/");
    let seen = service.get(service.owner(), &path).is(200);
    let bens = seen["calendars"].as_array().unwrap().iter();
    let bens = bens.into_iter().find(|one| one["id"] == "ben@example.com");
    assert_eq!(bens.unwrap()["access"], "free_busy", "{seen}");

    let body = json!({ "connection_id": google, "remote_calendar_id": "ben@example.com" });
    let refused = service
        .sends(service.owner(), "POST", "/api/calendar/links/", body)
        .refused(409, "free_busy_only");
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("/api/calendar/free-busy/"), "{error}");
    let body = json!({ "credential_id": google, "calendar_id": "ben@example.com" });
    service
        .sends(service.owner(), "POST", "/api/calendar/sync/", body)
        .refused(409, "free_busy_only");
    let links = service.get(service.owner(), "/api/calendar/links/").is(200);
    let links = links["links"].as_array().unwrap();
    assert!(
        links
            .iter()
            .all(|link| link["remote_calendar_id"] != "ben@example.com")
    );
    // Its times are told all the same.
    let named = json!([{ "connection_id": google, "calendar_id": "ben@example.com" }]);
    let told = ask(&service, service.owner(), &named);
    assert_eq!(told[0]["busy"].as_array().unwrap().len(), 1, "{told:?}");
}
