//! The Microsoft identity platform: rotation, consent of people and administrators, and its numbered refusals.

use http::StatusCode;
use kalends_sandbox::oauth::{Client, Obstacle};
use serde_json::Value;

use super::{BACK, Reply, VERIFIER, Visit, days, minutes};

const ANN: &str = "ann@contoso.example";

/// Status, `error` and the number behind `AADSTS`.
fn refusal(reply: &Reply) -> (u16, String, u64) {
    let number = reply.json()["error_codes"][0].as_u64().expect("a number");
    let told = reply.text("error_description");
    assert!(told.starts_with(&format!("AADSTS{number}: ")), "{told}");
    for member in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(!reply.text(member).is_empty());
    }
    (reply.status.as_u16(), reply.text("error"), number)
}

/// `error` and the number, of an error that was sent to the client.
fn sent(reply: &Reply) -> (String, String) {
    let mut parameters = reply.parameters();
    let told = parameters.remove("error_description").expect("a text");
    let (number, _) = told.split_once(':').expect("a number");
    (
        parameters.remove("error").expect("an error"),
        number.trim_start_matches("AADSTS").to_owned(),
    )
}

#[test]
fn a_code_becomes_tokens_once() {
    let mut visit = Visit::microsoft();
    let code = visit.connect(&[]);
    let reply = visit.exchange(&code, &[]);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let json = reply.json();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(
        (json["expires_in"].clone(), json["ext_expires_in"].clone()),
        (3599.into(), 3599.into())
    );
    assert_eq!(
        json["scope"], "Calendars.ReadWrite openid profile",
        "without offline_access"
    );
    assert!(reply.text("id_token").starts_with("ey"));
    assert_eq!(
        refusal(&visit.exchange(&code, &[])),
        (400, "invalid_grant".to_owned(), 54005)
    );
}

#[test]
fn scopes_are_told_in_full_where_the_switch_says_so() {
    let mut visit = Visit::microsoft();
    visit.oauth().switches.tells_full_scopes = true;
    let code = visit.connect(&[("scope", "openid calendars.readwrite")]);
    let told = visit.exchange(&code, &[]).text("scope");
    assert_eq!(
        told,
        "https://graph.microsoft.com/Calendars.ReadWrite openid"
    );
}

#[test]
fn without_offline_access_there_is_no_refresh_token() {
    let mut visit = Visit::microsoft();
    let code = visit.connect(&[("scope", "openid User.Read")]);
    assert!(
        visit
            .exchange(&code, &[])
            .json()
            .get("refresh_token")
            .is_none()
    );
}

#[test]
fn every_refresh_gives_a_new_refresh_token_and_the_old_one_stays_good() {
    let mut visit = Visit::microsoft();
    let (_, first) = visit.tokens(&[]);
    let second = visit.refresh(&first, &[]).text("refresh_token");
    assert_ne!(first, second);
    assert_eq!(visit.refresh(&first, &[]).status, StatusCode::OK);
    assert_eq!(visit.refresh(&second, &[]).status, StatusCode::OK);
    visit.oauth().switches.rotation_ends_old = true;
    let third = visit.refresh(&second, &[]).text("refresh_token");
    assert_eq!(refusal(&visit.refresh(&second, &[])).2, 70000);
    assert_eq!(visit.refresh(&third, &[]).status, StatusCode::OK);
}

#[test]
fn ninety_days_unused_end_a_refresh_token_and_its_successor_lives_on() {
    let mut visit = Visit::microsoft();
    let (_, first) = visit.tokens(&[]);
    visit.wait(days(60));
    let second = visit.refresh(&first, &[]).text("refresh_token");
    visit.wait(days(80));
    let third = visit.refresh(&second, &[]).text("refresh_token");
    visit.wait(days(15));
    let idle = visit.refresh(&first, &[]);
    assert_eq!(refusal(&idle), (400, "invalid_grant".to_owned(), 700_082));
    let told = idle.text("error_description");
    assert!(
        told.contains("issued on 2026-03-01T12:00:00.0000000Z"),
        "{told}"
    );
    assert_eq!(idle.text("suberror"), "bad_token");
    assert_eq!(visit.refresh(&third, &[]).status, StatusCode::OK);
}

