//! Making and stopping push channels.

use http::Uri;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::calendar::Role;
use super::call::Call;
use super::operation::Operation;
use super::push::{Channel, State, Watched, later};
use super::reply::Reply;
use super::{Google, Refusal, body, selection};

/// Longer channel ids are refused.
const ID_CHARACTERS_MAX: usize = 64;
/// Longer channel tokens are refused.
const TOKEN_CHARACTERS_MAX: usize = 256;
/// How the addresses of what is watched begin, whatever host this Google is asked at.
const API: &str = "https://www.googleapis.com/calendar/v3";
/// Calendars that Google keeps itself, such as holidays, cannot be watched.
const KEPT_BY_GOOGLE: &str = "@group.v.calendar.google.com";

fn refused(reason: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(400, "global", reason, message)
}

/// What is to be watched, and its address.
fn watched(google: &Google, call: &Call<'_>) -> Result<(Watched, String), Refusal> {
    let encoded = |id: &str| utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
    if call.operation == Operation::CalendarListWatch {
        let uri = format!("{API}/users/me/calendarList?alt=json");
        return Ok((Watched::CalendarList(call.user.clone()), uri));
    }
    if call.operation == Operation::SettingsWatch {
        let uri = format!("{API}/users/me/settings?alt=json");
        return Ok((Watched::Settings(call.user.clone()), uri));
    }
    if call.name(0).ends_with(KEPT_BY_GOOGLE) {
        let message = "Push notifications are not supported by this resource.";
        return Err(refused("pushNotSupportedForRequestedResource", message));
    }
    if call.operation == Operation::AclWatch {
        let seat = call.seat(google, Role::Owner)?;
        let uri = format!("{API}/calendars/{}/acl?alt=json", encoded(&seat.calendar));
        return Ok((Watched::Acl(seat.calendar), uri));
    }
    let seat = call.seat(google, Role::FreeBusyReader)?;
    selection::check_sync_token(google, call, &seat)?;
    let uri = format!(
        "{API}/calendars/{}/events?alt=json",
        encoded(&seat.calendar)
    );
    Ok((Watched::Events(seat.calendar), uri))
}

/// `watch` of any resource.
pub(super) fn start(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let (watched, resource_uri) = watched(google, call)?;
    let body = call.body()?;
    let id = body::text(&body, "id")?.ok_or_else(|| Refusal::required("Required"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte);
    if id.is_empty() || id.len() > ID_CHARACTERS_MAX || !id.bytes().all(allowed) {
        return Err(refused("push.channelIdInvalid", "Invalid channel id"));
    }
    match body::text(&body, "type")? {
        Some("web_hook" | "webhook") => {}
        Some(_) => return Err(refused("push.channelUnknown", "Unknown channel type")),
        None => return Err(Refusal::required("Required")),
    }
    let address = body::text(&body, "address")?.ok_or_else(|| Refusal::required("Required"))?;
    check_address(google, address)?;
    let token = body::text(&body, "token")?.map(str::to_owned);
    if token
        .as_ref()
        .is_some_and(|token| token.chars().count() > TOKEN_CHARACTERS_MAX)
    {
        return Err(body::wrong("token"));
    }
    let key = (call.client.clone(), id.to_owned());
    let alive = google.channels.get(&key);
    if alive.is_some_and(|channel| channel.expires > call.now) {
        let message = format!("Channel id {id} not unique");
        return Err(refused("channelIdNotUnique", message));
    }
    let expires = expiration(google, &body, call.now)?;
    let channel = Channel {
        id: id.to_owned(),
        client: call.client.clone(),
        user: call.user.clone(),
        watched,
        address: address.to_owned(),
        token,
        expires,
        resource_uri,
        number: 1,
    };
    let mut value = json!({
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id(),
        "resourceUri": channel.resource_uri,
        "expiration": expires.as_millisecond().to_string(),
    });
    if let Some(token) = &channel.token {
        value["token"] = json!(token);
    }
    let due = later(call.now, google.switches.channels.sync_delay);
    google.pushes.push(channel.message(State::Sync, due));
    google.channels.insert(key, channel);
    Ok(Reply::Json(value))
}

/// When a channel ends: what was asked for, or the default, and never later than Google allows.
fn expiration(
    google: &Google,
    body: &Map<String, Value>,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    // Numbers are 64 bit, which JSON has as text; both are taken.
    let number = |value: &Value| match value {
        Value::String(text) => text.parse::<i64>().ok(),
        Value::Number(number) => number.as_i64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let read = |value: Option<&Value>, name: &str| match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => number(value).map(Some).ok_or_else(|| body::wrong(name)),
    };
    let switches = &google.switches.channels;
    let ttl = body.get("params").and_then(|params| params.get("ttl"));
    let by_ttl = read(ttl, "params.ttl")?.map(|ttl| later(now, SignedDuration::from_secs(ttl)));
    let by_time = read(body.get("expiration"), "expiration")?
        .and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok());
    let asked = match (by_ttl, by_time) {
        (Some(one), Some(other)) => one.min(other),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => later(now, switches.lifetime_default),
    };
    if asked <= now {
        return Err(body::wrong("expiration"));
    }
    Ok(asked.min(later(now, switches.lifetime_max)))
}

fn check_address(google: &Google, address: &str) -> Result<(), Refusal> {
    let uri: Option<Uri> = address.parse().ok();
    let host = uri
        .as_ref()
        .and_then(Uri::host)
        .filter(|host| !host.is_empty());
    let switches = &google.switches.channels;
    let https = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
    if !https && switches.https_required {
        let message = format!("WebHook callback must be HTTPS: {address}");
        return Err(refused("push.webhookUrlNotHttps", message));
    }
    let Some(host) = host else {
        let message = format!("WebHook callback has no host: {address}");
        return Err(refused("push.webhookUrlNoHostOrAddress", message));
    };
    if switches
        .verified_hosts
        .as_ref()
        .is_some_and(|hosts| !hosts.contains(host))
    {
        let message = format!("Unauthorized WebHook callback channel: {address}");
        return Err(Refusal::new(
            401,
            "global",
            "push.webhookUrlUnauthorized",
            message,
        ));
    }
    Ok(())
}

/// `channels.stop`: by the user and the client that made it, and nobody else.
pub(super) fn stop(google: &mut Google, call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let id = body::text(&body, "id")?.ok_or_else(|| Refusal::required("Required"))?;
    let resource = body::text(&body, "resourceId")?.ok_or_else(|| Refusal::required("Required"))?;
    let key = (call.client.clone(), id.to_owned());
    let found = google.channels.get(&key).is_some_and(|channel| {
        channel.user == call.user && channel.resource_id() == resource && channel.expires > call.now
    });
    if !found {
        let message = format!("Channel '{id}' not found for project '{}'", call.client);
        return Err(Refusal::new(404, "global", "notFound", message));
    }
    google.channels.remove(&key);
    Ok(Reply::Empty)
}
