//! At rest: what stands here and there, link by link.

use std::collections::{BTreeMap, BTreeSet};

use kalends_calendar::event::{Event, Instance, Override};
use kalends_calendar::ids::{EventId, RemoteId};
use kalends_calendar::merge::{Field, differing, get};
use kalends_calendar::plan::{Mirror, Origin};
use kalends_calendar::rules::{Authority, Flow};
use kalends_engine::Engine;
use kalends_sandbox::quirks::Scheduling;
use kalends_store::events::{self, StoredEvent, Window};
use kalends_store::intents::Intent;
use kalends_store::{conflicts, intents, mirrors, skips};

use super::{Seen, likeness, wire};
use crate::face::Face;
use crate::ledger::words;
use crate::stage::{Law, Link, Stage, Tenant};
use crate::truth;

/// More than any simulation has.
const ALL: i64 = 100_000;

/// Looks at all links and all tenants.
pub(crate) async fn compare(stage: &Stage, engine: &Engine) -> anyhow::Result<()> {
    for link in &stage.cast().links {
        compare_link(stage, engine, link).await?;
    }
    for (index, tenant) in stage.cast().tenants.iter().enumerate() {
        no_foreign_words(stage, engine, index, tenant).await?;
    }
    no_copies(stage);
    Ok(())
}

fn name(remote_id: &RemoteId) -> String {
    let path = remote_id.as_str();
    let path = path.find("/dav/").map_or(path, |at| &path[at..]);
    wire::named(path).map_or_else(|| path.to_owned(), |(_, name)| name)
}

async fn compare_link(stage: &Stage, engine: &Engine, link: &Link) -> anyhow::Result<()> {
    let tenant = &stage.cast().tenants[link.tenant];
    let mut remote = truth::objects(stage, &link.place);
    let face = stage.cast().face(&link.place);
    let mut tx = engine.store.read(tenant.id).await?;
    let ours = events::list_range(&mut tx, Some(link.calendar), Window::default(), None, ALL)
        .await?
        .events;
    let feed = events::changes_since(&mut tx, 0, ALL).await?;
    let mut all: Vec<EventId> = feed.iter().map(|version| version.event).collect();
    all.sort();
    all.dedup();
    let mirrored = mirrors::by_events(&mut tx, link.id, &all).await?;
    let open = conflicts::open_fields(&mut tx, link.id, &all).await?;
    let skipped = skips::list(&mut tx, link.id).await?;
    let failed = intents::failed(&mut tx, link.id).await?;
    let owed = intents::count(&mut tx, link.id).await?;
    drop(tx);

    let at = format!("{} ({})", link.place, link.id);
    // A server that would mail the guests keeps what it has: silence comes before being in step.
    let mailed = would_be_mailed(stage, link, &ours, &mirrored, &remote);
    // What a provider has no words for stays here as well, and is told by name.
    let (silent, failed): (Vec<Intent>, Vec<Intent>) = failed.into_iter().partition(|intent| {
        let ours = ours.iter().find(|event| event.id == intent.event);
        let body = ours.and_then(|event| event.body.as_ref());
        let mirror = mirrored.iter().find(|mirror| mirror.event == intent.event);
        let there = mirror.and_then(|mirror| remote.get(&name(&mirror.remote_id))?.as_ref());
        let error = intent.error.as_deref().unwrap_or_default();
        let refused = likeness::may_refuse(face, error, body, there.map(|seen| &seen.event));
        mailed.contains(&intent.event) || refused
    });
    let silent: BTreeSet<EventId> = silent.iter().map(|intent| intent.event).collect();
    if let Some(intent) = failed.first().filter(|_| link.rules.sends()) {
        let error = intent.error.clone().unwrap_or_default();
        stage.cry(
            Law::SidesDiffer,
            format!("{at}: event {} is refused for good: {error}", intent.event),
        );
        return Ok(());
    }
    let owed = usize::try_from(owed)?.saturating_sub(silent.len());
    if owed > 0 && link.rules.sends() {
        stage.cry(Law::NoRest, format!("{at}: {owed} writes are still owed"));
        return Ok(());
    }
    let ours: Vec<StoredEvent> = ours
        .into_iter()
        .filter(|event| !silent.contains(&event.id))
        .collect();
    let (unsent, mirrored): (Vec<Mirror>, Vec<Mirror>) = mirrored
        .into_iter()
        .partition(|mirror| silent.contains(&mirror.event));
    for mirror in unsent {
        remote.remove(&name(&mirror.remote_id));
    }
    for event in &ours {
        let mirror = mirrored.iter().find(|mirror| mirror.event == event.id);
        let held: Vec<Field> = open
            .iter()
            .filter(|(id, _)| *id == event.id)
            .map(|(_, field)| field.clone())
            .collect();
        if let Some(detail) = event_differs((face, link), event, mirror, &remote, &held) {
            stage.cry(Law::SidesDiffer, format!("{at}: {detail}"));
            return Ok(());
        }
    }
    if let Some(detail) = object_differs(link, &remote, &mirrored, &ours, &skipped) {
        stage.cry(Law::SidesDiffer, format!("{at}: {detail}"));
    }
    if let Some(uid) = twice(
        ours.iter()
            .filter_map(|event| Some(event.body.as_ref()?.uid.0.clone())),
    ) {
        stage.cry(
            Law::Doubled,
            format!("{uid} stands twice in calendar {}", link.calendar),
        );
    }
    Ok(())
}

