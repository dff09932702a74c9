//! Watching: sees to it that every link which is worked on has a channel where its provider has them, and that none has one
//! which nobody wants.
//!
//! Whoever looks finds what is to be done in the database, whatever made it so: a link that went live, a feature that was
//! lost, a channel that is about to end. A channel is asked for under a name that is used once. If nobody knows what came of
//! that, it is left alone, and another is asked for under another name.

use std::future::Future;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use kalends_calendar::channel::{self, ChannelToken, Push, Renewal};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{ChannelId, ConnectionId, LinkId, TenantId};
use kalends_calendar::provider::Provider;
use kalends_store::channels::{
    self, Asking, Channel, ChannelState, Claimed, KeyHash, NewChannel, Opened, Said, TokenHash,
};
use kalends_store::connections::{self, Connection, ConnectionState, ProviderKind};
use kalends_store::links::{self, DueReason};
use kalends_store::{StoreError, Tx, departures};

use crate::Engine;
use crate::backoff::{after, next_poll, next_try};

/// How often a node looks which links want a channel and which channels nobody wants: it reads all links.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often it looks whose turn it is.
const TURN_EVERY: Duration = Duration::from_secs(1);

/// How many channels one look proposes: the rest waits for the next one.
const PROPOSED_MAX: i64 = 100;

/// How long one has a channel to oneself. Longer than all requests about it may take together; whoever dies meanwhile leaves
/// a link that is polled.
const CLAIM_FOR: Duration = Duration::from_mins(3);

/// How long a channel that was asked for may call before nobody waits for it any more.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// When a channel of which nobody heard has ended for sure: no provider is known to grant more than a month.
const LIFE_MAX: Duration = Duration::from_hours(31 * 24);

/// How long a channel counts as open where the provider does not say.
const LIFE_UNTOLD: Duration = Duration::from_hours(24);

/// Where a provider is told to call, and what it is to show.
#[derive(Debug)]
pub struct Hook {
    /// The address. Its path holds a key that nobody can guess.
    pub address: String,
    /// What that key is known by.
    pub key: KeyHash,
    /// What a call must show.
    pub token: ChannelToken,
    /// What that is known by.
    pub token_hash: TokenHash,
}

/// The way in for providers: the one place where the engine meets the addresses of this installation, filled by the
/// composition root, which also draws the secrets.
pub trait Hooks: Send + Sync {
    /// The providers that reach this installation. None, where it has no address that they accept.
    fn reached(&self) -> &[ProviderKind];

    /// A hook that was never given out before.
    fn fresh(&self, provider: ProviderKind) -> Result<Hook, Failure>;
}

/// Looks after channels until `stop` is done. What is under way is dropped then, which is safe at any await. A database that
/// cannot be reached is waited for.
pub async fn watch(engine: &Engine, hooks: &dyn Hooks, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut looked_at = None;
    loop {
        let round = Box::pin(round(engine, hooks, &mut looked_at));
        let found = match select(stop, round).await {
            Either::Left(_) => return,
            Either::Right((found, going_on)) => {
                stop = going_on;
                found
            }
        };
        match found {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "channels are not looked after; trying again"),
        }
        match select(stop, engine.clock.sleep(TURN_EVERY)).await {
            Either::Left(_) => return,
            Either::Right(((), going_on)) => stop = going_on,
        }
    }
}

/// One round: a look if it is time for one, and one channel; whether there was one.
async fn round(
    engine: &Engine,
    hooks: &dyn Hooks,
    looked_at: &mut Option<Timestamp>,
) -> Result<bool, StoreError> {
    let now = engine.clock.now();
    if looked_at.is_none_or(|at| now >= after(at, LOOK_EVERY)) {
        look(engine, hooks).await?;
        *looked_at = Some(now);
    }
    tend(engine, hooks).await
}

