//! All operator's doors on one page.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused, respond};
use super::{
    PREFIX, channels, clients, clock, cursors, feeds, file, grants, journal, limits, mails,
    organisations, peculiar, people, rules, seeds, switches,
};
use crate::page;
use crate::world::World;

/// Every door: its method, its path below [`PREFIX`], and what it does.
const DOORS: [(&str, &str, &str); 54] = [
    ("GET", "", "this list"),
    (
        "GET",
        "requests",
        "what was asked; ?since=&limit=&face=&user=",
    ),
    ("DELETE", "requests", "forgets what was asked"),
    (
        "GET",
        "mails",
        "whom the providers would have mailed, and why; ?since=&limit=&face=&to=",
    ),
    ("DELETE", "mails", "forgets the mails"),
    (
        "GET",
        "pushes",
        "what was pushed to channels, and what waits; ?since=&limit=",
    ),
    ("DELETE", "pushes", "forgets what was pushed"),
    ("GET", "clock", "what time it is in the world"),
    ("PUT", "clock", "moves the clock: {now} or {advance}"),
    ("DELETE", "clock", "sets the clock right"),
    ("GET", "users", "who lives here, with passwords and clients"),
    (
        "POST",
        "users",
        "adds somebody: {face, user, name?, password?, time_zone?}",
    ),
    (
        "POST",
        "users/password",
        "gives somebody another password: {face, user, password?}",
    ),
    (
        "POST",
        "tokens",
        "gives tokens out without a consent page: {face, user, client?, scopes?}",
    ),
    ("GET", "grants", "what people consented to"),
    (
        "POST",
        "grants/revoke",
        "takes consent back: {face, user, client?}",
    ),
    (
        "POST",
        "grants/expire",
        "lets tokens run out: {face, user, tokens?: access, refresh or both}",
    ),
    (
        "POST",
        "grants/hinder",
        "puts something in a person's way, or clears it: {face, user, obstacle?}",
    ),
    (
        "POST",
        "grants/sessions",
        "ends all sessions of somebody at Microsoft, as an administrator does: {user}",
    ),
    ("GET", "clients", "programs that may ask for tokens"),
    (
        "POST",
        "clients",
        "registers one: {face, client, redirects, name?, kind?: web, single_page or native, secret?, publishing?}",
    ),
    (
        "PATCH",
        "clients",
        "changes one: {face, client, name?, redirects?, publishing?: production or testing}",
    ),
    (
        "POST",
        "clients/rotate",
        "gives one a new secret in place of all it had: {face, client}",
    ),
    (
        "POST",
        "clients/expire",
        "lets its secrets run out: {face, client}",
    ),
    (
        "GET",
        "organisations",
        "what administrators let people consent to",
    ),
    (
        "POST",
        "organisations/require",
        "at Microsoft only an administrator may consent: {domain, required?}",
    ),
    (
        "POST",
        "organisations/approve",
        "an administrator consents for everybody: {domain, client, scopes?}",
    ),
    (
        "POST",
        "organisations/withdraw",
        "takes that back: {domain, client}",
    ),
    (
        "POST",
        "organisations/restrict",
        "Google's administrators close scopes: {scopes}",
    ),
    (
        "POST",
        "mailboxes/throttle",
        "the next requests of a mailbox at Microsoft meet a limit: {user, limit: requests, concurrency or service, retry_after?, count?}",
    ),
    ("GET", "channels", "push channels and subscriptions"),
    ("DELETE", "channels/{id}", "ends one without a word"),
    (
        "POST",
        "channels/lifecycle",
        "something befalls a mailbox's subscriptions: {user, event}",
    ),
    ("GET", "cursors", "what can be read incrementally"),
    (
        "POST",
        "cursors/kill",
        "kills sync tokens and delta links: {face, user?, calendar?}",
    ),
    (
        "POST",
        "cursors/age",
        "Google forgets what was deleted so far: {face, user?, calendar?}",
    ),
    ("GET", "faults", "the rules by which faults strike"),
    (
        "PUT",
        "faults",
        "sets all rules, and where chance begins: {rules, seed?}",
    ),
    (
        "POST",
        "faults",
        "adds a rule: {fault, face?, method?, path?, user?, percent?, count?, after?}",
    ),
    ("DELETE", "faults", "takes all rules away"),
    ("GET", "faults/{id}", "one rule"),
    ("DELETE", "faults/{id}", "takes a rule away"),
    (
        "GET",
        "switches",
        "how the faces behave where documents are silent and servers differ",
    ),
    (
        "PATCH",
        "switches",
        "sets some of them: {google?, microsoft?, caldav?, ics?}",
    ),
    ("DELETE", "switches", "sets all of them back"),
    (
        "POST",
        "switches/imitate",
        "CalDAV as a known server has it: {server, user?, calendar?}",
    ),
    ("GET", "feeds", "which calendars at CalDAV are published"),
    ("POST", "feeds", "publishes one: {user, calendar, name?}"),
    ("DELETE", "feeds/{id}", "publishes it no more"),
    ("GET", "seeds", "worlds that can be planted here"),
    (
        "POST",
        "seeds/{name}",
        "plants one of them: other people with other calendars",
    ),
    ("GET", "world", "the whole world as a file"),
    (
        "PUT",
        "world",
        "puts a world from a file in the place of this one",
    ),
    ("POST", "reset", "goes back to how the world began"),
];

