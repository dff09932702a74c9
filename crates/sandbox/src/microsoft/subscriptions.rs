//! Subscriptions: making, renewing and ending them, and the notifications that they lead to.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Microsoft;
use super::answer::Answer;
use super::asked::Asked;
use super::edit::Author;
use super::ids::{self, IdType};
use super::item::Item;
use super::moment::instant_text;
use super::pushes::{Push, PushKind};
use super::refusal::Refusal;
use super::writing;

/// A subscription to the changes of a mailbox or of one of its calendars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) resource: String,
    /// None for the whole mailbox.
    calendar: Option<u64>,
    changes: Vec<String>,
    pub(crate) address: String,
    lifecycle_address: Option<String>,
    client_state: Option<String>,
    tls: String,
    /// Which ids its notifications have: that of its creation.
    ids: IdType,
    pub(crate) expires_at: Timestamp,
    /// Whether it waits for `reauthorize` or a renewal.
    pub(crate) paused: bool,
}

/// What can happen to a subscription itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The access is about to end: nothing is delivered until the client says that it may go on.
    ReauthorizationRequired,
    /// The subscription is gone, as after a new password.
    SubscriptionRemoved,
    /// Notifications were lost.
    Missed,
}

/// `clientState` may be this long.
const CLIENT_STATE_CHARS_MAX: usize = 128;

/// Creates a subscription. Its addresses are asked to prove themselves: see [`Microsoft::validations_of`].
pub(crate) fn create(graph: &mut Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let body = writing::object(asked.body)?;
    let text = |name: &'static str| match body.get(name) {
        None => Ok(String::new()),
        Some(value) => writing::text(name, value),
    };
    let needed = |name: &'static str| {
        text(name).and_then(|text| {
            if text.is_empty() {
                Err(invalid(format!("The '{name}' property is required.")))
            } else {
                Ok(text)
            }
        })
    };
    let resource = needed("resource")?;
    let address = address(&needed("notificationUrl")?)?;
    let lifecycle = match text("lifecycleNotificationUrl")? {
        empty if empty.is_empty() => None,
        url => Some(self::address(&url)?),
    };
    let state = text("clientState")?;
    if state.chars().count() > CLIENT_STATE_CHARS_MAX {
        return Err(invalid(format!(
            "The 'clientState' property can't be longer than {CLIENT_STATE_CHARS_MAX} characters."
        )));
    }
    let changes = change_types(&needed("changeType")?)?;
    if body
        .get("includeResourceData")
        .is_some_and(|value| *value == true)
    {
        return Err(invalid(
            "Resource data needs an encryption certificate, which this server does not take.",
        ));
    }
    let calendar = graph.subscribed(asked, &resource)?;
    let expires_at = graph.expiry(&body, asked.now)?;
    graph.expire_subscriptions(asked.now);
    let most = graph.switches.subscriptions_max;
    let refuse_same = graph.switches.duplicate_subscription_refused;
    let mailbox = graph.mailbox_mut(asked.email)?;
    if mailbox.subscriptions.len() >= most {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "SubscriptionLimitReached",
            "The mailbox has too many subscriptions.",
        ));
    }
    let same = mailbox.subscriptions.values().any(|known| {
        known.application == asked.client && known.resource == resource && known.address == address
    });
    if same && refuse_same {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "ResourceAlreadyExists",
            "There is such a subscription already.",
        ));
    }
    let number = mailbox.next_key();
    let id = ids::guid(&[b"subscription", &mailbox.tag, &number.to_be_bytes()]);
    let subscription = Subscription {
        id: id.clone(),
        application: asked.client.to_owned(),
        resource,
        calendar,
        changes,
        address: address.clone(),
        lifecycle_address: lifecycle.clone(),
        client_state: (!state.is_empty()).then_some(state),
        tls: text("latestSupportedTlsVersion").map(|tls| {
            if tls.is_empty() {
                "v1_2".to_owned()
            } else {
                tls
            }
        })?,
        ids: asked.prefer.ids,
        expires_at,
        paused: false,
    };
    let creator = mailbox.subject.clone();
    let shown = show(&subscription, &creator);
    mailbox.subscriptions.insert(id.clone(), subscription);
    let addresses = std::iter::once(address).chain(lifecycle);
    for (place, address) in addresses.enumerate() {
        graph
            .pushes
            .push(Push::validation(&address, &id, place, asked));
    }
    let context = asked.context("subscriptions/$entity");
    Ok(Answer::created(with_context(shown, &context)))
}

pub(crate) fn list(graph: &mut Microsoft, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    graph.expire_subscriptions(asked.now);
    let mailbox = graph.mailbox(asked.email)?;
    let own = mailbox
        .subscriptions
        .values()
        .filter(|subscription| subscription.application == asked.client)
        .map(|subscription| show(subscription, &mailbox.subject));
    let own: Vec<Value> = own.collect();
    Ok(Answer::ok(
        json!({ "@odata.context": asked.context("subscriptions"), "value": own }),
    ))
}

