//! A month as a grid of weeks; on a narrow screen, its days one below the other.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::calendar::{Look, class, marks, other_zone, title};
use super::entry::{Entry, Part};
use super::html::Html;
use super::path::{self, Act};
use super::shown::Shown;

/// How many entries a day has room for; the others are a link away.
const DAY_MAX: usize = 6;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The whole weeks in which a month's days are, from Monday on.
pub(super) fn shown(first: Date, zone: &TimeZone) -> Shown {
    let before = i64::from(first.weekday().to_monday_zero_offset());
    let last = first.last_of_month();
    let after = i64::from(Weekday::Sunday.since(last.weekday()));
    Shown {
        zone: zone.clone(),
        first: first.saturating_sub(before.days()),
        until: last.saturating_add((after + 1).days()),
    }
}

/// The entries of each day of the grid, in order.
pub(super) fn by_day<'a>(shown: &Shown, entries: &'a [Entry]) -> Vec<(Date, Vec<&'a Entry>)> {
    shown
        .days()
        .map(|day| {
            let here = entries.iter();
            let here = here.filter(|entry| entry.when.touches(day, &shown.zone));
            (day, here.collect())
        })
        .collect()
}

pub(super) fn piece(look: &Look<'_>, first: Date, shown: &Shown, entries: &[Entry]) -> Html {
    let mut piece = Html::new();
    piece.add(&pager(look, first));
    piece.raw("<div class=\"weekdays\" aria-hidden=\"true\">");
    for day in WEEKDAYS {
        piece.raw("<span>").text(day).raw("</span>");
    }
    piece.raw("</div><ol class=\"month\">");
    for (day, here) in by_day(shown, entries) {
        piece.add(&cell(look, first, day, &here));
    }
    piece.raw("</ol>");
    if entries.is_empty() {
        piece.raw("<p class=\"dim none\">Nothing in these weeks.</p>");
    }
    piece
}

fn pager(look: &Look<'_>, first: Date) -> Html {
    let mut piece = Html::new();
    let month = |day: Date| day.strftime("%Y-%m").to_string();
    let to = |day: Date| look.to(&[("view", "month"), ("month", &month(day))]);
    let before = to(first.saturating_sub(1.month()));
    let after = to(first.saturating_add(1.month()));
    piece
        .raw("<div class=\"pager\"><h2>")
        .text(&first.strftime("%B %Y").to_string())
        .raw("</h2><nav aria-label=\"Months\"><ul><li>")
        .open(
            "a",
            &[
                ("href", &before),
                ("rel", "prev"),
                ("aria-label", "Month before"),
            ],
        )
        .raw("←</a></li><li>")
        .link(&look.to(&[("view", "month")]), "Today")
        .raw("</li><li>")
        .open(
            "a",
            &[
                ("href", &after),
                ("rel", "next"),
                ("aria-label", "Month after"),
            ],
        )
        .raw("→</a></li></ul></nav></div>");
    piece
}

fn cell(look: &Look<'_>, first: Date, day: Date, here: &[&Entry]) -> Html {
    let mut piece = Html::new();
    let mut classes = vec!["day"];
    if day.first_of_month() != first {
        classes.push("outside");
    }
    if day == look.today {
        classes.push("today");
    }
    if here.is_empty() {
        classes.push("empty");
    }
    piece
        .open("li", &[("class", &classes.join(" "))])
        .raw("<h3>")
        .open("time", &[("datetime", &day.to_string())])
        .raw("<span class=\"weekday\">")
        .text(&day.strftime("%A ").to_string())
        .raw("</span>")
        .text(&day.day().to_string())
        .raw("<span class=\"monthname\">")
        .text(&day.strftime(" %B").to_string())
        .raw("</span></time>");
    if day == look.today {
        piece.raw("<span class=\"hidden\"> (today)</span>");
    }
    piece.raw("</h3>");
    if look.writable {
        let new = path::act(look.seat, Act::New, &[("day", &day.to_string())]);
        let label = day.strftime("New event on %-d %B").to_string();
        piece
            .open(
                "a",
                &[("class", "add"), ("href", &new), ("aria-label", &label)],
            )
            .raw("+</a>");
    }
    if !here.is_empty() {
        piece.raw("<ul>");
        for entry in here.iter().take(DAY_MAX) {
            piece.raw("<li>").add(&chip(look, day, entry)).raw("</li>");
        }
        piece.raw("</ul>");
    }
    if here.len() > DAY_MAX {
        let more = format!("{} more", here.len() - DAY_MAX);
        let address = look.to(&[("view", "agenda"), ("from", &day.to_string())]);
        piece
            .raw("<p class=\"more\">")
            .link(&address, &more)
            .raw("</p>");
    }
    piece.raw("</li>");
    piece
}

