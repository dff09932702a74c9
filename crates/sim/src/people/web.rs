//! People who edit on our side.

use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan;
use kalends_calendar::event::{
    Alert, AlertAction, AlertKey, Details, Event, Location, Override, RecurrenceId, Status, Trigger,
};
use kalends_calendar::ical;
use kalends_calendar::ids::{CalendarId, EventId};
use kalends_calendar::time::Start;
use kalends_engine::edits::{self, Choice, EditRefused, Editor};
use kalends_engine::{Engine, edits as engine_edits};
use kalends_sandbox::{Chance, seed};
use kalends_store::StoreError;
use kalends_store::conflicts::{self, Which};
use kalends_store::events::{self, StoredEvent, Window};

use super::THINKING_MS;
use crate::ledger::{Deed, Side, What};
use crate::node;
use crate::seams::Lots;
use crate::stage::{Law, Stage};

/// How many events of a calendar a person looks through.
const LOOKED_THROUGH: i64 = 200;

/// Makes so many edits, one after the other.
pub(crate) async fn edit(stage: Arc<Stage>, lots: Arc<Lots>, count: usize) {
    let chance = lots.draw(|chance| chance.fork(7));
    let engine = match node::engine(&stage, "web", chance).await {
        Ok(engine) => engine,
        Err(error) => return stage.cry(Law::Broken, format!("no store for the web: {error}")),
    };
    for number in 0..count {
        stage.baton.pause(lots.length(THINKING_MS)).await;
        let person = Person {
            stage: &stage,
            engine: &engine,
            lots: &lots,
        };
        match person.once(number).await {
            // Somebody was quicker, or there is nothing to restore: the person sees it and goes on.
            Ok(())
            | Err(EditRefused::Deleted(_) | EditRefused::Stale(_) | EditRefused::NotFound(_)) => {}
            Err(error) => stage.cry(Law::Broken, format!("an edit failed: {error}")),
        }
    }
}

struct Person<'a> {
    stage: &'a Stage,
    engine: &'a Engine,
    lots: &'a Lots,
}

/// Where an edit happens.
#[derive(Clone, Copy)]
struct Spot {
    tenant: usize,
    calendar: CalendarId,
}

