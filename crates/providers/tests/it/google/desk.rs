//! What the stories of writing begin with: an account over a shelf, and events to put there.

use std::sync::Arc;

use jiff::civil::{DateTime, date};
use kalends_calendar::event::{Event, Instance, Override, RecurrenceId};
use kalends_calendar::failure::Failure;
use kalends_calendar::provider::{Change, Mark, Observed, Provider, Receipt, Write};
use kalends_calendar::recurrence::{Frequency, Rule};
use kalends_providers::google::Google;
use kalends_providers::http::Transport;

use super::mapping::{event, id_of};
use super::shelf::Shelf;
use super::{account, ann};

/// The name under which the events of these stories are made, and the id that it gives.
pub(super) const NAME: &str = "story";
pub(super) const ID: &str = "kalendsedq6usjp";

/// An account over a shelf.
pub(super) struct Desk {
    pub(super) shelf: Arc<Shelf>,
    pub(super) google: Google,
}

impl Desk {
    pub(super) fn new() -> Self {
        let shelf = Shelf::new();
        let google = account(Arc::clone(&shelf) as Arc<dyn Transport>);
        Self { shelf, google }
    }

    pub(super) async fn create(&self, event: &Event) -> Result<Receipt, Failure> {
        let write = Write::Create {
            name: NAME.to_owned(),
            event: Box::new(event.clone()),
            mark: mark(event),
        };
        self.google.write(&ann(), &write).await
    }

    /// Makes an event that is wanted to be there.
    pub(super) async fn made(&self, event: &Event) -> Observed {
        let observed = observed(self.create(event).await.unwrap());
        self.shelf.asked();
        self.shelf.bodies();
        observed
    }

    pub(super) async fn update(&self, there: &Observed, to: &Event) -> Result<Receipt, Failure> {
        let write = Write::Update {
            remote_id: id_of(there).into(),
            version: there.version.clone(),
            raw: there.raw.clone(),
            event: Box::new(to.clone()),
            mark: there.mark.clone(),
        };
        self.google.write(&ann(), &write).await
    }

    pub(super) async fn look(&self, id: &str) -> Change {
        let found = self.google.fetch(&ann(), &[id.into()]).await.unwrap();
        self.shelf.asked();
        found.into_iter().next().unwrap()
    }
}

pub(super) fn mark(event: &Event) -> Mark {
    Mark {
        event: "00000000-0000-0000-0000-000000000007".parse().unwrap(),
        uid: event.uid.clone(),
    }
}

pub(super) fn observed(receipt: Receipt) -> Observed {
    match receipt {
        Receipt::Written { observed, .. } | Receipt::ReadBack { observed, .. } => *observed,
        Receipt::Deleted => panic!("deleted"),
    }
}

/// Monday, the first of June.
pub(super) fn monday() -> DateTime {
    date(2026, 6, 1).at(10, 0, 0, 0)
}

pub(super) fn weeks_later(weeks: i32) -> RecurrenceId {
    RecurrenceId(monday() + jiff::Span::new().weeks(weeks))
}

pub(super) fn weekly() -> Event {
    let mut event = event("Weekly", monday());
    event.recurrence_rules = vec![Rule::every(Frequency::Weekly)];
    event
}

pub(super) fn called(event: &Event, id: RecurrenceId, title: &str) -> Override {
    let mut instance = Instance {
        start: event.master.start.at(id.0),
        ..event.master.clone()
    };
    title.clone_into(&mut instance.details.title);
    Override::Replaced(Box::new(instance))
}
