//! Signing in at an OpenID provider as bytes: where people are sent, and what is believed of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kalends_calendar::seams::Clock;
use kalends_providers::http::TransportError;
use kalends_providers::oauth::Returned;
use kalends_providers::oauth::oidc::{
    self, Discovered, Going, RelyingParty, SignInError, SignedIn,
};
use serde_json::{Value, json};

use crate::script::{Script, Still};

const ISSUER: &str = "https://id.example/realm";
const DISCOVERY: &str = "GET https://id.example/realm/.well-known/openid-configuration";
const TOKEN: &str = "POST https://id.example/token";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// 2026-03-01T10:00:00Z.
const NOW: i64 = 1_772_359_200;

fn party() -> RelyingParty {
    RelyingParty {
        issuer: ISSUER.to_owned(),
        client_id: "kalends".to_owned(),
        client_secret: "s3cr3t-of-ours".into(),
    }
}

fn discovered() -> Discovered {
    Discovered {
        authorize: "https://id.example/authorize?realm=1".parse().unwrap(),
        token: "https://id.example/token".parse().unwrap(),
        secret_in_body: false,
    }
}

fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/authorize?realm=1",
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/keys",
    })
}

async fn discover(document: &Value) -> Result<Discovered, SignInError> {
    let script = Script::new().on(DISCOVERY, 200, &document.to_string());
    oidc::discover(script.as_ref(), ISSUER).await
}

#[tokio::test]
async fn a_provider_is_believed_that_names_itself_as_it_is_asked_for() {
    assert_eq!(discover(&document()).await.unwrap(), discovered());
    for (methods, in_body) in [
        (json!(["client_secret_post"]), true),
        (json!(["client_secret_post", "client_secret_basic"]), false),
        (json!(["client_secret_basic"]), false),
    ] {
        let mut told = document();
        told["token_endpoint_auth_methods_supported"] = methods;
        assert_eq!(discover(&told).await.unwrap().secret_in_body, in_body);
    }
    for (member, value) in [
        ("issuer", json!("https://id.example/realm/")),
        ("issuer", json!("https://ID.example/realm")),
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", json!("http://id.example/token")),
        ("token_endpoint", json!("token")),
        ("authorization_endpoint", json!("http://id.example/")),
        ("authorization_endpoint", Value::Null),
    ] {
        let mut told = document();
        told[member] = value.clone();
        let error = discover(&told).await.unwrap_err();
        assert!(
            matches!(error, SignInError::Operator(_)),
            "{value}: {error}"
        );
    }
    for (status, body) in [(404, "{}"), (200, "<html>"), (302, "")] {
        let script = Script::new().on(DISCOVERY, status, body);
        let error = oidc::discover(script.as_ref(), ISSUER).await.unwrap_err();
        assert!(matches!(error, SignInError::Operator(_)), "{error}");
    }
    let script = Script::new().on(DISCOVERY, 503, "");
    let error = oidc::discover(script.as_ref(), ISSUER).await.unwrap_err();
    assert!(matches!(error, SignInError::Passing(_)), "{error}");
}

#[test]
fn the_way_is_encrypted_or_does_not_leave_this_machine() {
    for (url, expected) in [
        ("https://id.example/", true),
        ("http://id.example/", false),
        ("http://localhost:8080/", true),
        ("http://127.0.0.1/", true),
        ("http://[::1]/", true),
        ("http://localhost.evil.example/", false),
        ("ftp://127.0.0.1/", false),
    ] {
        assert_eq!(oidc::is_guarded(&url.parse().unwrap()), expected, "{url}");
    }
}

/// Where somebody is sent, and with what.
fn sent() -> BTreeMap<String, String> {
    let redirect = "https://kalends.example/back/".parse().unwrap();
    let going = Going {
        redirect: &redirect,
        state: &"the-state".into(),
        verifier: &VERIFIER.into(),
    };
    let url = oidc::sign_in_url(&party(), &discovered(), going);
    assert!(url.as_str().starts_with("https://id.example/authorize?"));
    url.query_pairs().into_owned().collect()
}

#[test]
fn a_person_is_sent_to_sign_in_with_a_challenge_and_a_nonce() {
    let mut sent = sent();
    let nonce = sent.remove("nonce").unwrap();
    let expected = [
        ("realm", "1"),
        ("response_type", "code"),
        ("client_id", "kalends"),
        ("redirect_uri", "https://kalends.example/back/"),
        ("scope", "openid email"),
        ("state", "the-state"),
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(sent, BTreeMap::from(expected.clone()));
    assert_eq!(nonce.len(), 43);
    assert!(!nonce.contains(VERIFIER) && expected.iter().all(|(_, value)| *value != nonce));
}

/// The claims of somebody who just signed in.
fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": "kalends",
        "sub": "1001",
        "iat": NOW,
        "exp": NOW + 300,
        "nonce": sent()["nonce"],
        "email": "ann@example.com",
        "email_verified": true,
    })
}

fn answer(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!(
        "{}.{}.c2lnbmVk",
        part(&json!({"alg":"RS256"})),
        part(claims)
    );
    json!({ "access_token": "access-one", "token_type": "Bearer", "id_token": token }).to_string()
}

