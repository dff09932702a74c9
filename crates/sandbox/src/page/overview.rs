//! The first page: the providers, who has an account there, and how to get in.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;

use super::desk;
use super::entry::{Face, Seat, User};
use super::frame::Page;
use super::html::Html;
use super::path;
use crate::oauth::Oauth;
use crate::world::World;

pub(super) fn page(world: &World, now: Timestamp) -> Response<Bytes> {
    let mut body = Html::new();
    body.raw("<h1>Calendars</h1><p class=\"lead\">One world that answers as Google, Microsoft 365 and a CalDAV server. What you do here is what its users would do at their own programs.</p><div class=\"faces\">");
    for face in Face::ALL {
        body.add(&section(world, face));
    }
    body.raw("</div>");
    if !world.feeds.is_empty() {
        body.raw("<section class=\"card\"><h2>Feeds</h2><ul class=\"plain\">");
        for path in world.feeds.keys() {
            let address = format!("{}{path}", world.origin);
            body.raw("<li><code>").text(&address).raw("</code></li>");
        }
        body.raw("</ul></section>");
    }
    Page {
        status: StatusCode::OK,
        title: "Calendars",
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

fn base(world: &World, face: Face) -> String {
    match face {
        Face::Google | Face::Microsoft => format!("{}/{}", world.origin, face.word()),
        Face::CalDav => format!("{}/", world.origin),
    }
}

fn section(world: &World, face: Face) -> Html {
    let mut piece = Html::new();
    let users = desk::users(world, face);
    piece
        .raw("<section class=\"card\"><h2>")
        .text(face.name())
        .raw("</h2><p class=\"base\"><span class=\"dim\">Address</span> <code>")
        .text(&base(world, face))
        .raw("</code></p>");
    if users.is_empty() {
        piece.raw("<p class=\"dim\">Nobody has an account here.</p>");
    }
    piece.raw("<ul class=\"people\">");
    for user in &users {
        piece
            .raw("<li>")
            .open("a", &[("href", &path::user(face, &user.id))])
            .raw("<strong>")
            .text(if user.name.is_empty() {
                &user.id
            } else {
                &user.name
            })
            .raw("</strong><span class=\"dim\">")
            .text(&user.id)
            .raw("</span></a></li>");
    }
    piece.raw("</ul><details><summary>How to sign in</summary>");
    match face {
        Face::Google => clients(&mut piece, &world.google.oauth),
        Face::Microsoft => clients(&mut piece, &world.microsoft.oauth),
        Face::CalDav => {
            piece.raw("<p>By user name and password (HTTP Basic). Programs that look for the calendars themselves need nothing but the address above.</p>");
        }
    }
    passwords(&mut piece, &users);
    piece.raw("</details></section>");
    piece
}

fn clients(piece: &mut Html, oauth: &Oauth) {
    piece.raw("<p>By OAuth 2.0: a client sends people to the consent page, where they choose one of these accounts.</p>");
    if oauth.clients.is_empty() {
        piece.raw("<p class=\"dim\">No client is registered.</p>");
        return;
    }
    piece.raw("<p>Clients:</p><ul class=\"plain\">");
    for client in oauth.clients.values() {
        piece
            .raw("<li><code>")
            .text(&client.id)
            .raw("</code> <span class=\"dim\">")
            .text(&client.name)
            .raw("</span></li>");
    }
    piece.raw("</ul>");
}

/// The passwords of people who do not exist: without them nobody could sign in.
fn passwords(piece: &mut Html, users: &[User]) {
    piece.raw("<dl class=\"pairs\">");
    for user in users {
        if let Some(password) = &user.password {
            piece
                .raw("<dt>")
                .text(&user.id)
                .raw("</dt><dd><code>")
                .text(password)
                .raw("</code></dd>");
        }
    }
    piece.raw("</dl>");
}

/// Somebody's calendars; none where there is no such user.
pub(super) fn user(
    world: &World,
    face: Face,
    user: &str,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    let users = desk::users(world, face);
    let known = users.iter().find(|known| known.id == user)?;
    let mut body = Html::new();
    let title = if known.name.is_empty() {
        &known.id
    } else {
        &known.name
    };
    body.raw("<h1>")
        .text(title)
        .raw("</h1><p class=\"dim\">")
        .text(&format!("{} at {}", known.id, face.name()))
        .raw("</p><ul class=\"cards\">");
    for calendar in desk::calendars(world, face, user) {
        let seat = Seat {
            face,
            user: user.to_owned(),
            calendar: calendar.id.clone(),
        };
        body.raw("<li class=\"card\"><h2>")
            .link(&path::calendar(&seat, &[]), &calendar.name)
            .raw("</h2>");
        if !calendar.note.is_empty() {
            body.raw("<p class=\"dim\">")
                .text(&calendar.note)
                .raw("</p>");
        }
        if !calendar.writable {
            body.raw("<p><span class=\"tag\">Read only</span></p>");
        }
        let agenda = path::calendar(&seat, &[("view", "agenda")]);
        body.raw("<p class=\"links\">")
            .link(&path::calendar(&seat, &[("view", "month")]), "Month")
            .raw(" ")
            .link(&agenda, "Agenda")
            .raw("</p></li>");
    }
    body.raw("</ul>");
    let page = Page {
        status: StatusCode::OK,
        title,
        trail: vec![("/".to_owned(), "Calendars".to_owned())],
        body,
        now,
    };
    Some(page.send())
}
