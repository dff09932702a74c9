//! What people are told of by mail: an invitation, an account that must be connected again, deletions that are held. Nothing
//! else ever makes Kalends send a mail.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::{Class, Failure};
use kalends_calendar::ids::{TenantId, UserId};
use kalends_calendar::seams::{Clock, Ids};
use kalends_store::audit::{self, Entry};
use kalends_store::mails::{self, Envelope, Mail, MailKind, NewMail};
use kalends_store::members::{self, Role};
use kalends_store::notices::{self, DeadAccount, Holding};
use kalends_store::vault::Vault;
use kalends_store::{Store, StoreError, Tx, links, tenants};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::keys::KeyRing;
use crate::mailing::{Letter, Mailer};
use crate::rounds::{self, Ending, later};

/// How often it is looked for what people are to be told.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How many of a kind are looked at together.
const BATCH: i64 = 100;
/// How long a node has a mail to send before it is lost with it: longer than sending may take.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);
/// After so many tries a mail is given up; with the waits between them that is about a day.
const ATTEMPTS_MAX: i64 = 12;

/// What looks for notices, and sends them.
pub(crate) struct Notifier {
    /// Where what they are about is.
    pub(crate) store: Store,
    /// What seals them.
    pub(crate) keys: Arc<KeyRing>,
    /// What sends them.
    pub(crate) mailer: Arc<Mailer>,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where identifiers come from.
    pub(crate) ids: Arc<dyn Ids>,
    /// Where people reach Kalends.
    pub(crate) address: String,
}

impl Notifier {
    /// Looks and sends until told to stop.
    pub(crate) async fn work(&self, stop: impl Future<Output = ()>) {
        let what = "notices could not be looked for";
        rounds::repeat(
            (what, LOOK_EVERY),
            self.clock.as_ref(),
            stop,
            async |ending| self.round(ending).await,
        )
        .await;
    }

    /// One look: what is to be told is enqueued, and what is due is sent.
    pub(crate) async fn round(&self, ending: &Ending) -> Result<(), StoreError> {
        self.tell_of_lost().await?;
        if !self.mailer.is_set_up().await? {
            return Ok(());
        }
        for dead in notices::dead_accounts(&self.store, BATCH).await? {
            self.tell_of_account(&dead).await?;
        }
        for holding in notices::holding(&self.store, BATCH).await? {
            self.tell_of_held(&holding).await?;
        }
        let vault = self.keys.vault();
        while !ending.is_near() {
            let Some(mail) = self.claim(&vault).await? else {
                break;
            };
            self.send(mail).await?;
        }
        Ok(())
    }

    async fn claim(&self, vault: &Vault) -> Result<Option<Mail>, StoreError> {
        let now = self.clock.now();
        mails::claim(&self.store, vault, now, later(now, CLAIM)).await
    }

    async fn send(&self, mail: Mail) -> Result<(), StoreError> {
        let now = self.clock.now();
        let letter = Letter {
            id: mail.id,
            recipient: &mail.recipient,
            title: &mail.title,
            body: mail.body.expose_secret(),
        };
        match self.mailer.send(&letter, now).await {
            Ok(()) => mails::sent(&self.store, mail.id, self.clock.now()).await,
            Err(failure) if failure.class == Class::Unknown => {
                let mut tx = self.store.platform().await?;
                mails::unknown(&mut tx, mail.id, failure.message.clone()).await?;
                let mail = Envelope {
                    id: mail.id,
                    recipient: mail.recipient,
                    title: mail.title,
                };
                self.tell_of_unknown(&mut tx, &mail, &failure.message)
                    .await?;
                tx.commit().await
            }
            Err(failure) => {
                let retry_at = retry_at(&failure, mail.attempts, now);
                tracing::warn!(problem = %failure, mail = %mail.id, again = retry_at.is_some(), "a mail was not sent");
                mails::unsent(&self.store, mail.id, failure.message, retry_at).await
            }
        }
    }

    /// Who was sending a mail and has said nothing since may have sent it.
    async fn tell_of_lost(&self) -> Result<(), StoreError> {
        let mut tx = self.store.platform().await?;
        for mail in mails::lost(&mut tx, self.clock.now()).await? {
            self.tell_of_unknown(&mut tx, &mail, mails::LOST).await?;
        }
        tx.commit().await
    }

    /// The operator hears of a mail that may have arrived or not. It is not sent again: nobody is to be told twice, and with the
    /// right to send alone neither Gmail nor Graph can be asked for it.
    async fn tell_of_unknown(
        &self,
        tx: &mut Tx,
        mail: &Envelope,
        problem: &str,
    ) -> Result<(), StoreError> {
        tracing::warn!(problem, mail = %mail.id, "whether a mail was sent is not known; it is not sent again");
        let entry = Entry {
            id: self.ids.next(),
            at: self.clock.now(),
            actor: "sync".to_owned(),
            action: "mail.unknown".to_owned(),
            object: format!("mail {}", mail.id),
            detail: json!({ "to": mail.recipient, "title": mail.title, "problem": problem }),
            address: None,
            cause: None,
        };
        audit::append(tx, entry).await
    }

