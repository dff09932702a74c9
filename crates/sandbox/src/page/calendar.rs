//! A calendar: by the month, or as a list of what comes.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::entry::{Answer, Entry, Part, Seat, Status, rules};
use super::frame::Page;
use super::html::Html;
use super::path::{self, Act};
use super::shown::Shown;
use super::{agenda, desk, month};
use crate::oauth::params::Params;
use crate::world::World;

/// How a calendar is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Month,
    Agenda,
}

/// What a page of a calendar has in common in both views.
pub(super) struct Look<'a> {
    pub(super) seat: &'a Seat,
    pub(super) writable: bool,
    pub(super) zone: TimeZone,
    pub(super) zone_name: String,
    /// The zone, where it was chosen: links carry it on.
    pub(super) chosen: Option<String>,
    pub(super) today: Date,
}

impl Look<'_> {
    /// The address of the same calendar, in the same zone.
    pub(super) fn to(&self, query: &[(&str, &str)]) -> String {
        let mut all = query.to_vec();
        all.extend(self.chosen.as_deref().map(|zone| ("zone", zone)));
        path::calendar(self.seat, &all)
    }
}

/// None where the user sees no such calendar.
pub(super) fn page(
    world: &World,
    seat: &Seat,
    query: &Params,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let calendar = desk::calendar(world, seat)?;
    let own = desk::zone(world, seat);
    let chosen = query.get("zone").filter(|name| rules(name).is_some());
    let zone_name = chosen.unwrap_or(&own).to_owned();
    let zone = rules(&zone_name).unwrap_or(TimeZone::UTC);
    let look = Look {
        seat,
        writable: calendar.writable,
        today: zone.to_datetime(now).date(),
        zone,
        zone_name,
        chosen: chosen.map(str::to_owned),
    };
    let view = match query.get("view") {
        Some("agenda") => View::Agenda,
        Some(_) | None => View::Month,
    };
    let mut body = Html::new();
    body.raw("<div class=\"head\"><h1>")
        .text(&calendar.name)
        .raw("</h1>");
    if look.writable {
        let new = path::act(seat, Act::New, &[]);
        body.open("a", &[("class", "button main"), ("href", &new)])
            .raw("New event</a>");
    } else {
        body.raw("<span class=\"tag\">Read only</span>");
    }
    body.raw("</div>").add(&switch(&look, view));
    match view {
        View::Month => {
            let first = query.get("month").and_then(first_of_month);
            let first = first.unwrap_or_else(|| look.today.first_of_month());
            let shown = month::shown(first, &look.zone);
            let entries = desk::entries(world, seat, &shown);
            body.add(&month::piece(&look, first, &shown, &entries));
        }
        View::Agenda => {
            let from = query.get("from").and_then(|day| day.parse().ok());
            let from = from.unwrap_or(look.today);
            let shown = Shown {
                zone: look.zone.clone(),
                first: from,
                until: from.saturating_add(agenda::DAYS.days()),
            };
            let entries = desk::entries(world, seat, &shown);
            body.add(&agenda::piece(&look, &shown, &entries));
        }
    }
    body.add(&zone_form(&look, view));
    let page = Page {
        status: StatusCode::OK,
        title: &calendar.name,
        trail: trail(seat, None),
        body,
        now,
    };
    Some(page.send())
}

/// The pages above one of a calendar, and the calendar itself by its name where the page is below it.
pub(super) fn trail(seat: &Seat, calendar: Option<&str>) -> Vec<(String, String)> {
    let mut trail = vec![
        ("/".to_owned(), "Calendars".to_owned()),
        (
            path::user(seat.face, &seat.user),
            format!("{} at {}", seat.user, seat.face.name()),
        ),
    ];
    trail.extend(calendar.map(|name| (path::calendar(seat, &[]), name.to_owned())));
    trail
}

fn first_of_month(text: &str) -> Option<Date> {
    format!("{text}-01").parse().ok()
}

