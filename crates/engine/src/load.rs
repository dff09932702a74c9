//! Loads what we know of remote events that a provider reported.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use kalends_calendar::event::Event;
use kalends_calendar::failure::Failure;
use kalends_calendar::ids::{EventId, RemoteId, Uid};
use kalends_calendar::merge::{Debt, Field, assume_created_in_steps, assume_sent};
use kalends_calendar::plan::{Agreed, Canonical, Met, Mirror, Origin, Ours, Standing, would_send};
use kalends_calendar::provider::{Change, Mark, Observed, State};
use kalends_store::events::{EventHead, StoredEvent};
use kalends_store::{StoreError, Tx, conflicts, debts, events, mirrors, skips};

use crate::EngineError;
use crate::run::Run;

/// UIDs that we make for mirrors whose own UID is taken open with this.
pub(crate) const DERIVED_UID_PREFIX: &str = "kalends-";

/// Stamps so far apart are of one write: some providers stamp an edit a moment after they made the event.
const SAME_WRITE: SignedDuration = SignedDuration::from_secs(2);

/// The mark of a remote event, if it counts. Some programs copy unknown properties when a person duplicates an event; the
/// duplicate has a UID of its own, and is not a copy of ours.
pub(crate) fn counting_mark(observed: &Observed) -> Option<&Mark> {
    observed.mark.as_ref().filter(|mark| {
        observed.event.uid == mark.uid
            || observed.event.uid.as_str().starts_with(DERIVED_UID_PREFIX)
    })
}

/// Our side of an event as the plan wants it; none where it has never been here.
pub(crate) async fn canonical(tx: &mut Tx, id: EventId) -> Result<Option<Canonical>, StoreError> {
    Ok(stored(tx, &[id]).await?.remove(&id))
}

fn as_canonical(stored: StoredEvent, last: Option<Event>) -> Canonical {
    match stored.body {
        Some(event) if !stored.deleted => Canonical::Live {
            id: stored.id,
            revision: stored.revision,
            event: Box::new(event),
            changed_at: stored.updated_at,
        },
        Some(_) | None => Canonical::Deleted {
            id: stored.id,
            revision: stored.revision,
            last: last.map(Box::new),
        },
    }
}

/// What we know of a handful of changes.
pub(crate) struct Known {
    /// Of each, in their order.
    pub(crate) ours: Vec<Ours>,
    /// Mirrored remote events whose like is among the changes under another id: moved, or doubled.
    pub(crate) doubles: BTreeSet<RemoteId>,
}

/// What we know of each of these changes. `moved` are remote events that are not where their mirrors say any more.
pub(crate) async fn ours(
    run: &Run<'_>,
    changes: &[Change],
    moved: &BTreeSet<RemoteId>,
) -> Result<Known, EngineError> {
    let mut tx = run.engine.store.read(run.lease.tenant).await?;
    let ids: Vec<RemoteId> = changes
        .iter()
        .map(|change| change.remote_id.clone())
        .collect();
    let mirrored: BTreeMap<RemoteId, Mirror> = mirrors::by_remote_ids(&mut tx, run.link.id, &ids)
        .await?
        .into_iter()
        .map(|mirror| (mirror.remote_id.clone(), mirror))
        .collect();
    let strangers: Vec<&Observed> = changes
        .iter()
        .filter(|change| !mirrored.contains_key(&change.remote_id))
        .filter_map(|change| observed(change))
        .collect();
    let mut candidates = Candidates::load(run, &mut tx, &strangers, moved).await?;
    let mut events: Vec<EventId> = mirrored.values().map(|mirror| mirror.event).collect();
    let mut canonicals = stored(&mut tx, &events).await?;
    events.extend(candidates.by_id.keys().copied());
    let standing = Context::load(run, &mut tx, &events).await?;
    let met = met(run, &mut tx, &ids).await?;
    drop(tx);
    let leaves_out = |change: &Change, observed: &Observed| {
        let met = met.get(&change.remote_id).unwrap_or(&Met::Never);
        run.import.importing().leaves_out(met, observed)
    };

    let mut ours = Vec::with_capacity(changes.len());
    for change in changes {
        let known = match (mirrored.get(&change.remote_id), observed(change)) {
            (Some(mirror), observed) => {
                let canonical = canonicals.remove(&mirror.event).ok_or_else(|| {
                    Failure::protocol(format!(
                        "a mirror names event {}, which is not there",
                        mirror.event
                    ))
                })?;
                standing.mirrored(run, mirror.clone(), canonical, observed)
            }
            (None, Some(observed)) => match candidates.find(run, observed) {
                Found::Mirrored(mirror, canonical) => {
                    standing.mirrored(run, mirror, canonical, Some(observed))
                }
                // What was deleted here does not come back from outside either.
                Found::Candidate(Canonical::Deleted { .. }) | Found::Stranger { .. }
                    if leaves_out(change, observed) =>
                {
                    Ours::Outside
                }
                Found::Candidate(canonical) => standing.candidate(run, change, observed, canonical),
                Found::CopyFromElsewhere => Ours::CopyFromElsewhere,
                Found::Stranger { fresh } => Ours::Unknown { fresh },
            },
            (None, None) => Ours::Unknown {
                fresh: EventId(run.engine.ids.next()),
            },
        };
        ours.push(known);
    }
    let doubles = candidates
        .doubles
        .into_iter()
        .filter(|id| !ids.contains(id))
        .collect();
    Ok(Known { ours, doubles })
}

