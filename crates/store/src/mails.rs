//! Mails that Kalends owes: enqueued with what they are about, sent by whichever node claims them. Of no tenant.
//!
//! A mail is sent once at most, and told of where it is not known whether it was: a node that dies between sending and saying so
//! makes nobody send it again. What is known not to have left is tried again.

use jiff::Timestamp;
use kalends_calendar::ids::TenantId;
use secrecy::SecretString;
use uuid::Uuid;

use crate::bind::binds;
use crate::error::StoreError;
use crate::secrets;
use crate::store::Store;
use crate::tx::Tx;
use crate::vault::Vault;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// Somebody is invited.
    Invitation,
    /// An account must be connected again.
    Reconnect,
    /// Deletions are held.
    Held,
}

/// How far a mail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It is to be sent.
    Due,
    /// It was sent.
    Sent,
    /// It could not be sent, and is tried no more.
    Failed,
    /// It may have been sent or not, and is not sent again.
    Unknown,
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// Its identity.
    pub id: Uuid,
    /// About whose; none: the platform's.
    pub tenant: Option<TenantId>,
    /// What it is about.
    pub kind: MailKind,
    /// To whom.
    pub recipient: String,
    /// Its subject.
    pub title: String,
    /// Its text. It may hold a link that opens something, and is kept sealed.
    pub body: SecretString,
}

/// A mail whose turn it is.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its identity.
    pub id: Uuid,
    /// What it is about.
    pub kind: MailKind,
    /// To whom.
    pub recipient: String,
    /// Its subject.
    pub title: String,
    /// Its text.
    pub body: SecretString,
    /// How often it was tried before.
    pub attempts: i64,
}

/// A mail from the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its identity.
    pub id: Uuid,
    /// To whom.
    pub recipient: String,
    /// Its subject.
    pub title: String,
}

/// How many mails there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// That wait to be sent.
    pub waiting: i64,
    /// That were given up.
    pub failed: i64,
    /// Of which it is not known whether they were sent.
    pub unknown: i64,
}

/// Why a mail that somebody died with is not known to have been sent.
pub const LOST: &str = "whoever was sending it has said nothing since";

/// Enqueues a mail, in a transaction of the platform.
pub async fn enqueue(
    tx: &mut Tx,
    vault: &Vault,
    new: NewMail,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.require_platform()?;
    let body = secrets::seal_at(tx, vault, &place(new.id), &new.body, at).await?;
    let binds = binds![
        new.id,
        new.tenant,
        new.kind,
        new.recipient,
        new.title,
        body,
        at
    ];
    tx.execute(
        "INSERT INTO mails (id, tenant_id, kind, recipient, title, body, state, attempts, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'due', 0, $7, $7)",
        binds,
    )
    .await?;
    Ok(())
}

/// Claims the mail that is due the longest; none if none is. Nobody else gets it: where nothing is said of it until `until`, it
/// is [lost].
pub async fn claim(
    store: &Store,
    vault: &Vault,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Mail>, StoreError> {
    let mut tx = store.platform().await?;
    let row = tx
        .row(
            "UPDATE mails SET claimed_until = $2, attempts = attempts + 1
             WHERE id = (SELECT id FROM mails WHERE state = 'due' AND due_at <= $1
                            AND claimed_until IS NULL
                         ORDER BY due_at, id LIMIT 1)
                AND claimed_until IS NULL
             RETURNING *",
            binds![now, until],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let id: Uuid = row.get("id")?;
    let body: Vec<u8> = row.get("body")?;
    let attempts: i64 = row.get("attempts")?;
    let mail = Mail {
        id,
        kind: row.get("kind")?,
        recipient: row.get("recipient")?,
        title: row.get("title")?,
        body: secrets::open_at(&mut tx, vault, &place(id), &body).await?,
        attempts: attempts - 1,
    };
    tx.commit().await?;
    Ok(Some(mail))
}

/// A mail was sent: its text is forgotten.
pub async fn sent(store: &Store, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
    let mut tx = store.platform().await?;
    tx.execute(
        "UPDATE mails SET state = 'sent', sent_at = $2, claimed_until = NULL, error = NULL, body = $3
         WHERE id = $1",
        binds![id, at, Vec::<u8>::new()],
    )
    .await?;
    tx.commit().await
}

/// A mail could not be sent: it is due again at `retry_at`, or never.
pub async fn unsent(
    store: &Store,
    id: Uuid,
    error: String,
    retry_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let mut tx = store.platform().await?;
    match retry_at {
        Some(retry_at) => {
            tx.execute(
                "UPDATE mails SET due_at = $2, claimed_until = NULL, error = $3 WHERE id = $1",
                binds![id, retry_at, error],
            )
            .await?;
        }
        None => {
            tx.execute(
                "UPDATE mails SET state = 'failed', claimed_until = NULL, error = $2, body = $3 WHERE id = $1",
                binds![id, error, Vec::<u8>::new()],
            )
            .await?;
        }
    }
    tx.commit().await
}

/// A mail may have been sent or not: it is not sent again, and its text is forgotten.
pub async fn unknown(tx: &mut Tx, id: Uuid, error: String) -> Result<(), StoreError> {
    tx.require_platform()?;
    tx.execute(
        "UPDATE mails SET state = 'unknown', claimed_until = NULL, error = $2, body = $3
         WHERE id = $1 AND state = 'due'",
        binds![id, error, Vec::<u8>::new()],
    )
    .await?;
    Ok(())
}

/// Gives up the mails that somebody claimed and has said nothing of in time: they may have been sent or not.
pub async fn lost(tx: &mut Tx, now: Timestamp) -> Result<Vec<Envelope>, StoreError> {
    tx.require_platform()?;
    let rows = tx
        .rows(
            "UPDATE mails SET state = 'unknown', claimed_until = NULL, error = $2, body = $3
             WHERE state = 'due' AND claimed_until <= $1 RETURNING id, recipient, title",
            binds![now, LOST, Vec::<u8>::new()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Envelope {
                id: row.get("id")?,
                recipient: row.get("recipient")?,
                title: row.get("title")?,
            })
        })
        .collect()
}

/// How many mails wait, and how many since `since` were given up or may have been sent or not.
pub async fn count(store: &Store, since: Timestamp) -> Result<Counts, StoreError> {
    let mut tx = store.platform_read().await?;
    let row = tx
        .only_row(
            "SELECT count(CASE WHEN state = 'due' THEN 1 END) AS due,
                count(CASE WHEN state = 'failed' AND created_at >= $1 THEN 1 END) AS failed,
                count(CASE WHEN state = 'unknown' AND created_at >= $1 THEN 1 END) AS unknown
             FROM mails",
            binds![since],
        )
        .await?;
    Ok(Counts {
        waiting: row.get("due")?,
        failed: row.get("failed")?,
        unknown: row.get("unknown")?,
    })
}

fn place(id: Uuid) -> String {
    format!("mail {id}")
}
