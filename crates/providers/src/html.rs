//! Descriptions as HTML and as plain text: one canonical text, so that what providers make of markup compares equal.
//!
//! Providers take text, keep HTML and give back HTML of their own making. What counts here is the text that a person
//! reads in it: blocks are lines, links are text, runs of white space are one blank.

use std::borrow::Cow;

use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};

/// The longest HTML that is read; what follows is left out. Outlook's own limit for a body is near it, and nobody reads on.
const HTML_BYTES_MAX: usize = 2 << 20;

/// What HTML calls a blank that is kept (U+00A0).
const HARD_BLANK: char = '\u{a0}';

/// What begins and ends a line.
const BLOCKS: [&str; 34] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "title",
    "tr",
    "ul",
    "xmp",
];

/// What also stands apart from its neighbours by an empty line.
const PARAGRAPHS: [&str; 7] = ["h1", "h2", "h3", "h4", "h5", "h6", "p"];

/// What holds no text for people.
const SILENT: [&str; 8] = [
    "head", "iframe", "noembed", "noframes", "object", "script", "style", "template",
];

/// Schemes of links that are worth showing; the others mean something to a browser only.
const LINK_SCHEMES: [&str; 4] = ["http://", "https://", "mailto:", "tel:"];

/// The canonical plain text of HTML. Reads anything: what is not well formed is read as browsers read it.
pub(crate) fn to_text(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(HTML_BYTES_MAX)];
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut page = Page::default();
    // A run of text may come in pieces, cut anywhere.
    let mut text = Vec::new();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::String(piece) => text.extend_from_slice(&piece),
            Token::StartTag(tag) => {
                page.text(&String::from_utf8_lossy(&std::mem::take(&mut text)));
                page.open(&tag);
            }
            Token::EndTag(tag) => {
                page.text(&String::from_utf8_lossy(&std::mem::take(&mut text)));
                page.close(&name(&tag.name));
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    page.text(&String::from_utf8_lossy(&text));
    page.end_link();
    page.end_line();
    canonical(&page.lines.join("\n"))
}

/// Plain text as HTML that says the same: `to_text(from_text(t)) == canonical(t)`.
pub(crate) fn from_text(text: &str) -> String {
    let text = canonical(text);
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            html.push_str("<br>\n");
        }
        // A blank at the beginning of a line, or after another, would be lost.
        let mut after_blank = true;
        for character in line.chars() {
            match character {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                ' ' if after_blank => html.push_str("&nbsp;"),
                other => html.push(other),
            }
            after_blank = character == ' ';
        }
    }
    html
}

/// Plain text as it is compared: lines end in LF and not in blanks, no more than one empty line in a row and none at the
/// ends, no control characters, blanks of one kind.
pub(crate) fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty_lines = 0;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in text.split('\n') {
        let clean: String = line
            .chars()
            .filter_map(|character| match character {
                '\t' | HARD_BLANK => Some(' '),
                '\u{feff}' => None,
                other if other.is_control() => None,
                other => Some(other),
            })
            .collect();
        let clean = clean.trim_end_matches(' ');
        if clean.is_empty() {
            empty_lines += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty_lines > 0 { "\n\n" } else { "\n" });
        }
        empty_lines = 0;
        out.push_str(clean);
    }
    out
}

/// A page as it is laid out line by line.
#[derive(Default)]
struct Page {
    lines: Vec<String>,
    line: String,
    /// Whether the line ends in a blank that swallows the next one.
    soft_blank: bool,
    /// Whether an empty line belongs before what comes next.
    apart: bool,
    /// How deep we are in what holds no text.
    silent: usize,
    /// How deep we are in preformatted text.
    preformatted: usize,
    link: Option<Link>,
}

/// A link under way.
struct Link {
    target: String,
    /// How many lines there were, and how long the last was, as it began.
    begun: (usize, usize),
}

