//! Finding the calendars of an account (RFC 6764, RFC 5397, RFC 4791 §6.2) from whatever address a person has.
//!
//! The SRV and TXT records of RFC 6764 §3 are not asked for: the system's resolver answers addresses only. What they
//! would say is covered by `/.well-known/caldav` on the host itself, and by a short table of large providers.

use std::collections::BTreeMap;

use ::http::StatusCode;
use kalends_calendar::event::Address;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::RemoteCalendarId;
use kalends_calendar::provider::{Access, Discovery, RemoteCalendar};
use url::Url;

use super::requests::{self, Depth};
use super::xml::{Element, Entry, Ns, responses};
use super::{CalDav, href, refusal};
use crate::color;

/// Mail domains whose calendars live elsewhere, where nothing on the domain's own host says so.
const KNOWN_DOMAINS: [(&str, &str); 8] = [
    ("icloud.com", "https://caldav.icloud.com/"),
    ("me.com", "https://caldav.icloud.com/"),
    ("mac.com", "https://caldav.icloud.com/"),
    ("fastmail.com", "https://caldav.fastmail.com/"),
    ("fastmail.fm", "https://caldav.fastmail.com/"),
    ("yahoo.com", "https://caldav.calendar.yahoo.com/"),
    ("gmx.net", "https://caldav.gmx.net/"),
    ("web.de", "https://caldav.web.de/"),
];

/// The most homes of one account that are looked into. iCloud and Nextcloud have one.
const HOMES_MAX: usize = 16;

/// Resource types of other vendors that mark a calendar as not one of events to sync: Nextcloud's trash.
const PASSED_OVER: [&str; 2] = ["trash-bin", "deleted-calendar"];

/// The address to start from: of a URL, a host, or a mail address.
pub fn locate(text: &str) -> Result<Url, Failure> {
    let text = text.trim();
    let wrong = || {
        // A password may stand before an `@`, in a place where no address has one.
        let quoted = if text.contains('@') && text.contains(':') {
            "this".to_owned()
        } else {
            format!("“{text}”")
        };
        Failure::item(format!(
            "{quoted} is neither an address, a host nor a mail address"
        ))
    };
    let domain = match text.rsplit_once('@') {
        Some((_, domain)) if !text.contains("://") => domain,
        _ => text,
    };
    let known = KNOWN_DOMAINS
        .iter()
        .find(|(mail, _)| domain.eq_ignore_ascii_case(mail))
        .map(|(_, address)| (*address).to_owned());
    let address = match known {
        Some(address) => address,
        None if domain.contains("://") => domain.to_owned(),
        None => format!("https://{domain}"),
    };
    let address = address
        .strip_prefix("caldavs://")
        .map(|rest| format!("https://{rest}"))
        .or_else(|| {
            address
                .strip_prefix("caldav://")
                .map(|rest| format!("http://{rest}"))
        })
        .unwrap_or(address);
    let url: Url = address.parse().map_err(|_| wrong())?;
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() {
        Ok(url)
    } else {
        Err(wrong())
    }
}

/// What the first address answered.
enum Found {
    /// The account.
    Principal(Url),
    /// No account, but places where calendars are.
    Homes(Vec<Url>),
    /// Nothing of `CalDAV`.
    Nothing(Failure),
}

