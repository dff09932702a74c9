//! The sync-collection report (RFC 6578).

use bytes::Bytes;
use http::{Response, StatusCode};

use super::multistatus::{Multistatus, bare};
use super::props;
use super::report::{Data, Report};
use super::view;
use super::xml::{DAV, Node};
use crate::faults::Disturbance;
use crate::quirks::{ClientLimit, DeadToken, Listing, Page};
use crate::world::Object;

/// A member in an answer: present, or gone.
struct Member<'a> {
    name: &'a str,
    object: Option<&'a Object>,
    revision: u64,
}

pub(crate) fn answer(report: &mut Report<'_>) -> Response<Bytes> {
    let collection = report.collection;
    if collection.quirks.listing != Listing::SyncCollection {
        return report.refuse(StatusCode::FORBIDDEN, Node::dav("supported-report"));
    }
    // RFC 6578 §3.2: the report is defined for depth 0 alone, which is also what no header means.
    if !matches!(report.asked.header("depth"), None | Some("0")) {
        return bare(StatusCode::BAD_REQUEST);
    }
    let level = report
        .body
        .child(DAV, "sync-level")
        .map(|level| level.text.trim());
    let (Some("1" | "infinite"), Some(token)) = (level, report.body.child(DAV, "sync-token"))
    else {
        return bare(StatusCode::BAD_REQUEST);
    };
    let token = token.text.trim().to_owned();
    let since = if token.is_empty() {
        None
    } else {
        match props::token_revision(&token, &report.world.origin, report.place, collection) {
            Some(revision) if report.asked.how != Disturbance::DeadCursor => Some(revision),
            _ => return dead_token(report),
        }
    };
    if report.asked.how == Disturbance::EmptyListing {
        // As if nothing had happened since: whoever believes it is told the rest the next time.
        return finish(report, &[], since.unwrap_or(0), Ending::Whole);
    }
    // A replica that lags behind the token itself has nothing new to tell.
    let shown = view::revision(collection, report.asked.how).max(since.unwrap_or(0));
    let objects = collection.objects_at(shown);
    let members: Vec<Member<'_>> = if let Some(since) = since {
        let changes = collection.changes_between(since, shown).into_iter();
        changes
            .map(|change| Member {
                name: &change.name,
                object: change.object.as_ref(),
                revision: change.revision,
            })
            .collect()
    } else {
        let present = objects.iter();
        let mut members: Vec<Member<'_>> = present
            .map(|(name, object)| Member {
                name,
                object: Some(object),
                revision: object.revision,
            })
            .collect();
        members.sort_by_key(|member| member.revision);
        members
    };
    let server_limit = match (report.asked.how, collection.quirks.page) {
        (Disturbance::CutListing { members }, _) | (_, Page::Members(members)) => members.max(1),
        (_, Page::Whole) => usize::MAX,
    };
    let client_limit = match client_limit(report) {
        Ok(limit) => limit.unwrap_or(usize::MAX),
        Err(status) => return bare(status),
    };
    let limit = server_limit.min(client_limit);
    if members.len() <= limit {
        return finish(report, &members, shown, Ending::Whole);
    }
    if client_limit < server_limit {
        match collection.quirks.client_limit {
            ClientLimit::Honoured => {}
            ClientLimit::Refused => {
                let condition = Node::dav("number-of-matches-within-limits");
                return report.refuse(StatusCode::INSUFFICIENT_STORAGE, condition);
            }
            ClientLimit::LosesTheRest => {
                return finish(report, &members[..limit], shown, Ending::Whole);
            }
        }
    }
    let kept = &members[..limit];
    let until = kept.last().map_or(0, |member| member.revision);
    finish(report, kept, until, Ending::Cut)
}

/// Whether an answer has all there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Whole,
    Cut,
}

fn finish(
    report: &mut Report<'_>,
    members: &[Member<'_>],
    revision: u64,
    ending: Ending,
) -> Response<Bytes> {
    let wanted = report.wanted();
    let mut out = Multistatus::new();
    for member in members {
        let href = report.href(Some(member.name));
        match member.object {
            Some(object) => out.props(href, report.props_of(object, &wanted, Data::NotHere)),
            None => out.status(href, StatusCode::NOT_FOUND, None),
        }
    }
    if ending == Ending::Cut {
        let condition = Node::dav("number-of-matches-within-limits");
        out.status(
            report.href(None),
            StatusCode::INSUFFICIENT_STORAGE,
            Some(condition),
        );
    }
    report.told.add(report.place, revision);
    out.sync_token(props::sync_token(
        &report.world.origin,
        report.place,
        report.collection,
        revision,
    ));
    out.finish(report.collection.quirks.xml)
}

fn dead_token(report: &Report<'_>) -> Response<Bytes> {
    let status = match report.collection.quirks.dead_token {
        DeadToken::Forbidden403 => StatusCode::FORBIDDEN,
        DeadToken::Conflict409 => StatusCode::CONFLICT,
        DeadToken::PreconditionFailed412 => StatusCode::PRECONDITION_FAILED,
        DeadToken::BareGone410 => return bare(StatusCode::GONE),
    };
    report.refuse(status, Node::dav("valid-sync-token"))
}

/// The client's own limit (RFC 6578 §3.7).
fn client_limit(report: &Report<'_>) -> Result<Option<usize>, StatusCode> {
    let Some(limit) = report.body.child(DAV, "limit") else {
        return Ok(None);
    };
    let number = limit
        .child(DAV, "nresults")
        .and_then(|number| number.text.trim().parse::<usize>().ok());
    number
        .filter(|number| *number > 0)
        .map(Some)
        .ok_or(StatusCode::BAD_REQUEST)
}
