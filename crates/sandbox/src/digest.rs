//! Short digests for tags that must differ when what they stand for differs.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// How many bytes of the digest are shown: enough that no two versions share one.
const SHOWN_BYTES: usize = 12;

/// The beginning of the SHA-256 over all `parts`, each preceded by its length, in hexadecimal.
pub(crate) fn short(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest
        .finalize()
        .iter()
        .take(SHOWN_BYTES)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
