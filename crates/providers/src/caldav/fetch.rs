//! Reading single events: in batches with calendar-multiget (RFC 4791 §7.9), one by one where that does not work.

use std::collections::BTreeMap;

use ::http::header::ETAG;
use jiff::Timestamp;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId, Version};
use kalends_calendar::provider::{Change, State};
use url::Url;

use super::xml::{Entry, Ns, each_response};
use super::{CalDav, href, listing, object, refusal, requests};
use crate::http::Answer;

impl CalDav {
    /// One change for each id.
    pub(super) async fn fetch_all(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        let url = href::calendar_url(calendar)?;
        let (unreachable, ids) = unreachable(ids);
        let mut found = self.multiget(&url, &ids).await?;
        // What the batch left open is asked for by itself: no word is not the same as not there.
        let open: Vec<&RemoteId> = ids.iter().filter(|id| !found.contains_key(*id)).collect();
        let mut busy = None;
        for id in open {
            let single = match &busy {
                Some(failure) => Single::Busy(Failure::clone(failure)),
                None => self.get(&url, id).await?,
            };
            if let Single::Busy(failure) = &single {
                busy = Some(failure.clone());
            }
            found.insert(id.clone(), single);
        }
        match left_alone(&found) {
            // When not a single one is to be had, it is about the server and not about the events.
            Some(failure) => Err(failure),
            None => Ok(found
                .into_iter()
                .map(|(remote_id, single)| Change {
                    remote_id,
                    state: single.state(),
                })
                .chain(unreachable)
                .collect()),
        }
    }

    /// What a batch says about the ids it was asked for; nothing about those it leaves open.
    async fn multiget(
        &self,
        url: &Url,
        ids: &[RemoteId],
    ) -> Result<BTreeMap<RemoteId, Single>, Failure> {
        let mut states = BTreeMap::new();
        if ids.is_empty() {
            return Ok(states);
        }
        let asked = Asked::new(ids);
        let request = requests::multiget(url, ids.iter().map(|id| href::asked_as(url, id)));
        let answer = self.send(request).await?;
        match answer.status.as_u16() {
            207 => {}
            // Refused as such, or one event that the server itself cannot read fails them all: one by one, then.
            400 | 403 | 405 | 415 | 422 | 500 | 501 => return Ok(states),
            404 | 410 => return Err(super::calendar_gone(url)),
            _ => return Err(refusal::of_read(&answer, self.now())),
        }
        let read = each_response(&answer.body, |entry| {
            let Some(id) = asked.echo(url, &answer.url, &entry.href) else {
                return;
            };
            if let Some(single) = entry_state(entry) {
                states.insert(id.clone(), single);
            }
        });
        // One event with a character that XML forbids spoils the whole answer: one by one, then.
        Ok(if read.is_ok() {
            states
        } else {
            BTreeMap::new()
        })
    }

    /// One event by itself.
    async fn get(&self, calendar: &Url, id: &RemoteId) -> Result<Single, Failure> {
        let url = href::resource_url(calendar, id)?;
        let answer = self.send(requests::get(&url)).await?;
        Ok(match answer.status.as_u16() {
            200 => Single::Is(read_single(&answer)),
            404 | 410 => Single::Is(State::Gone),
            429 | 503 => Single::Busy(refusal::of_read(&answer, self.now())),
            400 | 403 | 406 | 415 | 422 => Single::Refused(refusal::of_read(&answer, self.now())),
            status if refusal::is_passing(status) => {
                Single::Refused(refusal::of_read(&answer, self.now()))
            }
            _ => return Err(refusal::of_read(&answer, self.now())),
        })
    }

    /// What a resource is now, for a write that must know.
    pub(super) async fn look(&self, calendar: &Url, id: &RemoteId) -> Result<State, Failure> {
        let mut found = self.multiget(calendar, std::slice::from_ref(id)).await?;
        let single = match found.remove(id) {
            Some(single) => single,
            None => self.get(calendar, id).await?,
        };
        match single {
            Single::Is(state) => Ok(state),
            Single::Refused(failure) | Single::Busy(failure) => Err(failure),
        }
    }
}

/// What cannot be asked for, as it is reported, and the ids that can.
fn unreachable(ids: &[RemoteId]) -> (Vec<Change>, Vec<RemoteId>) {
    let (mut changes, mut rest) = (Vec::new(), Vec::with_capacity(ids.len()));
    for id in ids {
        match href::too_long(id) {
            Some(error) => changes.push(Change {
                remote_id: id.clone(),
                state: State::Broken {
                    version: None,
                    error,
                },
            }),
            None => rest.push(id.clone()),
        }
    }
    (changes, rest)
}

