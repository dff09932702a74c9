//! Single occurrences of a series, brought one by one from what they are at Google to what they shall be.

use std::collections::{BTreeMap, BTreeSet};

use kalends_calendar::event::{Event, Instance, Override, Privacy, RecurrenceId, Status};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::time::Length;
use serde_json::json;

use super::aggregate::{self, Aggregate};
use super::details::{self, Reader};
use super::patch::{self, Standing};
use super::refusal::Doing;
use super::times::Clock;
use super::wire::{self, Events, Resource};
use super::{Google, normalize, recurrence, requests, times};
use crate::halfway::half_done;

/// What an occurrence shall be.
enum Wanted<'a> {
    /// Taken away.
    Away,
    /// This.
    This(&'a Instance),
    /// What its series yields.
    Inherited,
}

/// The occurrences of one series while they are written.
pub(super) struct Occurrences<'g> {
    google: &'g Google,
    calendar: &'g RemoteCalendarId,
    /// What stands at Google, as far as its answers told.
    pub(super) whole: Aggregate,
    /// What was sent, laid over what stood there.
    pub(super) sent: Aggregate,
    /// Whether something of this write had taken effect before the first occurrence.
    before: bool,
    written: usize,
    /// Who may see the series.
    privacy: Privacy,
}

impl<'g> Occurrences<'g> {
    pub(super) fn new(
        google: &'g Google,
        calendar: &'g RemoteCalendarId,
        whole: Aggregate,
        sent: Aggregate,
        before: bool,
    ) -> Self {
        Self {
            google,
            calendar,
            whole,
            sent,
            before,
            written: 0,
            privacy: Privacy::default(),
        }
    }

    /// Refuses occurrences that Google cannot hold, before anything is written. Those that stand there already can stay.
    pub(super) fn check(base: Option<&Event>, target: &Event, pin: &str) -> Result<(), String> {
        for (id, over) in &target.recurrence_overrides {
            let Override::Replaced(here) = over else {
                continue;
            };
            let stands = base.and_then(|base| base.recurrence_overrides.get(id)) == Some(over);
            if stands || here.details.status == Status::Cancelled {
                continue;
            }
            patch::refuse_hidden(here, &target.master)?;
            times::write(here, pin)?;
            details::write(None, &here.details)?;
            details::more(&here.details, &[])?;
        }
        Ok(())
    }

    /// Whether anything was written to an occurrence.
    pub(super) fn wrote_any(&self) -> bool {
        self.written > 0
    }

    /// Brings every occurrence to what it shall be.
    pub(super) async fn bring_to(&mut self, target: &Event) -> Result<(), Failure> {
        self.privacy = target.master.details.privacy;
        let (there, parts) = self.read()?;
        let mut all: BTreeSet<RecurrenceId> = parts.keys().copied().collect();
        all.extend(target.recurrence_overrides.keys().copied());
        all.extend(there.recurrence_overrides.keys().copied());
        // From here on the master is as it shall be.
        let bare = recurrence::bare(target, &target.master.start);
        for id in all {
            let is_yielded = recurrence::is_yielded(&bare, id);
            let wanted = match target.recurrence_overrides.get(&id) {
                Some(Override::Replaced(here)) if here.details.status != Status::Cancelled => {
                    Wanted::This(here)
                }
                Some(Override::Added { .. }) => Wanted::Inherited,
                None if is_yielded => Wanted::Inherited,
                // What does not take place is not shown at Google either.
                Some(Override::Excluded | Override::Replaced(_)) | None => Wanted::Away,
            };
            let part = parts.get(&id);
            let step = self.bring_one(&there, id, part, &wanted).await;
            step.map_err(|failure| {
                if self.before || self.wrote_any() {
                    half_done(failure)
                } else {
                    failure
                }
            })?;
        }
        Ok(())
    }

    /// The series as it stands, and which resource is which occurrence.
    fn read(&self) -> Result<(Event, BTreeMap<RecurrenceId, String>), Failure> {
        let there = normalize::event(&self.whole, &self.google.me).map_err(Failure::item)?;
        let mut parts = BTreeMap::new();
        for (name, resource) in &self.whole.instances {
            let typed = aggregate::typed(resource).map_err(Failure::item)?;
            let id = normalize::original(
                &typed,
                &there.master.start,
                self.clock().map_err(Failure::item)?,
                &self.whole.event,
            )
            .map_err(Failure::item)?;
            parts.insert(id, name.clone());
        }
        Ok((there, parts))
    }

