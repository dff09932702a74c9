//! Other worlds in place of this one: those that can be planted, and this one as it began.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::entry::Refused;
use super::frame::{Page, alert, see_other};
use super::html::Html;
use super::path;
use crate::control::knock;
use crate::oauth::params::Params;
use crate::world::World;

pub(super) fn page(world: &mut World, said: Option<&Refused>, now: Timestamp) -> Response<Bytes> {
    let mut body = Html::new();
    body.raw("<h1>Worlds</h1><p class=\"lead\">Another world takes the place of this one: its people, calendars and logs are gone then. Whoever was connected has to sign in again.</p>");
    if let Some(refused) = said {
        body.add(&alert(&refused.told));
    }
    let told = knock(world, &Method::GET, &["seeds"], &json!({}), now).unwrap_or_default();
    let action = path::to("worlds");
    body.raw("<ul class=\"cards\">");
    for seed in told["seeds"].as_array().into_iter().flatten() {
        let text = |name: &str| seed[name].as_str().unwrap_or_default();
        body.raw("<li class=\"card\"><h2>")
            .text(text("name"))
            .raw("</h2><p>")
            .text(text("what"))
            .raw("</p>")
            .open("form", &[("method", "post"), ("action", &action)])
            .hidden("seed", text("name"))
            .raw("<button>Plant<span class=\"hidden\"> ")
            .text(text("name"))
            .raw("</span></button></form></li>");
    }
    body.raw("<li class=\"card\"><h2>As it began</h2><p>This world as it was planted, as if nothing had happened since.</p>")
        .open("form", &[("method", "post"), ("action", &action)])
        .raw("<button>Go back</button></form></li></ul><p class=\"dim\">Programs save and load whole worlds by <code>/_sandbox/world</code>.</p>");
    Page {
        status: said.map_or(StatusCode::OK, |refused| refused.status),
        title: "Worlds",
        trail: Vec::new(),
        body,
        now,
    }
    .send()
}

/// Plants the world that the form names; without a name, this one goes back to its beginning.
pub(super) fn plant(world: &mut World, form: &Params, now: Timestamp) -> Response<Bytes> {
    let door = match form.get("seed") {
        Some(name) => vec!["seeds", name],
        None => vec!["reset"],
    };
    match knock(world, &Method::POST, &door, &Value::Null, now) {
        Ok(_) => see_other("/"),
        Err((status, told)) => page(world, Some(&Refused::new(status, told)), now),
    }
}
