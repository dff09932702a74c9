//! What an operator sets from outside, and how a client and a person at the consent page meet it.

use serde_json::json;

use super::{BACK, Reply, Visit, minutes};

const ANN: &str = "ann@contoso.example";
/// What Google says of every refresh token that is dead.
const DEAD: &str = "Token has been expired or revoked.";

fn refused_with(reply: &Reply) -> (u16, String) {
    let (status, error, _) = reply.refusal();
    (status, error)
}

#[test]
fn a_client_in_testing_keeps_its_refresh_tokens_for_seven_days_of_the_clock() {
    let mut visit = Visit::google();
    let testing = json!({ "face": "google", "client": "kalends", "publishing": "testing" });
    let shown = visit.sets("PATCH", "clients", &testing);
    assert_eq!(shown["publishing"], "testing");
    let (_, refresh) = visit.tokens(&[]);
    visit.sets("PUT", "clock", &json!({ "advance": "167h" }));
    assert_eq!(visit.refresh(&refresh, &[]).status, 200, "not before");
    visit.sets("PUT", "clock", &json!({ "advance": "1h" }));
    let (status, error, told) = visit.refresh(&refresh, &[]).refusal();
    assert_eq!(
        (status, error.as_str(), told.as_str()),
        (400, "invalid_grant", DEAD)
    );

    let production = json!({ "face": "google", "client": "kalends", "publishing": "production" });
    visit.sets("PATCH", "clients", &production);
    let (_, refresh) = visit.tokens(&[("prompt", "consent")]);
    visit.sets("PUT", "clock", &json!({ "advance": "192h" }));
    assert_eq!(visit.refresh(&refresh, &[]).status, 200);
}

#[test]
fn a_rotated_secret_refuses_the_old_one_and_an_expired_one_everything() {
    for (mut visit, face) in [
        (Visit::google(), "google"),
        (Visit::microsoft(), "microsoft"),
    ] {
        let (_, refresh) = visit.tokens(&[]);
        let named = json!({ "face": face, "client": "kalends" });
        let rotated = visit.sets("POST", "clients/rotate", &named);
        let secret = rotated["secret"].as_str().expect("a secret").to_owned();
        let old = visit.refresh(&refresh, &[]);
        assert_eq!(refused_with(&old), (401, "invalid_client".to_owned()));
        let with_new = [("client_secret", secret.as_str())];
        assert_eq!(visit.refresh(&refresh, &with_new).status, 200, "{face}");
        let listed = visit.sets("GET", "clients", &json!({}));
        let ours =
            |client: &&serde_json::Value| client["face"] == face && client["client"] == "kalends";
        let listed = listed["clients"].as_array().expect("clients");
        let client = listed.iter().find(ours).expect("the client");
        assert_eq!(client["secrets"][0]["secret"], *secret);

        visit.sets("POST", "clients/expire", &named);
        let late = visit.refresh(&refresh, &with_new);
        assert_eq!(refused_with(&late), (401, "invalid_client".to_owned()));
        if face == "microsoft" {
            assert!(
                late.refusal().2.starts_with("AADSTS7000222"),
                "{}",
                late.body
            );
        }
    }
}

#[test]
fn where_an_administrator_must_consent_the_page_says_so_and_the_client_is_told() {
    let mut visit = Visit::microsoft();
    let domain = json!({ "domain": "Contoso.example" });
    assert!(!visit.open(&[]).body.contains("Need admin approval"));
    let shown = visit.sets("POST", "organisations/require", &domain);
    let ours = &shown["microsoft"][0];
    assert_eq!(
        (&ours["domain"], &ours["admin_consent"]),
        (&json!("contoso.example"), &json!(true))
    );
    let hinted = visit.open(&[("login_hint", ANN)]);
    assert!(
        hinted
            .body
            .contains("Need admin approval. Kalends needs permission"),
        "{}",
        hinted.body
    );
    let other = visit.open(&[("login_hint", "bo@outlook.com")]);
    assert!(!other.body.contains("Need admin approval"));
    let refused = visit.press(&hinted.form().signed_by(ANN), "allow");
    assert_eq!(refused.sent("error"), "consent_required");
    assert!(refused.sent("error_description").starts_with("AADSTS90094"));

    let approved = json!({
        "domain": "contoso.example", "client": "kalends", "scopes": ["Calendars.ReadWrite", "offline_access"],
    });
    visit.sets("POST", "organisations/approve", &approved);
    assert!(
        !visit
            .open(&[("login_hint", ANN)])
            .body
            .contains("Need admin approval")
    );
    let (_, refresh) = visit.tokens(&[]);
    assert_eq!(visit.refresh(&refresh, &[]).status, 200);

    // Ann's own consent stays good without the administrator's; more than it she cannot give.
    let withdrawn = json!({ "domain": "contoso.example", "client": "kalends" });
    visit.sets("POST", "organisations/withdraw", &withdrawn);
    let again = visit.door("POST", "organisations/withdraw", &withdrawn);
    assert_eq!(
        (again.status.as_u16(), again.text("field")),
        (404, "client".to_owned())
    );
    visit.sets(
        "POST",
        "grants/revoke",
        &json!({ "face": "microsoft", "user": ANN }),
    );
    let gone = visit.refresh(&refresh, &[]).refusal();
    assert!(gone.2.starts_with("AADSTS65001"), "{}", gone.2);
    assert!(
        visit
            .open(&[("login_hint", ANN)])
            .body
            .contains("Need admin approval")
    );

    let free = json!({ "domain": "contoso.example", "required": false });
    visit.sets("POST", "organisations/require", &free);
    let page = visit.open(&[("login_hint", ANN)]);
    assert!(!page.body.contains("Need admin approval"));
    let code = visit
        .press(&page.form().signed_by(ANN), "allow")
        .sent("code");
    assert_eq!(visit.exchange(&code, &[]).status, 200);
}

