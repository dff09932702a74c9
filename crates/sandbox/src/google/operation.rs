//! What can be asked of the API: every method of the Discovery document with its address and its scopes.

use http::Method;

use super::query::decoded;

/// A method of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    AclDelete,
    AclGet,
    AclInsert,
    AclList,
    AclPatch,
    AclUpdate,
    AclWatch,
    CalendarListDelete,
    CalendarListGet,
    CalendarListInsert,
    CalendarListList,
    CalendarListPatch,
    CalendarListUpdate,
    CalendarListWatch,
    CalendarsClear,
    CalendarsDelete,
    CalendarsGet,
    CalendarsInsert,
    CalendarsPatch,
    CalendarsTransferOwnership,
    CalendarsUpdate,
    ChannelsStop,
    ColorsGet,
    EventsDelete,
    EventsGet,
    EventsImport,
    EventsInsert,
    EventsInstances,
    EventsList,
    EventsMove,
    EventsPatch,
    EventsQuickAdd,
    EventsUpdate,
    EventsWatch,
    FreeBusyQuery,
    SettingsGet,
    SettingsList,
    SettingsWatch,
}

/// What stands before the name of every scope.
const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

type Row = (
    Operation,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const ACL_WRITE: &[&str] = &["calendar", "calendar.acls"];
const ACL_LIST: &[&str] = &["calendar", "calendar.acls", "calendar.acls.readonly"];
const ACL_GET: &[&str] = &[
    "calendar",
    "calendar.acls",
    "calendar.acls.readonly",
    "calendar.readonly",
];
const LIST_READ: &[&str] = &[
    "calendar",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
    "calendar.readonly",
];
const LIST_GET: &[&str] = &[
    "calendar",
    "calendar.app.created",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
    "calendar.readonly",
];
const LIST_CHANGE: &[&str] = &["calendar", "calendar.app.created", "calendar.calendarlist"];
const CALENDARS_WRITE: &[&str] = &["calendar", "calendar.app.created", "calendar.calendars"];
const EVENTS_WRITE: &[&str] = &[
    "calendar",
    "calendar.app.created",
    "calendar.events",
    "calendar.events.owned",
];
const EVENTS_READ: &[&str] = &[
    "calendar",
    "calendar.app.created",
    "calendar.events",
    "calendar.events.freebusy",
    "calendar.events.owned",
    "calendar.events.owned.readonly",
    "calendar.events.public.readonly",
    "calendar.events.readonly",
    "calendar.readonly",
];
const SETTINGS: &[&str] = &[
    "calendar",
    "calendar.readonly",
    "calendar.settings",
    "calendar.settings.readonly",
];

/// Every method: how it is asked for, and the scopes of which one is enough.
const TABLE: [Row; 38] = {
    use Operation as O;
    [
        (O::AclDelete, "DELETE", "calendars/{}/acl/{}", ACL_WRITE),
        (O::AclGet, "GET", "calendars/{}/acl/{}", ACL_GET),
        (O::AclInsert, "POST", "calendars/{}/acl", ACL_WRITE),
        (O::AclList, "GET", "calendars/{}/acl", ACL_LIST),
        (O::AclPatch, "PATCH", "calendars/{}/acl/{}", ACL_WRITE),
        (O::AclUpdate, "PUT", "calendars/{}/acl/{}", ACL_WRITE),
        (O::AclWatch, "POST", "calendars/{}/acl/watch", ACL_LIST),
        (
            O::CalendarListDelete,
            "DELETE",
            "users/me/calendarList/{}",
            LIST_CHANGE,
        ),
        (
            O::CalendarListGet,
            "GET",
            "users/me/calendarList/{}",
            LIST_GET,
        ),
        (
            O::CalendarListInsert,
            "POST",
            "users/me/calendarList",
            &["calendar", "calendar.calendarlist"],
        ),
        (
            O::CalendarListList,
            "GET",
            "users/me/calendarList",
            LIST_READ,
        ),
        (
            O::CalendarListPatch,
            "PATCH",
            "users/me/calendarList/{}",
            LIST_CHANGE,
        ),
        (
            O::CalendarListUpdate,
            "PUT",
            "users/me/calendarList/{}",
            LIST_CHANGE,
        ),
        (
            O::CalendarListWatch,
            "POST",
            "users/me/calendarList/watch",
            LIST_READ,
        ),
        (
            O::CalendarsClear,
            "POST",
            "calendars/{}/clear",
            &["calendar", "calendar.calendars"],
        ),
        (
            O::CalendarsDelete,
            "DELETE",
            "calendars/{}",
            CALENDARS_WRITE,
        ),
        (
            O::CalendarsGet,
            "GET",
            "calendars/{}",
            &[
                "calendar",
                "calendar.app.created",
                "calendar.calendars",
                "calendar.calendars.readonly",
                "calendar.readonly",
            ],
        ),
        (O::CalendarsInsert, "POST", "calendars", CALENDARS_WRITE),
        (O::CalendarsPatch, "PATCH", "calendars/{}", CALENDARS_WRITE),
        (
            O::CalendarsTransferOwnership,
            "POST",
            "calendars/{}/transferOwnership",
            &["calendar", "calendar.calendars"],
        ),
        (O::CalendarsUpdate, "PUT", "calendars/{}", CALENDARS_WRITE),
        (
            O::ChannelsStop,
            "POST",
            "channels/stop",
            &[
                "calendar",
                "calendar.acls",
                "calendar.acls.readonly",
                "calendar.app.created",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
                "calendar.events",
                "calendar.events.freebusy",
                "calendar.events.owned",
                "calendar.events.owned.readonly",
                "calendar.events.public.readonly",
                "calendar.events.readonly",
                "calendar.readonly",
                "calendar.settings",
                "calendar.settings.readonly",
            ],
        ),
        (
            O::ColorsGet,
            "GET",
            "colors",
            &[
                "calendar",
                "calendar.app.created",
                "calendar.calendarlist",
                "calendar.calendarlist.readonly",
                "calendar.events.freebusy",
                "calendar.events.owned",
                "calendar.events.owned.readonly",
                "calendar.events.public.readonly",
                "calendar.readonly",
            ],
        ),
        (
            O::EventsDelete,
            "DELETE",
            "calendars/{}/events/{}",
            EVENTS_WRITE,
        ),
        (O::EventsGet, "GET", "calendars/{}/events/{}", EVENTS_READ),
        (
            O::EventsImport,
            "POST",
            "calendars/{}/events/import",
            EVENTS_WRITE,
        ),
        (O::EventsInsert, "POST", "calendars/{}/events", EVENTS_WRITE),
        (
            O::EventsInstances,
            "GET",
            "calendars/{}/events/{}/instances",
            EVENTS_READ,
        ),
        (O::EventsList, "GET", "calendars/{}/events", EVENTS_READ),
        (
            O::EventsMove,
            "POST",
            "calendars/{}/events/{}/move",
            &["calendar", "calendar.events", "calendar.events.owned"],
        ),
        (
            O::EventsPatch,
            "PATCH",
            "calendars/{}/events/{}",
            EVENTS_WRITE,
        ),
        (
            O::EventsQuickAdd,
            "POST",
            "calendars/{}/events/quickAdd",
            EVENTS_WRITE,
        ),
        (
            O::EventsUpdate,
            "PUT",
            "calendars/{}/events/{}",
            EVENTS_WRITE,
        ),
        (
            O::EventsWatch,
            "POST",
            "calendars/{}/events/watch",
            EVENTS_READ,
        ),
        (
            O::FreeBusyQuery,
            "POST",
            "freeBusy",
            &[
                "calendar",
                "calendar.events.freebusy",
                "calendar.freebusy",
                "calendar.readonly",
            ],
        ),
        (O::SettingsGet, "GET", "users/me/settings/{}", SETTINGS),
        (O::SettingsList, "GET", "users/me/settings", SETTINGS),
        (
            O::SettingsWatch,
            "POST",
            "users/me/settings/watch",
            SETTINGS,
        ),
    ]
};

impl Operation {
    /// The method that an address asks for, and the names in the address.
    pub(super) fn find(method: &Method, path: &str) -> Option<(Self, Vec<String>)> {
        TABLE.iter().find_map(|(operation, known, pattern, _)| {
            let names = names(pattern, path)?;
            (*known == method.as_str()).then_some((*operation, names))
        })
    }

    /// The scopes of a token that let it do this, by their short names.
    pub(super) fn granted<'a>(self, scopes: impl Iterator<Item = &'a String>) -> Vec<&'static str> {
        let row = TABLE.iter().find(|(operation, ..)| *operation == self);
        let allowed = row.map_or(&[][..], |(_, _, _, scopes)| scopes);
        scopes
            .filter_map(|scope| scope.strip_prefix(SCOPE_PREFIX))
            .filter_map(|scope| allowed.iter().find(|known| **known == scope).copied())
            .collect()
    }

    /// Its name in the Discovery document.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AclDelete => "acl.delete",
            Self::AclGet => "acl.get",
            Self::AclInsert => "acl.insert",
            Self::AclList => "acl.list",
            Self::AclPatch => "acl.patch",
            Self::AclUpdate => "acl.update",
            Self::AclWatch => "acl.watch",
            Self::CalendarListDelete => "calendarList.delete",
            Self::CalendarListGet => "calendarList.get",
            Self::CalendarListInsert => "calendarList.insert",
            Self::CalendarListList => "calendarList.list",
            Self::CalendarListPatch => "calendarList.patch",
            Self::CalendarListUpdate => "calendarList.update",
            Self::CalendarListWatch => "calendarList.watch",
            Self::CalendarsClear => "calendars.clear",
            Self::CalendarsDelete => "calendars.delete",
            Self::CalendarsGet => "calendars.get",
            Self::CalendarsInsert => "calendars.insert",
            Self::CalendarsPatch => "calendars.patch",
            Self::CalendarsTransferOwnership => "calendars.transferOwnership",
            Self::CalendarsUpdate => "calendars.update",
            Self::ChannelsStop => "channels.stop",
            Self::ColorsGet => "colors.get",
            Self::EventsDelete => "events.delete",
            Self::EventsGet => "events.get",
            Self::EventsImport => "events.import",
            Self::EventsInsert => "events.insert",
            Self::EventsInstances => "events.instances",
            Self::EventsList => "events.list",
            Self::EventsMove => "events.move",
            Self::EventsPatch => "events.patch",
            Self::EventsQuickAdd => "events.quickAdd",
            Self::EventsUpdate => "events.update",
            Self::EventsWatch => "events.watch",
            Self::FreeBusyQuery => "freebusy.query",
            Self::SettingsGet => "settings.get",
            Self::SettingsList => "settings.list",
            Self::SettingsWatch => "settings.watch",
        }
    }

    /// How many units of the quota it takes.
    pub(super) fn units(self) -> u64 {
        if matches!(
            self,
            Self::EventsPatch | Self::AclPatch | Self::CalendarsPatch | Self::CalendarListPatch
        ) {
            3
        } else {
            1
        }
    }
}

fn names(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut pieces = path.split('/');
    for wanted in pattern.split('/') {
        let piece = pieces.next()?;
        if wanted == "{}" {
            if piece.is_empty() {
                return None;
            }
            names.push(decoded(piece));
        } else if piece != wanted {
            return None;
        }
    }
    pieces.next().is_none().then_some(names)
}
