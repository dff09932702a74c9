//! Signing in, invitations and tokens.

use serde_json::json;

use crate::service::{Answer, Asking, Service, as_};

/// Sends what the page of an invitation sends.
fn accept(service: &Service, path: &str, name: &str, password: &str) -> Answer {
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    service.form(path, &form)
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    let line = answer
        .raw_headers
        .lines()
        .find(|line| line.to_lowercase().starts_with("set-cookie:"))
        .unwrap_or_else(|| panic!("no cookie: {}", answer.raw_headers));
    let value = line.split_once(':').unwrap().1.trim();
    assert!(
        value.contains("HttpOnly") && value.contains("SameSite=Lax"),
        "{value}"
    );
    value.split(';').next().unwrap().to_owned()
}

fn invite(service: &Service, email: &str, slug: &str) -> String {
    let invitation = json!({
        "email": email, "tenant_name": "Bright <b>Smiles</b>", "slug": slug,
        "features": { "can_use_calendar_sync": true },
    });
    let made = service
        .sends(
            service.platform(),
            "POST",
            "/api/platform/invitations",
            invitation,
        )
        .is(201);
    let link = made["link"].as_str().unwrap();
    link[link.find("/invitations/").unwrap()..].to_owned()
}

#[test]
fn an_invited_person_becomes_the_owner_and_signs_in() {
    let service = Service::start();
    let path = invite(&service, "Zoe@Example.com", "bright");
    let page = service.asks("GET", &path, &Asking::default());
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("Bright &lt;b&gt;Smiles"),
        "{}",
        page.text
    );
    let short = accept(&service, &path, "Zoe", "short");
    assert_eq!(short.status, 400);
    assert!(
        short.text.contains("at least 10 characters"),
        "{}",
        short.text
    );
    let accepted = accept(&service, &path, "Zoe", "a long password");
    assert_eq!(accepted.status, 303, "{}", accepted.text);
    let cookie = cookie(&accepted);

    let me = service
        .browser("GET", "/api/session/", &cookie, None)
        .is(200);
    assert_eq!(
        me["tenants"],
        json!([{ "slug": "bright", "name": "Bright <b>Smiles</b>", "role": "owner" }])
    );
    let status = Asking {
        headers: vec![
            ("cookie", cookie.clone()),
            ("host", "bright.localhost".to_owned()),
        ],
        ..Asking::default()
    };
    let status = service
        .asks("GET", "/api/calendar/status/", &status)
        .is(200);
    assert_eq!(status["can_use_calendar_sync"], true);

    // The link is good once, also for those who only look.
    assert_eq!(service.asks("GET", &path, &Asking::default()).status, 410);
    assert_eq!(
        accept(&service, &path, "Eve", "another long one").status,
        410
    );
    assert_eq!(
        service
            .asks("GET", "/invitations/kai_forged/", &Asking::default())
            .status,
        404
    );

    let out = service.browser("DELETE", "/api/session/", &cookie, None);
    assert_eq!(out.status, 200);
    service
        .browser("GET", "/api/session/", &cookie, None)
        .refused(401, "not_authenticated");
    let sign_in = |password: &str| {
        let asking = Asking {
            body: Some(json!({ "email": "zoe@example.com", "password": password })),
            ..Asking::default()
        };
        service.asks("POST", "/api/session/", &asking)
    };
    sign_in("wrong password").refused(401, "wrong_credentials");
    let again = sign_in("a long password");
    assert_eq!(again.status, 200, "{}", again.text);
    for _ in 0..10 {
        if sign_in("wrong password").status == 429 {
            return;
        }
    }
    panic!("one may guess for ever");
}