#[test]
fn a_page_keeps_its_refresh_token_for_a_day_however_often_it_is_exchanged() {
    let mut visit = Visit::microsoft();
    let page = [("client_id", "page"), ("client_secret", "")];
    let code = visit.connect(&page[..1]);
    let mut token = visit.exchange(&code, &page).text("refresh_token");
    for _ in 0..3 {
        visit.wait(minutes(7 * 60));
        token = visit.refresh(&token, &page).text("refresh_token");
    }
    visit.wait(minutes(3 * 60));
    assert_eq!(refusal(&visit.refresh(&token, &page)).2, 700_084);
    let asked = [
        page[0],
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let code = visit.connect(&asked);
    assert_eq!(refusal(&visit.exchange(&code, &page)).2, 9_002_325);
}

#[test]
fn what_the_token_endpoint_refuses() {
    let cases: [(&str, &str, u16, &str, u64); 14] = [
        ("grant_type", "", 400, "invalid_request", 900_144),
        (
            "grant_type",
            "password",
            400,
            "unsupported_grant_type",
            70003,
        ),
        ("code", "", 400, "invalid_request", 900_144),
        ("code", "garbled", 400, "invalid_grant", 70000),
        (
            "redirect_uri",
            "https://app.example/",
            400,
            "invalid_request",
            50011,
        ),
        ("client_id", "", 400, "invalid_request", 900_144),
        ("client_id", "nobody", 400, "unauthorized_client", 700_016),
        ("client_id", "desk", 401, "invalid_client", 700_025),
        ("client_secret", "", 401, "invalid_client", 7_000_218),
        ("client_secret", "guess", 401, "invalid_client", 7_000_215),
        ("code_verifier", "", 400, "invalid_grant", 501_481),
        ("code_verifier", "x", 400, "invalid_grant", 501_481),
        ("scope", "Calendars.Burn", 400, "invalid_scope", 70011),
        (
            "scope",
            "https://vault.example/.default",
            400,
            "invalid_scope",
            70011,
        ),
    ];
    let mut visit = Visit::microsoft();
    let code = visit.connect(&[]);
    for (name, value, status, error, number) in cases {
        let refused = visit.exchange(&code, &[(name, value)]);
        let expected = (status, error.to_owned(), number);
        assert_eq!(refusal(&refused), expected, "{name}={value}");
    }
    assert_eq!(visit.exchange(&code, &[]).status, StatusCode::OK);
    let token = visit.refresh("", &[]);
    assert_eq!(refusal(&token).2, 900_144);
    assert!(token.text("error_description").contains("'refresh_token'"));
    assert_eq!(
        refusal(&visit.refresh("garbled", &[])),
        (400, "invalid_grant".to_owned(), 70000)
    );
    let nowhere = visit.post("/microsoft/fabrikam.example/oauth2/v2.0/token", &[]);
    assert_eq!(
        refusal(&nowhere),
        (400, "invalid_request".to_owned(), 90002)
    );
}

#[test]
fn a_code_lasts_ten_minutes() {
    let mut visit = Visit::microsoft();
    let code = visit.connect(&[]);
    visit.wait(minutes(10));
    assert_eq!(refusal(&visit.exchange(&code, &[])).2, 70008);
}

#[test]
fn a_secret_that_was_replaced_is_wrong_and_one_that_ran_out_is_expired() {
    let mut visit = Visit::microsoft();
    let (_, token) = visit.tokens(&[]);
    let now = visit.now;
    visit.oauth().expire_secrets("kalends", now);
    assert_eq!(
        refusal(&visit.refresh(&token, &[])),
        (401, "invalid_client".to_owned(), 7_000_222)
    );
    let secret = visit.oauth().rotate_secret("kalends").expect("a client");
    assert_eq!(refusal(&visit.refresh(&token, &[])).2, 7_000_215);
    let renewed = visit.refresh(&token, &[("client_secret", &secret)]);
    assert_eq!(renewed.status, StatusCode::OK);
}

#[test]
fn what_stands_in_the_way_of_a_refresh() {
    let cases = [
        (Obstacle::OtherOrganisation, 400, "invalid_grant", 50020),
        (Obstacle::Disabled, 400, "invalid_grant", 50057),
        (Obstacle::SecondFactor, 400, "interaction_required", 50076),
        (
            Obstacle::SecondFactorSetup,
            400,
            "interaction_required",
            50079,
        ),
        (Obstacle::NotAssigned, 400, "invalid_grant", 50105),
        (Obstacle::Blocked, 400, "invalid_grant", 53003),
        (Obstacle::SignInTooOld, 400, "invalid_grant", 70043),
        (Obstacle::Outage, 503, "temporarily_unavailable", 90033),
    ];
    let mut visit = Visit::microsoft();
    let (_, token) = visit.tokens(&[]);
    for (obstacle, status, error, number) in cases {
        visit.oauth().hinder(ANN, obstacle);
        let refused = visit.refresh(&token, &[]);
        assert_eq!(
            refusal(&refused),
            (status, error.to_owned(), number),
            "{obstacle:?}"
        );
        assert_eq!(
            refused.json().get("claims").is_some(),
            obstacle == Obstacle::SecondFactor
        );
    }
    visit.oauth().unhinder(ANN);
    assert_eq!(visit.refresh(&token, &[]).status, StatusCode::OK);
    visit.oauth().people.remove(ANN);
    assert_eq!(refusal(&visit.refresh(&token, &[])).2, 50034);
}

#[test]
fn a_sign_in_settles_a_second_factor_and_not_a_rule() {
    let mut visit = Visit::microsoft();
    let (_, token) = visit.tokens(&[]);
    visit.oauth().hinder(ANN, Obstacle::SecondFactor);
    let silent = visit.open(&[("prompt", "none")]);
    assert_eq!(
        sent(&silent),
        ("interaction_required".to_owned(), "50076".to_owned())
    );
    visit.connect(&[]);
    assert_eq!(visit.refresh(&token, &[]).status, StatusCode::OK);
    for (obstacle, error, number) in [
        (Obstacle::Blocked, "access_denied", "53003"),
        (Obstacle::NotAssigned, "access_denied", "50105"),
        (Obstacle::Outage, "temporarily_unavailable", "90033"),
    ] {
        visit.oauth().hinder(ANN, obstacle);
        let form = visit.open(&[]).form().signed_by(ANN);
        let refused = visit.press(&form, "allow");
        assert_eq!(sent(&refused), (error.to_owned(), number.to_owned()));
    }
}

#[test]
fn sessions_that_are_ended_end_refresh_tokens() {
    let mut visit = Visit::microsoft();
    let (access, token) = visit.tokens(&[("scope", "openid offline_access User.ReadWrite")]);
    let done = visit.post_json(
        "/microsoft/v1.0/me/revokeSignInSessions",
        &access,
        &Value::Null,
    );
    assert_eq!(done.json()["value"], true);
    assert_eq!(
        refusal(&visit.refresh(&token, &[])),
        (400, "invalid_grant".to_owned(), 50173)
    );
    assert_eq!(
        visit.get("/microsoft/v1.0/me", Some(&access)).status,
        StatusCode::OK
    );
    let page = visit.open(&[]);
    assert!(page.body.contains("Accept"), "the browser is signed out");
}

#[test]
fn a_consent_that_is_gone_is_found_at_the_next_refresh() {
    let mut visit = Visit::microsoft();
    let (access, token) = visit.tokens(&[("scope", "openid offline_access User.Read")]);
    let holder = visit.holder();
    visit.oauth().revoke_grant(&holder);
    let refused = visit.refresh(&token, &[]);
    assert_eq!(refusal(&refused), (400, "invalid_grant".to_owned(), 65001));
    assert_eq!(refused.text("suberror"), "consent_required");
    let lives = visit.get("/microsoft/v1.0/me", Some(&access));
    assert_eq!(
        lives.status,
        StatusCode::OK,
        "nobody looks while the token lasts"
    );
    visit.oauth().switches.access_outlives_grant = false;
    visit.oauth().switches.tells_suberrors = false;
    visit.oauth().revoke_grant(&holder);
    assert_eq!(
        visit
            .get("/microsoft/v1.0/me", Some(&access))
            .status
            .as_u16(),
        401
    );
    assert!(visit.refresh(&token, &[]).json().get("suberror").is_none());
}

#[test]
fn a_refresh_may_ask_for_what_was_consented_to_and_no_more() {
    let mut visit = Visit::microsoft();
    let (_, token) = visit.tokens(&[]);
    let less = visit.refresh(
        &token,
        &[("scope", "https://graph.microsoft.com/Calendars.ReadWrite")],
    );
    assert_eq!(less.text("scope"), "Calendars.ReadWrite");
    let all = visit.refresh(&token, &[("scope", "https://graph.microsoft.com/.default")]);
    assert_eq!(all.text("scope"), "Calendars.ReadWrite openid profile");
    let more = visit.refresh(&token, &[("scope", "Mail.Send")]);
    assert_eq!(refusal(&more).2, 65001);
    visit.connect(&[("scope", "Mail.Send")]);
    let now = visit.refresh(&token, &[("scope", "Mail.Send offline_access")]);
    assert_eq!(
        now.text("scope"),
        "Mail.Send",
        "the person consented meanwhile"
    );
}

#[test]
fn another_clients_token_is_not_taken() {
    let mut visit = Visit::microsoft();
    let (_, token) = visit.tokens(&[]);
    visit
        .oauth()
        .register_client(Client::web("other", "else", BACK));
    let refused = visit.refresh(&token, &[("client_id", "other"), ("client_secret", "else")]);
    assert_eq!(refusal(&refused).2, 70000);
    assert_eq!(refused.text("suberror"), "client_mismatch");
}

#[test]
fn what_is_sent_to_the_client_when_a_sign_in_fails() {
    let cases = [
        ("response_type", "", "invalid_request", "900144"),
        (
            "response_type",
            "token",
            "unsupported_response_type",
            "700054",
        ),
        ("scope", "", "invalid_request", "900144"),
        ("scope", "Calendars.Burn", "invalid_scope", "70011"),
        ("code_challenge_method", "S512", "invalid_request", "501491"),
        ("prompt", "perhaps", "invalid_request", "90023"),
        ("prompt", "none", "login_required", "50058"),
    ];
    for (name, value, error, number) in cases {
        let mut visit = Visit::microsoft();
        let back = visit.open(&[(name, value)]);
        assert_eq!(
            sent(&back),
            (error.to_owned(), number.to_owned()),
            "{name}={value}"
        );
        assert_eq!(back.sent("state"), "st&te\"<");
    }
    for (name, value, number) in [
        ("client_id", "nobody", "AADSTS700016"),
        ("client_id", "", "AADSTS900144"),
        ("redirect_uri", "https://evil.example/", "AADSTS50011"),
        ("response_mode", "pigeon", "AADSTS9002313"),
    ] {
        let mut visit = Visit::microsoft();
        let page = visit.open(&[(name, value)]);
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.body.contains(number), "{name}={value}: {}", page.body);
    }
}

