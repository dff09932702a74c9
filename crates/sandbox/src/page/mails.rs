//! Whom the providers would have mailed, and why; and what programs sent through people's mailboxes.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;

use super::entry::{Face, Key, Seat};
use super::frame::Page;
use super::html::Html;
use super::path;
use crate::google;
use crate::world::{MailKind, World};

/// More mails than anybody reads on one page: the newest are shown.
const SHOWN_MAX: usize = 300;

/// A mail as a line.
struct Line {
    at: Timestamp,
    face: &'static str,
    kind: &'static str,
    from: String,
    to: Vec<String>,
    /// What it is about, and where that is to be seen.
    about: String,
    link: Option<String>,
    why: String,
}

pub(super) fn page(world: &World, now: Timestamp) -> Response<Bytes> {
    let mut lines = google(world);
    lines.extend(microsoft(world));
    lines.extend(caldav(world));
    lines.extend(sent(world));
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    let mut body = Html::new();
    body.raw("<h1>Mails</h1><p class=\"lead\">Nothing leaves this world: these are the mails that the providers would have sent, and why.</p>");
    if lines.is_empty() {
        body.raw("<p class=\"dim none\">Nobody would have been mailed so far.</p>");
    } else {
        body.raw("<div class=\"scroll\" role=\"region\" aria-label=\"Mails\" tabindex=\"0\"><table class=\"log\"><thead><tr><th scope=\"col\">When</th><th scope=\"col\">By</th><th scope=\"col\">What</th><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\">About</th><th scope=\"col\">Why</th></tr></thead><tbody>");
        for line in lines.iter().take(SHOWN_MAX) {
            body.add(&row(line));
        }
        body.raw("</tbody></table></div>");
    }
    if lines.len() > SHOWN_MAX {
        body.raw("<p class=\"dim\">Older ones are not shown.</p>");
    }
    Page {
        status: StatusCode::OK,
        title: "Mails",
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

fn row(line: &Line) -> Html {
    let mut piece = Html::new();
    let at = line.at.strftime("%d %b %H:%M:%S").to_string();
    piece
        .raw("<tr><td><time>")
        .text(&at)
        .raw("</time></td><td>")
        .text(line.face)
        .raw("</td><td><span class=\"tag\">")
        .text(line.kind)
        .raw("</span></td><td data-label=\"From\">")
        .text(&line.from)
        .raw("</td><td data-label=\"To\">")
        .text(&line.to.join(", "))
        .raw("</td><td data-label=\"About\">");
    match &line.link {
        Some(link) => piece.link(link, &line.about),
        None => piece.text(&line.about),
    };
    piece
        .raw("</td><td data-label=\"Why\">")
        .text(&line.why)
        .raw("</td></tr>");
    piece
}

fn google(world: &World) -> Vec<Line> {
    let mails = world.google.mails.iter();
    mails
        .map(|mail| {
            let event = mail.event.as_deref();
            let seen = event.and_then(|id| {
                let title = world.google.event(&mail.calendar, id)?["summary"].clone();
                Some((id, title.as_str().unwrap_or("(no title)").to_owned()))
            });
            Line {
                at: mail.at,
                face: Face::Google.name(),
                kind: match mail.kind {
                    google::MailKind::Invitation => "Invitation",
                    google::MailKind::Update => "Update",
                    google::MailKind::Cancellation => "Cancellation",
                    google::MailKind::Answer => "Answer",
                    google::MailKind::Sharing => "Sharing",
                },
                from: mail.from.clone(),
                to: vec![mail.to.clone()],
                link: seen.as_ref().map(|(id, _)| {
                    let seat = Seat {
                        face: Face::Google,
                        user: mail.from.clone(),
                        calendar: mail.calendar.clone(),
                    };
                    let key = Key {
                        id: (*id).to_owned(),
                        at: None,
                    };
                    path::event(&seat, &key, &[])
                }),
                about: seen.map_or_else(
                    || event.unwrap_or(&mail.calendar).to_owned(),
                    |(_, title)| title,
                ),
                why: format!("{}; {}", mail.why, asked(mail.send_updates)),
            }
        })
        .collect()
}

/// What the request said about mails.
fn asked(updates: google::SendUpdates) -> &'static str {
    match updates {
        google::SendUpdates::Unsaid => "the request did not say",
        google::SendUpdates::All => "the request said: all",
        google::SendUpdates::ExternalOnly => "the request said: external only",
        google::SendUpdates::None => "the request said: none",
    }
}

fn kind(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Invitation => "Invitation",
        MailKind::Update => "Update",
        MailKind::Cancellation => "Cancellation",
        MailKind::Reply => "Answer",
    }
}

fn microsoft(world: &World) -> Vec<Line> {
    let mails = world.microsoft.mails.iter();
    mails
        .map(|mail| Line {
            at: mail.at,
            face: Face::Microsoft.name(),
            kind: kind(mail.kind),
            from: mail.from.clone(),
            to: mail.to.clone(),
            about: mail.subject.clone(),
            link: None,
            why: mail.why.to_owned(),
        })
        .collect()
}

fn caldav(world: &World) -> Vec<Line> {
    let mails = world.mails.iter();
    mails
        .map(|mail| {
            let seat = Seat {
                face: Face::CalDav,
                user: mail.place.user.clone(),
                calendar: mail.place.collection.clone(),
            };
            let collection = world.collection(&mail.place).ok();
            let there = collection.is_some_and(|all| all.objects().contains_key(&mail.name));
            let key = Key {
                id: mail.name.clone(),
                at: None,
            };
            Line {
                at: mail.at,
                face: Face::CalDav.name(),
                kind: kind(mail.kind),
                from: mail.place.user.clone(),
                to: mail.to.clone(),
                about: mail.name.clone(),
                link: there.then(|| path::event(&seat, &key, &[])),
                why: mail.why.to_owned(),
            }
        })
        .collect()
}

/// Mails that a program sent through somebody's mailbox.
fn sent(world: &World) -> Vec<Line> {
    let mails = world.outbox.iter();
    mails
        .map(|mail| Line {
            at: mail.at,
            face: "Mailbox",
            kind: "Mail",
            from: mail.from.clone(),
            to: mail.to.clone(),
            about: mail.subject.clone(),
            link: None,
            why: "a program sent it".to_owned(),
        })
        .collect()
}
