//! The operator's doors: what can be done to people, clients and tokens from outside.

use http::StatusCode;
use kalends_sandbox::oauth::{Holder, Obstacle};

use super::{Visit, minutes};

#[test]
fn access_tokens_can_be_made_to_run_out() {
    for (mut visit, path) in [
        (Visit::google(), "/google/oauth2/v2/userinfo"),
        (Visit::microsoft(), "/microsoft/oidc/userinfo"),
    ] {
        let (access, refresh) = visit.tokens(&[]);
        let (ann, now) = (visit.ann(), visit.now);
        visit.oauth().expire_access(ann, now);
        assert_eq!(visit.get(path, Some(&access)).status.as_u16(), 401);
        let renewed = visit.refresh(&refresh, &[]).text("access_token");
        assert_eq!(visit.get(path, Some(&renewed)).status.as_u16(), 200);
    }
}

#[test]
fn refresh_tokens_can_be_made_to_run_out() {
    for (mut visit, told) in [
        (Visit::google(), "Token has been expired or revoked."),
        (Visit::microsoft(), "AADSTS70008"),
    ] {
        let (_, refresh) = visit.tokens(&[]);
        let ann = visit.ann();
        visit.oauth().expire_refresh(ann);
        let (status, error, text) = visit.refresh(&refresh, &[]).refusal();
        assert_eq!((status, error.as_str()), (400, "invalid_grant"));
        assert!(text.starts_with(told), "{text}");
        let (holder, now) = (visit.holder(), visit.now);
        assert!(visit.oauth().live_refresh(&holder, now).is_empty());
    }
}

#[test]
fn a_grant_can_be_taken_back() {
    for mut visit in [Visit::google(), Visit::microsoft()] {
        let (_, refresh) = visit.tokens(&[]);
        let waiting = visit.connect(&[]);
        let holder = visit.holder();
        assert_eq!(visit.oauth().grants().count(), 1);
        visit.oauth().revoke_grant(&holder);
        assert_eq!(visit.oauth().grants().count(), 0);
        assert_eq!(visit.refresh(&refresh, &[]).refusal().1, "invalid_grant");
        assert_eq!(visit.exchange(&waiting, &[]).refusal().1, "invalid_grant");
    }
}

#[test]
fn a_secret_can_be_replaced() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    let secret = visit.oauth().rotate_secret("kalends").expect("a client");
    assert!(secret.starts_with("GOCSPX-"));
    let refused = visit.refresh(&refresh, &[]).refusal();
    assert_eq!((refused.0, refused.1.as_str()), (401, "invalid_client"));
    let renewed = visit.refresh(&refresh, &[("client_secret", &secret)]);
    assert_eq!(renewed.status, StatusCode::OK);
    let now = visit.now;
    visit.oauth().expire_secrets("kalends", now);
    assert_eq!(
        visit
            .refresh(&refresh, &[("client_secret", &secret)])
            .status
            .as_u16(),
        401
    );
    assert_eq!(visit.oauth().rotate_secret("nobody"), None);
}

#[test]
fn a_new_password_spares_servers_at_microsoft_and_not_desks() {
    let mut visit = Visit::microsoft();
    let (_, server) = visit.tokens(&[]);
    let desk = Holder {
        client: "desk".to_owned(),
        ..visit.holder()
    };
    let now = visit.now;
    let pair = visit
        .oauth()
        .issue_offline(&desk, &["Calendars.ReadWrite"], now);
    let changes = [("client_id", "desk"), ("client_secret", "")];
    assert_eq!(
        visit.refresh(&pair.refresh, &changes).status,
        StatusCode::OK
    );
    let ann = visit.ann();
    visit.oauth().change_password(ann, "new");
    assert_eq!(visit.refresh(&server, &[]).status, StatusCode::OK);
    let refused = visit.refresh(&pair.refresh, &changes).refusal();
    assert!(refused.2.starts_with("AADSTS50173"), "{}", refused.2);
}

#[test]
fn what_an_administrator_approved_needs_no_consent_of_the_people() {
    let mut visit = Visit::microsoft();
    let oauth = visit.oauth();
    oauth.require_admin_consent("contoso.example");
    oauth.approve("contoso.example", &["calendars.readwrite"], "kalends");
    let (_, refresh) = visit.tokens(&[]);
    let holder = visit.holder();
    visit.oauth().revoke_grant(&holder);
    let renewed = visit.refresh(&refresh, &[]);
    assert_eq!(
        renewed.status,
        StatusCode::OK,
        "the organisation still consents"
    );
}

#[test]
fn a_token_keeps_its_scopes_in_the_long_form() {
    let mut visit = Visit::microsoft();
    let now = visit.now;
    let token = visit
        .oauth()
        .issue("ann@contoso.example", "kalends", &["mail.send"], now);
    let request = http::Request::get("/")
        .header("authorization", format!("Bearer {token}"))
        .body(bytes::Bytes::new())
        .expect("a request");
    let access = visit.oauth().bearer(&request, now).expect("a good token");
    assert!(
        access
            .scopes
            .contains("https://graph.microsoft.com/Mail.Send")
    );
}

#[test]
fn tokens_follow_from_the_seed() {
    let tokens = |seed| {
        let mut visit = Visit::google();
        visit.world.reseed(seed);
        visit.tokens(&[])
    };
    assert_eq!(tokens(1), tokens(1));
    let (one, other) = (tokens(1), tokens(2));
    assert!(one.0 != other.0 && one.1 != other.1);
    let mut visit = Visit::microsoft();
    visit.world.reseed(1);
    assert_ne!(visit.tokens(&[]).0, one.0);
}

#[test]
fn a_snapshot_keeps_what_was_given_out() {
    let mut visit = Visit::google();
    let (_, refresh) = visit.tokens(&[]);
    let before = visit.world.clone();
    let holder = visit.holder();
    visit.oauth().revoke_grant(&holder);
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::BAD_REQUEST);
    visit.world = before;
    visit.wait(minutes(1));
    assert_eq!(visit.refresh(&refresh, &[]).status, StatusCode::OK);
}

#[test]
fn what_stands_in_the_way_does_not_touch_access_tokens() {
    let mut visit = Visit::google();
    let (access, _) = visit.tokens(&[]);
    visit.oauth().hinder("ann@example.com", Obstacle::Disabled);
    assert_eq!(
        visit
            .get("/google/oauth2/v2/userinfo", Some(&access))
            .status,
        StatusCode::OK
    );
}