async fn ask(script: &Arc<Script>, discovered: &Discovered) -> Result<SignedIn, SignInError> {
    let redirect = "https://kalends.example/back/".parse().unwrap();
    let returned = Returned {
        code: &"the-code".into(),
        verifier: &VERIFIER.into(),
        redirect: &redirect,
    };
    oidc::signed_in(script.as_ref(), &party(), discovered, returned, Still.now()).await
}

async fn believed(claims: &Value) -> Result<SignedIn, SignInError> {
    let script = Script::new().on(TOKEN, 200, &answer(claims));
    ask(&script, &discovered()).await
}

#[tokio::test]
async fn who_signed_in_is_read_from_the_id_token() {
    let script = Script::new().on(TOKEN, 200, &answer(&claims()));
    let ann = ask(&script, &discovered()).await.unwrap();
    let expected = SignedIn {
        subject: "1001".to_owned(),
        email: "ann@example.com".to_owned(),
        email_verified: true,
    };
    assert_eq!(ann, expected);
    let basic = format!("Basic {}", STANDARD.encode("kalends:s3cr3t-of-ours"));
    assert_eq!(script.last_header("authorization").unwrap(), basic);
    let body = script.last_body();
    assert!(body.contains(&format!("code_verifier={VERIFIER}")) && !body.contains("s3cr3t"));

    let script = Script::new().on(TOKEN, 200, &answer(&claims()));
    let in_body = Discovered {
        secret_in_body: true,
        ..discovered()
    };
    ask(&script, &in_body).await.unwrap();
    assert_eq!(script.last_header("authorization"), None);
    assert!(script.last_body().contains("client_secret=s3cr3t-of-ours"));
}

#[tokio::test]
async fn claims_that_are_not_for_us_or_not_for_now_are_not_believed() {
    let table = [
        ("iss", json!("https://id.example/realm/")),
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("aud", json!(["kalends", "another"])),
        ("aud", json!([])),
        ("azp", json!("another")),
        ("exp", json!(NOW - 61)),
        ("exp", json!(0)),
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("email", Value::Null),
        ("email", json!("")),
        ("sub", json!("")),
    ];
    for (member, value) in table {
        let mut said = claims();
        said[member] = value.clone();
        let error = believed(&said).await.unwrap_err();
        let is_untrusted = matches!(error, SignInError::Untrusted(_));
        assert!(is_untrusted, "{member} {value}: {error}");
    }
    for (member, value) in [
        ("aud", json!(["kalends"])),
        ("azp", json!("kalends")),
        ("exp", json!(NOW - 59)),
        ("exp", json!(1_772_359_260.5)),
    ] {
        let mut said = claims();
        said[member] = value.clone();
        believed(&said)
            .await
            .unwrap_or_else(|error| panic!("{member} {value}: {error}"));
    }
    let mut said = claims();
    said["aud"] = json!(["kalends", "another"]);
    said["azp"] = json!("kalends");
    believed(&said).await.unwrap();
}

#[tokio::test]
async fn an_address_counts_as_verified_only_when_the_provider_says_so() {
    for (value, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("yes"), false),
    ] {
        let mut said = claims();
        said["email_verified"] = value.clone();
        let ann = believed(&said).await.unwrap();
        assert_eq!(ann.email_verified, expected, "{value}");
    }
    let mut said = claims();
    said.as_object_mut().unwrap().remove("email_verified");
    assert!(!believed(&said).await.unwrap().email_verified);
}

fn kind(error: &SignInError) -> &'static str {
    match error {
        SignInError::Passing(_) => "passing",
        SignInError::Operator(_) => "operator",
        SignInError::Stale(_) => "stale",
        SignInError::Untrusted(_) => "untrusted",
    }
}

#[tokio::test]
async fn what_goes_wrong_says_whose_turn_it_is_and_tells_no_secret() {
    let table = [
        (400, r#"{"error":"invalid_grant"}"#, "stale"),
        (401, r#"{"error":"invalid_client"}"#, "operator"),
        (400, r#"{"error":"redirect_uri_mismatch"}"#, "operator"),
        (503, "", "passing"),
        (429, "", "passing"),
        (200, "<html>access-one</html>", "operator"),
        (
            200,
            r#"{"access_token":"access-one","token_type":"Bearer"}"#,
            "operator",
        ),
        (
            200,
            r#"{"access_token":"access-one","token_type":"Bearer","id_token":"a.b"}"#,
            "operator",
        ),
        (
            200,
            r#"{"access_token":"access-one","token_type":"Bearer","id_token":"a.e30.c"}"#,
            "operator",
        ),
    ];
    for (status, body, expected) in table {
        let script = Script::new().on(TOKEN, status, body);
        let error = ask(&script, &discovered()).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{status} {body}: {error:?}");
        for secret in ["s3cr3t", "access-one", "the-code", VERIFIER] {
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }
    let lost = TransportError::Unanswered {
        host: "id.example".to_owned(),
        reason: "cut".to_owned(),
    };
    let script = Script::new().fails(TOKEN, lost);
    let error = ask(&script, &discovered()).await.unwrap_err();
    assert_eq!(kind(&error), "passing");
    assert!(!format!("{:?}", party()).contains("s3cr3t"));
}
