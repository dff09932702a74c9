//! An event: everything there is to know of it, and what can be done with it.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::calendar::{title, trail};
use super::desk;
use super::entry::{Answer, Calendar, Face, Key, Part, Refused, Seat, Sheet, Status, rules};
use super::frame::{Page, alert};
use super::html::Html;
use super::path::{self, Act};
use crate::world::World;

/// An event's page in the making.
pub(super) struct Shown<'a> {
    pub(super) seat: &'a Seat,
    pub(super) calendar: &'a Calendar,
    pub(super) sheet: &'a Sheet,
    /// What was just done.
    pub(super) said: Option<&'static str>,
    /// What could not be done.
    pub(super) refused: Option<&'a Refused>,
}

pub(super) fn page(world: &World, shown: &Shown<'_>, now: Timestamp) -> Response<Bytes> {
    let Shown {
        seat,
        calendar,
        sheet,
        said,
        refused,
    } = shown;
    let entry = &sheet.entry;
    let mut body = Html::new();
    if let Some(said) = said {
        body.raw("<p class=\"said\" role=\"status\">")
            .text(said)
            .raw("</p>");
    }
    if let Some(refused) = refused {
        body.add(&alert(&refused.told));
    }
    let heading = match entry.status {
        Status::Cancelled => "<h1 class=\"struck\" dir=\"auto\">",
        Status::Confirmed | Status::Tentative => "<h1 dir=\"auto\">",
    };
    body.raw(heading).text(title(entry)).raw("</h1>");
    body.add(&facts(world, seat, sheet));
    if !sheet.text.trim().is_empty() {
        body.raw("<h2 class=\"hidden\">Description</h2><div class=\"prose\">")
            .text(&sheet.text)
            .raw("</div>");
    }
    body.add(&guests(sheet));
    if let Some(answer) = entry.answer
        && calendar.writable
    {
        body.add(&answers(seat, entry.part, &entry.key, answer));
    }
    if calendar.writable {
        body.add(&acts(world, seat, sheet));
    }
    let kind = match seat.face {
        Face::Google => "As Google shows it to this user",
        Face::Microsoft => "As Microsoft keeps it",
        Face::CalDav => "The object as it is stored",
    };
    body.raw("<section><h2>")
        .text(kind)
        .raw("</h2><pre class=\"raw\" tabindex=\"0\"><code>")
        .text(&sheet.raw)
        .raw("</code></pre></section>");
    Page {
        status: refused.map_or(StatusCode::OK, |refused| refused.status),
        title: title(entry),
        trail: trail(seat, Some(&calendar.name)),
        body,
        now,
    }
    .send()
}

fn facts(world: &World, seat: &Seat, sheet: &Sheet) -> Html {
    let mut piece = Html::new();
    let entry = &sheet.entry;
    piece.raw("<dl class=\"facts\">");
    let mut fact = |name: &'static str, value: &str| {
        piece
            .raw("<dt>")
            .raw(name)
            .raw("</dt><dd>")
            .text(value)
            .raw("</dd>");
    };
    fact("When", &when(sheet));
    let own = desk::zone(world, seat);
    if let Some(here) = elsewhere(sheet, &own) {
        fact("On this calendar", &here);
    }
    if !sheet.place.is_empty() {
        fact("Where", &sheet.place);
    }
    if let Some(rule) = &sheet.rule {
        fact("Repeats", rule);
    }
    match entry.status {
        Status::Confirmed => {}
        Status::Tentative => fact("Status", "Not certain"),
        Status::Cancelled => fact("Status", "Cancelled"),
    }
    if entry.free {
        fact("Shown as", "Free");
    }
    if let Some(organizer) = &sheet.organizer {
        fact("Organizer", organizer);
    }
    match entry.part {
        Part::Single | Part::Series => {}
        Part::Occurrence => fact("Part of a series", "As the series has it"),
        Part::Exception => fact("Part of a series", "Differs from it"),
    }
    if let Some(series) = &sheet.series {
        piece
            .raw("<dt class=\"hidden\">Series</dt><dd>")
            .link(&path::event(seat, series, &[]), "The whole series")
            .raw("</dd>");
    }
    piece.raw("</dl>");
    piece
}

/// When, on the clock of the event.
fn when(sheet: &Sheet) -> String {
    let when = &sheet.entry.when;
    if when.all_day {
        let last = when.end.date().yesterday().unwrap_or(when.end.date());
        let day = |day: jiff::civil::Date| day.strftime("%A, %-d %B %Y").to_string();
        return if last <= when.start.date() {
            format!("{}, all day", day(when.start.date()))
        } else {
            format!("{} to {}, all day", day(when.start.date()), day(last))
        };
    }
    let zone = match &when.zone {
        Some(zone) => zone.trim_start_matches('/').replace('_', " "),
        None => "on every clock".to_owned(),
    };
    format!("{} ({zone})", stretch(when.start, when.end))
}

fn stretch(start: DateTime, end: DateTime) -> String {
    let full = |at: DateTime| at.strftime("%A, %-d %B %Y, %H:%M").to_string();
    if start.date() == end.date() {
        format!("{} – {}", full(start), end.strftime("%H:%M"))
    } else {
        format!("{} – {}", full(start), full(end))
    }
}

/// When, on the calendar's own clock, where that is another.
fn elsewhere(sheet: &Sheet, own: &str) -> Option<String> {
    let when = &sheet.entry.when;
    let name = when.zone.as_ref()?;
    let zone = rules(own).unwrap_or(TimeZone::UTC);
    if rules(name).is_some_and(|said| said == zone) {
        return None;
    }
    let (start, end) = (
        zone.to_datetime(when.span.start),
        zone.to_datetime(when.span.end),
    );
    Some(format!(
        "{} ({})",
        stretch(start, end),
        own.replace('_', " ")
    ))
}

