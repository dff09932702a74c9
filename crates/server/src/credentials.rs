//! What people and programs show to prove who they are: passwords, tokens, cookies, links in invitations.
//!
//! All but passwords are 256 random bits, known to their holder alone: the store keeps their SHA-256.

use std::sync::LazyLock;

use anyhow::{Result, anyhow, bail};
use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use kalends_store::users::PasswordHash;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Shorter passwords are guessed.
pub(crate) const PASSWORD_CHARS_MIN: usize = 10;
/// Longer ones only keep the machine busy.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1_024;

/// How long the link of an invitation is good.
pub(crate) const INVITATION_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);

/// How many random bytes a token holds.
const RANDOM_BYTES: usize = 32;
/// Those in base64.
const RANDOM_CHARS: usize = 43;
/// How much of a token's own hash stands at its end, so that a mistyped one is told without asking the database.
const CHECK_CHARS: usize = 6;
/// How much of a token people may see, to tell it from others.
const SHOWN_CHARS: usize = 10;

/// What a token is for, told by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A program's.
    Token,
    /// A browser's.
    Session,
    /// In the link of an invitation.
    Invitation,
    /// What comes back from a consent page.
    State,
    /// What only who began a consent knows (RFC 7636 §4.1). Its characters are those that are allowed there.
    Verifier,
    /// In the address at which a provider calls.
    Hook,
    /// What a provider shows when it calls there. Graph takes 128 characters.
    Channel,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Token => "kal_",
            Self::Session => "kas_",
            Self::Invitation => "kai_",
            Self::State => "kao_",
            Self::Verifier => "kav_",
            Self::Hook => "kah_",
            Self::Channel => "kac_",
        }
    }
}

/// A token that was just made.
pub(crate) struct Fresh {
    /// What its holder keeps. Shown once.
    pub(crate) secret: SecretString,
    /// What the store keeps.
    pub(crate) hash: [u8; 32],
    /// How it begins, for lists.
    pub(crate) shown: String,
}

/// Makes a token.
pub(crate) fn fresh(kind: Kind) -> Result<Fresh> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness: {error}"))?;
    let body = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(random));
    let text = format!("{body}{}", check(&body));
    Ok(Fresh {
        hash: Sha256::digest(&text).into(),
        shown: text.chars().take(SHOWN_CHARS).collect(),
        secret: SecretString::from(text),
    })
}

/// Under which hash a token is kept; none if the text is no token of this kind.
pub(crate) fn hash(kind: Kind, text: &str) -> Option<[u8; 32]> {
    let rest = text.strip_prefix(kind.prefix())?;
    let fits = rest.len() == RANDOM_CHARS + CHECK_CHARS && rest.is_ascii();
    if !fits {
        return None;
    }
    let (body, end) = text.split_at(text.len() - CHECK_CHARS);
    (check(body) == end).then(|| Sha256::digest(text).into())
}

fn check(body: &str) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(body));
    digest.chars().take(CHECK_CHARS).collect()
}

/// Hashes a new password with Argon2id; refuses one that is too short or far too long.
///
/// It takes tens of milliseconds of one core: call it where that blocks nobody.
pub(crate) fn hash_password(password: &SecretString) -> Result<PasswordHash> {
    let password = password.expose_secret();
    if password.chars().count() < PASSWORD_CHARS_MIN {
        bail!("a password has at least {PASSWORD_CHARS_MIN} characters");
    }
    if password.len() > PASSWORD_BYTES_MAX {
        bail!("a password has at most {PASSWORD_BYTES_MAX} bytes");
    }
    match Argon2::default().hash_password(password.as_bytes()) {
        Ok(hash) => Ok(PasswordHash(hash.to_string())),
        Err(error) => bail!("the password cannot be hashed: {error}"),
    }
}

/// Whether a password is the one behind a hash. Without a hash it takes as long, and never is.
pub(crate) fn verify_password(password: &SecretString, hash: Option<&PasswordHash>) -> bool {
    static NOBODYS: LazyLock<String> = LazyLock::new(|| {
        Argon2::default()
            .hash_password(b"nobody's")
            .map(|hash| hash.to_string())
            .unwrap_or_default()
    });
    let known = hash.is_some();
    let text = hash.map_or(NOBODYS.as_str(), |hash| hash.0.as_str());
    let password = password.expose_secret();
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let fits = phc::PasswordHash::new(text).is_ok_and(|parsed| {
        Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
    });
    known && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_a_mistyped_one_is_told() {
        let fresh = fresh(Kind::Token).unwrap();
        let text = fresh.secret.expose_secret();
        assert_eq!(hash(Kind::Token, text), Some(fresh.hash));
        assert!(text.starts_with(&fresh.shown));
        assert_eq!(hash(Kind::Session, text), None);
        let mut mistyped = text.to_owned();
        let last = if mistyped.ends_with('A') { 'B' } else { 'A' };
        mistyped.pop();
        mistyped.push(last);
        assert_eq!(hash(Kind::Token, &mistyped), None);
        for odd in ["", "kal_", "kal_äöü", &format!("{text}x")] {
            assert_eq!(hash(Kind::Token, odd), None, "{odd}");
        }
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let right = SecretString::from("correct horse battery");
        let hash = hash_password(&right).unwrap();
        assert!(hash.0.starts_with("$argon2id$"));
        assert!(verify_password(&right, Some(&hash)));
        assert!(!verify_password(
            &SecretString::from("wrong horse battery"),
            Some(&hash)
        ));
        assert!(!verify_password(&SecretString::from("nobody's"), None));
        assert!(hash_password(&SecretString::from("too short")).is_err());
    }
}
