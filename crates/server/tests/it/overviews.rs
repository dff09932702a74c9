//! What is told in numbers before anybody decides, and that several conflicts are decided at once.

use serde_json::{Value, json};

use crate::service::Service;

const STRANGE: &str = "01a20593-0000-7000-8000-000000000000";

fn link(service: &Service) -> Value {
    let listed = service.get(service.owner(), "/api/calendar/links/").is(200);
    listed["links"][0].clone()
}

#[test]
fn a_link_tells_how_much_it_holds_and_what_woke_it() {
    let service = Service::start();
    let link = link(&service);
    let id = link["id"].as_str().unwrap();
    assert!(link["events"].as_i64().unwrap() > 0, "{link}");
    assert_eq!(link["refused"], 0);
    assert_eq!(link["last_run"]["woken_by"], "new");
    assert_eq!(link["last_run"]["state"], "done");
    for (part, member) in [("held", "held"), ("skipped", "items")] {
        let path = format!("/api/calendar/links/{id}/{part}/");
        let told = service.get(service.owner(), &path).is(200);
        assert_eq!(told[member], json!([]));
        let strange = format!("/api/calendar/links/{STRANGE}/{part}/");
        service
            .get(service.owner(), &strange)
            .refused(404, "not_found");
    }
}

#[test]
fn leaving_is_told_in_numbers_to_those_who_may_leave() {
    let service = Service::start();
    let link = link(&service);
    let connection = link["connection_id"].as_str().unwrap();
    let path = format!("/api/calendar/disconnect/?credential_id={connection}");
    let told = service.get(service.owner(), &path).is(200);
    assert_eq!(told["links"], 1);
    assert_eq!(told["events"], link["events"]);
    assert_eq!(told["written"], 0);
    service
        .get(service.staff(), &path)
        .refused(403, "role_required");
    let strange = format!("/api/calendar/disconnect/?credential_id={STRANGE}");
    service
        .get(service.owner(), &strange)
        .refused(404, "not_found");
}

#[test]
fn what_is_no_open_conflict_stops_none_of_the_others() {
    let service = Service::start();
    let path = "/api/calendar/conflicts/resolve/";
    let decide = |body| service.sends(service.owner(), "POST", path, body);
    let told = decide(json!({ "ids": [STRANGE, "nonsense"], "choose": "local" })).is(200);
    assert_eq!(told["resolved"], 0);
    let left: Vec<&Value> = told["left"].as_array().unwrap().iter().collect();
    assert_eq!(left.len(), 2);
    assert_eq!(left[0]["id"], STRANGE);
    let none = decide(json!({ "ids": [], "choose": "local" })).refused(400, "invalid");
    assert_eq!(none["field"], "ids");
    let custom = json!({ "ids": [STRANGE], "choose": "custom" });
    assert_eq!(decide(custom).status, 400);
}

#[test]
fn the_platform_sees_counts_and_no_titles() {
    let service = Service::start();
    let link = link(&service);
    let calendar = link["calendar_id"].as_str().unwrap();
    let events = format!("/api/calendar/calendars/{calendar}/events/");
    let page = service.get(service.owner(), &events).is(200);
    let title = page["events"][0]["event"]["title"].as_str().unwrap();
    let usage = service
        .get(service.platform(), "/api/platform/usage/")
        .is(200);
    let health = service
        .get(service.platform(), "/api/platform/health/")
        .is(200);
    let demo = |of: &Value| {
        let tenants = of["tenants"].as_array().unwrap();
        let found = tenants.iter().find(|tenant| tenant["slug"] == "demo");
        found.unwrap().clone()
    };
    assert_eq!(
        demo(&usage)["usage"]["links"],
        json!({ "limit": null, "used": 1 })
    );
    assert_eq!(demo(&health)["links"]["in_step"], 1);
    assert!(demo(&health)["last_success_at"].is_string());
    for told in [&usage, &health] {
        assert!(!told.to_string().contains(title), "{told}");
    }
    let own = service.get(service.staff(), "/api/tenant/usage/").is(200);
    assert_eq!(own["usage"], demo(&usage)["usage"]);
    let first = service
        .get(service.platform(), "/api/platform/health/?limit=1")
        .is(200);
    assert!(first["next_cursor"].is_string());
}
