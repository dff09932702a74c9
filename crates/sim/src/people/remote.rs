//! People who edit their calendars at the servers, with programs that know nothing of us.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::Event;
use kalends_calendar::recurrence::occurrences;
use kalends_calendar::time::{Start, ZoneId};
use kalends_calendar::zone::resolve;
use kalends_sandbox::world::Upload;
use kalends_sandbox::{Chance, Place, World, seed};

use super::draft::{Act, Draft};
use super::{THINKING_MS, google, outlook};
use crate::face::{self, Face};
use crate::ledger::{Deed, Side, What};
use crate::oracle::{self, Seen};
use crate::seams::Lots;
use crate::stage::{Law, Stage};
use crate::{page, setup, truth};

/// A person looks at so many occurrences of a series.
const LOOKED_AT: usize = 8;

/// And so far ahead; no series has more than one occurrence a day.
const LOOKS_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 1_000);
const OCCURRENCES_MAX: usize = 2_000;

/// Makes so many edits, one after the other.
pub(crate) async fn edit(stage: Arc<Stage>, lots: Arc<Lots>, count: usize) {
    let places = stage.cast().places();
    for number in 0..count {
        stage.baton.pause(lots.length(THINKING_MS)).await;
        let place = lots.draw(|chance| chance.pick(&places).clone());
        lots.draw(|chance| match stage.cast().face(&place) {
            Face::Caldav => once(&stage, chance, &place, number),
            Face::Google | Face::Microsoft => once_at_a_vendor(&stage, chance, &place),
        });
    }
}

fn once(stage: &Stage, chance: &mut Chance, place: &Place, number: usize) {
    let (kind, which, seed) = (chance.below(100), chance.next(), chance.next());
    let names: Vec<String> = match stage.world().collection(place) {
        Ok(collection) => collection.objects().keys().cloned().collect(),
        Err(_) => return,
    };
    if kind < 15 || names.is_empty() {
        return create(
            stage,
            place,
            seed,
            &format!("{}-new{number}@people", place.user),
        );
    }
    let index = usize::try_from(which % names.len() as u64).unwrap_or(0);
    let name = &names[index];
    match kind {
        15..25 => delete(stage, place, name),
        25..50 => change(stage, place, name, |stage, text| {
            retold(
                stage,
                place,
                text,
                ["SUMMARY", "DESCRIPTION", "LOCATION"][usize::try_from(seed % 3).unwrap_or(0)],
            )
        }),
        _ => change(stage, place, name, |_, text| seed::edit(seed, text)),
    }
}

fn retold(stage: &Stage, place: &Place, text: &str, property: &str) -> String {
    let word = stage.ledger().word(canary(stage, place));
    page::with_text(text, property, &format!("as told in {word}"))
}

fn canary(stage: &Stage, place: &Place) -> &'static str {
    let cast = stage.cast();
    cast.account(&place.user)
        .map_or("", |account| cast.tenants[account.tenant].canary)
}

fn create(stage: &Stage, place: &Place, seed: u64, uid: &str) {
    if setup::plant_event(stage, place, canary(stage, place), seed, uid).is_ok() {
        stage.baton.say(&format!("creates {uid} at {place}"));
        note(stage, place, &format!("{uid}.ics"), uid, What::Created);
    }
}

fn delete(stage: &Stage, place: &Place, name: &str) {
    let now = stage.baton.now();
    let mut world = stage.world();
    let Some(seen) = world
        .collection(place)
        .ok()
        .and_then(|collection| oracle::seen(&collection.objects().get(name)?.text))
    else {
        return;
    };
    if world.delete(place, name, now).is_err() {
        return;
    }
    drop(world);
    deleted(stage, place, name, seen);
}

fn deleted(stage: &Stage, place: &Place, name: &str, seen: Seen) {
    let Seen { event, uid, mark } = seen;
    stage.baton.say(&format!("deletes {uid} at {place}"));
    // Where nothing comes in from, a deletion is put back and is no deed.
    if stage
        .cast()
        .links_at(place)
        .any(|link| link.rules.receives())
    {
        let of = mark.is_none().then(|| Arc::new(event));
        note(stage, place, name, &uid, What::Deleted { of });
    }
}

