//! GET, PUT and DELETE of calendar objects (RFC 4791 §5.3).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;

use super::multistatus::{bare, error, sabre_exception, set};
use super::path::Target;
use super::props::tag_of;
use super::view::{self, Told};
use super::xml::Node;
use super::{Asked, header_text, precondition};
use crate::digest;
use crate::quirks::{Hrefs, Placement, PutEtag, Quirks, Scheduling, UidConflict, UidScope};
use crate::text::valid::{self, Invalid};
use crate::world::{
    Access, Account, By, Collection, Holds, MailRecord, Object, Place, ScheduleAct, World,
    after_delete, after_put, as_stored, with_schedule_status,
};

/// Which object is written.
pub(crate) struct Named<'a> {
    pub(crate) place: &'a Place,
    pub(crate) name: &'a str,
}

pub(crate) fn get(asked: &Asked<'_>, place: &Place, name: &str) -> (Response<Bytes>, Told) {
    let mut told = Told::default();
    let Some(collection) = asked.account.collections.get(&place.collection) else {
        return (bare(StatusCode::NOT_FOUND), told);
    };
    let revision = view::revision(collection, asked.how);
    let objects = collection.objects_at(revision);
    let Some(object) = objects.get(name) else {
        told.add_object(place, collection, name, revision);
        return (bare(StatusCode::NOT_FOUND), told);
    };
    told.add(place, object.revision);
    let known = asked.header("if-none-match").is_some_and(|tags| {
        precondition::matches_for_read(tags, collection.quirks.etags, Some(object))
    });
    let mut response = bare(if known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    set(
        &mut response,
        header::CONTENT_TYPE,
        "text/calendar; charset=utf-8",
    );
    add_tags(&mut response, collection, object);
    if !known && asked.request.method() == Method::GET {
        *response.body_mut() = Bytes::copy_from_slice(object.text.as_bytes());
    }
    (response, told)
}

pub(crate) fn put(
    world: &mut World,
    request: &Request<Bytes>,
    named: &Named<'_>,
    now: Timestamp,
) -> Response<Bytes> {
    let Some(account) = world.accounts.get(&named.place.user) else {
        return bare(StatusCode::FORBIDDEN);
    };
    // RFC 4918 §9.7.1: a PUT without its parent collection is a conflict.
    let Some(collection) = account.collections.get(&named.place.collection) else {
        return bare(StatusCode::CONFLICT);
    };
    let upload = match accept(account, collection, request, named) {
        Ok(upload) => upload,
        Err(response) => return *response,
    };
    let quirks = collection.quirks.clone();
    let before = collection.objects().get(named.name);
    let created = before.is_none();
    let acts = match quirks.scheduling {
        Scheduling::Auto => after_put(account, before.map(|object| &*object.text), upload.text),
        Scheduling::Off => Vec::new(),
    };
    let mailed = with_schedule_status(upload.text, &acts);
    let stored = as_stored(&mailed, quirks.storage, now);
    let verbatim = stored == upload.text;
    let name = if created {
        place_for(&quirks, named)
    } else {
        named.name.to_owned()
    };
    mail(world, named, &upload.uid, acts, now);
    let Ok(collection) = world.collection_mut(named.place) else {
        return bare(StatusCode::CONFLICT);
    };
    collection.store(&name, Arc::from(stored), upload.uid, By::Request, now);
    collection.tell(collection.revision());
    let mut response = bare(if created {
        StatusCode::CREATED
    } else {
        StatusCode::NO_CONTENT
    });
    let tells_etag = match quirks.put_etag {
        PutEtag::Always => true,
        PutEtag::WhenVerbatim => verbatim,
        PutEtag::Absent => false,
    };
    if let Some(object) = collection.objects().get(&name) {
        if tells_etag && let Some(etag) = view::etag(collection, object) {
            set(&mut response, header::ETAG, &etag);
        }
        if let Some(tag) = tag_of(&quirks, object) {
            set(
                &mut response,
                header::HeaderName::from_static("schedule-tag"),
                &tag,
            );
        }
    }
    if name != named.name && quirks.placement == Placement::ElsewhereTold {
        let href = Target::Object(named.place.clone(), name).href(quirks.hrefs, &world.origin);
        set(&mut response, header::LOCATION, &href);
    }
    response
}

pub(crate) fn delete(
    world: &mut World,
    request: &Request<Bytes>,
    named: &Named<'_>,
    now: Timestamp,
) -> Response<Bytes> {
    let Some(account) = world.accounts.get(&named.place.user) else {
        return bare(StatusCode::FORBIDDEN);
    };
    let Some(collection) = account.collections.get(&named.place.collection) else {
        return bare(StatusCode::NOT_FOUND);
    };
    if collection.access == Access::ReadOnly {
        return need_privileges(collection, named, "unbind");
    }
    let Some(object) = collection.objects().get(named.name) else {
        let conditional = request.headers().contains_key(header::IF_MATCH);
        return bare(if conditional {
            StatusCode::PRECONDITION_FAILED
        } else {
            StatusCode::NOT_FOUND
        });
    };
    if !precondition::holds(request, collection, Some(object)) {
        return bare(StatusCode::PRECONDITION_FAILED);
    }
    let acts = match collection.quirks.scheduling {
        Scheduling::Auto => {
            let silent = header_text(request.headers(), "schedule-reply")
                .is_some_and(|reply| reply.trim() == "F");
            after_delete(account, object, !silent)
        }
        Scheduling::Off => Vec::new(),
    };
    let uid = object.uid.clone();
    mail(world, named, &uid, acts, now);
    if let Ok(collection) = world.collection_mut(named.place) {
        collection.remove(named.name, By::Request, now);
        collection.tell(collection.revision());
    }
    bare(StatusCode::NO_CONTENT)
}

/// A text that will be stored.
struct Upload<'a> {
    text: &'a str,
    uid: String,
}

