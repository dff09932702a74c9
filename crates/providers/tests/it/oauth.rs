//! OAuth as bytes: what is asked of Google and Microsoft, what their answers mean, and that no secret leaves its place.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use jiff::{Timestamp, ToSpan};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::seams::Clock;
use kalends_providers::http::{Request, TransportError};
use kalends_providers::oauth::{
    self, Asked, Client, Endpoints, GrantError, Granted, Purpose, Returned, Vendor,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::script::{Script, Still};

/// The verifier and its challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const GOOGLE_TOKEN: &str = "POST https://oauth2.googleapis.com/token";
const MICROSOFT_TOKEN: &str = "POST https://login.microsoftonline.com/common/oauth2/v2.0/token";

/// Words that stand in no message and no `Debug`.
const SECRETS: [&str; 6] = [
    "s3cr3t-of-ours",
    VERIFIER,
    "4/the-code",
    "the-state",
    "refresh-one",
    "access-one",
];

fn client(vendor: Vendor) -> Client {
    let url = |text: &str| text.parse().unwrap();
    let endpoints = match vendor {
        Vendor::Google => Endpoints {
            authorize: url("https://accounts.google.com/o/oauth2/v2/auth"),
            token: url("https://oauth2.googleapis.com/token"),
            revoke: Some(url("https://oauth2.googleapis.com/revoke")),
            identity: url("https://www.googleapis.com/oauth2/v2/userinfo"),
        },
        Vendor::Microsoft => Endpoints {
            authorize: url("https://login.microsoftonline.com/common/oauth2/v2.0/authorize"),
            token: url("https://login.microsoftonline.com/common/oauth2/v2.0/token"),
            revoke: None,
            identity: url("https://graph.microsoft.com/v1.0/me"),
        },
    };
    Client {
        vendor,
        id: "kalends-client".to_owned(),
        secret: "s3cr3t-of-ours".into(),
        endpoints,
    }
}

fn token_line(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Google => GOOGLE_TOKEN,
        Vendor::Microsoft => MICROSOFT_TOKEN,
    }
}

fn in_seconds(seconds: i64) -> Timestamp {
    Still.now() + seconds.seconds()
}

