//! Loads what we know of remote events that a provider reported.

use std::collections::{BTreeMap, BTreeSet};

use kalends_calendar::failure::Failure;
use kalends_calendar::ids::{EventId, RemoteId, Uid};
use kalends_calendar::merge::{Debt, Field};
use kalends_calendar::plan::{Agreed, Canonical, Mirror, Ours};
use kalends_calendar::provider::{Change, Mark, Observed, State};
use kalends_store::events::StoredEvent;
use kalends_store::{StoreError, Tx, conflicts, debts, events, mirrors};

use crate::EngineError;
use crate::run::Run;

/// UIDs that we make for mirrors whose own UID is taken open with this.
pub(crate) const DERIVED_UID_PREFIX: &str = "kalends-";

/// The mark of a remote event, if it counts. Some programs copy unknown properties when a person duplicates an event; the
/// duplicate has a UID of its own, and is not a copy of ours.
pub(crate) fn counting_mark(observed: &Observed) -> Option<&Mark> {
    observed.mark.as_ref().filter(|mark| {
        observed.event.uid == mark.uid
            || observed.event.uid.as_str().starts_with(DERIVED_UID_PREFIX)
    })
}

/// Our side of an event as the plan wants it.
pub(crate) fn canonical(stored: StoredEvent) -> Canonical {
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
        },
    }
}

/// What we know of each of these changes, in their order.
pub(crate) async fn ours(
    run: &Run<'_>,
    tx: &mut Tx,
    changes: &[Change],
) -> Result<Vec<Ours>, EngineError> {
    let ids: Vec<RemoteId> = changes
        .iter()
        .map(|change| change.remote_id.clone())
        .collect();
    let mirrored: BTreeMap<RemoteId, Mirror> = mirrors::by_remote_ids(tx, run.link.id, &ids)
        .await?
        .into_iter()
        .map(|mirror| (mirror.remote_id.clone(), mirror))
        .collect();
    let known: Vec<EventId> = mirrored.values().map(|mirror| mirror.event).collect();
    let mut ours = stored(tx, &known).await?;
    let owed: BTreeSet<EventId> = debts::owed_among(tx, run.link.id, &known)
        .await?
        .into_iter()
        .collect();
    let mut held: BTreeMap<EventId, Vec<Field>> = BTreeMap::new();
    for (event, field) in conflicts::open_fields(tx, run.link.id, &known).await? {
        held.entry(event).or_default().push(field);
    }

    let strangers: Vec<&Observed> = changes
        .iter()
        .filter(|change| !mirrored.contains_key(&change.remote_id))
        .filter_map(|change| match &change.state {
            State::Present(observed) => Some(observed.as_ref()),
            State::Listed(_) | State::Broken { .. } | State::Gone => None,
        })
        .collect();
    let mut candidates = Candidates::load(run, tx, &strangers).await?;

    let mut known = Vec::with_capacity(changes.len());
    for change in changes {
        known.push(match (mirrored.get(&change.remote_id), &change.state) {
            (Some(mirror), _) => {
                let canonical = ours.remove(&mirror.event).ok_or_else(|| {
                    Failure::protocol(format!(
                        "a mirror names event {}, which is not there",
                        mirror.event
                    ))
                })?;
                Ours::Mirrored {
                    agreed: Box::new(agreed(run, mirror.clone())?),
                    canonical,
                    debt: if owed.contains(&mirror.event) {
                        Debt::Owed
                    } else {
                        Debt::Settled
                    },
                    held: held.remove(&mirror.event).unwrap_or_default(),
                }
            }
            (None, State::Present(observed)) => candidates.find(run, observed),
            (None, State::Listed(_) | State::Broken { .. } | State::Gone) => Ours::Unknown {
                fresh: EventId(run.engine.ids.next()),
            },
        });
    }
    Ok(known)
}

/// A mirror with its merge base.
pub(crate) fn agreed(run: &Run<'_>, mirror: Mirror) -> Result<Agreed, EngineError> {
    let base = run.provider.read(&mirror.raw)?;
    Ok(Agreed { mirror, base })
}

async fn stored(tx: &mut Tx, ids: &[EventId]) -> Result<BTreeMap<EventId, Canonical>, StoreError> {
    let events = events::get_many(tx, ids).await?;
    Ok(events
        .into_iter()
        .map(|event| (event.id, canonical(event)))
        .collect())
}

/// Events of ours that a stranger may turn out to be.
struct Candidates {
    by_id: BTreeMap<EventId, Canonical>,
    by_uid: BTreeMap<Uid, Vec<EventId>>,
    /// Events with a counting mark among the strangers that are in another calendar, or mirrored on this link already.
    elsewhere: BTreeSet<EventId>,
    /// Identities that are in use and must not be given again.
    used: BTreeSet<EventId>,
}

impl Candidates {
    async fn load(run: &Run<'_>, tx: &mut Tx, strangers: &[&Observed]) -> Result<Self, StoreError> {
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
        let here: Vec<EventId> = named
            .iter()
            .chain(&same_uid)
            .filter(|head| head.calendar == run.link.calendar)
            .map(|head| head.id)
            .collect();
        let taken: BTreeSet<EventId> = mirrors::by_events(tx, run.link.id, &here)
            .await?
            .into_iter()
            .map(|mirror| mirror.event)
            .collect();
        let free: Vec<EventId> = here.into_iter().filter(|id| !taken.contains(id)).collect();

        let mut by_uid: BTreeMap<Uid, Vec<EventId>> = BTreeMap::new();
        for head in same_uid.iter().filter(|head| !taken.contains(&head.id)) {
            by_uid.entry(head.uid.clone()).or_default().push(head.id);
        }
        Ok(Self {
            by_id: stored(tx, &free).await?,
            by_uid,
            elsewhere: named
                .iter()
                .filter(|head| head.calendar != run.link.calendar || taken.contains(&head.id))
                .map(|head| head.id)
                .collect(),
            used: named.iter().map(|head| head.id).collect(),
        })
    }

    /// What a stranger is: each candidate is given out once.
    fn find(&mut self, run: &Run<'_>, observed: &Observed) -> Ours {
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
            return Ours::Candidate(canonical);
        }
        match mark {
            Some(mark) if self.elsewhere.contains(&mark.event) => Ours::CopyFromElsewhere,
            // The identity in the mark is free: the event gets it back.
            Some(mark) if self.used.insert(mark.event) => Ours::Unknown { fresh: mark.event },
            Some(_) => Ours::CopyFromElsewhere,
            None => Ours::Unknown {
                fresh: EventId(run.engine.ids.next()),
            },
        }
    }
}
