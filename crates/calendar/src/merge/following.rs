//! Occurrences that depart from their series here and not at the remote side: there they are as the series is.
//!
//! Not every departure has words everywhere: a link that shows only the time hides a title, a provider has no colours. Such
//! an occurrence is none of the remote side's exceptions, and follows the series when that is changed there. Here it is
//! whole, and has to be told.

use super::lens::{get, set};
use super::{Debt, Field, Sides};
use crate::event::{Event, Instance, Override, RecurrenceId};
use crate::rules::{Authority, Flow, Rules};

/// Lets occurrences follow what was taken from the remote side for their series. What departed from the series in these
/// fields stays as it is.
pub(super) fn follow(
    event: &mut Event,
    sides: &Sides<'_>,
    (rules, authority): (&Rules, Authority),
    taken: &[Field],
) {
    // What is still owed goes there whole, and says there what it says here.
    let Some(base) = sides.base.filter(|_| sides.debt == Debt::Settled) else {
        return;
    };
    let series = as_series(&event.master, event);
    let unknown: Vec<RecurrenceId> = event
        .recurrence_overrides
        .keys()
        .filter(|id| {
            let field = Field::Override(**id);
            let is_there = [base, sides.remote]
                .iter()
                .any(|side| side.recurrence_overrides.contains_key(*id));
            !is_there && rules.flow(&field, authority) == Flow::Both && !sides.held.contains(&field)
        })
        .copied()
        .collect();
    for id in unknown {
        let Some(Override::Replaced(instance)) = event.recurrence_overrides.get_mut(&id) else {
            continue;
        };
        let mut one = as_series(instance, sides.local);
        for field in taken.iter().filter(|field| is_of_an_instance(field)) {
            if get(&one, field) == get(sides.local, field) {
                // What was read from an event fits into one.
                let fits = set(&mut one, field, &get(&series, field));
                debug_assert!(fits.is_ok());
            }
        }
        **instance = one.master;
    }
}

/// Whether an occurrence has a value of its own. When it takes place follows from its place in the series.
fn is_of_an_instance(field: &Field) -> bool {
    match field {
        Field::Time | Field::Override(_) => false,
        Field::Title
        | Field::Description
        | Field::Locations
        | Field::VirtualLocations
        | Field::Url
        | Field::Status
        | Field::FreeBusyStatus
        | Field::Privacy
        | Field::Priority
        | Field::Keywords
        | Field::Color
        | Field::Participant(_)
        | Field::Alert(_) => true,
    }
}

/// An instance as an event of its own, so that its fields can be got and set.
fn as_series(instance: &Instance, of: &Event) -> Event {
    Event {
        uid: of.uid.clone(),
        shape: of.shape,
        master: instance.clone(),
        recurrence_rules: Vec::new(),
        excluded_recurrence_rules: Vec::new(),
        recurrence_overrides: std::collections::BTreeMap::new(),
        time_zones: std::collections::BTreeMap::new(),
        sequence: 0,
        created: None,
        updated: None,
    }
}
