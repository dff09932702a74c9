//! Whether a link is told of changes, as the API and the command line say it.

use jiff::Timestamp;
use kalends_store::channels::{self, Channel, ChannelState};
use kalends_store::connections::{Connection, ConnectionState};
use kalends_store::links::{Link, LinkState};
use kalends_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::words;
use crate::hooks::WayIn;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PushState {
    /// The provider says when something changes.
    Open,
    /// It is being asked to.
    Opening,
    /// It does not: the calendar is polled.
    Polling,
}

/// Whether a link is told of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Push {
    /// `open` where the provider says when something changes; `polling` where it does not, or not now.
    pub(crate) state: PushState,
    /// Why it is not `open`, for people.
    pub(crate) reason: Option<String>,
    /// When the channel ends, if it is not renewed before.
    #[schemars(with = "Option<words::Instant>")]
    pub(crate) expires_at: Option<Timestamp>,
    /// When the provider was last heard.
    #[schemars(with = "Option<words::Instant>")]
    pub(crate) last_signal_at: Option<Timestamp>,
    /// What was wrong when the channel was last to be renewed; it is tried again.
    pub(crate) problem: Option<String>,
}

impl Push {
    fn polling(reason: impl Into<String>) -> Self {
        Self {
            state: PushState::Polling,
            reason: Some(reason.into()),
            expires_at: None,
            last_signal_at: None,
            problem: None,
        }
    }

    /// In a few words.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            PushState::Open => "open",
            PushState::Opening => "opening",
            PushState::Polling => "polling",
        }
    }
}

/// What is told of a link.
pub(crate) async fn of_link(
    tx: &mut Tx,
    link: &Link,
    connection: Option<&Connection>,
    way_in: &WayIn,
    now: Timestamp,
) -> Result<Push, StoreError> {
    let channels = channels::of_link(tx, link.id).await?;
    let mut push = told(&channels, link, connection, way_in, now);
    push.last_signal_at = channels
        .iter()
        .filter_map(|channel| channel.last_signal_at)
        .max();
    Ok(push)
}

fn told(
    channels: &[Channel],
    link: &Link,
    connection: Option<&Connection>,
    way_in: &WayIn,
    now: Timestamp,
) -> Push {
    let of = |state| channels.iter().find(move |channel| channel.state == state);
    let open = of(ChannelState::Open).filter(|channel| channel.expires_at > Some(now));
    if let Some(channel) = open.filter(|channel| channel.signals > 0) {
        return Push {
            state: PushState::Open,
            reason: None,
            expires_at: channel.expires_at,
            last_signal_at: None,
            problem: channel.last_error.clone(),
        };
    }
    let Some(connection) = connection else {
        return Push::polling("its account is gone");
    };
    if let Err(why) = way_in.reached_by(connection.provider) {
        return Push::polling(why.told());
    }
    if link.state == LinkState::Paused {
        return Push::polling("the link is paused");
    }
    if connection.state == ConnectionState::ReconnectNeeded {
        return Push::polling("the account must be connected again");
    }
    if !link.live {
        return Push::polling("its first sync is not finished");
    }
    if open.is_some() {
        return Push {
            state: PushState::Opening,
            ..Push::polling("the provider was asked, and has not called yet")
        };
    }
    match of(ChannelState::Opening).and_then(|channel| channel.last_error.clone()) {
        Some(error) => Push::polling(error),
        None => Push {
            state: PushState::Opening,
            ..Push::polling("the provider is being asked")
        },
    }
}
