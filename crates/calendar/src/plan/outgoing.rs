//! What a link owes its remote side about one event.

use super::{Agreed, Canonical, Origin};
use crate::ids::{EventId, LinkId};
use crate::merge::{Field, differing, outgoing};
use crate::provider::{Mark, Write};
use crate::rules::Rules;

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
        (Canonical::Live { id, event, .. }, None) => {
            let mut shown = rules.mask(event);
            if rules.guests == crate::provider::Guests::AlwaysMailed {
                shown.master.details.participants.clear();
            }
            Owed::Write {
                write: Write::Create {
                    name: mirror_name(link, *id),
                    event: Box::new(shown),
                    mark: Mark {
                        event: *id,
                        uid: event.uid.clone(),
                    },
                },
                fields: Vec::new(),
            }
        }
        (Canonical::Live { id, event, .. }, Some(agreed)) => {
            let authority = super::incoming::authority(agreed.mirror.origin, &agreed.base, rules);
            let target = outgoing(&agreed.base, event, rules, authority, held);
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

/// The name under which a link writes an event: always the same, so that a repeated creation meets its own first try.
pub fn mirror_name(link: LinkId, event: EventId) -> String {
    uuid::Uuid::new_v5(&link.0, event.0.as_bytes()).to_string()
}
