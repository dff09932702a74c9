//! Peculiarities of CalDAV servers and of publishers of feeds, as switches by user, calendar and feed.

use std::collections::BTreeMap;

use http::HeaderValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::feeds::name_of;
use super::reply::{Asked, Done, Refused};
use crate::ics::{Body, PREFIX, Stamps, Validators};
use crate::quirks::{Page, Quirks};
use crate::world::{Access, Account, Collection, OBJECT_BYTES_MAX, WellKnown, World};

/// The longest feed, in bytes. It is made in memory for each request.
const FEED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What can be set at CalDAV, apart from the world, so that all of a request counts or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OfCaldav {
    well_known: WellKnown,
    users: BTreeMap<String, OfUser>,
}

#[derive(Clone, Debug, PartialEq)]
struct OfUser {
    quirks: Quirks,
    calendars: BTreeMap<String, OfCalendar>,
}

#[derive(Clone, Debug, PartialEq)]
struct OfCalendar {
    quirks: Quirks,
    rest: Rest,
}

/// What a calendar has beside its quirks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rest {
    access: Access,
    object_bytes_max: usize,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            access: Access::ReadWrite,
            object_bytes_max: OBJECT_BYTES_MAX,
        }
    }
}

/// What can be set of feeds, by name.
pub(super) type OfFeeds = BTreeMap<String, OfFeed>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfFeed {
    validators: Validators,
    stamps: Stamps,
    body: Body,
}

impl OfCaldav {
    pub(super) fn of(world: &World) -> Self {
        let of_calendar = |(slug, collection): (&String, &Collection)| {
            let rest = Rest {
                access: collection.access,
                object_bytes_max: collection.object_bytes_max,
            };
            let quirks = collection.quirks.clone();
            (slug.clone(), OfCalendar { quirks, rest })
        };
        let of_user = |(user, account): (&String, &Account)| {
            let calendars = account.collections.iter().map(of_calendar).collect();
            let quirks = account.quirks.clone();
            (user.clone(), OfUser { quirks, calendars })
        };
        Self {
            well_known: world.well_known,
            users: world.accounts.iter().map(of_user).collect(),
        }
    }

    /// All as it is when nobody sets it.
    pub(super) fn set_back(&mut self) {
        self.well_known = WellKnown::default();
        for user in self.users.values_mut() {
            user.quirks = Quirks::default();
            for calendar in user.calendars.values_mut() {
                calendar.quirks = Quirks::default();
                calendar.rest = Rest::default();
            }
        }
    }

    pub(super) fn apply(self, world: &mut World) {
        world.well_known = self.well_known;
        for (user, set) in self.users {
            let Some(account) = world.accounts.get_mut(&user) else {
                continue;
            };
            account.quirks = set.quirks;
            for (slug, set) in set.calendars {
                if let Some(collection) = account.collections.get_mut(&slug) {
                    collection.quirks = set.quirks;
                    collection.access = set.rest.access;
                    collection.object_bytes_max = set.rest.object_bytes_max;
                }
            }
        }
    }

    pub(super) fn show(&self) -> Value {
        let of_calendar = |(slug, calendar): (&String, &OfCalendar)| {
            let mut shown = json!(calendar.quirks);
            shown["access"] = json!(calendar.rest.access);
            shown["object_bytes_max"] = json!(calendar.rest.object_bytes_max);
            (slug.clone(), shown)
        };
        let of_user = |(user, set): (&String, &OfUser)| {
            let mut shown = json!(set.quirks);
            let calendars: Map<String, Value> = set.calendars.iter().map(of_calendar).collect();
            shown["calendars"] = calendars.into();
            (user.clone(), shown)
        };
        let users: Map<String, Value> = self.users.iter().map(of_user).collect();
        json!({ "well_known": self.well_known, "users": users })
    }

    /// Takes changes in the form in which it is shown. What is set for a user is set for the user's calendars too.
    pub(super) fn take(&mut self, changes: &Value, at: &str) -> Result<(), Refused> {
        for (name, value) in object(changes, at)? {
            let field = format!("{at}.{name}");
            match name.as_str() {
                "well_known" => {
                    self.well_known = serde_json::from_value(value.clone())
                        .map_err(|error| Refused::field(&field, error.to_string()))?;
                }
                "users" => {
                    for (user, changes) in object(value, &field)? {
                        let field = format!("{field}.{user}");
                        let known = self.users.get_mut(user).ok_or_else(|| {
                            Refused::unknown(&field, "There is no such user at CalDAV.")
                        })?;
                        known.take(changes, &field)?;
                    }
                }
                _ => {
                    let error = "Say `well_known`, or whose by `users`.";
                    return Err(Refused::field(&field, error));
                }
            }
        }
        Ok(())
    }
}

impl OfUser {
    fn take(&mut self, changes: &Value, at: &str) -> Result<(), Refused> {
        let mut everywhere = object(changes, at)?.clone();
        let calendars = everywhere.remove("calendars");
        self.quirks = quirks(&self.quirks, &everywhere, at)?;
        for calendar in self.calendars.values_mut() {
            calendar.quirks = quirks(&calendar.quirks, &everywhere, at)?;
        }
        let Some(calendars) = calendars else {
            return Ok(());
        };
        let at = format!("{at}.calendars");
        for (slug, changes) in object(&calendars, &at)? {
            let at = format!("{at}.{slug}");
            let known = self.calendars.get_mut(slug);
            let known = known.ok_or_else(|| Refused::unknown(&at, "There is no such calendar."))?;
            known.take(changes, &at)?;
        }
        Ok(())
    }
}