fn change(stage: &Stage, place: &Place, name: &str, how: impl FnOnce(&Stage, &str) -> String) {
    let Some(text) = stage
        .world()
        .collection(place)
        .ok()
        .and_then(|collection| Some(collection.objects().get(name)?.text.clone()))
    else {
        return;
    };
    let edited = how(stage, &text);
    let (Some(before), Some(after)) = (oracle::seen(&text), oracle::seen(&edited)) else {
        return;
    };
    let now = stage.baton.now();
    let upload = Upload {
        name,
        text: &edited,
    };
    let put = stage.world().put(place, upload, now);
    if let Err(error) = put {
        stage
            .baton
            .say(&format!("could not edit {name} at {place}: {error}"));
        return;
    }
    let canary = canary(stage, place);
    stage
        .ledger()
        .put_there(place, canary, &page::unfolded(&edited));
    changed(stage, place, name, &before.event, &after.event, &after.uid);
}

fn changed(stage: &Stage, place: &Place, name: &str, before: &Event, after: &Event, uid: &str) {
    let fields = kalends_calendar::merge::differing(before, after);
    stage
        .baton
        .say(&format!("edits {uid} at {place}: {fields:?}"));
    let deed = deed(stage, place, name, uid, What::Created);
    stage.ledger().edited(&deed, before, after);
}

/// Which occurrence of a series a person means.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    /// Where the rules put it, on the wall clock of the series.
    pub(crate) local: DateTime,
    /// When that is; none for whole days.
    pub(crate) at: Option<Timestamp>,
}

fn once_at_a_vendor(stage: &Stage, chance: &mut Chance, place: &Place) {
    let canary = canary(stage, place);
    let (kind, which) = (chance.below(100), chance.next());
    let names: Vec<String> = truth::uids(stage, place).into_keys().collect();
    if kind < 15 || names.is_empty() {
        let Some(name) = create_at_a_vendor(stage, place, canary, chance) else {
            return;
        };
        return made(stage, place, &name);
    }
    let name = &names[usize::try_from(which % names.len() as u64).unwrap_or(0)];
    let Some(before) = truth::object(stage, place, name) else {
        return;
    };
    let act = Act::draw(chance, || stage.ledger().word(canary));
    stage.ledger().put_there(place, canary, &format!("{act:?}"));
    let occasion = occasion(chance, &before.event);
    let how = (&act, occasion.as_ref());
    let now = stage.baton.now();
    let done = at_the_door(stage, |world| match stage.cast().face(place) {
        Face::Google => google::perform(&mut world.google, place, name, how, now)
            .map_err(|refusal| refusal.to_string()),
        Face::Microsoft => outlook::perform(&mut world.microsoft, place, name, how, now)
            .map_err(|refusal| refusal.message),
        Face::Caldav => Ok(None),
    });
    let new = match done {
        Ok(new) => new,
        Err(refusal) => {
            let line = format!("could not do {act:?} to {name} at {place}: {refusal}");
            return stage.baton.say(&line);
        }
    };
    stage.baton.say(&format!("{act:?} of {name} at {place}"));
    match truth::object(stage, place, name) {
        None => deleted(stage, place, name, before),
        Some(after) => {
            if !shows(&act, &after.event) {
                let line = format!("the reader does not see {act:?} of {name} at {place}");
                stage.cry(Law::EditLost, line);
            }
            changed(stage, place, name, &before.event, &after.event, &before.uid);
        }
    }
    if let Some(new) = new {
        made(stage, place, &new);
    }
}