#[test]
fn declining_is_told_with_a_subcode() {
    let mut visit = Visit::microsoft();
    let form = visit.open(&[]).form();
    let back = visit.press(&form, "deny");
    assert_eq!(
        sent(&back),
        ("access_denied".to_owned(), "65004".to_owned())
    );
    assert_eq!(back.sent("error_subcode"), "cancel");
    visit.oauth().switches.tells_subcode = false;
    assert!(
        !visit
            .press(&form, "deny")
            .parameters()
            .contains_key("error_subcode")
    );
}

#[test]
fn an_answer_may_travel_in_the_fragment_or_in_a_form() {
    let mut visit = Visit::microsoft();
    let form = visit
        .open(&[("response_mode", "fragment")])
        .form()
        .signed_by(ANN);
    let back = visit.press(&form, "allow");
    assert!(
        back.header("location")
            .expect("an address")
            .starts_with(&format!("{BACK}#code="))
    );
    let form = visit
        .open(&[("response_mode", "form_post"), ("prompt", "consent")])
        .form()
        .signed_by(ANN);
    let page = visit.press(&form, "allow");
    let sent = page.form();
    assert_eq!(sent.action, BACK);
    assert_eq!(sent.value("state"), Some("st&te\"<"));
    let code = sent.value("code").expect("a code").to_owned();
    assert_eq!(visit.exchange(&code, &[]).status, StatusCode::OK);
}

