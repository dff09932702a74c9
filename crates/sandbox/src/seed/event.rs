//! One calendar object: an event or a series, with what programs and people put into it.

use jiff::civil::DateTime;
use jiff::{Span, ToSpan};

use super::rule::{self, Recurring};
use super::words;
use super::zone::Zone;
use crate::base64;
use crate::chance::Chance;
use crate::text::lines;

/// When nothing says otherwise, calendars are around this time.
const EPOCH: DateTime = DateTime::constant(2025, 1, 1, 0, 0, 0, 0);

/// Programs that write calendars.
const PROGRAMS: [&str; 4] = [
    "-//Apple Inc.//macOS 15.3//EN",
    "-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN",
    "-//Google Inc//Google Calendar 70.9054//EN",
    "DAVx5/4.5-ose ical4j/4.1.1",
];

/// What kind of times an event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Zoned(Zone),
    Utc,
    Floating,
    AllDay,
}

impl Kind {
    fn pick(chance: &mut Chance) -> Self {
        match chance.below(100) {
            0..65 => Self::Zoned(Zone::pick(chance)),
            65..75 => Self::Utc,
            75..80 => Self::Floating,
            _ => Self::AllDay,
        }
    }

    /// A property of this kind with these times.
    pub(super) fn property(self, name: &str, times: &[DateTime]) -> String {
        let parameter = match self {
            Self::Zoned(zone) => format!(";TZID={}", zone.id),
            Self::AllDay => ";VALUE=DATE".to_owned(),
            Self::Utc | Self::Floating => String::new(),
        };
        let values: Vec<String> = times.iter().map(|time| self.value(*time)).collect();
        format!("{name}{parameter}:{}", values.join(","))
    }

    fn value(self, time: DateTime) -> String {
        let form = match self {
            Self::Zoned(_) | Self::Floating => "%Y%m%dT%H%M%S",
            Self::Utc => "%Y%m%dT%H%M%SZ",
            Self::AllDay => "%Y%m%d",
        };
        time.strftime(form).to_string()
    }

    /// The value of an `UNTIL`: UTC where the start is zoned, else as the start (RFC 5545 §3.3.10).
    fn until(self, time: DateTime) -> String {
        match self {
            Self::Zoned(_) => Self::Utc.value(time),
            Self::Utc | Self::Floating | Self::AllDay => self.value(time),
        }
    }
}

/// One calendar object.
pub(super) fn object(chance: &mut Chance, uid: &str) -> String {
    let kind = Kind::pick(chance);
    let start = start(chance, kind);
    let stamp = EPOCH.saturating_add(chance.within(0..500_000).minutes());
    let mut series = chance.percent(35).then(|| rule::recurring(chance, start));
    let mut master = vec![
        format!("UID:{uid}"),
        format!("DTSTAMP:{}", Kind::Utc.value(stamp)),
    ];
    master.push(kind.property("DTSTART", &[start]));
    master.push(end(chance, kind, start));
    let mut overrides = Vec::new();
    if let Some(series) = &mut series {
        overrides = recurrence(chance, kind, start, series, &mut master);
    }
    let title = words::title(chance);
    master.push(format!("SUMMARY:{}", words::escaped(&title)));
    details(chance, &mut master);
    let people = people(chance);
    master.extend(people.iter().cloned());
    let mut all = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        format!("PRODID:{}", chance.pick(&PROGRAMS)),
        "CALSCALE:GREGORIAN".to_owned(),
    ];
    if let Kind::Zoned(zone) = kind {
        all.extend(zone.definition());
    }
    all.push("BEGIN:VEVENT".to_owned());
    all.extend(master);
    alarms(chance, kind, &mut all);
    all.push("END:VEVENT".to_owned());
    for instance in overrides {
        all.push("BEGIN:VEVENT".to_owned());
        all.extend([
            format!("UID:{uid}"),
            format!("DTSTAMP:{}", Kind::Utc.value(stamp)),
        ]);
        all.push(kind.property("RECURRENCE-ID", &[instance]));
        let moved = match kind {
            Kind::AllDay => instance.saturating_add(chance.within(0..2).days()),
            Kind::Zoned(_) | Kind::Utc | Kind::Floating => {
                instance.saturating_add((15 * chance.within(-4..8)).minutes())
            }
        };
        all.push(kind.property("DTSTART", &[moved]));
        all.push(end(chance, kind, moved));
        all.push(format!(
            "SUMMARY:{}",
            words::escaped(&format!("{title} (moved)"))
        ));
        all.extend(people.iter().cloned());
        all.push("END:VEVENT".to_owned());
    }
    all.push("END:VCALENDAR".to_owned());
    lines::fold(&all)
}

