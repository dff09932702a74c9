//! What an operator does to the world, as forms: faults by rule, and the clock. Each goes through the door of
//! [`crate::control`] that programs use.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::entry::Refused;
use super::frame::{Page, alert, see_other};
use super::html::Html;
use super::path;
use crate::control::knock;
use crate::oauth::params::Params;
use crate::world::World;

/// A fault that a rule can name.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// As the door takes it.
    word: &'static str,
    /// As people read it.
    told: &'static str,
    /// The member that the form's number is, and what it means.
    number: Option<(&'static str, &'static str)>,
}

const fn plain(word: &'static str, told: &'static str) -> Kind {
    Kind {
        word,
        told,
        number: None,
    }
}

const fn with(
    word: &'static str,
    told: &'static str,
    number: (&'static str, &'static str),
) -> Kind {
    Kind {
        word,
        told,
        number: Some(number),
    }
}

const FAULTS: [Kind; 19] = [
    with("status", "A status", ("code", "the status")),
    with(
        "throttled",
        "429, too many requests",
        ("retry_after_s", "Retry-After in seconds"),
    ),
    plain("unauthorized", "401, once"),
    plain("lost_before_send", "Lost on the way there"),
    plain("lost_after_effect", "Done, and the answer lost"),
    plain("sent_twice", "Arrives twice"),
    with(
        "gateway_after_effect",
        "Done, and a gateway answers",
        ("code", "the status"),
    ),
    plain("dead_cursor", "The cursor is dead"),
    with(
        "stale_read",
        "An earlier state is shown",
        ("changes", "how many changes are missing"),
    ),
    plain("empty_listing", "A listing without members"),
    with(
        "cut_listing",
        "A listing that breaks off",
        ("members", "how many members it has"),
    ),
    with(
        "cut_body",
        "The answer breaks off",
        ("keep_percent", "how much of it arrives, in percent"),
    ),
    plain("missing_etag", "No ETag"),
    plain("html", "A login page with status 200"),
    with("delay", "The answer is late", ("ms", "milliseconds")),
    plain("revoked_grant", "The consent is taken back"),
    plain("push_dropped", "A push is lost"),
    plain("push_twice", "A push comes twice"),
    with("push_late", "A push is late", ("ms", "milliseconds")),
];

/// How far the clock is moved by one press: what is sent, and what people read.
const STEPS: [(&str, &str); 5] = [
    ("10m", "10 minutes"),
    ("1h", "1 hour"),
    ("24h", "1 day"),
    ("168h", "1 week"),
    ("744h", "31 days"),
];

/// Faults that strike by rule.
pub(super) fn faults(
    world: &mut World,
    said: Option<&Refused>,
    form: &Params,
    now: Timestamp,
) -> Response<Bytes> {
    let mut body = Html::new();
    body.raw("<h1>Faults</h1><p class=\"lead\">A rule strikes the requests that match it. What it leaves open it does not ask for. The page itself is never struck.</p>");
    if let Some(refused) = said {
        body.add(&alert(&refused.told));
    }
    let rules = knock(world, &Method::GET, &["faults"], &json!({}), now);
    let rules = rules.unwrap_or_default();
    let rules = rules["rules"].as_array().cloned().unwrap_or_default();
    if rules.is_empty() {
        body.raw("<p class=\"dim none\">No rule: nothing goes wrong.</p>");
    } else {
        body.raw("<ul class=\"rules\">");
        for rule in &rules {
            body.raw("<li class=\"card\">")
                .add(&line(rule))
                .raw("</li>");
        }
        body.raw("</ul>");
        body.open(
            "form",
            &[("method", "post"), ("action", &path::to("faults/remove"))],
        )
        .raw("<button class=\"bad\">Take all away</button></form>");
    }
    body.add(&new_rule(form));
    send("Faults", body, said, now)
}