/// Everything that can be wrong with a PUT, in the order servers look.
fn accept<'a>(
    account: &Account,
    collection: &Collection,
    request: &'a Request<Bytes>,
    named: &Named<'_>,
) -> Result<Upload<'a>, Box<Response<Bytes>>> {
    let quirks = &collection.quirks;
    let refuse =
        |condition: &str| error(StatusCode::FORBIDDEN, Node::caldav(condition), quirks.xml);
    if collection.access == Access::ReadOnly {
        return Err(Box::new(need_privileges(
            collection,
            named,
            "write-content",
        )));
    }
    let before = collection.objects().get(named.name);
    if !precondition::holds(request, collection, before) {
        return Err(Box::new(bare(StatusCode::PRECONDITION_FAILED)));
    }
    let media =
        header_text(request.headers(), "content-type").and_then(|media| media.split(';').next());
    if media.is_none_or(|media| !media.trim().eq_ignore_ascii_case("text/calendar")) {
        return Err(Box::new(refuse("supported-calendar-data")));
    }
    if request.body().len() > collection.object_bytes_max {
        return Err(Box::new(refuse("max-resource-size")));
    }
    let text =
        std::str::from_utf8(request.body()).map_err(|_| Box::new(refuse("valid-calendar-data")))?;
    let valid = valid::check(text).map_err(|invalid| {
        Box::new(match invalid {
            Invalid::Data(why) => with_reason(refuse("valid-calendar-data"), why),
            Invalid::Resource(why) => with_reason(refuse("valid-calendar-object-resource"), why),
        })
    })?;
    let component = match collection.holds {
        Holds::Events => "VEVENT",
        Holds::Tasks => "VTODO",
    };
    if valid.component != component {
        return Err(Box::new(refuse("supported-calendar-component")));
    }
    let holder = match before {
        // RFC 4791 §5.3.2.1: an object may not be given another UID.
        Some(before) if before.uid != valid.uid => {
            Some((named.place.clone(), named.name.to_owned()))
        }
        _ => holder(account, collection, named, &valid.uid),
    };
    if let Some((place, name)) = holder {
        return Err(Box::new(uid_conflict(quirks, &place, name)));
    }
    if before.is_none() && collection.trash_holds(&valid.uid) {
        let message =
            "Deleted calendar object with uid already exists in this calendar collection.";
        return Err(Box::new(sabre_exception(StatusCode::BAD_REQUEST, message)));
    }
    Ok(Upload {
        text,
        uid: valid.uid,
    })
}

