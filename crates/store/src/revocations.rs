//! Grants that are to be taken back at their provider: owed from the moment their account goes, until the provider was told
//! or it is given up. Nothing else is left of them.
//!
//! A refresh token goes over as it was sealed, under the key of its tenant and in its place, so that nobody has to be able to
//! open it to owe this. What is owed for an account that goes twice is owed once.

use jiff::Timestamp;
use kalends_calendar::ids::{ConnectionId, TenantId};
use secrecy::SecretString;

use crate::bind::binds;
use crate::error::StoreError;
use crate::mailbox::{self, AuthServer};
use crate::row::Row;
use crate::secrets;
use crate::store::{PLATFORM, Store};
use crate::tx::Tx;
use crate::vault::{Purpose, Vault};

/// A grant that is to be taken back, claimed by somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Whose it was; [`PLATFORM`] for the mailbox.
    pub tenant: TenantId,
    /// Where.
    pub provider: AuthServer,
    /// Of whom there.
    pub subject: String,
    /// The connection that is gone; none for the mailbox.
    pub connection: Option<ConnectionId>,
    /// Since when it is owed.
    pub since: Timestamp,
    /// How often it was tried before.
    pub attempts: i64,
    /// Until when nobody else tries. It is what proves that nothing else was owed meanwhile.
    until: Timestamp,
}

/// Owes the grant of a connection that is about to go, if it was connected by OAuth.
pub(crate) async fn owe(
    tx: &mut Tx,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, connection, at];
    tx.execute(
        "INSERT INTO revocations
            (tenant_id, provider, subject, connection_id, refresh_token, owed_since, due_at, attempts)
         SELECT c.tenant_id, c.provider, c.subject, c.id, s.sealed, $3, $3, 0 FROM connections c
         JOIN secrets s ON s.tenant_id = c.tenant_id AND s.connection_id = c.id
            AND s.purpose = 'refresh_token'
         WHERE c.tenant_id = $1 AND c.id = $2 AND c.subject IS NOT NULL
         ON CONFLICT (tenant_id, provider, subject) DO UPDATE SET
            connection_id = excluded.connection_id, refresh_token = excluded.refresh_token,
            owed_since = excluded.owed_since, due_at = excluded.due_at, attempts = 0",
        binds,
    )
    .await?;
    Ok(())
}

/// Owes the grant of the mailbox that is about to go, if there is one.
pub(crate) async fn owe_mailbox(tx: &mut Tx, at: Timestamp) -> Result<(), StoreError> {
    tx.require_platform()?;
    let binds = binds![PLATFORM, at];
    tx.execute(
        "INSERT INTO revocations
            (tenant_id, provider, subject, refresh_token, owed_since, due_at, attempts)
         SELECT $1, provider, subject, refresh_token, $2, $2, 0 FROM mailbox WHERE id = 1
         ON CONFLICT (tenant_id, provider, subject) DO UPDATE SET
            refresh_token = excluded.refresh_token, owed_since = excluded.owed_since,
            due_at = excluded.due_at, attempts = 0",
        binds,
    )
    .await?;
    Ok(())
}

/// Claims the one that is due the longest; none if none is. Nobody else gets it before `until`. Across tenants.
pub async fn claim(
    store: &Store,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Owed>, StoreError> {
    let mut tx = store.platform().await?;
    let row = tx
        .row(
            "UPDATE revocations SET due_at = $2, attempts = attempts + 1
             WHERE (tenant_id, provider, subject) IN
                (SELECT tenant_id, provider, subject FROM revocations WHERE due_at <= $1
                 ORDER BY due_at, tenant_id, provider, subject LIMIT 1)
                AND due_at <= $1
             RETURNING *",
            binds![now, until],
        )
        .await?;
    let owed = row.map(|row| read(&row)).transpose()?;
    tx.commit().await?;
    Ok(owed)
}

/// Whether an account is connected for any tenant, or is the platform's mailbox: then its grant is in use, and is taken back
/// with the last of them. Only that, and not for whom.
pub async fn is_used(
    store: &Store,
    provider: AuthServer,
    subject: &str,
) -> Result<bool, StoreError> {
    let mut tx = store.platform_read().await?;
    tx.only_row(
        "SELECT EXISTS (SELECT 1 FROM connections WHERE provider = $1 AND subject = $2)
            OR EXISTS (SELECT 1 FROM mailbox WHERE provider = $1 AND subject = $2) AS used",
        binds![provider, subject],
    )
    .await?
    .get("used")
}

impl Owed {
    /// Begins a transaction of whose it was.
    pub async fn begin(&self, store: &Store) -> Result<Tx, StoreError> {
        if self.tenant == PLATFORM {
            store.platform().await
        } else {
            store.begin(self.tenant).await
        }
    }

    /// Begins a transaction of whose it was that only reads.
    pub async fn read(&self, store: &Store) -> Result<Tx, StoreError> {
        if self.tenant == PLATFORM {
            store.platform_read().await
        } else {
            store.read(self.tenant).await
        }
    }

    /// The refresh token; none if it is owed no more, or anew.
    pub async fn token(
        &self,
        tx: &mut Tx,
        vault: &Vault,
    ) -> Result<Option<SecretString>, StoreError> {
        let binds = binds![self.tenant, self.provider, &*self.subject, self.until];
        let row = tx
            .row(
                "SELECT refresh_token FROM revocations
                 WHERE tenant_id = $1 AND provider = $2 AND subject = $3 AND due_at = $4",
                binds,
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed: Vec<u8> = row.get("refresh_token")?;
        let token = match self.connection {
            Some(connection) => {
                secrets::open(tx, vault, (connection, Purpose::RefreshToken), &sealed).await?
            }
            None => secrets::open_at(tx, vault, mailbox::REFRESH_PLACE, &sealed).await?,
        };
        Ok(Some(token))
    }

    /// It is over, and the token is gone; false if it was owed anew meanwhile, which stays.
    pub async fn settle(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let binds = binds![self.tenant, self.provider, &*self.subject, self.until];
        let touched = tx
            .execute(
                "DELETE FROM revocations
                 WHERE tenant_id = $1 AND provider = $2 AND subject = $3 AND due_at = $4",
                binds,
            )
            .await?;
        Ok(touched > 0)
    }

    /// It is tried again at this time, unless it was owed anew meanwhile.
    pub async fn put_off(&self, tx: &mut Tx, retry_at: Timestamp) -> Result<(), StoreError> {
        let binds = binds![
            self.tenant,
            self.provider,
            &*self.subject,
            self.until,
            retry_at
        ];
        tx.execute(
            "UPDATE revocations SET due_at = $5
             WHERE tenant_id = $1 AND provider = $2 AND subject = $3 AND due_at = $4",
            binds,
        )
        .await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<Owed, StoreError> {
    let attempts: i64 = row.get("attempts")?;
    Ok(Owed {
        tenant: row.get("tenant_id")?,
        provider: row.get("provider")?,
        subject: row.get("subject")?,
        connection: row.opt("connection_id")?,
        since: row.get("owed_since")?,
        attempts: attempts - 1,
        until: row.get("due_at")?,
    })
}
