//! Access tokens for adapters: read from the vault, refreshed in time, by one flight of all nodes, and kept before use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{ConnectionId, TenantId};
use kalends_calendar::seams::Clock;
use kalends_providers::http::Transport;
use kalends_providers::oauth::{self, Client, GrantError, Tokens};
use kalends_store::grants::{self, Grant, NewTokens, Turn};
use kalends_store::vault::Vault;
use kalends_store::{Store, StoreError, Tx, mailbox};
use secrecy::{ExposeSecret, SecretString};

use crate::holder;
use crate::keys::{self, KeyRing};

/// A token is renewed so long before it runs out: a request on its way, and clocks that differ.
const EARLY: SignedDuration = SignedDuration::from_secs(60);
/// How long one flight has the turn. Longer than a token endpoint may take, so that no second one begins meanwhile.
const TURN: SignedDuration = SignedDuration::from_secs(30);
/// How often others look whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long others look.
const WAIT_MAX: SignedDuration = SignedDuration::from_secs(40);

/// Whose tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of a tenant's account.
    Connection(TenantId, ConnectionId),
    /// Of the platform's mailbox.
    Mailbox,
}

/// The tokens of one account.
#[derive(Clone)]
pub(crate) struct Grants {
    /// Where they are.
    pub(crate) store: Store,
    /// What opens them.
    pub(crate) keys: Arc<KeyRing>,
    /// What the authorisation server is asked over.
    pub(crate) transport: Arc<dyn Transport>,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// What Kalends is there.
    pub(crate) client: Client,
    /// Whose they are.
    pub(crate) whose: Whose,
}

#[async_trait]
impl Tokens for Grants {
    async fn access(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        let grant = self.read().await?;
        if is_good(&grant, refused, self.clock.now()) {
            return Ok(grant.access);
        }
        // In a task of its own: who asks may be given up at any moment, and a rotated refresh token with them; and a run rests
        // while it renews its lease, and must not rest on the one connection that writes.
        let (grants, refused) = (self.clone(), refused.cloned());
        let refreshed = tokio::spawn(async move { grants.refreshed(refused.as_ref()).await });
        refreshed.await.unwrap_or_else(|error| {
            Err(Failure::passing(format!(
                "the refresh was given up: {error}"
            )))
        })
    }
}

/// What came of a flight.
enum Landing {
    /// A token that is kept.
    With(SecretString),
    /// Its turn was no longer its own: the account was connected again, or another took over. What the authorisation server
    /// said of the older grant says nothing about what is there now.
    TooLate,
}

/// The name of one flight: nobody else, here or on another node, has it.
fn flight() -> String {
    static FLIGHTS: AtomicU64 = AtomicU64::new(1);
    let number = FLIGHTS.fetch_add(1, Ordering::Relaxed);
    format!("{} flight {number}", holder::own_name())
}

fn is_good(grant: &Grant, refused: Option<&SecretString>, now: Timestamp) -> bool {
    let in_time = grant.access_expires_at.duration_since(now) > EARLY;
    let is_refused =
        refused.is_some_and(|refused| refused.expose_secret() == grant.access.expose_secret());
    in_time && !is_refused
}

