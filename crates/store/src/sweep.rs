//! Sweeping: deletes what has expired and says nothing to anybody any more, and anchors the audit log. Of no tenant.

use jiff::Timestamp;

use crate::audit::anchor::anchor_daily;
use crate::bind::binds;
use crate::error::StoreError;
use crate::store::Store;

/// How much was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions of browsers.
    pub sessions: u64,
    /// OAuth states that nobody came back with.
    pub oauth_states: u64,
    /// Tokens of screens inside other products.
    pub tokens: u64,
    /// Answers that were kept for whoever sends a write again.
    pub answers: u64,
    /// Ends of tenants' audit logs of which the platform's was told.
    pub anchored: u64,
}

/// Deletes sessions, OAuth states, tokens of embedded screens and kept answers that have expired. To leave them does no harm
/// but takes room: nothing finds them. Once a day, tells the platform's audit log where those of the tenants end.
pub async fn sweep(store: &Store, now: Timestamp) -> Result<Swept, StoreError> {
    let mut tx = store.platform().await?;
    let sessions = tx
        .execute("DELETE FROM sessions WHERE expires_at <= $1", binds![now])
        .await?;
    let oauth_states = tx
        .execute(
            "DELETE FROM oauth_states WHERE expires_at <= $1",
            binds![now],
        )
        .await?;
    let tokens = tx
        .execute(
            "DELETE FROM tokens WHERE embedded AND expires_at <= $1",
            binds![now],
        )
        .await?;
    let answers = tx
        .execute("DELETE FROM answers WHERE expires_at <= $1", binds![now])
        .await?;
    tx.commit().await?;
    let anchored = anchor_daily(store, now).await?;
    Ok(Swept {
        sessions,
        oauth_states,
        tokens,
        answers,
        anchored,
    })
}