/// The events that have guests, here or there, where the server of a link mails guests.
fn would_be_mailed(
    stage: &Stage,
    link: &Link,
    ours: &[StoredEvent],
    mirrored: &[Mirror],
    objects: &BTreeMap<String, Option<Seen>>,
) -> BTreeSet<EventId> {
    let account = stage.world().accounts.get(&link.place.user).cloned();
    let mails = match stage.cast().face(&link.place) {
        Face::Caldav => {
            account.is_some_and(|account| account.quirks.scheduling == Scheduling::Auto)
        }
        // Each write says that nobody is to be mailed.
        Face::Google => false,
        Face::Microsoft => true,
    };
    if !mails {
        return BTreeSet::new();
    }
    let here = ours
        .iter()
        .filter(|event| event.body.as_ref().is_some_and(has_guests))
        .map(|event| event.id);
    let there = mirrored.iter().filter(|mirror| {
        let object = objects.get(&name(&mirror.remote_id));
        object.is_some_and(|seen| seen.as_ref().is_none_or(|seen| has_guests(&seen.event)))
    });
    here.chain(there.map(|mirror| mirror.event)).collect()
}

fn has_guests(event: &Event) -> bool {
    let of = |instance: &Instance| !instance.details.participants.is_empty();
    of(&event.master)
        || event.recurrence_overrides.values().any(|here| match here {
            Override::Replaced(instance) => of(instance),
            Override::Excluded | Override::Added { .. } => false,
        })
}

/// What is wrong with one of our events, seen through a link.
fn event_differs(
    (face, link): (Face, &Link),
    event: &StoredEvent,
    mirror: Option<&Mirror>,
    remote: &BTreeMap<String, Option<Seen>>,
    held: &[Field],
) -> Option<String> {
    let body = event.body.as_ref()?;
    let Some(mirror) = mirror else {
        return link
            .rules
            .sends()
            .then(|| format!("{} ({}) is not there", event.id, body.uid));
    };
    let name = name(&mirror.remote_id);
    let Some(object) = remote.get(&name) else {
        return link
            .rules
            .sends()
            .then(|| format!("{} ({}) should be there as {name}", event.id, body.uid));
    };
    let Some(object) = object else {
        return Some(format!("{name} cannot be read"));
    };
    let authority = match mirror.origin {
        Origin::Kalends => Authority::Shared,
        Origin::Remote => link.rules.authority(&object.event),
    };
    let fields = must_be_equal(link, body, &object.event, authority, held);
    let (ours, theirs) = (link.rules.mask(body), link.rules.mask(&object.event));
    let field = fields.first()?;
    if let Some(vendor) = face.vendor() {
        let due = likeness::due(&ours, &theirs, &fields);
        return likeness::differs(vendor, &due, &theirs)
            .map(|how| format!("{} ({}) differs: {how}", event.id, body.uid));
    }
    Some(format!(
        "{} ({}) differs in {fields:?}: here {}, there {}",
        event.id,
        body.uid,
        get(&ours, field),
        get(&theirs, field)
    ))
}