/// What the link knows of remote events that it may not mirror, where that decides anything.
async fn met(
    run: &Run<'_>,
    tx: &mut Tx,
    ids: &[RemoteId],
) -> Result<BTreeMap<RemoteId, Met>, StoreError> {
    if !run.import.is_bound() {
        return Ok(BTreeMap::new());
    }
    let skips = skips::get(tx, run.link.id, ids).await?;
    let met = skips.into_iter().map(|skip| {
        let met = match (skip.outside, skip.version) {
            (Some(fingerprint), version) => Met::Outside {
                version,
                fingerprint,
            },
            (None, Some(_)) => Met::Refused,
            (None, None) => Met::Unread,
        };
        (skip.remote_id, met)
    });
    Ok(met.collect())
}

fn observed(change: &Change) -> Option<&Observed> {
    match &change.state {
        State::Present(observed) => Some(observed),
        State::Listed(_) | State::Broken { .. } | State::Gone => None,
    }
}

/// What the link owes and holds about some events.
struct Context {
    owed: BTreeMap<EventId, Debt>,
    held: BTreeMap<EventId, Vec<Field>>,
    /// What was sent with an unknown outcome.
    sent: BTreeMap<EventId, Event>,
    from_copies: BTreeSet<EventId>,
}

impl Context {
    async fn load(run: &Run<'_>, tx: &mut Tx, events: &[EventId]) -> Result<Self, StoreError> {
        let mut context = Self {
            owed: BTreeMap::new(),
            held: BTreeMap::new(),
            sent: BTreeMap::new(),
            from_copies: BTreeSet::new(),
        };
        if events.is_empty() {
            return Ok(context);
        }
        context.owed = debts::owed_among(tx, run.link.id, events)
            .await?
            .into_iter()
            .collect();
        for (event, field) in conflicts::open_fields(tx, run.link.id, events).await? {
            context.held.entry(event).or_default().push(field);
        }
        if !context.owed.is_empty() {
            context.sent = debts::sent_contents(tx, run.link.id, events)
                .await?
                .into_iter()
                .collect();
        }
        context.from_copies = debts::known_from_copies(tx, events)
            .await?
            .into_iter()
            .collect();
        Ok(context)
    }

    fn held(&self, event: EventId) -> Vec<Field> {
        self.held.get(&event).cloned().unwrap_or_default()
    }

    fn mirrored(
        &self,
        run: &Run<'_>,
        mirror: Mirror,
        canonical: Canonical,
        observed: Option<&Observed>,
    ) -> Ours {
        let event = mirror.event;
        let Ok(mut agreed) = agreed(run, mirror) else {
            // What was agreed cannot be read any more: both sides meet as if for the first time.
            return Ours::Candidate {
                canonical,
                standing: Standing::Own,
            };
        };
        let held = self.held(event);
        if let (Some(sent), Some(observed)) = (self.sent.get(&event), observed) {
            let rules = match agreed.mirror.origin {
                Origin::Kalends => run.rules.as_shown_by(&observed.event),
                Origin::Remote => run.rules.clone(),
            };
            let sent = would_send(Some(&agreed), sent, &rules, &held);
            agreed.base = assume_sent(Some(&agreed.base), &sent, &observed.event);
        }
        Ours::Mirrored {
            agreed: Box::new(agreed),
            canonical,
            debt: self.debt(event),
            held,
        }
    }

