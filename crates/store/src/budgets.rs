//! What the nodes have taken from the budgets of accounts: one time for each, until when its requests last at the pace that
//! its provider allows. Whoever takes has the connection's row until the transaction ends, so that nothing is given twice.

use jiff::Timestamp;
use kalends_calendar::ids::ConnectionId;

use crate::bind::binds;
use crate::error::StoreError;
use crate::tx::Tx;

/// Until when what was taken lasts; the row is locked.
pub async fn locked(tx: &mut Tx, id: ConnectionId) -> Result<Option<Timestamp>, StoreError> {
    let binds = binds![tx.tenant, id];
    let row = tx
        .row(
            "UPDATE connections SET spent_until = spent_until WHERE tenant_id = $1 AND id = $2
             RETURNING spent_until",
            binds,
        )
        .await?;
    row.ok_or(StoreError::NotFound("connection"))?
        .opt("spent_until")
}

/// Keeps until when what was taken lasts now.
pub async fn keep(tx: &mut Tx, id: ConnectionId, spent_until: Timestamp) -> Result<(), StoreError> {
    let binds = binds![tx.tenant, id, spent_until];
    tx.execute(
        "UPDATE connections SET spent_until = $3 WHERE tenant_id = $1 AND id = $2",
        binds,
    )
    .await?;
    Ok(())
}
