//! At rest: every acknowledged edit has left its trace.
//!
//! A value that a person gave a field must stand in the result, or have been overwritten by a later edit of the same
//! field, or stand in a conflict. An event whose last deed is an edit must be alive, and one whose last deed is a deletion
//! must not be, unless somebody edited it elsewhere at about that time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::event::{Event, RecurrenceId};
use kalends_calendar::ids::{CalendarId, EventId, LinkId};
use kalends_calendar::merge::{Field, differing, get};
use kalends_calendar::revision::Actor;
use kalends_calendar::rules::{Authority, Flow};
use kalends_calendar::series;
use kalends_engine::Engine;
use kalends_sandbox::Place;
use kalends_store::conflicts::{self, StoredConflict, Which};
use kalends_store::events::{self, EventVersion};
use kalends_store::remote_writes::{self, RemoteWrite, WriteOp};
use serde_json::{Value, json};

use crate::face::Face;
use crate::ledger::{Deed, Side, What};
use crate::stage::{Law, Link, Stage};
use crate::truth;

/// More than any simulation has.
const ALL: i64 = 100_000;

/// An edit on one side this long before a deletion on another may not have been known there.
const UNKNOWING: SignedDuration = SignedDuration::from_hours(2);

/// How far a node's clock may be from the world's.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// What the database holds of one tenant in the end.
struct Outcome<'a> {
    latest: BTreeMap<EventId, &'a EventVersion>,
    conflicts: Vec<StoredConflict>,
    /// Every attempt to make an event at a server.
    creations: Vec<RemoteWrite>,
    uids: BTreeMap<EventId, BTreeSet<String>>,
    /// Which events were changed by what came in through which link.
    retold: BTreeSet<(EventId, LinkId)>,
}