/// The fields of a form that was sent, and that the secrets stand nowhere but in it.
#[track_caller]
fn form(request: &Request) -> BTreeMap<String, String> {
    assert_eq!(
        request.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert!(!request.headers.contains_key(AUTHORIZATION));
    assert_eq!(request.url.query(), None, "secrets stand in the body alone");
    let shown = format!("{request:?} {:?}", request.headers);
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
    url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_person_is_sent_to_the_consent_page_with_all_that_it_has_to_know() {
    let usual = [
        ("response_type", "code"),
        ("client_id", "kalends-client"),
        ("redirect_uri", "https://kalends.example/back/"),
        ("state", "the-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let google = [("access_type", "offline"), ("prompt", "consent")];
    let microsoft = [("response_mode", "query"), ("prompt", "select_account")];
    let table = [
        (
            Vendor::Google,
            Purpose::Calendar,
            "openid email https://www.googleapis.com/auth/calendar.events \
             https://www.googleapis.com/auth/calendar.calendarlist.readonly \
             https://www.googleapis.com/auth/calendar.freebusy",
            google,
        ),
        (
            Vendor::Google,
            Purpose::Email,
            "openid email https://www.googleapis.com/auth/gmail.send",
            google,
        ),
        (
            Vendor::Microsoft,
            Purpose::Calendar,
            "openid email offline_access User.Read Calendars.ReadWrite",
            microsoft,
        ),
        (
            Vendor::Microsoft,
            Purpose::Email,
            "openid email offline_access User.Read Mail.Send",
            microsoft,
        ),
    ];
    for (vendor, purpose, scope, own) in table {
        for hint in [None, Some("ann@example.com")] {
            let client = client(vendor);
            let url = oauth::authorization_url(
                &client,
                Asked {
                    redirect: &"https://kalends.example/back/".parse().unwrap(),
                    purpose,
                    state: &"the-state".into(),
                    verifier: &VERIFIER.into(),
                    login_hint: hint,
                },
            );
            let mut expected = pairs(&usual);
            expected.extend(pairs(&own));
            expected.extend(pairs(&[("scope", scope)]));
            expected.extend(hint.map(|hint| ("login_hint".to_owned(), hint.to_owned())));
            let told: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            assert_eq!(
                told.len(),
                expected.len(),
                "nothing is said twice: {told:?}"
            );
            assert_eq!(told.into_iter().collect::<BTreeMap<_, _>>(), expected);
            let mut page = url;
            page.set_query(None);
            assert_eq!(page, client.endpoints.authorize);
        }
    }
}

#[tokio::test]
async fn a_code_is_changed_for_tokens_with_the_verifier_of_the_beginning() {
    for vendor in [Vendor::Google, Vendor::Microsoft] {
        let answer = json!({
            "access_token": "access-one", "expires_in": 3599, "refresh_token": "refresh-one",
            "scope": "openid Calendars.ReadWrite", "token_type": "Bearer", "id_token": "e.y.J",
        });
        let script = Script::new().on(token_line(vendor), 200, &answer.to_string());
        let granted = exchange(&script, vendor).await.unwrap();
        assert_eq!(
            form(&script.asked()[0]),
            pairs(&[
                ("grant_type", "authorization_code"),
                ("code", "4/the-code"),
                ("redirect_uri", "https://kalends.example/back/"),
                ("code_verifier", VERIFIER),
                ("client_id", "kalends-client"),
                ("client_secret", "s3cr3t-of-ours"),
            ])
        );
        assert_eq!(granted.access.expose_secret(), "access-one");
        assert_eq!(granted.access_expires_at, in_seconds(3599));
        assert_eq!(granted.refresh.unwrap().expose_secret(), "refresh-one");
        let scopes: Vec<_> = granted.scopes.iter().map(String::as_str).collect();
        assert_eq!(scopes, ["Calendars.ReadWrite", "openid"]);
    }
}

async fn exchange(script: &Script, vendor: Vendor) -> Result<Granted, GrantError> {
    let returned = Returned {
        code: &"4/the-code".into(),
        verifier: &VERIFIER.into(),
        redirect: &"https://kalends.example/back/".parse().unwrap(),
    };
    oauth::exchange(script, &client(vendor), returned, Still.now()).await
}

async fn refresh(script: &Script, vendor: Vendor) -> Result<Granted, GrantError> {
    let token = SecretString::from("refresh-one");
    oauth::refresh(script, &client(vendor), &token, &Still).await
}

#[tokio::test]
async fn google_keeps_its_refresh_token_and_microsoft_gives_another() {
    let answer = json!({ "access_token": "access-two", "expires_in": 60, "token_type": "Bearer" });
    let script = Script::new().on(GOOGLE_TOKEN, 200, &answer.to_string());
    let granted = refresh(&script, Vendor::Google).await.unwrap();
    assert_eq!(
        form(&script.asked()[0]),
        pairs(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", "refresh-one"),
            ("client_id", "kalends-client"),
            ("client_secret", "s3cr3t-of-ours"),
        ])
    );
    assert!(granted.refresh.is_none(), "the one before stays good");
    assert_eq!(granted.access_expires_at, in_seconds(60));

    let answer = json!({
        "token_type": "Bearer", "access_token": "access-two", "refresh_token": "refresh-two",
        "ext_expires_in": 4821,
    });
    let script = Script::new().on(MICROSOFT_TOKEN, 200, &answer.to_string());
    let granted = refresh(&script, Vendor::Microsoft).await.unwrap();
    assert_eq!(granted.refresh.unwrap().expose_secret(), "refresh-two");
    // Nobody said how long it is good.
    assert_eq!(granted.access_expires_at, in_seconds(300));
}

#[test]
fn scopes_are_compared_as_the_vendors_spell_them() {
    const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
    const LIST: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
    const FREE_BUSY: &str = "https://www.googleapis.com/auth/calendar.freebusy";
    let google = |scopes: &[&str]| missing(Vendor::Google, Purpose::Calendar, scopes);
    assert_eq!(google(&[EVENTS, LIST, FREE_BUSY]), [""; 0]);
    // The identity comes back by a longer name, or not at all.
    let email = "https://www.googleapis.com/auth/userinfo.email";
    assert_eq!(google(&["openid", email, EVENTS, LIST, FREE_BUSY]), [""; 0]);
    assert_eq!(
        google(&["openid", EVENTS, FREE_BUSY]),
        [LIST],
        "it was unticked"
    );
    assert_eq!(google(&[]), [EVENTS, LIST, FREE_BUSY]);

    let microsoft = |scopes: &[&str]| missing(Vendor::Microsoft, Purpose::Calendar, scopes);
    for spelled in [
        ["User.Read", "Calendars.ReadWrite"],
        ["user.read", "calendars.readwrite"],
        [
            "https://graph.microsoft.com/User.Read",
            "https://graph.microsoft.com/Calendars.ReadWrite",
        ],
        [
            "https://graph.microsoft.com/user.read",
            "CALENDARS.READWRITE",
        ],
    ] {
        assert_eq!(microsoft(&spelled), [""; 0], "{spelled:?}");
    }
    assert_eq!(
        microsoft(&["User.Read", "Calendars.Read"]),
        ["Calendars.ReadWrite"]
    );
    let mail = missing(Vendor::Microsoft, Purpose::Email, &["User.Read"]);
    assert_eq!(mail, ["Mail.Send"]);
}

fn missing(vendor: Vendor, purpose: Purpose, scopes: &[&str]) -> Vec<&'static str> {
    let granted = Granted {
        access: "access-one".into(),
        access_expires_at: Still.now(),
        refresh: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    granted.missing(vendor, purpose)
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The person's: they have to consent again.
    Person,
    /// An administrator's of their organisation.
    Administrator,
    /// The operator's of this installation.
    Operator,
    /// Nobody's: it passes.
    Nobody,
    /// The answer makes no sense.
    Senseless,
}

fn turn(error: &GrantError) -> Turn {
    match error {
        GrantError::Dead(_) => Turn::Person,
        GrantError::AdminNeeded(_) => Turn::Administrator,
        GrantError::Operator(_) => Turn::Operator,
        GrantError::Passing { .. } => Turn::Nobody,
        GrantError::Protocol(_) => Turn::Senseless,
    }
}

fn google_says(error: &str, description: &str) -> String {
    json!({ "error": error, "error_description": description }).to_string()
}

fn microsoft_says(error: &str, number: u32) -> String {
    json!({
        "error": error,
        "error_description": format!(
            "AADSTS{number}: What it says to people. Trace ID: 0d3b Correlation ID: 5f Timestamp: 2026-03-01 10:00:00Z"
        ),
        "error_codes": [number],
        "trace_id": "0d3b",
        "suberror": "bad_token",
    })
    .to_string()
}

#[tokio::test]
async fn a_refusal_says_whose_turn_it_is_and_only_a_dead_grant_disconnects() {
    let google = |status, error, description, turn| {
        let body = google_says(error, description);
        (Vendor::Google, status, body, turn)
    };
    let microsoft = |status, error, number, turn| {
        let body = microsoft_says(error, number);
        (Vendor::Microsoft, status, body, turn)
    };
    let table = [
        google(
            400,
            "invalid_grant",
            "Token has been expired or revoked.",
            Turn::Person,
        ),
        google(400, "invalid_grant", "Bad Request", Turn::Person),
        google(
            400,
            "invalid_grant",
            "reauth related error (invalid_rapt)",
            Turn::Person,
        ),
        google(400, "invalid_grant", "Malformed auth code.", Turn::Person),
        google(400, "redirect_uri_mismatch", "Bad Request", Turn::Operator),
        google(
            400,
            "invalid_request",
            "Missing required parameter: refresh_token",
            Turn::Operator,
        ),
        google(
            400,
            "unsupported_grant_type",
            "Invalid grant_type: x",
            Turn::Operator,
        ),
        google(
            401,
            "invalid_client",
            "The OAuth client was not found.",
            Turn::Operator,
        ),
        google(
            401,
            "deleted_client",
            "The OAuth client was deleted.",
            Turn::Operator,
        ),
        google(400, "admin_policy_enforced", "", Turn::Administrator),
        google(403, "rate_limit_exceeded", "Slow down.", Turn::Nobody),
        google(400, "something_new", "Whatever it is.", Turn::Nobody),
        microsoft(400, "invalid_request", 50_011, Turn::Operator),
        microsoft(400, "invalid_grant", 50_034, Turn::Person),
        microsoft(400, "invalid_grant", 50_057, Turn::Person),
        microsoft(400, "interaction_required", 50_076, Turn::Person),
        microsoft(400, "invalid_grant", 50_079, Turn::Person),
        microsoft(400, "invalid_grant", 50_105, Turn::Administrator),
        microsoft(400, "invalid_grant", 50_173, Turn::Person),
        microsoft(400, "interaction_required", 53_003, Turn::Person),
        microsoft(400, "invalid_grant", 54_005, Turn::Person),
        microsoft(400, "invalid_grant", 65_001, Turn::Person),
        microsoft(400, "access_denied", 65_004, Turn::Person),
        microsoft(400, "invalid_grant", 70_000, Turn::Person),
        microsoft(400, "invalid_grant", 700_082, Turn::Person),
        microsoft(400, "invalid_scope", 70_011, Turn::Operator),
        microsoft(400, "unauthorized_client", 700_016, Turn::Operator),
        microsoft(401, "invalid_client", 700_025, Turn::Operator),
        microsoft(401, "invalid_client", 7_000_215, Turn::Operator),
        microsoft(401, "invalid_client", 7_000_222, Turn::Operator),
        microsoft(400, "invalid_request", 90_002, Turn::Operator),
        microsoft(400, "consent_required", 90_094, Turn::Administrator),
        microsoft(400, "access_denied", 90_095, Turn::Administrator),
        microsoft(400, "temporarily_unavailable", 90_033, Turn::Nobody),
    ];
    for (vendor, status, body, expected) in table {
        let script = Script::new().on(token_line(vendor), status, &body);
        let error = refresh(&script, vendor).await.unwrap_err();
        assert_eq!(turn(&error), expected, "{body}: {error}");
        let text = error.to_string();
        assert!(text.contains(vendor.name()) || status == 403, "{text}");
        assert!(!text.contains("Trace ID"), "{text}");
        assert_eq!(text.contains("operator"), expected == Turn::Operator);
        for secret in SECRETS {
            assert!(!format!("{error:?} {text}").contains(secret), "{text}");
        }
        let failure = Failure::from(error);
        let class = match expected {
            Turn::Person | Turn::Administrator => Class::ReconnectNeeded,
            Turn::Operator | Turn::Nobody => Class::Passing { retry_at: None },
            Turn::Senseless => Class::Protocol,
        };
        assert_eq!(failure.class, class, "{body}");
        assert_eq!(failure.message, text);
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_when_it_says() {
    let table = [
        (429, Some("120"), Some(120)),
        (503, Some("7"), Some(7)),
        (500, None, None),
        (502, Some("soon"), None),
    ];
    for (status, told, expected) in table {
        let headers: Vec<_> = told.map(|told| ("retry-after", told)).into_iter().collect();
        let body = google_says("invalid_grant", "it says, while it is busy");
        let script = Script::new().on_with(GOOGLE_TOKEN, status, &headers, &body);
        let error = refresh(&script, Vendor::Google).await.unwrap_err();
        let class = Failure::from(error).class;
        let retry_at = expected.map(in_seconds);
        assert_eq!(class, Class::Passing { retry_at }, "{status}");
    }
    let lost = TransportError::Unanswered {
        host: "oauth2.googleapis.com".to_owned(),
        reason: "cut".to_owned(),
    };
    let script = Script::new().fails(GOOGLE_TOKEN, lost);
    let error = refresh(&script, Vendor::Google).await.unwrap_err();
    assert_eq!(turn(&error), Turn::Nobody, "{error}");
}

#[tokio::test]
async fn a_wait_counts_from_when_the_answer_came() {
    /// A minute goes by whenever somebody looks.
    struct Slow(std::sync::atomic::AtomicI64);
    impl Clock for Slow {
        fn now(&self) -> Timestamp {
            let minutes = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            in_seconds(60 * minutes)
        }
        fn sleep(
            &self,
            _: std::time::Duration,
        ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::ready(()))
        }
    }
    let token = SecretString::from("refresh-one");
    let script = Script::new().on_with(GOOGLE_TOKEN, 429, &[("retry-after", "33")], "");
    let slow = Slow(std::sync::atomic::AtomicI64::new(0));
    let asked = oauth::refresh(script.as_ref(), &client(Vendor::Google), &token, &slow).await;
    let retry_at = Some(in_seconds(60 + 33));
    assert_eq!(
        Failure::from(asked.unwrap_err()).class,
        Class::Passing { retry_at }
    );
}

#[tokio::test]
async fn what_makes_no_sense_disconnects_nobody_and_is_not_quoted() {
    let bodies = [
        (200, "<html>access-one</html>"),
        (200, ""),
        (200, r#"{"access_token":"access-one"}"#),
        (200, r#"{"token_type":"Bearer","expires_in":1}"#),
        (400, "<html>refresh-one</html>"),
        (404, ""),
        (302, "elsewhere"),
    ];
    for (status, body) in bodies {
        let script = Script::new().on(MICROSOFT_TOKEN, status, body);
        let error = refresh(&script, Vendor::Microsoft).await.unwrap_err();
        assert_eq!(turn(&error), Turn::Senseless, "{status} {body}: {error}");
        assert!(!format!("{error:?}").contains("-one"), "{error:?}");
    }
}

#[tokio::test]
async fn a_long_and_strange_description_is_told_short_and_plain() {
    let body = google_says(
        "invalid_grant",
        &format!("line\nline\u{7}{}", "x".repeat(5_000)),
    );
    let script = Script::new().on(GOOGLE_TOKEN, 400, &body);
    let text = refresh(&script, Vendor::Google)
        .await
        .unwrap_err()
        .to_string();
    assert!(text.chars().count() < 400, "{text}");
    assert!(text.contains("line line"), "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

#[tokio::test]
async fn a_grant_is_taken_back_where_that_can_be_asked() {
    const REVOKE: &str = "POST https://oauth2.googleapis.com/revoke";
    let token = SecretString::from("refresh-one");
    let script = Script::new();
    oauth::revoke(script.as_ref(), &client(Vendor::Microsoft), &token)
        .await
        .unwrap();
    // The second is dead already.
    for (status, body) in [(200, "{}"), (400, r#"{"error":"invalid_token"}"#)] {
        let script = Script::new().on(REVOKE, status, body);
        oauth::revoke(script.as_ref(), &client(Vendor::Google), &token)
            .await
            .unwrap();
        assert_eq!(form(&script.asked()[0]), pairs(&[("token", "refresh-one")]));
    }
    let script = Script::new().on(REVOKE, 503, "");
    let failure = oauth::revoke(script.as_ref(), &client(Vendor::Google), &token)
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Passing { retry_at: None });
    assert!(!failure.message.contains("refresh-one"));
}

#[tokio::test]
async fn it_is_asked_whose_a_token_is() {
    const GOOGLE: &str = "GET https://www.googleapis.com/oauth2/v2/userinfo";
    const MICROSOFT: &str = "GET https://graph.microsoft.com/v1.0/me";
    let token = SecretString::from("access-one");
    let table = [
        (
            Vendor::Google,
            GOOGLE,
            r#"{"id":"1001","email":"ann@example.com","verified_email":true,"name":"Ann"}"#,
            Some(("1001", "ann@example.com", Some("Ann"))),
        ),
        (
            Vendor::Google,
            GOOGLE,
            r#"{"sub":"1001","email":"ann@example.com"}"#,
            Some(("1001", "ann@example.com", None)),
        ),
        (Vendor::Google, GOOGLE, r#"{"id":"1001"}"#, None),
        (Vendor::Google, GOOGLE, "<html>", None),
        (
            Vendor::Microsoft,
            MICROSOFT,
            r#"{"id":"87d3","mail":"ann@contoso.example","userPrincipalName":"a@x","displayName":"Ann"}"#,
            Some(("87d3", "ann@contoso.example", Some("Ann"))),
        ),
        (
            Vendor::Microsoft,
            MICROSOFT,
            r#"{"id":"87d3","mail":null,"userPrincipalName":"ann@outlook.example"}"#,
            Some(("87d3", "ann@outlook.example", None)),
        ),
        (
            Vendor::Microsoft,
            MICROSOFT,
            r#"{"id":"","mail":"ann@x"}"#,
            None,
        ),
    ];
    for (vendor, line, body, expected) in table {
        let script = Script::new().on(line, 200, body);
        let told = oauth::identity(script.as_ref(), &client(vendor), &token, Still.now()).await;
        assert_eq!(
            script.last_header("authorization").unwrap(),
            "Bearer access-one"
        );
        assert!(script.asked()[0].headers[AUTHORIZATION].is_sensitive());
        match (told, expected) {
            (Ok(identity), Some((subject, email, name))) => {
                assert_eq!(identity.subject, subject);
                assert_eq!(identity.email, email);
                assert_eq!(identity.name.as_deref(), name);
            }
            (Err(failure), None) => assert_eq!(failure.class, Class::Protocol, "{body}"),
            (told, _) => panic!("{body}: {told:?}"),
        }
    }
    let script = Script::new().on_with(GOOGLE, 503, &[("retry-after", "5")], "");
    let failure = oauth::identity(
        script.as_ref(),
        &client(Vendor::Google),
        &token,
        Still.now(),
    )
    .await
    .unwrap_err();
    let retry_at = Some(in_seconds(5));
    assert_eq!(failure.class, Class::Passing { retry_at });
    let script = Script::new().on(GOOGLE, 403, "");
    let failure = oauth::identity(
        script.as_ref(),
        &client(Vendor::Google),
        &token,
        Still.now(),
    )
    .await
    .unwrap_err();
    assert_eq!(failure.class, Class::Protocol);
}

#[test]
fn secrets_are_not_shown() {
    let client = client(Vendor::Google);
    let granted = Granted {
        access: "access-one".into(),
        access_expires_at: Still.now(),
        refresh: Some("refresh-one".into()),
        scopes: ["openid".to_owned()].into(),
    };
    let asked = Asked {
        redirect: &client.endpoints.token,
        purpose: Purpose::Calendar,
        state: &"the-state".into(),
        verifier: &VERIFIER.into(),
        login_hint: None,
    };
    let returned = Returned {
        code: &"4/the-code".into(),
        verifier: &VERIFIER.into(),
        redirect: &client.endpoints.token,
    };
    let shown = format!("{client:?} {granted:?} {asked:?} {returned:?}");
    assert!(shown.contains("kalends-client"), "{shown}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
