//! Somebody with calendars: settings, and the list of calendars they look at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::calendar::Calendar;
use super::push::{self, Watched};
use super::{Google, Rule};
use super::{Role, calendar};

/// A Google account as Calendar knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The mail address, which is the id of the primary calendar too.
    pub email: String,
    /// The full name.
    pub name: String,
    /// The IANA name of the user's zone.
    pub time_zone: String,
    /// User settings by id.
    pub settings: BTreeMap<String, String>,
    /// The number in the settings' ETag.
    pub settings_version: u64,
    /// The calendar list by calendar id; entries taken off it stay as tombstones.
    pub list: BTreeMap<String, Entry>,
    /// The number of the list's last change.
    pub list_revision: u64,
    /// How often all sync tokens of the list have died.
    pub list_generation: u32,
}

/// A calendar in somebody's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What the user may set: `colorId`, `summaryOverride`, `selected`, `hidden` and such.
    pub fields: Map<String, Value>,
    /// The reminders that events here have when nothing else is said.
    pub default_reminders: Vec<Value>,
    /// Whether it was taken off the list.
    pub deleted: bool,
    /// The list's change that made it what it is.
    pub revision: u64,
    /// The number in its ETag.
    pub version: u64,
}

/// The settings everybody begins with.
const SETTINGS: [(&str, &str); 10] = [
    ("autoAddHangouts", "true"),
    ("dateFieldOrder", "DMY"),
    ("defaultEventLength", "60"),
    ("format24HourTime", "true"),
    ("hideInvitations", "false"),
    ("hideWeekends", "false"),
    ("locale", "en"),
    ("showDeclinedEvents", "true"),
    ("useKeyboardShortcuts", "true"),
    ("weekStart", "1"),
];

impl Google {
    /// Adds an account with its primary calendar, and returns it. The address is written in lower case.
    pub fn add_account(
        &mut self,
        email: &str,
        name: &str,
        time_zone: &str,
        now: Timestamp,
    ) -> &mut Account {
        let email = email.to_ascii_lowercase();
        let version = self.stamp(now).version;
        let mut settings: BTreeMap<String, String> = SETTINGS
            .iter()
            .map(|(id, value)| ((*id).to_owned(), (*value).to_owned()))
            .collect();
        settings.insert("timezone".to_owned(), time_zone.to_owned());
        let account = Account {
            email: email.clone(),
            name: name.to_owned(),
            time_zone: time_zone.to_owned(),
            settings,
            settings_version: version,
            list: BTreeMap::new(),
            list_revision: 0,
            list_generation: 0,
        };
        self.accounts.insert(email.clone(), account);
        let mut primary = Calendar::new(&email, &email, time_zone, &email, now);
        primary.primary = true;
        primary.version = version;
        self.calendars.insert(email.clone(), primary);
        self.enlist(&email, &email, now);
        let popup = serde_json::json!({ "method": "popup", "minutes": 10 });
        let account = self.accounts.entry(email.clone());
        let account = account.or_insert_with(|| Account::bare(&email));
        if let Some(entry) = account.list.get_mut(&email) {
            entry.default_reminders = vec![popup];
        }
        account
    }

    /// Adds a secondary calendar to an account, and returns its id.
    pub fn add_calendar(
        &mut self,
        owner: &str,
        summary: &str,
        time_zone: &str,
        now: Timestamp,
    ) -> String {
        let owner = owner.to_ascii_lowercase();
        let id = format!("c_{}@group.calendar.google.com", self.name(&owner));
        let mut calendar = Calendar::new(&id, summary, time_zone, &owner, now);
        calendar.version = self.stamp(now).version;
        self.calendars.insert(id.clone(), calendar);
        self.enlist(&owner, &id, now);
        id
    }

    /// Shares a calendar with somebody, who puts it on their list. [`Role::None`] takes it away again.
    pub fn share(&mut self, calendar: &str, with: &str, role: Role, now: Timestamp) {
        let with = with.to_ascii_lowercase();
        let version = self.stamp(now).version;
        if let Some(shared) = self.calendars.get_mut(calendar) {
            shared
                .rules
                .insert(format!("user:{with}"), Rule { role, version });
        }
        push::notify(self, &Watched::Acl(calendar.to_owned()), now);
        match role {
            calendar::Role::None => self.delist(&with, calendar, now),
            calendar::Role::FreeBusyReader
            | calendar::Role::Reader
            | calendar::Role::WriterWithoutPrivateAccess
            | calendar::Role::Writer
            | calendar::Role::Owner => self.enlist(&with, calendar, now),
        }
    }

    /// Puts a calendar on somebody's list, where it is not yet.
    pub(super) fn enlist(&mut self, user: &str, calendar: &str, now: Timestamp) {
        self.change_entry(user, calendar, now, |entry| {
            if entry.deleted {
                *entry = Entry::new();
            }
            entry.fields.insert("selected".to_owned(), true.into());
        });
    }

    /// Takes a calendar off somebody's list.
    pub(super) fn delist(&mut self, user: &str, calendar: &str, now: Timestamp) {
        self.change_entry(user, calendar, now, |entry| entry.deleted = true);
    }

    /// Changes somebody's entry for a calendar, and tells those who watch their list.
    pub(super) fn change_entry(
        &mut self,
        user: &str,
        calendar: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Entry),
    ) {
        let version = self.stamp(now).version;
        let Some(account) = self.accounts.get_mut(user) else {
            return;
        };
        account.list_revision += 1;
        let entry = account.list.entry(calendar.to_owned());
        let entry = entry.or_insert_with(Entry::new);
        change(entry);
        entry.revision = account.list_revision;
        entry.version = version;
        push::notify(self, &Watched::CalendarList(user.to_owned()), now);
    }
}

impl Entry {
    fn new() -> Self {
        let mut fields = Map::new();
        fields.insert("colorId".to_owned(), "14".into());
        Self {
            fields,
            default_reminders: Vec::new(),
            deleted: false,
            revision: 0,
            version: 0,
        }
    }
}

impl Account {
    fn bare(email: &str) -> Self {
        Self {
            email: email.to_owned(),
            name: email.to_owned(),
            time_zone: "UTC".to_owned(),
            settings: BTreeMap::new(),
            settings_version: 0,
            list: BTreeMap::new(),
            list_revision: 0,
            list_generation: 0,
        }
    }

    /// The reminders that events of a calendar have for this user when nothing else is said.
    pub(super) fn default_reminders(&self, calendar: &str) -> &[Value] {
        self.list
            .get(calendar)
            .map_or(&[], |entry| &entry.default_reminders)
    }
}
