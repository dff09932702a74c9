//! REPORT on a calendar: which one, and the two of RFC 4791 that return objects.

use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::Asked;
use super::filter::{self, Filter};
use super::multistatus::{Multistatus, Props, bare, error};
use super::path::Target;
use super::props::{self, Resource, Wanted};
use super::sync;
use super::view::{self, Told};
use super::xml::{self, CALDAV, DAV, Name, Node};
use crate::faults::Disturbance;
use crate::quirks::BareQuery;
use crate::world::{Collection, Object, Place, World};

/// A report on a collection.
pub(crate) struct Report<'a> {
    pub(crate) world: &'a World,
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) place: &'a Place,
    pub(crate) collection: &'a Collection,
    pub(crate) body: Node,
    pub(crate) told: Told,
}

pub(crate) fn answer(world: &World, asked: &Asked<'_>, place: &Place) -> (Response<Bytes>, Told) {
    let Ok(collection) = world.collection(place) else {
        return (bare(StatusCode::NOT_FOUND), Told::default());
    };
    let Some(body) = xml::read(asked.request.body()) else {
        return (bare(StatusCode::BAD_REQUEST), Told::default());
    };
    let mut report = Report {
        world,
        asked,
        place,
        collection,
        body,
        told: Told::default(),
    };
    let kind = (
        report.body.name.space.clone(),
        report.body.name.local.clone(),
    );
    let response = match (kind.0.as_str(), kind.1.as_str()) {
        (DAV, "sync-collection") => sync::answer(&mut report),
        (CALDAV, "calendar-multiget") => report.multiget(),
        (CALDAV, "calendar-query") => report.query(),
        // RFC 3253 §3.6.
        _ => report.refuse(StatusCode::FORBIDDEN, Node::dav("supported-report")),
    };
    (response, report.told)
}

impl Report<'_> {
    /// A failed precondition in this collection's style.
    pub(crate) fn refuse(&self, status: StatusCode, condition: Node) -> Response<Bytes> {
        error(status, condition, self.collection.quirks.xml)
    }

    /// The names in the request's `DAV:prop`.
    pub(crate) fn wanted(&self) -> Vec<Name> {
        let prop = self.body.child(DAV, "prop");
        prop.map(|prop| {
            prop.children
                .iter()
                .map(|child| child.name.clone())
                .collect()
        })
        .unwrap_or_default()
    }

    /// The address of the collection, or of an object in it.
    pub(crate) fn href(&self, name: Option<&str>) -> String {
        let target = match name {
            Some(name) => Target::Object(self.place.clone(), name.to_owned()),
            None => Target::Collection(self.place.clone()),
        };
        target.href(self.collection.quirks.hrefs, &self.world.origin)
    }

    /// An object's properties, `calendar-data` among them. The data are always whole: partial retrieval and expansion
    /// (RFC 4791 §9.6) are not what a client that keeps whole objects may ask for.
    pub(crate) fn props_of(&self, object: &Object, wanted: &[Name], data: Data) -> Props {
        let is_data = |name: &Name| name.space == CALDAV && name.local == "calendar-data";
        let plain: Vec<Name> = wanted
            .iter()
            .filter(|name| data == Data::NotHere || !is_data(name))
            .cloned()
            .collect();
        let resource = Resource::Member {
            collection: self.collection,
            object,
        };
        let mut props = props::find(
            self.asked.account,
            &self.world.origin,
            &resource,
            &Wanted::Named(plain),
        );
        if data == Data::Given && wanted.iter().any(is_data) {
            props
                .found
                .push(Node::caldav("calendar-data").text(&*object.text));
        }
        props
    }

    /// RFC 4791 §7.9.
    fn multiget(&mut self) -> Response<Bytes> {
        let wanted = self.wanted();
        let shown = view::revision(self.collection, self.asked.how);
        let objects = self.collection.objects_at(shown);
        let mut out = Multistatus::new();
        for href in self
            .body
            .children
            .iter()
            .filter(|child| child.is(DAV, "href"))
        {
            let asked_for = href.text.trim();
            let path = asked_for
                .parse::<Uri>()
                .map_or_else(|_| asked_for.to_owned(), |uri| uri.path().to_owned());
            let target = Target::parse(&path);
            let Target::Object(place, name) = &target else {
                out.status(asked_for.to_owned(), StatusCode::NOT_FOUND, None);
                continue;
            };
            if let Some(object) = objects.get(name).filter(|_| place == self.place) {
                self.told.add(self.place, object.revision);
                out.props(
                    self.href(Some(name)),
                    self.props_of(object, &wanted, Data::Given),
                );
            } else {
                self.told
                    .add_object(self.place, self.collection, name, shown);
                out.status(asked_for.to_owned(), StatusCode::NOT_FOUND, None);
            }
        }
        out.finish(self.collection.quirks.xml)
    }

    /// RFC 4791 §7.8.
    fn query(&mut self) -> Response<Bytes> {
        match self.asked.header("depth") {
            Some("1" | "infinity") => {}
            // RFC 4791 §7.8: absent means 0, which is the collection without its members.
            None | Some("0") => return Multistatus::new().finish(self.collection.quirks.xml),
            Some(_) => return bare(StatusCode::BAD_REQUEST),
        }
        let filter = match filter::read(&self.body) {
            Ok(filter) => filter,
            Err(condition) => return self.refuse(StatusCode::FORBIDDEN, condition),
        };
        if matches!(filter, Filter::Everything)
            && self.collection.quirks.bare_query == BareQuery::Refused
        {
            return self.refuse(StatusCode::FORBIDDEN, Node::caldav("valid-filter"));
        }
        let wanted = self.wanted();
        let (shown, limit) = match self.asked.how {
            Disturbance::EmptyListing => (0, 0),
            Disturbance::CutListing { members } => (self.collection.revision(), members),
            how => (view::revision(self.collection, how), usize::MAX),
        };
        self.told.add(self.place, shown);
        let objects = self.collection.objects_at(shown);
        let matching: Vec<_> = objects
            .iter()
            .filter(|(_, object)| filter.takes(&object.text))
            .collect();
        let mut out = Multistatus::new();
        for (name, object) in matching.iter().take(limit) {
            out.props(
                self.href(Some(name)),
                self.props_of(object, &wanted, Data::Given),
            );
        }
        if matching.len() > limit {
            let condition = Node::dav("number-of-matches-within-limits");
            out.status(
                self.href(None),
                StatusCode::INSUFFICIENT_STORAGE,
                Some(condition),
            );
        }
        out.finish(self.collection.quirks.xml)
    }
}

/// Whether `calendar-data` may be asked for: only in CalDAV's own reports (RFC 4791 §9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Given,
    NotHere,
}
