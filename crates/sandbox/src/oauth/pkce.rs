//! Proof keys for codes (RFC 7636).

use sha2::{Digest, Sha256};

use serde::{Deserialize, Serialize};

use super::params::{Params, base64_url};

/// How short a verifier and a challenge may be, and how long (RFC 7636 §4.1 and §4.2).
const LENGTH: std::ops::RangeInclusive<usize> = 43..=128;

/// What a client sent in front, to be met by its verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Challenge {
    /// The verifier itself.
    Plain(String),
    /// The SHA-256 of the verifier, in base 64 for addresses.
    Sha256(String),
}

/// What is wrong with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChallengeProblem {
    /// The method is neither `S256` nor `plain`.
    Method,
    /// A method without a challenge, or one of the wrong length or letters.
    Text,
}

impl Challenge {
    /// The challenge of an authorisation request, if it has one. Without a method it is `plain`.
    pub(crate) fn read(params: &Params) -> Result<Option<Self>, ChallengeProblem> {
        let method = params.get("code_challenge_method");
        let Some(text) = params.get("code_challenge") else {
            return match method {
                Some(_) => Err(ChallengeProblem::Text),
                None => Ok(None),
            };
        };
        if !well_formed(text) {
            return Err(ChallengeProblem::Text);
        }
        match method {
            None | Some("plain") => Ok(Some(Self::Plain(text.to_owned()))),
            Some("S256") => Ok(Some(Self::Sha256(text.to_owned()))),
            Some(_) => Err(ChallengeProblem::Method),
        }
    }

    /// Whether a verifier meets it.
    pub(crate) fn is_met_by(&self, verifier: &str) -> bool {
        well_formed(verifier)
            && match self {
                Self::Plain(text) => text == verifier,
                Self::Sha256(text) => *text == base64_url(&Sha256::digest(verifier.as_bytes())),
            }
    }
}

fn well_formed(text: &str) -> bool {
    LENGTH.contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = Challenge::Sha256("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned());
        assert!(challenge.is_met_by(verifier));
        assert!(!challenge.is_met_by(&verifier.replace('d', "e")));
        assert!(!Challenge::Plain("short".to_owned()).is_met_by("short"));
    }
}
