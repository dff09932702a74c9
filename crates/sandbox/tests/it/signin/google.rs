//! Google's tokens: when a refresh token comes and when not, how it ends, and every refusal that can be provoked.

use http::StatusCode;
use kalends_sandbox::oauth::{Client, ClientKind, Holder, Obstacle, Publishing};

use super::{BACK, VERIFIER, Visit, basic, coded, days, minutes};
use bytes::Bytes;
use http::Request;

const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
const FREEBUSY: &str = "https://www.googleapis.com/auth/calendar.freebusy";
const DEAD: &str = "Token has been expired or revoked.";

#[test]
fn a_code_becomes_tokens_once() {
    let mut visit = Visit::google();
    let code = visit.connect(&[]);
    let reply = visit.exchange(&code, &[]);
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let json = reply.json();
    assert_eq!(json["expires_in"], 3599);
    assert_eq!(json["token_type"], "Bearer");
    assert!(json.get("refresh_token_expires_in").is_none());
    assert!(reply.text("access_token").starts_with("ya29."));
    assert!(reply.text("refresh_token").starts_with("1//0"));
    let mut scopes: Vec<String> = reply.text("scope").split(' ').map(str::to_owned).collect();
    scopes.sort();
    assert_eq!(
        scopes,
        [
            EVENTS,
            "https://www.googleapis.com/auth/userinfo.email",
            "openid"
        ],
        "the short form came back long"
    );
    let replay = visit.exchange(&code, &[]);
    assert_eq!(
        replay.refusal(),
        (400, "invalid_grant".to_owned(), "Bad Request".to_owned())
    );
    let renewed = visit.refresh(&reply.text("refresh_token"), &[]);
    assert_eq!(renewed.status, StatusCode::OK, "a replay ends nothing here");
}

#[test]
fn a_replayed_code_can_end_what_it_led_to() {
    let mut visit = Visit::google();
    visit.oauth().switches.replay_revokes = true;
    let code = visit.connect(&[]);
    let refresh = visit.exchange(&code, &[]).text("refresh_token");
    assert_eq!(visit.exchange(&code, &[]).status, StatusCode::BAD_REQUEST);
    assert_eq!(visit.refresh(&refresh, &[]).refusal().2, DEAD);
}

#[test]
fn what_the_token_endpoint_refuses() {
    let cases: [(&str, &str, u16, &str, &str); 12] = [
        (
            "grant_type",
            "",
            400,
            "invalid_request",
            "Missing required parameter: grant_type",
        ),
        (
            "grant_type",
            "password",
            400,
            "unsupported_grant_type",
            "Invalid grant_type: password",
        ),
        (
            "code",
            "",
            400,
            "invalid_request",
            "Missing required parameter: code",
        ),
        (
            "code",
            "4/0Agarbled",
            400,
            "invalid_grant",
            "Malformed auth code.",
        ),
        (
            "redirect_uri",
            "https://app.example/",
            400,
            "redirect_uri_mismatch",
            "Bad Request",
        ),
        (
            "redirect_uri",
            "",
            400,
            "redirect_uri_mismatch",
            "Bad Request",
        ),
        (
            "client_id",
            "nobody",
            401,
            "invalid_client",
            "The OAuth client was not found.",
        ),
        (
            "client_id",
            "",
            400,
            "invalid_request",
            "Could not determine client ID from request.",
        ),
        (
            "client_secret",
            "guess",
            401,
            "invalid_client",
            "Unauthorized",
        ),
        (
            "client_secret",
            "",
            400,
            "invalid_request",
            "client_secret is missing.",
        ),
        (
            "code_verifier",
            "",
            400,
            "invalid_grant",
            "Missing code verifier.",
        ),
        (
            "code_verifier",
            "another-verifier-of-forty-three-letters-0000",
            400,
            "invalid_grant",
            "Invalid code verifier.",
        ),
    ];
    let mut visit = Visit::google();
    let code = visit.connect(&[]);
    for (name, value, status, error, told) in cases {
        let refusal = visit.exchange(&code, &[(name, value)]).refusal();
        let expected = (status, error.to_owned(), told.to_owned());
        assert_eq!(refusal, expected, "{name}={value}");
    }
    let renewal = visit.refresh("", &[]).refusal();
    assert_eq!(renewal.2, "Missing required parameter: refresh_token");
    assert_eq!(
        visit.exchange(&code, &[]).status,
        StatusCode::OK,
        "the code is still good"
    );
}

