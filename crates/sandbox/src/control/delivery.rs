//! Pushes on their way: what is due goes to the holder of the world as a [`Parcel`], and what became of it comes back.

use bytes::Bytes;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::faults::PushStrike;
use super::keep_last;
use crate::google;
use crate::microsoft::{self, Delivered, PushKind};
use crate::saved::{self, Word};
use crate::world::World;

/// A POST that the holder is to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Where to, in full.
    pub address: String,
    /// The headers by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "saved::raw")]
    pub body: Bytes,
    /// How long an answer is waited for.
    pub time_max: SignedDuration,
    push: Push,
}

/// The push as its face made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Push {
    Google(google::Push),
    Microsoft(microsoft::Push),
}

/// A push that a rule holds back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    until: Timestamp,
    parcel: Parcel,
}

/// A push that was sent, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number, from 1.
    pub number: u64,
    /// When the answer came, or was waited for no longer.
    pub at: Timestamp,
    /// Whose it was: `google` or `microsoft`.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub face: Word,
    /// What it was: `sync`, `exists`, `validation`, `change` or `lifecycle`.
    #[serde(deserialize_with = "saved::word::deserialize")]
    pub kind: Word,
    /// The channel's or subscription's id.
    pub channel: String,
    /// Where it went, without its query: tokens stand there.
    pub address: String,
    /// How often it had been sent in vain before.
    pub attempts: u32,
    /// The answer's status; none when there was no answer.
    pub status: Option<u16>,
    /// How long that took.
    pub took: SignedDuration,
}

/// How many deliveries are kept to be looked at.
const DELIVERIES_KEPT: usize = 500;

/// How many pushes may wait. A receiver that is down for hours keeps some of each change; more are news to nobody.
const WAITING_MAX: usize = 2_000;

impl Parcel {
    fn google(push: google::Push) -> Self {
        Self {
            address: push.address.clone(),
            headers: push
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            body: Bytes::new(),
            time_max: google::TAKEN_WITHIN,
            push: Push::Google(push),
        }
    }

    fn microsoft(push: microsoft::Push) -> Self {
        Self {
            address: push.address.clone(),
            headers: vec![("content-type".to_owned(), push.content_type.to_owned())],
            body: push.body.clone(),
            // It is waited for longer than it counts as taken, so that a slow answer is told from none.
            time_max: microsoft::VALIDATION_WITHIN,
            push: Push::Microsoft(push),
        }
    }

    fn face(&self) -> &'static str {
        match self.push {
            Push::Google(_) => "google",
            Push::Microsoft(_) => "microsoft",
        }
    }

    /// What it is, in a word.
    fn kind(&self) -> &'static str {
        match &self.push {
            Push::Google(push) if push.is_sync() => "sync",
            Push::Google(_) => "exists",
            Push::Microsoft(push) => match push.kind {
                PushKind::Validation { .. } => "validation",
                PushKind::Change => "change",
                PushKind::Lifecycle => "lifecycle",
            },
        }
    }
}

/// Takes out what the request behind `response` waits for: see [`Microsoft::validations_of`], and the first messages of
/// Google's channels where a switch says so.
///
/// [`Microsoft::validations_of`]: crate::microsoft::Microsoft::validations_of
pub(super) fn awaited(
    world: &mut World,
    response: &Response<Bytes>,
    now: Timestamp,
) -> Vec<Parcel> {
    let validations = world.microsoft.validations_of(response);
    let mut awaited: Vec<Parcel> = validations.into_iter().map(Parcel::microsoft).collect();
    for push in world.google.take_awaited_pushes(now) {
        awaited.extend(world.befallen(Parcel::google(push), now));
    }
    awaited
}

impl World {
    /// Takes out every push that is due when the holder's clock says `now`, for the holder to send. What is answered goes to
    /// [`World::report_push`].
    pub fn due_pushes(&mut self, now: Timestamp) -> Vec<Parcel> {
        let now = self.time(now);
        // The oldest go: whoever was not told of a change hears of a later one.
        keep_last(&mut self.google.pushes, WAITING_MAX);
        keep_last(&mut self.microsoft.pushes, WAITING_MAX);
        let google = self.google.take_due_pushes(now).into_iter();
        let google: Vec<Parcel> = google.map(Parcel::google).collect();
        let microsoft = self.microsoft.due_pushes(now).into_iter();
        let due: Vec<Parcel> = google
            .into_iter()
            .chain(microsoft.map(Parcel::microsoft))
            .collect();
        let mut sent = self.released(now);
        for parcel in due {
            sent.extend(self.befallen(parcel, now));
        }
        keep_last(&mut self.control.held, WAITING_MAX);
        sent
    }

    /// What the rules leave of a push.
    fn befallen(&mut self, parcel: Parcel, now: Timestamp) -> Vec<Parcel> {
        let rules = &mut self.control.rules;
        match rules.on_push(parcel.face(), &parcel.address) {
            None => vec![parcel],
            Some(PushStrike::Dropped) => Vec::new(),
            Some(PushStrike::Twice) => vec![parcel.clone(), parcel],
            Some(PushStrike::Late(by)) => {
                let until = now.saturating_add(by).unwrap_or(Timestamp::MAX);
                self.control.held.push(Held { until, parcel });
                Vec::new()
            }
        }
    }

    /// Takes out what was held back long enough. It befalls nothing a second time.
    fn released(&mut self, now: Timestamp) -> Vec<Parcel> {
        let (released, held) = std::mem::take(&mut self.control.held)
            .into_iter()
            .partition(|held: &Held| held.until <= now);
        self.control.held = held;
        released.into_iter().map(|held| held.parcel).collect()
    }

    /// Takes in what a push was answered with. What was not taken is due again as its face retries. For a validation that
    /// failed, the response to send in place of the one that waited for it.
    pub fn report_push(
        &mut self,
        parcel: Parcel,
        answered: &Delivered<'_>,
        now: Timestamp,
    ) -> Option<Box<Response<Bytes>>> {
        let now = self.time(now);
        self.write_down(&parcel, answered, now);
        match parcel.push {
            Push::Google(push) => {
                self.google.report_push(push, answered.status, now);
                None
            }
            Push::Microsoft(push) => match push.kind {
                PushKind::Validation { .. } => {
                    self.microsoft.report_validation(&push, answered).err()
                }
                PushKind::Change | PushKind::Lifecycle => {
                    self.microsoft.report_delivery(push, answered, now);
                    None
                }
            },
        }
    }

    fn write_down(&mut self, parcel: &Parcel, answered: &Delivered<'_>, now: Timestamp) {
        let (channel, attempts) = match &parcel.push {
            Push::Google(push) => (&push.channel, push.attempts),
            Push::Microsoft(push) => (&push.subscription, push.attempts),
        };
        let control = &mut self.control;
        control.delivered += 1;
        control.deliveries.push(Delivery {
            number: control.delivered,
            at: now,
            face: parcel.face(),
            kind: parcel.kind(),
            channel: channel.clone(),
            address: without_query(&parcel.address).to_owned(),
            attempts,
            status: answered.status,
            took: answered.took,
        });
        keep_last(&mut control.deliveries, DELIVERIES_KEPT);
    }
}

/// An address without what may be a secret in it.
fn without_query(address: &str) -> &str {
    address.split('?').next().unwrap_or(address)
}
