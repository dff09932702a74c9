//! From bytes to text: which encoding a file is in, when it does not say.

use std::borrow::Cow;

/// Bytes as text, and how they were understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// What the bytes were taken for.
    pub encoding: Encoding,
}

/// What bytes were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, as RFC 5545 §3.1.4 wants it.
    Utf8,
    /// UTF-8 whose lines were folded within characters (RFC 5545 §3.1 allows it). Those folds were taken out.
    Utf8Joined,
    /// UTF-16, by its byte order mark.
    Utf16,
    /// None of these: each byte was read as the Latin-1 character of that number, so that nothing is lost.
    Latin1,
}

/// Reads bytes as text: UTF-8, else UTF-8 with folds inside characters, else UTF-16 by its mark, else Latin-1.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded {
            text: Cow::Borrowed(text),
            encoding: Encoding::Utf8,
        };
    }
    if let Some(text) = utf16(bytes) {
        return Decoded {
            text: Cow::Owned(text),
            encoding: Encoding::Utf16,
        };
    }
    if let Ok(text) = String::from_utf8(join_split_characters(bytes)) {
        return Decoded {
            text: Cow::Owned(text),
            encoding: Encoding::Utf8Joined,
        };
    }
    Decoded {
        text: Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
        encoding: Encoding::Latin1,
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let little = match bytes {
        [0xff, 0xfe, ..] => true,
        [0xfe, 0xff, ..] => false,
        _ => return None,
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| {
        if little {
            u16::from_le_bytes([pair[0], pair[1]])
        } else {
            u16::from_be_bytes([pair[0], pair[1]])
        }
    });
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

/// Takes out the folds that are followed by a byte which only continues a character.
fn join_split_characters(bytes: &[u8]) -> Vec<u8> {
    let continues = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut joined = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let fold = match &bytes[at..] {
            [b'\r', b'\n', b' ' | b'\t', ..] => 3,
            [b'\n', b' ' | b'\t', ..] => 2,
            _ => 0,
        };
        if fold > 0 && continues(at + fold) {
            at += fold;
        } else {
            joined.push(*byte);
            at += 1;
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_borrowed() {
        let decoded = decode("SUMMARY:Füße".as_bytes());
        assert!(matches!(decoded.text, Cow::Borrowed(_)));
        assert_eq!(decoded.encoding, Encoding::Utf8);
    }

    #[test]
    fn folds_within_a_character_are_joined_and_others_stay() {
        let decoded = decode(b"SUMMARY:F\xc3\r\n \xbc\xc3\n\t\x9fe\r\n x");
        assert_eq!(decoded.text, "SUMMARY:Füße\r\n x");
        assert_eq!(decoded.encoding, Encoding::Utf8Joined);
    }

    #[test]
    fn what_is_not_utf8_is_latin1() {
        let decoded = decode(b"SUMMARY:F\xfc\xdfe");
        assert_eq!(decoded.text, "SUMMARY:Füße");
        assert_eq!(decoded.encoding, Encoding::Latin1);
    }

    #[test]
    fn utf16_is_known_by_its_mark() {
        let decoded = decode(b"\xff\xfeF\x00\xfc\x00");
        assert_eq!(decoded.text, "Fü");
        assert_eq!(decoded.encoding, Encoding::Utf16);
    }
}