    /// How the moments of this series are read.
    fn clock(&self) -> Result<Clock<'_>, String> {
        let master = aggregate::typed(&self.whole.event)?;
        Ok(normalize::clock(&master, &self.whole.frame))
    }

    fn pin(&self) -> Result<String, Failure> {
        let reader = Reader {
            me: &self.google.me,
            frame: &self.whole.frame,
        };
        let standing = Standing::of(&self.whole.event, reader).map_err(Failure::item)?;
        Ok(patch::pin(&standing))
    }

    async fn bring_one(
        &mut self,
        there: &Event,
        id: RecurrenceId,
        part: Option<&String>,
        wanted: &Wanted<'_>,
    ) -> Result<(), Failure> {
        let inherited = normalize::inherited(&there.master, id);
        let resource = part
            .and_then(|name| self.whole.instances.get(name))
            .cloned();
        match (wanted, resource) {
            (Wanted::Away, Some(resource)) => {
                if aggregate::is_cancelled(&resource) {
                    return Ok(());
                }
                self.cancel(&resource).await
            }
            (Wanted::Away, None) => {
                let bare = recurrence::bare(there, &there.master.start);
                let happens = match there.recurrence_overrides.get(&id) {
                    Some(Override::Excluded) => false,
                    Some(Override::Added { .. } | Override::Replaced(_)) => true,
                    None => recurrence::is_yielded(&bare, id),
                };
                if !happens {
                    return Ok(());
                }
                let found = self.find(there, id).await?;
                if aggregate::is_cancelled(&found) {
                    return Ok(());
                }
                self.untouched(&found, &inherited)?;
                self.cancel(&found).await
            }
            (Wanted::Inherited, None) => Ok(()),
            (Wanted::Inherited, Some(resource)) => self.make(resource, &inherited).await,
            (Wanted::This(here), Some(resource)) => self.make(resource, here).await,
            (Wanted::This(here), None) => {
                let mut here = (*here).clone();
                // Guests are not written; an occurrence has those of its series.
                here.details
                    .participants
                    .clone_from(&inherited.details.participants);
                if here == inherited {
                    return Ok(());
                }
                let found = self.find(there, id).await?;
                if !aggregate::is_cancelled(&found) {
                    self.untouched(&found, &inherited)?;
                }
                self.make(found, &here).await
            }
        }
    }

    /// The instance of an occurrence from which nobody has departed yet.
    async fn find(&self, there: &Event, id: RecurrenceId) -> Result<Resource, Failure> {
        let series = aggregate::text(&self.whole.event, "id").unwrap_or_default();
        let pin = self.pin()?;
        let start = &there.master.start;
        let original = times::original(id, start, &pin).map_err(Failure::item)?;
        let base = &self.google.api.base;
        let request = requests::instances(base, self.calendar, series, &original)?;
        let answer = self.google.ask(request, Doing::ReadEvent).await?;
        let page: Events = wire::body(&answer.body)?;
        if let Some(found) = page.items.into_iter().next() {
            return Ok(found);
        }
        // Google names instances by the series and the original start; asked directly it knows them too.
        let suffix = times::suffix(id, start, &pin).map_err(Failure::item)?;
        let name = format!("{series}_{suffix}");
        let found = self.google.get(self.calendar, &name).await?;
        found.ok_or_else(|| {
            Failure::item(format!(
                "recurrenceOverrides: Google has no occurrence of this series at {id}"
            ))
        })
    }

    /// Makes sure that an instance that nobody was known to have departed from is still what its series yields.
    fn untouched(&self, found: &Resource, inherited: &Instance) -> Result<(), Failure> {
        let here = self.instance_of(found).map_err(Failure::item)?;
        let same = here.start == inherited.start
            && here.end_zone == inherited.end_zone
            && here.details == inherited.details
            && is_as_long(here.duration, inherited.duration);
        if same {
            return Ok(());
        }
        Err(Failure::new(
            Class::Changed,
            "An occurrence was changed at Google in the meantime",
        ))
    }

    fn instance_of(&self, resource: &Resource) -> Result<Instance, String> {
        let typed = aggregate::typed(resource)?;
        let more = super::properties::more(typed.extended_properties.as_ref());
        let reader = Reader {
            me: &self.google.me,
            frame: &self.whole.frame,
        };
        normalize::instance(&typed, &more, self.clock()?, reader)
    }

    async fn cancel(&mut self, resource: &Resource) -> Result<(), Failure> {
        let name = named(resource)?.to_owned();
        let typed = aggregate::typed(resource).map_err(Failure::item)?;
        if patch::is_guest(&typed) {
            return Err(Failure::item(
                "recurrenceOverrides: somebody else organizes this event, and whoever takes an occurrence away declines it",
            ));
        }
        let base = &self.google.api.base;
        let etag = aggregate::etag(resource);
        let request = requests::delete(base, self.calendar, &name, etag)?;
        match self.google.ask(request, Doing::Delete).await {
            Ok(_) => {}
            Err(failure) if failure.class == Class::Gone => {}
            Err(failure) => return Err(failure),
        }
        self.written += 1;
        let mut cancelled = resource.clone();
        cancelled.insert("status".to_owned(), json!("cancelled"));
        self.sent.instances.insert(name.clone(), cancelled.clone());
        self.whole.instances.insert(name, cancelled);
        Ok(())
    }

    /// Makes an instance what it shall be: brings it back where it was taken away, and changes what differs.
    async fn make(&mut self, resource: Resource, wanted: &Instance) -> Result<(), Failure> {
        let name = named(&resource)?.to_owned();
        let mut resource = resource;
        if aggregate::is_cancelled(&resource) {
            let mut alive = Resource::new();
            alive.insert("status".to_owned(), json!("confirmed"));
            let etag = aggregate::etag(&resource).map(str::to_owned);
            resource = self.send(&name, alive, etag.as_deref()).await?;
            self.sent.instances.insert(name.clone(), resource.clone());
        }
        let before = self.instance_of(&resource).map_err(Failure::item)?;
        let pin = self.pin()?;
        let patch = {
            let reader = Reader {
                me: &self.google.me,
                frame: &self.whole.frame,
            };
            let standing = Standing::of(&resource, reader).map_err(Failure::item)?;
            patch::instance(&standing, &before, wanted, &pin, self.privacy)
                .map_err(Failure::item)?
        };
        if patch.is_empty() {
            return Ok(());
        }
        let etag = aggregate::etag(&resource).map(str::to_owned);
        let mut sent = resource;
        aggregate::merge_patch(&mut sent, &patch);
        self.send(&name, patch, etag.as_deref()).await?;
        self.sent.instances.insert(name, sent);
        Ok(())
    }

    async fn send(
        &mut self,
        name: &str,
        fields: Resource,
        etag: Option<&str>,
    ) -> Result<Resource, Failure> {
        let base = &self.google.api.base;
        let request = requests::patch(base, self.calendar, name, fields, etag)?;
        let stored = self.google.write_resource(request, Doing::Update).await?;
        self.written += 1;
        self.whole.instances.insert(name.to_owned(), stored.clone());
        Ok(stored)
    }
}

/// Whether an instance lasts as long as its series says. Google makes instances as long as the master in exact seconds, and
/// a day in calendar terms is shorter or longer where the clocks change.
fn is_as_long(here: Length, inherited: Length) -> bool {
    /// More than any clock is ever changed by.
    const CLOCK_CHANGE_SECONDS_MAX: i64 = 3 * 3_600;
    if inherited.days == 0 {
        return here == inherited;
    }
    let total = |length: Length| i64::from(length.days) * 86_400 + length.seconds;
    (total(here) - total(inherited)).abs() <= CLOCK_CHANGE_SECONDS_MAX
}

fn named(resource: &Resource) -> Result<&str, Failure> {
    aggregate::text(resource, "id")
        .ok_or_else(|| Failure::protocol("Google names an occurrence without its id"))
}