/// What came of asking for one event.
enum Single {
    /// It is in this state.
    Is(State),
    /// The server does not give it out.
    Refused(Failure),
    /// The server wants to be left alone for a while.
    Busy(Failure),
}

impl Single {
    /// The state to report. A refusal is reported without a version, so that it is tried again whether or not the event
    /// changes.
    fn state(self) -> State {
        match self {
            Self::Is(state) => state,
            Self::Refused(failure) | Self::Busy(failure) => State::Broken {
                version: None,
                error: failure.message,
            },
        }
    }
}

/// The word of a server that wants to be left alone, where it gave out not a single event; of several, the one that says
/// longest to wait. A plain 500 is no such word: an event that the server itself cannot read fails like this for ever, and
/// must not stop the others.
fn left_alone(found: &BTreeMap<RemoteId, Single>) -> Option<Failure> {
    let mut longest: Option<(Option<Timestamp>, &Failure)> = None;
    for single in found.values() {
        let (failure, is_busy) = match single {
            Single::Is(_) => return None,
            Single::Busy(failure) => (failure, true),
            Single::Refused(failure) => (failure, false),
        };
        let Class::Passing { retry_at } = failure.class else {
            return None;
        };
        let says_so = is_busy || retry_at.is_some();
        if says_so && longest.is_none_or(|(known, _)| known < retry_at) {
            longest = Some((retry_at, failure));
        }
    }
    longest.map(|(_, failure)| failure.clone())
}

fn read_single(answer: &Answer) -> State {
    let version = etag(answer);
    match std::str::from_utf8(&answer.body) {
        Ok(text) => object::observe(version, text.to_owned()),
        Err(error) => State::Broken {
            version,
            error: format!("it is not UTF-8 from byte {} on", error.valid_up_to()),
        },
    }
}

/// The entity tag of an answer, byte for byte.
pub(super) fn etag(answer: &Answer) -> Option<Version> {
    let text = answer.headers.get(ETAG)?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| Version::from(text))
}

/// What an entry tells; none where it leaves the question open.
fn entry_state(entry: Entry) -> Option<Single> {
    match entry.status {
        Some(404 | 410) => return Some(Single::Is(State::Gone)),
        None | Some(200..=299) => {}
        Some(status) => {
            let message = match &entry.words {
                Some(words) => {
                    format!("the server answers {status}: {}", refusal::scrubbed(words))
                }
                None => format!("the server answers {status}"),
            };
            return Some(match status {
                429 | 503 => Single::Busy(Failure::passing(message)),
                status if refusal::is_passing(status) => Single::Refused(Failure::passing(message)),
                _ => Single::Refused(Failure::item(message)),
            });
        }
    }
    let version = listing::version(&entry);
    let data = entry
        .properties
        .into_iter()
        .find(|(status, property)| *status == 200 && property.is(Ns::CalDav, "calendar-data"))?;
    let text = data.1.text;
    if text.trim().is_empty() {
        return None;
    }
    Some(Single::Is(object::observe(version, text)))
}

/// The ids of a batch, to be found again under other spellings.
struct Asked<'a> {
    by_id: BTreeMap<&'a str, &'a RemoteId>,
    /// By last segment, where only one id has it: some servers answer under another path of the same calendar.
    by_name: BTreeMap<&'a str, Option<&'a RemoteId>>,
}

impl<'a> Asked<'a> {
    fn new(ids: &'a [RemoteId]) -> Self {
        let mut by_name: BTreeMap<&str, Option<&RemoteId>> = BTreeMap::new();
        for id in ids {
            by_name
                .entry(last_segment(id.as_str()))
                .and_modify(|known| *known = None)
                .or_insert(Some(id));
        }
        Self {
            by_id: ids.iter().map(|id| (id.as_str(), id)).collect(),
            by_name,
        }
    }

    fn echo(&self, calendar: &Url, from: &Url, written: &str) -> Option<&'a RemoteId> {
        let url = href::resolve(from, written)?;
        let id = href::remote_id(calendar, &url);
        if let Some(known) = self.by_id.get(id.as_str()) {
            return Some(known);
        }
        self.by_name
            .get(last_segment(id.as_str()))
            .copied()
            .flatten()
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
