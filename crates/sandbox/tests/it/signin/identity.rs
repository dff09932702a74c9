//! Who somebody is: id tokens that anybody can verify, and the places that tell the same.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kalends_sandbox::oauth::Issuer;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Visit, minutes};

/// Verifies a token as a library would: discovery, keys, signature; and returns its claims.
fn verified(visit: &mut Visit, base: &str, token: &str) -> Value {
    let discovery = visit
        .get(&format!("{base}/.well-known/openid-configuration"), None)
        .json();
    let keys = discovery["jwks_uri"].as_str().expect("an address");
    let path = keys
        .strip_prefix("https://sandbox.example")
        .expect("its own address")
        .to_owned();
    let keys = visit.get(&path, None).json();
    let parts: Vec<&str> = token.split('.').collect();
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).expect("base 64");
    let header: Value = serde_json::from_slice(&part(parts[0])).expect("JSON");
    assert_eq!(header["alg"], "RS256");
    let key = keys["keys"]
        .as_array()
        .and_then(|keys| keys.iter().find(|key| key["kid"] == header["kid"]))
        .expect("the key that signed");
    let number = |name: &str| part(key[name].as_str().expect("a number"));
    RsaPublicKeyComponents {
        n: number("n"),
        e: number("e"),
    }
    .verify(
        &RSA_PKCS1_2048_8192_SHA256,
        format!("{}.{}", parts[0], parts[1]).as_bytes(),
        &part(parts[2]),
    )
    .expect("a good signature");
    serde_json::from_slice(&part(parts[1])).expect("JSON")
}

#[test]
fn googles_id_token_can_be_verified() {
    let mut visit = Visit::google();
    let code = visit.connect(&[("nonce", "n-1"), ("scope", "openid email profile")]);
    let reply = visit.exchange(&code, &[]);
    let claims = verified(&mut visit, "/google", &reply.text("id_token"));
    let digest = Sha256::digest(reply.text("access_token"));
    let expected = json!({
        "iss": "https://sandbox.example/google",
        "aud": "kalends",
        "azp": "kalends",
        "sub": "1001",
        "email": "ann@example.com",
        "email_verified": true,
        "hd": "example.com",
        "name": "Ann Lee",
        "given_name": "Ann",
        "family_name": "Lee",
        "nonce": "n-1",
        "at_hash": BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]),
        "iat": visit.now.as_second(),
        "exp": visit.now.as_second() + 3599,
    });
    assert_eq!(claims, expected);
    visit.oauth().switches.issuer = Issuer::Provider;
    let renewed = visit.refresh(&reply.text("refresh_token"), &[]);
    let claims = verified(&mut visit, "/google", &renewed.text("id_token"));
    assert_eq!(claims["iss"], "https://accounts.google.com");
    assert!(claims.get("nonce").is_none());
}

#[test]
fn an_id_token_is_only_for_those_who_ask_for_openid() {
    let mut visit = Visit::google();
    let code = visit.connect(&[("scope", "email")]);
    assert!(visit.exchange(&code, &[]).json().get("id_token").is_none());
    let mut visit = Visit::microsoft();
    let code = visit.connect(&[("scope", "User.Read")]);
    assert!(visit.exchange(&code, &[]).json().get("id_token").is_none());
}

#[test]
fn microsofts_id_token_can_be_verified() {
    let mut visit = Visit::microsoft();
    let code = visit.connect(&[("nonce", "n-2"), ("scope", "openid profile email")]);
    let token = visit.exchange(&code, &[]).text("id_token");
    let claims = verified(&mut visit, "/microsoft/common/v2.0", &token);
    let tenant = claims["tid"].as_str().expect("a tenant").to_owned();
    assert_eq!(
        claims["iss"],
        format!("https://sandbox.example/microsoft/{tenant}/v2.0")
    );
    assert_eq!(claims["aud"], "kalends");
    assert_eq!(claims["oid"], "oid-ann");
    assert_eq!(claims["preferred_username"], "ann@contoso.example");
    assert_eq!(claims["email"], "ann@contoso.example");
    assert_eq!(
        (&claims["name"], &claims["ver"], &claims["nonce"]),
        (&json!("Ann Lee"), &json!("2.0"), &json!("n-2"))
    );
    let path = format!("/microsoft/{tenant}/v2.0/.well-known/openid-configuration");
    assert_eq!(visit.get(&path, None).json()["issuer"], claims["iss"]);
    let common = visit
        .get(
            "/microsoft/common/v2.0/.well-known/openid-configuration",
            None,
        )
        .json();
    assert_eq!(
        common["issuer"],
        "https://sandbox.example/microsoft/{tenantid}/v2.0"
    );
    let other = visit.connect(&[("client_id", "page"), ("scope", "openid")]);
    let reply = visit.exchange(&other, &[("client_id", "page"), ("client_secret", "")]);
    let bare = verified(
        &mut visit,
        "/microsoft/common/v2.0",
        &reply.text("id_token"),
    );
    assert_ne!(
        bare["sub"], claims["sub"],
        "the subject differs from client to client"
    );
    assert!(
        bare.get("oid").is_none() && bare.get("email").is_none(),
        "not asked for"
    );
}