/// Looks which links want a channel, and which channels nobody wants any more.
pub async fn look(engine: &Engine, hooks: &dyn Hooks) -> Result<(), StoreError> {
    let reached = hooks.reached();
    channels::close_unwanted(&engine.store, reached, engine.clock.now()).await?;
    if reached.is_empty() {
        return Ok(());
    }
    for wanting in channels::wanting(&engine.store, reached, PROPOSED_MAX).await? {
        let mut tx = engine.store.begin(wanting.tenant).await?;
        propose(engine, &mut tx, wanting.link, Tries::default()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What is known of the tries before.
#[derive(Default)]
struct Tries {
    failures: i64,
    last_error: Option<String>,
    due_at: Option<Timestamp>,
}

async fn propose(
    engine: &Engine,
    tx: &mut Tx,
    link: LinkId,
    tries: Tries,
) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let new = NewChannel {
        id: ChannelId(engine.ids.next()),
        link,
        failures: tries.failures,
        last_error: tries.last_error,
        due_at: tries.due_at.unwrap_or(now),
        created_at: now,
    };
    channels::propose(tx, new).await?;
    Ok(())
}

/// Looks after the channel whose turn it is; false if it is nobody's.
pub async fn tend(engine: &Engine, hooks: &dyn Hooks) -> Result<bool, StoreError> {
    let now = engine.clock.now();
    let Some(claimed) = channels::claim(&engine.store, now, after(now, CLAIM_FOR)).await? else {
        return Ok(false);
    };
    let Claimed { tenant, channel } = claimed;
    let mut tx = engine.store.read(tenant).await?;
    let is_wanted = channels::is_wanted(&mut tx, channel.id, hooks.reached()).await?;
    let connection = connection(&mut tx, channel.connection).await?;
    drop(tx);
    let turn = Turn {
        engine,
        hooks,
        tenant,
        channel,
        is_wanted,
    };
    turn.take(connection).await?;
    // A channel that begins or ends makes its link due.
    engine.bell.ring();
    Ok(true)
}

/// What is to be done with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// It is asked for.
    Open,
    /// It called, so it is open, though the answer that said so was lost.
    Adopt,
    /// It was asked for, and nobody knows what came of it.
    GiveUp,
    /// It is kept from ending.
    Renew,
    /// It is closed at the provider.
    Close,
    /// It is over.
    Forget,
    /// Nothing can be done before this time.
    Wait(Timestamp),
}

/// What is to be done with a channel whose turn it is.
fn care(channel: &Channel, is_wanted: bool, now: Timestamp) -> Care {
    let is_over = channel.expires_at.is_some_and(|at| at <= now);
    let is_asked = channel.asked_at.is_some();
    let is_known = channel.provider_id.is_some();
    match channel.state {
        ChannelState::Opening if !is_asked && is_wanted => Care::Open,
        ChannelState::Opening if !is_asked || is_over => Care::Forget,
        ChannelState::Opening if is_known => Care::Adopt,
        ChannelState::Opening => Care::GiveUp,
        ChannelState::Open | ChannelState::Closing if is_over => Care::Forget,
        ChannelState::Open if is_wanted => Care::Renew,
        ChannelState::Open => Care::Close,
        ChannelState::Closing if is_known => Care::Close,
        ChannelState::Closing => Care::Wait(channel.expires_at.unwrap_or(now)),
    }
}

/// The turn of one channel.
struct Turn<'a> {
    engine: &'a Engine,
    hooks: &'a dyn Hooks,
    tenant: TenantId,
    channel: Channel,
    is_wanted: bool,
}