#[test]
fn a_code_lasts_ten_minutes() {
    let mut visit = Visit::google();
    let code = visit.connect(&[]);
    visit.wait(minutes(10));
    assert_eq!(visit.exchange(&code, &[]).refusal().2, "Bad Request");
    let code = visit.connect(&[]);
    visit.wait(minutes(9));
    assert_eq!(visit.exchange(&code, &[]).status, StatusCode::OK);
}

#[test]
fn the_client_may_show_itself_in_the_header() {
    let mut visit = Visit::google();
    let code = visit.connect(&[]);
    let form = coded(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]);
    let mut ask = |secret| {
        let request = Request::post("/google/token")
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .header("authorization", basic("kalends", secret))
            .body(Bytes::from(form.clone()))
            .expect("a request");
        visit.send(&request)
    };
    let refused = ask("guess");
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.header("www-authenticate").is_some());
    assert_eq!(ask("s3cret").status, StatusCode::OK);
}

#[test]
fn a_plain_challenge_is_met_by_itself_and_no_challenge_by_no_verifier() {
    let mut visit = Visit::google();
    for method in ["plain", ""] {
        let asked = [
            ("code_challenge", VERIFIER),
            ("code_challenge_method", method),
        ];
        let code = visit.connect(&asked);
        assert_eq!(
            visit.exchange(&code, &[]).status,
            StatusCode::OK,
            "{method}"
        );
    }
    visit.cookie = None;
    let code = visit.connect(&[("code_challenge", ""), ("code_challenge_method", "")]);
    assert_eq!(
        visit.exchange(&code, &[]).refusal().2,
        "Invalid code verifier.",
        "a verifier for nothing is somebody else's"
    );
    let without = visit.exchange(&code, &[("code_verifier", "")]);
    assert_eq!(without.status, StatusCode::OK);
}

#[test]
fn a_refresh_token_comes_with_the_first_consent_or_a_forced_one() {
    let mut visit = Visit::google();
    let mut given = |changes: &[(&str, &str)]| {
        visit.cookie = None;
        let code = visit.connect(changes);
        visit
            .exchange(&code, &[])
            .json()
            .get("refresh_token")
            .is_some()
    };
    assert!(!given(&[("access_type", "")]), "online");
    assert!(given(&[]), "first");
    assert!(!given(&[]), "second");
    assert!(given(&[("prompt", "consent")]), "forced");
    assert!(
        !given(&[("prompt", "select_account")]),
        "only the account is chosen"
    );
}

#[test]
fn after_a_revocation_the_next_consent_is_a_first_one() {
    let mut visit = Visit::google();
    let (access, refresh) = visit.tokens(&[]);
    assert_eq!(
        visit.post("/google/revoke", &[("token", &access)]).status,
        StatusCode::OK
    );
    assert_eq!(visit.refresh(&refresh, &[]).refusal().2, DEAD);
    let (_, again) = visit.tokens(&[]);
    assert_ne!(again, refresh);
}

#[test]
fn a_refresh_token_is_never_rotated() {
    let mut visit = Visit::google();
    let (access, refresh) = visit.tokens(&[]);
    for _ in 0..3 {
        visit.wait(minutes(61));
        let renewed = visit.refresh(&refresh, &[]);
        assert_eq!(renewed.status, StatusCode::OK);
        assert!(renewed.json().get("refresh_token").is_none());
        assert_ne!(renewed.text("access_token"), access);
        assert!(renewed.json().get("id_token").is_some());
    }
}

