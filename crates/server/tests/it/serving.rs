//! `kalends serve` of an installation: who signs in, under which names, and from where.

use std::io::Read;
use std::ops::Deref;
use std::thread;

use serde_json::{Value, json};

use crate::nodes::postgres_database;
use crate::person::{Person, Running, Said};
use crate::servers::{Kind, Server};
use crate::service::{Answer, Asking, Wire, as_};

const PASSWORD: &str = "correct horse battery";
/// A running `kalends serve`.
pub(crate) struct Serving {
    running: Running,
    pub(crate) wire: Wire,
}

impl Deref for Serving {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl Serving {
    pub(crate) fn start(person: &Person, variables: &[(&str, &str)], more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--json"];
        arguments.extend(more);
        let mut running = person.starts_with(&arguments, variables);
        let told = running.hears(&["\n"]);
        let told: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
        let address = told["listen"].as_str().unwrap();
        let host = address.strip_prefix("http://").unwrap().to_owned();
        Self {
            running,
            wire: Wire::new(host),
        }
    }

    pub(crate) fn ends(self) -> Said {
        self.running.end()
    }
}

/// Ann owns the tenant `default`; her token.
pub(crate) fn ann(person: &Person) -> String {
    let known = person.asks(&["tenant", "list"]);
    if known["tenants"] == json!([]) {
        person
            .says(&["tenant", "add", "default", "--calendar-sync"])
            .well();
    }
    let add = [
        "user",
        "add",
        "ann@example.com",
        "--role",
        "owner",
        "--password-env",
        "PASSWORD",
    ];
    let added = person
        .command(&add)
        .env("PASSWORD", PASSWORD)
        .output()
        .unwrap();
    assert!(
        added.status.success(),
        "{}",
        String::from_utf8_lossy(&added.stderr)
    );
    token(person, "ann@example.com", &["--bound"])
}

fn token(person: &Person, user: &str, more: &[&str]) -> String {
    let mut arguments = vec!["token", "create", "--user", user, "--name", "test"];
    arguments.extend(more);
    let made = person.asks(&arguments);
    made["token"].as_str().unwrap().to_owned()
}

fn sign_in(serving: &Wire, email: &str, password: &str, headers: Vec<(&str, String)>) -> Answer {
    let asking = Asking {
        headers,
        body: Some(json!({ "email": email, "password": password })),
        ..Asking::default()
    };
    serving.asks("POST", "/api/session/", &asking)
}

fn cookie(answer: &Answer) -> String {
    let mut lines = answer.raw_headers.lines();
    let line = lines.find(|line| line.to_lowercase().starts_with("set-cookie:"));
    line.unwrap().split_once(": ").unwrap().1.to_owned()
}

#[test]
fn signing_in_and_out_is_told_to_the_audit_log_and_no_password_is() {
    let person = Person::new();
    ann(&person);
    person
        .says(&[
            "user",
            "add",
            "root@example.com",
            "--admin",
            "--no-password",
        ])
        .well();
    let root = token(&person, "root@example.com", &[]);
    let serving = Serving::start(&person, &[], &[]);
    sign_in(&serving, "Ann@example.com", "a wrong password", vec![])
        .refused(401, "wrong_credentials");
    sign_in(&serving, "nobody@example.com", "a wrong password", vec![])
        .refused(401, "wrong_credentials");
    let signed = sign_in(&serving, "ann@example.com", PASSWORD, vec![]);
    let held = cookie(&signed);
    assert!(held.starts_with("kalends="), "{held}");
    assert!(!held.contains("Secure"), "{held}");
    let held = held.split(';').next().unwrap().to_owned();
    serving.browser("GET", "/api/session/", &held, None).is(200);
    serving
        .browser("DELETE", "/api/session/", &held, None)
        .is(200);
    for _ in 0..2 {
        serving.get(&root, "/api/platform/tenants/").is(200);
    }
    let log = serving.get(&root, "/api/platform/audit/").is(200);
    assert!(!log.to_string().contains("password"), "{log}");
    let told: Vec<(String, String)> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["address"] == "127.0.0.1")
        .map(|entry| {
            assert!(
                entry["cause"].as_str().unwrap().starts_with("request "),
                "{entry}"
            );
            (
                entry["action"].as_str().unwrap().to_owned(),
                entry["actor"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(what, who)| (what.as_str(), who.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("token.first_use", "root@example.com"),
            ("session.end", "ann@example.com"),
            ("session.create", "ann@example.com"),
            ("session.refused", "nobody@example.com"),
            ("session.refused", "ann@example.com"),
        ]
    );
    let made = serving.sends(
        &root,
        "POST",
        "/api/platform/features/",
        json!({ "code": "seats", "name": "Seats" }),
    );
    made.is(201);
    let log = serving
        .get(&root, "/api/platform/audit/?action=feature.create")
        .is(200);
    assert!(
        log["entries"][0]["cause"]
            .as_str()
            .unwrap()
            .contains(" with token "),
        "{log}"
    );
    serving.ends().well();
}

#[test]
fn a_disabled_users_stream_ends_and_their_session_with_it() {
    let person = Person::new();
    let token = ann(&person);
    person
        .says(&[
            "tenant",
            "set",
            "default",
            "--feature",
            "can_use_calendar_sync=on",
        ])
        .well();
    let serving = Serving::start(&person, &[], &[]);
    let signed = sign_in(&serving, "ann@example.com", PASSWORD, vec![]);
    let held = cookie(&signed).split(';').next().unwrap().to_owned();
    let mut stream = serving.opens_stream(&token);
    person.says(&["user", "disable", "ann@example.com"]).well();
    serving
        .browser("GET", "/api/session/", &held, None)
        .refused(401, "not_authenticated");
    // It ends by itself, within the looks between two checks.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    serving
        .get(&token, "/api/calendar/status/")
        .refused(401, "not_authenticated");
    serving.ends().well();
}

#[test]
fn a_browser_that_comes_by_an_encrypted_way_gets_a_cookie_for_that_alone() {
    let person = Person::new();
    ann(&person);
    let public = [
        ("KALENDS_PUBLIC_URL", "https://kalends.example.com"),
        ("KALENDS_DOMAIN", "example.com"),
    ];
    let serving = Serving::start(&person, &public, &[]);
    let host = |name: &str| vec![("host", name.to_owned())];
    let signed = sign_in(
        &serving,
        "ann@example.com",
        PASSWORD,
        host("kalends.example.com"),
    );
    assert!(
        signed
            .headers
            .contains("strict-transport-security: max-age="),
        "{}",
        signed.headers
    );
    let held = cookie(&signed);
    assert!(
        held.starts_with("__Host-kalends=") && held.contains("; Secure") && held.contains("Path=/"),
        "{held}"
    );
    let held = held.split(';').next().unwrap().to_owned();
    let asks = |cookie: &str, name: &str| {
        let mut headers = host(name);
        headers.push(("cookie", cookie.to_owned()));
        let asking = Asking {
            headers,
            ..Asking::default()
        };
        serving.asks("GET", "/api/calendar/status/", &asking)
    };
    // The service's own name is no tenant's; another below the domain is.
    asks(&held, "kalends.example.com").refused(400, "tenant_required");
    asks(&held, "default.example.com").is(200);
    asks(&held, "no-such.example.com").refused(403, "role_required");
    // A cookie that a plain connection could have set does not count.
    let plain = held.replace("__Host-kalends", "kalends");
    asks(&plain, "default.example.com").refused(401, "not_authenticated");
    serving.ends().well();
}

#[test]
fn a_cookie_goes_unencrypted_to_this_machine_alone() {
    let person = Person::new();
    ann(&person);
    for (public, is_secure) in [
        ("http://kalends.lan:8080", true),
        ("http://localhost:8080", false),
    ] {
        let serving = Serving::start(&person, &[("KALENDS_PUBLIC_URL", public)], &[]);
        let signed = sign_in(&serving, "ann@example.com", PASSWORD, vec![]);
        let held = cookie(&signed);
        assert_eq!(held.contains("; Secure"), is_secure, "{public}: {held}");
        // Who cannot be reached by HTTPS must not promise it.
        assert!(
            !signed.headers.contains("strict-transport-security"),
            "{}",
            signed.headers
        );
        serving.ends().well();
    }
}

#[test]
fn pages_of_other_sites_act_for_nobody_but_those_that_are_listed() {
    let person = Person::new();
    let token = ann(&person);
    let config = person.write(
        "config.toml",
        "[server]\ncors_origins = [\"https://app.example.com\"]\n",
    );
    let serving = Serving::start(&person, &[], &["--config", config.to_str().unwrap()]);
    let from = |method: &str, origin: &str, more: &[(&'static str, &str)], token: Option<&str>| {
        let mut headers = vec![("origin", origin.to_owned())];
        headers.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let asking = Asking {
            token,
            headers,
            body: None,
        };
        serving.asks(method, "/api/session/", &asking)
    };
    let asked = [
        ("access-control-request-method", "DELETE"),
        (
            "access-control-request-headers",
            "authorization,idempotency-key",
        ),
    ];
    let listed = from("OPTIONS", "https://app.example.com", &asked, None);
    assert_eq!(listed.status, 200, "{}", listed.text);
    assert!(
        listed
            .headers
            .contains("access-control-allow-origin: https://app.example.com"),
        "{}",
        listed.headers
    );
    assert!(
        listed.headers.contains("idempotency-key"),
        "{}",
        listed.headers
    );
    assert!(
        !listed.headers.contains("allow-credentials"),
        "{}",
        listed.headers
    );
    let foreign = from("OPTIONS", "https://evil.example.net", &asked, None);
    assert!(
        !foreign.headers.contains("access-control-allow-origin"),
        "{}",
        foreign.headers
    );
    let read = from("GET", "https://app.example.com", &[], Some(&token));
    let exposed = read
        .headers
        .lines()
        .find_map(|line| line.strip_prefix("access-control-expose-headers: "));
    let exposed: Vec<_> = exposed.unwrap().split(',').collect();
    for name in [
        "allow",
        "etag",
        "idempotent-replayed",
        "location",
        "retry-after",
        "www-authenticate",
        "x-request-id",
    ] {
        assert!(exposed.contains(&name), "{name}: {exposed:?}");
    }
    // A browser says whose page sends a request.
    let cross = [("sec-fetch-site", "cross-site")];
    from("DELETE", "https://evil.example.net", &cross, Some(&token)).refused(403, "cross_origin");
    from("DELETE", "https://app.example.com", &cross, Some(&token)).is(200);
    // Programs say nothing of the kind, and browsers of the same site neither harm.
    let same = [("sec-fetch-site", "same-origin")];
    from("DELETE", "https://evil.example.net", &same, Some(&token)).is(200);
    serving
        .asks("DELETE", "/api/session/", &as_(&token))
        .is(200);
    serving.ends().well();
}

#[test]
fn nobody_guesses_passwords_for_ever_and_nobody_is_locked_out_by_others() {
    let person = Person::new();
    ann(&person);
    let config = person.write("config.toml", "[server]\nbehind_proxy = true\n");
    let serving = Serving::start(&person, &[], &["--config", config.to_str().unwrap()]);
    let tries = |from: &str, email: &str, password: &str| {
        sign_in(
            &serving,
            email,
            password,
            vec![("x-forwarded-for", format!("198.51.100.7, {from}"))],
        )
    };
    // At once, for with time attempts become free again, and hashing takes some.
    let answers: Vec<Answer> = thread::scope(|scope| {
        let guess = || tries("192.0.2.1", "ann@example.com", "a wrong password");
        let asked: Vec<_> = (0..30).map(|_| scope.spawn(guess)).collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    let mut refused = 0;
    for answer in answers {
        if answer.status == 429 {
            refused += 1;
            let headers = answer.headers.clone();
            assert!(headers.contains("retry-after: "), "{headers}");
            answer.refused(429, "rate_limited");
        } else {
            answer.refused(401, "wrong_credentials");
        }
    }
    assert!(refused > 0, "one may guess for ever");
    // From elsewhere Ann signs in all the same.
    assert_eq!(tries("192.0.2.2", "ann@example.com", PASSWORD).status, 200);
    // Hashing is done for few at a time, and for all in the end.
    thread::scope(|scope| {
        let asked: Vec<_> = (0..12)
            .map(|n| {
                scope.spawn(move || {
                    tries(&format!("203.0.113.{n}"), "ann@example.com", PASSWORD).status
                })
            })
            .collect();
        for status in asked {
            assert_eq!(status.join().unwrap(), 200);
        }
    });
    serving.ends().well();
}

#[test]
fn an_account_is_the_tenants_when_its_owner_is_no_member_any_more() {
    let Some(server) = Server::start(Kind::Radicale) else {
        return;
    };
    let person = Person::new();
    let owner = ann(&person);
    person
        .says(&[
            "user",
            "add",
            "stan@example.com",
            "--role",
            "staff",
            "--no-password",
        ])
        .well();
    let staff = token(&person, "stan@example.com", &["--bound"]);
    let serving = Serving::start(&person, &[], &[]);
    let account = json!({ "url": server.base, "user": server.user, "password": server.password });
    let connected = serving
        .sends(&staff, "POST", "/api/calendar/connections/caldav/", account)
        .is(201);
    let leave = |role: Value| {
        let body = json!({ "email": "stan@example.com", "role": role });
        serving
            .sends(&owner, "PATCH", "/api/tenant/members/", body)
            .is(200);
    };
    leave(Value::Null);
    serving
        .get(&staff, "/api/calendar/list/")
        .refused(403, "role_required");
    // Who comes back finds nothing that is theirs: it was the tenant's meanwhile.
    leave_and_return(&person);
    let disconnect = |token: &str| {
        let body = json!({ "credential_id": connected["id"] });
        serving.sends(token, "DELETE", "/api/calendar/disconnect/", body)
    };
    disconnect(&staff).refused(403, "role_required");
    disconnect(&owner).is(200);
    serving.ends().well();
}

fn leave_and_return(person: &Person) {
    person
        .says(&["user", "role", "stan@example.com", "staff"])
        .well();
}

#[test]
fn two_who_connect_the_same_account_at_once_get_one_connection() {
    let (Some(database), Some(server)) = (postgres_database(), Server::start(Kind::Radicale))
    else {
        return;
    };
    let person = Person::on(&database);
    let token = ann(&person);
    let serving = Serving::start(&person, &[], &[]);
    let at_once = |path: &str, body: &Value| -> Vec<Value> {
        thread::scope(|scope| {
            let asked: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| serving.sends(&token, "POST", path, body.clone())))
                .collect();
            asked
                .into_iter()
                .map(|asked| {
                    let answer = asked.join().unwrap();
                    assert!(
                        [200, 201, 202].contains(&answer.status),
                        "{} {}",
                        answer.status,
                        answer.text
                    );
                    answer.json()
                })
                .collect()
        })
    };
    let account = json!({ "url": server.base, "user": server.user, "password": server.password });
    let connected = at_once("/api/calendar/connections/caldav/", &account);
    assert!(
        connected.iter().all(|one| one["id"] == connected[0]["id"]),
        "{connected:?}"
    );
    let listed = serving.get(&token, "/api/calendar/list/").is(200);
    assert_eq!(listed["calendars"].as_array().unwrap().len(), 1, "{listed}");
    let synced = at_once(
        "/api/calendar/sync/",
        &json!({ "credential_id": connected[0]["id"] }),
    );
    assert!(
        synced
            .iter()
            .all(|one| one["link_id"] == synced[0]["link_id"]),
        "{synced:?}"
    );
    let links = serving.get(&token, "/api/calendar/links/").is(200);
    assert_eq!(links["links"].as_array().unwrap().len(), 1, "{links}");
    serving.ends().well();
}
