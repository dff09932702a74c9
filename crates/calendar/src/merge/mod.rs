//! Three-way merging, field by field, against what both sides last agreed on.

mod following;
mod lens;

pub use lens::{FieldError, differing, get, set};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Address, AlertKey, Event, Override, RecurrenceId};
use crate::rules::{Authority, ConflictPolicy, Flow, Rules};

/// A unit of merging.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// Start, zone, duration, rules and shape: one unit, because half a move is no move.
    Time,
    /// `title`
    Title,
    /// `description`
    Description,
    /// `locations`
    Locations,
    /// `virtualLocations`
    VirtualLocations,
    /// `url`
    Url,
    /// `status`
    Status,
    /// `freeBusyStatus`
    FreeBusyStatus,
    /// `privacy`
    Privacy,
    /// `priority`
    Priority,
    /// `keywords`
    Keywords,
    /// `color`
    Color,
    /// One participant.
    Participant(Address),
    /// One alert.
    Alert(AlertKey),
    /// One occurrence, whole.
    Override(RecurrenceId),
}

/// Both sides changed one field, differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Which field.
    pub field: Field,
    /// What both had agreed on (JSON of the field; null where absent).
    pub base: serde_json::Value,
    /// What it became here.
    pub local: serde_json::Value,
    /// What it became there.
    pub remote: serde_json::Value,
    /// Who won, and so which value the event carries now.
    pub winner: Winner,
}

/// Who won a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// Our side.
    Local,
    /// The remote side.
    Remote,
    /// Nobody yet: each side keeps its own until a person decides.
    Undecided,
}

/// What both sides say about one event, and what they had agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// What both had agreed on; none where they meet for the first time.
    pub base: Option<&'a Event>,
    /// What it is here.
    pub local: &'a Event,
    /// What it is there.
    pub remote: &'a Event,
    /// When it last changed here, by our clock.
    pub local_changed_at: Timestamp,
    /// Whether the link still owes the remote side a change of ours.
    pub debt: Debt,
    /// Fields with an undecided conflict.
    pub held: &'a [Field],
}

/// Whether a link owes its remote side a change of one event.
///
/// It tells an edit of ours from a loss of theirs: a provider that trims a title leaves a difference to the merge base for
/// ever, but only an edit leaves a debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debt {
    /// All that we changed has arrived there.
    Settled,
    /// Something that we changed has not.
    Owed,
    /// The rest of a creation that was cut off: nobody has changed the event here since its copy was begun.
    Creation,
}

/// The outcome of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// What the event is here from now on.
    pub event: Event,
    /// Where both sides had changed the same field.
    pub conflicts: Vec<Conflict>,
    /// Whether the remote side must be put right whatever we owed it before: it lost a conflict, or changed what it
    /// may not change.
    pub put_back: bool,
}

/// Merges what the remote side says into what we have, as far as the link lets it through.
///
/// One side changed a field: take it. Both changed it alike: fine. Both changed it differently: a conflict, decided by
/// the link's policy; between an edit and a deletion of one element the edit wins. The losing value stays in the
/// [`Conflict`].
pub fn merge(sides: &Sides<'_>, rules: &Rules, authority: Authority) -> Merged {
    let local = rules.mask(sides.local);
    let remote = rules.mask(sides.remote);
    let base = sides.base.map(|base| rules.mask(base));
    let mut merged = Merged {
        event: sides.local.clone(),
        conflicts: Vec::new(),
        put_back: false,
    };
    let mut taken: Vec<Field> = Vec::new();

    for field in lens::fields(
        [Some(&local), Some(&remote), base.as_ref()]
            .into_iter()
            .flatten(),
    ) {
        let flow = rules.flow(&field, authority);
        if flow == Flow::None {
            continue;
        }
        let ours = get(&local, &field);
        let theirs = get(&remote, &field);
        if ours == theirs {
            continue;
        }
        let agreed = base.as_ref().map(|base| get(base, &field));
        let unsent = flow == Flow::In || sides.debt != Debt::Settled || sides.held.contains(&field);
        let we_changed = agreed.is_none() || (agreed.as_ref() != Some(&ours) && unsent);
        let they_changed = agreed.as_ref() != Some(&theirs);
        if !they_changed {
            continue;
        }
        let winner = match (flow, we_changed) {
            (Flow::None, _) => continue,
            // They changed what only we may change.
            (Flow::Out, _) => Winner::Local,
            (Flow::Both | Flow::In, false) => {
                take(&mut merged.event, rules, &field, &theirs);
                taken.push(field);
                continue;
            }
            // Somebody else's event: the organizer's word counts, and what we changed stays in the conflict.
            (Flow::In, true) if authority == Authority::Organizer => Winner::Remote,
            (Flow::Both | Flow::In, true) => decide(sides, rules, &ours, &theirs),
        };
        match winner {
            Winner::Remote => {
                take(&mut merged.event, rules, &field, &theirs);
                taken.push(field.clone());
            }
            Winner::Local => merged.put_back |= matches!(flow, Flow::Both | Flow::Out),
            Winner::Undecided => {}
        }
        merged.conflicts.push(Conflict {
            field,
            base: agreed.unwrap_or(Value::Null),
            local: ours,
            remote: theirs,
            winner,
        });
    }
    following::follow(&mut merged.event, sides, (rules, authority), &taken);
    merged.event.sequence = merged.event.sequence.max(sides.remote.sequence);
    merged
}

