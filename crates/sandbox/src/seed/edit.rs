//! Edits such as another program makes: some lines changed, everything else left alone.

use jiff::ToSpan;

use super::words;
use crate::chance::Chance;
use crate::text::lines::{self, Component};
use crate::text::moment::{Form, Moment};

/// Changes one thing of a calendar object, as its user would in another program: title, text, place, time, status, an
/// alarm, or one instance of a series. The UID stays, and the result may be stored where the original could.
///
/// A text without a `VEVENT` comes back as it is.
pub fn edit(seed: u64, text: &str) -> String {
    let mut chance = Chance::new(seed);
    let mut page = lines::unfold(text);
    let Some(event) = master(&page) else {
        return text.to_owned();
    };
    let done = match chance.below(10) {
        0 | 1 => false,
        2 => describe(&mut chance, &mut page, &event),
        3 => relocate(&mut chance, &mut page, &event),
        4 | 5 => shift(&mut chance, &mut page),
        6 => skip_instance(&mut chance, &mut page, &event),
        7 => change_instance(&mut chance, &mut page, &event),
        8 => add_alarm(&mut chance, &mut page, &event),
        _ => set_status(&mut chance, &mut page, &event),
    };
    // A new title is always possible, and a number makes it new.
    if !done {
        let title = format!("{} ~{}", words::title(&mut chance), chance.below(100_000));
        set(&mut page, &event, "SUMMARY", &words::escaped(&title));
    }
    touch(&mut page);
    lines::fold(&page)
}

/// The series' master, or the first event when there is none.
fn master(page: &[String]) -> Option<Component> {
    let events: Vec<Component> = lines::components(page)?
        .into_iter()
        .filter(|part| part.name == "VEVENT")
        .collect();
    let master = events
        .iter()
        .find(|event| lines::property(page, event, "RECURRENCE-ID").is_none());
    master.or(events.first()).cloned()
}

/// Gives a property of the event a value; parameters, which belonged to the old one, go.
fn set(page: &mut Vec<String>, event: &Component, name: &str, value: &str) {
    let line = format!("{name}:{value}");
    let own = lines::own_lines(page, event);
    match own.into_iter().find(|index| lines::is(&page[*index], name)) {
        Some(index) => page[index] = line,
        None => page.insert(event.begin + 1, line),
    }
}

fn describe(chance: &mut Chance, page: &mut Vec<String>, event: &Component) -> bool {
    let text = format!("{} ({})", words::prose(chance), chance.below(100_000));
    set(page, event, "DESCRIPTION", &words::escaped(&text));
    true
}

fn relocate(chance: &mut Chance, page: &mut Vec<String>, event: &Component) -> bool {
    let place = format!("{}, door {}", words::place(chance), chance.below(100_000));
    set(page, event, "LOCATION", &words::escaped(&place));
    true
}

fn set_status(chance: &mut Chance, page: &mut Vec<String>, event: &Component) -> bool {
    let old = lines::property(page, event, "STATUS").map(|line| lines::value(line).to_owned());
    let others: Vec<&str> = ["CONFIRMED", "TENTATIVE", "CANCELLED"]
        .into_iter()
        .filter(|status| old.as_deref() != Some(status))
        .collect();
    let status = *chance.pick(&others);
    set(page, event, "STATUS", status);
    true
}

/// Moves a single event by days or quarters of an hour. Not a series, whose exceptions would lose their instances.
fn shift(chance: &mut Chance, page: &mut [String]) -> bool {
    let recurs = |line: &String| {
        ["RRULE", "RDATE", "RECURRENCE-ID"]
            .iter()
            .any(|name| lines::is(line, name))
    };
    let Some(event) = master(page) else {
        return false;
    };
    let own = lines::own_lines(page, &event);
    if own.iter().any(|index| recurs(&page[*index])) {
        return false;
    }
    let span = if chance.percent(50) {
        chance.within(1..30).days()
    } else {
        (15 * chance.within(1..16)).minutes()
    };
    let mut moved = false;
    for index in own {
        let line = &page[index];
        if !lines::is(line, "DTSTART") && !lines::is(line, "DTEND") {
            continue;
        }
        let Some(time) = Moment::read(lines::value(line)) else {
            return false;
        };
        // A date moves by whole days.
        let span = if time.form == Form::Date {
            span.get_days().max(1).days()
        } else {
            span
        };
        page[index] = format!(
            "{}:{}",
            lines::head(line),
            Moment {
                at: time.at.saturating_add(span),
                ..time
            }
            .write()
        );
        moved = true;
    }
    moved
}

