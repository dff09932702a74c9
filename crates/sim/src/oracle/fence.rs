//! Looked up in the database each time a write begins: whether the writer still is the one to write.

use kalends_store::{Store, links};

use crate::plant;
use crate::stage::{Law, Stage};

/// Looks at the writes that began since the last look. Nobody has run since they did.
pub(crate) async fn look(stage: &Stage, store: &Store) -> anyhow::Result<()> {
    for begun in stage.begun() {
        plant::before_the_fence_is_looked_at(stage, store, &begun).await?;
        let mut tx = store.read(begun.tenant).await?;
        let links = links::list(&mut tx).await?;
        drop(tx);
        let holders: Vec<String> = links
            .into_iter()
            .filter(|link| {
                link.connection == begun.connection && link.remote_calendar == begun.remote
            })
            .map(|link| link.holder.unwrap_or_else(|| "nobody".to_owned()))
            .collect();
        if !holders.contains(&begun.holder) {
            stage.cry(
                Law::OldFence,
                format!(
                    "{} writes, and the link is held by {}",
                    begun.holder,
                    holders.join(", ")
                ),
            );
        }
    }
    Ok(())
}
