//! Whether somebody may do something with the tenant's calendars.

use std::marker::PhantomData;
use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kalends_calendar::ids::{TenantId, UserId};
use kalends_engine::Engine;
use kalends_engine::edits::Editor;
use kalends_store::features::Feature;
use kalends_store::members::{self, Role};
use kalends_store::{StoreError, Tx, tenants};
use serde_json::Value;

use super::limits::OpenStream;
use super::tenant::{self, Present};
use super::{Limits, Shared};
use crate::accounts::Accounts;
use crate::api::error::ApiError;

/// What a handler asks of whoever calls it.
pub(crate) trait Asks: Send + Sync + 'static {
    /// The least role that may.
    const ROLE: Role;
}

/// Reading calendars and events: every member but a customer.
pub(crate) struct Reading;
/// Changing events, and looking after one's own accounts: every member but a customer.
pub(crate) struct Tending;
/// Connecting, linking, syncing and disconnecting for all: owner and manager.
pub(crate) struct Managing;

/// Saying who is a member as what: the owner.
pub(crate) struct Owning;

impl Asks for Owning {
    const ROLE: Role = Role::Owner;
}

impl Asks for Reading {
    const ROLE: Role = Role::Staff;
}

impl Asks for Tending {
    const ROLE: Role = Role::Staff;
}

impl Asks for Managing {
    const ROLE: Role = Role::Manager;
}

/// The proof that somebody is known, stands in a tenant, that the tenant has calendar sync, and that their role may do
/// what the handler is for. What is the tenant's is reached through it alone.
pub(crate) struct Gate<A: Asks> {
    present: Present,
    role: Role,
    asks: PhantomData<A>,
}

impl<A: Asks> Gate<A> {
    /// Whose data it is about.
    pub(crate) fn tenant(&self) -> TenantId {
        self.present.tenant.id
    }

    /// As what they act.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Who asks.
    pub(crate) fn user(&self) -> UserId {
        self.present.caller.user.id
    }

    /// Who asks, as the history and connections name them.
    pub(crate) fn email(&self) -> &str {
        &self.present.caller.user.email
    }

    /// How they sign in histories.
    pub(crate) fn editor(&self) -> Editor<'_> {
        Editor(self.email())
    }

    /// Begins a transaction that reads.
    pub(crate) async fn read(&self) -> Result<Tx, StoreError> {
        self.present.read().await
    }

    /// Begins a transaction that also writes.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        self.present.begin().await
    }

    /// The engine, for edits and runs of this tenant.
    pub(crate) fn engine(&self) -> &Engine {
        &self.present.caller.api.engine
    }

    /// Who opens connections.
    pub(crate) fn accounts(&self) -> &Arc<Accounts> {
        &self.present.caller.api.accounts
    }

    /// What all requests share.
    pub(crate) fn api(&self) -> &Shared {
        &self.present.caller.api
    }

    /// Makes sure that it would open again: for requests that last.
    pub(crate) async fn again(&self) -> Result<(), ApiError> {
        let caller = &self.present.caller;
        if !caller.is_still_good().await? {
            return Err(ApiError::bad_credentials());
        }
        let mut tx = self.read().await?;
        let sync = self.present.calendar_sync(&mut tx).await?;
        let role = members::role(&mut tx, caller.user.id).await?;
        match role {
            Some(role) if sync.enabled && role >= A::ROLE => Ok(()),
            Some(_) | None => Err(ApiError::role_required("This is over.")),
        }
    }

    /// The last position of the tenant's change feed.
    pub(crate) async fn feed_position(&self) -> Result<i64, StoreError> {
        let tenant = tenants::by_id(&self.api().store, self.tenant()).await?;
        Ok(tenant.map_or(0, |tenant| tenant.feed_seq))
    }

    /// Who asks, with how they proved it.
    pub(super) fn into_caller(self) -> super::Caller {
        self.present.caller
    }

    /// Counts a stream that is opened.
    pub(crate) fn open_stream(&self) -> Result<OpenStream, ApiError> {
        let limits: &Limits = self.api().limits();
        limits.stream(self.user(), self.tenant())
    }

    /// Counts the connecting of an account.
    pub(crate) fn count_connect(&self) -> Result<(), ApiError> {
        let limits: &Limits = self.api().limits();
        limits.connect(self.present.caller.user.id)
    }

    /// Adds a line to the tenant's audit log.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        action: &str,
        object: String,
        detail: Value,
    ) -> Result<(), StoreError> {
        self.present.caller.audit(tx, action, object, detail).await
    }
}

impl<A: Asks> FromRequestParts<Shared> for Gate<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let present = Present::from_request_parts(parts, api).await?;
        let mut tx = present.read().await?;
        let sync = present.calendar_sync(&mut tx).await?;
        drop(tx);
        if !sync.enabled {
            return Err(ApiError::feature_not_available(&Feature {
                code: sync.code,
                name: sync.name,
            }));
        }
        let role = present.require(A::ROLE)?;
        Ok(Self {
            present,
            role,
            asks: PhantomData,
        })
    }
}

/// The proof that somebody is known, stands in a tenant, and that their role may do what the handler is for. For what needs
/// no feature.
pub(crate) struct Inside<A: Asks>(pub(crate) Present, PhantomData<A>);

impl<A: Asks> FromRequestParts<Shared> for Inside<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, ApiError> {
        let present = Present::from_request_parts(parts, api).await?;
        present.require(A::ROLE)?;
        Ok(Self(present, PhantomData))
    }
}

impl<A: Asks> OperationInput for Inside<A> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        tenant::document_header(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        tenant::document(ctx, operation)
    }
}

impl<A: Asks> OperationInput for Gate<A> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        tenant::document_header(ctx, operation);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        tenant::document(ctx, operation)
    }
}
