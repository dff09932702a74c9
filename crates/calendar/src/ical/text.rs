//! Text values (RFC 5545 §3.3.11) and parameter values (RFC 6868), to and from what they mean.

use std::borrow::Cow;

/// Reads a text value.
pub(crate) fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next() {
            Some('n' | 'N') => text.push('\n'),
            Some(other @ ('\\' | ';' | ',' | '"' | ':')) => text.push(other),
            // An escape nobody defined stays as it is: a Windows path, most of the time.
            Some(other) => {
                text.push('\\');
                text.push(other);
            }
            None => text.push('\\'),
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Writes a text value. Control characters but tab cannot be written (RFC 5545 §3.1) and are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut value = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => value.push_str("\\\\"),
            ';' => value.push_str("\\;"),
            ',' => value.push_str("\\,"),
            '\n' => value.push_str("\\n"),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    value.push_str("\\n");
                }
            }
            '\t' => value.push('\t'),
            control if control.is_ascii_control() => {}
            other => value.push(other),
        }
    }
    value
}

/// Writes a value that knows no escapes (a URI, a calendar address): whatever would end the line is left out.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(|char| char.is_ascii_control()) {
        Cow::Owned(
            text.chars()
                .filter(|char| !char.is_ascii_control())
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// Splits a list at the commas that are not escaped; the parts stay escaped.
pub(crate) fn split_list(value: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                parts.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}

/// Reads a parameter value: quotes off, `^n`, `^^` and `^'` decoded.
pub(crate) fn decode_param(raw: &str) -> Cow<'_, str> {
    let bare = raw
        .strip_prefix('"')
        .map_or(raw, |rest| rest.strip_suffix('"').unwrap_or(rest));
    if !bare.contains('^') {
        return Cow::Borrowed(bare);
    }
    let mut text = String::with_capacity(bare.len());
    let mut rest = bare;
    while let Some(at) = rest.find('^') {
        text.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        rest = match after.next() {
            Some('n') => {
                text.push('\n');
                after.as_str()
            }
            Some('^') => {
                text.push('^');
                after.as_str()
            }
            Some('\'') => {
                text.push('"');
                after.as_str()
            }
            _ => {
                text.push('^');
                &rest[at + 1..]
            }
        };
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Writes a parameter value, quoted where it must be.
pub(crate) fn encode_param(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    let mut quote = value.is_empty();
    for char in value.chars() {
        match char {
            '^' => text.push_str("^^"),
            '"' => text.push_str("^'"),
            '\n' => text.push_str("^n"),
            control if control.is_ascii_control() && control != '\t' => {}
            // Readers, ours too, drop blanks around bare values.
            other => {
                quote |= matches!(other, ':' | ';' | ',') || other.is_whitespace();
                text.push(other);
            }
        }
    }
    if quote { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_nobody_defined_stay() {
        assert_eq!(unescape(r"C:\Users\new\, a\;b\\n"), "C:\\Users\new, a;b\\n");
        assert_eq!(unescape("end\\"), "end\\");
    }

    #[test]
    fn lists_split_at_bare_commas_only() {
        assert_eq!(split_list(r"a,b\,c,\\,d"), ["a", r"b\,c", r"\\", "d"]);
    }

    #[test]
    fn parameters_decode_by_rfc_6868() {
        assert_eq!(decode_param(r#""a^'b^n^^c^d""#), "a\"b\n^c^d");
    }

    proptest! {
        #[test]
        fn text_comes_back(text in "[^\\x00-\\x08\\x0b-\\x1f\\x7f]*") {
            prop_assert_eq!(unescape(&escape(&text)).into_owned(), text);
        }

        #[test]
        fn parameters_come_back(text in "[^\\x00-\\x08\\x0b-\\x1f\\x7f]*") {
            prop_assert_eq!(decode_param(&encode_param(&text)).into_owned(), text);
        }
    }
}
