//! `[mail]`: how notices leave, where they are not sent from the platform's own mailbox.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lettre::message::Mailbox as Sender;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::env;
use super::reference::Setting;

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Section {
    /// A mail server: `smtps://USER@HOST`, `smtp://HOST:587`.
    smtp_url: Option<String>,
    /// A file with the user's password there.
    smtp_password_file: Option<PathBuf>,
    /// As whom mails are sent.
    from: Option<String>,
}

/// How notices leave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// The mail server; none: the platform's mailbox, if one is connected.
    pub(crate) smtp: Option<Smtp>,
    /// As whom mails are sent; none: as the mailbox.
    pub(crate) from: Option<Sender>,
}

/// A mail server.
#[derive(Clone, Debug)]
pub(crate) struct Smtp {
    /// Its address, with the user and without the password.
    pub(crate) url: Url,
    /// The user's password.
    pub(crate) password: Option<SecretString>,
}

impl Section {
    pub(super) fn checked(self) -> Result<Mail> {
        let from = env("KALENDS_MAIL_FROM").or(self.from);
        let from = from
            .map(|text| {
                text.parse::<Sender>()
                    .with_context(|| format!("mail.from: {text:?} is no mail address"))
            })
            .transpose()?;
        let Some(url) = env("KALENDS_SMTP_URL").or(self.smtp_url) else {
            return Ok(Mail { smtp: None, from });
        };
        // The address is not quoted: people put passwords there.
        let url: Url = url
            .parse()
            .context("mail.smtp_url is no address, such as smtps://user@mail.example.com")?;
        if !matches!(url.scheme(), "smtp" | "smtps") || url.host().is_none() {
            bail!(
                "mail.smtp_url begins with smtps:// (TLS) or smtp:// (STARTTLS), and names a host"
            );
        }
        if url.password().is_some() {
            bail!(
                "mail.smtp_url holds a password: put it into KALENDS_SMTP_PASSWORD or a file named by \
                 mail.smtp_password_file"
            );
        }
        if from.is_none() {
            bail!("mail.from is missing: as whom are mails sent through mail.smtp_url?");
        }
        let file = env("KALENDS_SMTP_PASSWORD_FILE")
            .map(PathBuf::from)
            .or(self.smtp_password_file);
        let password = match (env("KALENDS_SMTP_PASSWORD"), file) {
            (Some(password), _) => Some(SecretString::from(password)),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(&file)
                    .with_context(|| format!("mail.smtp_password_file: {}", file.display()))?;
                Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
            }
            (None, None) => None,
        };
        Ok(Mail {
            smtp: Some(Smtp { url, password }),
            from,
        })
    }
}

/// What the guide says of it.
pub(super) fn reference() -> Vec<Setting> {
    let setting = |key, variable, usual: &str, what| Setting {
        section: Some("mail"),
        key,
        variable,
        usual: usual.to_owned(),
        what,
    };
    vec![
        setting(
            Some("smtp_url"),
            Some("SMTP_URL"),
            "none",
            "a mail server for notices: `smtps://user@mail.example.com` (TLS), `smtp://user@mail.example.com:587` (STARTTLS)",
        ),
        setting(
            Some("smtp_password_file"),
            Some("SMTP_PASSWORD_FILE"),
            "none",
            "a file with the user's password there",
        ),
        setting(None, Some("SMTP_PASSWORD"), "", "the password itself"),
        setting(
            Some("from"),
            Some("MAIL_FROM"),
            "the mailbox's address",
            "as whom notices are sent: `Kalends <kalends@example.com>`",
        ),
    ]
}