/// Whether an event as it is read shows what was done to it. An edit that the reader is blind to would be missed by nobody.
fn shows(act: &Act, event: &Event) -> bool {
    let details = &event.master.details;
    match act {
        Act::Retitle(text) => details.title == *text,
        Act::Describe(text) => details.description == *text,
        Act::Relocate(text) => details.locations.iter().any(|place| place.name == *text),
        Act::Remind(None) => details.alerts.is_empty(),
        Act::Remind(Some(_)) => details.alerts.len() == 1,
        Act::Free(_)
        | Act::Private(_)
        | Act::Tentative(_)
        | Act::Shift(_)
        | Act::End(_)
        | Act::Skip
        | Act::RetitleOne(_)
        | Act::MoveOne(_)
        | Act::Split(_)
        | Act::MoveAway
        | Act::Delete => true,
    }
}

/// What is done at a vendor's own page. Mails that people send themselves are none of ours.
fn at_the_door<T>(stage: &Stage, act: impl FnOnce(&mut World) -> T) -> T {
    let mut world = stage.world();
    let done = act(&mut world);
    world.google.mails.clear();
    world.microsoft.mails.clear();
    done
}

/// A new event that a person makes at a vendor; none where that is refused.
pub(crate) fn create_at_a_vendor(
    stage: &Stage,
    place: &Place,
    canary: &'static str,
    chance: &mut Chance,
) -> Option<String> {
    let title = format!("Meeting {}", stage.ledger().word(canary));
    let draft = Draft::draw(chance, title);
    stage.ledger().put_there(place, canary, &draft.title);
    let now = stage.baton.now();
    let by_google = stage
        .world()
        .google
        .calendars
        .contains_key(&place.collection);
    let made = at_the_door(stage, |world| {
        if by_google {
            google::create(&mut world.google, place, &draft, chance, now)
                .map_err(|refusal| refusal.to_string())
        } else {
            outlook::create(&mut world.microsoft, place, &draft, now)
                .map_err(|refusal| refusal.message)
        }
    });
    match made {
        Ok(name) => Some(name),
        Err(refusal) => {
            stage
                .baton
                .say(&format!("could not make {draft:?} at {place}: {refusal}"));
            None
        }
    }
}

fn made(stage: &Stage, place: &Place, name: &str) {
    let Some(seen) = truth::object(stage, place, name) else {
        return;
    };
    stage.baton.say(&format!("creates {} at {place}", seen.uid));
    note(stage, place, name, &seen.uid, What::Created);
}

/// An occurrence of a series that nothing departs from.
fn occasion(chance: &mut Chance, event: &Event) -> Option<Occasion> {
    if event.recurrence_rules.is_empty() {
        return None;
    }
    let zone = match event.master.start.zone() {
        Some(zone) => resolve(zone, &event.time_zones).ok()?,
        None => resolve(&ZoneId(face::HOME.to_owned()), &event.time_zones).ok()?,
    };
    let from = zone.to_instant(event.master.start.local());
    let window = from..from.saturating_add(LOOKS_AHEAD).ok()?;
    let all = occurrences(event, window, &TimeZone::UTC, OCCURRENCES_MAX).ok()?;
    let plain: Vec<DateTime> = all
        .iter()
        .filter_map(|one| one.recurrence_id)
        .filter(|id| !event.recurrence_overrides.contains_key(id))
        .map(|id| id.0)
        .take(LOOKED_AT)
        .collect();
    if plain.is_empty() {
        return None;
    }
    let local = *chance.pick(&plain);
    let at = match event.master.start {
        Start::AllDay(_) => None,
        Start::Floating(_) | Start::Zoned { .. } => Some(zone.to_instant(local)),
    };
    Some(Occasion { local, at })
}

fn note(stage: &Stage, place: &Place, name: &str, uid: &str, what: What) {
    let deed = deed(stage, place, name, uid, what);
    stage.ledger().deeds.push(deed);
}

fn deed(stage: &Stage, place: &Place, name: &str, uid: &str, what: What) -> Deed {
    Deed {
        at: stage.baton.now(),
        tenant: stage
            .cast()
            .account(&place.user)
            .map_or(0, |account| account.tenant),
        uid: uid.to_owned(),
        side: Side::There(place.clone(), name.to_owned()),
        what,
    }
}
