//! What a link owes its remote side about one event.

use super::{Agreed, Canonical, Origin};
use crate::event::{Event, Override};
use crate::ids::{EventId, LinkId};
use crate::merge::{Field, differing, outgoing};
use crate::provider::{Guests, Mark, Write};
use crate::rules::{Detail, Rules};

/// What is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Nothing: both sides agree, or what differs may not travel.
    Nothing,
    /// A write, and the fields it changes (empty for a creation or a deletion).
    Write {
        /// What to write.
        write: Write,
        /// What it changes.
        fields: Vec<Field>,
    },
}

/// Decides what a link owes its remote side about one event. `held` are the fields that wait for a person's decision.
pub fn plan_outgoing(
    link: LinkId,
    canonical: &Canonical,
    agreed: Option<&Agreed>,
    rules: &Rules,
    held: &[Field],
) -> Owed {
    if !rules.sends() {
        return Owed::Nothing;
    }
    match (canonical, agreed) {
        (Canonical::Deleted { .. }, None) => Owed::Nothing,
        (Canonical::Deleted { .. }, Some(agreed)) => Owed::Write {
            write: Write::Delete {
                remote_id: agreed.mirror.remote_id.clone(),
                version: agreed.mirror.version.clone(),
                raw: agreed.mirror.raw.clone(),
            },
            fields: Vec::new(),
        },
        (Canonical::Live { id, event, .. }, None) => Owed::Write {
            write: Write::Create {
                name: mirror_name(link, *id),
                event: Box::new(would_send(None, event, rules, held)),
                mark: Mark {
                    event: *id,
                    uid: event.uid.clone(),
                },
            },
            fields: Vec::new(),
        },
        (Canonical::Live { id, event, .. }, Some(agreed)) => {
            let target = would_send(Some(agreed), event, rules, held);
            let fields = differing(&target, &agreed.base);
            if fields.is_empty() {
                return Owed::Nothing;
            }
            let mark = match agreed.mirror.origin {
                Origin::Kalends => Some(Mark {
                    event: *id,
                    uid: event.uid.clone(),
                }),
                Origin::Remote => None,
            };
            Owed::Write {
                write: Write::Update {
                    remote_id: agreed.mirror.remote_id.clone(),
                    version: agreed.mirror.version.clone(),
                    raw: agreed.mirror.raw.clone(),
                    event: Box::new(target),
                    mark,
                },
                fields,
            }
        }
    }
}

/// What the remote side would hold after a write of `event`: over what was agreed, or as a new copy.
pub fn would_send(agreed: Option<&Agreed>, event: &Event, rules: &Rules, held: &[Field]) -> Event {
    let Some(Agreed { mirror, base }) = agreed else {
        let mut shown = rules.mask(event);
        if rules.guests == Guests::AlwaysMailed {
            shown.master.details.participants.clear();
        }
        return shown;
    };
    let authority = super::incoming::authority(mirror.origin, base, rules);
    let mut target = outgoing(base, event, rules, authority, held);
    if mirror.origin == Origin::Kalends {
        hide(&mut target, &rules.mask(event), rules);
    }
    target
}

/// A copy that was written before its link became busy-only loses what may not be shown any more.
fn hide(target: &mut Event, shown: &Event, rules: &Rules) {
    if rules.detail == Detail::Full {
        return;
    }
    target.master.details = shown.master.details.clone();
    for (id, over) in &mut target.recurrence_overrides {
        if let (Override::Replaced(there), Some(Override::Replaced(here))) =
            (over, shown.recurrence_overrides.get(id))
        {
            there.details = here.details.clone();
        }
    }
}

/// The name under which a link writes an event: always the same, so that a repeated creation meets its own first try.
pub fn mirror_name(link: LinkId, event: EventId) -> String {
    uuid::Uuid::new_v5(&link.0, event.0.as_bytes()).to_string()
}