/// Looks for the trace of every deed.
pub(crate) async fn find(stage: &Stage, engine: &Engine) -> anyhow::Result<()> {
    let deeds = stage.ledger().deeds.clone();
    for (index, tenant) in stage.cast().tenants.iter().enumerate() {
        let mut tx = engine.store.read(tenant.id).await?;
        let feed = events::changes_since(&mut tx, 0, ALL).await?;
        let conflicts = conflicts::list(&mut tx, Which::All, ALL).await?;
        let known: BTreeSet<EventId> = feed.iter().map(|version| version.event).collect();
        let mut creations = Vec::new();
        for event in known {
            let writes = remote_writes::list(&mut tx, event, ALL).await?;
            creations.extend(
                writes
                    .into_iter()
                    .filter(|write| write.op == WriteOp::Create),
            );
        }
        drop(tx);
        let mut result = Outcome {
            latest: BTreeMap::new(),
            conflicts,
            creations,
            uids: BTreeMap::new(),
            retold: BTreeSet::new(),
        };
        for version in &feed {
            if let Actor::Sync { link, .. } = version.cause.actor {
                result.retold.insert((version.event, link));
            }
            result.latest.insert(version.event, version);
            if let Some(body) = &version.body {
                result
                    .uids
                    .entry(version.event)
                    .or_default()
                    .insert(body.uid.0.clone());
            }
        }
        let mut by_uid: BTreeMap<&str, Vec<&Deed>> = BTreeMap::new();
        for deed in deeds.iter().filter(|deed| deed.tenant == index) {
            by_uid.entry(&deed.uid).or_default().push(deed);
        }
        for (uid, deeds) in by_uid {
            if let Some(detail) = result.lost(stage, uid, &deeds) {
                result.tell_history(stage, uid, &feed);
                stage.cry(Law::EditLost, detail);
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether an edit here gives a field back a value that it had before an earlier edit. To a three-way merge that is no
/// change against what was agreed, so that an edit made elsewhere may stand; the value stays in the history.
fn undoes(deed: &Deed, earlier: &[&Deed], field: &Field, after: &Event) -> bool {
    let Side::Ours(..) = deed.side else {
        return false;
    };
    earlier.iter().any(|earlier| match &earlier.what {
        What::Edited {
            field: edited,
            before,
            ..
        } => edited == field && get(before, field) == get(after, field),
        _ => false,
    })
}

impl Outcome<'_> {
    /// The events that have or had this UID.
    fn group(&self, uid: &str) -> Vec<EventId> {
        self.uids
            .iter()
            .filter(|(_, uids)| uids.contains(uid))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether one of these events is, or was, in a calendar.
    fn is_in(&self, group: &[EventId], calendar: CalendarId) -> bool {
        group.iter().any(|id| {
            self.latest
                .get(id)
                .is_some_and(|version| version.calendar == calendar)
        })
    }

    /// Whether what was edited is a copy that we wrote of another calendar's event, while the link's own is deleted.
    fn copies_another(&self, stage: &Stage, deed: &Deed, group: &[EventId], link: &Link) -> bool {
        let Side::There(place, name) = &deed.side else {
            return false;
        };
        let mark = truth::object(stage, place, name).and_then(|seen| seen.mark);
        let of_another = mark
            .and_then(|event| self.latest.get(&event))
            .is_some_and(|version| version.calendar != link.calendar);
        of_another
            && group
                .iter()
                .filter_map(|id| self.latest.get(id))
                .all(|version| version.calendar != link.calendar || version.deleted)
    }

    fn lost(&self, stage: &Stage, uid: &str, deeds: &[&Deed]) -> Option<String> {
        let group = self.group(uid);
        let alive: Vec<&Event> = group
            .iter()
            .filter_map(|id| self.latest.get(id)?.body.as_ref())
            .collect();
        for (number, deed) in deeds.iter().enumerate() {
            let later = &deeds[number + 1..];
            let What::Edited {
                field,
                before,
                after,
            } = &deed.what
            else {
                continue;
            };
            if later
                .iter()
                .any(|later| overwrites(stage, deed, later, field))
            {
                continue;
            }
            let mut links = travels(stage, deed, field, before, after);
            // Where it is a copy that we wrote for another calendar, it does not come in.
            links.retain(|link| {
                self.is_in(&group, link.calendar) && !self.copies_another(stage, deed, &group, link)
            });
            if matches!(deed.side, Side::There(..)) && links.is_empty() {
                continue;
            }
            let is_over = stays_here(stage, deed, field) || ended_by_organizer(stage, deeds);
            if alive.is_empty() && !is_over {
                return Some(format!(
                    "{uid} is deleted, and {field:?} of it was edited last, at {} {}",
                    deed.at,
                    shown(deed)
                ));
            }
            if alive.is_empty() {
                continue;
            }
            let found = match &deed.side {
                Side::Ours(_, id) => {
                    self.stands(*id, field, (before, after), None)
                        || self.disputed(&group, field, after, None)
                }
                Side::There(..) => links.iter().any(|link| {
                    group
                        .iter()
                        .any(|id| self.stands(*id, field, (before, after), Some(link)))
                        || self.disputed(&group, field, after, Some(link))
                }),
            };
            let earlier = &deeds[..number];
            let gave_way = undoes(deed, earlier, field, after)
                && self.of_another(&group, deed, earlier, field);
            if !found && !gave_way {
                return Some(format!(
                    "{uid}: {field:?} was edited at {} {} to {} and that is nowhere; now it is {:?}",
                    deed.at,
                    shown(deed),
                    get(after, field),
                    alive
                        .iter()
                        .map(|event| get(event, field).to_string())
                        .collect::<Vec<_>>()
                ));
            }
        }
        self.deletion_undone(stage, uid, deeds)
    }

    /// Writes what the database knows of an event into the trace, for whoever looks for what went wrong.
    fn tell_history(&self, stage: &Stage, uid: &str, feed: &[EventVersion]) {
        for id in self.group(uid) {
            let mut before: Option<&Event> = None;
            for version in feed.iter().filter(|version| version.event == id) {
                let what = match (&version.body, before) {
                    (None, _) => "deleted".to_owned(),
                    (Some(_), None) => "made".to_owned(),
                    (Some(body), Some(before)) => differing(before, body)
                        .iter()
                        .map(|field| format!("{field:?} = {}", get(body, field)))
                        .collect::<Vec<_>>()
                        .join(", "),
                };
                stage.baton.say(&format!(
                    "history of {id} in {}: {} at {} by {:?} ({}): {what}",
                    version.calendar,
                    version.revision,
                    version.at,
                    version.cause.actor,
                    version.cause.reason
                ));
                before = version.body.as_ref();
            }
            for stored in self.conflicts.iter().filter(|stored| stored.event == id) {
                stage
                    .baton
                    .say(&format!("conflict at {}: {stored:?}", stored.at));
            }
        }
    }

    fn deletion_undone(&self, stage: &Stage, uid: &str, deeds: &[&Deed]) -> Option<String> {
        let last = deeds.last()?;
        let is_here = match &last.side {
            Side::Ours(_, id) => self.latest.get(id).is_some_and(|version| !version.deleted),
            // A calendar that only sends there puts the event back.
            Side::There(place, _) => stage.cast().links.iter().any(|link| {
                link.place == *place
                    && link.rules.receives()
                    && !self.was_unconfirmed(link, &self.group(uid), last.at)
                    && !self.was_retold(link, &self.group(uid))
                    && self.group(uid).iter().any(|id| {
                        self.latest.get(id).is_some_and(|version| {
                            version.calendar == link.calendar && !version.deleted
                        })
                    })
            }),
        };
        if !is_here || !matches!(last.what, What::Deleted { .. }) {
            return None;
        }
        let elsewhere = deeds.iter().any(|deed| {
            deed.side != last.side
                && !matches!(deed.what, What::Deleted { .. })
                && deed.at.duration_since(last.at).abs() < UNKNOWING
        });
        (!elsewhere).then(|| {
            format!(
                "{uid} was deleted at {} {} and is here again",
                last.at,
                shown(last)
            )
        })
    }

    /// Whether at a time Kalends had sent an event through a link and did not know yet whether it had arrived. Who deletes
    /// it then cannot be told from a server that never got it, and it is made again.
    fn was_unconfirmed(&self, link: &Link, group: &[EventId], at: Timestamp) -> bool {
        // A stamp is one debt: while it is tried again, nobody knows what came of the tries before.
        let tries = self
            .creations
            .iter()
            .filter(|write| write.link == link.id && group.contains(&write.event));
        tries.clone().any(|first| {
            first.at.duration_since(at) <= CLOCKS_APART
                && tries.clone().any(|again| {
                    (again.event, again.stamp) == (first.event, first.stamp) && again.at > at
                })
        })
    }

    /// Whether an event says something else here than where a link only gets it from, because another server told it in its
    /// own way: an occurrence that follows its series there does so here as well. To the link that is an edit of ours, which
    /// is not lost by a deletion.
    fn was_retold(&self, link: &Link, group: &[EventId]) -> bool {
        !link.rules.sends()
            && self
                .retold
                .iter()
                .any(|(event, through)| group.contains(event) && *through != link.id)
    }

    /// Whether what an edit made of a field is there in the end.
    fn stands(
        &self,
        id: EventId,
        field: &Field,
        (before, after): (&Event, &Event),
        link: Option<&Link>,
    ) -> bool {
        let Some(now) = self
            .latest
            .get(&id)
            .and_then(|version| version.body.as_ref())
        else {
            return false;
        };
        value(now, field, link) == value(after, field, link)
            || matches!(field, Field::Override(id) if occurrence_stands(now, before, after, *id, link))
    }

    /// Whether the field has, in the end, the value that an earlier edit on another side gave it.
    fn of_another(&self, group: &[EventId], deed: &Deed, earlier: &[&Deed], field: &Field) -> bool {
        earlier.iter().any(|other| match &other.what {
            What::Edited {
                field: edited,
                before,
                after,
            } => {
                other.side != deed.side
                    && edited == field
                    && group
                        .iter()
                        .any(|id| self.stands(*id, field, (before, after), None))
            }
            What::Created | What::Deleted { .. } | What::Kept => false,
        })
    }

    /// Whether the value stands in a conflict.
    fn disputed(
        &self,
        group: &[EventId],
        field: &Field,
        after: &Event,
        link: Option<&Link>,
    ) -> bool {
        let wanted = value(after, field, link);
        let masked: Vec<Value> = vec![wanted, get(after, field)];
        self.conflicts.iter().any(|stored| {
            group.contains(&stored.event)
                && stored.conflict.field == *field
                && (masked.contains(&stored.conflict.local)
                    || masked.contains(&stored.conflict.remote))
        })
    }
}

/// Whether an occurrence has, in the end, everything that an edit gave it. What the edit left alone follows the series where
/// the server lets it, and an occurrence is whole as every server tells it.
fn occurrence_stands(
    now: &Event,
    before: &Event,
    after: &Event,
    id: RecurrenceId,
    link: Option<&Link>,
) -> bool {
    let parts = |event: &Event| {
        let masked = link.map_or_else(|| event.clone(), |link| link.rules.mask(event));
        let instance = series::instance_of(&masked, id).ok();
        instance.map(|instance| json!(instance))
    };
    let (Some(now), Some(before), Some(after)) = (parts(now), parts(before), parts(after)) else {
        return false;
    };
    ["start", "duration"]
        .into_iter()
        .map(|name| format!("/{name}"))
        .chain(
            after["details"]
                .as_object()
                .into_iter()
                .chain(before["details"].as_object())
                .flat_map(|details| details.keys().map(|name| format!("/details/{name}"))),
        )
        .all(|part| {
            let wanted = after.pointer(&part);
            wanted == before.pointer(&part) || wanted == now.pointer(&part)
        })
}

/// A field as a link shows it.
fn value(event: &Event, field: &Field, link: Option<&Link>) -> Value {
    match link {
        Some(link) => get(&link.rules.mask(event), field),
        None => get(event, field),
    }
}

/// Whether a later deed makes an earlier edit of a field void.
fn overwrites(stage: &Stage, deed: &Deed, later: &Deed, field: &Field) -> bool {
    match &later.what {
        What::Edited { field: other, .. } => {
            other == field || is_the_one_reminder(stage, (deed, field), (later, other))
        }
        What::Deleted { .. } | What::Created => true,
        What::Kept => false,
    }
}

/// Whether two reminders were given to an event on two sides that know each other by way of Microsoft, where an event has a
/// single reminder (provider-contracts.md: `reminderMinutesBeforeStart` single reminder only; docs/mapping.md: of several the
/// last one before the start). There, one of them takes the other's place, and to the other side that is an edit of its own.
fn is_the_one_reminder(stage: &Stage, one: (&Deed, &Field), other: (&Deed, &Field)) -> bool {
    let (Field::Alert(_), Field::Alert(_)) = (one.1, other.1) else {
        return false;
    };
    let links = &stage.cast().links;
    let is_seen_from = |side: &Side, place: &Place| match side {
        Side::There(there, _) => there == place,
        Side::Ours(calendar, _) => links
            .iter()
            .any(|link| link.calendar == *calendar && link.place == *place),
    };
    let (one, other) = (&one.0.side, &other.0.side);
    one != other
        && stage.cast().accounts.iter().any(|account| {
            account.face == Face::Microsoft
                && is_seen_from(one, &account.place)
                && is_seen_from(other, &account.place)
        })
}

/// The links through which an edit at a server comes in, if it can be seen through them at all.
fn travels<'a>(
    stage: &'a Stage,
    deed: &Deed,
    field: &Field,
    before: &Event,
    after: &Event,
) -> Vec<&'a Link> {
    let Side::There(place, _) = &deed.side else {
        return Vec::new();
    };
    stage
        .cast()
        .links
        .iter()
        .filter(|link| link.place == *place && link.rules.receives())
        .filter(|link| {
            let authority = link.rules.authority(after);
            link.rules.flow(field, authority) != Flow::None
                && value(before, field, Some(link)) != value(after, field, Some(link))
        })
        .collect()
}

/// Whether a field that was edited here does not go out through some link: a deletion that comes in from there does not
/// meet the edit, and the event with it stays in the history.
fn stays_here(stage: &Stage, deed: &Deed, field: &Field) -> bool {
    let Side::Ours(calendar, _) = &deed.side else {
        return false;
    };
    stage.cast().links.iter().any(|link| {
        link.calendar == *calendar
            && [Authority::Shared, Authority::Organizer]
                .into_iter()
                .any(|authority| {
                    !matches!(link.rules.flow(field, authority), Flow::Both | Flow::Out)
                })
    })
}

/// Whether the event was deleted where somebody else organizes it, as far as the deeds there tell: that undoes what was
/// changed on any copy (design.md §4.10). Where it was deleted in one of our calendars, and that calendar's link took it away
/// there, it looks no other to the next calendar's link.
fn ended_by_organizer(stage: &Stage, deeds: &[&Deed]) -> bool {
    let links = &stage.cast().links;
    links
        .iter()
        .filter(|link| link.rules.receives())
        .any(|link| {
            let is_anothers = deeds.iter().any(|deed| {
                let event = match &deed.what {
                    What::Edited { before, .. } => before,
                    What::Deleted { of: Some(of) } => of,
                    What::Created | What::Deleted { of: None } | What::Kept => return false,
                };
                matches!(&deed.side, Side::There(place, _) if *place == link.place)
                    && link.rules.authority(event) == Authority::Organizer
            });
            is_anothers
                && deeds.iter().any(|deed| {
                    matches!(deed.what, What::Deleted { .. })
                        && match &deed.side {
                            Side::There(place, _) => *place == link.place,
                            Side::Ours(calendar, _) => links.iter().any(|other| {
                                other.id != link.id
                                    && other.calendar == *calendar
                                    && other.place == link.place
                                    && other.rules.sends()
                            }),
                        }
                })
        })
}

fn shown(deed: &Deed) -> String {
    match &deed.side {
        Side::Ours(calendar, id) => format!("here (event {id} of {calendar})"),
        Side::There(place, name) => format!("there ({place}/{name})"),
    }
}