#[test]
fn a_refresh_may_ask_for_less_and_not_for_more() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    let less = visit.refresh(&refresh, &[("scope", "email")]);
    assert_eq!(
        less.text("scope"),
        "https://www.googleapis.com/auth/userinfo.email"
    );
    assert_eq!(
        visit.refresh(&refresh, &[("scope", FREEBUSY)]).refusal().1,
        "invalid_scope"
    );
}

#[test]
fn what_is_unticked_is_not_granted() {
    let mut visit = Visit::google();
    let asked = format!("openid {EVENTS} {FREEBUSY}");
    let form = visit
        .open(&[("scope", &asked)])
        .form()
        .signed_by("ann@example.com");
    let back = visit.press(&form.without_tick(FREEBUSY), "allow");
    assert_eq!(back.sent("scope"), format!("{EVENTS} openid"));
    let reply = visit.exchange(&back.sent("code"), &[]);
    assert_eq!(reply.text("scope"), format!("{EVENTS} openid"));
}

#[test]
fn nothing_ticked_is_a_denial_and_so_is_the_button() {
    let mut visit = Visit::google();
    let form = visit
        .open(&[("scope", EVENTS)])
        .form()
        .signed_by("ann@example.com");
    for (form, button) in [(form.clone().without_tick(EVENTS), "allow"), (form, "deny")] {
        let back = visit.press(&form, button).parameters();
        assert_eq!(back["error"], "access_denied");
        assert_eq!(back["state"], "st&te\"<");
        assert!(!back.contains_key("code"));
    }
    assert_eq!(visit.oauth().grants().count(), 0);
}

#[test]
fn where_nothing_can_be_unticked_everything_is_granted() {
    let mut visit = Visit::google();
    visit.oauth().switches.granular_consent = false;
    let page = visit.open(&[]);
    assert!(!page.body.contains("type=\"checkbox\""));
    let back = visit.press(&page.form().signed_by("ann@example.com"), "allow");
    assert!(back.sent("scope").contains(EVENTS));
}

#[test]
fn earlier_grants_are_included_when_asked_for() {
    let mut visit = Visit::google();
    visit.connect(&[("scope", EVENTS)]);
    let alone = visit.connect(&[("scope", FREEBUSY)]);
    assert_eq!(visit.exchange(&alone, &[]).text("scope"), FREEBUSY);
    let asked = [
        ("scope", FREEBUSY),
        ("include_granted_scopes", "true"),
        ("prompt", "consent"),
    ];
    let both = visit.connect(&asked);
    assert_eq!(
        visit.exchange(&both, &[]).text("scope"),
        format!("{EVENTS} {FREEBUSY}")
    );
}

#[test]
fn a_browser_that_is_signed_in_is_asked_nothing_twice() {
    let mut visit = Visit::google();
    let silent = [("prompt", "none")];
    assert_eq!(visit.open(&silent).sent("error"), "login_required");
    visit.connect(&[]);
    let back = visit.open(&[]).parameters();
    assert_eq!(back["prompt"], "none");
    assert!(visit.open(&silent).parameters().contains_key("code"));
    let more = [("prompt", "none"), ("scope", FREEBUSY)];
    assert_eq!(visit.open(&more).sent("error"), "interaction_required");
    let other = [("prompt", "none"), ("login_hint", "bo@gmail.com")];
    assert_eq!(visit.open(&other).sent("error"), "login_required");
    for prompt in ["consent", "select_account"] {
        assert_eq!(
            visit.open(&[("prompt", prompt)]).status,
            StatusCode::OK,
            "a page"
        );
    }
}

