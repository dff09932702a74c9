//! The operator: connects accounts again, and has a word on deletions that the brake holds.

use std::sync::Arc;

use kalends_calendar::event::Event;
use kalends_store::connections::{self, ConnectionState};
use kalends_store::links::DueReason;
use kalends_store::{Store, StoreError, events, held, links};

use crate::face::{self, Face};
use crate::ledger::{Deed, Side, What};
use crate::seams::Lots;
use crate::stage::{Law, Stage};

/// How long the operator sleeps, in milliseconds.
const ASLEEP_MS: std::ops::Range<i64> = 60_000..300_000;

/// Looks after things until ended.
pub(crate) async fn look_after(stage: Arc<Stage>, lots: Arc<Lots>) {
    let store = match Store::open(&crate::node::address(&stage)).await {
        Ok(store) => store,
        Err(error) => return stage.cry(Law::Broken, format!("no store for the operator: {error}")),
    };
    loop {
        stage.baton.pause(lots.length(ASLEEP_MS)).await;
        let confirm = lots.draw(|chance| chance.percent(60));
        if let Err(error) = look(&stage, &store, confirm).await {
            stage.cry(Law::Broken, format!("the operator cannot work: {error}"));
        }
    }
}

/// A person gives us what opens their account now: the password, or a consent.
pub(crate) fn give_what_opens(stage: &Stage, user: &str) {
    let account = stage.cast().account(user);
    let face = account.map_or(Face::Caldav, |account| account.face);
    let now = stage.baton.now();
    let mut world = stage.world();
    let consent = face::consent(&mut world, face, user, now);
    let password = world.accounts.get(user).map(|there| there.password.clone());
    drop(world);
    match consent {
        Some(pair) => stage.ledger().set_grant(user, pair),
        None => stage
            .ledger()
            .set_password(user, &password.unwrap_or_default()),
    }
}

/// One look at everything: accounts are connected again, held deletions are confirmed or refused.
pub(crate) async fn look(stage: &Stage, store: &Store, confirm: bool) -> Result<(), StoreError> {
    let now = stage.baton.now();
    for (index, tenant) in stage.cast().tenants.iter().enumerate() {
        let mut tx = store.begin(tenant.id).await?;
        let mut reconnected = false;
        for connection in connections::list(&mut tx).await? {
            if connection.state == ConnectionState::ReconnectNeeded {
                give_what_opens(stage, &connection.user);
                connections::set_state(&mut tx, connection.id, ConnectionState::Ok, None).await?;
                stage
                    .baton
                    .say(&format!("connects {} again", connection.name));
                reconnected = true;
            }
        }
        if reconnected {
            links::make_all_due(&mut tx, now, DueReason::User).await?;
        }
        for link in links::list(&mut tx).await? {
            let held = held::list(&mut tx, link.id).await?;
            if held.iter().all(|held| held.confirmed) {
                continue;
            }
            if confirm {
                held::confirm(&mut tx, link.id, now).await?;
                stage.baton.say(&format!(
                    "confirms {} held deletions of {}",
                    held.len(),
                    link.id
                ));
                continue;
            }
            held::refuse(&mut tx, link.id, now).await?;
            stage.baton.say(&format!(
                "refuses {} held deletions of {}",
                held.len(),
                link.id
            ));
            for held in held {
                let stored = events::get(&mut tx, held.event).await?;
                let Some(uid) = stored
                    .and_then(|stored| stored.body)
                    .map(|body: Event| body.uid.0)
                else {
                    continue;
                };
                stage.ledger().deeds.push(Deed {
                    at: now,
                    tenant: index,
                    uid,
                    side: Side::Ours(link.calendar, held.event),
                    what: What::Kept,
                });
            }
        }
        tx.commit().await?;
    }
    Ok(())
}