#[test]
fn only_an_administrator_may_consent_where_the_tenant_says_so() {
    let mut visit = Visit::microsoft();
    visit.oauth().require_admin_consent("contoso.example");
    let form = visit.open(&[]).form().signed_by(ANN);
    let refused = visit.press(&form, "allow");
    assert_eq!(
        sent(&refused),
        ("consent_required".to_owned(), "90094".to_owned())
    );
    let asked = [
        ("scope", "Calendars.ReadWrite"),
        ("response_type", ""),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let page = visit.open_at("/microsoft/contoso.example/v2.0/adminconsent", &asked);
    assert!(page.body.contains("for your organization"));
    let declined = visit.press(&page.form(), "deny");
    assert_eq!(sent(&declined).1, "65004");
    let wrong = page.form().signed_by(ANN).with("password", "guess");
    assert!(visit.press(&wrong, "allow").body.contains("Wrong password"));
    let back = visit
        .press(&page.form().signed_by(ANN), "allow")
        .parameters();
    assert_eq!(back["admin_consent"], "True");
    assert_eq!(
        back["scope"],
        "https://graph.microsoft.com/Calendars.ReadWrite"
    );
    assert_eq!(back["tenant"].len(), 36);
    visit.cookie = None;
    let (_, token) = visit.tokens(&[]);
    assert_eq!(visit.refresh(&token, &[]).status, StatusCode::OK);
    let more = [("scope", "Mail.Send"), ("prompt", "consent")];
    let form = visit.open(&more).form().signed_by(ANN);
    assert_eq!(
        sent(&visit.press(&form, "allow")).1,
        "90094",
        "that was not approved"
    );
}

#[test]
fn an_address_lets_in_whom_it_is_for() {
    let cases = [
        ("common", true, true),
        ("organizations", true, false),
        ("consumers", false, true),
        ("9188040d-6c67-4c5b-b112-36a304b66dad", false, true),
        ("contoso.example", true, false),
    ];
    for (tenant, work, personal) in cases {
        let path = format!("/microsoft/{tenant}/oauth2/v2.0/authorize");
        for (email, admitted) in [(ANN, work), ("bo@outlook.com", personal)] {
            let mut visit = Visit::microsoft();
            let page = visit.open_at(&path, &[]);
            assert_eq!(page.body.contains(email), admitted, "{email} at {tenant}");
            let answer = visit.press(&page.form().signed_by(email), "allow");
            assert_eq!(
                answer.status == StatusCode::FOUND,
                admitted,
                "{email} at {tenant}"
            );
        }
    }
    let mut visit = Visit::microsoft();
    let (_, token) = visit.tokens(&[]);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &token),
        ("client_id", "kalends"),
        ("client_secret", "s3cret"),
    ];
    let other = visit.post("/microsoft/consumers/oauth2/v2.0/token", &pairs);
    assert_eq!(refusal(&other).2, 50020);
}