#[test]
fn revoking_ends_every_token_of_person_and_client() {
    let mut visit = Visit::google();
    let (first, older) = visit.tokens(&[]);
    let (second, newer) = visit.tokens(&[("prompt", "consent")]);
    let bystander = Holder {
        email: "bo@gmail.com".to_owned(),
        ..visit.holder()
    };
    let now = visit.now;
    let spared = visit.oauth().issue_offline(&bystander, &["openid"], now);
    let revoked = visit.post(&format!("/google/revoke?token={older}"), &[]);
    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.body);
    for token in [first, second] {
        assert_eq!(
            visit
                .get("/google/oauth2/v2/userinfo", Some(&token))
                .status
                .as_u16(),
            401
        );
    }
    for token in [&older, &newer] {
        assert_eq!(visit.refresh(token, &[]).refusal().2, DEAD);
    }
    assert_eq!(
        visit
            .get("/google/oauth2/v2/userinfo", Some(&spared.access))
            .status
            .as_u16(),
        200
    );
    let again = visit.post("/google/revoke", &[("token", &older)]).refusal();
    assert_eq!(
        again,
        (
            400,
            "invalid_token".to_owned(),
            "Token expired or revoked".to_owned()
        )
    );
    assert_eq!(
        visit.post("/google/revoke", &[]).refusal().1,
        "invalid_request"
    );
}

#[test]
fn revoking_can_be_for_one_token_alone() {
    let mut visit = Visit::google();
    visit.oauth().switches.revokes_whole_grant = false;
    let (access, refresh) = visit.tokens(&[]);
    visit.post("/google/revoke", &[("token", &access)]);
    assert_eq!(
        visit
            .get("/google/oauth2/v2/userinfo", Some(&access))
            .status
            .as_u16(),
        401
    );
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::OK);
    visit.post("/google/revoke", &[("token", &refresh)]);
    assert_eq!(visit.refresh(&refresh, &[]).refusal().2, DEAD);
}

#[test]
fn a_client_in_testing_loses_its_refresh_tokens_after_a_week() {
    let mut visit = Visit::google();
    if let Some(client) = visit.oauth().clients.get_mut("kalends") {
        client.publishing = Publishing::Testing;
    }
    visit.oauth().switches.tells_refresh_lifetime = true;
    let code = visit.connect(&[]);
    let reply = visit.exchange(&code, &[]);
    assert_eq!(reply.json()["refresh_token_expires_in"], 7 * 24 * 3600);
    let (_, harmless) = visit.tokens(&[("scope", "openid email"), ("prompt", "consent")]);
    visit.wait(days(7));
    assert_eq!(
        visit.refresh(&reply.text("refresh_token"), &[]).refusal().2,
        DEAD
    );
    assert_eq!(
        visit.refresh(&harmless, &[]).status,
        StatusCode::OK,
        "it only tells who"
    );
}

#[test]
fn half_a_year_unused_ends_a_refresh_token() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    visit.wait(days(180));
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::OK);
    visit.wait(days(180));
    assert_eq!(
        visit.refresh(&refresh, &[]).status,
        StatusCode::OK,
        "it was used in between"
    );
    visit.wait(days(184));
    assert_eq!(visit.refresh(&refresh, &[]).refusal().2, DEAD);
}

#[test]
fn the_hundred_and_first_refresh_token_ends_the_first() {
    let mut visit = Visit::google();
    let (holder, now) = (visit.holder(), visit.now);
    let mut give = || {
        visit
            .world
            .google
            .oauth
            .issue_offline(&holder, &[EVENTS], now)
            .refresh
    };
    let first = give();
    let second = give();
    for _ in 0..98 {
        give();
    }
    assert_eq!(visit.oauth().live_refresh(&holder, now).len(), 100);
    assert_eq!(visit.refresh(&first, &[]).status, StatusCode::OK);
    visit
        .world
        .google
        .oauth
        .issue_offline(&holder, &[EVENTS], now);
    assert_eq!(visit.oauth().live_refresh(&holder, now).len(), 100);
    assert_eq!(visit.refresh(&first, &[]).refusal().2, DEAD);
    assert_eq!(visit.refresh(&second, &[]).status, StatusCode::OK);
}