impl OfCalendar {
    fn take(&mut self, changes: &Value, at: &str) -> Result<(), Refused> {
        let mut of_quirks = object(changes, at)?.clone();
        let mut of_rest = Map::new();
        for name in ["access", "object_bytes_max"] {
            of_rest.extend(of_quirks.remove_entry(name));
        }
        self.quirks = quirks(&self.quirks, &of_quirks, at)?;
        self.rest = with(&self.rest, &of_rest, at)?;
        Ok(())
    }
}

/// Quirks with these changes.
fn quirks(present: &Quirks, changes: &Map<String, Value>, at: &str) -> Result<Quirks, Refused> {
    let quirks = with(present, changes, at)?;
    if quirks.page == Page::Members(0) {
        let error = "A page must have at least 1 member.";
        return Err(Refused::field(&format!("{at}.page"), error));
    }
    Ok(quirks)
}

/// What is set of feeds now.
pub(super) fn of_feeds(world: &World) -> OfFeeds {
    let of_feed = world.feeds.iter().map(|(path, feed)| {
        let set = OfFeed {
            validators: feed.validators,
            stamps: feed.stamps,
            body: feed.body.clone(),
        };
        (name_of(path).to_owned(), set)
    });
    of_feed.collect()
}

/// Takes changes of feeds, each by its name.
pub(super) fn take_feeds(all: &mut OfFeeds, changes: &Value, at: &str) -> Result<(), Refused> {
    for (name, changes) in object(changes, at)? {
        let at = format!("{at}.{name}");
        let feed = all.get_mut(name).ok_or_else(|| {
            let error = "There is no such feed. POST /_sandbox/feeds publishes one.";
            Refused::unknown(&at, error)
        })?;
        *feed = with(feed, object(changes, &at)?, &at)?;
        let wrong = match &feed.body {
            Body::Huge { bytes } if *bytes > FEED_BYTES_MAX => {
                Some(format!("It can have {FEED_BYTES_MAX} bytes at most."))
            }
            Body::Redirect { to } if HeaderValue::from_str(to).is_err() => {
                Some(format!("{to:?} cannot stand in a header."))
            }
            Body::Calendar
            | Body::LoginPage
            | Body::Truncated
            | Body::Huge { .. }
            | Body::Redirect { .. }
            | Body::NotFound
            | Body::Gone
            | Body::Empty => None,
        };
        if let Some(error) = wrong {
            return Err(Refused::field(&format!("{at}.body"), error));
        }
    }
    Ok(())
}

pub(super) fn apply_feeds(world: &mut World, all: OfFeeds) {
    for (name, set) in all {
        if let Some(feed) = world.feeds.get_mut(&format!("{PREFIX}{name}")) {
            feed.validators = set.validators;
            feed.stamps = set.stamps;
            feed.body = set.body;
        }
    }
}

/// A value with some of its members replaced. Unlike structs of switches, a member that is an object is one choice of
/// several, and is replaced whole.
fn with<T: Serialize + DeserializeOwned>(
    present: &T,
    changes: &Map<String, Value>,
    at: &str,
) -> Result<T, Refused> {
    let all = serde_json::to_value(present);
    let mut all = all.map_err(|error| Refused::field(at, error.to_string()))?;
    for (name, value) in changes {
        let known = all.get_mut(name).ok_or_else(|| no_switch(at, name))?;
        known.clone_from(value);
    }
    serde_path_to_error::deserialize(all).map_err(|error| {
        // Within a choice the path names the choice, which is no member.
        let path = error.path().to_string();
        let member = path.split('.').next().unwrap_or_default();
        Refused::field(&format!("{at}.{member}"), error.into_inner().to_string())
    })
}

fn no_switch(at: &str, name: &str) -> Refused {
    let error = "There is no such switch. GET /_sandbox/switches lists them.";
    Refused::field(&format!("{at}.{name}"), error)
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Refused> {
    let wanted = || Refused::field(at, "An object of switches is wanted.");
    value.as_object().ok_or_else(wanted)
}

/// A server to be imitated, for everybody or some.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Imitating {
    server: Server,
    user: Option<String>,
    calendar: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Server {
    /// None: what the RFCs ask for.
    Plain,
    Cyrus,
    Google,
    Icloud,
    Nextcloud,
    Radicale,
    Xandikos,
}

impl Server {
    fn quirks(self) -> Quirks {
        match self {
            Self::Plain => Quirks::default(),
            Self::Cyrus => Quirks::cyrus(),
            Self::Google => Quirks::google(),
            Self::Icloud => Quirks::icloud(),
            Self::Nextcloud => Quirks::nextcloud(),
            Self::Radicale => Quirks::radicale(),
            Self::Xandikos => Quirks::xandikos(),
        }
    }
}

/// `POST /_sandbox/switches/imitate`: all peculiarities are those of a known server.
pub(super) fn imitate(world: &mut World, asked: &Asked<'_>) -> Result<Done, Refused> {
    let Imitating {
        server,
        user,
        calendar,
    } = asked.read()?;
    let mut all = OfCaldav::of(world);
    if calendar.is_some() && user.is_none() {
        return Err(Refused::field("user", "Say whose calendar it is."));
    }
    if user
        .as_ref()
        .is_some_and(|user| !all.users.contains_key(user))
    {
        return Err(Refused::unknown("user", "There is no such user at CalDAV."));
    }
    let mut found = calendar.is_none();
    for (name, set) in &mut all.users {
        if user.as_ref().is_some_and(|user| user != name) {
            continue;
        }
        if calendar.is_none() {
            set.quirks = server.quirks();
        }
        for (slug, set) in &mut set.calendars {
            if calendar.as_ref().is_none_or(|calendar| calendar == slug) {
                set.quirks = server.quirks();
                found = true;
            }
        }
    }
    if !found {
        return Err(Refused::unknown("calendar", "There is no such calendar."));
    }
    let shown = all.show();
    all.apply(world);
    Ok(Done::ok(shown))
}
