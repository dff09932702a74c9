//! The lossless tree of content lines: components nest, and every byte comes back as it stood.

use std::fmt;

use super::line::Line;
use super::{ItemError, NAME_BYTES_MAX, quoted};
use crate::failure::shortened;

/// The largest text that is understood. Feeds are cut off at 20 MB before they come here; exports may be larger.
pub const INPUT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How deep components may nest. `VCALENDAR`, `VEVENT`, `VALARM` are three; nobody nests deeper than five.
pub const NESTING_MAX: usize = 16;
/// The longest content line, unfolded or not: room for an inline attachment of some megabytes.
pub const LINE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most content lines of one text, so that line numbers fit and memory is bounded.
pub const LINES_MAX: usize = 8_000_000;
/// The most problems that are kept of one text; the first ones say what is wrong with it.
pub const PROBLEMS_MAX: usize = 1_000;

/// A whole text as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree<'a> {
    /// The byte order mark, where the text opens with one.
    bom: &'a str,
    /// What stands at the top: components, mostly one `VCALENDAR`.
    pub nodes: Vec<Node<'a>>,
    /// What is broken in its structure. None of it is lost from the tree.
    pub problems: Vec<ItemError>,
    /// What was beyond a limit and not looked at, kept so that it can be written back.
    beyond: &'a str,
}

/// A line or a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// A property, a blank line, or junk.
    Line(Line<'a>),
    /// What stands between `BEGIN` and `END`, both included.
    Component(Component<'a>),
}

/// A component with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component<'a> {
    /// The `BEGIN` line.
    pub begin: Line<'a>,
    /// What stands in it, in order.
    pub nodes: Vec<Node<'a>>,
    /// The `END` line; none where it is missing.
    pub end: Option<Line<'a>>,
}

impl<'a> Tree<'a> {
    /// Understands a text. Whatever is broken becomes a problem; nothing fails.
    pub fn parse(text: &'a str) -> Self {
        let mut tree = Self::default();
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => {
                tree.bom = &text[..text.len() - rest.len()];
                rest
            }
            None => text,
        };
        if text.len() > INPUT_BYTES_MAX {
            tree.problem(
                1,
                "",
                format!("the text is longer than {INPUT_BYTES_MAX} bytes"),
            );
            tree.beyond = text;
            return tree;
        }
        let mut open: Vec<Component<'a>> = Vec::new();
        let mut rest = text;
        let mut number = 1u32;
        let mut count = 0;
        while !rest.is_empty() {
            let (raw, physical) = take_line(rest);
            if count == LINES_MAX || raw.len() > LINE_BYTES_MAX {
                tree.problem(
                    number,
                    "",
                    "too many lines, or one too long: not looked at from here on",
                );
                tree.beyond = rest;
                break;
            }
            rest = &rest[raw.len()..];
            let line = Line::parse(raw, number);
            number = number.saturating_add(physical);
            count += 1;
            tree.place(line, &mut open);
        }
        while let Some(component) = open.pop() {
            tree.unclosed(&component);
            tree.append(Node::Component(component), &mut open);
        }
        tree
    }

    fn place(&mut self, line: Line<'a>, open: &mut Vec<Component<'a>>) {
        if line.is("BEGIN") {
            if open.len() < NESTING_MAX {
                open.push(Component {
                    begin: line,
                    nodes: Vec::new(),
                    end: None,
                });
                return;
            }
            self.problem(
                line.number(),
                "BEGIN",
                format!("nests deeper than {NESTING_MAX}"),
            );
        } else if line.is("END") {
            let name = line.value().trim();
            let Some(depth) = open.iter().rposition(|component| component.is(name)) else {
                self.problem(
                    line.number(),
                    "END",
                    format!("nothing to end: {}", quoted(name)),
                );
                self.append(Node::Line(line), open);
                return;
            };
            while open.len() > depth + 1 {
                if let Some(inner) = open.pop() {
                    self.unclosed(&inner);
                    self.append(Node::Component(inner), open);
                }
            }
            if let Some(mut component) = open.pop() {
                component.end = Some(line);
                self.append(Node::Component(component), open);
            }
            return;
        } else if line.is_junk() {
            self.problem(
                line.number(),
                "",
                format!("no colon: {}", quoted(line.content())),
            );
        }
        self.append(Node::Line(line), open);
    }

    fn append(&mut self, node: Node<'a>, open: &mut [Component<'a>]) {
        match open.last_mut() {
            Some(component) => component.nodes.push(node),
            None => self.nodes.push(node),
        }
    }

    fn unclosed(&mut self, component: &Component<'a>) {
        let (line, name) = (component.begin.number(), component.name().to_owned());
        self.problem(line, &name, "has no END");
    }

    fn problem(&mut self, line: u32, property: &str, message: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            let property = if property.is_empty() {
                "text"
            } else {
                property
            };
            self.problems.push(ItemError {
                line,
                property: shortened(property.to_owned(), NAME_BYTES_MAX),
                message: message.into(),
            });
        }
    }

    /// The components at the top.
    pub fn components(&self) -> impl Iterator<Item = &Component<'a>> {
        components(&self.nodes)
    }

    /// The line end that most of the text uses: that of its first line, `CRLF` where there is none.
    pub(crate) fn line_end(&self) -> &'static str {
        let first = self.nodes.first().map(|node| match node {
            Node::Line(line) => line,
            Node::Component(component) => &component.begin,
        });
        match first.map(Line::line_end) {
            Some("\n") => "\n",
            _ => "\r\n",
        }
    }
}

