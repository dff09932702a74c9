//! A mail message (RFC 5322, MIME), as far as a recipient would see it: who, to whom, about what, and the text.

use percent_encoding::percent_decode;

use crate::base64;

/// How deep parts may lie in parts. Honest mail needs two or three.
const DEPTH_MAX: usize = 8;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The addresses of `From`, in small letters.
    pub(crate) from: Vec<String>,
    /// The addresses of `To`, `Cc` and `Bcc`, in this order.
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    /// The plain text, or the HTML where there is none.
    pub(crate) text: String,
}

/// Headers and body of a message or a part.
struct Part<'a> {
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

/// Reads a message. None when it has no header at all.
pub(crate) fn read(raw: &[u8]) -> Option<Message> {
    let part = Part::read(raw);
    if part.headers.is_empty() {
        return None;
    }
    let to = ["to", "cc", "bcc"]
        .into_iter()
        .flat_map(|name| part.addresses(name))
        .collect();
    Some(Message {
        from: part.addresses("from"),
        to,
        subject: words(part.header("subject").unwrap_or_default()),
        text: part
            .text("text/plain", 0)
            .or_else(|| part.text("text/html", 0))
            .unwrap_or_default(),
    })
}

impl<'a> Part<'a> {
    fn read(raw: &'a [u8]) -> Self {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut rest = raw;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (line, after) = end.map_or((rest, &rest[rest.len()..]), |end| {
                (&rest[..end], &rest[end + 1..])
            });
            rest = after;
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = headers.last_mut() {
                    value.push_str(line);
                }
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self {
            headers,
            body: rest,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    fn addresses(&self, name: &str) -> Vec<String> {
        self.header(name).map(addresses).unwrap_or_default()
    }

    /// The first text of a type, in this part or one within.
    fn text(&self, wanted: &str, depth: usize) -> Option<String> {
        let kind = self.header("content-type").unwrap_or("text/plain");
        let (name, _) = kind.split_once(';').unwrap_or((kind, ""));
        let name = name.trim().to_ascii_lowercase();
        if name == wanted {
            return Some(self.decoded());
        }
        if !name.starts_with("multipart/") || depth == DEPTH_MAX {
            return None;
        }
        let boundary = format!("--{}", parameter(kind, "boundary")?);
        pieces(self.body, boundary.as_bytes())
            .into_iter()
            .find_map(|piece| Part::read(piece).text(wanted, depth + 1))
    }

    fn decoded(&self) -> String {
        let encoding = self.header("content-transfer-encoding").unwrap_or("7bit");
        let bytes = if encoding.eq_ignore_ascii_case("base64") {
            let text: String = String::from_utf8_lossy(self.body)
                .split_whitespace()
                .collect();
            base64::decode(&text).unwrap_or_default()
        } else if encoding.eq_ignore_ascii_case("quoted-printable") {
            quoted_printable(self.body)
        } else {
            self.body.to_vec()
        };
        let latin = self
            .header("content-type")
            .and_then(|kind| parameter(kind, "charset"))
            .is_some_and(|charset| charset.eq_ignore_ascii_case("iso-8859-1"));
        in_charset(&bytes, latin)
    }
}

/// A parameter of a header's value, without quotation marks.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|piece| {
        let (own, text) = piece.split_once('=')?;
        own.trim()
            .eq_ignore_ascii_case(name)
            .then(|| text.trim().trim_matches('"').to_owned())
    })
}

/// What lies between the lines of a boundary.
fn pieces<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(boundary) {
            starts.push((at, at + line.len()));
        }
        at += line.len();
    }
    starts
        .windows(2)
        .map(|pair| {
            let piece = &body[pair[0].1..pair[1].0];
            // The line break before a boundary belongs to the boundary (RFC 2046 §5.1.1).
            let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
            piece.strip_suffix(b"\r").unwrap_or(piece)
        })
        .collect()
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body)
        .replace("=\r\n", "")
        .replace("=\n", "");
    // The same code with another mark: what may be taken for the other mark is coded first.
    let coded = text.replace('%', "%25").replace('=', "%");
    percent_decode(coded.as_bytes()).collect()
}

/// The addresses of a list, without the names, in small letters.
fn addresses(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut quoted, mut piece) = (false, String::new());
    for letter in list.chars().chain([',']) {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                let bare = match piece.split_once('<') {
                    Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
                    None => &piece,
                };
                let bare = bare.trim();
                if bare.contains('@') {
                    found.push(bare.to_ascii_lowercase());
                }
                piece.clear();
            }
            // Commas in a quoted name part nothing, and names are not wanted.
            _ if quoted => {}
            other => piece.push(other),
        }
    }
    found
}

/// A header's text with its encoded words decoded (RFC 2047).
fn words(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    let mut after_word = false;
    while let Some((before, word, after)) = next_word(rest) {
        // White space between two encoded words is not shown (§6.2).
        if !(after_word && before.trim().is_empty()) {
            plain.push_str(before);
        }
        plain.push_str(&word);
        rest = after;
        after_word = true;
    }
    plain.push_str(rest);
    plain
}

/// What stands before the next encoded word, the word, and what stands after it.
fn next_word(text: &str) -> Option<(&str, String, &str)> {
    let (before, rest) = text.split_once("=?")?;
    let mut parts = rest.splitn(3, '?');
    let (charset, code, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (coded, after) = rest.split_once("?=")?;
    let bytes = match code {
        "B" | "b" => base64::decode(coded)?,
        "Q" | "q" => quoted_printable(coded.replace('_', " ").as_bytes()),
        _ => return None,
    };
    let latin = charset.eq_ignore_ascii_case("iso-8859-1");
    Some((before, in_charset(&bytes, latin), after))
}

fn in_charset(bytes: &[u8], latin: bool) -> String {
    if latin {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_mail() {
        let raw = b"From: Ann <Ann@Example.com>\r\nTo: \"Lee, Bo\" <bo@example.org>, cy@example.org\r\n\
            Bcc: dan@example.org\r\nSubject: =?utf-8?B?R3LDvMOf?=\r\n =?utf-8?Q?e_=C3=A0?= all\r\n\r\nHello\r\n";
        let message = read(raw).expect("a message");
        assert_eq!(message.from, ["ann@example.com"]);
        assert_eq!(
            message.to,
            ["bo@example.org", "cy@example.org", "dan@example.org"]
        );
        assert_eq!(message.subject, "Grüße à all");
        assert_eq!(message.text, "Hello\r\n");
    }

    #[test]
    fn the_plain_text_is_found_among_the_parts() {
        let raw = b"To: bo@example.org\r\nContent-Type: multipart/alternative; boundary=\"x y\"\r\n\r\nnobody reads this\r\n\
            --x y\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n--x y\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            100% =C3=A9=\r\ngal\r\n--x y--\r\n";
        let message = read(raw).expect("a message");
        assert_eq!(message.text, "100% égal");
    }

    #[test]
    fn html_is_better_than_nothing() {
        let raw = b"To: bo@example.org\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n\
            4Q==\n";
        assert_eq!(read(raw).expect("a message").text, "á");
        assert_eq!(read(b""), None);
    }
}
