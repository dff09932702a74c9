//! Signing in at the operator's OpenID provider: the sandbox's Google, and one of the test's own that says strange things.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use crate::consent::{Choice, consent};
use crate::person::{Person, Running};
use crate::service::{Answer, Asking, Service, exchange};

const BEGIN: &str = "/api/session/oidc/";

const ANN: Choice<'static> = Choice {
    account: "ann@example.com",
    denies: false,
    unticks: None,
};

/// A browser that went to sign in: where it was sent, and what it was given to keep.
struct Gone {
    page: Url,
    cookie: String,
}

/// Begins, and reads what the browser is told.
#[track_caller]
fn goes(at: &str, path: &str) -> Gone {
    let answer = exchange(at, "GET", path, &Asking::default(), None);
    assert_eq!(answer.status, 303, "{}", answer.text);
    let set = answer.header("set-cookie").unwrap();
    for part in ["kalends-signin=", "HttpOnly", "SameSite=Lax", "Max-Age=600"] {
        assert!(set.contains(part), "{set}");
    }
    Gone {
        page: answer.header("location").unwrap().parse().unwrap(),
        cookie: set.split(';').next().unwrap().to_owned(),
    }
}

/// Comes back with these cookies.
#[track_caller]
fn comes(at: &str, back: &Url, cookie: Option<&str>) -> Answer {
    let asking = Asking {
        headers: cookie
            .map(|cookie| ("cookie", cookie.to_owned()))
            .into_iter()
            .collect(),
        ..Asking::default()
    };
    let path = format!("{}?{}", back.path(), back.query().unwrap_or_default());
    exchange(at, "GET", &path, &asking, None)
}

/// The session that an answer gives; none if it gives none.
fn session(answer: &Answer) -> Option<String> {
    let lines = answer.raw_headers.lines();
    let mut cookies = lines.filter_map(|line| line.strip_prefix("set-cookie: "));
    let set = cookies.find(|set| set.starts_with("kalends=kas_"))?;
    Some(set.split(';').next().unwrap().to_owned())
}

/// Nobody is signed in, and a page says why.
#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.headers.contains("text/html"), "{}", answer.headers);
    assert!(answer.text.contains(words), "{}", answer.text);
    assert_eq!(session(answer), None);
}

