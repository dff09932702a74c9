//! `/api/platform/mailbox/`: from where notices are sent. It is connected through `/api/oauth/…/initiate/` with the purpose
//! `email`.

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use kalends_store::connections::ConnectionState;
use kalends_store::{mailbox, mails};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::api::door::Admin;
use crate::api::error::{Answer, ApiError};
use crate::api::words;
use crate::mailing::{self, Letter};

/// From where notices are sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Mailbox")]
pub(crate) struct Shown {
    success: bool,
    /// `smtp`, where the operator set a mail server; `mailbox`, where one is connected; else `none`: nothing is sent.
    through: &'static str,
    /// The connected mailbox.
    mailbox: Option<Connected>,
    /// How many mails wait to be sent.
    waiting: i64,
    /// How many were given up in the last seven days.
    failed: i64,
    /// Of how many of the last seven days it is not known whether they were sent. They are not sent again; the audit log names
    /// them, as `mail.unknown`.
    unknown: i64,
}

/// A connected mailbox.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MailboxAccount")]
pub(crate) struct Connected {
    /// `Google` or `Microsoft`.
    provider: &'static str,
    email: String,
    /// `connected`, or `reconnect_needed`.
    status: &'static str,
    /// What is wrong with it, for people.
    problem: Option<String>,
    #[schemars(with = "words::Instant")]
    connected_at: Timestamp,
}

/// It is done.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Done {
    success: bool,
    message: String,
}

pub(crate) async fn show(admin: Admin) -> Answer<Json<Shown>> {
    let mut tx = admin.store().platform_read().await?;
    let known = mailbox::get(&mut tx).await?;
    drop(tx);
    let since = admin
        .now()
        .checked_sub(mailing::TOLD_FOR)
        .unwrap_or(Timestamp::MIN);
    let counts = mails::count(admin.store(), since).await?;
    let through = match (admin.0.mailer().has_smtp(), &known) {
        (true, _) => "smtp",
        (false, Some(_)) => "mailbox",
        (false, None) => "none",
    };
    Ok(Json(Shown {
        success: true,
        through,
        mailbox: known.map(|mailbox| Connected {
            provider: mailing::vendor(mailbox.provider).name(),
            email: mailbox.email,
            status: match mailbox.state {
                ConnectionState::Ok => "connected",
                ConnectionState::ReconnectNeeded => "reconnect_needed",
            },
            problem: mailbox.problem,
            connected_at: mailbox.connected_at,
        }),
        waiting: counts.waiting,
        failed: counts.failed,
        unknown: counts.unknown,
    }))
}

/// Sends a mail to whoever asks: at once, so that they hear what is wrong.
pub(crate) async fn try_out(admin: Admin) -> Answer<Json<Done>> {
    if !admin.0.mailer().is_set_up().await? {
        return Err(ApiError::conflict(
            "mail_not_set_up",
            "No mailbox is connected that can be used, and no mail server is set (mail.smtp_url).",
        ));
    }
    let email = admin.0.user.email.clone();
    let letter = Letter {
        id: admin.next_id(),
        recipient: &email,
        title: "A mail from Kalends",
        body: "This is how the notices of Kalends arrive. Somebody who administers it, most likely you, asked for this one.\n",
    };
    admin
        .0
        .mailer()
        .send(&letter, admin.now())
        .await
        .map_err(|failure| ApiError::provider(&failure))?;
    let mut tx = admin.platform().await?;
    let detail = json!({ "to": email });
    admin
        .0
        .audit(&mut tx, "mailbox.try", "mailbox".to_owned(), detail)
        .await?;
    tx.commit().await?;
    Ok(Json(Done {
        success: true,
        message: format!("A mail to {email} was sent."),
    }))
}

pub(crate) async fn disconnect(admin: Admin) -> Answer<Json<Done>> {
    let mut tx = admin.platform().await?;
    let Some(known) = mailbox::get(&mut tx).await? else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "No mailbox is connected.",
        ));
    };
    // Its access ends at the provider too, as soon as that can be reached (`crate::revoking`).
    mailbox::disconnect(&mut tx, admin.now()).await?;
    let detail = json!({ "email": known.email });
    admin
        .0
        .audit(&mut tx, "mailbox.disconnect", "mailbox".to_owned(), detail)
        .await?;
    tx.commit().await?;
    Ok(Json(Done {
        success: true,
        message: "The mailbox was disconnected.".to_owned(),
    }))
}
