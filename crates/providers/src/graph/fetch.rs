//! Reading single events, each whole: a few at once, because Exchange allows so many and a batch of requests no more.

use futures_util::{StreamExt, stream};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{RemoteCalendarId, RemoteId};
use kalends_calendar::provider::{Change, State};
use serde_json::{Value, json};

use super::wire::{self, Calendar};
use super::{Graph, NAMED, listing};
use serde::Deserialize;

/// More pages of exceptions than a series has.
const EXCEPTION_PAGES_MAX: usize = 50;

/// Where the exceptions of a series go on, where one answer does not hold them all.
const MORE_EXCEPTIONS: &str = "exceptionOccurrences@odata.nextLink";

impl Graph {
    /// One change for each id.
    pub(super) async fn fetch_all(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        let mut looks = Vec::with_capacity(ids.len());
        for id in ids {
            looks.push(self.look(calendar, id));
        }
        let found: Vec<Result<Change, Failure>> =
            stream::iter(looks).buffered(self.in_flight).collect().await;
        let is_about_events = found.iter().any(Result::is_ok) || ids.len() > 1;
        let mut changes = Vec::with_capacity(ids.len());
        let mut refused = None;
        for (id, result) in ids.iter().zip(found) {
            match result {
                Ok(change) => changes.push(change),
                Err(failure) if is_about_one(&failure) && is_about_events => {
                    changes.push(Change {
                        remote_id: id.clone(),
                        state: State::Broken {
                            version: None,
                            error: failure.message.clone(),
                        },
                    });
                    refused = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        // When not a single one is to be had, it is about Graph and not about the events.
        let nothing = changes
            .iter()
            .all(|change| matches!(change.state, State::Broken { version: None, .. }));
        match refused {
            Some(failure) if nothing && failure.class == (Class::Passing { retry_at: None }) => {
                Err(failure)
            }
            Some(_) | None => Ok(changes),
        }
    }

    /// One event, by its id or by the name it was created under.
    async fn look(&self, calendar: &RemoteCalendarId, id: &RemoteId) -> Result<Change, Failure> {
        let found = match id.as_str().strip_prefix(NAMED) {
            Some(name) => self.find(calendar, name).await?,
            None => self.whole(id).await?,
        };
        let gone = Change {
            remote_id: id.clone(),
            state: State::Gone,
        };
        let Some(value) = found else {
            return Ok(gone);
        };
        let item = wire::item(&value)?;
        let own = RemoteId::from(item.id.as_str());
        if own.as_str().is_empty() {
            return Err(Failure::protocol("Microsoft's answer names no event"));
        }
        if self.is_elsewhere(calendar, &own).await? {
            return Ok(gone);
        }
        Ok(listing::present(&value, &item, &self.me()))
    }

    /// The event that was created under a name.
    pub(super) async fn find(
        &self,
        calendar: &RemoteCalendarId,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        let body = self.read_body(self.ask().by_name(calendar, name)).await?;
        let found = wire::collection(&body)?.value;
        let Some(value) = found.into_iter().next() else {
            return Ok(None);
        };
        let item = wire::item(&value)?;
        self.with_learned(|learned| learned.named.insert(RemoteId::from(item.id.as_str())));
        if item.is_master() {
            self.whole(&RemoteId(item.id)).await
        } else {
            Ok(Some(value))
        }
    }

    /// An event with all that belongs to it. For an occurrence, the series that it is of; none where there is nothing.
    pub(super) async fn whole(&self, id: &RemoteId) -> Result<Option<Value>, Failure> {
        let Some(value) = self.one(id).await? else {
            return Ok(None);
        };
        let item = wire::item(&value)?;
        let Some(master) = item.master().map(RemoteId::from) else {
            return self.with_all_exceptions(value).await.map(Some);
        };
        match self.one(&master).await? {
            Some(value) => self.with_all_exceptions(value).await.map(Some),
            None => Ok(None),
        }
    }

    async fn one(&self, id: &RemoteId) -> Result<Option<Value>, Failure> {
        match self.read_body(self.ask().event(id)).await {
            Ok(body) => wire::value(&body).map(Some),
            Err(failure) if failure.class == Class::Gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn with_all_exceptions(&self, mut value: Value) -> Result<Value, Failure> {
        for _ in 0..EXCEPTION_PAGES_MAX {
            let Some(link) = value[MORE_EXCEPTIONS].as_str().map(str::to_owned) else {
                return Ok(value);
            };
            let page = wire::collection(&self.read_body(self.ask().follow(&link)?).await?)?;
            if let Some(exceptions) = value["exceptionOccurrences"].as_array_mut() {
                exceptions.extend(page.value);
            }
            value[MORE_EXCEPTIONS] = json!(page.next_link);
        }
        Err(Failure::protocol("The exceptions of a series do not end"))
    }

    /// Whether an event is in another calendar of the mailbox: Graph finds it by its id alone. What the listing under way
    /// named is here; where Graph does not tell, nothing is taken for moved.
    pub(super) async fn is_elsewhere(
        &self,
        calendar: &RemoteCalendarId,
        id: &RemoteId,
    ) -> Result<bool, Failure> {
        if self.with_learned(|learned| learned.named.contains(id)) {
            return Ok(false);
        }
        match self.read_body(self.ask().home(id)).await {
            Ok(body) => {
                let home = Calendar::deserialize(&wire::value(&body)?).unwrap_or_default();
                Ok(!home.id.is_empty() && home.id != calendar.as_str())
            }
            Err(failure)
                if matches!(
                    failure.class,
                    Class::Gone | Class::Protocol | Class::Forbidden
                ) =>
            {
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether a failure may be about one event only.
fn is_about_one(failure: &Failure) -> bool {
    matches!(
        failure.class,
        Class::Item | Class::Forbidden | Class::Protocol | Class::Passing { retry_at: None }
    )
}
