//! What the person sees, and what never leaves for an address that is not proven.

use http::StatusCode;
use kalends_sandbox::oauth::Obstacle;

use super::{BACK, Visit};

#[test]
fn the_page_says_who_asks_for_what_and_sends_a_code_back() {
    let mut visit = Visit::google();
    let page = visit.open(&[]);
    assert!(
        page.body
            .contains("Kalends wants access to your Google Account")
    );
    assert!(
        page.body
            .contains("View and edit events on all your calendars")
    );
    assert!(page.body.contains("Ann Lee") && page.body.contains("bo@gmail.com"));
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("name=\"viewport\""));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let form = page.form().signed_by("ann@example.com");
    let back = visit.press(&form, "allow").parameters();
    assert_eq!(back["state"], "st&te\"<", "as it was sent");
    assert!(back["code"].starts_with("4/0A"));
    assert_eq!(back["hd"], "example.com");
    assert_eq!(
        back["scope"],
        "https://www.googleapis.com/auth/calendar.events https://www.googleapis.com/auth/userinfo.email openid"
    );
}

/// It stands in the file of secrets that Google gives to whoever registers a client, and in the code of programs.
#[test]
fn google_has_its_page_at_the_older_address_too() {
    let mut visit = Visit::google();
    let page = visit.open_at("/google/o/oauth2/auth", &[]);
    let form = page.form().signed_by("ann@example.com");
    let code = visit.press(&form, "allow").sent("code");
    assert_eq!(visit.exchange(&code, &[]).status, StatusCode::OK);
}

#[test]
fn everything_on_a_page_is_text() {
    let mut visit = Visit::google();
    let evil = "\"><script>alert(1)</script>";
    if let Some(client) = visit.oauth().clients.get_mut("kalends") {
        evil.clone_into(&mut client.name);
    }
    let page = visit.open(&[("state", evil)]);
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert_eq!(page.form().value("state"), Some(evil));
    let mismatch = visit.open(&[("redirect_uri", evil)]);
    assert!(!mismatch.body.contains("<script"));
    let mut visit = Visit::microsoft();
    let posted = visit.open(&[("response_mode", "form_post"), ("state", evil)]);
    let form = posted.form().signed_by("ann@contoso.example");
    let page = visit.press(&form, "allow");
    assert_eq!(page.body.matches("<script").count(), 1, "only our own");
    assert_eq!(page.form().value("state"), Some(evil));
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_registered_to_the_letter() {
    for mut visit in [Visit::google(), Visit::microsoft()] {
        for wrong in [
            "https://app.example/back/",
            "https://app.example/back?x=1",
            "https://app.example:8443/back",
            "https://evil.example/back",
            "",
        ] {
            let page = visit.open(&[("redirect_uri", wrong)]);
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong}");
            assert_eq!(page.header("location"), None);
            let kind = page.header("content-type").expect("a type");
            assert!(kind.starts_with("text/html"));
        }
        let form = visit.open(&[]).form().signed_by(visit.ann());
        let forged = form.with("redirect_uri", "https://evil.example/back");
        let page = visit.press(&forged, "allow");
        assert_eq!(
            page.status,
            StatusCode::BAD_REQUEST,
            "the form is checked too"
        );
    }
}

#[test]
fn what_google_tells_the_person_and_not_the_client() {
    let cases = [
        ("client_id", "nobody", 401, "invalid_client"),
        ("client_id", "", 400, "invalid_request"),
        (
            "redirect_uri",
            "https://x.example/",
            400,
            "redirect_uri_mismatch",
        ),
        ("response_type", "", 400, "invalid_request"),
        ("response_type", "token", 400, "unsupported_response_type"),
        ("scope", "", 400, "invalid_request"),
        ("scope", "openid calendar.everything", 400, "invalid_scope"),
        ("code_challenge_method", "S512", 400, "invalid_request"),
        ("code_challenge", "short", 400, "invalid_request"),
        ("prompt", "none consent", 400, "invalid_request"),
    ];
    for (name, value, status, error) in cases {
        let mut visit = Visit::google();
        let page = visit.open(&[(name, value)]);
        assert_eq!(page.status.as_u16(), status, "{name}={value}");
        assert!(page.body.contains(error), "{name}={value}: {}", page.body);
    }
    let mut visit = Visit::google();
    visit
        .oauth()
        .restrict("https://www.googleapis.com/auth/calendar.events");
    assert!(visit.open(&[]).body.contains("admin_policy_enforced"));
    visit.oauth().switches.pkce_for_web = false;
    assert!(visit.open(&[]).body.contains("code_challenge"));
}

