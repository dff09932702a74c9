//! Id tokens: JSON Web Tokens, signed with RS256 as both providers do (RFC 7515, RFC 7518 §3.3, OpenID Connect Core §2).

use std::sync::LazyLock;

use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::key::PKCS8;
use super::maker::{digest, guid};
use super::params::{base64_url, from_base64_url};
use crate::base64;

/// The one key. None only if the text of the key were damaged, which a test rules out.
static KEY: LazyLock<Option<RsaKeyPair>> =
    LazyLock::new(|| RsaKeyPair::from_pkcs8(&base64::decode(PKCS8)?).ok());

/// Signs claims. The same claims give the same token: PKCS #1 signatures have no chance in them.
pub(crate) fn signed(claims: &Value) -> Option<String> {
    let header = json!({ "alg": "RS256", "kid": key_id()?, "typ": "JWT" });
    let body = format!(
        "{}.{}",
        base64_url(header.to_string().as_bytes()),
        base64_url(claims.to_string().as_bytes())
    );
    let signature = signature(&body)?;
    Some(format!("{body}.{}", base64_url(&signature)))
}

/// The claims of a token that this key signed.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let (body, shown) = token.rsplit_once('.')?;
    if from_base64_url(shown)? != signature(body)? {
        return None;
    }
    let (_, claims) = body.split_once('.')?;
    serde_json::from_slice(&from_base64_url(claims)?).ok()
}

/// The public key as a JSON Web Key Set (RFC 7517).
pub(crate) fn key_set() -> Value {
    let key = KEY.as_ref().map(|key| {
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": key_id(),
            "n": base64_url(&public.n),
            "e": base64_url(&public.e),
        })
    });
    json!({ "keys": key.into_iter().collect::<Vec<_>>() })
}

/// `at_hash`: the left half of the access token's digest (OpenID Connect Core §3.1.3.6).
pub(crate) fn access_hash(access: &str) -> String {
    base64_url(&Sha256::digest(access.as_bytes())[..16])
}

/// An identifier that follows from a name, such as a tenant's from its domain.
pub(crate) fn guid_of(what: &str, name: &str) -> String {
    guid(&digest(&[what.as_bytes(), name.as_bytes()]))
}

/// A text that follows from two names and tells neither, such as a subject that differs from client to client.
pub(crate) fn pairwise(one: &str, other: &str) -> String {
    base64_url(&digest(&[one.as_bytes(), other.as_bytes()]))
}

fn key_id() -> Option<String> {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(KEY.as_ref()?.public_key());
    Some(base64_url(&digest(&[&public.n])[..15]))
}

fn signature(text: &str) -> Option<Vec<u8>> {
    let key = KEY.as_ref()?;
    let mut signature = vec![0; key.public().modulus_len()];
    // The chance blinds the computation; the signature does not depend on it.
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .ok()?;
    Some(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_read_back_and_what_was_changed_is_not() {
        let token = signed(&json!({ "sub": "1" })).expect("the key is whole");
        assert_eq!(claims(&token), Some(json!({ "sub": "1" })));
        let (head, tail) = token.split_once('.').expect("three parts");
        let forged = format!("{head}.{}{tail}", base64_url(b"{"));
        assert_eq!(claims(&forged), None);
        assert_eq!(key_set()["keys"][0]["e"], "AQAB");
    }
}
