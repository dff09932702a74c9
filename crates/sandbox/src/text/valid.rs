//! What a server may store: the rules for calendar object resources (RFC 4791 §4.1) and their iCalendar (RFC 5545 §3.6).

use super::lines::{self, Component};

/// Why a text may not be stored; each is a precondition of RFC 4791 §5.3.2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// `CALDAV:valid-calendar-data`: not iCalendar.
    Data(&'static str),
    /// `CALDAV:valid-calendar-object-resource`: iCalendar, but not one object.
    Resource(&'static str),
}

/// A text that may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Valid {
    /// The one UID in it.
    pub(crate) uid: String,
    /// `VEVENT`, `VTODO` or `VJOURNAL`.
    pub(crate) component: String,
}

/// Checks `text` as a server that knows its RFCs does.
pub(crate) fn check(text: &str) -> Result<Valid, Invalid> {
    let lines = lines::unfold(text);
    if !lines.iter().all(|line| is_content_line(line)) {
        return Err(Invalid::Data("a line is not NAME:VALUE"));
    }
    let components =
        lines::components(&lines).ok_or(Invalid::Data("BEGIN and END do not match"))?;
    let roots: Vec<&Component> = components
        .iter()
        .filter(|component| component.depth == 0)
        .collect();
    let [root] = roots[..] else {
        return Err(Invalid::Data("not exactly one VCALENDAR"));
    };
    if root.name != "VCALENDAR" {
        return Err(Invalid::Data("does not begin with VCALENDAR"));
    }
    if lines::property(&lines, root, "VERSION").map(lines::value) != Some("2.0") {
        return Err(Invalid::Data("VERSION is not 2.0"));
    }
    if lines::property(&lines, root, "PRODID").is_none() {
        return Err(Invalid::Data("PRODID is missing"));
    }
    if lines::property(&lines, root, "METHOD").is_some() {
        return Err(Invalid::Resource("METHOD must not be stored"));
    }
    let parts: Vec<&Component> = components
        .iter()
        .filter(|component| component.depth == 1 && component.name != "VTIMEZONE")
        .collect();
    let first = parts
        .first()
        .ok_or(Invalid::Resource("there is no component but time zones"))?;
    if parts.iter().any(|part| part.name != first.name) {
        return Err(Invalid::Resource("more than one type of component"));
    }
    let mut uid: Option<&str> = None;
    let mut recurrence_ids = Vec::new();
    for part in &parts {
        check_part(&lines, part)?;
        let own = lines::property(&lines, part, "UID")
            .map(lines::value)
            .unwrap_or_default();
        if *uid.get_or_insert(own) != own {
            return Err(Invalid::Resource("more than one UID"));
        }
        let id = lines::property(&lines, part, "RECURRENCE-ID").map(lines::value);
        if recurrence_ids.contains(&id) {
            return Err(Invalid::Resource("two components for one instance"));
        }
        recurrence_ids.push(id);
    }
    check_zones(&lines, &components)?;
    Ok(Valid {
        uid: uid.unwrap_or_default().to_owned(),
        component: first.name.clone(),
    })
}

fn is_content_line(line: &str) -> bool {
    let name = lines::name(line);
    !name.is_empty()
        && lines::head(line).len() < line.len()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !line
            .chars()
            .any(|letter| letter.is_ascii_control() && letter != '\t')
}