fn chip(look: &Look<'_>, day: Date, entry: &Entry) -> Html {
    let mut piece = Html::new();
    let address = path::event(look.seat, &entry.key, &[]);
    let mut classes = class(entry).to_owned();
    if entry.when.all_day {
        classes.push_str(" whole");
    }
    piece.open("a", &[("class", &classes), ("href", &address)]);
    if !entry.when.all_day {
        let start = look.zone.to_datetime(entry.when.span.start);
        piece.raw("<span class=\"hour\">");
        if start.date() == day {
            piece.text(&start.strftime("%H:%M").to_string());
        } else {
            piece.raw("<span aria-hidden=\"true\">…</span><span class=\"hidden\">continues</span>");
        }
        piece.raw("</span> ");
    }
    piece
        .raw("<span class=\"what\" dir=\"auto\">")
        .text(title(entry))
        .raw("</span>");
    if entry.part != Part::Single {
        piece.raw("<span class=\"mark\" aria-hidden=\"true\">↻</span>");
    }
    let mut told = marks(entry).join(", ");
    if let Some(zone) = other_zone(entry, look) {
        told.push_str(if told.is_empty() { "in " } else { ", in " });
        told.push_str(&zone);
    }
    if !told.is_empty() {
        piece
            .raw("<span class=\"hidden\"> (")
            .text(&told)
            .raw(")</span>");
    }
    piece.raw("</a>");
    piece
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::page::entry::{Key, Status, When, rules};

    fn grid(month: &str, zone: &str) -> Shown {
        let first = month.parse().expect("a date");
        shown(first, &rules(zone).expect("a zone"))
    }

    fn entry(title: &str, when: When) -> Entry {
        Entry {
            key: Key::default(),
            title: title.to_owned(),
            when,
            part: Part::Single,
            status: Status::Confirmed,
            answer: None,
            free: false,
        }
    }

    fn timed(start: &str, end: &str) -> Entry {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        entry(start, When::times(at(start)..at(end), "UTC"))
    }

    fn days_of(shown: &Shown, entry: &Entry) -> Vec<String> {
        let entries = [entry.clone()];
        by_day(shown, &entries)
            .into_iter()
            .filter(|(_, here)| !here.is_empty())
            .map(|(day, _)| day.to_string())
            .collect()
    }

    #[test]
    fn a_month_is_whole_weeks_from_monday_on() {
        let table = [
            // A February of four whole weeks, and one that begins on a Sunday.
            ("2027-02-01", "2027-02-01", 28),
            ("2026-02-01", "2026-01-26", 35),
            ("2026-08-01", "2026-07-27", 42),
            ("2026-11-01", "2026-10-26", 42),
        ];
        for (month, first, days) in table {
            let grid = grid(month, "Europe/Berlin");
            assert_eq!(grid.first.to_string(), first, "{month}");
            assert_eq!(grid.days().count(), days, "{month}");
        }
    }

    #[test]
    fn days_are_those_of_the_zone_also_when_the_clock_changes() {
        let march = grid("2026-03-01", "Europe/Berlin");
        // The 29th has 23 hours: from 23:00 to 22:00 UTC.
        let table = [
            ("2026-03-28T22:59:00Z", "2026-03-28T23:00:00Z", "2026-03-28"),
            ("2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29"),
            ("2026-03-29T21:30:00Z", "2026-03-29T22:00:00Z", "2026-03-29"),
            ("2026-03-29T22:00:00Z", "2026-03-29T22:30:00Z", "2026-03-30"),
        ];
        for (start, end, day) in table {
            assert_eq!(days_of(&march, &timed(start, end)), [day], "{start}");
        }
        let october = grid("2026-10-01", "Europe/Berlin");
        // The 25th has 25 hours: 02:30 comes twice.
        for start in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
            let short = timed(start, "2026-10-25T02:00:00Z");
            assert_eq!(days_of(&october, &short), ["2026-10-25"]);
        }
        let night = timed("2026-10-25T22:30:00Z", "2026-10-25T23:30:00Z");
        assert_eq!(days_of(&october, &night), ["2026-10-25", "2026-10-26"]);
    }

    #[test]
    fn what_lasts_longer_stands_on_each_of_its_days_and_ends_before_midnight() {
        let november = grid("2026-11-01", "America/New_York");
        let zone = november.zone.clone();
        let day = |text: &str| text.parse::<Date>().expect("a date");
        let leave = entry(
            "leave",
            When::days(day("2026-11-29"), day("2026-12-02"), &zone),
        );
        assert_eq!(
            days_of(&november, &leave),
            ["2026-11-29", "2026-11-30", "2026-12-01"],
            "into the next month, the last day exclusive"
        );
        // From 20:00 to midnight in New York.
        let evening = timed("2026-11-10T01:00:00Z", "2026-11-10T05:00:00Z");
        assert_eq!(days_of(&november, &evening), ["2026-11-09"]);
        let moment = timed("2026-11-10T05:00:00Z", "2026-11-10T05:00:00Z");
        assert_eq!(days_of(&november, &moment), ["2026-11-10"]);
    }
}
