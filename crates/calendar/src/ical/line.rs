//! One content line: its bytes as they stood, and name, parameters and value within them.

use std::borrow::Cow;

use super::text::{decode_param, encode_param};

/// Lines longer than this are folded when we write them (RFC 5545 §3.1), in octets without the line end.
const FOLD_AT_OCTETS: usize = 75;

/// A content line. Its raw text, folds and line end included, is given back unchanged unless a new value is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    raw: Cow<'a, str>,
    /// The text without folds and line end, where it is not simply a slice of `raw`.
    unfolded: Option<Box<str>>,
    /// Where the content ends in `raw` and the line end begins.
    content_end: usize,
    name_end: usize,
    /// Where the value starts; `None` for blank and junk lines.
    value_start: Option<usize>,
    number: u32,
}

/// Properties whose values hold no colon, while their unquoted `TZID` may (`TZID=(UTC-05:00) Eastern Time`).
const MOMENTS: [&str; 5] = ["DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"];

impl<'a> Line<'a> {
    /// Understands a raw line: one or more physical lines joined by folding, with their line ends.
    pub(crate) fn parse(raw: &'a str, number: u32) -> Self {
        Self::from_raw(Cow::Borrowed(raw), number)
    }

    /// Writes a new line, folded, from its unfolded content.
    pub(crate) fn compose(content: &str, line_end: &str, number: u32) -> Line<'static> {
        let mut raw = String::with_capacity(content.len() + 8);
        fold_into(&mut raw, content, line_end);
        Line::from_raw(Cow::Owned(raw), number)
    }

    fn from_raw(raw: Cow<'a, str>, number: u32) -> Self {
        let content_end = raw.trim_end_matches(['\r', '\n']).len();
        let mut body = raw.as_bytes()[..content_end].iter();
        let folded = body.any(|byte| matches!(byte, b'\n' | b'\r'));
        let unfolded = folded.then(|| unfold(&raw[..content_end]).into_boxed_str());
        let content = unfolded.as_deref().unwrap_or(&raw[..content_end]);
        let (name_end, value_start) = outline(content);
        Self {
            raw,
            unfolded,
            content_end,
            name_end,
            value_start,
            number,
        }
    }

    /// The bytes as they stood, or as they will be written.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The line without its folds and its end.
    pub fn content(&self) -> &str {
        self.unfolded
            .as_deref()
            .unwrap_or(&self.raw[..self.content_end])
    }

    /// The physical line on which it starts, from 1; for a new line, that of the line whose place it took.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The name as written; empty for blank and junk lines.
    pub fn name(&self) -> &str {
        match self.value_start {
            Some(_) => self.content()[..self.name_end].trim(),
            None => "",
        }
    }

    /// Whether this is the named property, whatever its capitals.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    /// Whether nothing stands on the line.
    pub fn is_blank(&self) -> bool {
        self.content().trim().is_empty()
    }

    /// Whether the line has no colon and so no meaning.
    pub fn is_junk(&self) -> bool {
        self.value_start.is_none() && !self.is_blank()
    }

    /// The value as written, escapes and all; empty for blank and junk lines.
    pub fn value(&self) -> &str {
        self.value_start
            .map_or("", |start| &self.content()[start..])
    }

    /// The parameters as written, in order.
    pub fn params(&self) -> Params<'_> {
        let text = match self.value_start {
            Some(start) => &self.content()[self.name_end..start - 1],
            None => "",
        };
        Params { rest: text }
    }

    /// A parameter's value, unquoted and decoded (RFC 6868). Of several, the first.
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params()
            .find(|param| param.name.eq_ignore_ascii_case(name))
            .map(|param| param.value())
    }

    /// The same line with another value; name and parameters stay byte for byte, the folding is made anew.
    pub(crate) fn with_value(&self, value: &str, line_end: &str) -> Line<'static> {
        let head = self
            .value_start
            .map_or("", |start| &self.content()[..start]);
        if !balanced(head) {
            return self.with_params(&[], value, line_end);
        }
        Line::compose(&format!("{head}{value}"), line_end, self.number)
    }

    /// The same line with some parameters set (or, with `None`, taken out); the others stay as written.
    pub(crate) fn with_params(
        &self,
        changes: &[(&str, Option<&str>)],
        value: &str,
        line_end: &str,
    ) -> Line<'static> {
        let mut content = self.content()[..self.name_end].to_owned();
        let mut done = vec![false; changes.len()];
        for param in self.params() {
            let change = changes
                .iter()
                .position(|(name, _)| param.name.eq_ignore_ascii_case(name));
            let same = |at: usize| changes[at].1.is_some_and(|new| new == param.value());
            if let Some(at) = change.filter(|at| same(*at)) {
                done[at] = true;
            }
            match change.filter(|at| !same(*at)) {
                None => {
                    content.push(';');
                    content.push_str(param.text);
                    if !balanced(param.text) {
                        // An open quote would swallow what is written after it.
                        content.push('"');
                    }
                }
                Some(at) if !done[at] => {
                    done[at] = true;
                    push_param(&mut content, param.name, changes[at].1);
                }
                Some(_) => {}
            }
        }
        for (at, (name, new)) in changes.iter().enumerate() {
            if !done[at] {
                push_param(&mut content, name, *new);
            }
        }
        content.push(':');
        content.push_str(value);
        Line::compose(&content, line_end, self.number)
    }

    /// The line end as written; empty on a last line that has none.
    pub(crate) fn line_end(&self) -> &str {
        let end = &self.raw[self.content_end..];
        if end.ends_with("\r\n") { "\r\n" } else { end }
    }

    /// Gives the line an end where it has none, so that another can follow.
    pub(crate) fn ended(self, line_end: &str) -> Self {
        if self.raw.ends_with(['\n', '\r']) {
            return self;
        }
        let number = self.number;
        Self::from_raw(Cow::Owned(format!("{}{line_end}", self.raw)), number)
    }
}

