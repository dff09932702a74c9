//! Writing events: each under its precondition, telling nobody, and what Google made of it as the new baseline.
//!
//! A single event is one request, whose answer is what is stored. A series may take several: its master first, then each
//! occurrence that departs from it. When one of those fails after another has taken effect, the write is neither done nor
//! undone: that is told as [`Class::Changed`] where a precondition failed and as [`Class::Unknown`] else, so that the
//! engine looks at what is there, counts as agreed what has landed, and plans only what is still owed. Repeating is safe:
//! every step is planned from what stands at Google.

use kalends_calendar::event::{Event, Instance, Override, RecurrenceId};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Mark, Observed, Raw, Receipt, State, Write};
use serde_json::{Value, json};

use super::aggregate::{self, Aggregate};
use super::occurrences::Occurrences;
use super::patch::{self, Standing};
use super::refusal::{Doing, NOT_OURS};
use super::wire::{self, Resource};
use super::{Google, details, normalize, placed, requests};
use crate::halfway::half_done;
use crate::http::Request;
use crate::inheritance::Followed;

/// What stands behind a name when what was made under it is another calendar's by now.
const AGAIN: char = '~';

impl Google {
    /// One write.
    pub(super) async fn write_one(
        &self,
        calendar: &RemoteCalendarId,
        write: &Write,
    ) -> Result<Receipt, Failure> {
        match write {
            Write::Create { name, event, mark } => self.create(calendar, name, event, mark).await,
            Write::Update {
                remote_id,
                version: _,
                raw,
                event,
                mark,
            } => {
                self.update(calendar, remote_id, raw, event, mark.as_ref())
                    .await
            }
            Write::Delete { remote_id, raw, .. } => self.remove(calendar, remote_id, raw).await,
        }
    }

    async fn create(
        &self,
        calendar: &RemoteCalendarId,
        name: &str,
        event: &Event,
        mark: &Mark,
    ) -> Result<Receipt, Failure> {
        let frame = self.frame(calendar).await?;
        // What cannot be written occurrence by occurrence is refused before anything is.
        Occurrences::check(None, event, &frame.time_zone).map_err(Failure::item)?;
        let compose =
            |id: &RemoteId| patch::compose(event, mark, id.as_str(), &frame).map_err(Failure::item);
        let id = placed(name);
        let mut resource = compose(&id)?;
        let created = match self.insert(calendar, &id, &resource).await {
            // What had this id was moved to another calendar and is that one's by now; here it left a trace that nobody
            // may bring back.
            Err(failure) if failure.class == Class::Item && failure.message.contains(NOT_OURS) => {
                let id = placed(&format!("{name}{AGAIN}"));
                resource = compose(&id)?;
                self.insert(calendar, &id, &resource).await?
            }
            other => other?,
        };
        let whole = Aggregate {
            frame,
            event: created,
            instances: std::collections::BTreeMap::new(),
        };
        let mut sent = whole.clone();
        aggregate::merge_patch(&mut sent.event, &resource);
        self.write_occurrences(calendar, whole, sent, event, true)
            .await
    }

    /// Makes an event under an id, or brings back what was deleted under it.
    async fn insert(
        &self,
        calendar: &RemoteCalendarId,
        id: &RemoteId,
        resource: &Resource,
    ) -> Result<Resource, Failure> {
        let request = requests::insert(&self.api.base, calendar, resource.clone())?;
        match self.write_resource(request, Doing::Create).await {
            Err(failure) if failure.class == Class::Exists => {
                self.revive(calendar, id, resource.clone(), failure).await
            }
            other => other,
        }
    }

    /// An id that was used once is taken for ever: what was deleted under it is brought back as what is to be there now.
    async fn revive(
        &self,
        calendar: &RemoteCalendarId,
        id: &RemoteId,
        mut resource: Resource,
        exists: Failure,
    ) -> Result<Resource, Failure> {
        let Some(there) = self.get(calendar, id.as_str()).await? else {
            return Err(Failure::item(
                "Google has deleted this event for good and does not take it back under its id",
            ));
        };
        if !aggregate::is_cancelled(&there) {
            return Err(exists);
        }
        resource
            .entry("status")
            .or_insert_with(|| json!("confirmed"));
        // Google takes no number below the one that it has.
        if let Some(sequence) = there.get("sequence") {
            resource.insert("sequence".to_owned(), sequence.clone());
        }
        let etag = aggregate::etag(&there);
        let request = requests::update(&self.api.base, calendar, id.as_str(), resource, etag)?;
        self.write_resource(request, Doing::Update).await
    }