#[test]
fn an_invitation_is_read_in_german_where_the_browser_asks_for_it() {
    let service = Service::start();
    let path = invite(&service, "zoe@example.com", "bright");
    let read = |path: &str| {
        let asking = Asking {
            headers: vec![("accept-language", "de-AT,de;q=0.9,en;q=0.8".to_owned())],
            ..Asking::default()
        };
        service.asks("GET", path, &asking)
    };
    let page = read(&path);
    assert_eq!(page.status, 200);
    for text in [
        "<html lang=\"de\">",
        "Willkommen bei",
        "Ihr Name",
        "Einladung annehmen",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    let forged = read("/invitations/kai_forged/");
    assert_eq!(forged.status, 404);
    assert!(
        forged.text.contains("Dieser Link gilt nicht"),
        "{}",
        forged.text
    );
    let done = read("/invitations/accepted/");
    assert!(done.text.contains("Kalends öffnen"), "{}", done.text);
}

#[test]
fn an_owner_has_a_name() {
    let service = Service::start();
    let path = invite(&service, "zoe@example.com", "bright");
    for name in ["", "+++", "%20%09", &"z".repeat(201)] {
        let page = accept(&service, &path, name, "a long password");
        assert_eq!(page.status, 400, "{name:?}: {}", page.text);
        assert!(
            page.text.contains("Your name: it needs 1 to 200"),
            "{}",
            page.text
        );
    }
    // Nothing was used up by that.
    let accepted = accept(&service, &path, "+Zoe+", "a long password");
    assert_eq!(accepted.status, 303, "{}", accepted.text);
}

#[test]
fn nobody_guesses_the_password_behind_an_invitation_for_ever() {
    let service = Service::start();
    let path = invite(&service, "vera@example.com", "first");
    assert_eq!(
        accept(&service, &path, "Vera", "a long password").status,
        303
    );
    let second = invite(&service, "vera@example.com", "second");
    let guessed = (0..15).map(|_| accept(&service, &second, "Vera", "a wrong guess"));
    let answers: Vec<Answer> = guessed.collect();
    assert_eq!(answers[0].status, 400, "{answers:?}");
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429, "{answers:?}");
    let seconds: u64 = last.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    service
        .get(service.platform(), "/api/platform/tenants/second/")
        .refused(404, "not_found");
}

#[test]
fn a_revoked_invitation_makes_nobody_an_owner() {
    let service = Service::start();
    let path = invite(&service, "yan@example.com", "gone");
    let listed = service
        .get(service.platform(), "/api/platform/invitations/")
        .is(200);
    let id = listed["invitations"][0]["id"].as_str().unwrap();
    service
        .asks(
            "DELETE",
            &format!("/api/platform/invitations/{id}/"),
            &as_(service.platform()),
        )
        .is(200);
    let page = accept(&service, &path, "Yan", "a long password");
    assert_eq!(page.status, 410);
    assert!(page.text.contains("taken back"), "{}", page.text);
    service
        .get(service.platform(), "/api/platform/tenants/gone/")
        .refused(404, "not_found");
}

#[test]
fn a_page_of_another_site_cannot_act_for_whoever_is_signed_in() {
    let service = Service::start();
    let path = invite(&service, "xia@example.com", "crossed");
    let cookie = cookie(&accept(&service, &path, "Xia", "a long password"));
    let token = |headers: Vec<(&'static str, String)>| {
        let mut all = vec![("cookie", cookie.clone())];
        all.extend(headers);
        let asking = Asking {
            headers: all,
            body: Some(json!({ "name": "stolen" })),
            ..Asking::default()
        };
        service.asks("POST", "/api/tokens/", &asking)
    };
    token(vec![("sec-fetch-site", "cross-site".to_owned())]).refused(403, "cross_origin");
    token(vec![("origin", "https://evil.example".to_owned())]).refused(403, "cross_origin");
    token(vec![("sec-fetch-site", "same-origin".to_owned())]).is(201);
}

#[test]
fn a_token_is_shown_once_narrowed_and_revoked() {
    let service = Service::start();
    let path = invite(&service, "wim@example.com", "tokens");
    let cookie = cookie(&accept(&service, &path, "Wim", "a long password"));
    let body = json!({ "name": "reading", "tenant": "tokens", "role": "customer" });
    let made = service
        .browser("POST", "/api/tokens", &cookie, Some(body))
        .is(201);
    let token = made["token"].as_str().unwrap();
    service
        .get(token, "/api/calendar/list/")
        .refused(403, "role_required");
    service.get(token, "/api/calendar/status/").is(200);
    service
        .get(token, "/api/tokens/")
        .refused(403, "role_required");
    let elsewhere = Asking {
        headers: vec![("x-tenant", "demo".to_owned())],
        ..as_(token)
    };
    service
        .asks("GET", "/api/calendar/status/", &elsewhere)
        .refused(403, "role_required");
    let listed = service.browser("GET", "/api/tokens/", &cookie, None);
    assert!(!listed.text.contains(token), "{}", listed.text);
    let id = made["id"].as_str().unwrap();
    // Nobody ends another's.
    let path = format!("/api/tokens/{id}/");
    service
        .asks("DELETE", &path, &as_(service.platform()))
        .refused(404, "not_found");
    service.browser("DELETE", &path, &cookie, None).is(200);
    service
        .get(token, "/api/calendar/status/")
        .refused(401, "not_authenticated");
}