fn balanced(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'"').count() % 2 == 0
}

fn push_param(content: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        content.push(';');
        content.push_str(name);
        content.push('=');
        content.push_str(&encode_param(value));
    }
}

/// Where the name ends and the value starts.
fn outline(content: &str) -> (usize, Option<usize>) {
    let bytes = content.as_bytes();
    let Some(name_end) = bytes.iter().position(|byte| matches!(byte, b':' | b';')) else {
        return (0, None);
    };
    if bytes[name_end] == b':' {
        return (name_end, Some(name_end + 1));
    }
    let name = content[..name_end].trim();
    if MOMENTS
        .iter()
        .any(|moment| name.eq_ignore_ascii_case(moment))
    {
        return (name_end, content.rfind(':').map(|at| at + 1));
    }
    let mut quoted = false;
    for (at, byte) in bytes.iter().enumerate().skip(name_end) {
        match byte {
            b'"' => quoted = !quoted,
            b':' if !quoted => return (name_end, Some(at + 1)),
            _ => {}
        }
    }
    // An unbalanced quote swallowed the colon: better the first one than none.
    let first = content[name_end..].find(':').map(|at| name_end + at + 1);
    (name_end, first)
}

/// Takes the folds out: every line break within a content line is followed by one blank that belongs to it.
fn unfold(content: &str) -> String {
    let mut joined = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\n' | b'\r')) {
        joined.push_str(&rest[..at]);
        rest = rest[at..].trim_start_matches(['\r', '\n']);
        rest = rest.strip_prefix([' ', '\t']).unwrap_or(rest);
    }
    joined.push_str(rest);
    joined
}

/// Appends a content line, folded within 75 octets on character boundaries.
pub(crate) fn fold_into(out: &mut String, content: &str, line_end: &str) {
    let fold_end = if line_end.is_empty() {
        "\r\n"
    } else {
        line_end
    };
    let mut rest = content;
    let mut room = FOLD_AT_OCTETS;
    while rest.len() > room {
        let cut = rest.floor_char_boundary(room);
        out.push_str(&rest[..cut]);
        out.push_str(fold_end);
        out.push(' ');
        rest = &rest[cut..];
        room = FOLD_AT_OCTETS - 1;
    }
    out.push_str(rest);
    out.push_str(line_end);
}

/// The parameters of a line.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a str,
}

/// One parameter as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name as written.
    pub name: &'a str,
    /// Its value as written, quotes and all.
    pub raw: &'a str,
    text: &'a str,
}

impl<'a> Param<'a> {
    /// The value, unquoted and decoded. A list stays one text.
    pub fn value(&self) -> Cow<'a, str> {
        decode_param(self.raw)
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        self.rest = self.rest.strip_prefix(';')?;
        let mut quoted = false;
        let end = self
            .rest
            .bytes()
            .position(|byte| {
                quoted ^= byte == b'"';
                byte == b';' && !quoted
            })
            .unwrap_or(self.rest.len());
        let text = &self.rest[..end];
        self.rest = &self.rest[end..];
        let (name, raw) = text.split_once('=').unwrap_or((text, ""));
        Some(Param {
            name: name.trim(),
            raw: raw.trim(),
            text,
        })
    }
}