/// When it starts: mostly at quarters of an hour by day, within some years.
fn start(chance: &mut Chance, kind: Kind) -> DateTime {
    let day = EPOCH.saturating_add(chance.within(-700..700).days());
    match kind {
        Kind::AllDay => day,
        Kind::Zoned(_) | Kind::Utc | Kind::Floating => {
            day.saturating_add((15 * chance.within(24..88)).minutes())
        }
    }
}

/// `DTEND` or `DURATION`; now and then over midnight or several days.
fn end(chance: &mut Chance, kind: Kind, start: DateTime) -> String {
    let length: Span = match kind {
        Kind::AllDay => (if chance.percent(70) {
            1
        } else {
            chance.within(2..15)
        })
        .days(),
        _ if chance.percent(5) => chance.within(20..100).hours(),
        _ => (15 * chance.within(1..12)).minutes(),
    };
    match kind {
        Kind::AllDay if chance.percent(15) => format!("DURATION:P{}D", length.get_days()),
        Kind::Zoned(_) | Kind::Utc | Kind::Floating
            if length.get_hours() == 0 && chance.percent(15) =>
        {
            format!("DURATION:PT{}M", length.get_minutes())
        }
        _ => kind.property("DTEND", &[start.saturating_add(length)]),
    }
}

/// The rule, its end and its exceptions. Returns the instances that are changed.
fn recurrence(
    chance: &mut Chance,
    kind: Kind,
    start: DateTime,
    series: &Recurring,
    master: &mut Vec<String>,
) -> Vec<DateTime> {
    // Programs write the last instance's day; here it is some day well after the exceptions.
    let mut last = DateTime::MAX;
    let ending = match chance.below(3) {
        0 => String::new(),
        1 => format!(";COUNT={}", 8 + chance.below(60)),
        _ => {
            last = start.saturating_add(chance.within(90..900).days());
            format!(";UNTIL={}", kind.until(last))
        }
    };
    master.push(format!("RRULE:{}{ending}", series.rule));
    if kind == Kind::AllDay && chance.percent(10) || chance.percent(5) {
        master.push(kind.property(
            "RDATE",
            &[
                start.saturating_add(17.days()),
                start.saturating_add(45.days()),
            ],
        ));
    }
    // Steps 1 to 3 are deleted, 4 to 6 changed: never both.
    let known = |steps: i64| {
        series
            .instance(start, steps)
            .filter(|time| *time < last.saturating_sub(2.days()))
    };
    let deleted: Vec<DateTime> = (1..=3)
        .filter(|_| chance.percent(20))
        .filter_map(known)
        .collect();
    if deleted.len() > 1 && chance.percent(50) {
        master.push(kind.property("EXDATE", &deleted));
    } else {
        master.extend(deleted.iter().map(|time| kind.property("EXDATE", &[*time])));
    }
    (4..=6)
        .filter(|_| chance.percent(20))
        .filter_map(known)
        .collect()
}

