//! Descriptions: what a person wrote, apart from what Outlook put below it for an online meeting.
//!
//! Outlook keeps every body as HTML, and takes the way into an online meeting from the block in it. That block is never
//! part of the description, and never leaves the body.

use kalends_calendar::failure::Failure;
use serde_json::{Value, json};

use super::wire::Item;
use crate::html;

/// How many underscores in a row Outlook draws above its block, at the least.
const RULE_LENGTH_MIN: usize = 30;

/// What stands in the block of a meeting, in lower case, where the meeting's own address does not.
const BLOCK_SIGNS: [&str; 4] = [
    "teams.microsoft.com/",
    "teams.live.com/",
    "aka.ms/jointeamsmeeting",
    "meet.lync.com/",
];

/// What a person wrote, as plain text.
pub(super) fn description(item: &Item) -> String {
    let Some(body) = &item.body else {
        return String::new();
    };
    if body.content_type.eq_ignore_ascii_case("text") {
        return html::canonical(&body.content);
    }
    match block(item, &body.content) {
        Some(at) => html::to_text(&body.content[..at]),
        None => html::to_text(&body.content),
    }
}

/// A body that says this, with the block of an online meeting as it was.
pub(super) fn with_description(item: Option<&Item>, text: &str) -> Result<Value, Failure> {
    let written = html::from_text(text);
    let old = item.and_then(|item| Some((item, &item.body.as_ref()?.content)));
    let Some((item, old)) = old else {
        return Ok(body(&written));
    };
    if let Some(at) = block(item, old) {
        let head = opening(&old[..at]);
        return Ok(body(&format!(
            "{}{written}<br>\n{}",
            &old[..head],
            &old[at..]
        )));
    }
    if has_address(item, old) {
        return Err(Failure::item(
            "The description of this online meeting cannot be told from the way into it; change it in Outlook",
        ));
    }
    Ok(body(&written))
}

fn body(content: &str) -> Value {
    json!({"contentType": "html", "content": content})
}

/// Where the block of an online meeting begins, with the tags that enclose its first line.
fn block(item: &Item, html: &str) -> Option<usize> {
    let rule = "_".repeat(RULE_LENGTH_MIN);
    let line = html.find(&rule)?;
    has_address(item, &html[line..]).then(|| before_tags(html, line))
}

/// Whether a text holds the way into a meeting.
fn has_address(item: &Item, html: &str) -> bool {
    let own = item
        .online_meeting
        .as_ref()
        .and_then(|meeting| meeting.join_url.as_deref())
        .or(item.online_meeting_url.as_deref())
        .filter(|url| !url.is_empty());
    let is_meeting = item.is_online_meeting || own.is_some();
    let lower = html.to_ascii_lowercase();
    own.is_some_and(|url| html.contains(url) || html.contains(&url.replace('&', "&amp;")))
        || (is_meeting && BLOCK_SIGNS.iter().any(|sign| lower.contains(sign)))
}

/// Steps back over the opening tags that stand right before a place.
fn before_tags(html: &str, place: usize) -> usize {
    let mut at = place;
    loop {
        let before = html[..at].trim_end();
        let Some(open) = before.ends_with('>').then(|| before.rfind('<')).flatten() else {
            return at;
        };
        let tag = before[open..].to_ascii_lowercase();
        let encloses = ["<div", "<span", "<p", "<font", "<b>"]
            .iter()
            .any(|known| tag.starts_with(known));
        if !encloses {
            return at;
        }
        at = open;
    }
}

/// The end of what opens a page: its head and the tag of its body.
fn opening(html: &str) -> usize {
    let lower = html.to_ascii_lowercase();
    lower
        .find("<body")
        .and_then(|at| Some(at + lower[at..].find('>')? + 1))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Body, OnlineMeeting};
    use super::*;

    const BLOCK: &str = "<div><span>________________________________________________________________________________</span></div><div class=\"me-email-text\"><a href=\"https://teams.microsoft.com/l/meetup-join/19%3a\">Join</a></div><div>________________________________________________________________________________</div>";

    fn meeting(content: &str) -> Item {
        Item {
            is_online_meeting: true,
            online_meeting: Some(OnlineMeeting {
                join_url: Some("https://teams.microsoft.com/l/meetup-join/19%3a".to_owned()),
            }),
            body: Some(Body {
                content_type: "html".to_owned(),
                content: content.to_owned(),
            }),
            ..Item::default()
        }
    }

    #[test]
    fn the_way_into_a_meeting_is_no_description_and_stays() {
        let old = meeting(&format!(
            "<html><body dir=\"ltr\"><p>Agenda</p>{BLOCK}</body></html>"
        ));
        assert_eq!(description(&old), "Agenda");

        let new = with_description(Some(&old), "Other <agenda>").unwrap();
        let content = new["content"].as_str().unwrap();
        assert_eq!(
            content,
            format!("<html><body dir=\"ltr\">Other &lt;agenda&gt;<br>\n{BLOCK}</body></html>")
        );
        assert_eq!(description(&meeting(content)), "Other <agenda>");
    }

    #[test]
    fn a_block_that_cannot_be_told_apart_is_not_touched() {
        let odd = meeting("<p>Agenda https://teams.microsoft.com/l/meetup-join/19%3a</p>");
        assert!(with_description(Some(&odd), "x").is_err());
        let bare = meeting("<p>Agenda</p>");
        assert!(with_description(Some(&bare), "x").is_ok());
    }

    #[test]
    fn a_line_somebody_drew_is_part_of_the_description() {
        let line = "_".repeat(40);
        let drawn = Item {
            is_online_meeting: false,
            online_meeting: None,
            ..meeting(&format!("<p>one</p><p>{line}</p><p>two</p>"))
        };
        assert_eq!(description(&drawn), format!("one\n\n{line}\n\ntwo"));
    }
}
