//! Accounts that are connected by consent: who may, who is refused, and that a refusal leaves nothing behind.

use serde_json::{Value, json};

use crate::consent::{Choice, begin, come_back, come_back_as, connect, consent};
use crate::nodes::eventually;
use crate::service::{Asking, Service, as_, exchange};

const ANN: Choice<'static> = Choice {
    account: "ann@example.com",
    denies: false,
    unticks: None,
};

/// The tenant's accounts at a vendor.
fn accounts(service: &Service, provider: &str) -> Vec<Value> {
    let all = service.get(service.owner(), "/api/calendar/list/").is(200);
    let all = all["calendars"].as_array().unwrap().clone();
    all.into_iter()
        .filter(|account| account["provider"] == provider)
        .collect()
}

#[track_caller]
fn sync(service: &Service, id: &Value) -> Value {
    let body = json!({ "credential_id": id });
    service
        .sends(service.owner(), "POST", "/api/calendar/sync/", body)
        .is(200)
}

#[test]
fn accounts_at_both_are_connected_synced_and_connected_again_as_the_same() {
    let service = Service::start();
    for (vendor, provider, account) in [
        ("google", "Google", "ann@example.com"),
        ("microsoft", "Microsoft", "ann@contoso.example"),
    ] {
        let page = connect(&service, service.owner(), vendor, account);
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
        assert!(page.text.contains(account), "{}", page.text);
        let [known] = &accounts(&service, provider)[..] else {
            panic!("one account at {provider}")
        };
        assert_eq!(known["email"], account);
        assert_eq!(
            (&known["is_valid"], &known["is_expired"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(known["status"], "connected");
        let synced = sync(&service, &known["id"]);
        assert_eq!(synced["status"], "succeeded", "{synced}");
        assert_eq!(synced["created"], 3, "{synced}");
        assert_eq!(synced["skipped"], json!([]), "{synced}");
        // The same account again: the id, the link and the events stay.
        let page = connect(&service, service.owner(), vendor, account);
        assert!(page.text.contains("connected before"), "{}", page.text);
        let [again] = &accounts(&service, provider)[..] else {
            panic!("one account at {provider}")
        };
        assert_eq!(
            (&again["id"], &again["links"]),
            (&known["id"], &json!([synced["link_id"]]))
        );
        let synced = sync(&service, &known["id"]);
        assert_eq!(
            (&synced["created"], &synced["updated"]),
            (&json!(0), &json!(0)),
            "{synced}"
        );
    }
}

#[test]
fn a_state_is_good_once_for_who_began_it_and_where() {
    let service = Service::start();
    let owner = service.owner();
    let back = || consent(&service, &begin(&service, owner, "google", "calendar"), ANN);

    // Somebody else who is signed in; the state is spent by that.
    let mine = back();
    let page = come_back_as(&service, &mine, &as_(service.staff()));
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(page.text.contains("Nothing was stored"), "{}", page.text);
    let page = come_back_as(&service, &mine, &as_(owner));
    assert_eq!(page.status, 400, "it was tried already: {}", page.text);

    // At the address of another tenant.
    let asking = Asking {
        headers: vec![("x-tenant", "rival".to_owned())],
        ..Asking::default()
    };
    let page = come_back_as(&service, &back(), &asking);
    assert_eq!(page.status, 403, "{}", page.text);
    let page = come_back_as(&service, &back(), &as_(service.rival()));
    assert_eq!(page.status, 403, "{}", page.text);

    // At the other provider.
    let mut elsewhere = back();
    elsewhere.set_path("/api/oauth/microsoft/callback/");
    let page = come_back(&service, &elsewhere);
    assert_eq!(page.status, 400, "{}", page.text);
    assert!(page.text.contains("another provider"), "{}", page.text);

    // Made up, mistyped, missing.
    for state in ["", "kao_made-up", "null"] {
        let path = format!("/api/oauth/google/callback/?code=4/abc&state={state}");
        let page = service.asks("GET", &path, &Asking::default());
        assert_eq!(page.status, 400, "{state}: {}", page.text);
    }
    assert_eq!(accounts(&service, "Google"), Vec::<Value>::new());

    // Twice.
    let mine = back();
    assert_eq!(come_back(&service, &mine).status, 200);
    let page = come_back(&service, &mine);
    assert_eq!(page.status, 400, "{}", page.text);
    assert_eq!(accounts(&service, "Google").len(), 1);
}

#[test]
fn a_code_is_of_use_only_with_the_verifier_that_it_was_asked_with() {
    let service = Service::start();
    let mut page = begin(&service, service.owner(), "google", "calendar");
    // An attacker's challenge in place of ours.
    let pairs: Vec<(String, String)> = page
        .query_pairs()
        .map(|(name, value)| {
            let value = if name == "code_challenge" {
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()
            } else {
                value.into_owned()
            };
            (name.into_owned(), value)
        })
        .collect();
    assert!(
        pairs
            .iter()
            .any(|(name, value)| name == "code_challenge_method" && value == "S256")
    );
    page.query_pairs_mut().clear().extend_pairs(&pairs);
    let answer = come_back(&service, &consent(&service, &page, ANN));
    assert_eq!(answer.status, 502, "{}", answer.text);
    assert_eq!(accounts(&service, "Google"), Vec::<Value>::new());
}

#[test]
fn people_are_sent_back_only_where_the_operator_allows() {
    let service = Service::start();
    let wish = |url: &str| {
        let body = json!({ "purpose": "calendar", "return_url": url });
        service.sends(service.owner(), "POST", "/api/oauth/google/initiate/", body)
    };
    for evil in [
        "https://evil.example/",
        "//evil.example/",
        "http://localhost:3001/",
        "http://localhost:3000@evil.example/",
        "http://localhost:3000.evil.example/",
        "javascript:alert(1)",
        "/relative",
        "",
    ] {
        let problem = wish(evil).refused(400, "invalid");
        assert_eq!(problem["field"], "return_url", "{evil}");
    }
    let page = wish("http://localhost:3000/calendars?from=kalends").is(200);
    let page = page["authorization_url"].as_str().unwrap().parse().unwrap();
    let denied = Choice {
        denies: true,
        ..ANN
    };
    let answer = come_back(&service, &consent(&service, &page, denied));
    assert_eq!(answer.status, 303, "{}", answer.text);
    let location = answer.header("location").unwrap();
    assert!(
        location.starts_with(
            "http://localhost:3000/calendars?from=kalends&provider=google&error=access_denied&"
        ),
        "{location}"
    );
    let page = wish("http://localhost:3000/").is(200);
    let page = page["authorization_url"].as_str().unwrap().parse().unwrap();
    let answer = come_back(&service, &consent(&service, &page, ANN));
    let location = answer.header("location").unwrap();
    let id = accounts(&service, "Google")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        location,
        format!("http://localhost:3000/?provider=google&status=connected&credential_id={id}")
    );
}

#[test]
fn what_is_denied_or_half_granted_leaves_nothing() {
    let service = Service::start();
    for (vendor, account, scope) in [
        ("google", "ann@example.com", "calendar.events"),
        (
            "google",
            "ann@example.com",
            "calendar.calendarlist.readonly",
        ),
    ] {
        let denied = Choice {
            account,
            denies: true,
            unticks: None,
        };
        let page = begin(&service, service.owner(), vendor, "calendar");
        let answer = come_back(&service, &consent(&service, &page, denied));
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains("did not allow"), "{}", answer.text);
        let half = Choice {
            account,
            denies: false,
            unticks: Some(scope),
        };
        let page = begin(&service, service.owner(), vendor, "calendar");
        let answer = come_back(&service, &consent(&service, &page, half));
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains(scope), "{}", answer.text);
    }
    assert_eq!(accounts(&service, "Google"), Vec::<Value>::new());
}