    fn candidate(
        &self,
        run: &Run<'_>,
        change: &Change,
        observed: &Observed,
        canonical: Canonical,
    ) -> Ours {
        let event = canonical.id();
        let Some(sent) = self.sent.get(&event).filter(|_| observed.mark.is_some()) else {
            let from_copy = self.from_copies.contains(&event);
            let standing = if from_copy {
                Standing::FromCopy
            } else {
                Standing::Own
            };
            return Ours::Candidate {
                canonical,
                standing,
            };
        };
        // Our own creation, whose answer was lost.
        let rules = run.rules.as_shown_by(&observed.event);
        let sent = would_send(None, sent, &rules, &[]);
        let agreed = Agreed {
            mirror: Mirror {
                event,
                remote_id: change.remote_id.clone(),
                version: observed.version.clone(),
                raw: observed.raw.clone(),
                origin: Origin::Kalends,
            },
            base: match &canonical {
                // Nobody has touched it: what is not as it was sent, the provider made of it.
                Canonical::Deleted { .. } if is_untouched(run, observed) => observed.event.clone(),
                Canonical::Deleted { .. } | Canonical::Live { .. } => created(run, &sent, observed),
            },
        };
        Ours::Mirrored {
            agreed: Box::new(agreed),
            canonical,
            debt: self.debt(event),
            held: self.held(event),
        }
    }

    fn debt(&self, event: EventId) -> Debt {
        self.owed.get(&event).copied().unwrap_or(Debt::Settled)
    }
}

/// Whether an event is what it was when it was made, by the stamps of its provider.
fn is_untouched(run: &Run<'_>, observed: &Observed) -> bool {
    let (made, edited) = (observed.event.created, observed.event.updated);
    run.provider.capabilities().stamps_edits
        && made.is_some_and(|made| {
            edited.is_some_and(|edited| edited.duration_since(made) <= SAME_WRITE)
        })
}

/// The merge base of a creation of ours whose outcome was not known.
pub(crate) fn created(run: &Run<'_>, sent: &Event, observed: &Observed) -> Event {
    if run.provider.capabilities().series_in_steps {
        assume_created_in_steps(sent, &observed.event)
    } else {
        assume_sent(None, sent, &observed.event)
    }
}

/// A mirror with its merge base.
pub(crate) fn agreed(run: &Run<'_>, mirror: Mirror) -> Result<Agreed, EngineError> {
    let base = run.provider.read(&mirror.raw)?;
    Ok(Agreed { mirror, base })
}

async fn stored(tx: &mut Tx, ids: &[EventId]) -> Result<BTreeMap<EventId, Canonical>, StoreError> {
    let events = events::get_many(tx, ids).await?;
    let deleted: Vec<EventId> = events
        .iter()
        .filter(|event| event.deleted)
        .map(|event| event.id)
        .collect();
    let mut last: BTreeMap<EventId, Event> = if deleted.is_empty() {
        BTreeMap::new()
    } else {
        let before = events::before_deletion(tx, &deleted).await?;
        before.into_iter().collect()
    };
    Ok(events
        .into_iter()
        .map(|event| {
            let last = last.remove(&event.id);
            (event.id, as_canonical(event, last))
        })
        .collect())
}

/// What a stranger turns out to be.
enum Found {
    /// An event that the link mirrors under an id where it is not any more.
    Mirrored(Mirror, Canonical),
    Candidate(Canonical),
    CopyFromElsewhere,
    Stranger {
        fresh: EventId,
    },
}

/// Events of ours that a stranger may turn out to be.
struct Candidates {
    by_id: BTreeMap<EventId, Canonical>,
    by_uid: BTreeMap<Uid, Vec<EventId>>,
    /// Mirrors of candidates that are not where they were.
    moved: BTreeMap<EventId, Mirror>,
    /// Where events are mirrored that a stranger might be.
    doubles: BTreeSet<RemoteId>,
    /// Events with a counting mark among the strangers that are in another calendar, or mirrored on this link already.
    elsewhere: BTreeSet<EventId>,
    /// Identities that are in use and must not be given again.
    used: BTreeSet<EventId>,
}

