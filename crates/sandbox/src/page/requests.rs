//! What the world is asked, as it happens: a page, and JSON from which the page's script goes on.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::frame::{self, Page};
use super::html::Html;
use super::path;
use crate::oauth::params::Params;
use crate::world::{RequestRecord, World};

/// How many requests a page shows, and how many one answer to the script has at most.
const SHOWN_MAX: usize = 200;

/// How much of a body is shown: an event, or the head of a listing.
const BODY_CHARS_MAX: usize = 4000;

/// Parameters whose values let somebody in.
const SECRETS: [&str; 10] = [
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "id_token_hint",
    "password",
    "refresh_token",
    "token",
];

pub(super) fn page(world: &World, now: Timestamp) -> Response<Bytes> {
    let mut body = Html::new();
    let last = world
        .numbered_requests()
        .next_back()
        .map_or(0, |(number, _)| number);
    body.raw("<div class=\"head\"><h1>Requests</h1><p class=\"live\"><span id=\"live\" role=\"status\">Load the page again to see more.</span> <button type=\"button\" id=\"pause\" hidden>Pause</button></p></div>")
        .raw("<p class=\"lead\">What the faces are asked, the newest first. Secrets are left out.</p>")
        .raw("<div class=\"scroll\" role=\"region\" aria-label=\"Requests\" tabindex=\"0\">")
        .open(
            "table",
            &[
                ("class", "log"),
                ("id", "requests"),
                ("data-last", &last.to_string()),
                ("data-source", &path::to("requests.json")),
            ],
        )
        .raw("<thead><tr><th scope=\"col\">When</th><th scope=\"col\">By</th><th scope=\"col\">Who</th><th scope=\"col\">Request</th><th scope=\"col\">Answer</th></tr></thead><tbody>");
    for (number, record) in world.numbered_requests().rev().take(SHOWN_MAX) {
        body.add(&row(&shown(world, number, record)));
    }
    body.raw("</tbody></table></div>");
    if last == 0 {
        body.raw("<p class=\"dim none\" id=\"none\">Nothing was asked so far.</p>");
    }
    Page {
        status: StatusCode::OK,
        title: "Requests",
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

/// The requests after the one that the query names by `since`, the oldest first.
pub(super) fn log(world: &World, query: &Params) -> Response<Bytes> {
    let since = query.get("since").and_then(|number| number.parse().ok());
    let since: u64 = since.unwrap_or(0);
    let last = world
        .numbered_requests()
        .next_back()
        .map_or(0, |(number, _)| number);
    // A world that began anew counts anew.
    let since = if since > last { 0 } else { since };
    let newer: Vec<(u64, &RequestRecord)> = world
        .numbered_requests()
        .rev()
        .take_while(|(number, _)| *number > since)
        .take(SHOWN_MAX)
        .collect();
    let lines: Vec<Value> = newer
        .into_iter()
        .rev()
        .map(|(number, record)| shown(world, number, record))
        .collect();
    frame::json(&json!({ "last": last, "requests": lines }))
}

/// A request as both the page and the script show it.
fn shown(world: &World, number: u64, record: &RequestRecord) -> Value {
    let headers: Vec<String> = record
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    json!({
        "number": number,
        "at": record.at.strftime("%H:%M:%S%.3f").to_string(),
        "face": face(world, &record.path),
        "user": record.user.as_deref().unwrap_or_default(),
        "method": record.method.as_str(),
        "path": quiet_path(&record.path),
        "status": record.status,
        "fault": record.fault.map(|fault| format!("{fault:?}")),
        "headers": headers.join("\n"),
        "body": body(record),
    })
}

fn face(world: &World, path: &str) -> &'static str {
    let bare = path.split('?').next().unwrap_or(path);
    if bare.starts_with(crate::google::PREFIX) {
        "Google"
    } else if bare.starts_with(crate::microsoft::PREFIX) {
        "Microsoft"
    } else if bare.starts_with(crate::ics::PREFIX) || world.feeds.contains_key(bare) {
        "Feed"
    } else {
        "CalDAV"
    }
}

fn quiet_path(path: &str) -> String {
    match path.split_once('?') {
        Some((path, query)) => format!("{path}?{}", quiet(query)),
        None => path.to_owned(),
    }
}

/// A form or query without what lets somebody in.
fn quiet(pairs: &str) -> String {
    let quiet: Vec<String> = pairs
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if SECRETS.contains(&name) => format!("{name}=…"),
            Some(_) | None => pair.to_owned(),
        })
        .collect();
    quiet.join("&")
}

fn body(record: &RequestRecord) -> String {
    let text = String::from_utf8_lossy(&record.body);
    let is_form = record.headers.iter().any(|(name, value)| {
        name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
    });
    let text = if is_form {
        quiet(&text)
    } else {
        text.into_owned()
    };
    match text.char_indices().nth(BODY_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn row(line: &Value) -> Html {
    let mut piece = Html::new();
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    piece
        .raw("<tr><td><time>")
        .text(text("at"))
        .raw("</time></td><td>")
        .text(text("face"))
        .raw("</td><td>")
        .text(text("user"))
        .raw("</td><td>");
    let asked = |piece: &mut Html| {
        piece
            .raw("<code><b>")
            .text(text("method"))
            .raw("</b> ")
            .text(text("path"))
            .raw("</code>");
    };
    let (headers, body) = (text("headers"), text("body"));
    if headers.is_empty() && body.is_empty() {
        asked(&mut piece);
    } else {
        piece.raw("<details><summary>");
        asked(&mut piece);
        piece
            .raw("</summary><pre class=\"raw\">")
            .text(&format!("{headers}\n\n{body}"))
            .raw("</pre></details>");
    }
    let status = line["status"].as_u64();
    let class = match status {
        Some(..400) => "tag good",
        Some(_) | None => "tag wrong",
    };
    let told = status.map_or_else(|| "never came".to_owned(), |status| status.to_string());
    piece
        .raw("</td><td>")
        .open("span", &[("class", class)])
        .text(&told)
        .raw("</span>");
    if let Some(fault) = line["fault"].as_str() {
        piece
            .raw(" <span class=\"dim\">")
            .text(fault)
            .raw("</span>");
    }
    piece.raw("</td></tr>");
    piece
}
