//! Plans, features and quotas: what a tenant may do, and what becomes of its work when it may not.

use serde_json::{Value, json};

use crate::service::{Service, as_};

fn set(service: &Service, tenant: &str, body: Value) -> Value {
    let path = format!("/api/platform/tenants/{tenant}/");
    service
        .sends(service.platform(), "PATCH", &path, body)
        .is(200)
}

#[test]
fn a_plan_gives_and_takes_a_feature_and_an_override_beats_it() {
    let service = Service::start();
    let pro = json!({ "code": "pro", "name": "Professional",
        "permissions": { "can_use_calendar_sync": true, "can_use_webhooks": true }, "quotas": { "connections": 1 } });
    service
        .sends(
            service.platform(),
            "POST",
            "/api/platform/plans/",
            pro.clone(),
        )
        .is(201);
    service
        .sends(service.platform(), "POST", "/api/platform/plans/", pro)
        .refused(409, "taken");
    let changed = set(&service, "rival", json!({ "plan": "pro" }));
    assert_eq!(changed["can_use_calendar_sync"], true);
    service.get(service.rival(), "/api/calendar/list/").is(200);
    let source = |code: &str| {
        let all = service
            .get(service.rival(), "/api/tenant/features/")
            .is(200);
        let all = all["features"].as_array().unwrap().clone();
        let feature = all
            .into_iter()
            .find(|feature| feature["code"] == code)
            .unwrap();
        (feature["enabled"].clone(), feature["source"].clone())
    };
    assert_eq!(source("can_use_webhooks"), (json!(true), json!("plan")));
    assert_eq!(
        source("can_create_plugins"),
        (json!(false), json!("default"))
    );
    let overrides = json!({ "can_use_calendar_sync": false, "can_create_plugins": true });
    let path = "/api/platform/tenants/rival/features/";
    service
        .sends(service.platform(), "PUT", path, overrides)
        .is(200);
    assert_eq!(source("can_create_plugins"), (json!(true), json!("tenant")));
    service
        .get(service.rival(), "/api/calendar/list/")
        .refused(403, "feature_not_available");
    service
        .sends(
            service.platform(),
            "PUT",
            path,
            json!({ "can_use_calendar_sync": null }),
        )
        .is(200);
    service.get(service.rival(), "/api/calendar/list/").is(200);
    let problem = service
        .sends(service.platform(), "PUT", path, json!({ "can_fly": true }))
        .refused(400, "invalid");
    assert_eq!(problem["field"], "can_fly");
    let off = json!({ "code": "pro", "permissions": { "can_use_calendar_sync": null } });
    service
        .sends(service.platform(), "PATCH", "/api/platform/plans/", off)
        .is(200);
    service
        .get(service.rival(), "/api/calendar/list/")
        .refused(403, "feature_not_available");
}

#[test]
fn a_plan_limits_how_much_there_may_be() {
    let service = Service::start();
    let small =
        json!({ "code": "small", "name": "Small", "quotas": { "connections": 1, "calendars": 1 } });
    service
        .sends(service.platform(), "POST", "/api/platform/plans/", small)
        .is(201);
    set(&service, "demo", json!({ "plan": "small" }));
    let caldav = &service.told()["sandbox"]["caldav"];
    let ben =
        json!({ "url": caldav["base"], "user": "ben", "password": caldav["users"][1]["password"] });
    let problem = service
        .sends(
            service.owner(),
            "POST",
            "/api/calendar/connections/caldav/",
            ben,
        )
        .refused(403, "quota_exceeded");
    assert_eq!(
        (&problem["quota"], &problem["limit"], &problem["used"]),
        (&json!("connections"), &json!(1), &json!(1))
    );
    service
        .sends(
            service.owner(),
            "POST",
            "/api/calendar/calendars/",
            json!({ "name": "Another" }),
        )
        .refused(403, "quota_exceeded");
}

#[test]
fn losing_the_feature_rests_all_work_and_getting_it_back_catches_up() {
    let service = Service::start();
    let links = service.get(service.owner(), "/api/calendar/links/").is(200);
    let link = links["links"][0]["id"].as_str().unwrap().to_owned();
    let calendar = links["links"][0]["calendar_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let events = format!("/api/calendar/calendars/{calendar}/events/");
    let made = service
        .sends(
            service.owner(),
            "POST",
            &events,
            json!({ "title": "Before", "start": "2030-01-01" }),
        )
        .is(201);
    set(&service, "demo", json!({ "can_use_calendar_sync": false }));
    for path in ["/api/calendar/links/", &events, "/api/calendar/changes/"] {
        service
            .get(service.owner(), path)
            .refused(403, "feature_not_available");
    }
    set(&service, "demo", json!({ "can_use_calendar_sync": true }));
    let event = format!("/api/calendar/events/{}/", made["id"].as_str().unwrap());
    assert_eq!(
        service.get(service.owner(), &event).is(200)["event"]["title"],
        "Before"
    );
    let sync = format!("/api/calendar/links/{link}/sync/");
    service
        .sends(service.owner(), "POST", &sync, json!({}))
        .is(200);
    let planned = service
        .sends(
            service.owner(),
            "POST",
            &format!("{sync}?dry_run=true"),
            json!({}),
        )
        .is(200);
    assert_eq!(planned["plan"], json!([]), "both sides are in step again");
}

#[test]
fn a_member_is_not_sent_away_by_what_is_not_said() {
    let service = Service::start();
    let change =
        |body: Value| service.sends(service.owner(), "PATCH", "/api/tenant/members/", body);
    change(json!({ "email": "stan@demo.example" })).refused(400, "invalid");
    service.get(service.staff(), "/api/calendar/list/").is(200);
    change(json!({ "email": "olivia@demo.example", "role": "staff" })).refused(409, "last_owner");
    change(json!({ "email": "stan@demo.example", "role": null })).is(200);
    service
        .get(service.staff(), "/api/calendar/list/")
        .refused(403, "role_required");
}

#[test]
fn the_audit_log_tells_who_did_what_from_where_and_whats_platform_sees_no_titles() {
    let service = Service::start();
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    let calendar = listed["calendars"][0]["id"].as_str().unwrap();
    let path = format!("/api/calendar/calendars/{calendar}/events/");
    let secret = json!({ "title": "Root canal of the mayor", "start": "2030-01-01" });
    service
        .sends(service.staff(), "POST", &path, secret)
        .is(201);
    set(&service, "demo", json!({ "name": "Demo Dental Ltd" }));
    let log = service
        .get(service.owner(), "/api/tenant/audit/?action=event.create")
        .is(200);
    let entry = &log["entries"][0];
    assert_eq!(entry["actor"], "stan@demo.example");
    assert_eq!(entry["address"], "127.0.0.1");
    assert!(
        entry["cause"].as_str().unwrap().starts_with("request "),
        "{entry}"
    );
    let all = service.get(service.platform(), "/api/platform/audit/");
    assert!(all.text.contains("tenant.update"), "{}", all.text);
    assert!(!all.text.contains("Root canal"), "{}", all.text);
    let by_root = service
        .get(
            service.platform(),
            "/api/platform/audit/?actor=root@kalends.example&limit=1",
        )
        .is(200);
    assert_eq!(by_root["entries"].as_array().unwrap().len(), 1);
    service
        .asks("GET", "/api/tenant/audit/", &as_(service.staff()))
        .refused(403, "role_required");
}