#[test]
fn a_scope_that_googles_administrators_closed_leads_to_a_page_and_nowhere_else() {
    let mut visit = Visit::google();
    let events = "https://www.googleapis.com/auth/calendar.events";
    visit.sets(
        "POST",
        "organisations/restrict",
        &json!({ "scopes": [events] }),
    );
    let page = visit.open(&[]);
    assert_eq!(page.status, 400);
    assert!(page.body.contains("admin_policy_enforced"));
    assert_eq!(page.header("location"), None);
    visit.sets("POST", "organisations/restrict", &json!({ "scopes": [] }));
    assert_eq!(visit.open(&[]).status, 200);
}

#[test]
fn a_client_of_ones_own_signs_people_in_at_exactly_its_address() {
    for (mut visit, face) in [
        (Visit::google(), "google"),
        (Visit::microsoft(), "microsoft"),
    ] {
        let own =
            json!({ "face": face, "client": "mine", "name": "Mine & Co", "redirects": [BACK] });
        let made = visit.sets("POST", "clients", &own);
        let secret = made["secrets"][0]["secret"]
            .as_str()
            .expect("a secret")
            .to_owned();
        let mine = [("client_id", "mine")];
        assert!(visit.open(&mine).body.contains("Mine &amp; Co"));
        let code = visit.connect(&mine);
        let shown = [("client_id", "mine"), ("client_secret", secret.as_str())];
        assert_eq!(visit.exchange(&code, &shown).status, 200, "{face}");

        let moved = json!({ "face": face, "client": "mine", "redirects": [format!("{BACK}/")] });
        visit.sets("PATCH", "clients", &moved);
        visit.cookie = None;
        let refused = visit.open(&mine);
        assert_eq!(
            (refused.status.as_u16(), refused.header("location")),
            (400, None)
        );
    }
}

#[test]
fn ended_sessions_and_new_passwords_end_what_they_should() {
    let mut visit = Visit::microsoft();
    let (_, refresh) = visit.tokens(&[]);
    let password = json!({ "face": "microsoft", "user": ANN, "password": "new" });
    visit.sets("POST", "users/password", &password);
    assert_eq!(
        visit.refresh(&refresh, &[]).status,
        200,
        "a server is spared"
    );
    visit.sets("POST", "grants/sessions", &json!({ "user": ANN }));
    let ended = visit.refresh(&refresh, &[]).refusal();
    assert!(ended.2.starts_with("AADSTS50173"), "{}", ended.2);
    let form = visit.open(&[]).form();
    let old = visit.press(&form.clone().signed_by(ANN), "allow");
    assert!(old.body.contains("Wrong password"));
    let new = form.signed_by(ANN).with("password", "new");
    assert!(!visit.press(&new, "allow").sent("code").is_empty());
}