    async fn update(
        &self,
        calendar: &RemoteCalendarId,
        remote_id: &RemoteId,
        raw: &Raw,
        target: &Event,
        mark: Option<&Mark>,
    ) -> Result<Receipt, Failure> {
        let there = Aggregate::parse(raw)?;
        let base = normalize::event(&there, &self.me).map_err(Failure::item)?;
        let reader = details::Reader {
            me: &self.me,
            frame: &there.frame,
        };
        let standing = Standing::of(&there.event, reader).map_err(Failure::item)?;
        let patch = patch::master(&standing, &base, target, mark).map_err(Failure::item)?;
        Occurrences::check(Some(&base), target, &patch::pin(&standing)).map_err(Failure::item)?;
        let mut sent = there.clone();
        let mut whole = there.clone();
        let wrote = !patch.is_empty();
        if wrote {
            let etag = aggregate::etag(&there.event);
            let id = remote_id.as_str();
            let request = requests::patch(&self.api.base, calendar, id, patch.clone(), etag)?;
            whole.event = self.write_resource(request, Doing::Update).await?;
            aggregate::merge_patch(&mut sent.event, &patch);
        }
        let concerned =
            !there.instances.is_empty() || base.recurrence_overrides != target.recurrence_overrides;
        if wrote && concerned && !there.instances.is_empty() {
            whole = self
                .after_master(calendar, remote_id, &there, &base, target)
                .await
                .map_err(half_done)?;
            sent.instances.clone_from(&whole.instances);
        }
        if !concerned {
            return self.written(remote_id, &whole);
        }
        self.write_occurrences(calendar, whole, sent, target, wrote)
            .await
    }

    /// What stands there after the master was patched: Google may have dropped or changed instances with it. One that is
    /// neither as it was nor as it shall be was changed by somebody else meanwhile.
    async fn after_master(
        &self,
        calendar: &RemoteCalendarId,
        remote_id: &RemoteId,
        before: &Aggregate,
        base: &Event,
        target: &Event,
    ) -> Result<Aggregate, Failure> {
        let uid = aggregate::text(&before.event, "iCalUID");
        let now = match self.series(calendar, remote_id.as_str(), uid).await? {
            super::fetch::Series::Whole(now) => *now,
            super::fetch::Series::Gone | super::fetch::Series::Unreadable => {
                return Err(Failure::new(
                    Class::Changed,
                    "The event was deleted meanwhile",
                ));
            }
        };
        let read = normalize::event(&now, &self.me)
            .map_err(|error| Failure::new(Class::Unknown, error))?;
        let is_same_resource = |id: &String, resource: &Resource| {
            before
                .instances
                .get(id)
                .is_some_and(|old| aggregate::etag(old) == aggregate::etag(resource))
        };
        let clock = |typed: &wire::Event| normalize::clock(typed, &now.frame).floating;
        for (id, resource) in &now.instances {
            if is_same_resource(id, resource) {
                continue;
            }
            let typed = aggregate::typed(&now.event).map_err(Failure::protocol)?;
            let part = aggregate::typed(resource).map_err(Failure::protocol)?;
            let times = super::times::Clock {
                calendar_zone: &now.frame.time_zone,
                floating: clock(&typed),
            };
            let id = normalize::original(&part, &read.master.start, times, &now.event)
                .map_err(Failure::protocol)?;
            let here = read.recurrence_overrides.get(&id);
            let is_known = here == base.recurrence_overrides.get(&id)
                || here == target.recurrence_overrides.get(&id);
            if !is_known && !has_followed(id, base, &read, target) {
                return Err(Failure::new(
                    Class::Changed,
                    "An occurrence was changed at Google in the meantime",
                ));
            }
        }
        Ok(now)
    }

