//! iCalendar text as other programs edit it: lines in, lines out, everything else left alone.

/// The longest line in octets, with room for the line break (RFC 5545 §3.1 says 75).
const LINE_OCTETS: usize = 73;

/// The content lines of a text.
pub(crate) fn unfolded(text: &str) -> String {
    text.replace("\r\n ", "")
        .replace("\r\n\t", "")
        .replace("\n ", "")
        .replace("\n\t", "")
}

/// Gives the master event of an object a text property.
pub(crate) fn with_text(text: &str, property: &str, value: &str) -> String {
    let mut lines: Vec<String> = unfolded(text).lines().map(str::to_owned).collect();
    let Some((begin, end)) = master(&lines) else {
        return text.to_owned();
    };
    let line = format!("{property}:{}", escaped(value));
    let mut depth = 0;
    let mut found = None;
    for (at, line) in lines.iter().enumerate().take(end).skip(begin) {
        if line.starts_with("BEGIN:") {
            depth += 1;
        } else if line.starts_with("END:") {
            depth -= 1;
        } else if depth == 1 && is(line, property) {
            found = Some(at);
        }
    }
    match found {
        Some(at) => lines[at] = line,
        None => lines.insert(begin + 1, line),
    }
    folded(&lines)
}

/// Where the master begins and ends: the first event that is not an instance of a series, or else the first.
fn master(lines: &[String]) -> Option<(usize, usize)> {
    let mut events = Vec::new();
    let mut begin = None;
    for (at, line) in lines.iter().enumerate() {
        if line == "BEGIN:VEVENT" {
            begin = Some(at);
        } else if line == "END:VEVENT"
            && let Some(begin) = begin.take()
        {
            events.push((begin, at));
        }
    }
    let is_master = |(begin, end): &&(usize, usize)| {
        !lines[*begin..*end]
            .iter()
            .any(|line| is(line, "RECURRENCE-ID"))
    };
    events.iter().find(is_master).or(events.first()).copied()
}

fn is(line: &str, property: &str) -> bool {
    line.strip_prefix(property)
        .is_some_and(|rest| rest.starts_with([':', ';']))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,")
        .replace('\n', "\\n")
}

fn folded(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let mut octets = 0;
        for letter in line.chars() {
            if octets + letter.len_utf8() > LINE_OCTETS {
                text.push_str("\r\n ");
                octets = 1;
            }
            text.push(letter);
            octets += letter.len_utf8();
        }
        text.push_str("\r\n");
    }
    text
}
