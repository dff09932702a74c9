//! ICS feeds: a calendar as one file behind one address, read and never written.
//!
//! The address of a feed is its password, so it stands in no message, no `Debug` and no identifier.

mod cursor;
mod document;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ACCEPT, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use ::http::{HeaderMap, Method};
use async_trait::async_trait;
use bytes::Bytes;
use kalends_calendar::channel::Push;
use kalends_calendar::event::Event;
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ical;
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{
    Access, Capabilities, Change, Coverage, Discovery, Guests, Next, Page, Position, Provider, Raw,
    Receipt, RemoteCalendar, State, Write,
};
use kalends_calendar::seams::Clock;
use secrecy::SecretString;
use url::Url;

use crate::http::{Answer, Credentials, Door, Limits, Request, Transport, host_of, retry_at};
use crate::remote_id::{digest, digest_of};
use cursor::FeedCursor;
use document::Document;

/// The longest feed. The largest public ones (all football matches of a country) have 5 MB.
const BODY_BYTES_MAX: usize = 20_000_000;

/// The longest wait for a whole feed.
const TIME_MAX: Duration = Duration::from_mins(1);

/// How many events one fetch names. Each fetch reads the whole feed, so the more the better.
const FETCH_BATCH: usize = 1_000;

/// One feed.
pub struct Feed {
    door: Door,
    clock: Arc<dyn Clock>,
    url: Url,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("host", &host_of(&self.url))
            .finish_non_exhaustive()
    }
}

/// What asking for a feed came to.
enum Got {
    /// It is as the cursor says.
    Unchanged,
    /// It is this, with what to ask for next time.
    Document(Document, FeedCursor),
}

