//! Grants of accounts that are gone are taken back at their provider, by whichever node comes to it: nobody waits for that who
//! disconnects, and no node that dies makes it forgotten.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kalends_calendar::seams::Ids;
use kalends_providers::oauth;
use kalends_store::StoreError;
use kalends_store::audit::{self, Entry};
use kalends_store::revocations::{self, Owed};
use kalends_store::vault::VaultError;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::accounts::Accounts;
use crate::rounds::{self, Ending, later};
use crate::{keys, mailing};

/// How often it is looked for what is to be taken back.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a node has one before another takes it: longer than a provider may take to answer.
const CLAIM: SignedDuration = SignedDuration::from_mins(1);
/// After so long it stays granted: a provider that has not taken it for a week will not tomorrow, and a token is not to be
/// kept for ever.
const OWED_TIME_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What takes grants back.
pub(crate) struct Revoker {
    /// Where they are owed, what opens them, and what providers are asked over.
    pub(crate) accounts: Arc<Accounts>,
    /// Where identifiers come from.
    pub(crate) ids: Arc<dyn Ids>,
}

/// What came of one try.
enum Outcome {
    /// It is over, and this is what the audit log is told.
    Over(Value),
    /// There is nothing to do: somebody else uses the same grant, and it ends with the last of them; or it was owed anew.
    /// Nobody is told, for it would tell of others.
    Nothing,
    /// It may work later.
    Failed(String),
}

impl Revoker {
    /// Takes back what is owed until told to stop.
    pub(crate) async fn work(&self, stop: impl Future<Output = ()>) {
        let what = "grants could not be taken back";
        let clock = Arc::clone(&self.accounts.clock);
        rounds::repeat((what, LOOK_EVERY), clock.as_ref(), stop, async |ending| {
            self.round(ending).await
        })
        .await;
    }

    /// Tries all that is due.
    pub(crate) async fn round(&self, ending: &Ending) -> Result<(), StoreError> {
        while !ending.is_near() {
            let now = self.accounts.clock.now();
            let store = &self.accounts.store;
            let Some(owed) = revocations::claim(store, now, later(now, CLAIM)).await? else {
                return Ok(());
            };
            self.revoke(&owed).await?;
        }
        Ok(())
    }

    async fn revoke(&self, owed: &Owed) -> Result<(), StoreError> {
        let outcome = self.ask(owed).await?;
        let now = self.accounts.clock.now();
        let mut tx = owed.begin(&self.accounts.store).await?;
        let detail = match outcome {
            Outcome::Failed(problem) if now.duration_since(owed.since) < OWED_TIME_MAX => {
                tracing::warn!(%problem, "a grant was not taken back; trying again");
                let retry_at = rounds::retry_at(now, owed.attempts);
                owed.put_off(&mut tx, retry_at).await?;
                return tx.commit().await;
            }
            Outcome::Failed(problem) => {
                tracing::warn!(%problem, "a grant was not taken back, and is given up");
                Some(json!({ "revoked": false, "problem": problem }))
            }
            Outcome::Over(detail) => Some(detail),
            Outcome::Nothing => None,
        };
        if !owed.settle(&mut tx).await? {
            return Ok(());
        }
        if let Some(detail) = detail {
            let (action, object) = match owed.connection {
                Some(connection) => ("connection.revoke", format!("connection {connection}")),
                None => ("mailbox.revoke", "mailbox".to_owned()),
            };
            let entry = Entry {
                id: self.ids.next(),
                at: now,
                actor: "sync".to_owned(),
                action: action.to_owned(),
                object,
                detail,
                address: None,
                cause: None,
            };
            audit::append(&mut tx, entry).await?;
        }
        tx.commit().await
    }

    /// Asks the provider, if nobody else uses the grant: there it ends for every tenant that the account was connected for.
    async fn ask(&self, owed: &Owed) -> Result<Outcome, StoreError> {
        let accounts = &self.accounts;
        if revocations::is_used(&accounts.store, owed.provider, &owed.subject).await? {
            return Ok(Outcome::Nothing);
        }
        let vendor = mailing::vendor(owed.provider);
        let settings = match accounts.settings_of(vendor) {
            Ok(settings) => settings,
            Err(failure) => return Ok(Outcome::Failed(failure.message)),
        };
        if settings.client.endpoints.revoke.is_none() {
            return Ok(Outcome::Over(json!({ "revoked": false })));
        }
        let token = match self.token(owed).await {
            Ok(Some(token)) => token,
            Ok(None) => return Ok(Outcome::Nothing),
            Err(error) => return unopened(error),
        };
        let wire = accounts.wire();
        let asked = oauth::revoke(wire.as_ref(), &settings.client, &token).await;
        Ok(match asked {
            Ok(()) => Outcome::Over(json!({ "revoked": true })),
            Err(failure) => Outcome::Failed(failure.message),
        })
    }

    async fn token(&self, owed: &Owed) -> Result<Option<SecretString>, StoreError> {
        let accounts = &self.accounts;
        let Some(ring) = &accounts.keys else {
            return Err(StoreError::from(VaultError::Erased));
        };
        let mut tx = owed.read(&accounts.store).await?;
        match owed.token(&mut tx, &ring.vault()).await {
            // Since this process began, another has rotated the keys.
            Err(error) if keys::is_unknown_key(&error) => {
                if let Err(problem) = ring.read_again() {
                    tracing::warn!(%problem, "the keys could not be read again");
                    return Err(error);
                }
                owed.token(&mut tx, &ring.vault()).await
            }
            found => found,
        }
    }
}

/// A token that no key opens is of no use to anybody; a key that is missing may be put back.
fn unopened(error: StoreError) -> Result<Outcome, StoreError> {
    match &error {
        StoreError::Vault(VaultError::Damaged | VaultError::Erased) => Ok(Outcome::Over(
            json!({ "revoked": false, "problem": keys::explained(&error) }),
        )),
        StoreError::Vault(_) => Ok(Outcome::Failed(keys::explained(&error))),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests;