#[test]
fn who_is_invited_signs_in_at_the_provider_and_nobody_else() {
    let service = Service::start();
    let at = service.host();
    let methods = service
        .asks("GET", "/api/session/methods/", &Asking::default())
        .is(200);
    let expected = json!({ "name": "Google (sandbox)", "url": BEGIN });
    assert_eq!(
        (&methods["password"], &methods["oidc"]),
        (&json!(true), &expected)
    );

    let back = || {
        let gone = goes(at, BEGIN);
        (consent(&service, &gone.page, ANN), gone.cookie)
    };
    // Nobody becomes a user by signing in.
    let (url, cookie) = back();
    refused(&comes(at, &url, Some(&cookie)), 403, "Nobody is known here");

    let invitation = json!({ "email": "ann@example.com", "tenant_name": "Ann's", "slug": "anns", "features": {} });
    let made = service
        .sends(
            service.platform(),
            "POST",
            "/api/platform/invitations/",
            invitation,
        )
        .is(201);
    let link = made["link"].as_str().unwrap();
    let path = &link[link.find("/invitations/").unwrap()..];
    let accepted = service.form(path, "name=Ann&password=a+long+password");
    assert_eq!(accepted.status, 303, "{}", accepted.text);

    // Without the cookie of the browser in which it began, or with that of another, nothing happens, and nothing is spent.
    let (url, cookie) = back();
    refused(&comes(at, &url, None), 400, "did not begin in this browser");
    let other = goes(at, BEGIN).cookie;
    refused(&comes(at, &url, Some(&other)), 400, "in this browser");
    let page = comes(at, &url, Some(&cookie));
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("You are signed in as ann@example.com"),
        "{}",
        page.text
    );
    let signed_in = session(&page).unwrap();
    let me = service
        .browser("GET", "/api/session/", &signed_in, None)
        .is(200);
    assert_eq!(me["email"], "ann@example.com");
    // Once.
    refused(&comes(at, &url, Some(&cookie)), 400, "used already");

    let audit = service
        .get(service.platform(), "/api/platform/audit/?limit=5")
        .is(200)
        .to_string();
    assert!(
        audit.contains("session.create") && audit.contains("ann@example.com"),
        "{audit}"
    );
    let log = service.log();
    for secret in ["kao_", "kav_", "kas_", "code=4"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_state_of_a_consent_signs_nobody_in_nor_the_other_way_round() {
    let service = Service::start();
    let at = service.host();
    // The state of a consent, with a cookie made of it.
    let page = crate::consent::begin(&service, service.owner(), "google", "calendar");
    let mut back = consent(&service, &page, ANN);
    back.set_path("/api/session/oidc/callback/");
    let state = |url: &Url| {
        let pair = url.query_pairs().find(|(name, _)| name == "state").unwrap();
        pair.1.into_owned()
    };
    let forged = format!("kalends-signin={}", state(&back));
    refused(&comes(at, &back, Some(&forged)), 400, "used already");
    // The state of a sign-in connects no account.
    let gone = goes(at, BEGIN);
    let mut back = consent(&service, &gone.page, ANN);
    back.set_path("/api/oauth/google/callback/");
    let page = comes(at, &back, Some(&gone.cookie));
    assert_eq!(page.status, 400, "{}", page.text);

    // People are sent on only where the operator allows.
    let path = format!("{BEGIN}?return_url=https://evil.example/");
    let problem = exchange(at, "GET", &path, &Asking::default(), None).refused(400, "invalid");
    assert_eq!(problem["field"], "return_url");
    let gone = goes(at, &format!("{BEGIN}?return_url=http://localhost:3000/in"));
    let denied = Choice {
        denies: true,
        ..ANN
    };
    let back = consent(&service, &gone.page, denied);
    refused(
        &comes(at, &back, Some(&gone.cookie)),
        400,
        "did not sign you in",
    );
}

/// An OpenID provider that says whatever the test wants.
struct Issuer {
    port: u16,
    /// The claims of the next id token.
    claims: Arc<Mutex<Value>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let claims = Arc::new(Mutex::new(Value::Null));
        let said = Arc::clone(&claims);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&stream, port, &said);
            }
        });
        Self { port, claims }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn answer(mut stream: &TcpStream, port: u16, claims: &Mutex<Value>) {
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        }
    }
    let mut form = vec![0; length];
    lines.read_exact(&mut form).unwrap();
    let issuer = format!("http://127.0.0.1:{port}");
    let body = if first.contains("/.well-known/openid-configuration") {
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
        })
    } else {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = claims.lock().unwrap().clone();
        let token = format!(
            "{}.{}.c2ln",
            part(&json!({ "alg": "RS256" })),
            part(&claims)
        );
        json!({ "access_token": "a", "token_type": "Bearer", "id_token": token })
    };
    let body = body.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let _ = write!(
        stream,
        "{head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// `kalends serve` with these variables; its address.
pub(crate) fn serve(person: &Person, variables: &[(&str, &str)]) -> (Running, String) {
    let mut running =
        person.starts_with(&["serve", "--listen", "127.0.0.1:0", "--json"], variables);
    let told = running.hears(&["}"]);
    let from = told.find("127.0.0.1:").unwrap_or_else(|| panic!("{told}"));
    let rest = &told[from..];
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .unwrap();
    (running, rest[..end].to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process of its own is asked, which has the machine's clock"
)]
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

#[test]
fn what_the_provider_says_is_believed_only_if_it_is_for_this_sign_in() {
    let issuer = Issuer::start();
    let person = Person::new();
    for email in ["ann@example.com", "gone@example.com"] {
        person.says(&["user", "add", email, "--no-password"]).well();
    }
    person.says(&["user", "disable", "gone@example.com"]).well();
    let url = issuer.url();
    let (running, at) = serve(
        &person,
        &[
            ("KALENDS_OIDC_ISSUER", &url),
            ("KALENDS_OIDC_CLIENT_ID", "kalends"),
            ("KALENDS_OIDC_CLIENT_SECRET", "secret"),
        ],
    );
    let table = [
        ("sub", json!("1001"), 200, "You are signed in"),
        ("email", json!("gone@example.com"), 403, "account is closed"),
        ("email", json!("zoe@example.com"), 403, "Nobody is known"),
        ("email_verified", json!(false), 403, "has not made sure"),
        ("email_verified", Value::Null, 403, "has not made sure"),
        ("iss", json!("https://evil.example"), 403, "not for this"),
        ("aud", json!("another"), 403, "not for this"),
        ("nonce", json!("another"), 403, "not for this"),
        ("exp", json!(now() - 3_600), 403, "no longer good"),
        ("email", json!("<b>@example.com"), 403, "&lt;b&gt;@example"),
        ("email", json!("ANN@example.com"), 200, "You are signed in"),
    ];
    for (member, value, status, words) in table {
        let gone = goes(&at, BEGIN);
        let asked = |wanted: &str| {
            let mut pairs = gone.page.query_pairs();
            let pair = pairs.find(|(name, _)| name == wanted).unwrap();
            pair.1.into_owned()
        };
        assert!(gone.page.as_str().starts_with(&format!("{url}/authorize")));
        let mut claims = json!({
            "iss": url, "aud": "kalends", "sub": "1001", "exp": now() + 300, "nonce": asked("nonce"),
            "email": "ann@example.com", "email_verified": true,
        });
        claims[member] = value.clone();
        *issuer.claims.lock().unwrap() = claims;
        let mut back: Url = asked("redirect_uri").parse().unwrap();
        back.query_pairs_mut()
            .append_pair("code", "the-code")
            .append_pair("state", &asked("state"));
        let page = comes(&at, &back, Some(&gone.cookie));
        if status == 200 {
            assert_eq!(page.status, 200, "{member} {value}: {}", page.text);
            assert!(page.text.contains(words), "{}", page.text);
            assert!(session(&page).is_some());
        } else {
            refused(&page, status, words);
        }
    }
    running.kill();
}

#[test]
fn where_no_provider_is_set_up_there_is_only_the_password() {
    let person = Person::new();
    let (running, at) = serve(&person, &[]);
    let nobody = Asking::default();
    let methods = exchange(&at, "GET", "/api/session/methods", &nobody, None).is(200);
    assert_eq!(
        (&methods["password"], &methods["oidc"]),
        (&json!(true), &Value::Null)
    );
    for path in [BEGIN, "/api/session/oidc/callback/?state=a&code=b"] {
        exchange(&at, "GET", path, &nobody, None).refused(404, "not_configured");
    }
    running.kill();
    let half = [("KALENDS_OIDC_ISSUER", "https://id.example")];
    let said = person.starts_with(&["serve"], &half).waits();
    said.failed("signin.client_id");
    // One that does not answer is told of on a page, and the password still works.
    let nowhere = [
        ("KALENDS_OIDC_ISSUER", "http://127.0.0.1:9"),
        ("KALENDS_OIDC_CLIENT_ID", "kalends"),
        ("KALENDS_OIDC_CLIENT_SECRET", "secret"),
    ];
    let (running, at) = serve(&person, &nowhere);
    let page = exchange(&at, "GET", BEGIN, &nobody, None);
    refused(&page, 503, "does not answer just now");
    running.kill();
}
