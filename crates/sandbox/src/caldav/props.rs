//! Live properties: what each kind of resource has, and what it has not.

use super::multistatus::Props;
use super::path::Target;
use super::view;
use super::xml::{CALDAV, CS, DAV, ICAL, Name, Node};
use crate::quirks::{Hrefs, Listing, Quirks, ScheduleTag, Scheduling};
use crate::world::{Access, Account, Collection, Holds, Object, Place, schedule_tag};

/// What the properties are asked of.
pub(crate) enum Resource<'a> {
    /// Root, principal, home or a scheduling collection.
    Above(&'a Target),
    /// A calendar as it was after `revision`.
    Calendar {
        place: &'a Place,
        collection: &'a Collection,
        revision: u64,
    },
    /// An object in it.
    Member {
        collection: &'a Collection,
        object: &'a Object,
    },
}

/// Which properties are asked for (RFC 4918 §9.1).
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// These.
    Named(Vec<Name>),
    /// Those that `allprop` means: the properties of RFC 4918 itself.
    All,
    /// The names of all there are.
    Names,
}

impl Wanted {
    /// Whether a collection's ctag or sync token is asked for.
    pub(crate) fn shows_state(&self) -> bool {
        matches!(self, Self::Named(names) if names.iter().any(|name| ["getctag", "sync-token"].contains(&name.local.as_str())))
    }
}

/// The properties that each kind of resource may have.
const EVERY: [(&str, &str); 23] = [
    (DAV, "resourcetype"),
    (DAV, "displayname"),
    (DAV, "getetag"),
    (DAV, "getcontenttype"),
    (DAV, "getcontentlength"),
    (DAV, "getlastmodified"),
    (DAV, "current-user-principal"),
    (DAV, "principal-URL"),
    (DAV, "current-user-privilege-set"),
    (DAV, "owner"),
    (DAV, "supported-report-set"),
    (DAV, "sync-token"),
    (CS, "getctag"),
    (CALDAV, "calendar-home-set"),
    (CALDAV, "calendar-user-address-set"),
    (CALDAV, "schedule-inbox-URL"),
    (CALDAV, "schedule-outbox-URL"),
    (CALDAV, "supported-calendar-component-set"),
    (CALDAV, "supported-calendar-data"),
    (CALDAV, "max-resource-size"),
    (CALDAV, "schedule-calendar-transp"),
    (CALDAV, "schedule-tag"),
    (ICAL, "calendar-color"),
];

/// How many of `EVERY`, from its beginning, `allprop` returns.
const ALLPROP: usize = 6;

/// Finds what is wanted of a resource.
pub(crate) fn find(
    account: &Account,
    origin: &str,
    resource: &Resource<'_>,
    wanted: &Wanted,
) -> Props {
    let value = |space: &str, local: &str| one(account, origin, resource, space, local);
    let mut props = Props::default();
    match wanted {
        Wanted::Named(names) => {
            for name in names {
                match value(&name.space, &name.local) {
                    Some(node) => props.found.push(node),
                    None => props.missing.push(name.clone()),
                }
            }
        }
        Wanted::All => {
            props.found = EVERY[..ALLPROP]
                .iter()
                .filter_map(|(space, local)| value(space, local))
                .collect();
        }
        Wanted::Names => {
            let there = EVERY
                .iter()
                .filter(|(space, local)| value(space, local).is_some());
            props.found = there
                .map(|(space, local)| Node::new(space, local))
                .collect();
        }
    }
    props
}

fn one(
    account: &Account,
    origin: &str,
    resource: &Resource<'_>,
    space: &str,
    local: &str,
) -> Option<Node> {
    let quirks = match resource {
        Resource::Above(_) => &account.quirks,
        Resource::Calendar { collection, .. } | Resource::Member { collection, .. } => {
            &collection.quirks
        }
    };
    let node = Node::new(space, local);
    let href = |target: Target| Node::dav("href").text(target.href(quirks.hrefs, origin));
    if (space, local) == (DAV, "current-user-principal") {
        return Some(node.with([href(Target::Principal(account.user.clone()))]));
    }
    match resource {
        Resource::Above(target) => above(account, target, node, &href),
        Resource::Calendar {
            place,
            collection,
            revision,
        } => {
            if (space, local) == (DAV, "owner") {
                return Some(node.with([href(Target::Principal(account.user.clone()))]));
            }
            calendar(origin, place, collection, *revision, node)
        }
        Resource::Member { collection, object } => member(collection, object, node),
    }
}

fn above(
    account: &Account,
    target: &Target,
    node: Node,
    href: &dyn Fn(Target) -> Node,
) -> Option<Node> {
    let user = || account.user.clone();
    let auto = account.quirks.scheduling == Scheduling::Auto;
    let principal = matches!(target, Target::Principal(_));
    match (node.name.space.as_str(), node.name.local.as_str()) {
        (DAV, "resourcetype") => {
            let kind = match target {
                Target::Principal(_) => Some(Node::dav("principal")),
                Target::Inbox(_) => Some(Node::caldav("schedule-inbox")),
                Target::Outbox(_) => Some(Node::caldav("schedule-outbox")),
                _ => None,
            };
            Some(node.with([Node::dav("collection")]).with(kind))
        }
        (DAV, "displayname") if principal => Some(node.text(user())),
        (DAV, "principal-URL") if principal => Some(node.with([href(Target::Principal(user()))])),
        (CALDAV, "calendar-home-set") if principal => Some(node.with([href(Target::Home(user()))])),
        (CALDAV, "calendar-user-address-set") if principal => {
            let addresses = account
                .addresses
                .iter()
                .map(|address| Node::dav("href").text(format!("mailto:{address}")));
            Some(node.with(addresses))
        }
        (CALDAV, "schedule-inbox-URL") if principal && auto => {
            Some(node.with([href(Target::Inbox(user()))]))
        }
        (CALDAV, "schedule-outbox-URL") if principal && auto => {
            Some(node.with([href(Target::Outbox(user()))]))
        }
        _ => None,
    }
}