#[test]
fn a_feature_that_goes_while_the_consent_page_is_open_refuses_and_comes_back() {
    let service = Service::start();
    let set = |on: bool| {
        let body = json!({ "can_use_calendar_sync": on });
        service
            .sends(
                service.platform(),
                "PATCH",
                "/api/platform/tenants/demo/",
                body,
            )
            .is(200);
    };
    let back = consent(
        &service,
        &begin(&service, service.owner(), "google", "calendar"),
        ANN,
    );
    set(false);
    let page = come_back(&service, &back);
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(
        page.text
            .contains("Your current plan does not include Calendar Sync. Please upgrade"),
        "{}",
        page.text
    );
    let body = json!({ "purpose": "calendar" });
    let problem = service
        .sends(service.owner(), "POST", "/api/oauth/google/initiate/", body)
        .refused(403, "feature_not_available");
    assert_eq!(problem["feature"], "can_use_calendar_sync");
    set(true);
    assert_eq!(accounts(&service, "Google"), Vec::<Value>::new());
    let page = connect(&service, service.owner(), "google", "ann@example.com");
    assert_eq!(page.status, 200, "{}", page.text);
}

#[test]
fn a_revoked_grant_asks_to_be_connected_again_and_goes_on_where_it_was() {
    let service = Service::start();
    connect(&service, service.owner(), "google", "ann@example.com");
    let id = accounts(&service, "Google")[0]["id"].clone();
    let link = sync(&service, &id)["link_id"].clone();
    // Taking back any token of a person takes back all that we were granted.
    let google = &service.told()["sandbox"]["google"];
    let token = google["users"][0]["access_token"].as_str().unwrap();
    let base = google["base"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let (host, prefix) = base.split_once('/').unwrap();
    let asking = Asking {
        headers: vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        ..Asking::default()
    };
    let form = format!("token={token}");
    let path = format!("/{prefix}/revoke");
    let revoked = exchange(host, "POST", &path, &asking, Some(&form));
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let body = json!({ "credential_id": id });
    let problem = service
        .sends(service.owner(), "POST", "/api/calendar/sync/", body)
        .refused(409, "reconnect_required");
    assert!(
        problem["error"].as_str().unwrap().contains("Google"),
        "{problem}"
    );
    let known = accounts(&service, "Google")[0].clone();
    assert_eq!(
        (&known["is_valid"], &known["status"]),
        (&json!(false), &json!("reconnect_needed"))
    );
    let page = connect(&service, service.owner(), "google", "ann@example.com");
    assert!(page.text.contains("connected before"), "{}", page.text);
    let synced = sync(&service, &id);
    assert_eq!(
        (&synced["link_id"], &synced["created"]),
        (&link, &json!(0)),
        "{synced}"
    );
}

#[test]
fn what_was_granted_ends_at_google_when_the_account_is_disconnected() {
    let service = Service::start();
    connect(&service, service.owner(), "google", "ann@example.com");
    let id = accounts(&service, "Google")[0]["id"].clone();
    let google = &service.told()["sandbox"]["google"];
    let base = google["base"].as_str().unwrap();
    let (host, prefix) = base
        .strip_prefix("http://")
        .and_then(|base| base.split_once('/'))
        .unwrap();
    // A token of the same person and the same client lives as long as what they allowed.
    let token = google["users"][0]["access_token"].as_str().unwrap();
    let path = format!("/{prefix}/calendar/v3/users/me/calendarList");
    let opens = || exchange(host, "GET", &path, &as_(token), None).status;
    assert_eq!(opens(), 200);
    let body = json!({ "credential_id": id });
    service
        .sends(service.owner(), "DELETE", "/api/calendar/disconnect/", body)
        .is(200);
    eventually("the end of the grant", || opens() == 401);
    let path = "/api/tenant/audit/?action=connection.revoke";
    eventually("a word about it", || {
        let log = service.get(service.owner(), path).is(200);
        log["entries"][0]["detail"] == json!({ "revoked": true })
    });
}

#[test]
fn staff_connect_their_own_accounts_and_not_those_of_others() {
    let service = Service::start();
    connect(&service, service.owner(), "google", "ann@example.com");
    let page = connect(&service, service.staff(), "google", "ann@example.com");
    assert_eq!(page.status, 403, "{}", page.text);
    let page = connect(&service, service.staff(), "google", "ben@example.com");
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(accounts(&service, "Google").len(), 2);
    let body = json!({ "purpose": "calendar" });
    service
        .sends(
            service.customer(),
            "POST",
            "/api/oauth/google/initiate/",
            body,
        )
        .refused(403, "role_required");
}

#[test]
fn the_platforms_mailbox_is_for_its_administrators_and_sends_invitations() {
    let service = Service::start();
    let admin = service.platform();
    let wish = |token: &str, purpose: &str| {
        let body = json!({ "purpose": purpose });
        service.sends(token, "POST", "/api/oauth/google/initiate/", body)
    };
    wish(service.owner(), "email").refused(403, "role_required");
    wish(service.owner(), "everything").refused(400, "invalid");
    wish("kal_nobody", "everything").refused(401, "not_authenticated");
    wish(admin, "calendar").refused(400, "tenant_required");
    let none = service.get(admin, "/api/platform/mailbox/").is(200);
    assert_eq!(
        (&none["through"], &none["mailbox"]),
        (&json!("none"), &Value::Null)
    );
    let invite = |slug: &str| {
        let body = json!({ "email": "zoe@example.org", "tenant_name": "Zoe's", "slug": slug });
        service
            .sends(admin, "POST", "/api/platform/invitations/", body)
            .is(201)
    };
    assert_eq!(invite("zoes")["mailed"], false);
    for (vendor, account) in [
        ("google", "ben@example.com"),
        ("microsoft", "ben@contoso.example"),
    ] {
        let page = begin(&service, admin, vendor, "email");
        let choice = Choice { account, ..ANN };
        let answer = come_back_as(&service, &consent(&service, &page, choice), &as_(admin));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let known = service.get(admin, "/api/platform/mailbox/").is(200);
        assert_eq!(
            (&known["through"], &known["mailbox"]["email"]),
            (&json!("mailbox"), &json!(account))
        );
        let tried = service
            .asks("POST", "/api/platform/mailbox/", &as_(admin))
            .is(200);
        assert_eq!(tried["success"], true);
        assert_eq!(invite(&format!("zoes-{vendor}"))["mailed"], true);
    }
    service
        .asks("DELETE", "/api/platform/mailbox/", &as_(admin))
        .is(200);
    service
        .asks("DELETE", "/api/platform/mailbox/", &as_(admin))
        .refused(404, "not_found");
    // Neither the code nor a token stands in the log.
    let log = service.log();
    for secret in ["ya29.", "1//0", "EwB", "code=4"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
