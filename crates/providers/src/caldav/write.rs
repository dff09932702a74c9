//! Writing events: each under its precondition, mailing nobody, and what the server made of it read back.

use ::http::header::{CONTENT_LOCATION, LOCATION};
use kalends_calendar::event::Event;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ical::{self, Roles};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId, Version};
use kalends_calendar::provider::{Mark, Observed, Raw, Receipt, State, Write};
use url::Url;

use super::requests::{self, Precondition};
use super::xml::{ErrorBody, Ns, error_body};
use super::{CalDav, fetch, href, object, refusal, scheduling};
use crate::http::{Answer, Request};

/// Preconditions of RFC 4791 §5.3.2.1 and its kin that are about the content of this one event.
const CONTENT_CONDITIONS: [&str; 10] = [
    "max-attendees-per-instance",
    "max-date-time",
    "max-instances",
    "max-resource-size",
    "min-date-time",
    "supported-calendar-component",
    "supported-calendar-data",
    "valid-calendar-data",
    "valid-calendar-object-resource",
    "valid-managed-id",
];

/// What servers without `no-uid-conflict` write instead, in lower case. Nextcloud says it with "Deleted calendar object"
/// before it when the UID lies in its trash, where nobody sees it.
const UID_TAKEN_WORDS: &str = "uid already exists";

/// What a write was to do: the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Create,
    Update,
    Delete,
}

/// The new state of an event that is there.
struct Change<'a> {
    version: Option<&'a Version>,
    raw: &'a Raw,
    event: &'a Event,
    mark: Option<&'a Mark>,
}

/// What is there of an event that was read without a version.
enum Found {
    /// The same content; its version, should it have one now.
    Same(Option<Version>),
    /// Nothing.
    Gone,
}

impl CalDav {
    /// One write.
    pub(super) async fn write_one(
        &self,
        calendar: &RemoteCalendarId,
        write: &Write,
    ) -> Result<Receipt, Failure> {
        let url = href::calendar_url(calendar)?;
        match write {
            Write::Create { name, event, mark } => self.create(&url, name, event, mark).await,
            Write::Update {
                remote_id,
                version,
                raw,
                event,
                mark,
            } => {
                let change = Change {
                    version: version.as_ref(),
                    raw,
                    event,
                    mark: mark.as_ref(),
                };
                self.update(&url, remote_id, change).await
            }
            Write::Delete {
                remote_id,
                version,
                raw,
            } => self.delete(&url, remote_id, version.as_ref(), raw).await,
        }
    }

    async fn create(
        &self,
        calendar: &Url,
        name: &str,
        event: &Event,
        mark: &Mark,
    ) -> Result<Receipt, Failure> {
        let target = href::placed(calendar, name);
        let me = self.with_learned(|learned| learned.me.clone());
        let sent = object::observed(object::compose(event, mark, self.now(), &me))?;
        let request = requests::put(&target, sent.raw.0.clone(), Precondition::Absent)?;
        let answer = self.send_write(request).await?;
        if !answer.status.is_success() {
            return Err(self.refused(calendar, &answer, Doing::Create));
        }
        // RFC 4791 §5.3.2: a server may store a new object elsewhere, and says so.
        let stored = [LOCATION, CONTENT_LOCATION]
            .iter()
            .filter_map(|name| answer.headers.get(name)?.to_str().ok())
            .filter_map(|place| href::resolve(&answer.url, place))
            .filter(|place| href::is_member(calendar, place) && place.host() == calendar.host())
            .map(|place| href::remote_id(calendar, &place))
            .find(|id| href::too_long(id).is_none());
        let remote_id = stored.unwrap_or_else(|| href::remote_id(calendar, &target));
        self.receipt(calendar, remote_id, &answer, sent).await
    }