/// Another object with this UID, where the server looks for one.
fn holder(
    account: &Account,
    collection: &Collection,
    named: &Named<'_>,
    uid: &str,
) -> Option<(Place, String)> {
    if let Some(name) = collection.holder_of(uid, named.name) {
        return Some((named.place.clone(), name.to_owned()));
    }
    if collection.quirks.uid_scope == UidScope::Collection {
        return None;
    }
    account
        .collections
        .iter()
        .filter(|(slug, _)| **slug != named.place.collection)
        .find_map(|(slug, other)| {
            let place = Place {
                user: account.user.clone(),
                collection: slug.clone(),
            };
            other
                .holder_of(uid, "")
                .map(|name| (place, name.to_owned()))
        })
}

fn uid_conflict(quirks: &Quirks, place: &Place, name: String) -> Response<Bytes> {
    let status = match quirks.uid_conflict {
        UidConflict::Forbidden403 => StatusCode::FORBIDDEN,
        UidConflict::Conflict409 => StatusCode::CONFLICT,
        UidConflict::PreconditionFailed412 => StatusCode::PRECONDITION_FAILED,
        UidConflict::BadRequest400 => {
            let message = "Calendar object with uid already exists in this calendar collection.";
            return sabre_exception(StatusCode::BAD_REQUEST, message);
        }
    };
    let href = Target::Object(place.clone(), name).href(Hrefs::Paths, "");
    error(
        status,
        Node::caldav("no-uid-conflict").with([Node::dav("href").text(href)]),
        quirks.xml,
    )
}

/// RFC 3744 §7.1.1.
fn need_privileges(collection: &Collection, named: &Named<'_>, privilege: &str) -> Response<Bytes> {
    let href = Target::Collection(named.place.clone()).href(Hrefs::Paths, "");
    let resource = Node::dav("resource").with([
        Node::dav("href").text(href),
        Node::dav("privilege").with([Node::dav(privilege)]),
    ]);
    error(
        StatusCode::FORBIDDEN,
        Node::dav("need-privileges").with([resource]),
        collection.quirks.xml,
    )
}

/// The reason beside the element, for whoever reads a trace.
fn with_reason(mut response: Response<Bytes>, why: &str) -> Response<Bytes> {
    set(
        &mut response,
        header::HeaderName::from_static("x-sandbox-reason"),
        why,
    );
    response
}

/// Under which name a new object is stored.
fn place_for(quirks: &Quirks, named: &Named<'_>) -> String {
    match quirks.placement {
        Placement::AsAsked => named.name.to_owned(),
        Placement::ElsewhereTold | Placement::ElsewhereUntold => {
            format!("{}.ics", digest::short(&[b"place", named.name.as_bytes()]))
        }
    }
}

fn add_tags(response: &mut Response<Bytes>, collection: &Collection, object: &Object) {
    if let Some(etag) = view::etag(collection, object) {
        set(response, header::ETAG, &etag);
    }
    if let Some(tag) = tag_of(&collection.quirks, object) {
        set(
            response,
            header::HeaderName::from_static("schedule-tag"),
            &tag,
        );
    }
}

fn mail(world: &mut World, named: &Named<'_>, uid: &str, acts: Vec<ScheduleAct>, now: Timestamp) {
    world.mails.extend(acts.into_iter().map(|act| MailRecord {
        at: now,
        place: named.place.clone(),
        name: named.name.to_owned(),
        uid: uid.to_owned(),
        kind: act.kind,
        to: act.to,
        why: act.why,
    }));
}
