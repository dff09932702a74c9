//! Descriptions: Google takes any text, and shows what is markup in it as markup.
//!
//! Its own pages write HTML, programs mostly write plain text, and nothing says which it is. So a text counts as markup
//! where a browser would see some in it. What is compared is the text that a person reads; the markup itself stays in the
//! payload until that text changes.

use std::borrow::Cow;

use crate::html;

/// The tags that Google's pages leave in descriptions, and those that programs put there. A text with another word between
/// angle brackets, such as an address, is no markup for that.
const TAGS: [&str; 47] = [
    "a",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "html-blob",
    "i",
    "img",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "u",
    "ul",
];

/// The tags that begin or end a line. In markup without any of them the line ends of the text itself are shown.
const LINE_TAGS: [&str; 18] = [
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "p",
    "table",
    "tr",
    "ul",
];

/// The longest name of an entity (HTML, "Named character references") with its number signs.
const ENTITY_BYTES_MAX: usize = 32;

/// A description as we compare it.
pub(crate) fn read(text: &str) -> String {
    if !is_markup(text) {
        return text.to_owned();
    }
    let has_lines = tags(text).any(|tag| is_among(&LINE_TAGS, tag));
    let shown: Cow<'_, str> = if has_lines {
        text.into()
    } else {
        text.replace("\r\n", "\n").replace('\n', "<br>").into()
    };
    html::to_text(&shown)
}

/// A description as Google takes it: as it is, but for one that would be shown as markup.
pub(crate) fn write(text: &str) -> Cow<'_, str> {
    if is_markup(text) {
        html::from_text(text).into()
    } else {
        text.into()
    }
}

/// Whether a description that reads as `there` says all that `wanted` would say once it were written.
pub(crate) fn says(there: &str, wanted: &str) -> bool {
    there == wanted || read(&write(wanted)) == there
}

/// Whether a browser sees markup in a text.
fn is_markup(text: &str) -> bool {
    tags(text).any(|tag| is_among(&TAGS, tag)) || has_entity(text)
}

fn is_among(known: &[&str], tag: &str) -> bool {
    known.iter().any(|name| name.eq_ignore_ascii_case(tag))
}

/// The names of what stands between angle brackets.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('<').filter_map(|(at, _)| {
        let inner = &text[at + 1..];
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
        let (name, rest) = inner.split_at(end);
        let is_closed = rest.starts_with(|c: char| c == '>' || c == '/' || c.is_ascii_whitespace())
            && rest.contains('>');
        is_closed.then_some(name)
    })
}

/// Whether a character is spelled out: `&amp;`, `&#8364;`.
fn has_entity(text: &str) -> bool {
    text.match_indices('&').any(|(at, _)| {
        let inner = &text[at + 1..];
        inner.find(';').is_some_and(|end| {
            let name = &inner[..end];
            let spelled = name.strip_prefix('#').unwrap_or(name);
            end <= ENTITY_BYTES_MAX
                && !spelled.is_empty()
                && spelled.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_is_read_as_the_text_that_people_see() {
        let table = [
            ("Agenda", "Agenda"),
            ("one\n\n\ntwo ", "one\n\n\ntwo "),
            ("a < b and c > d & e; AT&T", "a < b and c > d & e; AT&T"),
            ("Ann <ann@example.com>", "Ann <ann@example.com>"),
            ("<b>Agenda</b><br>beer &amp; bread", "Agenda\nbeer & bread"),
            ("<p>one</p>\n<p>two</p>", "one\n\ntwo"),
            (
                "one\n<a href=\"https://x.example\">x.example</a>\ntwo",
                "one\nx.example\ntwo",
            ),
            ("Tom &amp; Jerry\nat five", "Tom & Jerry\nat five"),
            ("<html-blob><u></u>Room 4</html-blob>", "Room 4"),
        ];
        for (there, text) in table {
            assert_eq!(read(there), text, "{there}");
        }
    }

    #[test]
    fn a_text_that_looks_like_markup_is_written_so_that_it_is_shown_as_it_is() {
        assert_eq!(write("Agenda: 1 < 2"), "Agenda: 1 < 2");
        assert_eq!(write("use <b> & <i>"), "use &lt;b&gt; &amp; &lt;i&gt;");
        assert_eq!(write("one &amp;\ntwo"), "one &amp;amp;<br>\ntwo");
        assert!(says("use <b>", "use <b> \n"));
        assert!(
            !says("plain", "plain "),
            "a plain text is kept to the blank"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_was_meant(text in "(\\PC|[ \n\r\t<>/&;#\"]|<b>|</p>|<br>|&amp;|&#8364;){0,30}") {
            let back = read(&write(&text));
            if is_markup(&text) {
                prop_assert_eq!(back, html::canonical(&text));
            } else {
                prop_assert_eq!(back, text);
            }
        }
    }
}
