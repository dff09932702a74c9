//! User settings, and the palettes of colours.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::reply::{self, Reply};
use super::token::SyncToken;
use super::{Account, Google, Refusal};
use crate::digest;
use crate::faults::Disturbance;

/// Background colours of calendars, from id 1 on.
const CALENDAR_COLORS: [&str; 24] = [
    "#ac725e", "#d06b64", "#f83a22", "#fa573c", "#ff7537", "#ffad46", "#42d692", "#16a765",
    "#7bd148", "#b3dc6c", "#fbe983", "#fad165", "#92e1c0", "#9fe1e7", "#9fc6e7", "#4986e7",
    "#9a9cff", "#b99aff", "#c2c2c2", "#cabdbf", "#cca6ac", "#f691b2", "#cd74e6", "#a47ae2",
];
/// Background colours of events, from id 1 on.
const EVENT_COLORS: [&str; 11] = [
    "#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c", "#fbd75b", "#ffb878", "#46d6db", "#e1e1e1",
    "#5484ed", "#51b749", "#dc2127",
];
const CALENDAR_TEXT: &str = "#000000";
const EVENT_TEXT: &str = "#1d1d1d";

/// Background and foreground of a calendar colour.
pub(super) fn calendar_color(id: &str) -> Option<(&'static str, &'static str)> {
    let number: usize = id.parse().ok()?;
    let color = CALENDAR_COLORS.get(number.checked_sub(1)?)?;
    Some((color, CALENDAR_TEXT))
}

/// `colors.get`.
pub(super) fn colors() -> Reply {
    let palette = |colors: &[&str], text: &str| {
        colors
            .iter()
            .enumerate()
            .map(|(index, color)| {
                let color = json!({ "background": color, "foreground": text });
                ((index + 1).to_string(), color)
            })
            .collect::<Map<_, _>>()
    };
    Reply::Json(json!({
        "kind": "calendar#colors",
        "updated": "2012-02-14T00:00:00.000Z",
        "calendar": palette(&CALENDAR_COLORS, CALENDAR_TEXT),
        "event": palette(&EVENT_COLORS, EVENT_TEXT),
    }))
}

fn account<'a>(google: &'a Google, call: &Call<'_>) -> Result<&'a Account, Refusal> {
    google
        .accounts
        .get(&call.user)
        .ok_or_else(Refusal::no_calendar_user)
}

fn shown(account: &Account, id: &str, value: &str) -> Value {
    let mut shown = reply::resource("calendar#setting", account.settings_version);
    shown["id"] = json!(id);
    shown["value"] = json!(value);
    shown
}

/// `settings.get`.
pub(super) fn get(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let account = account(google, call)?;
    let id = call.name(0);
    let value = account.settings.get(id).ok_or_else(Refusal::not_found)?;
    Ok(call.tagged(shown(account, id, value)))
}

/// `settings.list`. All of them fit one page.
pub(super) fn list(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let account = account(google, call)?;
    call.query.count("maxResults")?;
    let topic = format!("settings:{}", call.user);
    let unchanged = match call.query.text("syncToken") {
        None => false,
        Some(text) => {
            let token = SyncToken::read(text).filter(|token| token.topic == topic);
            let token = token.ok_or_else(Refusal::sync_token)?;
            if call.how == Disturbance::DeadCursor {
                return Err(Refusal::full_sync());
            }
            token.revision == account.settings_version
        }
    };
    let items: Vec<Value> = account
        .settings
        .iter()
        .filter(|_| !unchanged)
        .map(|(id, value)| shown(account, id, value))
        .collect();
    let tag = digest::short(&[topic.as_bytes(), &account.settings_version.to_be_bytes()]);
    let token = SyncToken {
        topic,
        user: call.user.clone(),
        role: String::new(),
        generation: 0,
        revision: account.settings_version,
        issued: call.now,
        kept: Map::new(),
    };
    Ok(call.tagged(json!({
        "kind": "calendar#settings",
        "etag": format!("\"p{tag}\""),
        "items": items,
        "nextSyncToken": token.write(),
    })))
}
