//! The scopes that Google knows, and what its consent page says of them.

use crate::oauth::GOOGLE_IDENTITY;

/// Each scope with its sentence, after the official Discovery documents.
const KNOWN: &[(&str, &str)] = &[
    ("openid", "Associate you with your personal info on Google"),
    (
        "https://www.googleapis.com/auth/userinfo.email",
        "See your primary Google Account email address",
    ),
    (
        "https://www.googleapis.com/auth/userinfo.profile",
        "See your personal info, including any personal info you've made publicly available",
    ),
    (
        "https://www.googleapis.com/auth/calendar",
        "See, edit, share, and permanently delete all the calendars you can access using Google Calendar",
    ),
    (
        "https://www.googleapis.com/auth/calendar.readonly",
        "See and download any calendar you can access using your Google Calendar",
    ),
    (
        "https://www.googleapis.com/auth/calendar.events",
        "View and edit events on all your calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.events.readonly",
        "View events on all your calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.events.owned",
        "See, create, change, and delete events on Google calendars you own",
    ),
    (
        "https://www.googleapis.com/auth/calendar.events.owned.readonly",
        "See the events on Google calendars you own",
    ),
    (
        "https://www.googleapis.com/auth/calendar.events.freebusy",
        "See the availability on Google calendars you have access to",
    ),
    (
        "https://www.googleapis.com/auth/calendar.freebusy",
        "View your availability in your calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.events.public.readonly",
        "See the events on public calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.calendarlist",
        "See, add, and remove Google calendars you're subscribed to",
    ),
    (
        "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
        "See the list of Google calendars you're subscribed to",
    ),
    (
        "https://www.googleapis.com/auth/calendar.calendars",
        "See and change the properties of Google calendars you have access to, and create secondary calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.calendars.readonly",
        "See the title, description, default time zone, and other properties of Google calendars you have access to",
    ),
    (
        "https://www.googleapis.com/auth/calendar.app.created",
        "Make secondary Google calendars, and see, create, change, and delete events on them",
    ),
    (
        "https://www.googleapis.com/auth/calendar.acls",
        "See and change the sharing permissions of Google calendars you own",
    ),
    (
        "https://www.googleapis.com/auth/calendar.acls.readonly",
        "See the sharing permissions of Google calendars you own",
    ),
    (
        "https://www.googleapis.com/auth/calendar.settings.readonly",
        "View your Calendar settings",
    ),
    (
        "https://www.googleapis.com/auth/gmail.send",
        "Send email on your behalf",
    ),
    (
        "https://www.googleapis.com/auth/gmail.compose",
        "Manage drafts and send emails",
    ),
    (
        "https://www.googleapis.com/auth/gmail.modify",
        "Read, compose, and send emails from your Gmail account",
    ),
    (
        "https://www.googleapis.com/auth/gmail.readonly",
        "View your email messages and settings",
    ),
    (
        "https://mail.google.com/",
        "Read, compose, send, and permanently delete all your email from Gmail",
    ),
];

/// The long form of a scope, such as of `email`. None when Google does not know it.
pub(crate) fn long(scope: &str) -> Option<&'static str> {
    let scope = match scope {
        "email" => GOOGLE_IDENTITY[1],
        "profile" => GOOGLE_IDENTITY[2],
        other => other,
    };
    KNOWN
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == scope)
}

/// What the consent page says of a scope in its long form.
pub(super) fn told(scope: &str) -> &'static str {
    KNOWN
        .iter()
        .find(|(known, _)| *known == scope)
        .map_or("", |(_, told)| told)
}

/// Whether a scope only tells who somebody is. Such ones cannot be unticked.
pub(super) fn is_identity(scope: &str) -> bool {
    GOOGLE_IDENTITY.contains(&scope)
}