fn calendar(
    origin: &str,
    place: &Place,
    collection: &Collection,
    revision: u64,
    node: Node,
) -> Option<Node> {
    let component = match collection.holds {
        Holds::Events => "VEVENT",
        Holds::Tasks => "VTODO",
    };
    let by_sync = collection.quirks.listing == Listing::SyncCollection;
    match (node.name.space.as_str(), node.name.local.as_str()) {
        (DAV, "resourcetype") => {
            Some(node.with([Node::dav("collection"), Node::caldav("calendar")]))
        }
        (DAV, "displayname") => Some(node.text(collection.name.as_str())),
        (DAV, "current-user-privilege-set") => {
            let mut privileges = vec!["read", "read-current-user-privilege-set"];
            if collection.access == Access::ReadWrite {
                privileges.extend(["write", "write-content", "bind", "unbind"]);
            }
            Some(
                node.with(
                    privileges
                        .into_iter()
                        .map(|name| Node::dav("privilege").with([Node::dav(name)])),
                ),
            )
        }
        (DAV, "supported-report-set") => {
            let mut reports = vec![
                Node::caldav("calendar-multiget"),
                Node::caldav("calendar-query"),
            ];
            if by_sync {
                reports.push(Node::dav("sync-collection"));
            }
            let wrap =
                |report| Node::dav("supported-report").with([Node::dav("report").with([report])]);
            Some(node.with(reports.into_iter().map(wrap)))
        }
        (DAV, "sync-token") if by_sync => {
            Some(node.text(sync_token(origin, place, collection, revision)))
        }
        (CS, "getctag") if collection.quirks.listing != Listing::EtagsOnly => {
            Some(node.text(format!("{}-{revision}", collection.generation())))
        }
        (CALDAV, "supported-calendar-component-set") => {
            Some(node.with([Node::caldav("comp").attribute("name", component)]))
        }
        (CALDAV, "supported-calendar-data") => Some(
            node.with([Node::caldav("calendar-data")
                .attribute("content-type", "text/calendar")
                .attribute("version", "2.0")]),
        ),
        (CALDAV, "max-resource-size") => Some(node.text(collection.object_bytes_max.to_string())),
        (CALDAV, "schedule-calendar-transp") => Some(node.with([Node::caldav("opaque")])),
        (ICAL, "calendar-color") => collection
            .color
            .as_ref()
            .map(|color| node.text(color.as_str())),
        _ => None,
    }
}

fn member(collection: &Collection, object: &Object, node: Node) -> Option<Node> {
    match (node.name.space.as_str(), node.name.local.as_str()) {
        // Empty: an object is no collection.
        (DAV, "resourcetype") => Some(node),
        (DAV, "getetag") => view::etag(collection, object).map(|etag| node.text(etag)),
        (DAV, "getcontenttype") => Some(node.text("text/calendar; charset=utf-8")),
        (DAV, "getcontentlength") => Some(node.text(object.text.len().to_string())),
        (DAV, "getlastmodified") => Some(
            node.text(
                object
                    .modified
                    .strftime("%a, %d %b %Y %H:%M:%S GMT")
                    .to_string(),
            ),
        ),
        (CALDAV, "schedule-tag") => tag_of(&collection.quirks, object).map(|tag| node.text(tag)),
        _ => None,
    }
}

/// The Schedule-Tag as it is written, where the server has them.
pub(crate) fn tag_of(quirks: &Quirks, object: &Object) -> Option<String> {
    match quirks.schedule_tag {
        ScheduleTag::Off => None,
        ScheduleTag::On => schedule_tag(&object.text).map(|tag| format!("\"{tag}\"")),
    }
}

/// The token for the state after `revision`: an address, as RFC 6578 §4 wants it.
pub(crate) fn sync_token(
    origin: &str,
    place: &Place,
    collection: &Collection,
    revision: u64,
) -> String {
    format!("{}{revision}", token_stem(origin, place, collection))
}

/// The revision a token stands for; none when it is not of this collection and generation.
pub(crate) fn token_revision(
    token: &str,
    origin: &str,
    place: &Place,
    collection: &Collection,
) -> Option<u64> {
    let revision = token
        .strip_prefix(&token_stem(origin, place, collection))?
        .parse()
        .ok()?;
    (revision <= collection.revision()).then_some(revision)
}

fn token_stem(origin: &str, place: &Place, collection: &Collection) -> String {
    let path = Target::Collection(place.clone()).href(Hrefs::Paths, origin);
    format!("{origin}/ns/sync{path}{}/", collection.generation())
}
