//! Links that open a screen inside a host product: what they may, for whom, and for how long.

use serde_json::{Value, json};

use crate::service::Service;

/// Where the demo takes a host product to be.
const HOST: &str = "http://localhost:3000";

fn token_of(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    let (_, fragment) = url.split_once('#').unwrap();
    let said = url::form_urlencoded::parse(fragment.as_bytes());
    let found = said.into_iter().find(|(name, _)| name == "token");
    found.unwrap().1.into_owned()
}

/// The address of the staff's own token, found by using it.
fn own(service: &Service) -> String {
    let entries = service
        .get(service.platform(), "/api/platform/audit/")
        .is(200)["entries"]
        .clone();
    let used = entries
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "token.first_use" && entry["actor"] == "stan@demo.example")
        .unwrap();
    let id = used["object"]
        .as_str()
        .unwrap()
        .strip_prefix("token ")
        .unwrap()
        .to_owned();
    format!("/api/tokens/{id}/")
}

#[test]
fn a_link_acts_as_the_member_it_is_for_and_only_in_the_tenant() {
    let service = Service::start();
    let make = |token: &str, body: Value| service.sends(token, "POST", "/api/embed-links/", body);
    let look = json!({
        "screen": "connect", "email": "Mona@demo.example", "accent": "#2456C8", "logo": format!("{HOST}/logo.svg"),
        "theme": "dark", "language": "de"
    });
    let link = make(service.owner(), look).is(201);
    let url = link["url"].as_str().unwrap();
    assert!(url.contains("/embed/connect#token=kal_"), "{url}");
    assert!(
        url.ends_with(
            "&accent=%232456C8&logo=http%3A%2F%2Flocalhost%3A3000%2Flogo.svg&theme=dark&language=de"
        ),
        "{url}"
    );

    let token = token_of(&link);
    let me = service.get(&token, "/api/session/").is(200);
    assert_eq!(me["email"], "mona@demo.example");
    let tenants = me["tenants"].as_array().unwrap();
    assert_eq!((tenants.len(), &tenants[0]["role"]), (1, &json!("manager")));
    service.get(&token, "/api/calendar/list/").is(200);

    make(&token, json!({})).refused(403, "role_required");
    service
        .sends(&token, "POST", "/api/tokens/", json!({ "name": "more" }))
        .refused(403, "role_required");
    let entries = service.get(service.owner(), "/api/tenant/audit/").is(200)["entries"].clone();
    let told = entries
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "embed_link.create")
        .unwrap();
    assert_eq!(told["detail"]["for"], "Mona@demo.example");
    assert!(!entries.to_string().contains(&token));
}

#[test]
fn nobody_lends_more_than_they_have() {
    let service = Service::start();
    let make = |token: &str, body: Value| service.sends(token, "POST", "/api/embed-links/", body);
    let role = |link: &Value| {
        let me = service.get(&token_of(link), "/api/session/").is(200);
        me["tenants"][0]["role"].clone()
    };
    let wide = make(service.staff(), json!({ "role": "owner" })).is(201);
    assert_eq!(role(&wide), "staff");
    let narrow = make(service.owner(), json!({ "role": "staff" })).is(201);
    assert_eq!(role(&narrow), "staff");
    make(service.manager(), json!({ "email": "olivia@demo.example" }))
        .refused(403, "role_required");
    for (body, field) in [
        (json!({ "email": "rita@rival.example" }), "email"),
        (json!({ "email": "carl@demo.example" }), "role"),
        (json!({ "role": "customer" }), "role"),
        (json!({ "lifetime_seconds": 59 }), "lifetime_seconds"),
        (json!({ "lifetime_seconds": 86_401 }), "lifetime_seconds"),
        (json!({ "accent": "red" }), "accent"),
        (
            json!({ "logo": "https://elsewhere.example/logo.svg" }),
            "logo",
        ),
    ] {
        let problem = make(service.owner(), body).refused(400, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    }
}

#[test]
fn a_link_ends_with_the_token_that_made_it_and_that_may_end_it_alone() {
    let service = Service::start();
    let make = |token: &str| {
        service
            .sends(token, "POST", "/api/embed-links/", json!({}))
            .is(201)
    };
    let (link, other) = (make(service.staff()), make(service.staff()));
    let path = format!("/api/tokens/{}/", link["token_id"].as_str().unwrap());
    service
        .sends(service.manager(), "DELETE", &path, json!({}))
        .refused(404, "not_found");
    service
        .sends(service.staff(), "DELETE", &path, json!({}))
        .is(200);
    service
        .get(&token_of(&link), "/api/calendar/list/")
        .refused(401, "not_authenticated");
    service
        .get(&token_of(&other), "/api/calendar/list/")
        .is(200);
    let listed = service
        .sends(service.staff(), "DELETE", &own(&service), json!({}))
        .is(200);
    assert_eq!(listed["success"], true);
    service
        .get(&token_of(&other), "/api/calendar/list/")
        .refused(401, "not_authenticated");
}