impl Candidates {
    async fn load(
        run: &Run<'_>,
        tx: &mut Tx,
        strangers: &[&Observed],
        moved: &BTreeSet<RemoteId>,
    ) -> Result<Self, StoreError> {
        let marks: Vec<&Mark> = strangers
            .iter()
            .filter_map(|observed| counting_mark(observed))
            .collect();
        let marked: Vec<EventId> = marks.iter().map(|mark| mark.event).collect();
        let mut uids: Vec<Uid> = strangers
            .iter()
            .map(|observed| observed.event.uid.clone())
            .collect();
        uids.extend(marks.iter().map(|mark| mark.uid.clone()));

        let named = if marked.is_empty() {
            Vec::new()
        } else {
            events::find_anywhere(tx, &marked).await?
        };
        let same_uid = if uids.is_empty() {
            Vec::new()
        } else {
            events::find_by_uid(tx, run.link.calendar, &uids).await?
        };
        let is_here = |head: &&EventHead| head.calendar == run.link.calendar;
        let here: Vec<EventId> = named
            .iter()
            .chain(&same_uid)
            .filter(is_here)
            .map(|head| head.id)
            .collect();
        let (moved, taken): (Vec<Mirror>, Vec<Mirror>) = if here.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            let mirrors = mirrors::by_events(tx, run.link.id, &here).await?;
            mirrors
                .into_iter()
                .partition(|mirror| moved.contains(&mirror.remote_id))
        };
        let doubles = taken
            .iter()
            .map(|mirror| mirror.remote_id.clone())
            .collect();
        let taken: BTreeSet<EventId> = taken.into_iter().map(|mirror| mirror.event).collect();
        let free: Vec<EventId> = here.into_iter().filter(|id| !taken.contains(id)).collect();

        let mut by_uid: BTreeMap<Uid, Vec<EventId>> = BTreeMap::new();
        for head in same_uid.iter().filter(|head| !taken.contains(&head.id)) {
            by_uid.entry(head.uid.clone()).or_default().push(head.id);
        }
        Ok(Self {
            by_id: stored(tx, &free).await?,
            by_uid,
            moved: moved
                .into_iter()
                .map(|mirror| (mirror.event, mirror))
                .collect(),
            doubles,
            elsewhere: named
                .iter()
                .filter(|head| !is_here(head) || taken.contains(&head.id))
                .map(|head| head.id)
                .collect(),
            used: named.iter().map(|head| head.id).collect(),
        })
    }

    /// What a stranger is: each candidate is given out once.
    fn find(&mut self, run: &Run<'_>, observed: &Observed) -> Found {
        let mark = counting_mark(observed);
        let by_mark = mark.and_then(|mark| self.by_id.remove(&mark.event));
        let by_uid = |all: &mut Self, uid: &Uid| {
            let ids = all.by_uid.get(uid)?;
            let id = ids.iter().find(|id| all.by_id.contains_key(id)).copied()?;
            all.by_id.remove(&id)
        };
        if let Some(canonical) = by_mark
            .or_else(|| mark.and_then(|mark| by_uid(self, &mark.uid)))
            .or_else(|| by_uid(self, &observed.event.uid))
        {
            let is_copy_of_another = mark.is_some_and(|mark| {
                mark.event != canonical.id() && self.elsewhere.contains(&mark.event)
            });
            return match (self.moved.remove(&canonical.id()), &canonical) {
                (Some(mirror), _) => Found::Mirrored(mirror, canonical),
                // It stands for the event of another calendar; the one that was deleted here does not live on in it.
                (None, Canonical::Deleted { .. }) if is_copy_of_another => Found::CopyFromElsewhere,
                (None, _) => Found::Candidate(canonical),
            };
        }
        match mark {
            Some(mark) if self.elsewhere.contains(&mark.event) => Found::CopyFromElsewhere,
            // The identity in the mark is free: the event gets it back.
            Some(mark) if self.used.insert(mark.event) => Found::Stranger { fresh: mark.event },
            Some(_) => Found::CopyFromElsewhere,
            None => Found::Stranger {
                fresh: EventId(run.engine.ids.next()),
            },
        }
    }
}
