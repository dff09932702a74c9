//! What really stands at a place, whatever kind of server it is at.
//!
//! A collection is there to be read. What Google and Graph hold is read by the real providers from a copy of the face,
//! over a way on which nothing happens and nothing is counted: what they make of it is what the engine should know.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Change, Provider, State};
use kalends_calendar::seams::Clock;
use kalends_providers::http::{Request, Response, Transport, TransportError};
use kalends_sandbox::{Place, World, handle};
use serde_json::Value;

use crate::face::{self, Door, Face};
use crate::oracle::{Seen, seen, seen_as};
use crate::stage::{Account, Stage, lock};
use crate::wire::as_http;

/// The properties at Google, and the endings of those at Graph, that say whose copy an event is.
const GOOGLE_PLACE: &str = "kalends-at";
const GOOGLE_UID: &str = "kalends-uid";
const GRAPH_MARK: &str = "kalends-mark";
const GRAPH_NAME: &str = "kalends-name";

/// Polling a future that waits for nothing this often ends it.
const POLLS_MAX: usize = 10_000;

/// Everything that stands at a place, by name; what cannot be read is none.
pub(crate) fn objects(stage: &Stage, place: &Place) -> BTreeMap<String, Option<Seen>> {
    match vendor_account(stage, place) {
        None => {
            let world = stage.world();
            let Ok(collection) = world.collection(place) else {
                return BTreeMap::new();
            };
            let objects = collection.objects().iter();
            objects
                .map(|(name, object)| (name.clone(), seen(&object.text)))
                .collect()
        }
        Some(account) => {
            let names: Vec<String> = uids(stage, place).into_keys().collect();
            look(stage, &account, place, &names)
        }
    }
}

/// One object; none where there is none, or none that can be read.
pub(crate) fn object(stage: &Stage, place: &Place, name: &str) -> Option<Seen> {
    match vendor_account(stage, place) {
        None => {
            let world = stage.world();
            seen(&world.collection(place).ok()?.objects().get(name)?.text)
        }
        Some(account) => {
            let names = [name.to_owned()];
            look(stage, &account, place, &names).remove(name).flatten()
        }
    }
}

/// The names of all that stands at a place, and the UID that all copies of each share; told without the providers.
pub(crate) fn uids(stage: &Stage, place: &Place) -> BTreeMap<String, String> {
    let account = stage.cast().account(&place.user);
    let world = stage.world();
    match account.map_or(Face::Caldav, |account| account.face) {
        Face::Caldav => {
            let objects = world.collection(place).map(|there| there.objects().clone());
            objects
                .unwrap_or_default()
                .into_iter()
                .map(|(name, object)| {
                    let uid = seen(&object.text).map(|seen| seen.uid);
                    (name, uid.unwrap_or_default())
                })
                .collect()
        }
        Face::Google => world
            .google
            .events(&place.collection)
            .iter()
            .filter(|event| event["recurringEventId"].is_null())
            .filter_map(|event| Some((event["id"].as_str()?.to_owned(), google_uid(event))))
            .collect(),
        Face::Microsoft => world
            .microsoft
            .all(&face::email(&place.user), &place.collection)
            .unwrap_or_default()
            .iter()
            .filter_map(|event| Some((event["id"].as_str()?.to_owned(), graph_uid(event))))
            .collect(),
    }
}

/// How often the place was changed.
pub(crate) fn revision(stage: &Stage, place: &Place) -> u64 {
    let face = stage.cast().account(&place.user).map(|there| there.face);
    let world = stage.world();
    match face.unwrap_or(Face::Caldav) {
        Face::Caldav => world
            .collection(place)
            .map_or(0, kalends_sandbox::world::Collection::revision),
        Face::Google => {
            let calendar = world.google.calendars.get(&place.collection);
            calendar.map_or(0, kalends_sandbox::google::Calendar::revision)
        }
        Face::Microsoft => {
            let changes = world.microsoft.changes(&face::email(&place.user));
            changes.unwrap_or(0)
        }
    }
}

