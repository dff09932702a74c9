//! Push channels and subscriptions: which there are, and how they end without a word.

use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Asked, Done, Refused};
use crate::google::Watched;
use crate::microsoft::Lifecycle;
use crate::world::World;

/// Something that happens to all of a mailbox's subscriptions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Happening {
    user: String,
    event: EventWord,
}

/// The names of [`Lifecycle`] events.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventWord {
    ReauthorizationRequired,
    SubscriptionRemoved,
    Missed,
}

/// `GET /_sandbox/channels`. Those that have run out are not shown.
pub(super) fn list(world: &World, asked: &Asked<'_>) -> Done {
    let google = world.google.channels.values();
    let google = google
        .filter(|channel| channel.expires > asked.now)
        .map(|channel| {
            let (what, of) = match &channel.watched {
                Watched::Events(calendar) => ("events", calendar),
                Watched::CalendarList(user) => ("calendarList", user),
                Watched::Acl(calendar) => ("acl", calendar),
                Watched::Settings(user) => ("settings", user),
            };
            json!({
                "face": "google",
                "id": channel.id,
                "user": channel.user,
                "client": channel.client,
                "watches": format!("{what} of {of}"),
                "address": channel.address,
                "expires": channel.expires.to_string(),
                "messages": channel.number,
            })
        });
    let microsoft = world.microsoft.mailboxes().flat_map(|mailbox| {
        let subscriptions = mailbox.subscriptions.values();
        subscriptions
            .filter(|subscription| subscription.expires_at > asked.now)
            .map(|subscription| {
                json!({
                    "face": "microsoft",
                    "id": subscription.id,
                    "user": mailbox.owner.address,
                    "client": subscription.application,
                    "watches": subscription.resource,
                    "address": subscription.address,
                    "expires": subscription.expires_at.to_string(),
                    "paused": subscription.paused,
                })
            })
    });
    let all: Vec<Value> = google.chain(microsoft).collect();
    Done::ok(json!({ "channels": all }))
}

/// `DELETE /_sandbox/channels/{id}`: nobody is told, as when a provider forgets one.
pub(super) fn kill(world: &mut World, id: &str) -> Result<Done, Refused> {
    let before = world.google.channels.len();
    world.google.channels.retain(|(_, known), _| known != id);
    world.google.pushes.retain(|push| push.channel != id);
    let killed = world.google.channels.len() < before;
    if world.microsoft.forget_subscription(id) || killed {
        Ok(Done::ok(json!({ "killed": id })))
    } else {
        Err(Refused::unknown("id", "There is no such channel."))
    }
}

/// `POST /_sandbox/channels/lifecycle`: something befalls the subscriptions of a mailbox at Microsoft, which tells them.
pub(super) fn lifecycle(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let happening: Happening = asked.read()?;
    if world.microsoft.calendars(&happening.user).is_err() {
        return Err(Refused::unknown("user", "There is no such mailbox."));
    }
    let event = match happening.event {
        EventWord::ReauthorizationRequired => Lifecycle::ReauthorizationRequired,
        EventWord::SubscriptionRemoved => Lifecycle::SubscriptionRemoved,
        EventWord::Missed => Lifecycle::Missed,
    };
    world.microsoft.lifecycle(&happening.user, event, asked.now);
    Ok(Done::ok(json!({})))
}