    async fn tell_of_account(&self, dead: &DeadAccount) -> Result<(), StoreError> {
        let people = self.people(dead.tenant, dead.owner).await?;
        let business = self.business(dead.tenant).await?;
        let mut tx = self.store.administer(dead.tenant).await?;
        if !notices::told_of_account(&mut tx, dead.connection, self.clock.now()).await? {
            return Ok(());
        }
        let problem = dead.problem.as_deref().unwrap_or("it can be used no more");
        let body = format!(
            "The account {} of {business} must be connected again, before its calendars are kept in step.\n\n\
             What happened: {problem}\n\n\
             Nothing was lost: its links and events go on where they were as soon as somebody connects it again.\n\n\
             {}\n",
            dead.name, self.address
        );
        let title = format!("Connect {} again", dead.name);
        self.enqueue(
            &mut tx,
            dead.tenant,
            MailKind::Reconnect,
            &people,
            (&title, &body),
        )
        .await?;
        tx.commit().await
    }

    async fn tell_of_held(&self, holding: &Holding) -> Result<(), StoreError> {
        let people = self.people(holding.tenant, None).await?;
        let business = self.business(holding.tenant).await?;
        let mut tx = self.store.administer(holding.tenant).await?;
        let Some(link) = links::get(&mut tx, holding.link).await? else {
            return Ok(());
        };
        if !notices::told_of_held(&mut tx, link.id, self.clock.now()).await? {
            return Ok(());
        }
        let body = format!(
            "{} events of {business} disappeared at once from a connected calendar. That is so many that Kalends has \
             deleted none of them here yet.\n\n\
             Somebody has to say whether they are to be deleted here too, or put back there: link {}.\n\n{}\n",
            holding.deletions, link.id, self.address
        );
        let title = format!("{} deletions wait for your word", holding.deletions);
        self.enqueue(
            &mut tx,
            holding.tenant,
            MailKind::Held,
            &people,
            (&title, &body),
        )
        .await?;
        tx.commit().await
    }

    async fn enqueue(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        kind: MailKind,
        people: &[String],
        (title, body): (&str, &str),
    ) -> Result<(), StoreError> {
        let vault = self.keys.vault();
        for recipient in people {
            let new = NewMail {
                id: self.ids.next(),
                tenant: Some(tenant),
                kind,
                recipient: recipient.clone(),
                title: title.to_owned(),
                body: SecretString::from(body),
            };
            mails::enqueue(tx, &vault, new, self.clock.now()).await?;
        }
        Ok(())
    }

    async fn business(&self, tenant: TenantId) -> Result<String, StoreError> {
        let known = tenants::by_id(&self.store, tenant).await?;
        Ok(known.map_or_else(String::new, |tenant| tenant.name))
    }

    /// Whoever looks after something: whose it is, if they are still here; else owners and managers.
    async fn people(
        &self,
        tenant: TenantId,
        owner: Option<UserId>,
    ) -> Result<Vec<String>, StoreError> {
        let all = members::people(&self.store, tenant).await?;
        let here = || all.iter().filter(|(_, user)| user.disabled_at.is_none());
        let own: Vec<String> = here()
            .filter(|(member, _)| Some(member.user) == owner)
            .map(|(_, user)| user.email.clone())
            .collect();
        if !own.is_empty() {
            return Ok(own);
        }
        Ok(here()
            .filter(|(member, _)| member.role >= Role::Manager)
            .map(|(_, user)| user.email.clone())
            .collect())
    }
}

/// The mail of an invitation. Its link opens a tenant: the mail is kept sealed.
pub(crate) fn invitation(
    ids: &dyn Ids,
    email: &str,
    tenant_name: &str,
    link: &SecretString,
) -> NewMail {
    let body = format!(
        "You are invited to set up {tenant_name} at Kalends, as its owner.\n\n\
         Open this link within seven days:\n{}\n\n\
         If you did not expect this, do nothing: nothing happens then.\n",
        link.expose_secret()
    );
    NewMail {
        id: ids.next(),
        tenant: None,
        kind: MailKind::Invitation,
        recipient: email.to_owned(),
        title: format!("You are invited to set up {tenant_name}"),
        body: SecretString::from(body),
    }
}

/// When to try again; none if it is no use.
fn retry_at(failure: &Failure, attempts: i64, now: Timestamp) -> Option<Timestamp> {
    if attempts + 1 >= ATTEMPTS_MAX {
        return None;
    }
    let own = rounds::retry_at(now, attempts);
    match &failure.class {
        // What may have been sent is not sent again.
        Class::Item | Class::Forbidden | Class::Unknown => None,
        Class::Passing {
            retry_at: Some(told),
        } => Some((*told).max(own)),
        Class::Passing { retry_at: None }
        | Class::CursorDead
        | Class::Changed
        | Class::Exists
        | Class::UidTaken { .. }
        | Class::Gone
        | Class::ReconnectNeeded
        | Class::AddressRefused
        | Class::Protocol => Some(own),
    }
}

#[cfg(test)]
mod tests;
