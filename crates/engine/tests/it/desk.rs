//! Where the remote calendars of these tests open channels: a provider with a will of its own, and a way in for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::channel::{Channel, ChannelToken, Push, Renewal, Wanted};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::ChannelId;
use kalends_engine::watch::{Hook, Hooks};
use kalends_store::channels::{KeyHash, TokenHash};
use kalends_store::connections::ProviderKind;

/// How long a channel lives.
pub(crate) const LIFE: SignedDuration = SignedDuration::from_hours(10);

/// What goes wrong with the next thing that is asked about a channel.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    /// It is refused with this, and nothing happens.
    Refused(Class),
    /// It happens, and the answer is lost.
    LostAfterEffect,
    /// It does not happen, and nobody knows.
    LostBeforeSend,
}

#[derive(Default)]
struct State {
    open: BTreeMap<String, (ChannelId, Timestamp)>,
    mishaps: VecDeque<Mishap>,
    /// All that was asked.
    asked: Vec<String>,
    names: Vec<ChannelId>,
    now: Timestamp,
    renewal: Option<Renewal>,
}

/// The provider's side of channels.
#[derive(Default)]
pub(crate) struct Desk(Mutex<State>);

impl Desk {
    pub(crate) fn push(&self) -> Push {
        self.0
            .lock()
            .unwrap()
            .renewal
            .map_or(Push::None, Push::Channels)
    }

    /// From now on it has channels.
    pub(crate) fn has_channels(&self, renewal: Renewal) {
        self.0.lock().unwrap().renewal = Some(renewal);
    }

    /// What time it is there. Channels that are over are gone.
    pub(crate) fn set_clock(&self, now: Timestamp) {
        let mut state = self.0.lock().unwrap();
        state.now = now;
        state.open.retain(|_, (_, ends)| *ends > now);
    }

    pub(crate) fn mishap(&self, mishap: Mishap) {
        self.0.lock().unwrap().mishaps.push_back(mishap);
    }

    /// The channels that are open there, by what they are closed by.
    pub(crate) fn open_ones(&self) -> Vec<String> {
        self.0.lock().unwrap().open.keys().cloned().collect()
    }

    /// Takes a channel away, as providers do.
    pub(crate) fn drops(&self, provider_id: &str) {
        self.0.lock().unwrap().open.remove(provider_id).unwrap();
    }

    /// What was asked since last looked at.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub(crate) fn open(&self, wanted: &Wanted<'_>) -> Result<Channel, Failure> {
        let mut state = self.0.lock().unwrap();
        state.asked.push("open".to_owned());
        assert!(
            !state.names.contains(&wanted.id),
            "asked for under a name that was used"
        );
        state.names.push(wanted.id);
        let mishap = state.mishaps.pop_front();
        match mishap {
            Some(Mishap::Refused(class)) => return Err(Failure::new(class, "refused")),
            Some(Mishap::LostBeforeSend) => return Err(Failure::new(Class::Unknown, "lost")),
            Some(Mishap::LostAfterEffect) | None => {}
        }
        let ends = state.now + LIFE;
        let provider_id = format!("there-{}", state.names.len());
        state.open.insert(provider_id.clone(), (wanted.id, ends));
        if mishap.is_some() {
            return Err(Failure::new(Class::Unknown, "lost"));
        }
        Ok(Channel {
            id: wanted.id,
            provider_id,
            expires_at: Some(ends),
        })
    }

    pub(crate) fn renew(&self, channel: &Channel) -> Result<Channel, Failure> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(format!("renew {}", channel.provider_id));
        if let Some(Mishap::Refused(class)) = state.mishaps.pop_front() {
            return Err(Failure::new(class, "refused"));
        }
        let ends = state.now + LIFE;
        match state.open.get_mut(&channel.provider_id) {
            None => Err(Failure::new(Class::Gone, "gone")),
            Some((id, until)) => {
                assert_eq!(*id, channel.id);
                *until = ends;
                Ok(Channel {
                    expires_at: Some(ends),
                    ..channel.clone()
                })
            }
        }
    }

    pub(crate) fn close(&self, channel: &Channel) -> Result<(), Failure> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(format!("close {}", channel.provider_id));
        if let Some(Mishap::Refused(class)) = state.mishaps.pop_front() {
            return Err(Failure::new(class, "refused"));
        }
        state.open.remove(&channel.provider_id);
        Ok(())
    }
}

/// The way in of these tests.
pub(crate) struct WayIn {
    reached: Vec<ProviderKind>,
    given: AtomicU8,
}

impl WayIn {
    /// Everybody reaches us.
    pub(crate) fn open() -> Self {
        Self {
            reached: vec![ProviderKind::Caldav],
            given: AtomicU8::new(0),
        }
    }

    /// Nobody does.
    pub(crate) fn shut() -> Self {
        Self {
            reached: Vec::new(),
            ..Self::open()
        }
    }
}

impl Hooks for WayIn {
    fn reached(&self) -> &[ProviderKind] {
        &self.reached
    }

    fn fresh(&self, _: ProviderKind) -> Result<Hook, Failure> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Ok(Hook {
            address: format!("https://kalends.example.com/api/hooks/test/{number}/"),
            key: KeyHash([number; 32]),
            token: ChannelToken::new(format!("token-{number}")),
            token_hash: TokenHash([number; 32]),
        })
    }
}
