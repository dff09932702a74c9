//! What a server makes of a text before it stores it, and the tag it gives to scheduling objects.

use jiff::Timestamp;

use crate::digest;
use crate::quirks::Storage;
use crate::text::lines::{self, Component};

/// Where a server that folds differently breaks its lines; any number below 75 will do.
const ODD_LINE_OCTETS: usize = 60;

/// Properties and parameters whose change makes no organizer or attendee act (RFC 6638 §3.2.10).
const INCONSEQUENTIAL: [&str; 4] = ["DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE"];

/// The text as the server stores it.
pub(crate) fn as_stored(text: &str, storage: Storage, now: Timestamp) -> String {
    if storage == Storage::Verbatim {
        return text.to_owned();
    }
    let mut lines = lines::unfold(text);
    match storage {
        Storage::Verbatim | Storage::Refolded => {}
        Storage::FreshStamps => freshen_stamps(&mut lines, now),
        Storage::Annotated => annotate(&mut lines, now),
        Storage::Rewritten => {
            freshen_stamps(&mut lines, now);
            annotate(&mut lines, now);
            sort_properties(&mut lines);
        }
    }
    lines.iter().fold(String::new(), |mut text, line| {
        lines::fold_line(&mut text, line, ODD_LINE_OCTETS);
        text
    })
}

/// `now` as a UTC time of RFC 5545.
pub(crate) fn utc(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn events(lines: &[String]) -> Vec<Component> {
    let all = lines::components(lines).unwrap_or_default();
    all.into_iter()
        .filter(|component| component.depth == 1 && component.name != "VTIMEZONE")
        .collect()
}

fn freshen_stamps(lines: &mut Vec<String>, now: Timestamp) {
    for event in events(lines).into_iter().rev() {
        let mut own = lines::own_lines(lines, &event);
        own.retain(|index| {
            ["DTSTAMP", "LAST-MODIFIED"]
                .iter()
                .any(|stamp| lines::is(&lines[*index], stamp))
        });
        for index in own.into_iter().rev() {
            lines.remove(index);
        }
        lines.insert(event.begin + 1, format!("DTSTAMP:{}", utc(now)));
        lines.insert(event.begin + 2, format!("LAST-MODIFIED:{}", utc(now)));
    }
}

fn annotate(lines: &mut Vec<String>, now: Timestamp) {
    for event in events(lines).into_iter().rev() {
        if lines::property(lines, &event, "X-SANDBOX-SERVER").is_none() {
            lines.insert(
                event.end,
                "X-SANDBOX-SERVER;X-KIND=note:stored here\\, and annotated".to_owned(),
            );
        }
        if lines::property(lines, &event, "CREATED").is_none() {
            lines.insert(event.end, format!("CREATED:{}", utc(now)));
        }
    }
}

/// Each component's own properties in alphabetical order, before the components in it.
fn sort_properties(lines: &mut [String]) {
    for event in events(lines) {
        let own = lines::own_lines(lines, &event);
        let mut sorted: Vec<String> = own.iter().map(|index| lines[*index].clone()).collect();
        sorted.sort_by_key(|line| lines::name(line).to_ascii_uppercase());
        for (index, line) in own.into_iter().zip(sorted) {
            lines[index] = line;
        }
    }
}

/// The Schedule-Tag of a scheduling object; none when it is not one. It follows from what matters to the others alone,
/// so that an attendee's answer does not change it.
pub(crate) fn schedule_tag(text: &str) -> Option<String> {
    let lines = lines::unfold(text);
    let has = |property: &str| lines.iter().any(|line| lines::is(line, property));
    if !has("ORGANIZER") || !has("ATTENDEE") {
        return None;
    }
    Some(digest::short(&[consequential(&lines)
        .join("\n")
        .as_bytes()]))
}

/// The lines whose change matters to organizer and attendees, sorted.
pub(crate) fn consequential(lines: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    for event in events(lines) {
        for index in lines::own_lines(lines, &event) {
            let line = &lines[index];
            let name = lines::name(line).to_ascii_uppercase();
            if name.starts_with("X-") || INCONSEQUENTIAL.contains(&name.as_str()) {
                continue;
            }
            kept.push(if name == "ATTENDEE" || name == "ORGANIZER" {
                lines::without_params(
                    line,
                    &["PARTSTAT", "RSVP", "SCHEDULE-STATUS", "SCHEDULE-AGENT"],
                )
            } else {
                line.clone()
            });
        }
    }
    kept.sort();
    kept
}