    async fn update(
        &self,
        calendar: &Url,
        remote_id: &RemoteId,
        change: Change<'_>,
    ) -> Result<Receipt, Failure> {
        let target = href::resource_url(calendar, remote_id)?;
        let me = self.with_learned(|learned| learned.me.clone());
        let text = object::patch(change.raw, change.event, change.mark, self.now(), &me)?;
        let mailed = scheduling::by_update(&Roles::read(&change.raw.0), &Roles::read(&text), &me);
        let sent = object::observed(text)?;
        self.refuse_mail(calendar, mailed).await?;
        let found_version;
        let version = if let Some(version) = change.version {
            Some(version)
        } else {
            found_version = match self
                .unchanged_content(calendar, remote_id, change.raw)
                .await?
            {
                Found::Same(version) => version,
                Found::Gone => {
                    return Err(Failure::new(Class::Gone, "The event is no longer there"));
                }
            };
            found_version.as_ref()
        };
        let request = requests::put(&target, sent.raw.0.clone(), requests::unchanged(version))?;
        let mut answer = self.send_write(request).await?;
        if answer.status.as_u16() == 412
            && let Some(bare) = self
                .weak_but_unchanged(calendar, remote_id, version)
                .await?
        {
            let request = requests::put(&target, sent.raw.0.clone(), Precondition::Version(&bare))?;
            answer = self.send_write(request).await?;
        }
        if !answer.status.is_success() {
            return Err(self.refused(calendar, &answer, Doing::Update));
        }
        self.receipt(calendar, remote_id.clone(), &answer, sent)
            .await
    }

    async fn delete(
        &self,
        calendar: &Url,
        remote_id: &RemoteId,
        version: Option<&Version>,
        raw: &Raw,
    ) -> Result<Receipt, Failure> {
        let target = href::resource_url(calendar, remote_id)?;
        let me = self.with_learned(|learned| learned.me.clone());
        let mailed = scheduling::by_delete(&Roles::read(&raw.0), &me);
        self.refuse_mail(calendar, mailed).await?;
        let found_version;
        let version = if let Some(version) = version {
            Some(version)
        } else {
            found_version = match self.unchanged_content(calendar, remote_id, raw).await? {
                Found::Same(version) => version,
                Found::Gone => return Ok(Receipt::Deleted),
            };
            found_version.as_ref()
        };
        let request = requests::delete(&target, requests::unchanged(version))?;
        let mut answer = self.send_write(request).await?;
        if answer.status.as_u16() == 412
            && let Some(bare) = self
                .weak_but_unchanged(calendar, remote_id, version)
                .await?
        {
            answer = self
                .send_write(requests::delete(&target, Precondition::Version(&bare))?)
                .await?;
        }
        match answer.status.as_u16() {
            200..=299 | 404 | 410 => Ok(Receipt::Deleted),
            _ => Err(self.refused(calendar, &answer, Doing::Delete)),
        }
    }

    /// Sends a write. A web page with status 200 is no answer of a calendar server but of a login wall or a portal on the
    /// way: whether the write went past it is not known. (Pages with 201 and 204 are real: Apache writes them.)
    async fn send_write(&self, request: Request) -> Result<Answer, Failure> {
        let answer = self.send(request).await?;
        if answer.status.as_u16() == 200 && refusal::is_web_page(&answer) {
            return Err(Failure::new(
                Class::Unknown,
                format!(
                    "{} answers a write with a web page, and whether it wrote is not known",
                    answer.url.host_str().unwrap_or_default()
                ),
            ));
        }
        Ok(answer)
    }

    /// For servers without versions: whether the content is still what it was.
    async fn unchanged_content(
        &self,
        calendar: &Url,
        remote_id: &RemoteId,
        raw: &Raw,
    ) -> Result<Found, Failure> {
        match self.look(calendar, remote_id).await? {
            State::Present(observed) => {
                let is_same = observed.raw == *raw || observed.event == object::read(raw)?;
                if is_same {
                    Ok(Found::Same(observed.version))
                } else {
                    Err(changed())
                }
            }
            State::Broken { .. } | State::Listed(_) => Err(changed()),
            State::Gone => Ok(Found::Gone),
        }
    }

    /// After a 412 under a weak version: the version without its weakness, if the event still has it. Strong comparison
    /// (RFC 9110 §13.1.1) fails on every weak version, also on the right one.
    async fn weak_but_unchanged(
        &self,
        calendar: &Url,
        remote_id: &RemoteId,
        version: Option<&Version>,
    ) -> Result<Option<String>, Failure> {
        let Some((version, bare)) =
            version.and_then(|version| Some((version, version.as_str().strip_prefix("W/")?)))
        else {
            return Ok(None);
        };
        let is_same = match self.look(calendar, remote_id).await? {
            State::Present(observed) => observed.version.as_ref() == Some(version),
            State::Broken { .. } | State::Listed(_) | State::Gone => false,
        };
        Ok(is_same.then(|| bare.to_owned()))
    }