impl Page {
    fn text(&mut self, text: &str) {
        if self.silent > 0 {
            return;
        }
        for character in text.chars() {
            match character {
                '\n' if self.preformatted > 0 => self.break_line(),
                '\r' if self.preformatted > 0 => {}
                ' ' | '\t' if self.preformatted > 0 => self.hard(' '),
                ' ' | '\t' | '\n' | '\r' | '\u{c}' => {
                    if !self.line.is_empty() && !self.soft_blank {
                        self.line.push(' ');
                        self.soft_blank = true;
                    }
                }
                HARD_BLANK => self.hard(' '),
                other => self.hard(other),
            }
        }
    }

    fn hard(&mut self, character: char) {
        self.stand_apart();
        self.line.push(character);
        self.soft_blank = false;
    }

    fn stand_apart(&mut self) {
        if std::mem::take(&mut self.apart) && self.lines.last().is_some_and(|last| !last.is_empty())
        {
            self.lines.push(String::new());
        }
    }

    fn break_line(&mut self) {
        self.stand_apart();
        self.lines.push(std::mem::take(&mut self.line));
        self.soft_blank = false;
    }

    /// Ends a line that has something on it.
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.break_line();
        }
    }

    fn open(&mut self, tag: &StartTag<()>) {
        let name = name(&tag.name);
        let name = &*name;
        if SILENT.contains(&name) && !tag.self_closing {
            self.silent += 1;
        }
        if name == "body" {
            // A head that nobody closed ends here.
            self.silent = 0;
        }
        if self.silent > 0 {
            return;
        }
        match name {
            "br" => self.break_line(),
            "a" => self.begin_link(tag),
            "td" | "th" => self.text(" "),
            _ => self.boundary(name),
        }
        match name {
            "pre" | "xmp" | "textarea" => self.preformatted += 1,
            "li" => {
                self.hard('-');
                self.hard(' ');
                self.soft_blank = true;
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if SILENT.contains(&name) {
            self.silent = self.silent.saturating_sub(1);
            return;
        }
        if self.silent > 0 {
            return;
        }
        match name {
            "a" => self.end_link(),
            "pre" | "xmp" | "textarea" => self.preformatted = self.preformatted.saturating_sub(1),
            _ => {}
        }
        self.boundary(name);
    }

    fn boundary(&mut self, name: &str) {
        let is_paragraph = PARAGRAPHS.contains(&name);
        if is_paragraph || BLOCKS.contains(&name) {
            self.end_line();
        }
        self.apart |= is_paragraph;
    }

    fn begin_link(&mut self, tag: &StartTag<()>) {
        self.end_link();
        let target = tag
            .attributes
            .get(&b"href"[..])
            .map(|value| String::from_utf8_lossy(value).trim().to_owned())
            .unwrap_or_default();
        let lower = target.to_ascii_lowercase();
        if LINK_SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
            self.link = Some(Link {
                target,
                begun: (self.lines.len(), self.line.len()),
            });
        }
    }

    /// Where the text of a link does not show its target, the target follows it in angle brackets.
    fn end_link(&mut self) {
        let Some(Link { target, begun }) = self.link.take() else {
            return;
        };
        let shown = if self.lines.len() == begun.0 {
            self.line.get(begun.1..).unwrap_or_default().trim()
        } else {
            ""
        };
        let is_image_or_nothing = self.lines.len() == begun.0 && shown.is_empty();
        if is_image_or_nothing || shows(shown, &target) {
            return;
        }
        let line_end = self.line.trim_end().len();
        self.line.truncate(line_end);
        let blank = if self.line.is_empty() { "" } else { " " };
        for character in format!("{blank}<{target}>").chars() {
            self.hard(character);
        }
    }
}

/// Whether a text says by itself where its link leads.
fn shows(text: &str, target: &str) -> bool {
    let bare = |link: &str| {
        let lower = link.trim().to_lowercase();
        let short = LINK_SCHEMES
            .iter()
            .find_map(|scheme| lower.strip_prefix(scheme))
            .unwrap_or(&lower);
        short.trim_end_matches('/').to_owned()
    };
    bare(text) == bare(target)
}