#[test]
fn personal_accounts_are_in_one_tenant() {
    let mut visit = Visit::microsoft();
    let form = visit
        .open(&[("client_info", "1")])
        .form()
        .signed_by("bo@outlook.com");
    let back = visit.press(&form, "allow");
    let info = BASE64_URL_SAFE_NO_PAD
        .decode(back.sent("client_info"))
        .expect("base 64");
    let info: Value = serde_json::from_slice(&info).expect("JSON");
    let tenant = "9188040d-6c67-4c5b-b112-36a304b66dad";
    assert_eq!(info, json!({ "uid": "oid-bo", "utid": tenant }));
    let reply = visit.exchange(&back.sent("code"), &[("client_info", "1")]);
    assert_eq!(reply.text("client_info"), back.sent("client_info"));
    let claims = verified(
        &mut visit,
        "/microsoft/consumers/v2.0",
        &reply.text("id_token"),
    );
    assert_eq!(claims["tid"], tenant);
}

#[test]
fn google_tells_as_much_as_the_scopes_allow() {
    let mut visit = Visit::google();
    let now = visit.now;
    let email = "https://www.googleapis.com/auth/userinfo.email";
    let profile = "https://www.googleapis.com/auth/userinfo.profile";
    let oauth = visit.oauth();
    let both = oauth.issue("bo@gmail.com", "kalends", &[email, profile], now);
    let one = oauth.issue("bo@gmail.com", "kalends", &[email], now);
    let none = oauth.issue(
        "bo@gmail.com",
        "kalends",
        &["https://www.googleapis.com/auth/calendar"],
        now,
    );
    for path in ["/google/oauth2/v2/userinfo", "/google/userinfo/v2/me"] {
        let told = visit.get(path, Some(&both)).json();
        assert_eq!(
            told,
            json!({ "id": "1002", "email": "bo@gmail.com", "verified_email": true, "name": "Bo", "given_name": "Bo", "family_name": "" })
        );
    }
    let told = visit.get("/google/v1/userinfo", Some(&one)).json();
    assert_eq!(
        told,
        json!({ "sub": "1002", "email": "bo@gmail.com", "email_verified": true })
    );
    let refused = visit.get("/google/v1/userinfo", Some(&none));
    assert_eq!(refused.status.as_u16(), 403);
    assert!(
        refused
            .header("www-authenticate")
            .is_some_and(|value| value.contains("insufficient_scope"))
    );
    for token in [None, Some("ya29.garbled")] {
        let refused = visit.get("/google/v1/userinfo", token);
        assert_eq!(refused.status.as_u16(), 401);
        assert_eq!(refused.json()["error"]["errors"][0]["reason"], "authError");
    }
}

#[test]
fn an_access_token_lasts_an_hour() {
    for (mut visit, path) in [
        (Visit::google(), "/google/oauth2/v2/userinfo"),
        (Visit::microsoft(), "/microsoft/oidc/userinfo"),
    ] {
        let (access, _) = visit.tokens(&[]);
        assert_eq!(visit.get(path, Some(&access)).status.as_u16(), 200);
        visit.wait(minutes(60));
        assert_eq!(visit.get(path, Some(&access)).status.as_u16(), 401);
    }
}