fn must_be_equal(
    link: &Link,
    ours: &Event,
    theirs: &Event,
    authority: Authority,
    held: &[Field],
) -> Vec<Field> {
    differing(&link.rules.mask(ours), &link.rules.mask(theirs))
        .into_iter()
        .filter(|field| match link.rules.flow(field, authority) {
            Flow::Both | Flow::Out => !held.contains(field),
            // What was changed here stays here.
            Flow::In | Flow::None => false,
        })
        .collect()
}

/// What is wrong with the objects at the place.
fn object_differs(
    link: &Link,
    remote: &BTreeMap<String, Option<Seen>>,
    mirrored: &[Mirror],
    ours: &[StoredEvent],
    skipped: &[skips::Skip],
) -> Option<String> {
    for (object, seen) in remote {
        let Some(seen) = seen else { continue };
        if skipped.iter().any(|skip| name(&skip.remote_id) == *object) {
            continue;
        }
        match mirrored
            .iter()
            .find(|mirror| name(&mirror.remote_id) == *object)
        {
            None if link.rules.receives() => {
                return Some(format!("{object} ({}) is not here", seen.uid));
            }
            None => {}
            Some(mirror) => {
                let alive = ours.iter().any(|event| event.id == mirror.event);
                if !alive && link.rules.sends() {
                    return Some(format!(
                        "{object} ({}) is deleted here and stands there",
                        seen.uid
                    ));
                }
            }
        }
    }
    None
}

/// At most one object for each event and place.
fn no_copies(stage: &Stage) {
    for place in stage.cast().places() {
        let all: Vec<Seen> = truth::objects(stage, &place)
            .into_values()
            .flatten()
            .collect();
        if let Some(uid) = twice(all.iter().map(|seen| seen.uid.clone())) {
            stage.cry(Law::Doubled, format!("{uid} stands twice at {place}"));
        } else if let Some(mark) = twice(all.iter().filter_map(|seen| seen.mark)) {
            stage.cry(
                Law::Doubled,
                format!("event {mark} stands twice at {place}"),
            );
        }
    }
}

async fn no_foreign_words(
    stage: &Stage,
    engine: &Engine,
    index: usize,
    tenant: &Tenant,
) -> anyhow::Result<()> {
    let mut tx = engine.store.read(tenant.id).await?;
    let feed = events::changes_since(&mut tx, 0, ALL).await?;
    let conflicts = conflicts::list(&mut tx, conflicts::Which::All, ALL).await?;
    drop(tx);
    let mut text =
        serde_json::to_string(&feed.iter().map(|version| &version.body).collect::<Vec<_>>())?;
    text.push_str(&serde_json::to_string(
        &conflicts
            .iter()
            .map(|stored| &stored.conflict)
            .collect::<Vec<_>>(),
    )?);
    for (other, stranger) in stage.cast().tenants.iter().enumerate() {
        if other != index
            && let Some(word) = words(stranger.canary, &text).first()
        {
            stage.cry(
                Law::TenantsApart,
                format!("{word} stands in the rows of {}", tenant.canary),
            );
        }
    }
    Ok(())
}

/// Something that is there twice.
fn twice<T: Ord + Clone>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut known = std::collections::BTreeSet::new();
    let mut all = all;
    all.find(|one| !known.insert(one.clone()))
}