/// Everything that may or may not be there.
fn details(chance: &mut Chance, master: &mut Vec<String>) {
    let mut sometimes = |percent: u64, line: &mut dyn FnMut(&mut Chance) -> String| {
        if chance.percent(percent) {
            let line = line(chance);
            master.push(line);
        }
    };
    sometimes(45, &mut |chance| {
        format!("DESCRIPTION:{}", words::escaped(&words::prose(chance)))
    });
    sometimes(40, &mut |chance| {
        format!("LOCATION:{}", words::escaped(words::place(chance)))
    });
    sometimes(50, &mut |chance| format!("SEQUENCE:{}", chance.below(5)));
    sometimes(40, &mut |chance| {
        format!(
            "STATUS:{}",
            chance.pick(&["CONFIRMED", "TENTATIVE", "CANCELLED"])
        )
    });
    sometimes(40, &mut |chance| {
        format!("TRANSP:{}", chance.pick(&["OPAQUE", "TRANSPARENT"]))
    });
    sometimes(10, &mut |chance| {
        format!(
            "CLASS:{}",
            chance.pick(&["PUBLIC", "PRIVATE", "CONFIDENTIAL"])
        )
    });
    sometimes(15, &mut |_| "CATEGORIES:Work,Über\\, wichtig".to_owned());
    sometimes(10, &mut |_| "URL:https://example.com/e?id=1;v=2".to_owned());
    sometimes(10, &mut |_| "COLOR:cornflowerblue".to_owned());
    sometimes(10, &mut |_| "GEO:52.51704;13.38792".to_owned());
    sometimes(8, &mut |_| "PRIORITY:5".to_owned());
    sometimes(20, &mut |_| {
        "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC".to_owned()
    });
    sometimes(10, &mut |_| "X-MICROSOFT-CDO-BUSYSTATUS:BUSY".to_owned());
    sometimes(10, &mut |_| {
        "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS=\"Main St 5\\nBerlin\";X-TITLE=\"Office: Berlin\":\
         geo:52.517,13.388"
            .to_owned()
    });
    sometimes(5, &mut |chance| {
        let length = 40 + chance.below(2000);
        let bytes: Vec<u8> = (0..length)
            .map(|_| chance.next().to_le_bytes()[0])
            .collect();
        format!(
            "ATTACH;FMTTYPE=image/png;ENCODING=BASE64;VALUE=BINARY:{}",
            base64::encode(&bytes)
        )
    });
    sometimes(5, &mut |_| {
        "ATTACH;FMTTYPE=application/pdf:https://example.com/agenda.pdf".to_owned()
    });
}

/// Organizer and attendees, whom no server is to mail about.
fn people(chance: &mut Chance) -> Vec<String> {
    if !chance.percent(12) {
        return Vec::new();
    }
    let agent = "SCHEDULE-AGENT=CLIENT";
    let mut lines = vec![format!(
        "ORGANIZER;CN=\"Oğuz, the organizer\";{agent}:mailto:organizer@example.org"
    )];
    for (name, address) in words::PEOPLE
        .iter()
        .take(1 + usize::try_from(chance.below(6)).unwrap_or(0))
    {
        let answer = chance.pick(&["NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE"]);
        let role = chance.pick(&["REQ-PARTICIPANT", "OPT-PARTICIPANT"]);
        lines.push(format!("ATTENDEE;CN=\"{name}\";PARTSTAT={answer};ROLE={role};RSVP=TRUE;{agent}:mailto:{address}"));
    }
    lines
}

fn alarms(chance: &mut Chance, kind: Kind, all: &mut Vec<String>) {
    for _ in 0..[0, 0, 1, 1, 2][usize::try_from(chance.below(5)).unwrap_or(0)] {
        let trigger = match (kind, chance.below(4)) {
            (Kind::AllDay, _) => "TRIGGER:-PT15H".to_owned(),
            (_, 0) => "TRIGGER;RELATED=END:PT5M".to_owned(),
            (_, 1) => "TRIGGER;VALUE=DATE-TIME:20250601T070000Z".to_owned(),
            _ => format!("TRIGGER:-PT{}M", 5 * chance.within(1..12)),
        };
        let identity = chance.next();
        all.extend([
            "BEGIN:VALARM".to_owned(),
            "ACTION:DISPLAY".to_owned(),
            "DESCRIPTION:Reminder".to_owned(),
            trigger,
            format!("X-WR-ALARMUID:{identity:016X}"),
            "END:VALARM".to_owned(),
        ]);
    }
}