fn name(tag: &HtmlString) -> Cow<'_, str> {
    String::from_utf8_lossy(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_person_reads_is_the_text() {
        let table = [
            ("", ""),
            ("plain", "plain"),
            ("<p>one</p><p>two</p>", "one\n\ntwo"),
            ("<div>one</div><div>two</div>", "one\ntwo"),
            ("<div>one<br></div><div>two</div>", "one\ntwo"),
            ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
            (
                "<p>one</p><p>&nbsp;</p><p>&nbsp;</p><p>two</p>",
                "one\n\ntwo",
            ),
            ("one<br>two<br/>three", "one\ntwo\nthree"),
            ("  much \n\t white   space ", "much white space"),
            ("kept&nbsp;&nbsp;blanks", "kept  blanks"),
            (
                "Tom &amp; Jerry &lt;3 &eacute;&#8364;&#x20AC;",
                "Tom & Jerry <3 é€€",
            ),
            ("<ul><li>one</li><li>two</li></ul>end", "- one\n- two\nend"),
            (
                "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
                "a b\nc",
            ),
            ("<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"),
            ("<h1>Title</h1>text", "Title\n\ntext"),
            (
                "<a href=\"https://x.example/\">https://x.example</a>",
                "https://x.example",
            ),
            (
                "<a href='https://x.example/a?b=1&amp;c=2'>here</a>!",
                "here <https://x.example/a?b=1&c=2>!",
            ),
            (
                "<a href=\"mailto:ann@example.com\">ann@example.com</a>",
                "ann@example.com",
            ),
            ("<a href=\"javascript:alert(1)\">here</a>", "here"),
            ("<a href=\"https://x.example\"><img src=\"x.png\"></a>", ""),
            (
                "<html><head><title>no</title><style>p { x: '<p>' }</style></head><body>yes</body></html>",
                "yes",
            ),
            ("<head>no<body>yes", "yes"),
            (
                "a<script>if (a<b) alert('</p>')</script>b<!-- c -->d",
                "abd",
            ),
            ("un<b>clo<i>sed", "unclosed"),
            ("a < b and c > d & e", "a < b and c > d & e"),
            ("<", "<"),
        ];
        for (html, text) in table {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn what_outlook_makes_of_text_reads_as_that_text() {
        let stored = "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n</head>\r\n<body>\r\n<div class=\"PlainText\">Agenda:<br>\r\n<br>\r\n&nbsp; - beer &amp; bread<br>\r\n</div>\r\n</body>\r\n</html>\r\n";
        assert_eq!(to_text(stored), "Agenda:\n\n  - beer & bread");
        assert_eq!(
            canonical("Agenda:\r\n\r\n  - beer & bread \r\n"),
            to_text(stored)
        );
    }

    #[test]
    fn reading_has_an_end() {
        let long = "<b>é".repeat(HTML_BYTES_MAX / 4);
        assert!(to_text(&long).len() <= HTML_BYTES_MAX);
        let deep = "<div><a href=https://x.example/>".repeat(10_000);
        assert_eq!(to_text(&deep), "");
    }

    proptest! {
        #[test]
        fn text_survives_the_way_through_html(text in "(\\PC|[ \n\r\t<>&\"\u{a0}\u{0}]){0,80}") {
            prop_assert_eq!(to_text(&from_text(&text)), canonical(&text));
        }

        #[test]
        fn the_canonical_form_of_a_canonical_text_is_itself(text in "(\\PC|[ \n\r\t\u{a0}]){0,80}") {
            let once = canonical(&text);
            prop_assert_eq!(canonical(&once), once);
        }

        #[test]
        fn any_markup_reads_as_canonical_text(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "<p>", "</p>", "<div>", "</div>", "<br>", "<pre>", "</pre>", "<li>", "<a href=https://x.example>",
                    "</a>", "<head>", "</head>", "<body>", "<td>", " ", "\n", "&nbsp;", "word", "é", "&#0;", "&#128;",
                    "<script>", "</script>", "<!--", "-->", "<", "&",
                ]),
                0..40,
            )
        ) {
            let text = to_text(&pieces.concat());
            prop_assert_eq!(canonical(&text), text);
        }
    }
}
