//! Opening accounts for the engine: the real providers over the simulated wire, watched.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::event::{Address, Event};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{ConnectionId, RemoteCalendarId, RemoteId, TenantId};
use kalends_calendar::provider::{
    Capabilities, Change, Discovery, Page, Part, Position, Provider, Raw, Receipt, Write,
};
use kalends_calendar::seams::Clock;
use kalends_engine::Providers;
use kalends_providers::caldav::{Account, CalDav};
use kalends_providers::http::Transport;
use kalends_store::connections::Connection;
use secrecy::SecretString;

use crate::face::{self, Door, Face};
use crate::grants::Grants;
use crate::plant;
use crate::seams::Lots;
use crate::stage::{Law, Stage, WriteBegins};
use crate::wire::Wire;

/// Opens connections for one node.
pub(crate) struct Accounts {
    pub(crate) stage: Arc<Stage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lots: Arc<Lots>,
    pub(crate) holder: String,
}

impl Accounts {
    /// The real provider for a user of the world, who is known there by these addresses.
    pub(crate) fn provider(
        &self,
        face: Face,
        user: &str,
        me: Vec<Address>,
    ) -> Result<Arc<dyn Provider>, Failure> {
        let Some(vendor) = face.vendor() else {
            let account = self.caldav(&format!("{}/", face::ORIGIN), user)?;
            return Ok(Arc::new(account.with_me(me)));
        };
        let transport: Arc<dyn Transport> = Arc::new(self.wire(user));
        let tokens = Grants {
            stage: Arc::clone(&self.stage),
            transport: Arc::clone(&transport),
            clock: Arc::clone(&self.clock),
            vendor,
            user: user.to_owned(),
        };
        let door = Door {
            transport,
            clock: Arc::clone(&self.clock),
            tokens: Arc::new(tokens),
            me,
        };
        door.open(vendor)
    }

    fn wire(&self, user: &str) -> Wire {
        Wire {
            node: self.holder.clone(),
            user: user.to_owned(),
            stage: Arc::clone(&self.stage),
            lots: Arc::clone(&self.lots),
        }
    }

    fn caldav(&self, url: &str, user: &str) -> Result<CalDav, Failure> {
        let base = url
            .parse()
            .map_err(|_| Failure::protocol("the connection's address is none"))?;
        let password = self.stage.ledger().password(user);
        let transport = self.wire(user);
        let account = Account {
            base,
            user: user.to_owned(),
            password: SecretString::from(password),
        };
        // One fetch at a time: with two, who runs next would be up to the database's thread.
        Ok(
            CalDav::new(Arc::new(transport), Arc::clone(&self.clock), account)
                .with_fetch_in_flight(1),
        )
    }
}

#[async_trait]
impl Providers for Accounts {
    async fn open(
        &self,
        tenant: TenantId,
        connection: &Connection,
    ) -> Result<Arc<dyn Provider>, Failure> {
        let now = self.clock.now();
        if let Some(at) = connection.retry_at.filter(|at| now < *at) {
            self.stage.cry(
                Law::RetryAfter,
                format!(
                    "a run through {} at {now}, and the provider had said not before {at}",
                    connection.name
                ),
            );
        }
        let user = plant::whose_account(&self.stage, &connection.user);
        Ok(Arc::new(Watched {
            inner: self.provider(Face::of(connection.provider), &user, connection.me.clone())?,
            stage: Arc::clone(&self.stage),
            holder: self.holder.clone(),
            tenant,
            connection: connection.id,
        }))
    }
}

/// The provider, and what the oracle wants to know of its use.
struct Watched {
    inner: Arc<dyn Provider>,
    stage: Arc<Stage>,
    holder: String,
    tenant: TenantId,
    connection: ConnectionId,
}

#[async_trait]
impl Provider for Watched {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn calendars(&self) -> Result<Discovery, Failure> {
        self.inner.calendars().await
    }

    async fn changes(&self, calendar: &RemoteCalendarId, from: &Position) -> Result<Page, Failure> {
        let calendar = plant::which_calendar(&self.stage, calendar);
        let page = self.inner.changes(&calendar, from).await;
        if let Err(failure) = &page {
            self.say("changes", failure);
        }
        page.map(|page| plant::on_a_page(&self.stage, page))
    }

    async fn assemble(
        &self,
        calendar: &RemoteCalendarId,
        series: &str,
        parts: Vec<Part>,
    ) -> Result<Vec<Change>, Failure> {
        let calendar = plant::which_calendar(&self.stage, calendar);
        let changes = self.inner.assemble(&calendar, series, parts).await;
        if let Err(failure) = &changes {
            self.say("assemble", failure);
        }
        changes
    }

    async fn fetch(
        &self,
        calendar: &RemoteCalendarId,
        ids: &[RemoteId],
    ) -> Result<Vec<Change>, Failure> {
        let calendar = plant::which_calendar(&self.stage, calendar);
        let changes = self.inner.fetch(&calendar, ids).await;
        if let Err(failure) = &changes {
            self.say("fetch", failure);
        }
        changes
    }

    async fn write(&self, calendar: &RemoteCalendarId, write: &Write) -> Result<Receipt, Failure> {
        let write = plant::on_a_write(&self.stage, self.tenant, write);
        if let Some(receipt) = plant::instead_of_writing(&self.stage, &write, self.inner.as_ref()) {
            return Ok(receipt);
        }
        self.stage.write_begins(WriteBegins {
            holder: self.holder.clone(),
            tenant: self.tenant,
            connection: self.connection,
            remote: calendar.clone(),
        });
        let calendar = plant::which_calendar(&self.stage, calendar);
        let receipt = self.inner.write(&calendar, &write).await;
        // Looked at already, unless it ended before anything went out.
        drop(self.stage.begun());
        if let Err(failure) = &receipt {
            self.say("write", failure);
        }
        receipt
    }

    fn place(&self, calendar: &RemoteCalendarId, name: &str) -> RemoteId {
        self.inner.place(calendar, name)
    }

    fn read(&self, raw: &Raw) -> Result<Event, Failure> {
        self.inner.read(raw)
    }

    fn left_alone_until(&self) -> Option<Timestamp> {
        self.inner.left_alone_until()
    }

    fn overdrawn_until(&self) -> Option<Timestamp> {
        self.inner.overdrawn_until()
    }
}

impl Watched {
    fn say(&self, what: &str, failure: &Failure) {
        let class = match failure.class {
            Class::Passing { retry_at } => format!("Passing until {retry_at:?}"),
            ref other => format!("{other:?}"),
        };
        self.stage
            .baton
            .say(&format!("{what} failed: {class}: {}", failure.message));
    }
}
