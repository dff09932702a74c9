//! The closed sets of values: each table is read both ways.

use jiff::civil::Weekday;

use crate::event::{
    AlertAction, FreeBusyStatus, Kind, ParticipationStatus, Privacy, Role, Shape, Status,
};
use crate::recurrence::Frequency;

/// The words for the values of a type.
pub(super) type Words<T> = [(&'static str, T)];

/// The word for a value.
pub(super) fn word<T: PartialEq>(words: &Words<T>, value: &T) -> &'static str {
    let found = words.iter().find(|(_, known)| known == value);
    found.map_or("", |(word, _)| word)
}

/// RFC 8984 §5.1.3.
pub(super) const STATUS: &Words<Status> = &[
    ("confirmed", Status::Confirmed),
    ("tentative", Status::Tentative),
    ("cancelled", Status::Cancelled),
];

/// RFC 8984 §4.4.2.
pub(super) const FREE_BUSY: &Words<FreeBusyStatus> = &[
    ("busy", FreeBusyStatus::Busy),
    ("free", FreeBusyStatus::Free),
];

/// RFC 8984 §4.4.3.
pub(super) const PRIVACY: &Words<Privacy> = &[
    ("public", Privacy::Public),
    ("private", Privacy::Private),
    ("secret", Privacy::Secret),
];

/// RFC 8984 §4.4.6, `participationStatus`.
pub(super) const PARTICIPATION: &Words<ParticipationStatus> = &[
    ("needs-action", ParticipationStatus::NeedsAction),
    ("accepted", ParticipationStatus::Accepted),
    ("declined", ParticipationStatus::Declined),
    ("tentative", ParticipationStatus::Tentative),
    ("delegated", ParticipationStatus::Delegated),
];

/// RFC 8984 §4.4.6, `kind`; a room is a `location` there.
pub(super) const KIND: &Words<Kind> = &[
    ("individual", Kind::Individual),
    ("group", Kind::Group),
    ("resource", Kind::Resource),
    ("location", Kind::Room),
];

/// RFC 8984 §4.4.6, `roles`: those of which somebody who attends has one.
pub(super) const ROLE: &Words<Role> = &[
    ("chair", Role::Chair),
    ("optional", Role::Optional),
    ("informational", Role::Informational),
];

/// RFC 8984 §4.5.2, `action`.
pub(super) const ACTION: &Words<AlertAction> = &[
    ("display", AlertAction::Display),
    ("email", AlertAction::Email),
];

/// RFC 8984 §4.3.3, `frequency`.
pub(super) const FREQUENCY: &Words<Frequency> = &[
    ("yearly", Frequency::Yearly),
    ("monthly", Frequency::Monthly),
    ("weekly", Frequency::Weekly),
    ("daily", Frequency::Daily),
    ("hourly", Frequency::Hourly),
    ("minutely", Frequency::Minutely),
    ("secondly", Frequency::Secondly),
];

/// RFC 8984 §4.3.3, `day`.
pub(super) const WEEKDAY: &Words<Weekday> = &[
    ("mo", Weekday::Monday),
    ("tu", Weekday::Tuesday),
    ("we", Weekday::Wednesday),
    ("th", Weekday::Thursday),
    ("fr", Weekday::Friday),
    ("sa", Weekday::Saturday),
    ("su", Weekday::Sunday),
];

/// Our own.
pub(super) const SHAPE: &Words<Shape> = &[
    ("series", Shape::Series),
    ("instancesOnly", Shape::InstancesOnly),
];
