//! Reading single events, each whole: a series with every instance that departs from it.

use std::collections::BTreeMap;

use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Change, State};

use super::aggregate::{self, Aggregate, Frame};
use super::refusal::Doing;
use super::wire::{self, Events, Resource};
use super::{Google, normalize, requests};

/// More pages than the exceptions of any series have: at 500 a page, 50,000.
const PAGES_MAX: usize = 100;

/// What is there of a series.
pub(super) enum Series {
    /// It is there, and this is all of it.
    Whole(Box<Aggregate>),
    /// It was deleted.
    Gone,
    /// It cannot be seen: the account knows single instances of it at most.
    Unreadable,
}

impl Google {
    /// One change for each id.
    pub(super) async fn fetch_all(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            changes.push(Change {
                remote_id: id.clone(),
                state: self.look(calendar, id).await?,
            });
        }
        Ok(changes)
    }

    /// What is there under an id.
    pub(super) async fn look(
        &self,
        calendar: &RemoteCalendarId,
        id: &RemoteId,
    ) -> Result<State, Failure> {
        let Some(resource) = self.get(calendar, id.as_str()).await? else {
            return Ok(State::Gone);
        };
        if aggregate::is_cancelled(&resource) || !is_synced(&resource) {
            return Ok(State::Gone);
        }
        if let Some(series) = aggregate::text(&resource, "recurringEventId") {
            return match self.series(calendar, series, None).await? {
                // It belongs to a series that is an event of its own, or went with it.
                Series::Whole(_) | Series::Gone => Ok(State::Gone),
                Series::Unreadable => self.alone(calendar, resource).await,
            };
        }
        if !is_series(&resource) {
            return self.alone(calendar, resource).await;
        }
        let uid = aggregate::text(&resource, "iCalUID");
        match self.series(calendar, id.as_str(), uid).await? {
            Series::Whole(whole) => Ok(self.state(&whole)),
            Series::Gone | Series::Unreadable => Ok(State::Gone),
        }
    }

    async fn alone(&self, calendar: &RemoteCalendarId, event: Resource) -> Result<State, Failure> {
        let frame = self.frame(calendar).await?;
        Ok(self.state(&Aggregate {
            frame,
            event,
            instances: BTreeMap::new(),
        }))
    }

    /// An aggregate as a state: present, or broken where it makes no sense to us.
    pub(super) fn state(&self, aggregate: &Aggregate) -> State {
        match normalize::observed(aggregate, &self.me) {
            Ok(observed) => State::Present(Box::new(observed)),
            Err(error) => State::Broken {
                version: aggregate.version(),
                error,
            },
        }
    }

    /// One resource; none where it is not there. A deleted one may be there for a while, as cancelled.
    pub(super) async fn get(
        &self,
        calendar: &RemoteCalendarId,
        id: &str,
    ) -> Result<Option<Resource>, Failure> {
        let request = requests::get(&self.api.base, calendar, id)?;
        match self.ask(request, Doing::ReadEvent).await {
            Ok(answer) => wire::body(&answer.body).map(Some),
            Err(failure) if failure.class == Class::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A whole series. Its UID is what names its parts; where it is not known it is asked for first.
    pub(super) async fn series(
        &self,
        calendar: &RemoteCalendarId,
        id: &str,
        ical_uid: Option<&str>,
    ) -> Result<Series, Failure> {
        let mut master: Option<Resource> = None;
        let uid = if let Some(uid) = ical_uid {
            uid.to_owned()
        } else {
            let Some(found) = self.get(calendar, id).await? else {
                return Ok(Series::Unreadable);
            };
            let uid = aggregate::text(&found, "iCalUID").map(str::to_owned);
            let is_gone = aggregate::is_cancelled(&found);
            master = Some(found);
            match uid {
                _ if is_gone => return Ok(Series::Gone),
                Some(uid) => uid,
                None => {
                    return Err(Failure::protocol(
                        "Google names no UID of a series that is there",
                    ));
                }
            }
        };
        let (frame, mut parts) = self.parts(calendar, &uid).await?;
        // What the listing says of the master is as new as what it says of the instances.
        let master = match parts.remove(id).or(master) {
            Some(master) => master,
            None => match self.get(calendar, id).await? {
                Some(master) => master,
                None => return Ok(Series::Unreadable),
            },
        };
        if aggregate::is_cancelled(&master) {
            return Ok(Series::Gone);
        }
        parts.retain(|_, part| aggregate::text(part, "recurringEventId") == Some(id));
        Ok(Series::Whole(Box::new(Aggregate {
            frame,
            event: master,
            instances: parts,
        })))
    }

    /// All resources of a calendar that share a UID.
    async fn parts(
        &self,
        calendar: &RemoteCalendarId,
        uid: &str,
    ) -> Result<(Frame, BTreeMap<String, Resource>), Failure> {
        let mut parts = BTreeMap::new();
        let mut page_token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let request = requests::series(&self.api.base, calendar, uid, page_token.as_deref())?;
            let answer = self.ask(request, Doing::ReadCalendar).await?;
            let mut page: Events = wire::body(&answer.body)?;
            let frame = self.learn_frame(calendar, &mut page);
            for resource in page.items {
                if let Some(id) = aggregate::text(&resource, "id") {
                    parts.insert(id.to_owned(), resource);
                }
            }
            page_token = page.next_page_token;
            if page_token.is_none() {
                return Ok((frame, parts));
            }
        }
        Err(Failure::protocol("Google's list of a series does not end"))
    }

    /// What a calendar says of all its events: as the last listing said it, else asked for.
    pub(super) async fn frame(&self, calendar: &RemoteCalendarId) -> Result<Frame, Failure> {
        if let Some(frame) = self.with_learned(|learned| learned.frames.get(calendar).cloned()) {
            return Ok(frame);
        }
        let request = requests::frame(&self.api.base, calendar)?;
        let answer = self.ask(request, Doing::ReadCalendar).await?;
        let mut page: Events = wire::body(&answer.body)?;
        Ok(self.learn_frame(calendar, &mut page))
    }

    /// Keeps what a page says of its calendar.
    pub(super) fn learn_frame(&self, calendar: &RemoteCalendarId, page: &mut Events) -> Frame {
        let frame = Frame {
            time_zone: page.time_zone.take().unwrap_or_default(),
            default_reminders: std::mem::take(&mut page.default_reminders),
        };
        self.with_learned(|learned| {
            learned.frames.insert(calendar.clone(), frame.clone());
        });
        frame
    }
}

/// Whether a resource is of a kind that is synced.
pub(super) fn is_synced(resource: &Resource) -> bool {
    aggregate::text(resource, "eventType")
        .is_none_or(|kind| !matches!(kind, "workingLocation" | "birthday"))
}

/// Whether a resource is the master of a series.
pub(super) fn is_series(resource: &Resource) -> bool {
    resource
        .get("recurrence")
        .and_then(serde_json::Value::as_array)
        .is_some_and(|lines| !lines.is_empty())
}
