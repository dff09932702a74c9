//! The form in which an event is made or changed.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use jiff::ToSpan as _;

use super::calendar::{trail, zones};
use super::draft::{Draft, Frequency, Repeat};
use super::entry::{Calendar, Face, Refused, Seat, Sheet};
use super::event::{mail_box, named};
use super::frame::{Page, alert};
use super::html::Html;
use super::path::{self, Act};

/// What the form is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    New,
    /// The event as it is, or the whole series.
    Edit(&'a Sheet),
    /// An occurrence and all that follow.
    Following(&'a Sheet),
}

/// A form in the making.
pub(super) struct Shown<'a> {
    pub(super) seat: &'a Seat,
    pub(super) calendar: &'a Calendar,
    pub(super) purpose: Purpose<'a>,
    pub(super) draft: &'a Draft,
    /// What was wrong with it.
    pub(super) refused: Option<&'a Refused>,
}

pub(super) fn page(shown: &Shown<'_>, now: Timestamp) -> Response<Bytes> {
    let Shown {
        seat,
        calendar,
        purpose,
        draft,
        refused,
    } = shown;
    let (heading, act) = match purpose {
        Purpose::New => ("New event", Act::New),
        Purpose::Edit(sheet) if sheet.series.is_some() => ("Edit this occurrence", Act::Edit),
        Purpose::Edit(sheet) if sheet.rule.is_some() => ("Edit the series", Act::Edit),
        Purpose::Edit(_) => ("Edit event", Act::Edit),
        Purpose::Following(_) => ("Edit this and following", Act::Edit),
    };
    let mut body = Html::new();
    body.raw("<h1>").raw(heading).raw("</h1>");
    if let Some(refused) = refused {
        body.add(&alert(&refused.told));
    }
    let action = path::act(seat, act, &[]);
    body.open(
        "form",
        &[("class", "event"), ("method", "post"), ("action", &action)],
    );
    match purpose {
        Purpose::New => {}
        Purpose::Edit(sheet) => {
            body.add(&named(&sheet.entry.key))
                .hidden("version", &sheet.version);
        }
        Purpose::Following(sheet) => {
            body.add(&named(&sheet.entry.key))
                .hidden("version", &sheet.version)
                .hidden("following", "1");
        }
    }
    body.field(("title", "Title"), "text", &draft.title);
    body.add(&times(seat.face, draft));
    body.add(&repeats(*purpose, draft));
    body.field(("place", "Where"), "text", &draft.place);
    body.add(&guests(seat.face, draft));
    body.raw("<p class=\"field\"><label for=\"text\">Description</label><textarea id=\"text\" name=\"text\" rows=\"5\">\n")
        .text(&draft.text)
        .raw("</textarea></p><p class=\"acts\"><button class=\"main\">Save</button>");
    let back = match purpose {
        Purpose::New => path::calendar(seat, &[]),
        Purpose::Edit(sheet) | Purpose::Following(sheet) => {
            path::event(seat, &sheet.entry.key, &[])
        }
    };
    body.open("a", &[("class", "button"), ("href", &back)])
        .raw("Cancel</a></p></form>");
    Page {
        status: refused.map_or(StatusCode::OK, |refused| refused.status),
        title: heading,
        trail: trail(seat, Some(&calendar.name)),
        body,
        now,
    }
    .send()
}