impl Turn<'_> {
    async fn take(&self, connection: Option<Connection>) -> Result<(), StoreError> {
        match care(&self.channel, self.is_wanted, self.now()) {
            care @ (Care::Open | Care::Renew | Care::Close) => match connection {
                Some(connection) => self.ask(care, &connection).await,
                None => self.forget().await,
            },
            Care::Adopt => {
                let known = self.channel.provider_id.clone().unwrap_or_default();
                let said = self.said(known, self.channel.expires_at);
                self.opened(&said).await.map(drop)
            }
            Care::GiveUp => self.give_up().await,
            Care::Forget => self.forget().await,
            Care::Wait(until) => self.later(None, until).await,
        }
    }

    fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// Does what only the provider can do, unless it wants to be left alone.
    async fn ask(&self, care: Care, connection: &Connection) -> Result<(), StoreError> {
        if let Some(at) = connection.retry_at.filter(|at| self.now() < *at) {
            return self.later(None, at).await;
        }
        // Nothing is asked of a dead account. Connected again it is looked after at the next turn, or at the next look.
        if connection.state == ConnectionState::ReconnectNeeded {
            let at = after(self.now(), self.engine.settings.backoff_max);
            return self.later(None, self.in_time(at)).await;
        }
        let provider = match self.engine.providers.open(self.tenant, connection).await {
            Ok(provider) => provider,
            Err(failure) => return self.failed(&failure).await,
        };
        let provider = provider.as_ref();
        match care {
            Care::Open => self.open(provider).await?,
            Care::Renew => self.renew(provider).await?,
            Care::Close => self.close(provider).await?,
            Care::Adopt | Care::GiveUp | Care::Forget | Care::Wait(_) => {}
        }
        let Some(until) = provider.left_alone_until() else {
            return Ok(());
        };
        let mut tx = self.engine.store.begin(self.tenant).await?;
        connections::leave_alone(&mut tx, connection.id, until).await?;
        tx.commit().await
    }

    async fn open(&self, provider: &dyn Provider) -> Result<(), StoreError> {
        let mut tx = self.engine.store.read(self.tenant).await?;
        let link = links::get(&mut tx, self.channel.link).await?;
        drop(tx);
        let Some(link) = link else {
            return self.forget().await;
        };
        let hook = match (
            provider.capabilities().push,
            self.hooks.fresh(self.channel.provider),
        ) {
            (Push::Channels(_), Ok(hook)) => hook,
            (Push::Channels(_), Err(failure)) => return self.failed(&failure).await,
            (Push::None, _) => {
                let failure = Failure::protocol("this provider has no channels after all");
                return self.failed(&failure).await;
            }
        };
        let now = self.now();
        let asking = Asking {
            id: self.channel.id,
            fence: self.channel.fence,
            key: hook.key,
            token: hook.token_hash,
            at: now,
            until: after(now, LIFE_MAX),
        };
        let mut tx = self.engine.store.begin(self.tenant).await?;
        if !channels::ask(&mut tx, &asking).await? {
            return Ok(());
        }
        tx.commit().await?;
        let wanted = channel::Wanted {
            id: self.channel.id,
            address: &hook.address,
            token: &hook.token,
        };
        match provider.open_channel(&link.remote_calendar, &wanted).await {
            Ok(made) => {
                let said = self.said(made.provider_id.clone(), made.expires_at);
                if self.opened(&said).await? == Opened::Unknown {
                    // Its account is gone meanwhile, and with it whoever would close this.
                    close_quietly(provider, &made).await;
                }
                Ok(())
            }
            Err(failure) if failure.class == Class::Unknown => {
                let at = after(self.now(), HEARD_WITHIN);
                self.later(Some(failure.message), at).await
            }
            Err(failure) => self.refused(&failure).await,
        }
    }

    async fn opened(&self, said: &Said) -> Result<Opened, StoreError> {
        let mut tx = self.engine.store.begin(self.tenant).await?;
        let opened = channels::opened(&mut tx, self.channel.id, said).await?;
        tx.commit().await?;
        Ok(opened)
    }

    /// Nothing was made. It is tried again, under another name.
    async fn refused(&self, failure: &Failure) -> Result<(), StoreError> {
        tracing::warn!(link = %self.channel.link, error = %failure.message, "no channel was opened");
        let again = ChannelId(self.engine.ids.next());
        let at = self.retry_at(failure);
        let message = failure.message.clone();
        let mut tx = self.engine.store.begin(self.tenant).await?;
        channels::refused(&mut tx, &self.channel, again, message, at).await?;
        self.find_out(&mut tx, failure).await?;
        tx.commit().await
    }

    /// That an account is dead is for a run to find out, which tells people of it.
    async fn find_out(&self, tx: &mut Tx, failure: &Failure) -> Result<(), StoreError> {
        if failure.class == Class::ReconnectNeeded {
            links::make_due(tx, self.channel.link, self.now(), DueReason::Retry).await?;
        }
        Ok(())
    }

    /// It may be there or not; another one takes its place.
    async fn give_up(&self) -> Result<(), StoreError> {
        let tries = Tries {
            failures: self.channel.failures,
            last_error: self.channel.last_error.clone(),
            due_at: Some(self.backoff(None)),
        };
        let mut tx = self.engine.store.begin(self.tenant).await?;
        channels::lost(&mut tx, &self.channel).await?;
        if self.is_wanted {
            propose(self.engine, &mut tx, self.channel.link, tries).await?;
        }
        tx.commit().await
    }

    async fn renew(&self, provider: &dyn Provider) -> Result<(), StoreError> {
        let Some(there) = self.there() else {
            return self.forget().await;
        };
        match provider.capabilities().push {
            Push::Channels(Renewal::Prolonged) => match provider.renew_channel(&there).await {
                Ok(renewed) => {
                    let said = self.said(renewed.provider_id, renewed.expires_at);
                    let mut tx = self.engine.store.begin(self.tenant).await?;
                    channels::renewed(&mut tx, &self.channel, &said).await?;
                    tx.commit().await
                }
                Err(failure) if failure.class == Class::Gone => self.forget().await,
                Err(failure) => self.failed(&failure).await,
            },
            Push::Channels(Renewal::Replaced) => {
                let mut tx = self.engine.store.begin(self.tenant).await?;
                propose(self.engine, &mut tx, self.channel.link, Tries::default()).await?;
                // Closed when the other one is open; if that never is, it ends by itself.
                let ends = self.in_time(Timestamp::MAX);
                channels::later(&mut tx, &self.channel, None, ends).await?;
                tx.commit().await
            }
            Push::None => self.forget().await,
        }
    }

    async fn close(&self, provider: &dyn Provider) -> Result<(), StoreError> {
        let Some(there) = self.there() else {
            return self.forget().await;
        };
        match provider.close_channel(&there).await {
            Ok(()) => self.forget().await,
            Err(failure) if failure.class == Class::Gone => self.forget().await,
            Err(failure) => self.failed(&failure).await,
        }
    }

    /// It is over. Whoever still wants one gets another.
    async fn forget(&self) -> Result<(), StoreError> {
        let mut tx = self.engine.store.begin(self.tenant).await?;
        channels::remove(&mut tx, self.channel.id, self.now()).await?;
        if self.is_wanted && self.channel.state == ChannelState::Open {
            propose(self.engine, &mut tx, self.channel.link, Tries::default()).await?;
        }
        tx.commit().await
    }

    async fn failed(&self, failure: &Failure) -> Result<(), StoreError> {
        let mut tx = self.engine.store.begin(self.tenant).await?;
        let at = self.in_time(self.retry_at(failure));
        let error = Some(failure.message.clone());
        channels::later(&mut tx, &self.channel, error, at).await?;
        self.find_out(&mut tx, failure).await?;
        tx.commit().await
    }

    async fn later(&self, error: Option<String>, at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.engine.store.begin(self.tenant).await?;
        channels::later(&mut tx, &self.channel, error, at).await?;
        tx.commit().await
    }

    fn retry_at(&self, failure: &Failure) -> Timestamp {
        match failure.class {
            Class::Passing { retry_at } => self.backoff(retry_at),
            _ => self.backoff(None),
        }
    }

    fn backoff(&self, asked: Option<Timestamp>) -> Timestamp {
        let failures = u32::try_from(self.channel.failures)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let engine = self.engine;
        let entropy = engine.entropy.as_ref();
        next_try(self.now(), failures, asked, &engine.settings, entropy)
    }

    /// No later than the channel ends: then it is over, and its link must know.
    fn in_time(&self, at: Timestamp) -> Timestamp {
        self.channel.expires_at.map_or(at, |ends| at.min(ends))
    }

    /// The channel as the provider knows it.
    fn there(&self) -> Option<channel::Channel> {
        as_there(&self.channel)
    }

    /// What the provider said, with when the channel is to be renewed: at half its life, give or take a tenth, so that a day
    /// of trouble costs nothing and channels opened together drift apart.
    fn said(&self, provider_id: String, expires_at: Option<Timestamp>) -> Said {
        let at = self.now();
        let expires_at = expires_at.unwrap_or_else(|| after(at, LIFE_UNTOLD));
        let left = Duration::try_from(expires_at.duration_since(at)).unwrap_or_default();
        Said {
            provider_id,
            expires_at,
            renew_at: next_poll(at, left / 2, self.engine.entropy.as_ref()),
            at,
        }
    }
}

