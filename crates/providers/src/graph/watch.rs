//! Change notifications: asking for them, and reading them. A notification is a hint that carries no data; whoever gets one
//! reads the changes.
//!
//! Graph calls the notification address back *while* [`Graph::subscribe`] waits for its answer: it must be able to answer
//! (see [`validation_token`]).

use ::http::Method;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::channel::{Channel, Wanted};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{ChannelId, RemoteCalendarId};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::refusal::{self, Doing};
use super::requests::seconds;
use super::{Graph, wire};

/// The longest life that is asked for. Microsoft's own pages disagree beyond it.
pub const LIFETIME_MAX: SignedDuration = SignedDuration::from_mins(4_230);

/// The longest secret that Graph keeps, in characters.
pub const SECRET_CHARS_MAX: usize = 128;

/// The most notifications that are read from one call.
pub const NOTIFICATIONS_MAX: usize = 1_000;

/// The longest validation token that is given back. Microsoft's have a few hundred characters.
pub const VALIDATION_TOKEN_BYTES_MAX: usize = 4_000;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// All calendars of the mailbox: what Microsoft documents.
    Mailbox,
    /// One calendar: accepted in practice.
    Calendar(RemoteCalendarId),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// What is watched.
    pub watched: Watched,
    /// Where notifications go: `https`, and reachable from Microsoft.
    pub notify: Url,
    /// Where word about the subscription itself goes. It cannot be added later.
    pub lifecycle: Option<Url>,
    /// What each notification must carry, at most [`SECRET_CHARS_MAX`] characters.
    pub secret: SecretString,
}

/// A subscription as Graph has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, by which notifications name it.
    pub id: String,
    /// When it ends, if it is not renewed.
    pub expires: Timestamp,
}

impl Subscription {
    /// When to renew it: at half its life, so that a day of trouble costs nothing.
    pub fn renew_at(&self, now: Timestamp) -> Timestamp {
        let left = self.expires.duration_since(now).max(SignedDuration::ZERO);
        now.checked_add(left / 2).unwrap_or(self.expires)
    }

    /// The subscription as the engine has it.
    pub(super) fn into_channel(self, id: ChannelId) -> Channel {
        Channel {
            id,
            provider_id: self.id,
            expires_at: Some(self.expires),
        }
    }
}

/// One notification.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Which subscription it is of.
    pub subscription: String,
    /// The secret it carries. Compare it in constant time; without the right one it is from somebody else.
    pub secret: Option<SecretString>,
    /// What it says.
    pub signal: Signal,
}

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something changed: read the changes.
    Changed,
    /// The subscription wants to be renewed, and is silent until then.
    RenewNow,
    /// The subscription is gone: make a new one, and read the changes.
    Removed,
    /// Notifications were lost: read the changes.
    Missed,
    /// Something that nobody knows yet: nothing to do.
    Unknown(String),
}

#[derive(Deserialize)]
struct Envelope {
    value: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Entry {
    #[serde(deserialize_with = "wire::or_default")]
    subscription_id: String,
    client_state: Option<String>,
    change_type: Option<String>,
    lifecycle_event: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    id: String,
    expiration_date_time: String,
}

fn is_refusal(class: &Class) -> bool {
    match class {
        Class::Item | Class::Forbidden | Class::Gone => true,
        Class::Passing { .. }
        | Class::Unknown
        | Class::CursorDead
        | Class::Changed
        | Class::Exists
        | Class::UidTaken { .. }
        | Class::ReconnectNeeded
        | Class::AddressRefused
        | Class::Protocol => false,
    }
}

/// The token that Graph wants back, as plain text and with status 200, from the query of a call to a notification address:
/// decoded once, as forms are.
pub fn validation_token(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "validationToken")
        .map(|(_, token)| token.into_owned())
        .filter(|token| token.len() <= VALIDATION_TOKEN_BYTES_MAX)
}

