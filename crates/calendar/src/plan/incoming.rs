//! What follows from what a provider reports about one event.

use super::{Agreed, Canonical, Fingerprint, LeftOutside, Mirror, Origin, Reason, Step};
use crate::event::Event;
use crate::ids::EventId;
use crate::merge::{Debt, Field, Sides, differing, get, merge, outgoing, put};
use crate::provider::Observed;
use crate::rules::{Authority, ConflictPolicy, Detail, Rules};

/// What we know of a remote event before it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// Nothing: the identity it would get if it were taken in.
    Unknown {
        /// The identity in its mark, where that is free, else a new one.
        fresh: EventId,
    },
    /// Not mirrored, but our calendar has an event with its mark or its UID.
    Candidate {
        /// What we have.
        canonical: Canonical,
        /// Where we have it from.
        standing: Standing,
    },
    /// It carries our mark of an event of this tenant in another calendar: a copy, never copied again.
    CopyFromElsewhere,
    /// Not mirrored, and it lies wholly outside what the link imports: see [`Importing`](super::Importing).
    Outside,
    /// Mirrored.
    Mirrored {
        /// What was agreed.
        agreed: Box<Agreed>,
        /// What we have.
        canonical: Canonical,
        /// Whether a change of ours is still owed there.
        debt: Debt,
        /// Fields with an undecided conflict.
        held: Vec<Field>,
    },
}

/// Where an event of ours comes from, when its like turns up at a remote side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was made or edited here, or seen at its home.
    Own,
    /// It is known only from copies that we once wrote, perhaps without their details, perhaps long ago: an original beats
    /// it, whatever the policy.
    FromCopy,
}

/// What the provider reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theirs<'a> {
    /// It is there, and this is it.
    Present(&'a crate::ids::RemoteId, &'a Observed),
    /// It is gone, by an explicit word or by its absence from a complete listing.
    Gone,
}

/// Decides about one reported event.
pub fn plan_incoming(ours: &Ours, theirs: Theirs<'_>, rules: &Rules) -> Vec<Step> {
    match (ours, theirs) {
        (
            Ours::Unknown { .. } | Ours::Candidate { .. } | Ours::CopyFromElsewhere | Ours::Outside,
            Theirs::Gone,
        )
        | (Ours::CopyFromElsewhere, Theirs::Present(..)) => Vec::new(),
        (Ours::Outside, Theirs::Present(remote_id, observed)) => {
            vec![Step::LeaveOutside(LeftOutside {
                remote_id: remote_id.clone(),
                version: observed.version.clone(),
                fingerprint: Fingerprint::of(&observed.raw),
                uid: observed.event.uid.clone(),
            })]
        }
        (Ours::Unknown { fresh }, Theirs::Present(remote_id, observed)) => {
            if !rules.receives() {
                return Vec::new();
            }
            vec![
                Step::CreateEvent {
                    event: *fresh,
                    body: Box::new(imported(observed, rules)),
                    reason: Reason::NewThere,
                },
                Step::SetMirror(mirror(*fresh, remote_id, observed, origin(observed))),
            ]
        }
        (
            Ours::Candidate {
                canonical,
                standing,
            },
            Theirs::Present(remote_id, observed),
        ) => found_again(canonical, *standing, remote_id, observed, rules),
        (
            Ours::Mirrored {
                agreed,
                canonical,
                debt,
                held,
            },
            Theirs::Present(remote_id, observed),
        ) => {
            let mut steps = vec![Step::SetMirror(mirror(
                canonical.id(),
                remote_id,
                observed,
                agreed.mirror.origin,
            ))];
            if is_changed(agreed, canonical, observed, rules) {
                steps.extend(changed(agreed, canonical, *debt, held, observed, rules));
            }
            steps
        }
        (
            Ours::Mirrored {
                agreed,
                canonical,
                debt,
                held,
            },
            Theirs::Gone,
        ) => gone(agreed, canonical, *debt, held, rules),
    }
}

/// Whether they changed what concerns us. Of an event that is at home there and was deleted here, every edit does, seen
/// through the link or not: the deletion would take it along.
fn is_changed(agreed: &Agreed, canonical: &Canonical, observed: &Observed, rules: &Rules) -> bool {
    match (canonical, agreed.mirror.origin) {
        (Canonical::Deleted { last, .. }, Origin::Remote) => {
            let ours = last.as_deref().filter(|_| rules.sends());
            is_edited(&observed.event, &agreed.base, ours)
        }
        (Canonical::Deleted { last, .. }, Origin::Kalends) => {
            let ours = last.as_deref().filter(|_| rules.sends());
            let ours = ours.map(|last| rules.mask(last));
            let (theirs, base) = (rules.mask(&observed.event), rules.mask(&agreed.base));
            is_edited(&theirs, &base, ours.as_ref())
        }
        (Canonical::Live { .. }, _) => {
            !differing(&rules.mask(&observed.event), &rules.mask(&agreed.base)).is_empty()
        }
    }
}