pub(crate) fn get(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let shown = graph.shown_subscription(asked, id)?;
    Ok(Answer::ok(with_context(
        shown,
        &asked.context("subscriptions/$entity"),
    )))
}

/// Renews a subscription, which authorises it anew.
pub(crate) fn patch(graph: &mut Microsoft, asked: &Asked<'_>, id: &str) -> Result<Answer, Refusal> {
    let body = writing::object(asked.body)?;
    let writable = ["expirationDateTime", "notificationUrl"];
    if let Some(fixed) = body
        .keys()
        .find(|name| !writable.contains(&name.as_str()) && !name.contains('@'))
    {
        return Err(invalid(format!("The '{fixed}' property can't be changed.")));
    }
    let expires_at = match body.get("expirationDateTime") {
        None => None,
        Some(_) => Some(graph.expiry(&body, asked.now)?),
    };
    let moved = match body.get("notificationUrl") {
        None => None,
        Some(url) => Some(address(&writing::text("notificationUrl", url)?)?),
    };
    let subscription = graph.own_subscription(asked, id)?;
    if let Some(expires_at) = expires_at {
        subscription.expires_at = expires_at;
    }
    subscription.paused = false;
    if let Some(moved) = moved {
        subscription.address.clone_from(&moved);
        graph.pushes.push(Push::validation(&moved, id, 0, asked));
    }
    get(graph, asked, id)
}

pub(crate) fn delete(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    id: &str,
) -> Result<Answer, Refusal> {
    graph.own_subscription(asked, id)?;
    graph.mailbox_mut(asked.email)?.subscriptions.remove(id);
    graph.drop_pushes_of(id);
    Ok(Answer::no_content())
}

pub(crate) fn reauthorize(
    graph: &mut Microsoft,
    asked: &Asked<'_>,
    id: &str,
) -> Result<Answer, Refusal> {
    graph.own_subscription(asked, id)?.paused = false;
    let status =
        StatusCode::from_u16(graph.switches.reauthorize_status).unwrap_or(StatusCode::NO_CONTENT);
    Ok(Answer::bare(status))
}

impl Microsoft {
    /// Which calendar a resource means; none for the whole mailbox.
    fn subscribed(&self, asked: &Asked<'_>, resource: &str) -> Result<Option<u64>, Refusal> {
        let path = resource
            .split('?')
            .next()
            .unwrap_or_default()
            .trim_matches('/');
        let segments: Vec<&str> = path.split('/').collect();
        let mailbox = self.mailbox(asked.email)?;
        let rest = match segments.as_slice() {
            ["me", rest @ ..] => rest,
            ["users", user, rest @ ..] if mailbox.owner.is(user) || mailbox.subject == *user => {
                rest
            }
            ["users", ..] => return Err(Refusal::denied()),
            _ => {
                return Err(invalid(format!(
                    "The resource '{resource}' is not supported."
                )));
            }
        };
        match rest {
            ["events"] => Ok(None),
            ["calendar", "events"] if self.switches.calendars_can_be_subscribed => {
                Ok(Some(mailbox.default))
            }
            ["calendars", id, "events"] if self.switches.calendars_can_be_subscribed => {
                let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
                mailbox.calendar(&id).map(|calendar| Some(calendar.key))
            }
            _ => Err(invalid(format!(
                "The resource '{resource}' is not supported."
            ))),
        }
    }

    fn expiry(&self, body: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, Refusal> {
        let wanted: Timestamp = body
            .get("expirationDateTime")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| invalid("The 'expirationDateTime' property is required."))?;
        let after = |minutes| {
            now.saturating_add(SignedDuration::from_mins(minutes))
                .unwrap_or(now)
        };
        if wanted <= now {
            return Err(invalid("Subscription expiration must be in the future."));
        }
        let most = self.switches.subscription_minutes_max;
        if wanted > after(most) {
            return Err(invalid(format!(
                "Subscription expiration can only be {most} minutes in the future."
            )));
        }
        Ok(wanted.max(after(self.switches.subscription_minutes_min)))
    }

    /// Takes away what has run out.
    pub(crate) fn expire_subscriptions(&mut self, now: Timestamp) {
        for mailbox in self.mailboxes.values_mut() {
            mailbox
                .subscriptions
                .retain(|_, subscription| subscription.expires_at > now);
        }
    }

    fn own_subscription(
        &mut self,
        asked: &Asked<'_>,
        id: &str,
    ) -> Result<&mut Subscription, Refusal> {
        self.expire_subscriptions(asked.now);
        self.mailbox_mut(asked.email)?
            .subscriptions
            .get_mut(id)
            .filter(|subscription| subscription.application == asked.client)
            .ok_or_else(|| {
                Refusal::new(
                    StatusCode::NOT_FOUND,
                    "ResourceNotFound",
                    "The object was not found.",
                )
            })
    }

    fn shown_subscription(&mut self, asked: &Asked<'_>, id: &str) -> Result<Value, Refusal> {
        let creator = self.mailbox(asked.email)?.subject.clone();
        self.own_subscription(asked, id)
            .map(|subscription| show(subscription, &creator))
    }