impl CalDav {
    /// The account's owner and calendars.
    pub(super) async fn discover(&self) -> Result<Discovery, Failure> {
        let (mut me, homes) = self.owner_and_homes().await?;
        if self.user.contains('@') {
            me.push(Address::new(&self.user));
        }
        me.sort();
        me.dedup();

        let mut calendars = BTreeMap::new();
        let mut without_sync = Vec::new();
        let mut lost = None;
        let mut listed = false;
        for home in &homes {
            match self.list_home(home).await {
                Ok(found) => {
                    listed = true;
                    for (calendar, syncs) in found {
                        if !syncs {
                            without_sync.push(calendar.id.clone());
                        }
                        calendars.entry(calendar.id.clone()).or_insert(calendar);
                    }
                }
                // One shared home that went away does not hide the others; a passing failure would.
                Err(failure) if matches!(failure.class, Class::Gone | Class::Forbidden) => {
                    lost = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        if let (Some(failure), false) = (lost, listed) {
            return Err(failure);
        }
        self.with_learned(|learned| {
            learned.me.clone_from(&me);
            learned.without_sync = without_sync.into_iter().collect();
        });
        Ok(Discovery {
            me,
            calendars: calendars.into_values().collect(),
        })
    }

    async fn owner_and_homes(&self) -> Result<(Vec<Address>, Vec<Url>), Failure> {
        let mut nothing = None;
        for start in starts(&self.base) {
            match self.ask_start(&start).await? {
                Found::Principal(principal) => return self.ask_principal(&principal).await,
                Found::Homes(homes) => return Ok((Vec::new(), homes)),
                // The first address is the one that was asked for; but a refusal of the user says more than "not here".
                Found::Nothing(failure)
                    if nothing.is_none() || failure.class == Class::ReconnectNeeded =>
                {
                    nothing = Some(failure);
                }
                Found::Nothing(_) => {}
            }
        }
        Err(nothing.unwrap_or_else(|| Failure::protocol("There is no CalDAV server here")))
    }

    async fn ask_start(&self, start: &Url) -> Result<Found, Failure> {
        let answer = self
            .send(requests::propfind(start, Depth::Zero, requests::PRINCIPAL))
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) if failure.class == Class::Protocol => return Ok(Found::Nothing(failure)),
            Err(failure) => return Err(failure),
        };
        if answer.status != StatusCode::MULTI_STATUS {
            let failure = refusal::of_discovery(&answer, self.now());
            return match failure.class {
                Class::Passing { .. } => Err(failure),
                _ => Ok(Found::Nothing(failure)),
            };
        }
        let entries = match responses(&answer.body) {
            Ok(entries) => entries,
            Err(failure) => return Ok(Found::Nothing(failure)),
        };
        let own = entries.first();
        let principal = own.and_then(|entry| entry.property(Ns::Dav, "current-user-principal"));
        if let Some(principal) = principal {
            if principal.child(Ns::Dav, "unauthenticated").is_some() {
                let host = answer.url.host_str().unwrap_or_default();
                return Err(refusal::wrong_password(host));
            }
            let url = principal
                .hrefs()
                .find_map(|found| href::resolve(&answer.url, found));
            if let Some(url) = url {
                return Ok(Found::Principal(url));
            }
        }
        let homes = own
            .map(|entry| homes_in(entry, &answer.url))
            .unwrap_or_default();
        if !homes.is_empty() {
            return Ok(Found::Homes(homes));
        }
        // A server without principals: whoever knows the address of a calendar, or of what holds calendars, may use it.
        if own.is_some_and(|entry| entry.is_a(Ns::CalDav, "calendar"))
            || !self
                .list_home(&answer.url)
                .await
                .unwrap_or_default()
                .is_empty()
        {
            return Ok(Found::Homes(vec![href::collection(answer.url)]));
        }
        Ok(Found::Nothing(Failure::protocol(format!(
            "{} speaks WebDAV at this address and has no calendars there",
            answer.url.host_str().unwrap_or_default()
        ))))
    }

    async fn ask_principal(&self, principal: &Url) -> Result<(Vec<Address>, Vec<Url>), Failure> {
        let request = requests::propfind(principal, Depth::Zero, requests::PRINCIPAL);
        let answer = self.send(request).await?;
        if answer.status != StatusCode::MULTI_STATUS {
            return Err(refusal::of_discovery(&answer, self.now()));
        }
        let entries = responses(&answer.body)?;
        let homes: Vec<Url> = entries
            .iter()
            .flat_map(|entry| homes_in(entry, &answer.url))
            .take(HOMES_MAX)
            .collect();
        if homes.is_empty() {
            return Err(Failure::protocol(format!(
                "{} knows this user but no calendars of it",
                answer.url.host_str().unwrap_or_default()
            )));
        }
        let me = entries
            .iter()
            .filter_map(|entry| entry.property(Ns::CalDav, "calendar-user-address-set"))
            .flat_map(Element::hrefs)
            // Paths to principals are addresses only to the server itself.
            .filter(|address| address.contains(':') && !address.contains("://"))
            .map(Address::new)
            .collect();
        Ok((me, homes))
    }

    /// The event calendars in a home, each with whether it can report changes.
    async fn list_home(&self, home: &Url) -> Result<Vec<(RemoteCalendar, bool)>, Failure> {
        let request = requests::propfind(home, Depth::One, requests::CALENDAR);
        let answer = self.send(request).await?;
        let entries = responses(refusal::multistatus(&answer, self.now())?)?;
        Ok(entries
            .iter()
            .filter_map(|entry| calendar_in(entry, &answer.url))
            .collect())
    }
}

/// The addresses to try, in turn: the one given, the well-known one, the root.
fn starts(base: &Url) -> Vec<Url> {
    let mut starts = vec![base.clone()];
    for path in ["/.well-known/caldav", "/"] {
        let mut url = base.clone();
        url.set_path(path);
        url.set_query(None);
        if !starts.contains(&url) {
            starts.push(url);
        }
    }
    starts
}

fn homes_in(entry: &Entry, from: &Url) -> Vec<Url> {
    entry
        .property(Ns::CalDav, "calendar-home-set")
        .into_iter()
        .flat_map(Element::hrefs)
        .filter_map(|found| href::resolve(from, found))
        .map(href::collection)
        .collect()
}

/// A calendar that can hold events, and whether it can report changes.
fn calendar_in(entry: &Entry, from: &Url) -> Option<(RemoteCalendar, bool)> {
    let passed_over = entry.is_a(Ns::CalendarServer, "subscribed")
        || entry.is_a(Ns::CalDav, "schedule-inbox")
        || entry.is_a(Ns::CalDav, "schedule-outbox")
        || PASSED_OVER.iter().any(|kind| entry.is_a(Ns::Other, kind));
    if !entry.is_a(Ns::CalDav, "calendar") || passed_over || !holds_events(entry) {
        return None;
    }
    let url = href::collection(href::resolve(from, &entry.href)?);
    let name = entry
        .text(Ns::Dav, "displayname")
        .map_or_else(|| last_segment(&url), str::to_owned);
    let syncs = entry
        .property(Ns::Dav, "supported-report-set")
        .is_none_or(|set| descends_to(set, Ns::Dav, "sync-collection"));
    let calendar = RemoteCalendar {
        id: RemoteCalendarId(url.to_string()),
        name,
        color: entry.text(Ns::Apple, "calendar-color").and_then(color::hex),
        access: access(entry),
    };
    Some((calendar, syncs))
}

/// Without a component set a calendar holds anything (RFC 4791 §5.2.3).
fn holds_events(entry: &Entry) -> bool {
    entry
        .property(Ns::CalDav, "supported-calendar-component-set")
        .is_none_or(|set| {
            set.children.iter().any(|component| {
                component
                    .name_attribute
                    .as_deref()
                    .is_some_and(|name| name.eq_ignore_ascii_case("VEVENT"))
            })
        })
}

/// Servers without access control say nothing; then a write will show.
fn access(entry: &Entry) -> Access {
    let Some(set) = entry.property(Ns::Dav, "current-user-privilege-set") else {
        return Access::ReadWrite;
    };
    let may = |name| {
        set.children
            .iter()
            .any(|privilege| privilege.child(Ns::Dav, name).is_some())
    };
    if may("all") || may("write") || (may("write-content") && may("bind")) {
        Access::ReadWrite
    } else {
        Access::ReadOnly
    }
}

fn descends_to(element: &Element, ns: Ns, name: &str) -> bool {
    element
        .children
        .iter()
        .any(|child| child.is(ns, name) || descends_to(child, ns, name))
}

fn last_segment(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    let segment = path.rsplit('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}