fn switch(look: &Look<'_>, view: View) -> Html {
    let mut piece = Html::new();
    piece.raw("<nav class=\"switch\" aria-label=\"View\"><ul>");
    for (this, word, name) in [
        (View::Month, "month", "Month"),
        (View::Agenda, "agenda", "Agenda"),
    ] {
        let address = look.to(&[("view", word)]);
        piece.raw("<li>");
        if this == view {
            piece.open("a", &[("href", &address), ("aria-current", "page")]);
        } else {
            piece.open("a", &[("href", &address)]);
        }
        piece.text(name).raw("</a></li>");
    }
    piece.raw("</ul></nav>");
    piece
}

fn zone_form(look: &Look<'_>, view: View) -> Html {
    let mut piece = Html::new();
    let word = match view {
        View::Month => "month",
        View::Agenda => "agenda",
    };
    let action = path::calendar(look.seat, &[]);
    piece
        .open(
            "form",
            &[("class", "zone"), ("method", "get"), ("action", &action)],
        )
        .hidden("view", word)
        .raw("<label for=\"zone\">Times are shown in</label> ")
        .open(
            "input",
            &[
                ("id", "zone"),
                ("name", "zone"),
                ("value", &look.zone_name),
                ("list", "zones"),
                ("autocomplete", "off"),
                ("spellcheck", "false"),
            ],
        )
        .add(&zones())
        .raw("<button>Show</button></form>");
    piece
}

/// Zones to choose from. Any other can be written.
pub(super) fn zones() -> Html {
    const KNOWN: [&str; 16] = [
        "UTC",
        "Europe/London",
        "Europe/Berlin",
        "Europe/Athens",
        "Europe/Istanbul",
        "Africa/Johannesburg",
        "Asia/Dubai",
        "Asia/Kolkata",
        "Asia/Singapore",
        "Asia/Tokyo",
        "Australia/Sydney",
        "Pacific/Auckland",
        "America/Sao_Paulo",
        "America/New_York",
        "America/Chicago",
        "America/Los_Angeles",
    ];
    let mut piece = Html::new();
    piece.raw("<datalist id=\"zones\">");
    for zone in KNOWN {
        piece.open("option", &[("value", zone)]);
    }
    piece.raw("</datalist>");
    piece
}

/// What an entry is called where it has no title.
pub(super) fn title(entry: &Entry) -> &str {
    if entry.title.trim().is_empty() {
        "(no title)"
    } else {
        &entry.title
    }
}

/// How an entry looks: words of the stylesheet.
pub(super) fn class(entry: &Entry) -> &'static str {
    match (entry.status, entry.answer) {
        (Status::Cancelled, _) => "entry cancelled",
        (_, Some(Answer::Declined)) => "entry declined",
        (_, Some(Answer::Waiting)) => "entry waiting",
        (Status::Tentative, _) | (_, Some(Answer::Tentative)) => "entry tentative",
        (Status::Confirmed, Some(Answer::Accepted) | None) if entry.free => "entry free",
        (Status::Confirmed, Some(Answer::Accepted) | None) => "entry",
    }
}

/// What sets an entry apart, in words.
pub(super) fn marks(entry: &Entry) -> Vec<&'static str> {
    let mut marks = Vec::new();
    match entry.part {
        Part::Single => {}
        Part::Series | Part::Occurrence => marks.push("repeats"),
        Part::Exception => marks.push("repeats, this one differs"),
    }
    match entry.status {
        Status::Confirmed => {}
        Status::Tentative => marks.push("not certain"),
        Status::Cancelled => marks.push("cancelled"),
    }
    match entry.answer {
        None | Some(Answer::Accepted) => {}
        Some(Answer::Waiting) => marks.push("you have not answered"),
        Some(Answer::Tentative) => marks.push("you said perhaps"),
        Some(Answer::Declined) => marks.push("you declined"),
    }
    marks
}

/// The last part of a zone's name, where it is not the one that is shown.
pub(super) fn other_zone(entry: &Entry, look: &Look<'_>) -> Option<String> {
    let name = entry.when.zone.as_ref()?;
    let same = rules(name).is_some_and(|zone| zone == look.zone);
    (!same).then(|| name.trim_start_matches('/').replace('_', " "))
}