impl Feed {
    /// A feed at an address. Asks nothing yet. `webcal:` is read as `https:`; user and password in the address are sent
    /// as such to its own host.
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, url: Url) -> Self {
        let mut url = subscribed(url);
        let user = decoded(url.username());
        let password = url.password().map(decoded);
        let credentials = (!user.is_empty() || password.is_some()).then(|| {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            Credentials {
                home: url.clone(),
                user,
                password: SecretString::from(password.unwrap_or_default()),
            }
        });
        Self {
            door: Door {
                transport,
                credentials,
            },
            clock,
            url,
        }
    }

    /// The identity of the feed's one calendar: made of the address, which cannot be found from it.
    fn calendar_id(&self) -> RemoteCalendarId {
        RemoteCalendarId(format!("feed-{}", digest(self.url.as_str())))
    }

    fn check(&self, calendar: &RemoteCalendarId) -> Result<(), Failure> {
        if *calendar == self.calendar_id() {
            Ok(())
        } else {
            Err(Failure::new(
                Class::Gone,
                "This feed is not the calendar that was asked for",
            ))
        }
    }

    async fn get(&self, known: Option<&FeedCursor>) -> Result<Got, Failure> {
        let answer = self.door.send(self.request(known)).await?;
        match (answer.status.as_u16(), known) {
            (304, Some(_)) => Ok(Got::Unchanged),
            (200, _) => {
                let content_digest = digest_of(&answer.body);
                if known.is_some_and(|known| known.content_digest == content_digest) {
                    return Ok(Got::Unchanged);
                }
                let document = Document::read(&answer.body, &host_of(&answer.url))?;
                let cursor = FeedCursor::of(&answer.headers, content_digest);
                Ok(Got::Document(document, cursor))
            }
            _ => Err(self.refused(&answer)),
        }
    }

    /// The feed as it is now, whatever is known of it.
    async fn whole(&self) -> Result<(Document, FeedCursor), Failure> {
        match self.get(None).await? {
            Got::Document(document, cursor) => Ok((document, cursor)),
            Got::Unchanged => Err(Failure::protocol(
                "The feed says that it is unchanged, and nobody asked",
            )),
        }
    }

    fn request(&self, known: Option<&FeedCursor>) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/calendar, */*;q=0.5"));
        let mut condition = |name: HeaderName, value: Option<&String>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        condition(IF_NONE_MATCH, known.and_then(|known| known.etag.as_ref()));
        condition(
            IF_MODIFIED_SINCE,
            known.and_then(|known| known.last_modified.as_ref()),
        );
        Request {
            method: Method::GET,
            url: self.url.clone(),
            headers,
            body: Bytes::new(),
            limits: Limits {
                body_bytes_max: BODY_BYTES_MAX,
                time_max: TIME_MAX,
            },
        }
    }

    fn refused(&self, answer: &Answer) -> Failure {
        let host = host_of(&answer.url);
        let status = answer.status;
        match status.as_u16() {
            401 | 403 => Failure::new(
                Class::ReconnectNeeded,
                format!(
                    "{host} no longer shows this feed ({status}); its secret address may have been changed"
                ),
            ),
            404 | 410 => Failure::new(Class::Gone, format!("{host} no longer has this feed")),
            408 | 425 | 429 | 500..=599 => Failure::new(
                Class::Passing {
                    retry_at: retry_at(&answer.headers, self.clock.now()),
                },
                format!("{host} answers {status}"),
            ),
            _ => Failure::protocol(format!("{host} answers {status} instead of a feed")),
        }
    }
}

#[async_trait]
impl Provider for Feed {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fetch_batch: FETCH_BATCH,
            fetch_in_flight: 1,
            writes: false,
            series_in_steps: false,
            stamps_edits: false,
            guests: Guests::Silent,
            push: Push::None,
        }
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        let (document, _) = self.whole().await?;
        let calendar = RemoteCalendar {
            id: self.calendar_id(),
            name: document.name.unwrap_or_else(|| host_of(&self.url)),
            color: document.color,
            access: Access::ReadOnly,
        };
        Ok(Discovery {
            me: Vec::new(),
            calendars: vec![calendar],
        })
    }

    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        self.check(calendar)?;
        let known = match from {
            Position::Start => None,
            Position::Since(cursor) => Some(FeedCursor::parse(cursor)?),
            Position::Page(_) => {
                return Err(Failure::new(Class::CursorDead, "A feed has no pages"));
            }
        };
        let page = match self.get(known.as_ref()).await? {
            Got::Unchanged => Page::new(
                Vec::new(),
                Next::Done {
                    cursor: known.map(FeedCursor::into_cursor),
                    coverage: Coverage::Incremental,
                },
            ),
            Got::Document(document, cursor) => Page::new(
                document.changes,
                Next::Done {
                    cursor: Some(cursor.into_cursor()),
                    coverage: document.coverage,
                },
            ),
        };
        Ok(page)
    }

    async fn fetch(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        self.check(calendar)?;
        let (document, _) = self.whole().await?;
        let states: HashMap<&RemoteId, &State> = document
            .changes
            .iter()
            .map(|change| (&change.remote_id, &change.state))
            .collect();
        let absent = document.absent();
        Ok(ids
            .iter()
            .map(|id| Change {
                remote_id: id.clone(),
                state: states.get(id).copied().unwrap_or(&absent).clone(),
            })
            .collect())
    }

    async fn write(&self, _: &RemoteCalendarId, _: &Write) -> Result<Receipt, Failure> {
        Err(Failure::new(Class::Forbidden, "A feed can only be read"))
    }

    fn place(&self, _: &RemoteCalendarId, name: &str) -> RemoteId {
        RemoteId::from(name)
    }

    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        ical::read_object(&raw.0)
            .map(|object| object.event)
            .map_err(|error| {
                Failure::item(format!("The event's iCalendar cannot be read: {error}"))
            })
    }
}

/// `webcal:` and `webcals:` mean a subscription, and nothing about the transport: TLS, as everybody offers it.
fn subscribed(url: Url) -> Url {
    match url.as_str().split_once(':') {
        Some(("webcal" | "webcals", rest)) => format!("https:{rest}").parse().unwrap_or(url),
        _ => url,
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