/// Whether something was made of an event there that it was not here when it was deleted. What it was here may have got
/// there by a write of ours that was refused halfway, and nobody edited it.
fn is_edited(theirs: &Event, base: &Event, ours: Option<&Event>) -> bool {
    differing(theirs, base)
        .iter()
        .any(|field| ours.is_none_or(|ours| get(theirs, field) != get(ours, field)))
}

/// The authority over an event: over copies that we made it is always ours too.
pub(super) fn authority(origin: Origin, remote: &Event, rules: &Rules) -> Authority {
    match origin {
        Origin::Kalends => Authority::Shared,
        Origin::Remote => rules.authority(remote),
    }
}

fn origin(observed: &Observed) -> Origin {
    if observed.mark.is_some() {
        Origin::Kalends
    } else {
        Origin::Remote
    }
}

fn mirror(
    event: EventId,
    remote_id: &crate::ids::RemoteId,
    observed: &Observed,
    origin: Origin,
) -> Mirror {
    Mirror {
        event,
        remote_id: remote_id.clone(),
        version: observed.version.clone(),
        raw: observed.raw.clone(),
        origin,
    }
}

/// What we take in of an event that is new to us. A copy of ours that outlived our memory gets its old UID back.
fn imported(observed: &Observed, rules: &Rules) -> Event {
    let mut event = rules.mask(&observed.event);
    if let Some(mark) = &observed.mark {
        event.uid = mark.uid.clone();
    }
    event
}

/// What an event that was deleted here becomes where it lives on there: what is shown there, and what it was in all that
/// the link does not show.
fn revived(last: Option<&Event>, observed: &Observed, rules: &Rules) -> Event {
    let shown = imported(observed, rules);
    let Some(last) = last.filter(|_| rules.hides()) else {
        return shown;
    };
    let mut event = last.clone();
    for field in differing(&rules.mask(last), &shown) {
        // What was read from an event fits into one.
        let fits = put(&mut event, rules, &field, &get(&shown, &field));
        debug_assert!(fits.is_ok());
    }
    event.sequence = event.sequence.max(shown.sequence);
    event
}

/// The rules by which what stands there is read: see [`Rules::as_shown_by`].
fn reading(origin: Origin, remote: &Event, rules: &Rules) -> Rules {
    match origin {
        Origin::Kalends => rules.as_shown_by(remote),
        Origin::Remote => rules.clone(),
    }
}

/// The link owes its remote side an event, if it sends anything at all.
fn owe(event: EventId, reason: Reason, rules: &Rules) -> Option<Step> {
    rules.sends().then_some(Step::Push { event, reason })
}

/// An event of ours and one of theirs turn out to be the same.
fn found_again(
    canonical: &Canonical,
    standing: Standing,
    remote_id: &crate::ids::RemoteId,
    observed: &Observed,
    rules: &Rules,
) -> Vec<Step> {
    let origin = origin(observed);
    let read_by = reading(origin, &observed.event, rules);
    match canonical {
        Canonical::Live {
            id,
            revision,
            event,
            changed_at,
        } => {
            let sides = Sides {
                base: None,
                local: event,
                remote: &observed.event,
                local_changed_at: *changed_at,
                debt: Debt::Owed,
                held: &[],
            };
            let authority = authority(origin, &observed.event, rules);
            let merged = match (standing, origin) {
                (Standing::FromCopy, Origin::Remote) => {
                    let theirs = Rules {
                        conflict_policy: ConflictPolicy::Remote,
                        ..read_by.clone()
                    };
                    merge(&sides, &theirs, authority)
                }
                (Standing::FromCopy, Origin::Kalends) | (Standing::Own, _) => {
                    merge(&sides, &read_by, authority)
                }
            };
            let mut steps = vec![Step::SetMirror(mirror(*id, remote_id, observed, origin))];
            if !differing(&merged.event, event).is_empty() {
                steps.push(Step::UpdateEvent {
                    event: *id,
                    from: *revision,
                    body: Box::new(merged.event),
                    reason: Reason::FoundAgain,
                });
            }
            steps.extend(
                merged
                    .conflicts
                    .into_iter()
                    .map(|conflict| Step::RecordConflict {
                        event: *id,
                        conflict,
                    }),
            );
            // A copy that shows less than the link does now is owed the rest.
            if merged.put_back || read_by.detail != rules.detail {
                steps.extend(owe(*id, Reason::FoundAgain, rules));
            }
            steps
        }
        Canonical::Deleted { id, revision, last } => {
            if !rules.receives() {
                return Vec::new();
            }
            // It was deleted here while no link could say so there: what still exists is not lost.
            vec![
                Step::UpdateEvent {
                    event: *id,
                    from: *revision,
                    body: Box::new(revived(last.as_deref(), observed, &read_by)),
                    reason: Reason::FoundAgain,
                },
                Step::SetMirror(mirror(*id, remote_id, observed, origin)),
            ]
        }
    }
}