#[test]
fn another_clients_refresh_token_is_a_bad_request() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    visit
        .oauth()
        .register_client(Client::web("other", "else", BACK));
    let other = [("client_id", "other"), ("client_secret", "else")];
    let refused = (400, "invalid_grant".to_owned(), "Bad Request".to_owned());
    assert_eq!(visit.refresh(&refresh, &other).refusal(), refused);
    assert_eq!(visit.refresh("1//0garbled", &[]).refusal(), refused);
    let code = visit.connect(&[]);
    assert_eq!(visit.exchange(&code, &other).refusal(), refused);
}

#[test]
fn what_stands_in_the_way_of_a_refresh() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    visit
        .oauth()
        .hinder("ann@example.com", Obstacle::SignInTooOld);
    let refused = visit.refresh(&refresh, &[]);
    assert_eq!(refused.json()["error_subtype"], "invalid_rapt");
    assert_eq!(refused.refusal().2, "reauth related error (invalid_rapt)");
    visit.oauth().hinder("ann@example.com", Obstacle::Outage);
    assert_eq!(visit.refresh(&refresh, &[]).status.as_u16(), 503);
    visit.oauth().hinder("ann@example.com", Obstacle::Disabled);
    assert_eq!(
        visit.refresh(&refresh, &[]).refusal().2,
        "Account has been deleted"
    );
    visit.oauth().unhinder("ann@example.com");
    visit.oauth().restrict(EVENTS);
    assert_eq!(
        visit.refresh(&refresh, &[]).refusal().1,
        "admin_policy_enforced"
    );
    visit.oauth().unrestrict(EVENTS);
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::OK);
    visit.oauth().people.remove("ann@example.com");
    assert_eq!(visit.refresh(&refresh, &[]).refusal().1, "invalid_grant");
}

#[test]
fn signing_in_again_settles_an_old_sign_in() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    visit
        .oauth()
        .hinder("ann@example.com", Obstacle::SignInTooOld);
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::BAD_REQUEST);
    visit.connect(&[("prompt", "consent")]);
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::OK);
}

#[test]
fn a_new_password_ends_what_can_read_mail() {
    let mut visit = Visit::google();
    let (_, calendar) = visit.tokens(&[]);
    let send = [
        ("scope", "https://www.googleapis.com/auth/gmail.send"),
        ("prompt", "consent"),
    ];
    let (_, mail) = visit.tokens(&send);
    visit.oauth().change_password("ann@example.com", "new");
    assert_eq!(visit.refresh(&mail, &[]).refusal().2, DEAD);
    assert_eq!(visit.refresh(&calendar, &[]).status, StatusCode::OK);
    let form = visit
        .open(&[("prompt", "consent")])
        .form()
        .signed_by("ann@example.com");
    assert!(visit.press(&form, "allow").body.contains("Wrong password"));
}

#[test]
fn a_program_on_a_desk_listens_at_any_port() {
    let mut visit = Visit::google();
    let desk = Client::public("desk", ClientKind::Native, "http://127.0.0.1");
    visit.oauth().register_client(desk);
    let asked = [
        ("client_id", "desk"),
        ("redirect_uri", "http://127.0.0.1:49152"),
    ];
    let form = visit.open(&asked).form().signed_by("ann@example.com");
    let back = visit.press(&form, "allow");
    let location = back.header("location").expect("an address");
    let (address, query) = location.split_once('?').expect("parameters");
    assert_eq!(address, "http://127.0.0.1:49152");
    let code = super::parsed(query)["code"].clone();
    let changes = [asked[0], asked[1], ("client_secret", "")];
    assert_eq!(visit.exchange(&code, &changes).status, StatusCode::OK);
}
