//! People who edit their calendars at the servers, with programs that know nothing of us.

use std::sync::Arc;

use kalends_sandbox::seed;
use kalends_sandbox::world::Upload;
use kalends_sandbox::{Chance, Place};

use super::THINKING_MS;
use crate::ledger::{Deed, Side, What};
use crate::oracle;
use crate::seams::Lots;
use crate::stage::Stage;
use crate::{page, setup};

/// Makes so many edits, one after the other.
pub(crate) async fn edit(stage: Arc<Stage>, lots: Arc<Lots>, count: usize) {
    let places = stage.cast().places();
    for number in 0..count {
        stage.baton.pause(lots.length(THINKING_MS)).await;
        let place = lots.draw(|chance| chance.pick(&places).clone());
        lots.draw(|chance| once(&stage, chance, &place, number));
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
    stage.baton.say(&format!("deletes {} at {place}", seen.uid));
    // Where nothing comes in from, a deletion is put back and is no deed.
    if stage
        .cast()
        .links_at(place)
        .any(|link| link.rules.receives())
    {
        note(stage, place, name, &seen.uid, What::Deleted);
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
    let fields = kalends_calendar::merge::differing(&before.event, &after.event);
    stage
        .baton
        .say(&format!("edits {} at {place}: {fields:?}", after.uid));
    let canary = canary(stage, place);
    let mut ledger = stage.ledger();
    ledger.put_there(place, canary, &page::unfolded(&edited));
    let deed = deed(stage, place, name, &after.uid, What::Created);
    ledger.edited(&deed, &before.event, &after.event);
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