    /// What the server holds now. A strong entity tag promises that it holds what was sent, byte for byte (RFC 4791
    /// §5.3.4); without one it is read back.
    async fn receipt(
        &self,
        calendar: &Url,
        remote_id: RemoteId,
        answer: &Answer,
        sent: Observed,
    ) -> Result<Receipt, Failure> {
        let strong = fetch::etag(answer).filter(|version| version.as_str().starts_with('"'));
        if strong.is_some() {
            return Ok(Receipt::Written {
                remote_id,
                observed: Box::new(Observed {
                    version: strong,
                    ..sent
                }),
            });
        }
        // The write is done: whatever goes wrong from here leaves its outcome to be looked up.
        let unread = |why: String| {
            Failure::new(
                Class::Unknown,
                format!("The event was written and cannot be read back: {why}"),
            )
        };
        match self.look(calendar, &remote_id).await {
            Ok(State::Present(observed)) => Ok(Receipt::ReadBack {
                remote_id,
                sent: Box::new(ical::as_landed(sent.event, &sent.raw.0, &observed.event)),
                observed,
            }),
            Ok(State::Broken { error, .. }) => Err(unread(error)),
            Ok(State::Gone | State::Listed(_)) => Err(unread("it is not there".to_owned())),
            Err(failure) => Err(unread(failure.message)),
        }
    }

    fn refused(&self, calendar: &Url, answer: &Answer, doing: Doing) -> Failure {
        let status = answer.status.as_u16();
        let said = error_body(&answer.body);
        let host = calendar.host_str().unwrap_or_default();
        let failure = |class, what: &str| Failure::new(class, refusal::sentence(host, what, &said));

        if is_uid_taken(status, &said) {
            let holder = said
                .holder
                .as_deref()
                .filter(|place| !place.trim().is_empty())
                .and_then(|place| href::resolve(&answer.url, place))
                // Some servers keep UIDs unique over all calendars of an account: what is in another is not ours to touch.
                .filter(|place| href::is_inside(calendar, place))
                .map(|place| href::remote_id(calendar, &place));
            return failure(
                Class::UidTaken { holder },
                "has another event with the same UID",
            );
        }
        if said.cut && (400..=499).contains(&status) {
            let class = Class::Passing { retry_at: None };
            return failure(
                class,
                &format!("answers {status} with words that are cut short"),
            );
        }
        if said.names(Ns::Dav, "need-privileges") {
            return failure(Class::Forbidden, "does not let this account write here");
        }
        if is_about_content(&said) {
            return failure(Class::Item, "does not take this event");
        }
        match (status, doing) {
            (412, Doing::Create) => failure(Class::Exists, "has an event under this name already"),
            (412, Doing::Update | Doing::Delete) => changed(),
            (404 | 410, Doing::Update | Doing::Delete) => {
                failure(Class::Gone, "no longer has this event")
            }
            // RFC 4918 §9.7.1: the collection to put it in is not there.
            (404 | 409 | 410, Doing::Create) => failure(Class::Gone, "no longer has this calendar"),
            (403 | 405 | 501, _) => {
                failure(Class::Forbidden, "does not let this account write here")
            }
            (423 | 425 | 429 | 503 | 507, _) => refusal::passing(answer, self.now(), &said),
            (303 | 408 | 500..=599, _) => failure(
                Class::Unknown,
                &format!("answers {status}, and whether it wrote is not known"),
            ),
            (400..=499, _) => failure(Class::Item, &format!("refuses this event with {status}")),
            _ => failure(Class::Unknown, &format!("answers {status} to a write")),
        }
    }
}

fn changed() -> Failure {
    Failure::new(
        Class::Changed,
        "The event was changed at the server in the meantime",
    )
}

/// Whether a refusal is about the UID.
fn is_uid_taken(status: u16, said: &ErrorBody) -> bool {
    let says_so = |words: &str| words.to_lowercase().contains(UID_TAKEN_WORDS);
    said.names(Ns::CalDav, "no-uid-conflict")
        || (matches!(status, 400 | 403 | 409 | 412) && said.words.as_deref().is_some_and(says_so))
}

fn is_about_content(said: &ErrorBody) -> bool {
    said.conditions
        .iter()
        .any(|(ns, name)| *ns == Ns::CalDav && CONTENT_CONDITIONS.contains(&&**name))
}