/// Answers a request for an operator's door; none when it is for a face. `now` is what the holder's clock says.
pub fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Response<Bytes>> {
    // The page stands beside these doors, and is struck by no fault.
    if page::is_for_page(request) {
        let now = world.time(now);
        return Some(page::answer(world, request, now));
    }
    let path = request.uri().path();
    // With and without its slash.
    let below = path.strip_prefix(PREFIX.trim_end_matches('/'))?;
    if !below.is_empty() && !below.starts_with('/') {
        return None;
    }
    if page::is_from_elsewhere(request) {
        return Some(respond(Err(Refused::from_elsewhere())));
    }
    let segments: Vec<String> = below
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let asked = Asked {
        method: request.method(),
        query: request.uri().query().unwrap_or_default(),
        body: request.body(),
        now: world.time(now),
    };
    Some(respond(
        open(world, &asked, &segments).unwrap_or_else(|| Err(refuse(path, &segments))),
    ))
}

/// Opens a door for the page, by its method and its path below [`PREFIX`]. `now` is what time it is in the world. Else the
/// status, and what a person is told.
pub(crate) fn knock(
    world: &mut World,
    method: &Method,
    segments: &[&str],
    body: &Value,
    now: Timestamp,
) -> Result<Value, (StatusCode, String)> {
    let body = body.to_string();
    let asked = Asked {
        method,
        query: "",
        body: body.as_bytes(),
        now,
    };
    let path = format!("{PREFIX}{}", segments.join("/"));
    let done = open(world, &asked, segments).unwrap_or_else(|| Err(refuse(&path, segments)));
    let response = respond(done);
    let told: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if response.status().is_success() {
        return Ok(told);
    }
    let error = told["error"].as_str().unwrap_or_default();
    let sentence = match told["field"].as_str() {
        Some(field) => format!("{field}: {error}"),
        None => error.to_owned(),
    };
    Err((response.status(), sentence))
}

