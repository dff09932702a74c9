//! Edits of calendar objects such as another program of the user makes: some lines change, all others stay.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use kalends_calendar::ical::read_object;

use super::page::{Page, utc};
use crate::page::draft::{Changes, Repeat, Stretch};
use crate::page::entry::{Answer, Refused, instant, rules};
use crate::text::lines::{self, escaped};
use crate::text::moment::{Form, Moment};
use crate::world::Account;

/// What of an object is edited.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Which occurrence; none for the whole.
    pub(super) at: Option<DateTime>,
    /// When it is now, on the clock of its series.
    pub(super) start: DateTime,
    pub(super) end: DateTime,
    /// The mail address of the user.
    pub(super) owner: String,
}

/// A new object.
pub(super) fn created(
    uid: &str,
    account: &Account,
    changes: &Changes,
    now: Timestamp,
) -> Result<String, Refused> {
    let mut page = Page::of(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Kalends//Sandbox page//EN",
            "BEGIN:VEVENT",
            &format!("UID:{uid}"),
            &format!("DTSTAMP:{}", utc(now)),
            &format!("CREATED:{}", utc(now)),
            "SEQUENCE:0",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let owner = account.addresses.first().cloned().unwrap_or_default();
    let midnight = DateTime::ZERO;
    let target = Target {
        at: None,
        start: midnight,
        end: midnight,
        owner,
    };
    apply(&mut page, &target, changes)?;
    Ok(page.write())
}

/// The object with an edit of the whole, or of one occurrence.
pub(super) fn changed(
    text: &str,
    target: &Target,
    changes: &Changes,
    now: Timestamp,
) -> Result<String, Refused> {
    let mut page = Page::read(text);
    set_apart(&mut page, target);
    apply(&mut page, target, changes)?;
    page.touch(target.at, now);
    Ok(page.write())
}

/// The object until an occurrence, and another from it on; what was set apart from there on is lost.
pub(super) fn split(
    text: &str,
    target: &Target,
    changes: &Changes,
    uid: &str,
    now: Timestamp,
) -> Result<(Option<String>, String), Refused> {
    let cut = target.at.ok_or_else(Refused::not_found)?;
    let event = read_object(text).map_err(|error| Refused::form(error.to_string()))?;
    let first = event.event.master.start.local();
    let rule = event.event.recurrence_rules.first();
    let earlier = rule.map_or(0, |rule| {
        let starts = rule.starts(first, first).map_while(Result::ok);
        starts.take_while(|start| *start < cut).count()
    });
    let mut after = Page::read(text);
    after.keep_exceptions(|_| false);
    for name in ["EXDATE", "RDATE"] {
        after.set(None, name, Vec::new());
    }
    let (start, end) = (
        after.dated("DTSTART", target.start),
        after.dated("DTEND", target.end),
    );
    after.set(None, "DTSTART", vec![start]);
    after.set(None, "DURATION", Vec::new());
    after.set(None, "DTEND", vec![end]);
    after.set(None, "UID", vec![format!("UID:{uid}")]);
    after.set(None, "SEQUENCE", vec!["SEQUENCE:0".to_owned()]);
    after.rewrite(None, |line| without_count(line, earlier));
    let whole = Target {
        at: None,
        ..target.clone()
    };
    apply(&mut after, &whole, changes)?;
    if first >= cut {
        return Ok((None, after.write()));
    }
    let mut before = Page::read(text);
    let until = until(&before, cut);
    before.rewrite(None, |line| with_until(line, &until));
    before.keep_exceptions(|at| at < cut);
    for name in ["EXDATE", "RDATE"] {
        before.keep_dates(name, |at| at < cut);
    }
    before.touch(None, now);
    Ok((Some(before.write()), after.write()))
}

/// The object without an occurrence; none when nothing is left of it.
pub(super) fn without(
    text: &str,
    target: &Target,
    now: Timestamp,
) -> Result<Option<String>, Refused> {
    let at = target.at.ok_or_else(Refused::not_found)?;
    let mut page = Page::read(text);
    if page.has(Some(at)) {
        page.remove(Some(at));
    }
    if page.has_master() {
        let mut dates = page.all(None, "EXDATE");
        dates.push(page.dated("EXDATE", at));
        page.set(None, "EXDATE", dates);
        page.touch(None, now);
    }
    Ok((!page.is_empty()).then(|| page.write()))
}

/// The object with the user's answer.
pub(super) fn answered(
    text: &str,
    target: &Target,
    account: &Account,
    answer: Answer,
    now: Timestamp,
) -> Result<String, Refused> {
    let status = match answer {
        Answer::Waiting => "NEEDS-ACTION",
        Answer::Accepted => "ACCEPTED",
        Answer::Tentative => "TENTATIVE",
        Answer::Declined => "DECLINED",
    };
    let mut page = Page::read(text);
    set_apart(&mut page, target);
    let mut parts = vec![target.at];
    if target.at.is_none() {
        parts.extend(page.exceptions().into_iter().map(Some));
    }
    let mine = |line: &str| lines::is(line, "ATTENDEE") && account.is_me(lines::value(line));
    let invited =
        |part: &Option<DateTime>| page.all(*part, "ATTENDEE").iter().any(|line| mine(line));
    if !parts.iter().any(invited) {
        return Err(Refused::form("Only who is invited can answer."));
    }
    for part in parts {
        page.rewrite(part, |line| {
            mine(line).then(|| {
                let bare = lines::without_params(line, &["PARTSTAT", "RSVP"]);
                let (head, value) = (lines::head(&bare), lines::value(&bare));
                format!("{head};PARTSTAT={status}:{value}")
            })
        });
        let stamp = format!("DTSTAMP:{}", utc(now));
        page.set(part, "DTSTAMP", vec![stamp]);
    }
    Ok(page.write())
}

/// An occurrence that is about to differ gets a component of its own.
fn set_apart(page: &mut Page, target: &Target) {
    if let Some(at) = target.at
        && !page.has(target.at)
    {
        page.set_apart(at, target.start, target.end);
    }
}

fn apply(page: &mut Page, target: &Target, changes: &Changes) -> Result<(), Refused> {
    let at = target.at;
    for (name, value) in [
        ("SUMMARY", &changes.title),
        ("LOCATION", &changes.place),
        ("DESCRIPTION", &changes.text),
    ] {
        if let Some(value) = value {
            let line = (!value.is_empty()).then(|| format!("{name}:{}", escaped(value)));
            page.set(at, name, line.into_iter().collect());
        }
    }
    if let Some(time) = &changes.time {
        retime(page, target, time)?;
    }
    if let Some(guests) = &changes.guests {
        invite(page, target, guests);
    }
    if at.is_none() && changes.repeat != Repeat::Kept {
        // What was set apart from another rule has no place in the new one.
        page.keep_exceptions(|_| false);
        for name in ["RDATE", "EXDATE", "EXRULE"] {
            page.set(None, name, Vec::new());
        }
        let rule = changes.repeat.rule().map(|rule| format!("RRULE:{rule}"));
        page.set(None, "RRULE", rule.into_iter().collect());
    }
    Ok(())
}

/// Gives an event other times. The exceptions of a series go with it, as far on the clock as its start does.
fn retime(page: &mut Page, target: &Target, time: &Stretch) -> Result<(), Refused> {
    let at = target.at;
    let tzid = match &time.zone {
        Some(name) if !time.all_day && !is_utc(name) => Some(tzid(page, name)?),
        Some(_) | None => None,
    };
    let before = page
        .get(None, "DTSTART")
        .and_then(|line| Moment::read(lines::value(line)));
    let was_day = before.is_some_and(|before| before.form == Form::Date);
    let form = match (&time.zone, time.all_day) {
        (_, true) => Form::Date,
        (Some(name), false) if is_utc(name) => Form::Utc,
        (Some(_) | None, false) => Form::Local,
    };
    let line = |name: &str, at: DateTime| {
        let value = Moment { at, form }.write();
        match &tzid {
            Some(tzid) => format!("{name};TZID={tzid}:{value}"),
            None if time.all_day => format!("{name};VALUE=DATE:{value}"),
            None => format!("{name}:{value}"),
        }
    };
    if at.is_none()
        && let Some(before) = before
    {
        let moved = time.start.duration_since(before.at);
        let mut kept: Vec<DateTime> = page.exceptions();
        // The foremost goes first, so that none lands where another still is.
        kept.sort_unstable();
        if moved.is_positive() {
            kept.reverse();
        }
        if was_day == time.all_day && moved.is_positive() | moved.is_negative() {
            for exception in kept {
                let id = line("RECURRENCE-ID", exception.saturating_add(moved));
                page.set(Some(exception), "RECURRENCE-ID", vec![id]);
            }
        } else if was_day != time.all_day {
            page.keep_exceptions(|_| false);
        }
        // Dates that were left out are those of the old times.
        for name in ["EXDATE", "RDATE"] {
            let dates = page.dates(name);
            let moved = dates
                .into_iter()
                .map(|date| line(name, date.saturating_add(moved)));
            let moved: Vec<String> = if was_day == time.all_day {
                moved.collect()
            } else {
                Vec::new()
            };
            page.set(None, name, moved);
        }
    }
    page.set(at, "DTSTART", vec![line("DTSTART", time.start)]);
    page.set(at, "DURATION", Vec::new());
    page.set(at, "DTEND", vec![line("DTEND", time.end)]);
    if let Some(tzid) = &tzid {
        let rules = rules(tzid).unwrap_or(TimeZone::UTC);
        page.define(tzid, instant(&rules, time.start));
    }
    Ok(())
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC")
}

/// The name by which the object knows a zone already, or the zone's own.
fn tzid(page: &Page, name: &str) -> Result<String, Refused> {
    let own = page.zone();
    let bare = name.trim_start_matches('/');
    let same = own.filter(|own| {
        own == name || own == bare || rules(own).is_some_and(|own| rules(name) == Some(own))
    });
    if let Some(own) = same {
        return Ok(own);
    }
    let rules =
        rules(name).ok_or_else(|| Refused::form(format!("“{name}” is not a time zone.")))?;
    Ok(rules.iana_name().unwrap_or(name).to_owned())
}

/// Guests who stay keep their lines. With the first guest the user becomes the organizer.
fn invite(page: &mut Page, target: &Target, guests: &[String]) {
    let known = page.all(target.at, "ATTENDEE");
    let address = |line: &str| {
        let value = lines::value(line);
        let bare = value
            .get(..7)
            .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        bare.map_or(value, |_| &value[7..]).to_owned()
    };
    let invited = guests.iter().map(|guest| {
        let stays = known
            .iter()
            .find(|line| address(line).eq_ignore_ascii_case(guest));
        stays
            .cloned()
            .unwrap_or_else(|| format!("ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{guest}"))
    });
    let invited: Vec<String> = invited.collect();
    if invited.is_empty() {
        page.set(target.at, "ORGANIZER", Vec::new());
    } else if page.get(target.at, "ORGANIZER").is_none() {
        let organizer = format!("ORGANIZER:mailto:{}", target.owner);
        page.set(target.at, "ORGANIZER", vec![organizer]);
    }
    page.set(target.at, "ATTENDEE", invited);
}

/// The last moment before a cut, in the form that UNTIL must have (RFC 5545 §3.3.10).
fn until(page: &Page, cut: DateTime) -> String {
    let form = page
        .get(None, "DTSTART")
        .and_then(|line| Moment::read(lines::value(line)))
        .map_or(Form::Local, |start| start.form);
    let last = cut.saturating_sub(1.second());
    match (form, page.zone().as_deref().and_then(rules)) {
        (Form::Date, _) => {
            let day = last.date().to_datetime(Time::midnight());
            Moment { at: day, form }.write()
        }
        (Form::Local, Some(zone)) => utc(instant(&zone, last)),
        (Form::Local | Form::Utc, _) => Moment { at: last, form }.write(),
    }
}

fn parts(line: &str) -> Option<Vec<&str>> {
    lines::is(line, "RRULE").then(|| lines::value(line).split(';').collect())
}

fn is_part(part: &str, name: &str) -> bool {
    part.split('=')
        .next()
        .is_some_and(|key| key.eq_ignore_ascii_case(name))
}

/// A rule that ends before a cut.
fn with_until(line: &str, until: &str) -> Option<String> {
    let kept: Vec<&str> = parts(line)?
        .into_iter()
        .filter(|part| !is_part(part, "COUNT") && !is_part(part, "UNTIL"))
        .collect();
    Some(format!(
        "{}:{};UNTIL={until}",
        lines::head(line),
        kept.join(";")
    ))
}

/// A rule with as many instances less as are before a cut.
fn without_count(line: &str, earlier: usize) -> Option<String> {
    let parts: Vec<String> = parts(line)?
        .into_iter()
        .map(|part| match part.split_once('=') {
            Some((_, count)) if is_part(part, "COUNT") => {
                let left = count.parse::<usize>().unwrap_or(1).saturating_sub(earlier);
                format!("COUNT={}", left.max(1))
            }
            Some(_) | None => part.to_owned(),
        })
        .collect();
    Some(format!("{}:{}", lines::head(line), parts.join(";")))
}
