//! A write that is sent again with its key: nothing is done twice, and nobody is told what is not theirs.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::service::{Answer, Asking, Service, as_};

fn with_key<'a>(token: &'a str, key: &str, body: Value) -> Asking<'a> {
    Asking {
        headers: vec![("idempotency-key", key.to_owned())],
        body: Some(body),
        ..as_(token)
    }
}

fn calendars(service: &Service) -> usize {
    let listed = service
        .get(service.owner(), "/api/calendar/calendars/")
        .is(200);
    listed["calendars"].as_array().unwrap().len()
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.contains("idempotent-replayed: true")
}

const CALENDARS: &str = "/api/calendar/calendars/";

#[test]
fn a_write_that_is_sent_again_gets_its_first_answer_again() {
    let service = Service::start();
    let before = calendars(&service);
    let new = || json!({ "name": "Rooms" });
    let owner = service.owner();
    let first = service.asks("POST", CALENDARS, &with_key(owner, "7", new()));
    assert!(!is_replayed(&first));
    let made = first.is(201);
    for path in [CALENDARS, "/api/calendar/calendars"] {
        let again = service.asks("POST", path, &with_key(owner, "7", new()));
        assert!(is_replayed(&again), "{}", again.headers);
        assert!(again.headers.contains("content-type: application/json"));
        assert_eq!(again.is(201), made);
    }
    assert_eq!(calendars(&service), before + 1);

    // Another request is none of it, whether another body, path or method.
    let other = json!({ "name": "Cars" });
    service
        .asks("POST", CALENDARS, &with_key(owner, "7", other))
        .refused(422, "idempotency_key_reused");
    service
        .asks("POST", "/api/calendar/links/", &with_key(owner, "7", new()))
        .refused(422, "idempotency_key_reused");
    // The key is that of whoever sent it.
    service
        .asks("POST", CALENDARS, &with_key(service.manager(), "7", new()))
        .refused(409, "taken");
    // What was refused is refused again, in the same words.
    let wrong = || with_key(owner, "8", json!({ "name": "" }));
    let refused = service
        .asks("POST", CALENDARS, &wrong())
        .refused(400, "invalid");
    let again = service.asks("POST", CALENDARS, &wrong());
    assert!(is_replayed(&again));
    assert_eq!(again.refused(400, "invalid"), refused);
    // A key makes nothing of what only reads.
    let reading = Asking {
        body: None,
        ..with_key(owner, "7", json!({}))
    };
    assert!(!is_replayed(&service.asks("GET", CALENDARS, &reading)));
    for key in [String::new(), "k".repeat(256)] {
        let problem = service
            .asks("POST", CALENDARS, &with_key(owner, &key, new()))
            .refused(400, "invalid");
        assert_eq!(problem["field"], "Idempotency-Key");
    }
    let longest = "k".repeat(255);
    let more = json!({ "name": "More" });
    service
        .asks("POST", CALENDARS, &with_key(owner, &longest, more))
        .is(201);
}

#[test]
fn an_event_keeps_its_tag_and_its_version_when_it_is_told_again() {
    let service = Service::start();
    let listed = service.get(service.owner(), CALENDARS).is(200);
    let calendar = listed["calendars"][0]["id"].as_str().unwrap();
    let path = format!("{CALENDARS}{calendar}/events/");
    let new = || json!({ "title": "Tea", "start": "2027-03-01T09:00:00", "timeZone": "Etc/UTC" });
    let first = service.asks("POST", &path, &with_key(service.staff(), "tea", new()));
    let made = first.is(201);
    let event = format!("/api/calendar/events/{}/", made["id"].as_str().unwrap());
    service
        .sends(
            service.staff(),
            "PATCH",
            &event,
            json!({ "title": "Coffee" }),
        )
        .is(200);
    let again = service.asks("POST", &path, &with_key(service.staff(), "tea", new()));
    assert!(again.headers.contains("etag: \"1\""), "{}", again.headers);
    assert_eq!(again.is(201), made);
    let delete = Asking {
        body: None,
        ..with_key(service.staff(), "gone", json!({}))
    };
    assert_eq!(
        service.asks("DELETE", &event, &delete).is(200)["version"],
        3
    );
    let again = service.asks("DELETE", &event, &delete);
    assert!(is_replayed(&again));
    assert_eq!(again.is(200)["version"], 3);
}

#[test]
fn of_many_that_are_sent_at_once_one_is_carried_out() {
    let service = Service::start();
    let before = calendars(&service);
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let new = with_key(service.owner(), "once", json!({ "name": "Rooms" }));
                    service.asks("POST", CALENDARS, &new)
                })
            })
            .collect();
        for answer in asked.into_iter().map(|asked| asked.join().unwrap()) {
            match answer.status {
                201 => made.push(answer.json()),
                _ => drop(answer.refused(409, "idempotency_in_progress")),
            }
        }
    });
    assert!(!made.is_empty());
    assert!(made.iter().all(|one| *one == made[0]), "{made:?}");
    assert_eq!(calendars(&service), before + 1);
}