/// What is behind a door; none where there is no such door.
fn open(world: &mut World, asked: &Asked<'_>, segments: &[&str]) -> Option<Result<Done, Refused>> {
    let done = match (asked.method.as_str(), segments) {
        ("GET", []) => Ok(list(world, asked)),
        ("GET", ["requests"]) => journal::requests(world, asked),
        ("DELETE", ["requests"]) => Ok(journal::forget_requests(world)),
        ("GET", ["mails"]) => mails::list(world, asked),
        ("DELETE", ["mails"]) => Ok(mails::forget(world)),
        ("GET", ["pushes"]) => journal::pushes(world, asked),
        ("DELETE", ["pushes"]) => Ok(journal::forget_pushes(world)),
        ("GET", ["clock"]) => Ok(clock::get(world, asked)),
        ("PUT", ["clock"]) => clock::put(world, asked),
        ("DELETE", ["clock"]) => Ok(clock::delete(world, asked)),
        ("GET", ["users"]) => Ok(people::list(world)),
        ("POST", ["users"]) => people::add(world, asked),
        ("POST", ["users", "password"]) => people::change_password(world, asked),
        ("POST", ["tokens"]) => people::give_tokens(world, asked),
        ("GET", ["grants"]) => Ok(grants::list(world, asked)),
        ("POST", ["grants", "revoke"]) => grants::revoke(world, asked),
        ("POST", ["grants", "expire"]) => grants::expire(world, asked),
        ("POST", ["grants", "hinder"]) => grants::hinder(world, asked),
        ("POST", ["grants", "sessions"]) => grants::end_sessions(world, asked),
        ("GET", ["clients"]) => Ok(clients::list(world)),
        ("POST", ["clients"]) => clients::register(world, asked),
        ("PATCH", ["clients"]) => clients::change(world, asked),
        ("POST", ["clients", "rotate"]) => clients::rotate(world, asked),
        ("POST", ["clients", "expire"]) => clients::expire(world, asked),
        ("GET", ["organisations"]) => Ok(organisations::list(world)),
        ("POST", ["organisations", "require"]) => organisations::require(world, asked),
        ("POST", ["organisations", "approve"]) => organisations::approve(world, asked),
        ("POST", ["organisations", "withdraw"]) => organisations::withdraw(world, asked),
        ("POST", ["organisations", "restrict"]) => organisations::restrict(world, asked),
        ("POST", ["mailboxes", "throttle"]) => limits::throttle(world, asked),
        ("GET", ["channels"]) => Ok(channels::list(world, asked)),
        ("POST", ["channels", "lifecycle"]) => channels::lifecycle(world, asked),
        ("DELETE", ["channels", id]) => channels::kill(world, id),
        ("GET", ["cursors"]) => Ok(cursors::list(world)),
        ("POST", ["cursors", "kill"]) => cursors::kill(world, asked),
        ("POST", ["cursors", "age"]) => cursors::age(world, asked),
        ("GET", ["faults"]) => Ok(rules::list(world)),
        ("PUT", ["faults"]) => rules::replace(world, asked),
        ("POST", ["faults"]) => rules::add(world, asked),
        ("DELETE", ["faults"]) => Ok(rules::clear(world)),
        ("GET", ["faults", id]) => rules::one(world, id),
        ("DELETE", ["faults", id]) => rules::remove(world, id),
        ("GET", ["switches"]) => Ok(switches::get(world)),
        ("PATCH", ["switches"]) => switches::patch(world, asked),
        ("DELETE", ["switches"]) => Ok(switches::delete(world)),
        ("POST", ["switches", "imitate"]) => peculiar::imitate(world, asked),
        ("GET", ["feeds"]) => Ok(feeds::list(world)),
        ("POST", ["feeds"]) => feeds::publish(world, asked),
        ("DELETE", ["feeds", name]) => feeds::withdraw(world, name),
        ("GET", ["seeds"]) => Ok(seeds::list()),
        ("POST", ["seeds", name]) => seeds::plant(world, asked, name),
        ("GET", ["world"]) => file::get(world),
        ("PUT", ["world"]) => file::put(world, asked),
        ("POST", ["reset"]) => file::reset(world),
        _ => return None,
    };
    Some(done)
}

/// `GET /_sandbox/`.
fn list(world: &World, asked: &Asked<'_>) -> Done {
    let doors: Vec<Value> = DOORS
        .iter()
        .map(|(method, path, what)| {
            json!({ "method": method, "path": format!("{PREFIX}{path}"), "what": what })
        })
        .collect();
    Done::ok(json!({
        "origin": world.origin,
        "now": asked.now.to_string(),
        "doors": doors,
    }))
}

/// Whether the path or only the method is wrong.
fn refuse(path: &str, segments: &[&str]) -> Refused {
    let methods: Vec<&str> = DOORS
        .iter()
        .filter(|(_, known, _)| fits(known, segments))
        .map(|(method, _, _)| *method)
        .collect();
    if methods.is_empty() {
        Refused::no_door(path)
    } else {
        Refused::method(&methods)
    }
}

/// Whether a path is one of a door's. A name in braces stands for anything.
fn fits(door: &str, segments: &[&str]) -> bool {
    let parts: Vec<&str> = door.split('/').filter(|part| !part.is_empty()).collect();
    parts.len() == segments.len()
        && parts
            .iter()
            .zip(segments)
            .all(|(part, segment)| part.starts_with('{') || part == segment)
}
