//! Consents as stories, with the clock in hand: as what people come back, and until when.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::SignedDuration;
use kalends_store::members::Role;
use serde_json::json;

use crate::stage::{Front, Outside, Stage, Told};

const ANN: &str = "ann@example.com";
const BEN: &str = "ben@example.com";

/// A business, its API, and Google.
struct Town {
    stage: Stage,
    front: Front,
    outside: Arc<Outside>,
}

impl Town {
    async fn new() -> Self {
        let stage = Stage::set().await;
        let outside = Outside::new(&stage.clock, &[ANN, BEN]);
        let front = Front::open(&stage, &outside).await;
        Self {
            stage,
            front,
            outside,
        }
    }

    /// Goes to consent with a token, and allows everything as somebody; where the browser is sent.
    async fn goes(&self, token: &str, account: &str) -> String {
        let path = "/api/oauth/google/initiate/";
        let body = json!({ "purpose": "calendar" });
        let begun = self.front.asks("POST", path, Some(token), Some(body)).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let page = begun.json()["authorization_url"].clone();
        let back = self.outside.consents(page.as_str().unwrap(), account);
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    async fn comes_back(&self, path: &str, token: Option<&str>) -> Told {
        self.front.asks("GET", path, token, None).await
    }
}

#[tokio::test]
async fn a_token_that_is_narrowed_to_a_role_comes_back_from_a_consent_as_no_more() {
    let town = Town::new().await;
    let mona = town.stage.person("mona@demo.example", Role::Manager).await;
    let olivia = town.stage.person("olivia@demo.example", Role::Owner).await;
    let mona = Front::token(&town.stage, mona, None).await;
    let whole = Front::token(&town.stage, olivia, None).await;
    let narrow = Front::token(&town.stage, olivia, Some(Role::Staff)).await;
    let path = town.goes(&mona, ANN).await;
    let page = town.comes_back(&path, Some(&mona)).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);

    // An owner connects a colleague's account again; who began as staff, or comes back as staff, does not.
    for (began, returns) in [
        (&narrow, None),
        (&narrow, Some(&narrow)),
        (&narrow, Some(&whole)),
        (&whole, Some(&narrow)),
    ] {
        let path = town.goes(began, ANN).await;
        let page = town.comes_back(&path, returns.map(String::as_str)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
        assert!(page.text.contains("by somebody else"), "{}", page.text);
    }
    let path = town.goes(&whole, ANN).await;
    let page = town.comes_back(&path, None).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("connected before"), "{}", page.text);
    // An account that nobody connected is anybody's who works there.
    let path = town.goes(&narrow, BEN).await;
    let page = town.comes_back(&path, Some(&narrow)).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
}

#[tokio::test]
async fn who_comes_back_after_ten_minutes_has_to_begin_again() {
    let town = Town::new().await;
    let olivia = town.stage.person("olivia@demo.example", Role::Owner).await;
    let token = Front::token(&town.stage, olivia, None).await;
    let soon = town.goes(&token, ANN).await;
    let late = town.goes(&token, BEN).await;
    let ten = SignedDuration::from_mins(10);
    town.stage.clock.moves(ten - SignedDuration::from_secs(1));
    let page = town.comes_back(&soon, None).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let exchanged = town.outside.asked("/token");
    town.stage.clock.moves(SignedDuration::from_secs(1));
    for _ in 0..2 {
        let page = town.comes_back(&late, Some(&token)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.text);
        assert!(page.text.contains("has expired"), "{}", page.text);
    }
    // Google was not even asked for tokens, and nothing was stored.
    assert_eq!(town.outside.asked("/token"), exchanged);
    let listed = town
        .front
        .asks("GET", "/api/calendar/list/", Some(&token), None)
        .await
        .json();
    let accounts = listed["calendars"].as_array().unwrap();
    let emails: Vec<_> = accounts.iter().map(|account| &account["email"]).collect();
    assert_eq!(emails, [ANN]);
}

#[tokio::test]
async fn a_code_that_is_none_is_not_said_to_be_an_account_that_was_connected() {
    let town = Town::new().await;
    let olivia = town.stage.person("olivia@demo.example", Role::Owner).await;
    let token = Front::token(&town.stage, olivia, None).await;
    let path = town.goes(&token, ANN).await;
    let (before, rest) = path.split_once("code=").unwrap();
    let after = rest.split_once('&').map_or("", |(_, after)| after);
    let page = town
        .comes_back(&format!("{before}code=none&{after}"), Some(&token))
        .await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{}", page.text);
    assert!(
        page.text.contains("does not accept the code"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("no longer"), "{}", page.text);
}