#[test]
fn signing_in_has_switches_too_each_at_its_own_face() {
    let mut visit = Visit::microsoft();
    let (_, first) = visit.tokens(&[]);
    let ends = json!({ "microsoft": { "sign_in": { "rotation_ends_old": true } } });
    let after = visit.sets("PATCH", "switches", &ends);
    assert_eq!(after["microsoft"]["sign_in"]["rotation_ends_old"], true);
    let second = visit.refresh(&first, &[]).text("refresh_token");
    visit.wait(minutes(1));
    assert_eq!(visit.refresh(&first, &[]).refusal().1, "invalid_grant");
    let third = visit.refresh(&second, &[]).text("refresh_token");
    visit.sets("DELETE", "switches", &json!({}));
    for _ in 0..2 {
        let renewed = visit.refresh(&third, &[]);
        assert_eq!(renewed.status, 200, "it outlives its exchange again");
    }

    for (wrong, field) in [
        (
            json!({ "google": { "sign_in": { "rotation_ends_old": true } } }),
            "google.sign_in.rotation_ends_old",
        ),
        (
            json!({ "microsoft": { "sign_in": { "pkce_for_web": false } } }),
            "microsoft.sign_in.pkce_for_web",
        ),
        (
            json!({ "microsoft": { "sign_in": { "issuer": "me" } } }),
            "microsoft.sign_in.issuer",
        ),
        (json!({ "google": { "sign_in": 1 } }), "google.sign_in"),
    ] {
        let refused = visit.door("PATCH", "switches", &wrong);
        assert_eq!(
            (refused.status.as_u16(), refused.text("field").as_str()),
            (400, field)
        );
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_field() {
    let mut visit = Visit::microsoft();
    let redirects = json!([BACK]);
    for (method, path, body, status, field) in [
        (
            "POST",
            "clients",
            json!({ "face": "google", "client": "x" }),
            400,
            "redirects",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "google", "client": "x", "redirects": [] }),
            400,
            "redirects",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "google", "client": "x", "redirects": ["/back"] }),
            400,
            "redirects",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "google", "client": "x", "redirects": ["JavaScript:alert(1)"] }),
            400,
            "redirects",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "google", "client": "a b", "redirects": redirects }),
            400,
            "client",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "microsoft", "client": "kalends", "redirects": redirects }),
            400,
            "client",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "google", "client": "x", "redirects": redirects, "kind": "tv" }),
            400,
            "kind",
        ),
        (
            "POST",
            "clients",
            json!({ "face": "caldav", "client": "x", "redirects": redirects }),
            400,
            "face",
        ),
        (
            "PATCH",
            "clients",
            json!({ "face": "microsoft", "client": "kalends", "publishing": "testing" }),
            400,
            "publishing",
        ),
        (
            "PATCH",
            "clients",
            json!({ "face": "google", "client": "kalends", "publishing": "beta" }),
            400,
            "publishing",
        ),
        (
            "PATCH",
            "clients",
            json!({ "face": "microsoft", "client": "nobody" }),
            404,
            "client",
        ),
        (
            "PATCH",
            "clients",
            json!({ "face": "microsoft", "client": "kalends", "colour": 1 }),
            400,
            "colour",
        ),
        (
            "POST",
            "clients/rotate",
            json!({ "face": "microsoft", "client": "nobody" }),
            404,
            "client",
        ),
        (
            "POST",
            "clients/rotate",
            json!({ "face": "microsoft", "client": "desk" }),
            400,
            "client",
        ),
        (
            "POST",
            "clients/expire",
            json!({ "client": "kalends" }),
            400,
            "face",
        ),
        (
            "POST",
            "organisations/require",
            json!({ "domain": "nowhere.example" }),
            404,
            "domain",
        ),
        (
            "POST",
            "organisations/require",
            json!({ "domain": "contoso.example", "required": 1 }),
            400,
            "required",
        ),
        (
            "POST",
            "organisations/approve",
            json!({ "domain": "contoso.example", "client": "x" }),
            404,
            "client",
        ),
        (
            "POST",
            "organisations/approve",
            json!({ "domain": "contoso.example", "client": "kalends", "scopes": ["Calendars.Burn"] }),
            400,
            "scopes",
        ),
        (
            "POST",
            "organisations/restrict",
            json!({ "scopes": ["calendar"] }),
            400,
            "scopes",
        ),
        (
            "POST",
            "grants/sessions",
            json!({ "user": "nobody" }),
            404,
            "user",
        ),
        (
            "POST",
            "users/password",
            json!({ "face": "caldav", "user": "nobody" }),
            404,
            "user",
        ),
    ] {
        let before = visit.sets("GET", "clients", &json!({}));
        let refused = visit.door(method, path, &body);
        let told = (refused.status.as_u16(), refused.text("field"));
        assert_eq!(
            told,
            (status, field.to_owned()),
            "{path} {body}: {}",
            refused.body
        );
        assert_eq!(visit.sets("GET", "clients", &json!({})), before);
    }
}
