//! The occurrences of a series that depart from it: which must be written, and how each is found.
//!
//! Graph writes no exception with its master. Each occurrence has an id of its own, which may change with every write to
//! the series; so it is looked up by the start that the series gave it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use kalends_calendar::event::{Event, Instance, Override, RecurrenceId};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::RemoteId;
use kalends_calendar::time::{Start, ZoneId};
use kalends_calendar::zone::resolve;
use serde_json::Value;

use super::compose::{self, Fields};
use super::refusal::{self, Doing};
use super::wire::{self, Item};
use super::write::{Standing, changed, written};
use super::{Graph, normalize};

/// How far around its day an occurrence is looked for: zones are at most this far from UTC.
const LOOK_AROUND: SignedDuration = SignedDuration::from_hours(26);

/// More pages of occurrences than such a window has.
const PAGES_MAX: usize = 20;

/// An occurrence that must be made to depart from its series, or to follow it again.
#[derive(Clone, Debug)]
pub(super) struct Departure {
    id: RecurrenceId,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    /// It does not take place.
    TakeAway,
    /// It gets these properties, which differ from what it has without them.
    Put {
        fields: Fields,
        /// What is there now, where that is an exception already.
        before: Option<Box<Instance>>,
    },
}

/// What must be written so that the occurrences of `base` are those of `want`. Without a base none departs yet: the series
/// is new, or forgets its exceptions because its own time changes.
pub(super) fn departures(
    base: Option<&Event>,
    want: &Event,
    pinned: &ZoneId,
) -> Result<Vec<Departure>, Failure> {
    if want.recurrence_rules.is_empty() {
        return Ok(Vec::new());
    }
    let there = base.map(|base| &base.recurrence_overrides);
    let ids: BTreeSet<RecurrenceId> = there
        .into_iter()
        .flatten()
        .chain(&want.recurrence_overrides)
        .map(|(id, _)| *id)
        .collect();
    let mut departures = Vec::new();
    for id in ids {
        let before = there.and_then(|there| there.get(&id));
        let wanted = want.recurrence_overrides.get(&id);
        if before == wanted {
            continue;
        }
        let change = match (before, wanted) {
            // What the rule does not give need not be taken away.
            (None, Some(Override::Excluded)) if !compose::is_given(want, id) => continue,
            (_, Some(Override::Added { .. })) => return Err(not_given(id)),
            (_, Some(Override::Replaced(_))) if !compose::is_given(want, id) => {
                return Err(not_given(id));
            }
            (Some(Override::Excluded), Some(Override::Replaced(_)) | None) => {
                return Err(Failure::item(format!(
                    "Outlook does not bring back the occurrence at {id}, which was deleted; make it an event of its own"
                )));
            }
            (_, Some(Override::Excluded)) => Change::TakeAway,
            (Some(Override::Replaced(_) | Override::Added { .. }) | None, _) => {
                let wanted = usual_or(want, id, wanted);
                // What the series gives where nothing departs: as it will be, for the master is written first.
                let now = match before {
                    Some(Override::Replaced(instance)) => instance.as_ref().clone(),
                    Some(Override::Added { .. } | Override::Excluded) | None => {
                        usual_or(want, id, None)
                    }
                };
                let fields = compose::differing(
                    &compose::instance(want, &now, pinned)?,
                    &compose::instance(want, &wanted, pinned)?,
                );
                if fields.is_empty() {
                    continue;
                }
                Change::Put {
                    fields,
                    before: match before {
                        Some(Override::Replaced(instance)) => Some(instance.clone()),
                        Some(Override::Added { .. } | Override::Excluded) | None => None,
                    },
                }
            }
        };
        departures.push(Departure { id, change });
    }
    // What is taken away makes room: an occurrence may then move to where its neighbour was.
    departures.sort_by_key(|departure| matches!(departure.change, Change::Put { .. }));
    Ok(departures)
}

fn not_given(id: RecurrenceId) -> Failure {
    Failure::item(format!(
        "Outlook has no occurrence at {id} that the rule does not give"
    ))
}

/// An occurrence as an override has it, or as the series gives it.
fn usual_or(event: &Event, id: RecurrenceId, change: Option<&Override>) -> Instance {
    match change {
        Some(Override::Replaced(instance)) => instance.as_ref().clone(),
        Some(Override::Added { .. } | Override::Excluded) | None => usual(event, id),
    }
}

/// An occurrence as the series gives it.
pub(super) fn usual(event: &Event, id: RecurrenceId) -> Instance {
    Instance {
        start: event.master.start.at(id.0),
        ..event.master.clone()
    }
}