/// One event, task or journal entry.
fn check_part(lines: &[String], part: &Component) -> Result<(), Invalid> {
    let own: Vec<&str> = lines::own_lines(lines, part)
        .into_iter()
        .map(|index| lines[index].as_str())
        .collect();
    let count = |property: &str| own.iter().filter(|line| lines::is(line, property)).count();
    for once in ["UID", "DTSTAMP"] {
        if count(once) != 1 {
            return Err(Invalid::Data("UID and DTSTAMP must stand exactly once"));
        }
    }
    if part.name == "VEVENT" && count("DTSTART") != 1 {
        return Err(Invalid::Data("DTSTART must stand exactly once"));
    }
    for at_most_once in [
        "DTEND",
        "DURATION",
        "SUMMARY",
        "DESCRIPTION",
        "LOCATION",
        "SEQUENCE",
        "RECURRENCE-ID",
    ] {
        if count(at_most_once) > 1 {
            return Err(Invalid::Data("a property stands twice that may stand once"));
        }
    }
    if count("DTEND") > 0 && count("DURATION") > 0 {
        return Err(Invalid::Data("DTEND and DURATION exclude each other"));
    }
    for line in own.iter().filter(|line| lines::is(line, "RRULE")) {
        let parts = || {
            lines::value(line)
                .split(';')
                .filter_map(|part| part.split_once('='))
        };
        if !parts().any(|(key, _)| key.eq_ignore_ascii_case("FREQ")) {
            return Err(Invalid::Data("RRULE without FREQ"));
        }
        let ends = parts().filter(|(key, _)| {
            ["COUNT", "UNTIL"]
                .iter()
                .any(|end| key.eq_ignore_ascii_case(end))
        });
        if ends.count() > 1 {
            return Err(Invalid::Data("COUNT and UNTIL exclude each other"));
        }
    }
    own.iter()
        .filter(|line| {
            ["DTSTART", "DTEND", "RECURRENCE-ID"]
                .iter()
                .any(|time| lines::is(line, time))
        })
        .try_for_each(|line| {
            let form = if lines::param(line, "VALUE") == Some("DATE") {
                is_date
            } else {
                is_date_time
            };
            if form(lines::value(line)) {
                Ok(())
            } else {
                Err(Invalid::Data("a time is not in its value type's form"))
            }
        })
}

/// Every `TZID` that is used must have its `VTIMEZONE` (RFC 5545 §3.2.19), unless it begins with a slash.
fn check_zones(lines: &[String], components: &[Component]) -> Result<(), Invalid> {
    let defined: Vec<&str> = components
        .iter()
        .filter(|component| component.name == "VTIMEZONE")
        .filter_map(|zone| lines::property(lines, zone, "TZID"))
        .map(lines::value)
        .collect();
    let used = lines
        .iter()
        .filter(|line| !lines::is(line, "TZID"))
        .filter_map(|line| lines::param(line, "TZID"));
    for zone in used {
        if !zone.starts_with('/') && !defined.contains(&zone) {
            return Err(Invalid::Data("a TZID has no VTIMEZONE"));
        }
    }
    Ok(())
}

fn is_date(value: &str) -> bool {
    value.len() == 8 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date_time(value: &str) -> bool {
    let value = value.strip_suffix('Z').unwrap_or(value);
    value.split_once('T').is_some_and(|(date, time)| {
        is_date(date) && time.len() == 6 && time.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n\
                        DTSTART:20260101T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    #[test]
    fn one_event_is_fine() {
        assert_eq!(
            check(GOOD),
            Ok(Valid {
                uid: "1".to_owned(),
                component: "VEVENT".to_owned()
            })
        );
    }

    #[test]
    fn letters_beyond_ascii_are_no_controls() {
        let odd = "UID:1\r\nSUMMARY:\u{85}\u{9f} \u{20ac}";
        assert!(check(&GOOD.replace("UID:1", odd)).is_ok());
        assert!(check(&GOOD.replace("UID:1", "UID:1\r\nSUMMARY:\u{7}")).is_err());
    }

    #[test]
    fn what_may_not_be_stored() {
        let data =
            |from: &str, to: &str| matches!(check(&GOOD.replace(from, to)), Err(Invalid::Data(_)));
        let resource = |from: &str, to: &str| {
            matches!(check(&GOOD.replace(from, to)), Err(Invalid::Resource(_)))
        };
        assert!(data("END:VEVENT\r\n", ""));
        assert!(data("UID:1\r\n", ""));
        assert!(data("DTSTART:20260101T100000Z", "DTSTART:2026-01-01"));
        assert!(data("DTSTART:", "DTSTART;TZID=Europe/Berlin:"));
        assert!(data(
            "UID:1",
            "UID:1\r\nDTEND:20260101T110000Z\r\nDURATION:PT1H"
        ));
        assert!(data(
            "UID:1",
            "UID:1\r\nRRULE:FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z"
        ));
        assert!(data("UID:1", "UID:1\r\nno colon here"));
        assert!(resource("PRODID:x", "PRODID:x\r\nMETHOD:REQUEST"));
        assert!(resource(
            "END:VEVENT\r\n",
            "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\nEND:VEVENT\r\n"
        ));
    }
}
