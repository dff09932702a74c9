//! The door: who asks, for which tenant, and whether they may.
//!
//! Handlers reach the store only through what the extractors here prove. The store itself is private to this module, so
//! a handler that forgets to ask does not compile. The order of checks is 401, 400, 403 (feature, then role), the request.

mod address;
mod caller;
mod consent;
mod gate;
mod hook;
mod idempotency;
mod lasting;
mod limits;
mod signin;
mod tenant;
mod wake;

use std::sync::Arc;

use futures_util::future::{BoxFuture, Shared as FutureShared};
use jiff::Timestamp;
use kalends_calendar::seams::{Clock, Ids};
use kalends_engine::Engine;
use kalends_store::Store;

pub(crate) use address::{Address, Cause};
pub(crate) use caller::{AS_COOKIE, Admin, Caller, Signed, Via, Whole};
pub(crate) use consent::{Aim, Begun, Initiating, Unwelcome, Visitor, Welcome};
pub(crate) use gate::{Asks, Gate, Inside, Managing, Owning, Reading, Tending};
pub(crate) use hook::{Line, Ringing};
pub(crate) use idempotency::{KEY, REPLAYED, Secret, document_writes, once};
pub(crate) use lasting::Lasting;
pub(crate) use limits::{Limits, OpenStream};
pub(crate) use signin::{Newcomer, SIGN_IN_WITHIN, SignIn};
pub(crate) use tenant::Present;
pub(crate) use wake::wake;

use crate::accounts::Accounts;
use crate::config::{Server, Vendors};
use crate::hooks::WayIn;
use crate::local_zone::LocalZone;
use crate::mailing::Mailer;

/// What all requests share.
pub(crate) struct Api {
    store: Store,
    engine: Engine,
    accounts: Arc<Accounts>,
    mailer: Arc<Mailer>,
    limits: Limits,
    lasting: Lasting,
    sign_in: SignIn,
    stopping: Stopping,
    way_in: Arc<WayIn>,
    /// How it is set up.
    pub(crate) settings: Server,
    /// The zone of calendars for which nobody names one.
    pub(crate) zone: LocalZone,
}

/// Done when the node is asked to stop.
pub(crate) type Stopping = FutureShared<BoxFuture<'static, ()>>;

/// As handlers take it.
pub(crate) type Shared = Arc<Api>;

impl Api {
    /// The shared part, from what the program was put together of.
    pub(crate) fn new(
        engine: Engine,
        accounts: Arc<Accounts>,
        mailer: Arc<Mailer>,
        (settings, sign_in): (Server, SignIn),
        zone: LocalZone,
        stopping: Stopping,
    ) -> Shared {
        let way_in = Arc::new(WayIn::new(&settings, &accounts.vendors));
        Arc::new(Self {
            store: engine.store.clone(),
            engine,
            accounts,
            mailer,
            limits: Limits::new(settings.requests_per_minute),
            lasting: Lasting::new(),
            sign_in,
            stopping,
            way_in,
            settings,
            zone,
        })
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// Done when the node is asked to stop: what lasts ends then.
    pub(crate) fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }

    /// What goes on when its request is over.
    pub(crate) fn lasting(&self) -> &Lasting {
        &self.lasting
    }

    /// The clock.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.engine.clock
    }

    /// Where identifiers come from.
    pub(crate) fn ids(&self) -> &Arc<dyn Ids> {
        &self.engine.ids
    }

    /// For signing in and accepting invitations, where nobody is known yet: these know no tenant's data.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What Kalends is at Google and Microsoft.
    pub(crate) fn vendors(&self) -> &Vendors {
        &self.accounts.vendors
    }

    /// How providers reach Kalends.
    pub(crate) fn way_in(&self) -> &Arc<WayIn> {
        &self.way_in
    }

    /// The operator's OpenID provider.
    pub(crate) fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// The store of accounts for whoever is about to prove who they are. Nothing of a tenant's calendars is asked of it.
    pub(crate) fn before_sign_in(&self) -> &Store {
        &self.store
    }
}
