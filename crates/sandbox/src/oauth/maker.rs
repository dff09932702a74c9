//! Where tokens come from: a seed, a number, and a digest over both.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use super::params::base64_url;

/// Makes texts that nobody has seen before. The same seed makes the same texts in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Maker {
    seed: u64,
    made: u64,
}

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, made: 0 }
    }

    /// The next token, behind a prefix by which people know its kind.
    pub(crate) fn token(&mut self, prefix: &str) -> String {
        let bytes = self.next(prefix);
        format!("{prefix}{}", base64_url(&bytes))
    }

    /// The next identifier in the form of RFC 9562.
    pub(crate) fn guid(&mut self) -> String {
        let bytes = self.next("guid");
        guid(&bytes)
    }

    /// The next identifier as sixteen hexadecimal digits, as Gmail numbers messages.
    pub(crate) fn short_hex(&mut self) -> String {
        hex(&self.next("hex")[..8])
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u16) -> u16 {
        let bytes = self.next("number");
        u16::from_be_bytes([bytes[0], bytes[1]])
            .checked_rem(bound)
            .unwrap_or(0)
    }

    fn next(&mut self, what: &str) -> [u8; 32] {
        self.made += 1;
        digest(&[
            &self.seed.to_be_bytes(),
            &self.made.to_be_bytes(),
            what.as_bytes(),
        ])
    }
}

/// The SHA-256 over all parts, each preceded by its length.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The first sixteen bytes in the form 8-4-4-4-12 of a random (version 4) identifier.
pub(crate) fn guid(bytes: &[u8; 32]) -> String {
    let mut bytes = *bytes;
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    [0..4, 4..6, 6..8, 8..10, 10..16]
        .map(|part| hex(&bytes[part]))
        .join("-")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_tokens_and_another_seed_others() {
        let (mut one, mut same, mut other) = (Maker::new(1), Maker::new(1), Maker::new(2));
        let first = one.token("t");
        assert_eq!(first, same.token("t"));
        assert_ne!(first, other.token("t"));
        assert_ne!(first, one.token("t"), "no token is made twice");
        let guid = one.guid();
        assert_eq!(guid.len(), 36);
        assert_eq!(&guid[14..15], "4");
    }
}
