//! What changed in a calendar: sync-collection (RFC 6578), or the calendar's change tag and a full listing.

use ::http::StatusCode;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{Cursor, RemoteCalendarId, Version};
use kalends_calendar::provider::{Change, Coverage, Next, Page, Position, State};
use url::Url;

use super::requests::{self, Depth};
use super::xml::{Entry, ErrorBody, Ns, each_response, error_body, responses};
use super::{CalDav, calendar_gone, href, refusal};
use crate::http::Answer;

/// What a cursor of ours says: which way it goes on, and from where.
const SYNC: &str = "sync:";
const CTAG: &str = "ctag:";

/// The prefixes of a page: what the run it belongs to will have covered.
const ALL: &str = "all:";
const NEWS: &str = "news:";

/// What came of asking for changes.
enum Report {
    /// The members that are news, and where to go on.
    News(Vec<Change>, Next),
    /// The server does not report changes for this calendar.
    Unsupported,
}

impl CalDav {
    /// One page of changes.
    pub(super) async fn list(
        &self,
        calendar: &RemoteCalendarId,
        from: &Position,
    ) -> Result<Page, Failure> {
        let url = href::calendar_url(calendar)?;
        let (token, coverage) = match from {
            Position::Start => {
                if self.with_learned(|learned| learned.without_sync.contains(calendar)) {
                    return self.list_members(&url).await;
                }
                ("", Coverage::Complete)
            }
            Position::Since(Cursor(cursor)) => {
                if let Some(tag) = cursor.strip_prefix(CTAG) {
                    return self.list_if_changed(&url, tag).await;
                }
                let token = cursor.strip_prefix(SYNC).ok_or_else(foreign_cursor)?;
                (token, Coverage::Incremental)
            }
            Position::Page(page) => {
                let complete = page
                    .strip_prefix(ALL)
                    .map(|token| (token, Coverage::Complete));
                let news = page
                    .strip_prefix(NEWS)
                    .map(|token| (token, Coverage::Incremental));
                complete.or(news).ok_or_else(foreign_cursor)?
            }
        };
        match self.report(&url, token, coverage).await? {
            Report::News(changes, next) => Ok(Page::new(changes, next)),
            Report::Unsupported => {
                let page = self.list_members(&url).await?;
                // Remembered only now: the listing shows that the calendar is there and only the report is not.
                self.with_learned(|learned| learned.without_sync.insert(calendar.clone()));
                Ok(page)
            }
        }
    }

    async fn report(&self, url: &Url, token: &str, coverage: Coverage) -> Result<Report, Failure> {
        let mut answer = self
            .send(requests::sync_collection(url, token, Depth::Zero))
            .await?;
        if answer.status == StatusCode::BAD_REQUEST && !is_dead_token(&error_body(&answer.body)) {
            // Servers from before RFC 6578 took its scope from the Depth header.
            answer = self
                .send(requests::sync_collection(url, token, Depth::One))
                .await?;
        }
        if answer.status == StatusCode::MULTI_STATUS {
            return read_report(url, &answer, token, coverage);
        }
        let said = error_body(&answer.body);
        match answer.status.as_u16() {
            _ if is_dead_token(&said) => Err(dead_cursor(&said)),
            400 | 403 | 404 | 405 | 409 | 410 | 412 | 501 if !token.is_empty() => {
                Err(dead_cursor(&said))
            }
            // Without a token, the report itself is what is refused: the plain listing tells whether more is wrong.
            400 | 403..=406 | 409 | 412 | 415 | 422 | 500 | 501 if token.is_empty() => {
                Ok(Report::Unsupported)
            }
            _ => Err(refusal::of_read(&answer, self.now())),
        }
    }

    /// Everything there is, for servers that do not report changes.
    async fn list_members(&self, url: &Url) -> Result<Page, Failure> {
        let answer = self.send(requests::list_members(url)).await?;
        let body = refusal::multistatus(&answer, self.now())?;
        let mut changes = Vec::new();
        let mut calendar_seen = false;
        let mut lost = None;
        let mut tag = None;
        each_response(body, |entry| match member(url, &answer, &entry) {
            Member::Change(change) => changes.push(change),
            Member::Collection(None) => {
                calendar_seen = true;
                tag = tag.take().or_else(|| change_tag(&entry));
            }
            Member::Collection(Some(404 | 410)) => lost = Some(calendar_gone(url)),
            Member::Collection(Some(507)) => lost = Some(cut_short(url)),
            Member::Collection(Some(_)) | Member::NoEvent => {}
        })?;
        if let Some(failure) = lost {
            return Err(failure);
        }
        if !calendar_seen {
            // The calendar itself always stands in its own listing; without it this is a listing of something else.
            return Err(Failure::protocol(
                "The server's listing does not name the calendar itself",
            ));
        }
        let next = Next::Done {
            cursor: tag.map(|tag| Cursor(format!("{CTAG}{tag}"))),
            coverage: Coverage::Complete,
        };
        Ok(Page::new(changes, next))
    }

    async fn list_if_changed(&self, url: &Url, tag: &str) -> Result<Page, Failure> {
        let answer = self.send(requests::change_tag(url)).await?;
        let entries = responses(refusal::multistatus(&answer, self.now())?)?;
        if entries
            .iter()
            .any(|entry| change_tag(entry).as_deref() == Some(tag))
        {
            let next = Next::Done {
                cursor: Some(Cursor(format!("{CTAG}{tag}"))),
                coverage: Coverage::Incremental,
            };
            return Ok(Page::new(Vec::new(), next));
        }
        self.list_members(url).await
    }
}