/// The account of a channel, also while it is leaving.
async fn connection(tx: &mut Tx, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
    match connections::get(tx, id).await? {
        Some(connection) => Ok(Some(connection)),
        None => Ok(departures::get(tx, id)
            .await?
            .map(|departure| departure.connection)),
    }
}

/// A channel as the provider knows it; none where nobody knows its name there.
pub fn as_there(channel: &Channel) -> Option<channel::Channel> {
    Some(channel::Channel {
        id: channel.id,
        provider_id: channel.provider_id.clone()?,
        expires_at: channel.expires_at,
    })
}

/// Closes a channel that nobody will look after again. It ends by itself if this fails, and calls in vain until then.
pub async fn close_quietly(provider: &dyn Provider, there: &channel::Channel) {
    if let Err(failure) = provider.close_channel(there).await {
        tracing::info!(channel = %there.id, error = %failure.message, "a channel is left to run out");
    }
}

/// Closes what is still open of an account that is about to be forgotten.
pub(crate) async fn close_all(
    engine: &Engine,
    tenant: TenantId,
    connection: &Connection,
) -> Result<(), StoreError> {
    let mut tx = engine.store.read(tenant).await?;
    let known = channels::of_connection(&mut tx, connection.id).await?;
    drop(tx);
    if known.is_empty() {
        return Ok(());
    }
    if let Ok(provider) = engine.providers.open(tenant, connection).await {
        for there in known.iter().filter_map(as_there) {
            close_quietly(provider.as_ref(), &there).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(state: ChannelState) -> Channel {
        Channel {
            id: ChannelId(uuid::Uuid::nil()),
            link: LinkId(uuid::Uuid::nil()),
            connection: ConnectionId(uuid::Uuid::nil()),
            provider: ProviderKind::Google,
            state,
            provider_id: None,
            asked_at: None,
            expires_at: None,
            due_at: Timestamp::UNIX_EPOCH,
            fence: 1,
            failures: 0,
            last_error: None,
            last_signal_at: None,
            signals: 0,
        }
    }

    #[test]
    fn what_is_done_with_a_channel_is_a_table() {
        use ChannelState::{Closing, Open, Opening};
        let at = |second| Timestamp::from_second(second).unwrap();
        let ends = at(100);
        // State, whether it was asked for, whether its name there is known, whether it is over, whether it is wanted.
        #[rustfmt::skip]
        let table = [
            (Opening, false, false, false, true,  Care::Open),
            (Opening, false, false, false, false, Care::Forget),
            (Opening, true,  false, false, true,  Care::GiveUp),
            (Opening, true,  false, false, false, Care::GiveUp),
            (Opening, true,  true,  false, true,  Care::Adopt),
            (Opening, true,  true,  false, false, Care::Adopt),
            (Opening, true,  true,  true,  true,  Care::Forget),
            (Open,    true,  true,  false, true,  Care::Renew),
            (Open,    true,  true,  false, false, Care::Close),
            (Open,    true,  true,  true,  true,  Care::Forget),
            (Closing, true,  true,  false, true,  Care::Close),
            (Closing, true,  true,  false, false, Care::Close),
            (Closing, true,  false, false, true,  Care::Wait(ends)),
            (Closing, true,  true,  true,  true,  Care::Forget),
            (Closing, true,  false, true,  true,  Care::Forget),
        ];
        for (state, asked, known, over, wanted, expected) in table {
            let channel = Channel {
                asked_at: asked.then(|| at(0)),
                expires_at: asked.then_some(ends),
                provider_id: known.then(|| "there".to_owned()),
                ..channel(state)
            };
            let now = if over { ends } else { at(99) };
            let found = care(&channel, wanted, now);
            assert_eq!(found, expected, "{state:?} {asked} {known} {over} {wanted}");
        }
    }
}
