//! `If-Match`, `If-None-Match` (RFC 9110 §13.1) and `If-Schedule-Tag-Match` (RFC 6638 §8.3).

use bytes::Bytes;
use http::Request;

use super::header_text;
use super::props::tag_of;
use crate::quirks::{Etags, IfNoneMatch, ScheduleTag};
use crate::world::{Collection, Object};

/// Whether a write's preconditions hold against the object that is there.
pub(crate) fn holds(
    request: &Request<Bytes>,
    collection: &Collection,
    object: Option<&Object>,
) -> bool {
    let header = |name| header_text(request.headers(), name);
    if let Some(tags) = header("if-match") {
        let Some(object) = object else { return false };
        if !any(tags, |tag| {
            matches_for_write(tag, collection.quirks.etags, object)
        }) {
            return false;
        }
    }
    if let Some(tags) = header("if-none-match")
        && collection.quirks.if_none_match == IfNoneMatch::Honoured
        && matches_for_read(tags, collection.quirks.etags, object)
    {
        return false;
    }
    if let Some(tag) = header("if-schedule-tag-match")
        && collection.quirks.schedule_tag == ScheduleTag::On
    {
        return object
            .and_then(|object| tag_of(&collection.quirks, object))
            .as_deref()
            == Some(tag.trim());
    }
    true
}

/// Whether `If-None-Match` names the object that is there: the weak comparison.
pub(crate) fn matches_for_read(tags: &str, etags: Etags, object: Option<&Object>) -> bool {
    let Some(object) = object else { return false };
    any(tags, |tag| match tag {
        Tag::Any => true,
        Tag::Strong(opaque) | Tag::Weak(opaque) => etags != Etags::Never && *opaque == object.etag,
    })
}

fn matches_for_write(tag: &Tag<'_>, etags: Etags, object: &Object) -> bool {
    match (tag, etags) {
        (Tag::Any, _) => true,
        (Tag::Strong(opaque), Etags::Strong | Etags::WeakAccepted | Etags::WeakRefused)
        | (Tag::Weak(opaque), Etags::WeakAccepted) => *opaque == object.etag,
        (Tag::Weak(_), Etags::Strong | Etags::WeakRefused) | (_, Etags::Never) => false,
    }
}

/// One member of a list of tags.
enum Tag<'a> {
    Any,
    Strong(&'a str),
    Weak(&'a str),
}

/// Whether any tag of a comma-separated list satisfies the test. A tag without quotes satisfies none.
fn any(tags: &str, test: impl Fn(&Tag<'_>) -> bool) -> bool {
    let opaque =
        |quoted: &'_ str| quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"');
    tags.split(',').map(str::trim).any(|tag| {
        let weak = tag.strip_prefix("W/");
        let quoted = weak.unwrap_or(tag);
        let tag = match weak {
            _ if tag == "*" => Tag::Any,
            _ if !opaque(quoted) => return false,
            Some(_) => Tag::Weak(&quoted[1..quoted.len() - 1]),
            None => Tag::Strong(&quoted[1..quoted.len() - 1]),
        };
        test(&tag)
    })
}