fn read_report(
    url: &Url,
    answer: &Answer,
    asked: &str,
    coverage: Coverage,
) -> Result<Report, Failure> {
    let mut gone = Vec::new();
    let mut present = Vec::new();
    let mut truncated = false;
    let mut refused = None;
    let token = each_response(&answer.body, |entry| match member(url, answer, &entry) {
        Member::Change(change) if change.state == State::Gone => gone.push(change),
        Member::Change(change) => present.push(change),
        Member::Collection(Some(507)) => truncated = true,
        Member::Collection(Some(404 | 410)) => refused = Some(calendar_gone(url)),
        Member::Collection(_) | Member::NoEvent => {}
    })?;
    if let Some(failure) = refused {
        return Err(failure);
    }
    let Some(token) = token else {
        // RFC 6578 §3.2 demands one; who leaves it out cannot be followed.
        return if asked.is_empty() {
            Ok(Report::Unsupported)
        } else {
            Err(dead_cursor(&ErrorBody::default()))
        };
    };
    // A member may be listed as removed and as changed at once: then it is there, and came again.
    gone.append(&mut present);
    let next = if truncated {
        if token == asked {
            return Err(Failure::protocol(
                "The server cuts its listing and does not get on with it",
            ));
        }
        let prefix = match coverage {
            Coverage::Complete => ALL,
            Coverage::Incremental => NEWS,
        };
        Next::More(format!("{prefix}{token}"))
    } else {
        Next::Done {
            cursor: Some(Cursor(format!("{SYNC}{token}"))),
            coverage,
        }
    };
    Ok(Report::News(gone, next))
}

/// What one response of a listing is about.
enum Member {
    /// An event, or what may be one.
    Change(Change),
    /// A collection: the calendar itself or one inside it, with its status where it has one.
    Collection(Option<u16>),
    /// Something that is no event: a task, a journal entry.
    NoEvent,
}

fn member(calendar: &Url, answer: &Answer, entry: &Entry) -> Member {
    let Some(url) = href::resolve(&answer.url, &entry.href) else {
        return Member::NoEvent;
    };
    // However it spells its own address, a 507 is about the listing.
    let is_itself = is_same_collection(&url, calendar)
        || is_same_collection(&url, &href::canonical(answer.url.clone()));
    if is_itself || entry.status == Some(507) {
        return Member::Collection(entry.status);
    }
    if entry.is_a(Ns::Dav, "collection") || !href::is_member(calendar, &url) {
        return Member::NoEvent;
    }
    if is_other_component(entry) {
        return Member::NoEvent;
    }
    let remote_id = href::remote_id(calendar, &url);
    let state = match entry.status {
        Some(404 | 410) => State::Gone,
        None | Some(200..=299) => match href::too_long(&remote_id) {
            None => State::Listed(version(entry)),
            Some(error) => State::Broken {
                version: version(entry),
                error,
            },
        },
        // It is there, and neither its version nor its content is to be had: never a deletion.
        Some(status) => State::Broken {
            version: None,
            error: match &entry.words {
                Some(words) => format!("the server answers {status}: {}", refusal::scrubbed(words)),
                None => format!("the server answers {status}"),
            },
        },
    };
    Member::Change(Change { remote_id, state })
}

/// A listing that names some of the members and says that there are more. Nothing can be concluded from it: neither what
/// is gone, nor that nothing else is new.
fn cut_short(url: &Url) -> Failure {
    Failure::protocol(format!(
        "{} cuts its listing of this calendar short, and has no way to go on with it",
        url.host_str().unwrap_or_default()
    ))
}

/// Whether two addresses differ in a slash at the end at most.
fn is_same_collection(one: &Url, other: &Url) -> bool {
    one.path().trim_end_matches('/') == other.path().trim_end_matches('/')
        && one.host() == other.host()
}

/// The entity tag, byte for byte.
pub(super) fn version(entry: &Entry) -> Option<Version> {
    entry.text(Ns::Dav, "getetag").map(Version::from)
}

/// Whether the content type says `component=` and does not say `VEVENT`.
fn is_other_component(entry: &Entry) -> bool {
    let Some(content_type) = entry.text(Ns::Dav, "getcontenttype") else {
        return false;
    };
    content_type
        .to_ascii_lowercase()
        .split(';')
        .filter_map(|parameter| parameter.trim().strip_prefix("component="))
        .any(|component| !component.contains("vevent"))
}

fn change_tag(entry: &Entry) -> Option<String> {
    entry.text(Ns::CalendarServer, "getctag").map(str::to_owned)
}

fn is_dead_token(said: &ErrorBody) -> bool {
    said.names(Ns::Dav, "valid-sync-token")
}

fn dead_cursor(said: &ErrorBody) -> Failure {
    let message = match refusal::quotation(said) {
        Some(words) => format!("The server no longer knows where we were: “{words}”"),
        None => "The server no longer knows where we were".to_owned(),
    };
    Failure::new(Class::CursorDead, message)
}

fn foreign_cursor() -> Failure {
    Failure::new(Class::CursorDead, "The cursor is not one of this provider")
}