    /// Queues what a change of an item leads to.
    pub(crate) fn notify(&mut self, author: Author<'_>, item: &Item, change: &'static str) {
        let Ok(mailbox) = self.mailbox(author.email) else {
            return;
        };
        let mut queued = Vec::new();
        for subscription in mailbox.subscriptions.values() {
            let here = subscription
                .calendar
                .is_none_or(|calendar| calendar == item.calendar);
            let wanted = subscription.changes.iter().any(|wanted| wanted == change);
            if !here || !wanted || subscription.paused || subscription.expires_at <= author.now {
                continue;
            }
            let id = mailbox.id(item, None, subscription.ids);
            let path = format!("Users/{}/Events/{id}", mailbox.subject);
            let etag = format!("W/\"{}\"", mailbox.change_key(item, None));
            let mut notification = envelope(subscription);
            notification["changeType"] = change.into();
            notification["resource"] = path.clone().into();
            notification["resourceData"] = json!({
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": path,
                "@odata.etag": etag,
                "id": id,
            });
            let push = Push {
                due_at: author
                    .now
                    .saturating_add(self.switches.push_delay)
                    .unwrap_or(author.now),
                queued_at: author.now,
                kind: PushKind::Change,
                subscription: subscription.id.clone(),
                address: subscription.address.clone(),
                content_type: "application/json",
                body: json!({ "value": [notification] }).to_string().into(),
                cause: String::new(),
                attempts: 0,
            };
            for _ in 0..self.switches.pushes_per_change {
                queued.push(push.clone());
            }
        }
        self.pushes.extend(queued);
    }

    /// Lets something happen to every subscription of a mailbox. Clients are told at their lifecycle address if they gave one.
    pub fn lifecycle(&mut self, email: &str, event: Lifecycle, now: Timestamp) {
        self.expire_subscriptions(now);
        let Ok(mailbox) = self.mailbox_mut(email) else {
            return;
        };
        let (name, subscriptions) = match event {
            Lifecycle::ReauthorizationRequired => {
                for subscription in mailbox.subscriptions.values_mut() {
                    subscription.paused = true;
                }
                let all: Vec<Subscription> = mailbox.subscriptions.values().cloned().collect();
                ("reauthorizationRequired", all)
            }
            Lifecycle::SubscriptionRemoved => {
                let gone = std::mem::take(&mut mailbox.subscriptions);
                ("subscriptionRemoved", gone.into_values().collect())
            }
            Lifecycle::Missed => ("missed", mailbox.subscriptions.values().cloned().collect()),
        };
        for subscription in subscriptions {
            if matches!(event, Lifecycle::SubscriptionRemoved | Lifecycle::Missed) {
                self.drop_pushes_of(&subscription.id);
            }
            let Some(address) = subscription.lifecycle_address.clone() else {
                continue;
            };
            let mut notification = envelope(&subscription);
            notification["lifecycleEvent"] = name.into();
            self.pushes.push(Push {
                due_at: now.saturating_add(self.switches.push_delay).unwrap_or(now),
                queued_at: now,
                kind: PushKind::Lifecycle,
                subscription: subscription.id,
                address,
                content_type: "application/json",
                body: json!({ "value": [notification] }).to_string().into(),
                cause: String::new(),
                attempts: 0,
            });
        }
    }
}

/// What every notification of a subscription says.
fn envelope(subscription: &Subscription) -> Value {
    json!({
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": instant_text(subscription.expires_at),
        "clientState": subscription.client_state,
        "tenantId": TENANT,
    })
}

/// The tenant that every account of this sandbox belongs to.
const TENANT: &str = "84bd8158-6d4d-4958-8b9f-9d6445542f95";

fn show(subscription: &Subscription, creator: &str) -> Value {
    json!({
        "id": subscription.id,
        "resource": subscription.resource,
        "applicationId": subscription.application,
        "changeType": subscription.changes.join(","),
        "clientState": subscription.client_state,
        "notificationUrl": subscription.address,
        "notificationQueryOptions": null,
        "lifecycleNotificationUrl": subscription.lifecycle_address,
        "expirationDateTime": instant_text(subscription.expires_at),
        "creatorId": creator,
        "includeResourceData": null,
        "latestSupportedTlsVersion": subscription.tls,
        "encryptionCertificate": null,
        "encryptionCertificateId": null,
        "notificationUrlAppId": null,
    })
}

fn with_context(mut shown: Value, context: &str) -> Value {
    shown["@odata.context"] = context.into();
    shown
}

fn change_types(text: &str) -> Result<Vec<String>, Refusal> {
    let mut changes = Vec::new();
    for change in text.split(',').map(str::trim) {
        if !["created", "updated", "deleted"].contains(&change) {
            return Err(invalid(format!(
                "The change type '{change}' is not supported."
            )));
        }
        changes.push(change.to_owned());
    }
    Ok(changes)
}

/// An address that notifications can be sent to. The sandbox's own clients may listen without TLS.
fn address(text: &str) -> Result<String, Refusal> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text.to_owned())
    } else {
        Err(invalid("The notification URL must begin with https."))
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidRequest", message)
}