fn times(face: Face, draft: &Draft) -> Html {
    let mut piece = Html::new();
    let time = &draft.time;
    let clock = |at: jiff::civil::DateTime| at.strftime("%H:%M").to_string();
    // People say the last day, providers the day after it.
    let last = if time.all_day {
        time.end.date().saturating_sub(1.day())
    } else {
        time.end.date()
    };
    let checked = if time.all_day { " checked" } else { "" };
    piece
        .raw("<fieldset class=\"times\"><legend>When</legend><label class=\"check\"><input type=\"checkbox\" name=\"all_day\" value=\"1\"")
        .raw(checked)
        .raw("> All day</label><div class=\"pair\">");
    piece.field(("start", "From"), "date", &time.start.date().to_string());
    piece.field(("start_time", "at"), "time", &clock(time.start));
    piece.raw("</div><div class=\"pair\">");
    piece.field(("end", "To"), "date", &last.to_string());
    piece.field(("end_time", "at"), "time", &clock(time.end));
    piece.raw("</div>");
    let zone = time.zone.as_deref().unwrap_or_default();
    let without = match face {
        Face::Google | Face::Microsoft => "Without one, the calendar’s own.",
        Face::CalDav => "Without one, this time on every clock.",
    };
    piece
        .raw("<p class=\"field\"><label for=\"zone\">Time zone</label>")
        .open(
            "input",
            &[
                ("id", "zone"),
                ("name", "zone"),
                ("value", zone),
                ("list", "zones"),
                ("autocomplete", "off"),
                ("spellcheck", "false"),
                ("aria-describedby", "zone-hint"),
            ],
        )
        .add(&zones())
        .raw("<small id=\"zone-hint\">")
        .raw(without)
        .raw(" Whole days have none.</small></p></fieldset>");
    piece
}

fn repeats(purpose: Purpose<'_>, draft: &Draft) -> Html {
    let mut piece = Html::new();
    let known = match purpose {
        Purpose::New => None,
        // One occurrence repeats no more often than once.
        Purpose::Edit(sheet) if sheet.series.is_some() => return piece,
        Purpose::Edit(sheet) => sheet.rule.as_deref(),
        Purpose::Following(_) => Some("as the series does"),
    };
    let chosen = match draft.repeat {
        Repeat::Kept => "kept",
        Repeat::Never => "never",
        Repeat::Every(frequency, _) => frequency.word(),
    };
    let option = |piece: &mut Html, word: &'static str, told: &str| {
        let mut attributes = vec![("value", word)];
        if word == chosen {
            attributes.push(("selected", "selected"));
        }
        piece
            .open("option", &attributes)
            .text(told)
            .raw("</option>");
    };
    piece.raw("<fieldset class=\"repeats\"><legend>Repeats</legend><div class=\"pair\"><p class=\"field\"><label for=\"repeat\">How often</label><select id=\"repeat\" name=\"repeat\">");
    if let Some(rule) = known {
        option(&mut piece, "kept", &format!("As it is: {rule}"));
    }
    option(&mut piece, "never", "Not at all");
    for frequency in Frequency::ALL {
        option(&mut piece, frequency.word(), frequency.told());
    }
    piece.raw("</select></p>");
    let times = match draft.repeat {
        Repeat::Every(_, Some(times)) => times.to_string(),
        Repeat::Every(_, None) | Repeat::Kept | Repeat::Never => String::new(),
    };
    piece
        .raw("<p class=\"field\"><label for=\"times\">How many times</label>")
        .open(
            "input",
            &[
                ("id", "times"),
                ("name", "times"),
                ("type", "number"),
                ("min", "1"),
                ("value", &times),
                ("placeholder", "for ever"),
            ],
        )
        .raw("</p></div></fieldset>");
    piece
}

fn guests(face: Face, draft: &Draft) -> Html {
    let mut piece = Html::new();
    let hint = match face {
        Face::Google => "Mail addresses, one a line. Google asks whether to mail them.",
        Face::Microsoft => "Mail addresses, one a line. Microsoft mails them whatever is changed.",
        Face::CalDav => "Mail addresses, one a line. Whether they are mailed is the server’s way.",
    };
    piece
        .raw("<p class=\"field\"><label for=\"guests\">Guests</label><textarea id=\"guests\" name=\"guests\" rows=\"3\" autocomplete=\"off\" spellcheck=\"false\" aria-describedby=\"guests-hint\">\n")
        .text(&draft.guests.join("\n"))
        .raw("</textarea><small id=\"guests-hint\">")
        .raw(hint)
        .raw("</small></p>");
    if face == Face::Google {
        piece.add(&mail_box());
    }
    piece
}