    /// Brings the occurrences of a series to what they shall be, and reads back what came of it all. `wrote` says whether
    /// something of this write has taken effect already.
    async fn write_occurrences(
        &self,
        calendar: &RemoteCalendarId,
        whole: Aggregate,
        sent: Aggregate,
        target: &Event,
        wrote: bool,
    ) -> Result<Receipt, Failure> {
        let id = RemoteId::from(aggregate::text(&whole.event, "id").unwrap_or_default());
        let had_instances = !whole.instances.is_empty();
        let mut occurrences = Occurrences::new(self, calendar, whole, sent, wrote);
        occurrences.bring_to(target).await?;
        if !occurrences.wrote_any() && (!wrote || !had_instances) {
            return self.written(&id, &occurrences.whole);
        }
        let unread = |why: String| unread(&why);
        let sent = normalize::event(&occurrences.sent, &self.me).map_err(unread)?;
        let stands = if occurrences.wrote_any() {
            match self.look(calendar, &id).await {
                Ok(State::Present(observed)) => observed,
                Ok(State::Broken { error, .. }) => return Err(unread(error)),
                Ok(State::Gone | State::Listed(_)) => {
                    return Err(unread("it is not there".to_owned()));
                }
                Err(failure) => return Err(unread(failure.message)),
            }
        } else {
            // Read a moment ago, after the master was written.
            Box::new(normalize::observed(&occurrences.whole, &self.me).map_err(unread)?)
        };
        Ok(Receipt::ReadBack {
            remote_id: id,
            observed: stands,
            sent: Box::new(sent),
        })
    }

    /// A write of which every answer is known, as what Google now holds.
    fn written(&self, id: &RemoteId, whole: &Aggregate) -> Result<Receipt, Failure> {
        let observed: Observed =
            normalize::observed(whole, &self.me).map_err(|error| unread(&error))?;
        Ok(Receipt::Written {
            remote_id: id.clone(),
            observed: Box::new(observed),
        })
    }

    async fn remove(
        &self,
        calendar: &RemoteCalendarId,
        remote_id: &RemoteId,
        raw: &Raw,
    ) -> Result<Receipt, Failure> {
        let there = Aggregate::parse(raw)?;
        let etag = aggregate::etag(&there.event);
        let request = requests::delete(&self.api.base, calendar, remote_id.as_str(), etag)?;
        match self.ask(request, Doing::Delete).await {
            Ok(_) => Ok(Receipt::Deleted),
            Err(failure) if failure.class == Class::Gone => Ok(Receipt::Deleted),
            Err(failure) => Err(failure),
        }
    }

    /// Sends a write whose answer is the resource as it is stored now.
    pub(super) async fn write_resource(
        &self,
        request: Request,
        doing: Doing,
    ) -> Result<Resource, Failure> {
        let answer = self.ask(request, doing).await?;
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(Value::Object(resource)) if resource.contains_key("id") => Ok(resource),
            // A page of a portal on the way, or half an answer: whether the write went past it is not known.
            Ok(_) | Err(_) => Err(Failure::new(
                Class::Unknown,
                "Google's answer to a write is no event, and whether it wrote is not known",
            )),
        }
    }
}

/// Whether an occurrence became another only because its series did.
fn has_followed(id: RecurrenceId, base: &Event, read: &Event, target: &Event) -> bool {
    let here = |event: &Event| match event.recurrence_overrides.get(&id) {
        Some(Override::Replaced(instance)) => Some(properties_of(instance)),
        Some(Override::Excluded) => None,
        Some(Override::Added { .. }) | None => Some(given(event, id)),
    };
    let (Some(before), Some(now)) = (here(base), here(read)) else {
        return false;
    };
    let (old, new) = (given(base, id), given(read, id));
    let wanted = here(target).unwrap_or_default();
    let followed = Followed {
        series: (&old, &new),
        before: &before,
        now: &now,
        wanted: &wanted,
    };
    followed.is_explained()
}

/// What a series gives an occurrence from which nobody departed.
fn given(event: &Event, id: RecurrenceId) -> Resource {
    properties_of(&normalize::inherited(&event.master, id))
}

/// An instance property by property.
fn properties_of(instance: &Instance) -> Resource {
    // Plain data with string keys: serialising it cannot fail.
    let Ok(Value::Object(mut all)) = serde_json::to_value(instance) else {
        return Resource::new();
    };
    if let Some(Value::Object(details)) = all.remove("details") {
        all.extend(details);
    }
    all
}

/// The write is done, at least in part: whatever goes wrong from here leaves its outcome to be looked up.
fn unread(why: &str) -> Failure {
    Failure::new(
        Class::Unknown,
        format!("The event was written and cannot be read back: {why}"),
    )
}