/// Who wins a field that both sides changed differently.
///
/// Where both meet for the first time, only what the contents say of their own age can be compared: when a row of ours was
/// written says nothing, because it may have been filled from a copy a moment ago.
fn decide(sides: &Sides<'_>, rules: &Rules, ours: &Value, theirs: &Value) -> Winner {
    if sides.base.is_some() {
        match (ours, theirs) {
            (Value::Null, _) => return Winner::Remote,
            (_, Value::Null) => return Winner::Local,
            _ => {}
        }
    }
    match rules.conflict_policy {
        ConflictPolicy::Remote => Winner::Remote,
        ConflictPolicy::Local => Winner::Local,
        ConflictPolicy::Ask => Winner::Undecided,
        ConflictPolicy::Newest => {
            let ours = match sides.base {
                Some(_) => Some(sides.local_changed_at),
                None => sides.local.updated,
            };
            match (ours, sides.remote.updated) {
                (Some(ours), Some(theirs)) if theirs < ours => Winner::Local,
                (Some(_) | None, Some(_) | None) => Winner::Remote,
            }
        }
    }
}

fn take(event: &mut Event, rules: &Rules, field: &Field, theirs: &Value) {
    // What was read from an event of this shape can be put into one: the types are the same.
    let fits = put(event, rules, field, theirs);
    debug_assert!(fits.is_ok());
}

/// Sets a field to a value as the link shows it; what the link hides stays as it was. The event is untouched where the
/// value does not fit.
pub fn put(
    event: &mut Event,
    rules: &Rules,
    field: &Field,
    value: &Value,
) -> Result<(), FieldError> {
    let before = event.clone();
    if let Err(error) = set(event, field, value) {
        *event = before;
        return Err(error);
    }
    rules.unmask(event, &before, field);
    Ok(())
}

/// The merge base after a write whose outcome is not known: what we sent, in every field in which it is what stands there
/// now, and what was agreed before in all others. So our own echo is not taken for an edit of theirs, and an edit of theirs
/// is not taken for our echo.
///
/// An occurrence that the rules do not give may be written in two steps, of which the first only adds its date: that is
/// our echo too.
pub fn assume_sent(agreed: Option<&Event>, sent: &Event, observed: &Event) -> Event {
    let mut base = agreed.unwrap_or(sent).clone();
    for field in lens::fields([&base, sent, observed]) {
        let landed = get(observed, &field);
        if landed == get(sent, &field) || is_half_of_an_occurrence(&field, sent, observed) {
            // The types are the same.
            let fits = set(&mut base, &field, &landed);
            debug_assert!(fits.is_ok());
        }
    }
    base
}

/// The merge base of a creation that was written in steps and cut off somewhere: the series came first and bare, and what
/// there is of its occurrences is what was got to. One that is not there has not been taken away by anybody.
pub fn assume_created_in_steps(sent: &Event, observed: &Event) -> Event {
    let bare = Event {
        recurrence_overrides: BTreeMap::new(),
        ..sent.clone()
    };
    assume_sent(Some(&bare), sent, observed)
}

fn is_half_of_an_occurrence(field: &Field, sent: &Event, observed: &Event) -> bool {
    let Field::Override(id) = field else {
        return false;
    };
    matches!(
        (
            sent.recurrence_overrides.get(id),
            observed.recurrence_overrides.get(id)
        ),
        (
            Some(Override::Replaced(_)),
            Some(Override::Added { duration: None })
        )
    )
}

/// How the remote side shall be: what stands there now, with every field that may travel out taken from our side.
/// Equal to `remote` where nothing is owed. Fields in `held` wait for a person's decision.
pub fn outgoing(
    remote: &Event,
    canonical: &Event,
    rules: &Rules,
    authority: Authority,
    held: &[Field],
) -> Event {
    let ours = rules.mask(canonical);
    let theirs = rules.mask(remote);
    let mut target = remote.clone();
    for field in lens::fields([&ours, &theirs]) {
        let travels = matches!(rules.flow(&field, authority), Flow::Both | Flow::Out);
        if !travels || held.contains(&field) {
            continue;
        }
        let value = get(&ours, &field);
        if value != get(&theirs, &field) {
            take(&mut target, rules, &field, &value);
        }
    }
    if !lens::differing(&target, remote).is_empty() {
        target.sequence = target.sequence.max(canonical.sequence);
    }
    target
}
