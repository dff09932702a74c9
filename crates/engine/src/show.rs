//! Puts steps into lines that a person can read.

use kalends_calendar::event::Event;
use kalends_calendar::merge::differing;
use kalends_calendar::plan::{Canonical, Ours, Reason, Step};

use crate::report::{Action, Planned, Side};

/// The lines of a plan. Steps that a person need not know of (what was agreed, what lies outside) have none.
pub(crate) fn show(steps: &[Step], ours: &[Ours]) -> Vec<Planned> {
    steps.iter().filter_map(|step| line(step, ours)).collect()
}

fn line(step: &Step, ours: &[Ours]) -> Option<Planned> {
    match step {
        Step::CreateEvent {
            event,
            body,
            reason,
        } => Some(planned(Side::Here, Action::Create, Some(body), *reason).of(*event)),
        Step::UpdateEvent {
            event,
            body,
            reason,
            ..
        } => {
            let mut line = planned(Side::Here, Action::Update, Some(body), *reason).of(*event);
            if let Some(before) = live(ours, *event) {
                line.fields = differing(before, body);
            }
            Some(line)
        }
        Step::DeleteEvent { event, reason, .. } => {
            Some(planned(Side::Here, Action::Delete, live(ours, *event), *reason).of(*event))
        }
        Step::HoldDeletion { event } => Some(
            planned(
                Side::Here,
                Action::Hold,
                live(ours, *event),
                Reason::DeletedThere,
            )
            .of(*event),
        ),
        Step::Push { event, reason } => {
            Some(planned(Side::There, Action::Update, live(ours, *event), *reason).of(*event))
        }
        Step::RecordConflict { event, conflict } => {
            let mut line = planned(
                Side::Here,
                Action::Conflict,
                live(ours, *event),
                Reason::Merged,
            )
            .of(*event);
            line.fields = vec![conflict.field.clone()];
            Some(line)
        }
        Step::Skip {
            remote_id, error, ..
        } => {
            let mut line = planned(Side::Here, Action::Skip, None, Reason::NewThere);
            line.title = format!("{remote_id}: {error}");
            Some(line)
        }
        Step::SetMirror(_) | Step::DropMirror { .. } | Step::LeaveOutside(_) => None,
    }
}

/// A line about an event.
pub(crate) fn planned(
    side: Side,
    action: Action,
    event: Option<&Event>,
    reason: Reason,
) -> Planned {
    Planned {
        side,
        action,
        title: event
            .map(|event| event.master.details.title.clone())
            .unwrap_or_default(),
        start: event.map(|event| event.master.start.clone()),
        event: None,
        fields: Vec::new(),
        reason,
    }
}

fn live(ours: &[Ours], wanted: kalends_calendar::ids::EventId) -> Option<&Event> {
    ours.iter().find_map(|known| match known {
        Ours::Candidate { canonical, .. } | Ours::Mirrored { canonical, .. } => match canonical {
            Canonical::Live { id, event, .. } if *id == wanted => Some(event.as_ref()),
            Canonical::Live { .. } | Canonical::Deleted { .. } => None,
        },
        Ours::Unknown { .. } | Ours::CopyFromElsewhere | Ours::Outside => None,
    })
}
