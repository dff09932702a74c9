//! How mails leave: through the operator's mail server, else from the platform's own mailbox.

use std::sync::Arc;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use kalends_calendar::failure::{Class, Failure};
use kalends_providers::oauth::Vendor;
use kalends_store::connections::ConnectionState;
use kalends_store::mailbox::{self, AuthServer, Mailbox};
use kalends_store::{Store, StoreError};
use lettre::Message;
use lettre::message::{Mailbox as Sender, header};
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::config::Mail;
use crate::smtp::Server;

/// Mails that were given up, or may have been sent or not, are told of for so long.
pub(crate) const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What sends mails.
pub(crate) struct Mailer {
    smtp: Option<Server>,
    from: Option<Sender>,
    accounts: Arc<Accounts>,
}

/// A mail to be sent.
pub(crate) struct Letter<'a> {
    /// Its identity, which is that of the message (RFC 5322 §3.6.4).
    pub(crate) id: Uuid,
    /// To whom.
    pub(crate) recipient: &'a str,
    /// Its subject.
    pub(crate) title: &'a str,
    /// Its text.
    pub(crate) body: &'a str,
}

impl Mailer {
    /// One that does as the operator said.
    pub(crate) fn new(settings: &Mail, accounts: Arc<Accounts>) -> Result<Self> {
        Ok(Self {
            smtp: settings.smtp.as_ref().map(Server::new).transpose()?,
            from: settings.from.clone(),
            accounts,
        })
    }

    /// Whether the operator set a mail server.
    pub(crate) fn has_smtp(&self) -> bool {
        self.smtp.is_some()
    }

    /// Whether there is any way for a mail to leave.
    pub(crate) async fn is_set_up(&self) -> Result<bool, StoreError> {
        if self.smtp.is_some() {
            return Ok(true);
        }
        let known = known(&self.accounts.store).await?;
        Ok(known.is_some_and(|mailbox| mailbox.state == ConnectionState::Ok))
    }

    /// Sends a mail. A failure of [`Class::Unknown`] may have sent it.
    pub(crate) async fn send(&self, letter: &Letter<'_>, now: Timestamp) -> Result<(), Failure> {
        if let (Some(smtp), Some(from)) = (&self.smtp, &self.from) {
            return smtp.send(&message(letter, from.clone(), now)?).await;
        }
        let unreadable = |error: StoreError| Failure::passing(error.to_string());
        let Some(known) = known(&self.accounts.store).await.map_err(unreadable)? else {
            return Err(Failure::passing(
                "no mailbox is connected, and no mail server is set (mail.smtp_url)",
            ));
        };
        if known.state == ConnectionState::ReconnectNeeded {
            return Err(Failure::new(
                Class::ReconnectNeeded,
                format!(
                    "the platform's mailbox {} must be connected again",
                    known.email
                ),
            ));
        }
        let from = match &self.from {
            Some(from) => from.clone(),
            None => known.email.parse().map_err(|_| {
                Failure::item(format!("{:?} is no address to send from", known.email))
            })?,
        };
        let message = message(letter, from, now)?;
        let mailbox = self.accounts.mailbox(vendor(known.provider))?;
        mailbox.send(&message.formatted(), now).await
    }
}

/// Whose mailbox it is.
pub(crate) fn vendor(server: AuthServer) -> Vendor {
    match server {
        AuthServer::Google => Vendor::Google,
        AuthServer::Microsoft => Vendor::Microsoft,
    }
}

async fn known(store: &Store) -> Result<Option<Mailbox>, StoreError> {
    let mut tx = store.platform_read().await?;
    mailbox::get(&mut tx).await
}

fn message(letter: &Letter<'_>, from: Sender, now: Timestamp) -> Result<Message, Failure> {
    let to: Sender = letter
        .recipient
        .parse()
        .map_err(|_| Failure::item(format!("{:?} is no mail address", letter.recipient)))?;
    let domain = from.email.domain().to_owned();
    Message::builder()
        .from(from)
        .to(to)
        .subject(letter.title)
        .date(now.into())
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        // Nobody's holiday notice has to answer (RFC 3834 §5).
        .header(AutoSubmitted)
        .header(header::ContentType::TEXT_PLAIN)
        .body(letter.body.to_owned())
        .map_err(|error| Failure::item(error.to_string()))
}

/// `Auto-Submitted: auto-generated`.
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