#[test]
fn what_is_begun_goes_on_when_its_client_hangs_up() {
    let service = Service::start();
    let links = service.get(service.owner(), "/api/calendar/links/").is(200);
    let link = links["links"][0]["id"].as_str().unwrap();
    let path = format!("/api/calendar/links/{link}/sync/");
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: gone\r\n\
         content-length: 0\r\n\r\n",
        service.host(),
        service.owner()
    );
    let mut stream = TcpStream::connect(service.host()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    // Long enough to be read, and not to be answered.
    std::thread::sleep(Duration::from_millis(30));
    drop(stream);
    let asking = Asking {
        body: None,
        ..with_key(service.owner(), "gone", json!({}))
    };
    let answer = loop {
        let answer = service.asks("POST", &path, &asking);
        if answer.status != 409 {
            break answer;
        }
        answer.refused(409, "idempotency_in_progress");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(is_replayed(&answer), "{} {}", answer.status, answer.text);
    assert_eq!(answer.is(200)["status"], "succeeded");
}

#[test]
fn a_secret_that_is_shown_once_is_not_kept_for_a_second_time() {
    let service = Service::start();
    let platform = service.platform();
    let token = || with_key(platform, "token", json!({ "name": "for the till" }));
    let made = service.asks("POST", "/api/tokens/", &token()).is(201);
    let problem = service
        .asks("POST", "/api/tokens/", &token())
        .refused(409, "idempotency_answer_not_kept");
    let secret = made["token"].as_str().unwrap();
    assert!(!problem.to_string().contains(secret));
    let invitation = || {
        let new = json!({ "email": "new@example.com", "tenant_name": "New", "slug": "new" });
        with_key(platform, "invitation", new)
    };
    let path = "/api/platform/invitations/";
    let made = service.asks("POST", path, &invitation()).is(201);
    service
        .asks("POST", path, &invitation())
        .refused(409, "idempotency_answer_not_kept");
    let link = made["link"].as_str().unwrap();
    let in_link = link.rsplit('/').nth(1).unwrap();
    let kept = service.kept();
    for secret in [secret, in_link] {
        assert!(secret.len() > 40, "{secret}");
        let found = kept
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{secret} is kept");
    }
    let tokens = service.get(platform, "/api/tokens/").is(200);
    let named = |token: &&Value| token["name"] == "for the till";
    assert_eq!(
        tokens["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .filter(named)
            .count(),
        1
    );
}

#[test]
fn the_door_is_asked_again_before_anything_is_told_again() {
    let service = Service::start();
    let new = |token| with_key(token, "door", json!({ "name": "Rooms" }));
    let feature = |on: Value| {
        let body = json!({ "can_use_calendar_sync": on });
        let path = "/api/platform/tenants/rival/";
        service
            .sends(service.platform(), "PATCH", path, body)
            .is(200);
    };
    // What the door refuses is not kept: it is carried out as soon as it may be.
    service
        .asks("POST", CALENDARS, &new(service.rival()))
        .refused(403, "feature_not_available");
    feature(json!(true));
    let made = service
        .asks("POST", CALENDARS, &new(service.rival()))
        .is(201);
    let again = service.asks("POST", CALENDARS, &new(service.rival()));
    assert!(is_replayed(&again));
    assert_eq!(again.is(201), made);
    feature(json!(false));
    let problem = service
        .asks("POST", CALENDARS, &new(service.rival()))
        .refused(403, "feature_not_available");
    assert!(problem["error"].as_str().unwrap().contains("Calendar Sync"));

    service
        .asks("POST", CALENDARS, &new(service.manager()))
        .is(201);
    let role = |role: &str| {
        let body = json!({ "email": "mona@demo.example", "role": role });
        service
            .sends(service.owner(), "PATCH", "/api/tenant/members/", body)
            .is(200);
    };
    role("staff");
    service
        .asks("POST", CALENDARS, &new(service.manager()))
        .refused(403, "role_required");
    role("manager");
    assert!(is_replayed(&service.asks(
        "POST",
        CALENDARS,
        &new(service.manager())
    )));
    // A token that is narrowed to a role does not administer the platform, though its user does.
    let path = "/api/platform/features/";
    let seats = |token| with_key(token, "seats", json!({ "code": "seats", "name": "Seats" }));
    service
        .asks("POST", path, &seats(service.platform()))
        .is(201);
    let narrow = json!({ "name": "narrow", "role": "owner" });
    let narrow = service
        .sends(service.platform(), "POST", "/api/tokens/", narrow)
        .is(201);
    service
        .asks("POST", path, &seats(narrow["token"].as_str().unwrap()))
        .refused(403, "role_required");
    assert!(is_replayed(&service.asks(
        "POST",
        path,
        &seats(service.platform())
    )));
    // Nobody has no keys.
    let nobody = Asking {
        token: None,
        ..new("")
    };
    service
        .asks("POST", CALENDARS, &nobody)
        .refused(401, "not_authenticated");
    service
        .asks("POST", CALENDARS, &new("kal_none"))
        .refused(401, "not_authenticated");
}

#[test]
fn the_document_names_the_key_at_every_write() {
    let service = Service::start();
    let document = service
        .asks("GET", "/api/openapi.json", &Asking::default())
        .is(200);
    let mut writes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array();
            let names_it = parameters
                .into_iter()
                .flatten()
                .any(|parameter| parameter["name"] == "Idempotency-Key");
            let signs_in = path == "/api/session/" && method == "post";
            // Providers have no keys of ours; what they say twice is one signal.
            let is_hook = path.starts_with("/api/hooks/");
            let should = method != "get" && !signs_in && !is_hook;
            assert_eq!(names_it, should, "{method} {path}");
            writes += usize::from(names_it);
        }
    }
    assert!(writes > 20, "{writes}");
}