/// Deletes one known instance of a series.
fn skip_instance(chance: &mut Chance, page: &mut Vec<String>, event: &Component) -> bool {
    let Some((head, moment)) = free_instance(chance, page, event) else {
        return false;
    };
    page.insert(event.end, format!("EXDATE{head}:{}", moment.write()));
    true
}

/// Changes one known instance of a series: another title, an hour later.
fn change_instance(chance: &mut Chance, page: &mut Vec<String>, event: &Component) -> bool {
    let Some((head, moment)) = free_instance(chance, page, event) else {
        return false;
    };
    let Some(uid) = lines::property(page, event, "UID").map(str::to_owned) else {
        return false;
    };
    let later = match moment.form {
        Form::Date => 1.day(),
        Form::Local | Form::Utc => 1.hour(),
    };
    let title = format!(
        "{} (this time) ~{}",
        words::title(chance),
        chance.below(100_000)
    );
    let mut block = vec![
        "BEGIN:VEVENT".to_owned(),
        uid,
        "DTSTAMP:20250101T000000Z".to_owned(),
    ];
    block.push(format!("RECURRENCE-ID{head}:{}", moment.write()));
    block.push(format!(
        "DTSTART{head}:{}",
        Moment {
            at: moment.at.saturating_add(later),
            ..moment
        }
        .write()
    ));
    block.push(if moment.form == Form::Date {
        "DURATION:P1D".to_owned()
    } else {
        "DURATION:PT45M".to_owned()
    });
    block.push(format!("SUMMARY:{}", words::escaped(&title)));
    block.push("END:VEVENT".to_owned());
    let after = event.end + 1;
    page.splice(after..after, block);
    true
}

/// A future instance of a daily or weekly series that is neither deleted nor changed, with the parameters of its start.
fn free_instance(
    chance: &mut Chance,
    page: &[String],
    event: &Component,
) -> Option<(String, Moment)> {
    let rule = lines::value(lines::property(page, event, "RRULE")?).to_ascii_uppercase();
    let part = |key: &str| {
        rule.split(';')
            .find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
    };
    let plain = rule.split(';').all(|part| {
        ["FREQ=", "INTERVAL=", "COUNT=", "UNTIL=", "WKST="]
            .iter()
            .any(|known| part.starts_with(known))
            || (part.starts_with("BYDAY=") && !part.contains(',') && rule.contains("FREQ=WEEKLY"))
    });
    let interval: i64 = part("INTERVAL").map_or(Some(1), |number| number.parse().ok())?;
    let step = match part("FREQ")? {
        "DAILY" if plain => interval.days(),
        "WEEKLY" if plain => interval.weeks(),
        _ => return None,
    };
    let start = lines::property(page, event, "DTSTART")?;
    let head = lines::head(start)["DTSTART".len()..].to_owned();
    let first = Moment::read(lines::value(start))?;
    let taken: Vec<&str> = page
        .iter()
        .filter(|line| lines::is(line, "EXDATE") || lines::is(line, "RECURRENCE-ID"))
        .flat_map(|line| lines::value(line).split(','))
        .collect();
    let count: i64 = part("COUNT").map_or(Some(i64::MAX), |number| number.parse().ok())?;
    let from = chance.within(1..8);
    (0..7).map(|turn| 1 + (from + turn) % 7).find_map(|steps| {
        let at = first.at.checked_add(step.checked_mul(steps).ok()?).ok()?;
        let moment = Moment { at, ..first };
        let until = part("UNTIL").and_then(Moment::read);
        // Two days' slack for an UNTIL in UTC.
        if until.is_some_and(|until| at > until.at.saturating_sub(2.days())) {
            return None;
        }
        (steps < count && !taken.contains(&moment.write().as_str()))
            .then_some((head.clone(), moment))
    })
}

fn add_alarm(chance: &mut Chance, page: &mut Vec<String>, event: &Component) -> bool {
    let alarm = [
        "BEGIN:VALARM".to_owned(),
        "ACTION:DISPLAY".to_owned(),
        "DESCRIPTION:Reminder".to_owned(),
        format!("TRIGGER:-PT{}M", 1 + chance.below(10_000)),
        "END:VALARM".to_owned(),
    ];
    page.splice(event.end..event.end, alarm);
    true
}

/// Counts the revision of the master up and dates it, as programs do.
fn touch(page: &mut Vec<String>) {
    let Some(event) = master(page) else { return };
    let number = lines::property(page, &event, "SEQUENCE")
        .and_then(|line| lines::value(line).parse::<u32>().ok());
    set(
        page,
        &event,
        "SEQUENCE",
        &number.map_or(1, |number| number + 1).to_string(),
    );
}
