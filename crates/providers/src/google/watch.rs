//! Notifications: asking Google to say when a calendar changed, and reading what it says. A notification carries no data;
//! it is a reason to look.

use std::time::Duration;

use ::http::HeaderMap;
use jiff::Timestamp;
use kalends_calendar::channel::{Channel as Open, Wanted};
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::RemoteCalendarId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::refusal::Doing;
use super::{Google, requests, wire};

/// How long a channel is asked to live: what Google gives where nobody asks, and as long as is known to be granted.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct WatchRequest {
    /// The channel's id: ours to choose, never used before, at most 64 characters of `[A-Za-z0-9-_+/=]`.
    pub id: String,
    /// Where Google is to call: `https`, with a certificate that the world knows.
    pub address: Url,
    /// What Google is to show when it calls, at most 256 characters.
    pub token: SecretString,
    /// For how long. Google may grant less: [`Channel::expires_at`] counts.
    pub lifetime: Duration,
}

/// A channel that is open. There is no renewing: before it ends another is opened, and this one stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The id it was asked for under.
    pub id: String,
    /// What it watches, in Google's words; needed to stop it.
    pub resource_id: String,
    /// When it ends, where Google said so.
    pub expires_at: Option<Timestamp>,
}

/// What a call of Google's says. Whether its token is the right one is for the receiver to tell, in constant time.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The channel's id. The first call may come before the channel's own answer does.
    pub channel: String,
    /// What the channel watches.
    pub resource_id: Option<String>,
    /// What happened.
    pub event: Happened,
    /// The number of the message: they grow, with gaps.
    pub number: Option<u64>,
    /// The token that the channel was opened with.
    pub token: Option<SecretString>,
    /// When the channel ends.
    pub expires_at: Option<Timestamp>,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The channel is open; nothing changed.
    Opened,
    /// Something changed.
    Changed,
    /// What is watched is not there any more.
    Gone,
}

/// The answer to a watch request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Opened {
    id: String,
    resource_id: String,
    /// Milliseconds, as a text by the Discovery document and as a number by the guide.
    expiration: Option<Value>,
}

impl Google {
    /// Opens a channel for the events of a calendar.
    pub async fn watch(
        &self,
        calendar: &RemoteCalendarId,
        wanted: &WatchRequest,
    ) -> Result<Channel, Failure> {
        let request = requests::watch(&self.api.base, calendar, &body(wanted))?;
        let answer = self.ask(request, Doing::Watch).await?;
        channel(&answer.body)
    }

    /// Opens a channel as the engine asks for one.
    pub(super) async fn open_watch(
        &self,
        calendar: &RemoteCalendarId,
        wanted: &Wanted<'_>,
    ) -> Result<Open, Failure> {
        let request = WatchRequest {
            id: wanted.id.to_string(),
            address: address(wanted.address)?,
            token: SecretString::from(wanted.token.expose()),
            lifetime: LIFETIME,
        };
        let channel = self.watch(calendar, &request).await?;
        Ok(Open {
            id: wanted.id,
            provider_id: channel.resource_id,
            expires_at: channel.expires_at,
        })
    }

    /// Closes a channel. One that is not there any more is closed.
    pub async fn stop(&self, channel: &Channel) -> Result<(), Failure> {
        let request = requests::stop(&self.api.base, &channel.id, &channel.resource_id)?;
        match self.ask(request, Doing::Watch).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == kalends_calendar::failure::Class::Gone => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn address(text: &str) -> Result<Url, Failure> {
    // Its path is a secret, and stays out of the message.
    text.parse()
        .map_err(|_| Failure::item("The address for notifications is none"))
}

fn body(wanted: &WatchRequest) -> Value {
    json!({
        "id": wanted.id,
        "type": "web_hook",
        "address": wanted.address,
        "token": wanted.token.expose_secret(),
        "params": {"ttl": wanted.lifetime.as_secs().to_string()},
    })
}

fn channel(bytes: &[u8]) -> Result<Channel, Failure> {
    let opened: Opened = wire::body(bytes)?;
    if opened.id.is_empty() || opened.resource_id.is_empty() {
        return Err(Failure::protocol(
            "Google opens a channel without naming it",
        ));
    }
    let expires_at = opened.expiration.as_ref().and_then(|expiration| {
        let milliseconds = match expiration {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_i64(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        Timestamp::from_millisecond(milliseconds?).ok()
    });
    Ok(Channel {
        id: opened.id,
        resource_id: opened.resource_id,
        expires_at,
    })
}

impl Notification {
    /// Reads the headers of a call; none where it is none of Google's notifications.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let event = match text("x-goog-resource-state")?.as_str() {
            "sync" => Happened::Opened,
            "exists" => Happened::Changed,
            "not_exists" => Happened::Gone,
            _ => return None,
        };
        let expires_at = text("x-goog-channel-expiration").and_then(|date| {
            let since_epoch = httpdate::parse_http_date(&date)
                .ok()?
                .duration_since(std::time::UNIX_EPOCH)
                .ok()?;
            Timestamp::from_second(i64::try_from(since_epoch.as_secs()).ok()?).ok()
        });
        Some(Self {
            channel: text("x-goog-channel-id").filter(|id| !id.is_empty())?,
            resource_id: text("x-goog-resource-id"),
            event,
            number: text("x-goog-message-number").and_then(|number| number.parse().ok()),
            token: text("x-goog-channel-token").map(SecretString::from),
            expires_at,
        })
    }
}
