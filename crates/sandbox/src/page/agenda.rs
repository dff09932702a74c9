//! What comes, day by day.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::calendar::{Look, class, marks, other_zone, title};
use super::entry::Entry;
use super::html::Html;
use super::month::by_day;
use super::path;
use super::shown::Shown;

/// How many days a page has: six weeks, as the longest month has.
pub(super) const DAYS: i64 = 42;

/// More lines than anybody reads on one page.
const LINES_MAX: usize = 500;

pub(super) fn piece(look: &Look<'_>, shown: &Shown, entries: &[Entry]) -> Html {
    let mut piece = Html::new();
    piece.add(&pager(look, shown));
    let mut lines = 0;
    piece.raw("<ol class=\"agenda\">");
    for (day, here) in by_day(shown, entries) {
        if here.is_empty() || lines >= LINES_MAX {
            continue;
        }
        lines += here.len();
        let classes = if day == look.today { "today" } else { "" };
        piece
            .open("li", &[("class", classes)])
            .raw("<h3>")
            .open("time", &[("datetime", &day.to_string())])
            .text(&day.strftime("%A, %-d %B").to_string())
            .raw("</time>");
        if day == look.today {
            piece.raw(" <span class=\"tag\">Today</span>");
        }
        piece.raw("</h3><ul>");
        for entry in here {
            piece.raw("<li>").add(&line(look, day, entry)).raw("</li>");
        }
        piece.raw("</ul></li>");
    }
    piece.raw("</ol>");
    if lines == 0 {
        piece.raw("<p class=\"dim none\">Nothing in these six weeks.</p>");
    }
    if lines >= LINES_MAX {
        piece.raw(
            "<p class=\"dim\">There is more than one page can show: go on from a later day.</p>",
        );
    }
    piece
}

fn pager(look: &Look<'_>, shown: &Shown) -> Html {
    let mut piece = Html::new();
    let to = |day: Date| look.to(&[("view", "agenda"), ("from", &day.to_string())]);
    let last = shown.until.saturating_sub(1.day());
    let words = format!(
        "{} – {}",
        shown.first.strftime("%-d %b"),
        last.strftime("%-d %b %Y")
    );
    let (before, after) = (to(shown.first.saturating_sub(DAYS.days())), to(shown.until));
    piece
        .raw("<div class=\"pager\"><h2>")
        .text(&words)
        .raw("</h2><nav aria-label=\"Weeks\"><ul><li>")
        .open(
            "a",
            &[
                ("href", &before),
                ("rel", "prev"),
                ("aria-label", "Six weeks before"),
            ],
        )
        .raw("←</a></li><li>")
        .link(&look.to(&[("view", "agenda")]), "Today")
        .raw("</li><li>")
        .open(
            "a",
            &[
                ("href", &after),
                ("rel", "next"),
                ("aria-label", "Six weeks after"),
            ],
        )
        .raw("→</a></li></ul></nav></div>");
    piece
}

fn line(look: &Look<'_>, day: Date, entry: &Entry) -> Html {
    let mut piece = Html::new();
    let address = path::event(look.seat, &entry.key, &[]);
    piece
        .open("a", &[("class", class(entry)), ("href", &address)])
        .raw("<span class=\"hours\">")
        .text(&hours(look, day, entry))
        .raw("</span> <span class=\"what\" dir=\"auto\">")
        .text(title(entry))
        .raw("</span>");
    let mut told: Vec<String> = marks(entry).into_iter().map(str::to_owned).collect();
    told.extend(other_zone(entry, look).map(|zone| format!("in {zone}")));
    if !told.is_empty() {
        piece
            .raw(" <span class=\"dim\">")
            .text(&told.join(" · "))
            .raw("</span>");
    }
    piece.raw("</a>");
    piece
}

/// What of an entry is on a day.
fn hours(look: &Look<'_>, day: Date, entry: &Entry) -> String {
    if entry.when.all_day {
        return "All day".to_owned();
    }
    let start = look.zone.to_datetime(entry.when.span.start);
    let end = look.zone.to_datetime(entry.when.span.end);
    let clock = |at: jiff::civil::DateTime| at.strftime("%H:%M").to_string();
    match (start.date() == day, end.date() == day) {
        (true, true) => format!("{} – {}", clock(start), clock(end)),
        (true, false) => format!("from {}", clock(start)),
        (false, true) => format!("until {}", clock(end)),
        (false, false) => "All day".to_owned(),
    }
}
