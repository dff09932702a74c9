//! Bodies: kept as HTML whatever was written, shown as HTML or text.

/// How many characters of a body its preview has.
const PREVIEW_CHARS: usize = 255;

const OPENING: &str = "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n<body>\r\n";
const CLOSING: &str = "\r\n</body>\r\n</html>\r\n";

/// Text as it is stored: each line of it in HTML.
pub(crate) fn from_text(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            line.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
        })
        .collect();
    format!(
        "{OPENING}<div class=\"PlainText\">{}</div>{CLOSING}",
        lines.join("<br>\r\n")
    )
}

/// HTML as it is stored: a fragment becomes a document.
pub(crate) fn from_html(html: &str) -> String {
    if html.is_empty() || html.to_ascii_lowercase().contains("<html") {
        html.to_owned()
    } else {
        format!("{OPENING}{html}{CLOSING}")
    }
}

/// Stored HTML as text.
pub(crate) fn to_text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    let mut hidden = false;
    while let Some((before, after)) = rest.split_once('<') {
        if !hidden {
            push_visible(&mut text, before);
        }
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/', '\r', '\n'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        match name.as_str() {
            "head" | "style" | "script" => hidden = !tag.starts_with('/'),
            "br" => text.push_str("\r\n"),
            "p" | "div" | "li" | "tr" if tag.starts_with('/') => text.push_str("\r\n"),
            _ => {}
        }
        rest = after;
    }
    if !hidden {
        push_visible(&mut text, rest);
    }
    text.trim().to_owned()
}

/// The beginning of the body as one line.
pub(crate) fn preview(html: &str) -> String {
    to_text(html)
        .chars()
        .take(PREVIEW_CHARS)
        .collect::<String>()
}

/// Text between tags: line breaks of the source mean nothing, entities their characters.
fn push_visible(text: &mut String, piece: &str) {
    let piece = piece.replace(['\r', '\n'], "");
    let piece = piece
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    text.push_str(&piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_through_html_and_comes_back() {
        let stored = from_text("a < b & c\nsecond");
        assert!(stored.starts_with("<html>") && stored.contains("a &lt; b &amp; c<br>"));
        assert_eq!(to_text(&stored), "a < b & c\r\nsecond");
        assert_eq!(
            to_text(&from_html("<p>one</p><p>two&nbsp;three</p>")),
            "one\r\ntwo three"
        );
        assert_eq!(from_html(&stored), stored);
        assert_eq!((from_text(""), to_text("")), (String::new(), String::new()));
    }
}
