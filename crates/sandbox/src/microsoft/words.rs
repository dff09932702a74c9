//! The members of Graph's enumerations, in the order of their values.

pub(crate) const SHOW_AS: &[&str] = &[
    "unknown",
    "free",
    "tentative",
    "busy",
    "oof",
    "workingElsewhere",
];
pub(crate) const SENSITIVITY: &[&str] = &["normal", "personal", "private", "confidential"];
pub(crate) const IMPORTANCE: &[&str] = &["low", "normal", "high"];
pub(crate) const ATTENDEE_TYPE: &[&str] = &["required", "optional", "resource"];
pub(crate) const MEETING_PROVIDER: &[&str] = &[
    "unknown",
    "skypeForBusiness",
    "skypeForConsumer",
    "teamsForBusiness",
];
pub(crate) const LOCATION_TYPE: &[&str] = &[
    "default",
    "conferenceRoom",
    "homeAddress",
    "businessAddress",
    "geoCoordinates",
    "streetAddress",
    "hotel",
    "restaurant",
    "localBusiness",
    "postalAddress",
];
pub(crate) const LOCATION_ID_TYPE: &[&str] =
    &["unknown", "locationStore", "directory", "private", "bing"];
pub(crate) const CALENDAR_COLOR: &[&str] = &[
    "auto",
    "lightBlue",
    "lightGreen",
    "lightOrange",
    "lightGray",
    "lightYellow",
    "lightTeal",
    "lightPink",
    "lightBrown",
    "lightRed",
    "maxColor",
];
pub(crate) const WEEKDAYS: &[&str] = &[
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
pub(crate) const WEEK_INDEX: &[&str] = &["first", "second", "third", "fourth", "last"];
pub(crate) const PATTERN_TYPE: &[&str] = &[
    "daily",
    "weekly",
    "absoluteMonthly",
    "relativeMonthly",
    "absoluteYearly",
    "relativeYearly",
];
pub(crate) const RANGE_TYPE: &[&str] = &["endDate", "noEnd", "numbered"];

/// The properties of an event in v1.0; `true` for those that a client may write.
pub(crate) const EVENT_PROPERTIES: &[(&str, bool)] = &[
    ("allowNewTimeProposals", true),
    ("attachments", false),
    ("attendees", true),
    ("body", true),
    ("bodyPreview", false),
    ("calendar", false),
    ("cancelledOccurrences", false),
    ("categories", true),
    ("changeKey", false),
    ("createdDateTime", false),
    ("end", true),
    ("exceptionOccurrences", false),
    ("extensions", true),
    ("hasAttachments", false),
    ("hideAttendees", true),
    ("iCalUId", false),
    ("id", false),
    ("importance", true),
    ("instances", false),
    ("isAllDay", true),
    ("isCancelled", false),
    ("isDraft", false),
    ("isOnlineMeeting", true),
    ("isOrganizer", false),
    ("isReminderOn", true),
    ("lastModifiedDateTime", false),
    ("location", true),
    ("locations", true),
    ("multiValueExtendedProperties", false),
    ("onlineMeeting", false),
    ("onlineMeetingProvider", true),
    ("onlineMeetingUrl", false),
    ("organizer", false),
    ("originalEndTimeZone", false),
    ("originalStart", false),
    ("originalStartTimeZone", false),
    ("recurrence", true),
    ("reminderMinutesBeforeStart", true),
    ("responseRequested", true),
    ("responseStatus", false),
    ("sensitivity", true),
    ("seriesMasterId", false),
    ("showAs", true),
    ("singleValueExtendedProperties", true),
    ("start", true),
    ("subject", true),
    ("transactionId", true),
    ("type", false),
    ("webLink", false),
];

/// The member of `table` that `text` names.
pub(crate) fn word(table: &'static [&'static str], text: &str) -> Option<&'static str> {
    table.iter().find(|member| **member == text).copied()
}