fn guests(sheet: &Sheet) -> Html {
    let mut piece = Html::new();
    if sheet.guests.is_empty() {
        return piece;
    }
    piece.raw("<section><h2>Guests</h2><ul class=\"guests\">");
    for guest in &sheet.guests {
        piece.raw("<li><span>").text(if guest.name.is_empty() {
            &guest.address
        } else {
            &guest.name
        });
        if !guest.name.is_empty() && guest.name != guest.address {
            piece
                .raw(" <span class=\"dim\">")
                .text(&guest.address)
                .raw("</span>");
        }
        piece
            .raw("</span> ")
            .open(
                "span",
                &[("class", &format!("tag {}", guest.answer.word()))],
            )
            .text(guest.answer.told())
            .raw("</span></li>");
    }
    piece.raw("</ul></section>");
    piece
}

fn answers(seat: &Seat, part: Part, key: &Key, now: Answer) -> Html {
    let mut piece = Html::new();
    let told = match part {
        Part::Single => "Your answer",
        Part::Series => "Your answer, for the whole series",
        Part::Occurrence | Part::Exception => "Your answer, for this occurrence",
    };
    let action = path::act(seat, Act::Answer, &[]);
    piece
        .open(
            "form",
            &[("class", "acts"), ("method", "post"), ("action", &action)],
        )
        .add(&named(key))
        .raw("<fieldset><legend>")
        .raw(told)
        .raw("</legend>");
    for answer in Answer::GIVEN {
        let word = match answer {
            Answer::Accepted => "Accept",
            Answer::Tentative => "Perhaps",
            Answer::Declined | Answer::Waiting => "Decline",
        };
        let pressed = if answer == now { "true" } else { "false" };
        piece
            .open(
                "button",
                &[
                    ("name", "answer"),
                    ("value", answer.word()),
                    ("aria-pressed", pressed),
                ],
            )
            .raw(word)
            .raw("</button>");
    }
    piece.raw("</fieldset></form>");
    piece
}

/// What of a form says which event it is about.
pub(super) fn named(key: &Key) -> Html {
    let mut piece = Html::new();
    piece.hidden("id", &key.id);
    if let Some(at) = key.at {
        piece.hidden("at", &at.to_string());
    }
    piece
}

fn acts(world: &World, seat: &Seat, sheet: &Sheet) -> Html {
    let mut piece = Html::new();
    let key = &sheet.entry.key;
    let edit = |query: &[(&str, &str)]| path::about(seat, Act::Edit, key, query);
    piece.raw("<section><h2 class=\"hidden\">What can be done</h2><ul class=\"buttons\">");
    let mut button = |address: &str, told: &'static str| {
        piece
            .raw("<li>")
            .open("a", &[("class", "button"), ("href", address)])
            .raw(told)
            .raw("</a></li>");
    };
    match sheet.entry.part {
        Part::Single => button(&edit(&[]), "Edit"),
        Part::Series => button(&edit(&[]), "Edit the series"),
        Part::Occurrence | Part::Exception => {
            button(&edit(&[]), "Edit this one");
            button(&edit(&[("following", "1")]), "Edit this and following");
            if let Some(series) = &sheet.series {
                button(
                    &path::about(seat, Act::Edit, series, &[]),
                    "Edit the series",
                );
            }
        }
    }
    piece.raw("</ul>");
    let whole = matches!(sheet.entry.part, Part::Single | Part::Series);
    if whole {
        piece.add(&moving(world, seat, key));
    }
    piece.add(&deleting(seat, sheet)).raw("</section>");
    piece
}

fn moving(world: &World, seat: &Seat, key: &Key) -> Html {
    let mut piece = Html::new();
    let mut others = desk::calendars(world, seat.face, &seat.user);
    others.retain(|calendar| calendar.writable && calendar.id != seat.calendar);
    if others.is_empty() {
        return piece;
    }
    let action = path::act(seat, Act::Move, &[]);
    piece
        .open(
            "form",
            &[("class", "row"), ("method", "post"), ("action", &action)],
        )
        .add(&named(key))
        .raw("<label for=\"to\">Move to</label><select id=\"to\" name=\"to\">");
    for calendar in &others {
        piece
            .open("option", &[("value", &calendar.id)])
            .text(&calendar.name)
            .raw("</option>");
    }
    piece.raw("</select><button>Move</button></form>");
    piece
}

/// Nothing is deleted by one press: the button is inside.
fn deleting(seat: &Seat, sheet: &Sheet) -> Html {
    let mut piece = Html::new();
    let told = match sheet.entry.part {
        Part::Single => "Delete",
        Part::Series => "Delete the series",
        Part::Occurrence | Part::Exception => "Delete this one",
    };
    let action = path::act(seat, Act::Delete, &[]);
    piece
        .raw("<details class=\"delete\"><summary>")
        .raw(told)
        .raw("…</summary>")
        .open("form", &[("method", "post"), ("action", &action)])
        .add(&named(&sheet.entry.key));
    if seat.face == Face::Google && !sheet.guests.is_empty() {
        piece.add(&mail_box());
    }
    piece
        .raw("<button class=\"bad\">")
        .raw(told)
        .raw(" now</button></form></details>");
    piece
}

/// Google's question.
pub(super) fn mail_box() -> Html {
    let mut piece = Html::new();
    piece.raw("<label class=\"check\"><input type=\"checkbox\" name=\"mail\" value=\"1\" checked> Mail the guests</label>");
    piece
}