fn google_uid(event: &Value) -> String {
    let ours = &event["extendedProperties"]["private"];
    let uid = if ours[GOOGLE_PLACE].is_string() && ours[GOOGLE_PLACE] == event["id"] {
        &ours[GOOGLE_UID]
    } else {
        &event["iCalUID"]
    };
    uid.as_str().unwrap_or_default().to_owned()
}

fn graph_uid(event: &Value) -> String {
    let ours = |ending: &str| {
        let properties = event["singleValueExtendedProperties"].as_array();
        let mut properties = properties.into_iter().flatten();
        let is_it = |property: &&Value| {
            let id = property["id"].as_str();
            id.is_some_and(|id| id.ends_with(ending))
        };
        properties.find(is_it)?["value"].as_str()
    };
    // Outlook copies the properties of a series that it cuts in two, and not what tells one creation from another.
    let transaction = event["transactionId"].as_str().unwrap_or_default();
    let is_copy = ours(GRAPH_NAME).is_some_and(|name| transaction.starts_with(name));
    let mark: Option<Value> = ours(GRAPH_MARK).and_then(|text| serde_json::from_str(text).ok());
    let marked = mark.as_ref().filter(|_| is_copy);
    let uid = marked.map_or(&event["iCalUId"], |mark| &mark["uid"]);
    uid.as_str().unwrap_or_default().to_owned()
}

fn vendor_account(stage: &Stage, place: &Place) -> Option<Account> {
    let account = stage.cast().account(&place.user)?;
    account.face.vendor()?;
    Some(account.clone())
}

/// What the provider reads under these names.
fn look(
    stage: &Stage,
    account: &Account,
    place: &Place,
    names: &[String],
) -> BTreeMap<String, Option<Seen>> {
    let now = stage.baton.now();
    let Some(provider) = provider(stage, account, now) else {
        return BTreeMap::new();
    };
    let calendar = RemoteCalendarId(place.collection.clone());
    let ids: Vec<RemoteId> = names.iter().map(|name| RemoteId(name.clone())).collect();
    let mut found = BTreeMap::new();
    for batch in ids.chunks(provider.capabilities().fetch_batch.max(1)) {
        let changes = at_once(provider.fetch(&calendar, batch));
        for change in changes.and_then(Result::ok).unwrap_or_default() {
            let Change { remote_id, state } = change;
            let seen = match state {
                State::Present(observed) => Some(seen_as(observed.event, observed.mark)),
                State::Broken { .. } | State::Listed(_) => None,
                State::Gone => continue,
            };
            found.insert(remote_id.0, seen);
        }
    }
    found
}

fn provider(stage: &Stage, account: &Account, now: Timestamp) -> Option<Arc<dyn Provider>> {
    let mut copy = World::new(face::ORIGIN);
    {
        let world = stage.world();
        match account.face {
            Face::Caldav => return None,
            Face::Google => {
                copy.google = world.google.clone();
                let quotas = &mut copy.google.switches.quotas;
                quotas.user_units_per_minute = u64::MAX / 2;
                quotas.project_units_per_minute = u64::MAX / 2;
            }
            Face::Microsoft => {
                copy.microsoft = world.microsoft.clone();
                copy.microsoft.switches.budget_requests = u32::MAX;
            }
        }
    }
    let pass = face::pass(&mut copy, account.face, &account.user, now)?;
    let door = Door {
        transport: Arc::new(Glass {
            world: Mutex::new(copy),
            now,
        }),
        clock: Arc::new(Still(now)),
        tokens: Arc::new(pass),
        me: account.me.clone(),
    };
    door.open(account.face.vendor()?).ok()
}

/// The outcome of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS_MAX {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return Some(outcome);
        }
    }
    None
}

/// A way to a world on which nothing happens.
struct Glass {
    world: Mutex<World>,
    now: Timestamp,
}

#[async_trait]
impl Transport for Glass {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut world = lock(&self.world);
        let answer = handle(&mut world, &as_http(&request), self.now);
        world.requests.clear();
        let (parts, body) = answer.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

/// A clock that stands still.
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
