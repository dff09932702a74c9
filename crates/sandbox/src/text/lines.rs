//! Content lines: unfolding, folding, names, parameters and where components begin and end.

/// RFC 5545 §3.1: lines should not be longer than 75 octets, without the line break.
const LINE_OCTETS: usize = 75;

/// The logical lines of `text`, without line breaks and empty lines.
pub(crate) fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for raw in text.split('\n') {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        match (raw.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(line)) => line.push_str(rest),
            _ if raw.is_empty() => {}
            _ => lines.push(raw.to_owned()),
        }
    }
    lines
}

/// `lines` as text: folded at 75 octets between characters, each ended by CRLF.
pub(crate) fn fold<L: AsRef<str>>(lines: &[L]) -> String {
    let mut text = String::new();
    for line in lines {
        fold_line(&mut text, line.as_ref(), LINE_OCTETS);
    }
    text
}

/// Appends one line to `text`, folded at `octets`.
pub(crate) fn fold_line(text: &mut String, line: &str, octets: usize) {
    let mut used = 0;
    for letter in line.chars() {
        if used + letter.len_utf8() > octets {
            text.push_str("\r\n ");
            used = 1;
        }
        text.push(letter);
        used += letter.len_utf8();
    }
    text.push_str("\r\n");
}

/// The property's name, as written.
pub(crate) fn name(line: &str) -> &str {
    line.split([':', ';']).next().unwrap_or(line)
}

/// Whether the line is a property of this name (names are case-insensitive).
pub(crate) fn is(line: &str, property: &str) -> bool {
    name(line).eq_ignore_ascii_case(property)
}

/// Where the value begins: after the first colon outside quotes.
fn value_at(line: &str) -> Option<usize> {
    let mut quoted = false;
    line.char_indices().find_map(|(at, letter)| match letter {
        '"' => {
            quoted = !quoted;
            None
        }
        ':' if !quoted => Some(at + 1),
        _ => None,
    })
}

/// The value, as written (still escaped); empty when there is no colon.
pub(crate) fn value(line: &str) -> &str {
    value_at(line).map_or("", |at| &line[at..])
}

/// Name and parameters, with everything up to the colon.
pub(crate) fn head(line: &str) -> &str {
    value_at(line).map_or(line, |at| &line[..at - 1])
}

/// The parameters as (name, value) in order, quotes taken off.
pub(crate) fn params(line: &str) -> Vec<(&str, &str)> {
    let mut quoted = false;
    head(line)
        .split(|letter| {
            if letter == '"' {
                quoted = !quoted;
            }
            letter == ';' && !quoted
        })
        .skip(1)
        .filter_map(|param| param.split_once('='))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect()
}

/// One parameter's value, quotes taken off.
pub(crate) fn param<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    params(line)
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value)
}

/// The line without the named parameters.
pub(crate) fn without_params(line: &str, unwanted: &[&str]) -> String {
    let mut kept = name(line).to_owned();
    for (name, value) in params(line) {
        if !unwanted
            .iter()
            .any(|unwanted| unwanted.eq_ignore_ascii_case(name))
        {
            let quote = if value.contains([':', ';', ',']) {
                "\""
            } else {
                ""
            };
            kept.extend([";", name, "=", quote, value, quote]);
        }
    }
    kept.push(':');
    kept.push_str(value(line));
    kept
}

/// A value of type TEXT (RFC 5545 §3.3.11).
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace('\n', "\\n")
}

/// A component within a list of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    /// Its name in capitals, such as `VEVENT`.
    pub(crate) name: String,
    /// Index of its `BEGIN` line.
    pub(crate) begin: usize,
    /// Index of its `END` line.
    pub(crate) end: usize,
    /// How many components it stands in.
    pub(crate) depth: usize,
}

/// All components in the order they begin; none when `BEGIN` and `END` do not match.
pub(crate) fn components(lines: &[String]) -> Option<Vec<Component>> {
    let mut found: Vec<Component> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if is(line, "BEGIN") {
            let name = value(line).trim().to_ascii_uppercase();
            found.push(Component {
                name,
                begin: index,
                end: index,
                depth: open.len(),
            });
            open.push(found.len() - 1);
        } else if is(line, "END") {
            let component = &mut found[open.pop()?];
            if !component.name.eq_ignore_ascii_case(value(line).trim()) {
                return None;
            }
            component.end = index;
        } else if open.is_empty() {
            return None;
        }
    }
    open.is_empty().then_some(found)
}

/// The indices of the component's own properties, without those of components in it.
pub(crate) fn own_lines(lines: &[String], component: &Component) -> Vec<usize> {
    let mut depth = 0_usize;
    (component.begin + 1..component.end)
        .filter(|index| {
            let line = &lines[*index];
            if is(line, "BEGIN") {
                depth += 1;
            }
            let own = depth == 0;
            if is(line, "END") {
                depth = depth.saturating_sub(1);
            }
            own
        })
        .collect()
}

/// The component's first property of this name.
pub(crate) fn property<'a>(
    lines: &'a [String],
    component: &Component,
    wanted: &str,
) -> Option<&'a str> {
    own_lines(lines, component)
        .into_iter()
        .map(|index| lines[index].as_str())
        .find(|line| is(line, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_characters_whole_and_unfolds_again() {
        let line = format!("SUMMARY:{}", "Grüße 🎉 ".repeat(30));
        let folded = fold(&[&line]);
        assert!(folded.split("\r\n").all(|raw| raw.len() <= LINE_OCTETS));
        assert_eq!(unfold(&folded), [line]);
    }

    #[test]
    fn a_colon_in_quotes_does_not_end_the_parameters() {
        let line = r#"ATTENDEE;CN="Doe: Jane; MD";PARTSTAT=ACCEPTED:mailto:jane@example.com"#;
        assert_eq!(value(line), "mailto:jane@example.com");
        assert_eq!(param(line, "cn"), Some("Doe: Jane; MD"));
        assert_eq!(
            without_params(line, &["PARTSTAT"]),
            r#"ATTENDEE;CN="Doe: Jane; MD":mailto:jane@example.com"#
        );
    }

    #[test]
    fn own_lines_leave_out_alarms() {
        let lines = unfold(
            "BEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nDESCRIPTION:a\nEND:VALARM\nSUMMARY:s\nEND:VEVENT\n",
        );
        let components = components(&lines).expect("balanced");
        assert_eq!(components.len(), 2);
        assert_eq!(own_lines(&lines, &components[0]), [1, 5]);
        assert_eq!(property(&lines, &components[0], "DESCRIPTION"), None);
    }
}
