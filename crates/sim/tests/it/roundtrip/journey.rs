//! One event on its way, and what is noted of it.

use std::collections::BTreeMap;
use std::fmt;

use kalends_calendar::event::{Event, Shape};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::provider::Observed;

use super::edits::EDITS;
use super::events::Known;
use super::losses::{CALDAV, GOOGLE, GRAPH, Holding};
use super::same::differences;
use super::world::{Side, Sides};

/// So many events are all edited on their way; of more only one in [`EDITED_EVERY`], and all whose occurrences depart from
/// their series. An edit costs as much as bringing an event there.
const EDITED_MAX: usize = 100;
const EDITED_EVERY: usize = 8;

/// What came of all journeys.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) events: usize,
    /// How often a provider took an event, new or changed.
    taken: BTreeMap<&'static str, usize>,
    /// By provider and name, how often something was lost.
    pub(crate) losses: BTreeMap<(&'static str, &'static str), usize>,
    /// By provider and reason, how often an event was refused.
    pub(crate) refused: BTreeMap<(&'static str, &'static str), Refused>,
    /// What was lost without a name, refused without a reason that is known, or mailed.
    pub(crate) faults: Vec<String>,
}

/// How often something was refused.
#[derive(Default)]
pub(crate) struct Refused {
    times: usize,
    /// What was first, and in which words.
    first: String,
}

/// Where an event is brought to, as what, and where it was.
struct Stop<'a> {
    side: &'a Side,
    holding: &'static Holding,
    from: &'a str,
}

impl Journal {
    /// Brings an event to Google, what is there to Microsoft, what is there to the CalDAV server; and to the latter two as
    /// it was at first, where something was lost on the way. Whoever refuses it is passed by.
    pub(crate) async fn travel(&mut self, known: &Known) {
        self.events += 1;
        let sides = Sides::new();
        let others = Sides::new();
        let mut event = known.event.clone();
        for (side, alone, holding) in [
            (&sides.google, &others.google, &GOOGLE),
            (&sides.graph, &others.graph, &GRAPH),
            (&sides.caldav, &others.caldav, &CALDAV),
        ] {
            let stop = |side| Stop {
                side,
                holding,
                from: &known.from,
            };
            if !differences(&known.event, &event).is_empty() {
                self.visit(&stop(alone), &known.event).await;
            }
            if let Some(seen) = self.visit(&stop(side), &event).await {
                event = seen.event;
            }
        }
        let mails = sides.mails() + others.mails();
        if mails > 0 {
            self.faults.push(format!("{}: {mails} mails", known.from));
        }
    }

    /// Brings an event to one side, and edits it there if it is one of those that are edited.
    async fn visit(&mut self, stop: &Stop<'_>, event: &Event) -> Option<Observed> {
        let arrived = stop.side.bring(event).await;
        let arrived = self.check(stop, "brought", event, arrived)?;
        let has_departures = !event.recurrence_overrides.is_empty();
        if !has_departures && self.events > EDITED_MAX && !self.events.is_multiple_of(EDITED_EVERY)
        {
            return Some(arrived);
        }
        let mut there = arrived.clone();
        for (name, edit) in EDITS {
            if there.event.shape == Shape::InstancesOnly {
                // What it comes from is not to be edited by a guest.
                break;
            }
            let wanted = edit(&there.event);
            if differences(&there.event, &wanted).is_empty() {
                continue;
            }
            let changed = stop.side.change(&there, &wanted).await;
            if let Some(seen) = self.check(stop, name, &wanted, changed) {
                there = seen;
            }
        }
        Some(arrived)
    }

    /// Notes what became of an event that was to be so.
    fn check(
        &mut self,
        stop: &Stop<'_>,
        how: &str,
        event: &Event,
        came: Result<Observed, Failure>,
    ) -> Option<Observed> {
        let place = stop.holding.name;
        let seen = match came {
            Ok(seen) => seen,
            Err(failure) => {
                let foreseen = stop.holding.refusal(&failure.message);
                // What is refused of a series that is there already is told as half a write; the next run meets the refusal.
                let is_refusal = match failure.class {
                    Class::Item => true,
                    Class::Unknown => failure
                        .message
                        .starts_with("The event was written in part only"),
                    _ => false,
                };
                match foreseen.filter(|_| is_refusal) {
                    Some(what) => {
                        let refused = self.refused.entry((place, what)).or_default();
                        refused.times += 1;
                        if refused.first.is_empty() {
                            refused.first = format!("{} {how}: {}", stop.from, failure.message);
                        }
                    }
                    None => self.faults.push(format!(
                        "{} {how} at {place}: {:?}: {}",
                        stop.from, failure.class, failure.message
                    )),
                }
                return None;
            }
        };
        *self.taken.entry(place).or_default() += 1;
        let (expected, lost) = stop.holding.expected(event);
        for what in lost {
            *self.losses.entry((place, what)).or_default() += 1;
        }
        for difference in differences(&expected, &seen.event) {
            self.faults
                .push(format!("{} {how} at {place}: {difference}", stop.from));
        }
        Some(seen)
    }
}

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events", self.events)?;
        for (place, count) in &self.taken {
            writeln!(f, "{place}: taken {count} times, new or changed")?;
        }
        for ((place, what), times) in &self.losses {
            writeln!(f, "  lost {times:>5} × {place}: {what}")?;
        }
        for ((place, what), Refused { times, first }) in &self.refused {
            writeln!(f, "  refused {times:>5} × {place}: {what} ({first})")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT {fault}")?;
        }
        Ok(())
    }
}
