//! Remote ids that every database takes, and the digests that stand in for those too long.

use std::fmt::Write as _;

use kalends_calendar::ids::RemoteId;
use sha2::{Digest, Sha256};

/// The longest remote id. `PostgreSQL` takes about 2,700 bytes into an index, of which other columns need some.
pub(crate) const REMOTE_ID_BYTES_MAX: usize = 1_000;

/// The id as it is, or where it is too long one made of it under this prefix: the same text gives the same id.
pub(crate) fn fitting(prefix: &str, id: String) -> RemoteId {
    if id.len() > REMOTE_ID_BYTES_MAX {
        RemoteId(format!("{prefix}{}", digest(&id)))
    } else {
        RemoteId(id)
    }
}

/// Half a SHA-256 in hexadecimal: nobody forges these, they only have to differ.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    for byte in &Sha256::digest(bytes)[..16] {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The same of a text.
pub(crate) fn digest(text: &str) -> String {
    digest_of(text.as_bytes())
}
