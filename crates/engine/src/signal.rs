//! Signals: a provider says that something changed. That carries no data: the link is due, and the next run looks.

use jiff::Timestamp;
use kalends_calendar::ids::{ChannelId, TenantId};
use kalends_store::channels::{self, Channel, ChannelState, NewChannel, Wakes};
use kalends_store::{StoreError, Tx};

use crate::Engine;

/// What a provider said on a channel, and proved to be the one who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The channel is open; nothing changed.
    Opened,
    /// Something changed.
    Changed,
    /// Something changed, and it could not be told what for.
    Missed,
    /// The channel wants to be renewed, and may be silent until then.
    RenewNow,
    /// The channel is gone.
    Removed,
    /// It said something that nobody knows.
    Unknown,
}

/// What came in one call.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was said, all on this channel.
    pub signals: Vec<Signal>,
    /// The provider's own word for what it closes the channel by, where it said so.
    pub provider_id: Option<String>,
}

/// Takes in what was heard on a channel, in one short transaction: many signals make one run.
pub async fn hear(
    engine: &Engine,
    tenant: TenantId,
    channel: &Channel,
    heard: Heard,
) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let said = |signal| heard.signals.contains(&signal);
    let wakes = if heard.signals.iter().any(|signal| wakes(*signal)) {
        Wakes::Link
    } else {
        Wakes::Nobody
    };
    let mut tx = engine.store.begin(tenant).await?;
    let calls = heard.signals.len();
    channels::heard(
        &mut tx,
        channel.id,
        calls,
        heard.provider_id.clone(),
        wakes,
        now,
    )
    .await?;
    if said(Signal::Removed) {
        replace(engine, &mut tx, channel, now).await?;
    } else if said(Signal::RenewNow) && channel.state == ChannelState::Open {
        channels::make_due(&mut tx, channel.id, now).await?;
    }
    tx.commit().await
}

fn wakes(signal: Signal) -> bool {
    match signal {
        // What changes until a channel is renewed may be told of by nobody: one more look costs little.
        Signal::Changed | Signal::Missed | Signal::Removed | Signal::RenewNow => true,
        Signal::Opened | Signal::Unknown => false,
    }
}

/// The provider took the channel away: another one is opened at once, if it was not to be closed anyway.
async fn replace(
    engine: &Engine,
    tx: &mut Tx,
    channel: &Channel,
    now: Timestamp,
) -> Result<(), StoreError> {
    channels::remove(tx, channel.id, now).await?;
    match channel.state {
        ChannelState::Open => {
            let new = NewChannel {
                id: ChannelId(engine.ids.next()),
                link: channel.link,
                failures: 0,
                last_error: None,
                due_at: now,
                created_at: now,
            };
            channels::propose(tx, new).await?;
        }
        // The next look finds that the link has none.
        ChannelState::Opening | ChannelState::Closing => {}
    }
    Ok(())
}
