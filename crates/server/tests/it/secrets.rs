//! No secret leaves: not in answers, not in logs, not in what is kept.

use serde_json::json;

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
