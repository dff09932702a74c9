//! A mail to the operator's mail server (RFC 5321), step by step, so that it is known whether it may have been taken.

use std::time::Duration;

use anyhow::{Context, Result};
use kalends_calendar::failure::{Class, Failure};
use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::config::Smtp;

/// How long a mail server may take to let us in, to say that it wants a mail, and to take it: each.
const STEP_TIME_MAX: Duration = Duration::from_secs(30);
/// How long it may take to say goodbye, when all is done.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(3);

/// The operator's mail server.
pub(crate) struct Server {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
}

/// How the way there is secured.
enum Security {
    /// TLS from the beginning.
    Tls(TlsParameters),
    /// TLS after STARTTLS, or nothing is sent.
    StartTls(TlsParameters),
    /// Not at all: it is this machine.
    Plain,
}

impl Server {
    /// `smtps://` speaks TLS from the beginning, `smtp://` after STARTTLS; to this machine alone it may be plain.
    pub(crate) fn new(settings: &Smtp) -> Result<Self> {
        let host = settings.url.host_str().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let tls = || {
            TlsParameters::new(host.to_owned()).with_context(|| format!("mail.smtp_url: {host}"))
        };
        let (security, port) = match settings.url.scheme() {
            "smtps" => (Security::Tls(tls()?), SUBMISSIONS_PORT),
            _ if is_here => (Security::Plain, SMTP_PORT),
            _ => (Security::StartTls(tls()?), SUBMISSION_PORT),
        };
        let user = percent_encoding::percent_decode_str(settings.url.username());
        let user = user.decode_utf8_lossy().into_owned();
        let credentials = settings
            .password
            .as_ref()
            .map(|password| Credentials::new(user, password.expose_secret().to_owned()));
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: settings.url.port().unwrap_or(port),
            security,
            credentials,
        })
    }

    /// Hands a mail over. A failure of [`Class::Unknown`] may have been taken: the text had left.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), Failure> {
        let slow = |_| Failure::passing(format!("{} takes too long", self.host));
        let mut connection = timeout(STEP_TIME_MAX, self.connect())
            .await
            .map_err(slow)??;
        let offered = timeout(STEP_TIME_MAX, offer(&mut connection, message));
        let outcome = match offered.await.map_err(slow) {
            Ok(Ok(())) => self.hand_over(&mut connection, message).await,
            Ok(Err(failure)) | Err(failure) => Err(failure),
        };
        // What was said before holds, however it parts.
        let _ = timeout(GOODBYE_TIME_MAX, connection.abort()).await;
        outcome
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let hello = ClientId::default();
        let (at_once, later) = match &self.security {
            Security::Tls(tls) => (Some(tls.clone()), None),
            Security::StartTls(tls) => (None, Some(tls.clone())),
            Security::Plain => (None, None),
        };
        let place = (self.host.as_str(), self.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(place, Some(STEP_TIME_MAX), &hello, at_once, None);
        let mut connection = connecting.await.map_err(refused)?;
        if let Some(tls) = later {
            connection.starttls(tls, &hello).await.map_err(refused)?;
        }
        if let Some(credentials) = &self.credentials {
            let asked = connection.auth(DEFAULT_MECHANISMS, credentials);
            asked.await.map_err(refused)?;
        }
        Ok(connection)
    }

    /// The text itself. From here on only the server's own word tells whether it has taken it.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &Message,
    ) -> Result<(), Failure> {
        let text = message.formatted();
        let what = match timeout(STEP_TIME_MAX, connection.message(&text)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) if error.status().is_some() => return Err(refused(error)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer came".to_owned(),
        };
        let sentence = format!(
            "whether {} has taken the mail is not known: {what}",
            self.host
        );
        Err(Failure::new(Class::Unknown, sentence))
    }
}

/// Says from whom and to whom, until the server wants the text.
async fn offer(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), Failure> {
    let envelope = message.envelope();
    let is_ascii = envelope
        .from()
        .into_iter()
        .chain(envelope.to())
        .all(|address| AsRef::<str>::as_ref(address).is_ascii());
    let mut parameters = Vec::new();
    if !is_ascii {
        let server = connection.server_info();
        if !server.supports_feature(Extension::SmtpUtfEight) {
            let sentence = "the mail server takes no addresses beyond ASCII (RFC 6531)";
            return Err(Failure::item(sentence));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let from = Mail::new(envelope.from().cloned(), parameters);
    connection.command(from).await.map_err(refused)?;
    for recipient in envelope.to() {
        let to = Rcpt::new(recipient.clone(), Vec::new());
        connection.command(to).await.map_err(refused)?;
    }
    connection.command(Data).await.map_err(refused)?;
    Ok(())
}

/// What the server says for good (5xx) no other try changes.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err calls")]
fn refused(error: Error) -> Failure {
    if error.is_permanent() {
        Failure::item(error.to_string())
    } else {
        Failure::passing(error.to_string())
    }
}