impl Person<'_> {
    async fn once(&self, number: usize) -> Result<(), EditRefused> {
        let cast = self.stage.cast();
        let spots: Vec<Spot> = cast
            .tenants
            .iter()
            .enumerate()
            .flat_map(|(tenant, owner)| {
                owner.calendars.iter().map(move |calendar| Spot {
                    tenant,
                    calendar: *calendar,
                })
            })
            .collect();
        let (spot, kind, which, seed) = self.lots.draw(|chance| {
            (
                *chance.pick(&spots),
                chance.below(100),
                chance.next(),
                chance.next(),
            )
        });
        if kind < 12 {
            return self.create(spot, seed, number).await;
        }
        if kind < 20 {
            return self.resolve(spot, which).await;
        }
        if kind < 26 {
            return self.restore(spot, which).await;
        }
        let Some(stored) = self.pick(spot, which).await? else {
            return Ok(());
        };
        if kind < 36 {
            return self.delete(spot, &stored).await;
        }
        let Some(before) = &stored.body else {
            return Ok(());
        };
        let mut after = before.clone();
        self.lots
            .draw(|chance| self.change(chance, spot, &mut after));
        if after == *before {
            return Ok(());
        }
        // A person has the form open for a while, and somebody else may be quicker.
        if seed.is_multiple_of(4) {
            self.stage.baton.pause(Duration::from_secs(seed % 20)).await;
        }
        edits::update(
            self.engine,
            self.tenant(spot),
            stored.id,
            stored.revision,
            &after,
            Editor("ann"),
        )
        .await?;
        self.note_edit(spot, stored.id, before, &after);
        Ok(())
    }

    fn tenant(&self, spot: Spot) -> kalends_calendar::ids::TenantId {
        self.stage.cast().tenants[spot.tenant].id
    }

    async fn pick(&self, spot: Spot, which: u64) -> Result<Option<StoredEvent>, StoreError> {
        let mut tx = self.engine.store.read(self.tenant(spot)).await?;
        let mut page = events::list_range(
            &mut tx,
            Some(spot.calendar),
            Window::default(),
            None,
            LOOKED_THROUGH,
        )
        .await?
        .events;
        if page.is_empty() {
            return Ok(None);
        }
        let index = usize::try_from(which % page.len() as u64).unwrap_or(0);
        Ok(Some(page.swap_remove(index)))
    }

    async fn create(&self, spot: Spot, seed: u64, number: usize) -> Result<(), EditRefused> {
        let uid = format!("web-{number}@ours");
        let Ok(object) = ical::read_object(&seed::one(seed, &uid)) else {
            return Ok(());
        };
        let mut event = object.event;
        event.master.details.title = self.titled(spot);
        let id = edits::create(
            self.engine,
            self.tenant(spot),
            spot.calendar,
            &event,
            Editor("ann"),
        )
        .await?;
        self.stage.baton.say(&format!("creates {uid} as {id}"));
        self.note(spot, id, &event.uid.0, What::Created);
        Ok(())
    }

    async fn delete(&self, spot: Spot, stored: &StoredEvent) -> Result<(), EditRefused> {
        let Some(body) = &stored.body else {
            return Ok(());
        };
        edits::delete(
            self.engine,
            self.tenant(spot),
            stored.id,
            stored.revision,
            Editor("ann"),
        )
        .await?;
        self.stage
            .baton
            .say(&format!("deletes {} {}", body.uid, stored.id));
        self.note(spot, stored.id, &body.uid.0, What::Deleted { of: None });
        Ok(())
    }

    async fn restore(&self, spot: Spot, which: u64) -> Result<(), EditRefused> {
        let mut tx = self.engine.store.read(self.tenant(spot)).await?;
        let feed = events::changes_since(&mut tx, 0, 10_000).await?;
        drop(tx);
        let bodies: Vec<_> = feed
            .iter()
            .filter(|version| version.body.is_some() && version.calendar == spot.calendar)
            .collect();
        if bodies.is_empty() {
            return Ok(());
        }
        let version = bodies[usize::try_from(which % bodies.len() as u64).unwrap_or(0)];
        let Some(latest) = feed.iter().rev().find(|other| other.event == version.event) else {
            return Ok(());
        };
        let Some(after) = &version.body else {
            return Ok(());
        };
        engine_edits::restore(
            self.engine,
            self.tenant(spot),
            version.event,
            version.revision,
            Editor("ann"),
        )
        .await?;
        self.stage
            .baton
            .say(&format!("restores {} {}", after.uid, version.event));
        match &latest.body {
            // Whoever restores what is there wants it to be there.
            Some(before) if kalends_calendar::merge::differing(before, after).is_empty() => {
                self.note(spot, version.event, &after.uid.0, What::Kept);
            }
            Some(before) => self.note_edit(spot, version.event, before, after),
            None => self.note(spot, version.event, &after.uid.0, What::Created),
        }
        Ok(())
    }

    async fn resolve(&self, spot: Spot, which: u64) -> Result<(), EditRefused> {
        let tenant = self.tenant(spot);
        let mut tx = self.engine.store.read(tenant).await?;
        let open = conflicts::list(&mut tx, Which::Open, LOOKED_THROUGH).await?;
        if open.is_empty() {
            return Ok(());
        }
        let conflict = &open[usize::try_from(which % open.len() as u64).unwrap_or(0)];
        let before = events::get(&mut tx, conflict.event).await?;
        drop(tx);
        let choice = if which.is_multiple_of(3) {
            Choice::Local
        } else {
            Choice::Remote
        };
        edits::resolve(
            self.engine,
            tenant,
            conflict.id,
            choice.clone(),
            Editor("ann"),
        )
        .await?;
        self.stage.baton.say(&format!(
            "resolves {:?} of {}: {choice:?}",
            conflict.conflict.field, conflict.event
        ));
        let mut tx = self.engine.store.read(tenant).await?;
        let after = events::get(&mut tx, conflict.event).await?;
        drop(tx);
        if let (Some(before), Some(after)) = (
            before.and_then(|event| event.body),
            after.and_then(|event| event.body),
        ) {
            self.note_edit(spot, conflict.event, &before, &after);
        }
        Ok(())
    }

    fn titled(&self, spot: Spot) -> String {
        let canary = self.stage.cast().tenants[spot.tenant].canary;
        format!("Meeting {}", self.stage.ledger().word(canary))
    }

    /// Changes one thing.
    fn change(&self, chance: &mut Chance, spot: Spot, event: &mut Event) {
        let details = &mut event.master.details;
        match chance.below(10) {
            0 | 1 => details.title = self.titled(spot),
            2 => details.description = self.titled(spot),
            3 => {
                details.locations = vec![Location {
                    name: self.titled(spot),
                    coordinates: None,
                }];
            }
            4 => {
                details.status = match details.status {
                    Status::Confirmed => Status::Tentative,
                    Status::Tentative | Status::Cancelled => Status::Confirmed,
                }
            }
            5 => {
                let seconds = -60 * chance.within(1..10_000);
                let alert = Alert {
                    trigger: Trigger::FromStart(seconds),
                    action: AlertAction::Display,
                };
                details
                    .alerts
                    .insert(AlertKey(format!("alert{}", chance.below(1_000_000))), alert);
            }
            6 => drop(details.alerts.pop_last()),
            7 => exclude(chance, event),
            8 => move_one(chance, event, &self.titled(spot)),
            _ => shift(chance, event),
        }
    }

    fn note_edit(&self, spot: Spot, id: EventId, before: &Event, after: &Event) {
        let fields = kalends_calendar::merge::differing(before, after);
        self.stage
            .baton
            .say(&format!("edits {} {id}: {fields:?}", after.uid));
        let deed = self.deed(spot, id, &after.uid.0, What::Created);
        self.stage.ledger().edited(&deed, before, after);
    }

    fn note(&self, spot: Spot, id: EventId, uid: &str, what: What) {
        let deed = self.deed(spot, id, uid, what);
        self.stage.ledger().deeds.push(deed);
    }

    fn deed(&self, spot: Spot, id: EventId, uid: &str, what: What) -> Deed {
        Deed {
            at: self.stage.baton.now(),
            tenant: spot.tenant,
            uid: uid.to_owned(),
            side: Side::Ours(spot.calendar, id),
            what,
        }
    }
}

