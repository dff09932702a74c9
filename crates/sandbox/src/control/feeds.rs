//! Feeds: which calendars at CalDAV are published, and where.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use crate::ics::{Feed, PREFIX};
use crate::world::{Place, World};

/// How many feeds there may be. Each is made anew for every request; more are no test.
const FEEDS_MAX: usize = 1_000;

/// A path as it stands in an address.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A calendar to be published.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Publishing {
    user: String,
    calendar: String,
    /// The last part of its path; without one it has one that nobody guesses.
    name: Option<String>,
}

/// `GET /_sandbox/feeds`.
pub(super) fn list(world: &World) -> Done {
    let all = world.feeds.iter();
    let all: Vec<Value> = all.map(|(path, feed)| show(world, path, feed)).collect();
    Done::ok(json!({ "feeds": all }))
}

fn show(world: &World, path: &str, feed: &Feed) -> Value {
    json!({
        "name": name_of(path),
        "address": format!("{}{}", world.origin, utf8_percent_encode(path, PATH)),
        "user": feed.place.user,
        "calendar": feed.place.collection,
    })
}

/// The last part of a feed's path, by which operators know it.
pub(super) fn name_of(path: &str) -> &str {
    path.strip_prefix(PREFIX).unwrap_or(path)
}

/// `POST /_sandbox/feeds`.
pub(super) fn publish(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let publishing: Publishing = asked.read()?;
    if world.feeds.len() >= FEEDS_MAX {
        let error = format!("There are {FEEDS_MAX} feeds, and there can be no more.");
        return Err(Refused::field("name", error));
    }
    let account = world.accounts.get(&publishing.user);
    let account =
        account.ok_or_else(|| Refused::unknown("user", "There is no such user at CalDAV."))?;
    if !account.collections.contains_key(&publishing.calendar) {
        return Err(Refused::unknown("calendar", "There is no such calendar."));
    }
    let name = publishing
        .name
        .unwrap_or_else(|| format!("{}.ics", world.google.oauth.maker.guid()));
    // Requests are compared with it as they are written: nothing in it may need to be encoded.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        let error = "Letters, digits, dots, hyphens and underscores are wanted.";
        return Err(Refused::field("name", error));
    }
    let path = format!("{PREFIX}{name}");
    if world.feeds.contains_key(&path) {
        return Err(Refused::field("name", "There is such a feed already."));
    }
    let feed = Feed::new(Place {
        user: publishing.user,
        collection: publishing.calendar,
    });
    let shown = show(world, &path, &feed);
    world.feeds.insert(path, feed);
    Ok(Done::made(shown))
}

/// `DELETE /_sandbox/feeds/{name}`: it is published no more.
pub(super) fn withdraw(world: &mut World, name: &str) -> Result<Done, Refused> {
    match world.feeds.remove(&format!("{PREFIX}{name}")) {
        Some(_) => Ok(Done::ok(json!({}))),
        None => Err(Refused::unknown("name", "There is no such feed.")),
    }
}