impl Graph {
    /// Writes departures, one after the other. Repeating them is safe: what is done already is found done.
    pub(super) async fn depart(
        &self,
        master: &RemoteId,
        standing: &Standing,
        want: &Event,
        departures: Vec<Departure>,
    ) -> Result<(), Failure> {
        for departure in departures {
            let found = self
                .occurrence(master, standing, want, departure.id)
                .await?;
            match (departure.change, found) {
                (Change::TakeAway, None) => {
                    self.must_be_away(master, departure.id).await?;
                }
                (Change::TakeAway, Some(value)) => self.take_away(&value).await?,
                (Change::Put { .. }, None) => return Err(changed()),
                (Change::Put { fields, before }, Some(value)) => {
                    self.put(standing, fields, before.as_deref(), &value)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// An occurrence that is not listed was taken away before, or the listing is not whole: then it would stay, and its
    /// being there would be taken for somebody's wish.
    async fn must_be_away(&self, master: &RemoteId, id: RecurrenceId) -> Result<(), Failure> {
        let Some(value) = self.whole(master).await? else {
            return Err(changed());
        };
        let now = normalize::event(&wire::item(&value)?, &self.me(), normalize::Owed::Waits)?;
        if now.recurrence_overrides.get(&id) == Some(&Override::Excluded) {
            Ok(())
        } else {
            Err(changed())
        }
    }

    async fn take_away(&self, value: &Value) -> Result<(), Failure> {
        let item = wire::item(value)?;
        let request = self.ask().delete(&item.id, item.tag().as_deref())?;
        let answer = self.send(request).await?;
        if answer.is_done() {
            return Ok(());
        }
        let failure = refusal::of_write(&answer, Doing::Delete, self.now());
        if failure.class == Class::Gone {
            Ok(())
        } else {
            Err(failure)
        }
    }

    async fn put(
        &self,
        standing: &Standing,
        fields: Fields,
        before: Option<&Instance>,
        value: &Value,
    ) -> Result<(), Failure> {
        let item = wire::item(value)?;
        if let Some(before) = before {
            // Between our look at the series and this one somebody may have changed this very occurrence.
            let pinned = &self.settings.floating_zone;
            let note = super::properties::Ours::of(&standing.item).note;
            let now = normalize::instance(&item, &standing.item, &note, &self.me())?;
            let (then, now) = (
                compose::instance(&standing.event, before, pinned)?,
                compose::instance(&standing.event, &now, pinned)?,
            );
            let is_as_wanted = fields
                .iter()
                .all(|(key, value)| now.get(key) == Some(value));
            if is_as_wanted {
                return Ok(());
            }
            if then != now {
                return Err(changed());
            }
        }
        let sent = Value::Object(written(Some(&item), fields)?);
        let request = self.ask().patch(&item.id, item.tag().as_deref(), &sent)?;
        self.send_write(request, Doing::Update).await.map(drop)
    }

    /// One occurrence, by the start that the series gives it; none where it was taken away.
    async fn occurrence(
        &self,
        master: &RemoteId,
        standing: &Standing,
        want: &Event,
        id: RecurrenceId,
    ) -> Result<Option<Value>, Failure> {
        let at = self.instant(want, id.0)?;
        let (Ok(mut from), Ok(mut to)) = (at.checked_sub(LOOK_AROUND), at.checked_add(LOOK_AROUND))
        else {
            return Ok(None);
        };
        // An exception stands where it was moved to; the window is one of the time it takes place.
        if let Some(Override::Replaced(moved)) = standing.event.recurrence_overrides.get(&id) {
            let moved = self.instant(want, moved.start.local())?;
            from = from.min(moved.checked_sub(LOOK_AROUND).unwrap_or(from));
            to = to.max(moved.checked_add(LOOK_AROUND).unwrap_or(to));
        }
        let mut request = self.ask().instances(master, from, to);
        for _ in 0..PAGES_MAX {
            let page = wire::collection(&self.read_body(request).await?)?;
            for value in page.value {
                let item = wire::item(&value)?;
                if self.is_at(&item, standing, want, id)? {
                    return Ok(Some(value));
                }
            }
            match page.next_link {
                Some(link) => request = self.ask().follow(&link)?,
                None => return Ok(None),
            }
        }
        Err(Failure::protocol("The occurrences of a series do not end"))
    }

    fn is_at(
        &self,
        item: &Item,
        standing: &Standing,
        want: &Event,
        id: RecurrenceId,
    ) -> Result<bool, Failure> {
        let first = match &want.master.start {
            // Graph knows it in the zone where we put it.
            Start::Floating(local) => Start::Zoned {
                local: *local,
                zone: self.settings.floating_zone.clone(),
            },
            Start::AllDay(_) | Start::Zoned { .. } => want.master.start.clone(),
        };
        if item.original_start.is_some() {
            return Ok(normalize::recurrence_id(item, &standing.item, &first)? == id);
        }
        // Occurrences that follow the series stand where it puts them.
        let start = item.start.as_ref();
        Ok(match first {
            Start::AllDay(_) => start.and_then(wire::Moment::date) == Some(id.0.date()),
            Start::Floating(_) | Start::Zoned { .. } => {
                let at = self.instant(want, id.0)?;
                let local = jiff::tz::TimeZone::UTC.to_datetime(at);
                start.and_then(wire::Moment::local) == Some(local)
            }
        })
    }

    /// The instant of a wall-clock time of a series.
    fn instant(&self, event: &Event, local: DateTime) -> Result<jiff::Timestamp, Failure> {
        let utc = ZoneId::utc();
        let zone = match &event.master.start {
            Start::AllDay(_) => &utc,
            Start::Floating(_) => &self.settings.floating_zone,
            Start::Zoned { zone, .. } => zone,
        };
        let zone = resolve(zone, &event.time_zones)
            .map_err(|error| Failure::item(format!("The event cannot be written: {error}")))?;
        Ok(zone.to_instant(local))
    }
}