/// Reads what was sent to a notification address, of changes or of the life of subscriptions. One body may carry
/// notifications of several subscriptions.
pub fn read_notifications(body: &[u8]) -> Result<Vec<Notification>, Failure> {
    let envelope: Envelope = serde_json::from_slice(body)
        .map_err(|error| Failure::protocol(format!("This is no notification: {error}")))?;
    let read = |entry: Entry| Notification {
        subscription: entry.subscription_id,
        secret: entry.client_state.map(SecretString::from),
        signal: match (
            entry.lifecycle_event.as_deref(),
            entry.change_type.as_deref(),
        ) {
            (Some("reauthorizationRequired"), _) => Signal::RenewNow,
            (Some("subscriptionRemoved"), _) => Signal::Removed,
            (Some("missed"), _) => Signal::Missed,
            (None, Some("created" | "updated" | "deleted")) => Signal::Changed,
            (Some(other), _) | (None, Some(other)) => Signal::Unknown(other.to_owned()),
            (None, None) => Signal::Unknown(String::new()),
        },
    };
    Ok(envelope
        .value
        .into_iter()
        .take(NOTIFICATIONS_MAX)
        .map(read)
        .collect())
}

impl Graph {
    /// Subscribes as the engine asks for it: to the one calendar, or to the whole mailbox where only that can be subscribed
    /// to. Word about the subscription itself goes to the same address.
    pub(super) async fn open_subscription(
        &self,
        calendar: &RemoteCalendarId,
        wanted: &Wanted<'_>,
    ) -> Result<Channel, Failure> {
        // Its path is a secret, and stays out of the message.
        let address: Url = wanted
            .address
            .parse()
            .map_err(|_| Failure::item("The address for notifications is none"))?;
        let mut asked = Subscribe {
            watched: Watched::Calendar(calendar.clone()),
            notify: address.clone(),
            lifecycle: Some(address),
            secret: SecretString::from(wanted.token.expose()),
        };
        let made = match self.subscribe(&asked).await {
            // A refusal made nothing. Microsoft documents the mailbox alone.
            Err(failure) if is_refusal(&failure.class) => {
                asked.watched = Watched::Mailbox;
                self.subscribe(&asked).await?
            }
            made => made?,
        };
        Ok(made.into_channel(wanted.id))
    }

    /// Asks for notifications. Blocks while Graph calls the addresses back.
    pub async fn subscribe(&self, wanted: &Subscribe) -> Result<Subscription, Failure> {
        if wanted.secret.expose_secret().chars().count() > SECRET_CHARS_MAX {
            return Err(Failure::protocol(
                "The secret of a subscription is too long",
            ));
        }
        let resource = match &wanted.watched {
            Watched::Mailbox => "/me/events".to_owned(),
            Watched::Calendar(id) => format!("/me/calendars/{id}/events"),
        };
        let mut body = json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": wanted.notify.as_str(),
            "resource": resource,
            "expirationDateTime": seconds(self.last_moment()),
            "clientState": wanted.secret.expose_secret(),
            "latestSupportedTlsVersion": "v1_2",
        });
        if let Some(lifecycle) = &wanted.lifecycle {
            body["lifecycleNotificationUrl"] = json!(lifecycle.as_str());
        }
        let request = self
            .ask()
            .call(Method::POST, &["subscriptions"], Some(&body));
        self.subscribed(request, Doing::Create).await
    }

    /// Prolongs a subscription. [`Class::Gone`] when it is there no more: then a new one is needed, and a look at the changes.
    pub async fn renew(&self, id: &str) -> Result<Subscription, Failure> {
        let body = json!({"expirationDateTime": seconds(self.last_moment())});
        let request = self
            .ask()
            .call(Method::PATCH, &["subscriptions", id], Some(&body));
        self.subscribed(request, Doing::Update).await
    }

    /// Ends a subscription, or finds that it has ended.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), Failure> {
        let request = self
            .ask()
            .call(Method::DELETE, &["subscriptions", id], None);
        let answer = self.send(request).await?;
        if answer.is_done() {
            return Ok(());
        }
        let failure = refusal::of_write(&answer, Doing::Delete, self.now());
        if failure.class == Class::Gone {
            Ok(())
        } else {
            Err(failure)
        }
    }

    fn last_moment(&self) -> Timestamp {
        self.now()
            .checked_add(LIFETIME_MAX)
            .unwrap_or(Timestamp::MAX)
    }

    async fn subscribed(
        &self,
        request: crate::http::Request,
        doing: Doing,
    ) -> Result<Subscription, Failure> {
        let (value, _) = self.send_write(request, doing).await?;
        let answered = Answered::deserialize(&value).ok().and_then(|answered| {
            Some(Subscription {
                expires: wire::instant(&answered.expiration_date_time)?,
                id: answered.id,
            })
        });
        answered.ok_or_else(|| {
            Failure::protocol("Microsoft's answer does not say which subscription it made")
        })
    }
}