#[test]
fn tokeninfo_tells_what_a_token_is_for() {
    let mut visit = Visit::google();
    let code = visit.connect(&[]);
    let reply = visit.exchange(&code, &[]);
    let access = reply.text("access_token");
    visit.wait(minutes(1));
    let told = visit
        .get(&format!("/google/tokeninfo?access_token={access}"), None)
        .json();
    assert_eq!(told["expires_in"], "3539");
    assert_eq!(
        (&told["aud"], &told["email"]),
        (&json!("kalends"), &json!("ann@example.com"))
    );
    let second = visit
        .post("/google/oauth2/v2/tokeninfo", &[("access_token", &access)])
        .json();
    assert_eq!(
        (
            &second["expires_in"],
            &second["issued_to"],
            &second["user_id"],
            &second["verified_email"]
        ),
        (
            &json!(3539),
            &json!("kalends"),
            &json!("1001"),
            &json!(true)
        )
    );
    let id_token = reply.text("id_token");
    let claims = visit
        .get(&format!("/google/tokeninfo?id_token={id_token}"), None)
        .json();
    assert_eq!(claims["sub"], "1001");
    for bad in ["access_token=x", "id_token=a.b.c", ""] {
        let refused = visit.get(&format!("/google/tokeninfo?{bad}"), None);
        assert_eq!(refused.refusal().1, "invalid_token", "{bad}");
    }
    visit.wait(minutes(60));
    let late = visit.get(&format!("/google/tokeninfo?id_token={id_token}"), None);
    assert_eq!(late.status.as_u16(), 400);
}

#[test]
fn graph_tells_who_i_am() {
    let mut visit = Visit::microsoft();
    let (access, _) = visit.tokens(&[("scope", "openid email offline_access User.Read")]);
    let me = visit.get("/microsoft/v1.0/me", Some(&access)).json();
    assert_eq!(
        me["@odata.context"],
        "https://sandbox.example/microsoft/v1.0/$metadata#users/$entity"
    );
    assert_eq!(
        (&me["id"], &me["mail"], &me["surname"]),
        (
            &json!("oid-ann"),
            &json!("ann@contoso.example"),
            &json!("Lee")
        )
    );
    let some = visit
        .get("/microsoft/v1.0/me?$select=id,mail", Some(&access))
        .json();
    let members: Vec<&String> = some.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["@odata.context", "id", "mail"]);
    visit.oauth().switches.mail_is_null = true;
    let me = visit.get("/microsoft/v1.0/me", Some(&access)).json();
    assert_eq!(
        (&me["mail"], &me["userPrincipalName"]),
        (&Value::Null, &json!("ann@contoso.example"))
    );
    let told = visit.get("/microsoft/oidc/userinfo", Some(&access)).json();
    assert_eq!(told["email"], "ann@contoso.example");
    assert!(told.get("name").is_none(), "profile was not asked for");
}

#[test]
fn graph_refuses_in_its_own_words() {
    let mut visit = Visit::microsoft();
    let now = visit.now;
    let calendars = visit
        .oauth()
        .issue("ann@contoso.example", "kalends", &["Calendars.Read"], now);
    for path in ["/microsoft/v1.0/me", "/microsoft/oidc/userinfo"] {
        let refused = visit.get(path, Some(&calendars));
        assert_eq!(refused.status.as_u16(), 403);
        assert_eq!(refused.json()["error"]["code"], "ErrorAccessDenied");
        let nobody = visit.get(path, None);
        assert_eq!(nobody.status.as_u16(), 401);
        assert_eq!(nobody.json()["error"]["code"], "InvalidAuthenticationToken");
    }
    let request = http::Request::get("/microsoft/v1.0/me")
        .header("client-request-id", "mine")
        .body(bytes::Bytes::new())
        .expect("a request");
    let refused = visit.send(&request);
    let inner = refused.json()["error"]["innerError"].clone();
    assert_eq!(inner["date"], "2026-03-01T12:00:00");
    assert_eq!(inner["client-request-id"], "mine");
    assert_eq!(refused.header("client-request-id"), Some("mine"));
    assert_eq!(refused.header("request-id"), inner["request-id"].as_str());
    let sessions = visit.post_json(
        "/microsoft/v1.0/me/revokeSignInSessions",
        &calendars,
        &Value::Null,
    );
    assert_eq!(sessions.status.as_u16(), 403);
}

#[test]
fn an_authority_is_known_as_one() {
    let mut visit = Visit::microsoft();
    let path = "/microsoft/common/discovery/instance?api-version=1.1";
    let told = visit.get(path, None).json();
    assert_eq!(told["metadata"][0]["aliases"], json!(["sandbox.example"]));
    let next = told["tenant_discovery_endpoint"]
        .as_str()
        .expect("an address");
    let path = next
        .strip_prefix("https://sandbox.example")
        .expect("its own")
        .to_owned();
    let told = visit.get(&path, None).json();
    assert_eq!(
        told["token_endpoint"],
        "https://sandbox.example/microsoft/common/oauth2/v2.0/token"
    );
}
