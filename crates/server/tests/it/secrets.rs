//! No secret leaves: not in answers, not in logs, not in what is kept.

use serde_json::json;

use crate::consent::{Choice, begin, come_back, consent};
use crate::service::{Asking, Service};

#[test]
fn no_planted_secret_is_in_the_log_the_answers_or_the_database() {
    let service = Service::start();
    let caldav = &service.told()["sandbox"]["caldav"];
    let password = |user: usize| caldav["users"][user]["password"].as_str().unwrap();
    let mut answers = String::new();
    for (url, given) in [
        (caldav["base"].as_str().unwrap(), password(1)),
        (caldav["base"].as_str().unwrap(), "planted-wrong-password"),
        ("http://127.0.0.1:9/planted-path", "planted-unsent-password"),
    ] {
        let body = json!({ "url": url, "user": "ben", "password": given });
        let answer = service.sends(
            service.owner(),
            "POST",
            "/api/calendar/connections/caldav/",
            body,
        );
        answers.push_str(&answer.text);
    }
    // In the wrong places: a password where a number belongs, a token in a query and in a path.
    let wrong = [
        (
            "POST",
            "/api/session/",
            json!({ "email": 7, "password": "planted-typed-password" }),
        ),
        (
            "POST",
            "/api/session/",
            json!({ "email": "planted-typed-password", "password": ["planted-typed-password"] }),
        ),
    ];
    for (method, path, body) in wrong {
        let asking = Asking {
            body: Some(body),
            ..Asking::default()
        };
        answers.push_str(&service.asks(method, path, &asking).text);
    }
    for path in [
        "/api/calendar/list/",
        "/api/calendar/links/",
        "/api/tenant/audit/",
        "/api/calendar/status/",
    ] {
        answers.push_str(&service.get(service.owner(), path).text);
    }
    for path in [
        "/api/platform/tenants/",
        "/api/platform/audit/",
        "/api/platform/invitations/",
        "/api/tokens/",
    ] {
        answers.push_str(&service.get(service.platform(), path).text);
    }
    let asking = Asking {
        token: Some("kal_planted-forged-token"),
        ..Asking::default()
    };
    answers.push_str(&service.asks("GET", "/api/calendar/list/", &asking).text);
    service.asks(
        "GET",
        "/invitations/kai_planted-forged-token/",
        &Asking::default(),
    );

    let planted = [
        password(0),
        password(1),
        "planted-wrong-password",
        "planted-unsent-password",
        "planted-typed-password",
        "planted-forged-token",
        service.owner(),
        service.platform(),
    ];
    let log = service.log();
    assert!(log.contains("answered"), "the log is empty");
    let kept = service.kept();
    for secret in planted {
        assert!(
            !answers.contains(secret),
            "{secret} in an answer: {answers}"
        );
        assert!(!log.contains(secret), "{secret} in the log");
        let found = kept
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} in the database");
    }
}

#[test]
fn no_token_of_google_or_microsoft_is_kept_in_clear_logged_or_told() {
    let service = Service::start();
    let sandbox = &service.told()["sandbox"];
    let mut planted: Vec<String> = Vec::new();
    let mut answers = String::new();
    for (vendor, account) in [
        ("google", "ann@example.com"),
        ("microsoft", "ann@contoso.example"),
    ] {
        planted.push(
            sandbox[vendor]["client_secret"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
        let page = begin(&service, service.owner(), vendor, "calendar");
        let choice = Choice {
            account,
            ..Choice::default()
        };
        let back = consent(&service, &page, choice);
        // The state and the code as the browser saw them, and the challenge's verifier by how all of them begin.
        let query: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        let carried = query
            .iter()
            .filter(|(name, _)| name == "state" || name == "code");
        planted.extend(carried.map(|(_, value)| value.clone()));
        answers.push_str(&come_back(&service, &back).text);
    }
    let listed = service.get(service.owner(), "/api/calendar/list/");
    answers.push_str(&listed.text);
    for account in listed.json()["calendars"].as_array().unwrap() {
        let body = json!({ "credential_id": account["id"] });
        let synced = service.sends(service.owner(), "POST", "/api/calendar/sync/", body);
        answers.push_str(&synced.text);
    }
    for path in [
        "/api/tenant/audit/",
        "/api/calendar/links/",
        "/api/calendar/changes/",
    ] {
        answers.push_str(&service.get(service.owner(), path).text);
    }
    answers.push_str(&service.get(service.platform(), "/api/platform/audit/").text);
    // How Google's access and refresh tokens begin, and verifiers.
    planted.extend(["ya29.", "1//0", "kav_"].map(str::to_owned));
    let log = service.log();
    let kept = String::from_utf8_lossy(&service.kept()).into_owned();
    assert!(kept.contains("ann@example.com"), "what is kept was read");
    assert!(
        log.contains("/api/oauth/google/callback/"),
        "the log was read"
    );
    for secret in &planted {
        assert!(!answers.contains(secret), "{secret} was told");
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!kept.contains(secret), "{secret} is kept in clear");
    }
}
