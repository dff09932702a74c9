//! The budgets of accounts: taken from the database in small helpings, so that all nodes together keep to them and a request
//! costs no write of its own. What a budget is, and what follows from it, is decided by `kalends_engine::budget`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use kalends_calendar::ids::{ConnectionId, TenantId};
use kalends_calendar::seams::Clock;
use kalends_engine::budget::{self, Allotment, Claim, Pace};
use kalends_providers::http::{Budget, Unlimited};
use kalends_store::connections::Connection;
use kalends_store::{Store, StoreError, budgets};

/// After so many accounts those that nobody asks at the moment are forgotten; what they had left is not given back.
const KEPT_MAX: usize = 10_000;

/// What this node has taken of each account's budget.
pub(crate) struct Budgets {
    store: Store,
    clock: Arc<dyn Clock>,
    accounts: Mutex<HashMap<(TenantId, ConnectionId), Arc<Account>>>,
}

impl Budgets {
    /// None is taken yet.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            accounts: Mutex::default(),
        }
    }

    /// The budget of an account.
    pub(crate) fn of(&self, tenant: TenantId, connection: &Connection) -> Arc<dyn Budget> {
        let Some(pace) = budget::pace(connection.provider) else {
            return Arc::new(Unlimited);
        };
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= KEPT_MAX {
            accounts.retain(|_, account| Arc::strong_count(account) > 1);
        }
        let account = accounts.entry((tenant, connection.id)).or_insert_with(|| {
            Arc::new(Account {
                store: self.store.clone(),
                clock: Arc::clone(&self.clock),
                tenant,
                connection: connection.id,
                pace,
                allotment: tokio::sync::Mutex::default(),
                overdrawn_until: Mutex::default(),
            })
        });
        Arc::clone(account) as Arc<dyn Budget>
    }
}

/// One account's.
struct Account {
    store: Store,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    connection: ConnectionId,
    pace: Pace,
    allotment: tokio::sync::Mutex<Allotment>,
    overdrawn_until: Mutex<Option<Timestamp>>,
}

impl Account {
    /// In a task of its own: a run rests while it renews its lease, and must not rest on the one connection that writes.
    async fn claim(&self, claim: Claim, now: Timestamp) -> Option<Timestamp> {
        let (store, tenant) = (self.store.clone(), self.tenant);
        let (connection, pace) = (self.connection, self.pace);
        let claiming = tokio::spawn(async move {
            let mut tx = store.begin(tenant).await?;
            let spent_until = budgets::locked(&mut tx, connection).await?;
            let spent_until = pace.charge(spent_until, claim, now);
            budgets::keep(&mut tx, connection, spent_until).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(spent_until)
        });
        // The request is as good as sent. A database that is away stops the run soon enough.
        match claiming.await {
            Ok(Ok(spent_until)) => return Some(spent_until),
            Ok(Err(error)) => tracing::warn!(%error, "a budget could not be kept"),
            Err(error) => tracing::warn!(%error, "a budget was not kept"),
        }
        None
    }
}

#[async_trait]
impl Budget for Account {
    async fn spend(&self, units: i64) {
        let mut allotment = self.allotment.lock().await;
        let now = self.clock.now();
        let Some(claim) = allotment.spend(units, now) else {
            return;
        };
        if let Some(spent_until) = self.claim(claim, now).await {
            let rest = self.pace.rest(spent_until, now);
            *self
                .overdrawn_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = rest;
        }
        allotment.took(claim, units, now);
    }

    fn overdrawn_until(&self) -> Option<Timestamp> {
        let until = *self
            .overdrawn_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| self.clock.now() < *until)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use kalends_store::connections;

    use super::*;
    use crate::stage::Stage;

    /// The account as it stands.
    async fn account(stage: &Stage, id: ConnectionId) -> Connection {
        let mut tx = stage.begin().await;
        connections::get(&mut tx, id).await.unwrap().unwrap()
    }

    async fn spent_until(stage: &Stage, id: ConnectionId) -> Option<Timestamp> {
        let mut tx = stage.begin().await;
        budgets::locked(&mut tx, id).await.unwrap()
    }

    #[tokio::test]
    async fn two_nodes_spend_of_one_budget_and_a_restart_does_not_forget_it() {
        let stage = Stage::set().await;
        let id = stage.account(None, SignedDuration::from_hours(1)).await;
        let connection = account(&stage, id).await;
        let node = |store: Store| {
            let clock = Arc::clone(&stage.clock) as Arc<dyn Clock>;
            Budgets::new(store, clock).of(stage.tenant, &connection)
        };
        let one = node(stage.store.clone());
        let other = node(stage.another_node().await);
        // Ten, and then fifty at once: what is written down is further on than what was sent.
        one.spend(1).await;
        let first = spent_until(&stage, id).await.unwrap();
        for _ in 0..9 {
            one.spend(1).await;
        }
        assert_eq!(
            spent_until(&stage, id).await,
            Some(first),
            "nine without a write"
        );
        one.spend(1).await;
        let second = spent_until(&stage, id).await.unwrap();
        assert!(second > first);
        for _ in 0..49 {
            one.spend(1).await;
        }
        assert_eq!(
            spent_until(&stage, id).await,
            Some(second),
            "49 without a write"
        );
        assert_eq!(one.overdrawn_until(), None);
        // The other node takes of the same: two helpings are enough.
        for _ in 0..11 {
            other.spend(1).await;
        }
        let until = other
            .overdrawn_until()
            .expect("more than a burst was taken");
        assert!(until > stage.clock.now());
        // A node that begins knows of it with its first request.
        let fresh = node(stage.another_node().await);
        fresh.spend(1).await;
        assert!(fresh.overdrawn_until().is_some());
        // And it is over by itself.
        stage.clock.moves(SignedDuration::from_mins(1));
        assert_eq!(other.overdrawn_until(), None);
        other.spend(1).await;
        assert_eq!(other.overdrawn_until(), None);
    }

    #[tokio::test]
    async fn an_account_whose_provider_names_no_limit_has_none() {
        let stage = Stage::set().await;
        let id = stage.account(None, SignedDuration::from_hours(1)).await;
        let connection = Connection {
            provider: kalends_store::connections::ProviderKind::Caldav,
            ..account(&stage, id).await
        };
        let clock = Arc::clone(&stage.clock) as Arc<dyn Clock>;
        let budget = Budgets::new(stage.store.clone(), clock).of(stage.tenant, &connection);
        for _ in 0..1_000 {
            budget.spend(3).await;
        }
        assert_eq!(budget.overdrawn_until(), None);
        assert_eq!(spent_until(&stage, id).await, None);
    }
}