impl<'a> Component<'a> {
    /// Its name as written.
    pub fn name(&self) -> &str {
        self.begin.value().trim()
    }

    /// Whether this is the named component, whatever its capitals.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    /// Its own lines, those of inner components left out.
    pub fn lines(&self) -> impl Iterator<Item = &Line<'a>> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Line(line) => Some(line),
            Node::Component(_) => None,
        })
    }

    /// The components right in it.
    pub fn components(&self) -> impl Iterator<Item = &Component<'a>> {
        components(&self.nodes)
    }

    /// Its first line of this name.
    pub fn line(&self, name: &str) -> Option<&Line<'a>> {
        self.lines().find(|line| line.is(name))
    }
}

fn components<'t, 'a>(nodes: &'t [Node<'a>]) -> impl Iterator<Item = &'t Component<'a>> {
    nodes.iter().filter_map(|node| match node {
        Node::Line(_) => None,
        Node::Component(component) => Some(component),
    })
}

/// The next content line with its folds and its end, and of how many physical lines it is made.
fn take_line(text: &str) -> (&str, u32) {
    let bytes = text.as_bytes();
    let mut physical = 0;
    let mut at = 0;
    loop {
        let Some(length) = bytes[at..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
        else {
            return (text, physical + 1);
        };
        at += length + 1;
        if bytes[at - 1] == b'\r' {
            // Text that was converted twice ends its lines with CR CR LF.
            let returns = bytes[at..]
                .iter()
                .take_while(|byte| **byte == b'\r')
                .count();
            if bytes.get(at + returns) == Some(&b'\n') {
                at += returns + 1;
            }
        }
        physical += 1;
        if !matches!(bytes.get(at), Some(b' ' | b'\t')) {
            return (&text[..at], physical);
        }
    }
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.bom)?;
        for node in &self.nodes {
            node.fmt(f)?;
        }
        f.write_str(self.beyond)
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line.raw()),
            Self::Component(component) => component.fmt(f),
        }
    }
}

impl fmt::Display for Component<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.begin.raw())?;
        for node in &self.nodes {
            node.fmt(f)?;
        }
        self.end
            .as_ref()
            .map_or(Ok(()), |end| f.write_str(end.raw()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let tree = Tree::parse(text);
        assert_eq!(tree.to_string(), text);
        let lines: Vec<String> = tree.problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    #[test]
    fn every_byte_comes_back() {
        for text in [
            "",
            "\u{feff}BEGIN:VCALENDAR\r\nend:vcalendar",
            "BEGIN:VCALENDAR\n\n \nSUMMARY:a\r\n b\n\tc\r\r\nX\rEND:VCALENDAR\r\n\r\n",
            " folded from nothing\nEND:VEVENT\n",
        ] {
            assert_eq!(Tree::parse(text).to_string(), text);
        }
    }

    #[test]
    fn lines_unfold_and_know_their_number() {
        let text =
            "BEGIN:VEVENT\r\nSUMM\r\n ARY;X=\"a:b\";y=c:lo\r\n\tng\r\nURL:x\r\nEND:VEVENT\r\n";
        let tree = Tree::parse(text);
        let event = tree.components().next().unwrap();
        let line = event.line("summary").unwrap();
        assert_eq!(
            (line.name(), line.value(), line.number()),
            ("SUMMARY", "long", 2)
        );
        assert_eq!(line.param("x").as_deref(), Some("a:b"));
        assert_eq!(line.param("Y").as_deref(), Some("c"));
        assert_eq!(event.line("URL").unwrap().number(), 5);
    }

    #[test]
    fn zones_with_colons_do_not_swallow_the_time() {
        let text = "DTSTART;TZID=(UTC-05:00) Eastern Time (US & Canada):20160816T140000";
        let line = Line::parse(text, 1);
        assert_eq!(line.value(), "20160816T140000");
        let zone = line.param("TZID").unwrap();
        assert_eq!(zone, "(UTC-05:00) Eastern Time (US & Canada)");
    }

    #[test]
    fn what_is_broken_is_named() {
        let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nno colon here\nBEGIN:VALARM\n\
            END:VEVENT\nEND:VTODO\nBEGIN:VEVENT\n";
        insta::assert_snapshot!(problems(text), @r#"
        line 3, text: no colon: "no colon here"
        line 4, VALARM: has no END
        line 6, END: nothing to end: "VTODO"
        line 7, VEVENT: has no END
        line 1, VCALENDAR: has no END
        "#);
    }

    #[test]
    fn nesting_ends_somewhere() {
        let text = "BEGIN:X\n".repeat(1_000);
        let tree = Tree::parse(&text);
        assert_eq!(tree.to_string(), text);
        assert!(tree.problems[0].message.contains("nests deeper than 16"));
    }
}