/// An occurrence of a series that nothing departs from yet. Whether the rules yield it does not matter here.
fn occurrence(chance: &mut Chance, event: &Event) -> Option<RecurrenceId> {
    if event.recurrence_rules.is_empty() {
        return None;
    }
    let local = event
        .master
        .start
        .local()
        .checked_add((7 * chance.within(1..9)).days())
        .ok()?;
    let id = RecurrenceId(local);
    (!event.recurrence_overrides.contains_key(&id)).then_some(id)
}

fn exclude(chance: &mut Chance, event: &mut Event) {
    if let Some(id) = occurrence(chance, event) {
        event.recurrence_overrides.insert(id, Override::Excluded);
    }
}

fn move_one(chance: &mut Chance, event: &mut Event, title: &str) {
    let Some(id) = occurrence(chance, event) else {
        return;
    };
    let mut instance = event.master.clone();
    let by = if matches!(instance.start, Start::AllDay(_)) {
        1.day()
    } else {
        30.minutes()
    };
    let Ok(local) = id.0.checked_add(by) else {
        return;
    };
    instance.start = instance.start.at(local);
    instance.details = Details {
        title: title.to_owned(),
        ..instance.details
    };
    event
        .recurrence_overrides
        .insert(id, Override::Replaced(Box::new(instance)));
}

/// Moves a single event. Not a series: its overrides are named after its starts.
fn shift(chance: &mut Chance, event: &mut Event) {
    if !event.recurrence_rules.is_empty() || !event.recurrence_overrides.is_empty() {
        return;
    }
    let by = if event.master.start.is_all_day() {
        chance.within(1..20).days()
    } else {
        (15 * chance.within(1..40)).minutes()
    };
    if let Ok(local) = event.master.start.local().checked_add(by) {
        event.master.start = event.master.start.at(local);
    }
}