fn send(
    title: &'static str,
    body: Html,
    said: Option<&Refused>,
    now: Timestamp,
) -> Response<Bytes> {
    Page {
        status: said.map_or(StatusCode::OK, |refused| refused.status),
        title,
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

/// A rule in words, and the button that takes it away.
fn line(rule: &Value) -> Html {
    let mut piece = Html::new();
    let kind = rule["fault"]["kind"].as_str().unwrap_or_default();
    let known = FAULTS.iter().find(|known| known.word == kind);
    let told = known.map_or(kind, |known| known.told);
    piece.raw("<h2>").text(told).raw("</h2><p>");
    let mut words: Vec<String> = Vec::new();
    let members = rule["fault"].as_object().into_iter().flatten();
    for (name, value) in members.filter(|(name, value)| *name != "kind" && !value.is_null()) {
        let number = known.and_then(|known| known.number);
        let meaning = number.filter(|(member, _)| member == name);
        let told = meaning.map_or(name.as_str(), |(_, meaning)| meaning);
        words.push(format!("{told}: {value}"));
    }
    for name in ["face", "method", "path", "user"] {
        if let Some(value) = rule[name].as_str() {
            words.push(format!("{name} {value}"));
        }
    }
    words.push(format!("in {} of 100 cases", rule["percent"]));
    if let Some(count) = rule["count"].as_u64() {
        words.push(format!("at most {count} times"));
    }
    if let Some(after) = rule["after"].as_u64().filter(|after| *after > 0) {
        words.push(format!("not in the first {after}"));
    }
    let met = format!(
        "Met {} times, struck {} times.",
        rule["met"], rule["struck"]
    );
    let id = rule["id"].to_string();
    piece
        .text(&words.join(" · "))
        .raw("</p><p class=\"dim\">")
        .text(&met)
        .raw("</p>")
        .open(
            "form",
            &[("method", "post"), ("action", &path::to("faults/remove"))],
        )
        .hidden("id", &id)
        .raw("<button>Take away<span class=\"hidden\"> rule ")
        .text(&id)
        .raw("</span></button></form>");
    piece
}

fn new_rule(form: &Params) -> Html {
    let mut piece = Html::new();
    let typed = |name: &str| form.get(name).unwrap_or_default().to_owned();
    piece
        .raw("<section><h2>New rule</h2>")
        .open(
            "form",
            &[("class", "event"), ("method", "post"), ("action", &path::to("faults"))],
        )
        .raw("<div class=\"pair\"><p class=\"field\"><label for=\"fault\">What happens</label><select id=\"fault\" name=\"fault\">");
    for Kind { word, told, number } in FAULTS {
        let mut attributes = vec![("value", word)];
        if typed("fault") == word {
            attributes.push(("selected", "selected"));
        }
        piece.open("option", &attributes).text(told);
        if let Some((_, meaning)) = number {
            piece.text(&format!(" (number: {meaning})"));
        }
        piece.raw("</option>");
    }
    piece.raw("</select></p>");
    piece.field(
        ("number", "Number, where it has one"),
        "number",
        &typed("number"),
    );
    piece.raw("</div><div class=\"pair\"><p class=\"field\"><label for=\"face\">At</label><select id=\"face\" name=\"face\"><option value=\"\">all of them</option>");
    for (word, told) in [
        ("google", "Google"),
        ("microsoft", "Microsoft"),
        ("caldav", "CalDAV"),
        ("ics", "Feeds"),
    ] {
        let mut attributes = vec![("value", word)];
        if typed("face") == word {
            attributes.push(("selected", "selected"));
        }
        piece
            .open("option", &attributes)
            .text(told)
            .raw("</option>");
    }
    piece.raw("</select></p>");
    piece.field(("method", "Method, such as GET"), "text", &typed("method"));
    piece.raw("</div>");
    piece.field(
        ("path", "Path, as a regular expression"),
        "text",
        &typed("path"),
    );
    piece.field(("user", "Who asks"), "text", &typed("user"));
    piece.raw("<div class=\"pair\">");
    piece.field(
        ("percent", "In how many of 100 cases"),
        "number",
        &typed("percent"),
    );
    piece.field(("count", "At most how often"), "number", &typed("count"));
    piece.raw("</div>");
    piece.field(
        ("after", "How many cases pass first"),
        "number",
        &typed("after"),
    );
    piece
        .raw("<p class=\"acts\"><button class=\"main\">Add the rule</button></p></form></section>");
    piece
}

/// Adds a rule as the form has it.
pub(super) fn add_fault(world: &mut World, form: &Params, now: Timestamp) -> Response<Bytes> {
    let done = rule_of(form).and_then(|rule| {
        knock(world, &Method::POST, &["faults"], &rule, now)
            .map_err(|(status, told)| Refused::new(status, told))
    });
    match done {
        Ok(_) => see_other(&path::to("faults")),
        Err(refused) => faults(world, Some(&refused), form, now),
    }
}

fn rule_of(form: &Params) -> Result<Value, Refused> {
    let number = |name: &str| {
        let text = form
            .get(name)
            .map(str::trim)
            .filter(|text| !text.is_empty());
        text.map(|text| {
            let wrong = |_| Refused::form(format!("“{text}” is not a whole number."));
            text.parse::<u64>().map_err(wrong)
        })
        .transpose()
    };
    let word = form.get("fault").unwrap_or_default();
    let known = FAULTS.iter().find(|known| known.word == word);
    let known = known.ok_or_else(|| Refused::form("There is no such fault."))?;
    let mut fault = Map::new();
    fault.insert("kind".to_owned(), word.into());
    if let (Some((name, _)), Some(value)) = (known.number, number("number")?) {
        fault.insert(name.to_owned(), value.into());
    }
    let mut rule = Map::new();
    rule.insert("fault".to_owned(), fault.into());
    for name in ["face", "method", "path", "user"] {
        if let Some(value) = form
            .get(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            rule.insert(name.to_owned(), value.into());
        }
    }
    for name in ["percent", "count", "after"] {
        if let Some(value) = number(name)? {
            rule.insert(name.to_owned(), value.into());
        }
    }
    Ok(rule.into())
}

/// Takes one rule away, or all where none is named.
pub(super) fn remove_fault(world: &mut World, form: &Params, now: Timestamp) -> Response<Bytes> {
    let door: Vec<&str> = std::iter::once("faults").chain(form.get("id")).collect();
    let done = knock(world, &Method::DELETE, &door, &json!({}), now);
    match done {
        Ok(_) => see_other(&path::to("faults")),
        Err((status, told)) => {
            let refused = Refused::new(status, told);
            faults(world, Some(&refused), &Params::default(), now)
        }
    }
}

/// The clock, and the forms that move it.
pub(super) fn clock(world: &mut World, said: Option<&Refused>, now: Timestamp) -> Response<Bytes> {
    let mut body = Html::new();
    body.raw("<h1>Clock</h1>");
    if let Some(refused) = said {
        body.add(&alert(&refused.told));
    }
    let told = knock(world, &Method::GET, &["clock"], &json!({}), now).unwrap_or_default();
    let offset = told["offset_s"].as_i64().unwrap_or(0);
    body.raw("<p class=\"lead\">Tokens, channels and tombstones live by this clock.</p><p class=\"big\"><time>")
        .text(&now.strftime("%A, %-d %B %Y, %H:%M:%S UTC").to_string())
        .raw("</time></p><p class=\"dim\">")
        .text(&apart(offset))
        .raw("</p>");
    let action = path::to("clock");
    body.open(
        "form",
        &[("class", "acts"), ("method", "post"), ("action", &action)],
    )
    .raw("<fieldset><legend>Later by</legend>");
    for (span, told) in STEPS {
        body.open("button", &[("name", "advance"), ("value", span)])
            .raw(told)
            .raw("</button>");
    }
    body.raw("</fieldset></form>")
        .open(
            "form",
            &[("class", "row"), ("method", "post"), ("action", &action)],
        )
        .raw("<label for=\"now\">Set to (UTC)</label>")
        .open(
            "input",
            &[
                ("id", "now"),
                ("name", "now"),
                ("type", "datetime-local"),
                ("value", &now.strftime("%Y-%m-%dT%H:%M").to_string()),
            ],
        )
        .raw("<button>Set</button></form>");
    if offset != 0 {
        body.open("form", &[("method", "post"), ("action", &action)])
            .raw("<button name=\"right\" value=\"1\">Set it right</button></form>");
    }
    send("Clock", body, said, now)
}

/// How far the clock is from its holder's, in words.
fn apart(offset_s: i64) -> String {
    let seconds = offset_s.unsigned_abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let span = format!("{days} d {hours} h {minutes} min");
    match offset_s {
        0 => "It is right.".to_owned(),
        1.. => format!("It is {span} ahead."),
        _ => format!("It is {span} behind."),
    }
}

/// Moves the clock as a form says.
pub(super) fn set_clock(world: &mut World, form: &Params, now: Timestamp) -> Response<Bytes> {
    let moved = if form.get("right").is_some() {
        knock(world, &Method::DELETE, &["clock"], &json!({}), now)
    } else if let Some(span) = form.get("advance") {
        knock(
            world,
            &Method::PUT,
            &["clock"],
            &json!({ "advance": span }),
            now,
        )
    } else {
        // The form has no zone, and says so.
        let time = form
            .get("now")
            .map(|time| format!("{}Z", time.trim_end_matches('Z')));
        let time = time.map(|time| {
            if time.len() == "2026-01-01T00:00Z".len() {
                time.replace('Z', ":00Z")
            } else {
                time
            }
        });
        knock(
            world,
            &Method::PUT,
            &["clock"],
            &json!({ "now": time }),
            now,
        )
    };
    match moved {
        Ok(_) => see_other(&path::to("clock")),
        Err((status, told)) => clock(world, Some(&Refused::new(status, told)), now),
    }
}