#[test]
fn a_browser_that_is_signed_in_is_asked_nothing_twice_until_it_signs_out() {
    let mut visit = Visit::microsoft();
    visit.connect(&[]);
    let silent = visit.open(&[("prompt", "none")]).parameters();
    assert!(silent.contains_key("code") && silent.contains_key("session_state"));
    let more = [("prompt", "none"), ("scope", "Mail.Send")];
    assert_eq!(
        sent(&visit.open(&more)),
        ("consent_required".to_owned(), "65001".to_owned())
    );
    for prompt in ["login", "consent", "select_account"] {
        assert_eq!(
            visit.open(&[("prompt", prompt)]).status,
            StatusCode::OK,
            "a page"
        );
    }
    let away =
        "/microsoft/common/oauth2/v2.0/logout?post_logout_redirect_uri=https://evil.example/";
    let mut out = visit
        .browser(http::Request::get(away))
        .body(bytes::Bytes::new())
        .expect("a request");
    assert_eq!(
        visit.send(&out).status,
        StatusCode::OK,
        "not to an address of nobody's"
    );
    *out.uri_mut() =
        format!("/microsoft/common/oauth2/v2.0/logout?post_logout_redirect_uri={BACK}&state=s")
            .parse()
            .expect("an address");
    let home = visit.send(&out);
    assert_eq!(
        home.header("location"),
        Some("https://app.example/back?state=s")
    );
    assert_eq!(sent(&visit.open(&[("prompt", "none")])).1, "50058");
}

#[test]
fn lifetimes_vary_where_the_switch_says_so() {
    let mut visit = Visit::microsoft();
    visit.oauth().switches.varies_lifetimes = true;
    let (_, token) = visit.tokens(&[]);
    let lives: Vec<i64> = (0..8)
        .map(|_| {
            visit.refresh(&token, &[]).json()["expires_in"]
                .as_i64()
                .expect("seconds")
        })
        .collect();
    assert!(
        lives.iter().all(|life| (3600..5400).contains(life)),
        "{lives:?}"
    );
    assert!(lives.iter().any(|life| *life != lives[0]), "{lives:?}");
}

#[test]
fn a_desk_program_shows_no_secret() {
    let mut visit = Visit::microsoft();
    let asked = [
        ("client_id", "desk"),
        ("redirect_uri", "http://localhost:5000"),
    ];
    let form = visit.open(&asked).form().signed_by(ANN);
    let back = visit.press(&form, "allow");
    let query = back
        .header("location")
        .and_then(|to| to.strip_prefix("http://localhost:5000?"));
    let code = super::parsed(query.expect("the port that it asked for"))["code"].clone();
    let changes = [
        asked[0],
        asked[1],
        ("client_secret", ""),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(visit.exchange(&code, &changes).status, StatusCode::OK);
}