#[test]
fn a_parameter_may_not_come_twice() {
    let mut visit = Visit::google();
    let path = format!(
        "/google/o/oauth2/v2/auth?client_id=kalends&redirect_uri={BACK}&scope=openid&response_type=code&state=1&state=2"
    );
    assert_eq!(visit.get(&path, None).status, StatusCode::BAD_REQUEST);
    let path = path.replace(
        "/google/o/oauth2/v2/auth",
        "/microsoft/common/oauth2/v2.0/authorize",
    );
    let mut visit = Visit::microsoft();
    let back = visit.get(&path, None).parameters();
    assert!(back["error_description"].starts_with("AADSTS9002313"));
}

#[test]
fn a_wrong_password_is_told_on_the_page() {
    for mut visit in [Visit::google(), Visit::microsoft()] {
        let form = visit.open(&[]).form().signed_by(visit.ann());
        let again = visit.press(&form.clone().with("password", "guess"), "allow");
        assert!(again.body.contains("role=\"alert\">Wrong password"));
        assert_eq!(
            again.form().value("account"),
            Some(visit.ann()),
            "still chosen"
        );
        let nobody = visit.press(&form.clone().with("account", "eve@example.com"), "allow");
        assert!(nobody.body.contains("There is no such account."));
        let ann = visit.ann();
        visit.oauth().hinder(ann, Obstacle::Disabled);
        assert!(visit.press(&form, "allow").body.contains("disabled"));
        visit.oauth().unhinder(ann);
        visit.oauth().switches.asks_passwords = false;
        let page = visit.open(&[]);
        assert!(!page.body.contains("type=\"password\""));
        let form = page.form().with("account", ann);
        assert!(!visit.press(&form, "allow").sent("code").is_empty());
    }
}

#[test]
fn an_address_cannot_press_a_button() {
    for mut visit in [Visit::google(), Visit::microsoft()] {
        let password = format!("{} password", visit.ann());
        let pressed = [
            ("decision", "allow"),
            ("account", visit.ann()),
            ("password", &password),
        ];
        let page = visit.open(&pressed);
        assert_eq!(
            page.status,
            StatusCode::OK,
            "it is a page, and nothing more"
        );
        assert_eq!(visit.oauth().grants().count(), 0);
    }
}

#[test]
fn the_enter_key_allows() {
    let mut visit = Visit::google();
    let page = visit.open(&[]);
    let (before, _) = page.body.split_once("value=\"deny\"").expect("a button");
    assert!(
        before.contains("value=\"allow\""),
        "the first button is pressed"
    );
}

#[test]
fn who_is_alone_is_chosen() {
    let mut visit = Visit::google();
    visit.oauth().people.remove("bo@gmail.com");
    assert_eq!(
        visit.open(&[]).form().value("account"),
        Some("ann@example.com")
    );
}

#[test]
fn a_hint_chooses_the_account() {
    let mut visit = Visit::google();
    assert_eq!(visit.open(&[]).form().value("account"), None);
    for hint in ["BO@gmail.com", "1002"] {
        let form = visit.open(&[("login_hint", hint)]).form();
        assert_eq!(form.value("account"), Some("bo@gmail.com"));
    }
}

#[test]
fn only_the_consent_page_has_methods_for_it() {
    let mut visit = Visit::google();
    for path in [
        "/google/token",
        "/google/revoke",
        "/google/gmail/v1/users/me/messages/send",
    ] {
        let answer = visit.get(path, None);
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    assert_eq!(
        visit.get("/google/nothing", None).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        visit
            .get("/microsoft/fabrikam.example/oauth2/v2.0/authorize", None)
            .status,
        StatusCode::BAD_REQUEST
    );
}