impl Grants {
    /// A token that is good: refreshed by this flight, or by another that has the turn.
    async fn refreshed(&self, refused: Option<&SecretString>) -> Result<SecretString, Failure> {
        let began = self.clock.now();
        loop {
            let now = self.clock.now();
            let grant = self.read().await?;
            if is_good(&grant, refused, now) {
                return Ok(grant.access);
            }
            let flight = flight();
            if self.take_turn(&flight, now).await.map_err(unreadable)? {
                match self.fly(&flight, refused).await? {
                    Landing::With(token) => return Ok(token),
                    Landing::TooLate => continue,
                }
            }
            if now.duration_since(began) > WAIT_MAX {
                return Err(Failure::passing(
                    "another node refreshes the access token, and takes long",
                ));
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// Refreshes, and gives the turn back whatever comes of it.
    async fn fly(&self, flight: &str, refused: Option<&SecretString>) -> Result<Landing, Failure> {
        // Between looking and taking the turn another may have been through.
        let grant = self.read().await?;
        if is_good(&grant, refused, self.clock.now()) {
            self.end_turn(flight).await.map_err(unreadable)?;
            return Ok(Landing::With(grant.access));
        }
        let asked = oauth::refresh(
            self.transport.as_ref(),
            &self.client,
            &grant.refresh,
            self.clock.as_ref(),
        );
        let (landed, landing) = match asked.await {
            Ok(granted) => {
                let new = NewTokens {
                    access: granted.access,
                    access_expires_at: granted.access_expires_at,
                    refresh: granted.refresh,
                };
                let kept = self.keep(&new, flight).await.map_err(unreadable)?;
                (kept, Ok(Landing::With(new.access)))
            }
            Err(error) => (self.tell(&error, flight).await?, Err(error.into())),
        };
        if landed {
            landing
        } else {
            Ok(Landing::TooLate)
        }
    }

    /// Gives the turn back of a flight that was refused; false if it was no longer its own. The operator hears of what only
    /// they can mend; a mailbox that is dead is marked so. Of an account the run does that, under its lease.
    async fn tell(&self, error: &GrantError, flight: &str) -> Result<bool, Failure> {
        match error {
            GrantError::Operator(problem) => tracing::error!(%problem, "no access token"),
            GrantError::Dead(problem) | GrantError::AdminNeeded(problem)
                if self.whose == Whose::Mailbox =>
            {
                let marked = self.mark_mailbox(problem, flight).await;
                let marked = marked.map_err(unreadable)?;
                if marked {
                    tracing::error!(%problem, "the platform's mailbox must be connected again");
                }
                return Ok(marked);
            }
            GrantError::Dead(_)
            | GrantError::AdminNeeded(_)
            | GrantError::Passing { .. }
            | GrantError::Protocol(_) => {}
        }
        self.end_turn(flight).await.map_err(unreadable)
    }

    async fn mark_mailbox(&self, problem: &str, flight: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let marked = mailbox::needs_reconnect(&mut tx, flight, problem.to_owned()).await?;
        tx.commit().await?;
        Ok(marked)
    }

    async fn read(&self) -> Result<Grant, Failure> {
        let found = match self.read_with(&self.keys.vault()).await {
            // Since this process began, another has rotated the keys.
            Err(error) if keys::is_unknown_key(&error) => {
                self.keys
                    .read_again()
                    .map_err(|problem| Failure::passing(format!("{problem:#}")))?;
                self.read_with(&self.keys.vault()).await
            }
            found => found,
        };
        found.map_err(unreadable)?.ok_or_else(|| {
            Failure::new(
                Class::ReconnectNeeded,
                "there is no consent for this account; connect it again",
            )
        })
    }

    async fn read_with(&self, vault: &Vault) -> Result<Option<Grant>, StoreError> {
        match self.whose {
            Whose::Connection(tenant, connection) => {
                let mut tx = self.store.read(tenant).await?;
                grants::get(&mut tx, vault, connection).await
            }
            Whose::Mailbox => {
                let mut tx = self.store.platform_read().await?;
                mailbox::grant(&mut tx, vault).await
            }
        }
    }

    async fn begin(&self) -> Result<Tx, StoreError> {
        match self.whose {
            Whose::Connection(tenant, _) => self.store.begin(tenant).await,
            Whose::Mailbox => self.store.platform().await,
        }
    }

    async fn take_turn(&self, flight: &str, now: Timestamp) -> Result<bool, StoreError> {
        let turn = Turn {
            now,
            holder: flight,
            until: now.checked_add(TURN).unwrap_or(Timestamp::MAX),
        };
        let mut tx = self.begin().await?;
        let taken = match self.whose {
            Whose::Connection(_, connection) => {
                grants::take_turn(&mut tx, connection, turn).await?
            }
            Whose::Mailbox => mailbox::take_turn(&mut tx, turn).await?,
        };
        tx.commit().await?;
        Ok(taken)
    }

    async fn end_turn(&self, flight: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = match self.whose {
            Whose::Connection(_, connection) => {
                grants::end_turn(&mut tx, connection, flight).await?
            }
            Whose::Mailbox => mailbox::end_turn(&mut tx, flight).await?,
        };
        tx.commit().await?;
        Ok(ended)
    }

    /// Keeps what was given before anybody uses it: a rotated refresh token that is lost may be the last. False if the turn was
    /// no longer the flight's.
    async fn keep(&self, new: &NewTokens, flight: &str) -> Result<bool, StoreError> {
        let at = self.clock.now();
        let vault = self.keys.vault();
        let mut tx = self.begin().await?;
        let kept = match self.whose {
            Whose::Connection(_, connection) => {
                grants::keep_refreshed(&mut tx, &vault, (connection, flight), new, at).await?
            }
            Whose::Mailbox => mailbox::keep_refreshed(&mut tx, &vault, flight, new, at).await?,
        };
        tx.commit().await?;
        Ok(kept)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err calls")]
fn unreadable(error: StoreError) -> Failure {
    Failure::passing(keys::explained(&error))
}

#[cfg(test)]
mod tests;
