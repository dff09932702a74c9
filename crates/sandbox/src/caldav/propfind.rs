//! PROPFIND (RFC 4918 §9.1) on everything from the root down to an object.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::Asked;
use super::multistatus::{Multistatus, bare, error};
use super::path::Target;
use super::props::{self, Resource, Wanted};
use super::view::{self, Told};
use super::xml::{self, DAV, Node};
use crate::faults::Disturbance;
use crate::quirks::{Hrefs, Scheduling, XmlStyle};
use crate::world::{Collection, Place, World};

pub(crate) fn answer(world: &World, asked: &Asked<'_>) -> (Response<Bytes>, Told) {
    let mut told = Told::default();
    let quirks = &asked.account.quirks;
    let Some(wanted) = wanted(asked.request.body()) else {
        return (bare(StatusCode::BAD_REQUEST), told);
    };
    let members = match asked.header("depth") {
        Some("0") => Members::None,
        Some("1") => Members::Direct,
        // RFC 4918 §9.1: absent means infinity, which a server may refuse.
        None | Some("infinity") => {
            let condition = Node::dav("propfind-finite-depth");
            return (error(StatusCode::FORBIDDEN, condition, quirks.xml), told);
        }
        Some(_) => return (bare(StatusCode::BAD_REQUEST), told),
    };
    let mut listing = Listing {
        world,
        asked,
        wanted,
        out: Multistatus::new(),
    };
    let found = match asked.target {
        Target::Root
        | Target::WellKnown
        | Target::Principal(_)
        | Target::Outbox(_)
        | Target::Inbox(_) => {
            listing.above(asked.target);
            Some(quirks.xml)
        }
        Target::Home(_) => {
            listing.home(members, &mut told);
            Some(quirks.xml)
        }
        Target::Collection(place) => world.collection(place).ok().map(|collection| {
            listing.collection(place, collection, members, &mut told);
            collection.quirks.xml
        }),
        Target::Object(place, name) => listing.object(place, name, &mut told),
        Target::Unknown => None,
    };
    match found {
        Some(style) => (listing.out.finish(style), told),
        None => (bare(StatusCode::NOT_FOUND), told),
    }
}

/// Which members are listed beside the resource itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    None,
    Direct,
}

/// What a request body asks for; an empty body means `allprop`.
fn wanted(body: &[u8]) -> Option<Wanted> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Wanted::All);
    }
    let root = xml::read(body).filter(|root| root.is(DAV, "propfind"))?;
    let prop = root.child(DAV, "prop").map(|prop| {
        prop.children
            .iter()
            .map(|child| child.name.clone())
            .collect()
    });
    match prop {
        Some(names) => Some(Wanted::Named(names)),
        None if root.child(DAV, "propname").is_some() => Some(Wanted::Names),
        None => root.child(DAV, "allprop").map(|_| Wanted::All),
    }
}

struct Listing<'a> {
    world: &'a World,
    asked: &'a Asked<'a>,
    wanted: Wanted,
    out: Multistatus,
}

impl Listing<'_> {
    fn add(&mut self, target: &Target, hrefs: Hrefs, resource: &Resource<'_>) {
        let props = props::find(
            self.asked.account,
            &self.world.origin,
            resource,
            &self.wanted,
        );
        self.out
            .props(target.href(hrefs, &self.world.origin), props);
    }

    fn above(&mut self, target: &Target) {
        self.add(
            target,
            self.asked.account.quirks.hrefs,
            &Resource::Above(target),
        );
    }

    fn home(&mut self, members: Members, told: &mut Told) {
        let account = self.asked.account;
        self.above(self.asked.target);
        if members == Members::None || self.asked.how == Disturbance::EmptyListing {
            return;
        }
        if account.quirks.scheduling == Scheduling::Auto {
            self.above(&Target::Inbox(account.user.clone()));
            self.above(&Target::Outbox(account.user.clone()));
        }
        for (slug, collection) in &account.collections {
            let place = Place {
                user: account.user.clone(),
                collection: slug.clone(),
            };
            self.collection(&place, collection, Members::None, told);
        }
    }

    fn collection(
        &mut self,
        place: &Place,
        collection: &Collection,
        members: Members,
        told: &mut Told,
    ) {
        let hrefs = collection.quirks.hrefs;
        let (shown, emptied) = match self.asked.how {
            // The ctag of the beginning: a client that believes in the emptiness sees a change the next time.
            Disturbance::EmptyListing if members == Members::Direct => (0, true),
            how => (view::revision(collection, how), false),
        };
        let target = Target::Collection(place.clone());
        self.add(
            &target,
            hrefs,
            &Resource::Calendar {
                place,
                collection,
                revision: shown,
            },
        );
        if members == Members::Direct || self.wanted.shows_state() {
            told.add(place, shown);
        }
        if members == Members::None || emptied {
            return;
        }
        let objects = collection.objects_at(shown);
        let limit = match self.asked.how {
            Disturbance::CutListing { members } => members,
            _ => usize::MAX,
        };
        for (name, object) in objects.iter().take(limit) {
            let target = Target::Object(place.clone(), name.clone());
            self.add(&target, hrefs, &Resource::Member { collection, object });
        }
        if objects.len() > limit {
            let condition = Node::dav("number-of-matches-within-limits");
            let href = target.href(hrefs, &self.world.origin);
            self.out
                .status(href, StatusCode::INSUFFICIENT_STORAGE, Some(condition));
        }
    }

    fn object(&mut self, place: &Place, name: &str, told: &mut Told) -> Option<XmlStyle> {
        let collection = self.world.collection(place).ok()?;
        let revision = view::revision(collection, self.asked.how);
        told.add_object(place, collection, name, revision);
        let objects = collection.objects_at(revision);
        let object = objects.get(name)?;
        self.add(
            self.asked.target,
            collection.quirks.hrefs,
            &Resource::Member { collection, object },
        );
        Some(collection.quirks.xml)
    }
}