/// A mirrored event has other content than was agreed.
fn changed(
    agreed: &Agreed,
    canonical: &Canonical,
    debt: Debt,
    held: &[Field],
    observed: &Observed,
    rules: &Rules,
) -> Vec<Step> {
    match canonical {
        Canonical::Live {
            id,
            revision,
            event,
            changed_at,
        } => {
            let sides = Sides {
                base: Some(&agreed.base),
                local: event,
                remote: &observed.event,
                local_changed_at: *changed_at,
                debt,
                held,
            };
            let merged = merge(
                &sides,
                rules,
                authority(agreed.mirror.origin, &observed.event, rules),
            );
            let mut steps = Vec::new();
            if !differing(&merged.event, event).is_empty() {
                let reason = match debt {
                    Debt::Owed | Debt::Creation => Reason::Merged,
                    Debt::Settled => Reason::ChangedThere,
                };
                steps.push(Step::UpdateEvent {
                    event: *id,
                    from: *revision,
                    body: Box::new(merged.event),
                    reason,
                });
            }
            steps.extend(
                merged
                    .conflicts
                    .into_iter()
                    .map(|conflict| Step::RecordConflict {
                        event: *id,
                        conflict,
                    }),
            );
            if merged.put_back {
                steps.extend(owe(*id, Reason::PutBack, rules));
            }
            steps
        }
        Canonical::Deleted { id, revision, last } => {
            if rules.receives() {
                let read_by = reading(agreed.mirror.origin, &observed.event, rules);
                vec![Step::UpdateEvent {
                    event: *id,
                    from: *revision,
                    body: Box::new(revived(last.as_deref(), observed, &read_by)),
                    reason: Reason::EditBeatsDeletionHere,
                }]
            } else {
                owe(*id, Reason::PutBack, rules).into_iter().collect()
            }
        }
    }
}

/// A mirrored event is gone there.
fn gone(
    agreed: &Agreed,
    canonical: &Canonical,
    debt: Debt,
    held: &[Field],
    rules: &Rules,
) -> Vec<Step> {
    let drop = Step::DropMirror {
        event: canonical.id(),
    };
    match canonical {
        Canonical::Deleted { .. } => vec![drop],
        Canonical::Live {
            id,
            revision,
            event,
            ..
        } => {
            if !rules.receives() {
                return [Some(drop), owe(*id, Reason::PutBack, rules)]
                    .into_iter()
                    .flatten()
                    .collect();
            }
            if edited_since(agreed, event, debt, held, rules) {
                let push = owe(*id, Reason::EditBeatsDeletionThere, rules);
                return [Some(drop), push].into_iter().flatten().collect();
            }
            vec![
                Step::DeleteEvent {
                    event: *id,
                    from: *revision,
                    reason: Reason::DeletedThere,
                },
                drop,
            ]
        }
    }
}

/// Whether an event was edited here in a way that a deletion there must not undo. A deletion by the organizer undoes
/// whatever a guest changed on their own copy; and who deletes a copy that was made by half deletes the event as it is.
fn edited_since(agreed: &Agreed, event: &Event, debt: Debt, held: &[Field], rules: &Rules) -> bool {
    match authority(agreed.mirror.origin, &agreed.base, rules) {
        Authority::Organizer => false,
        Authority::Shared if rules.sends() => {
            let target = outgoing(&agreed.base, event, rules, Authority::Shared, &[]);
            let unsettled = debt == Debt::Owed || !held.is_empty();
            // A link that shows only the time cannot tell what else was edited: that it owes anything says enough.
            let edited =
                rules.detail == Detail::Busy || !differing(&target, &agreed.base).is_empty();
            unsettled && edited
        }
        // What the link hides of it, the event has from elsewhere, or from a time when the link showed it.
        Authority::Shared => {
            let shown = rules.mask(&agreed.base);
            differing(event, &agreed.base)
                .iter()
                .any(|field| get(event, field) != get(&shown, field))
        }
    }
}
