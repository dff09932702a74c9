//! Bad luck: crashes, machines that stop for a while, passwords that change, servers that forget.

use std::sync::Arc;

use crate::baton::TaskId;
use crate::node;
use crate::seams::Lots;
use crate::stage::Stage;

/// How long things go well, in milliseconds.
const QUIET_MS: std::ops::Range<i64> = 20_000..240_000;

/// How long a crashed node stays away, in milliseconds.
const AWAY_MS: std::ops::Range<i64> = 500..120_000;

/// How long a machine stops: shorter and longer than a lease lasts, in milliseconds.
const STOPPED_MS: std::ops::Range<i64> = 20_000..200_000;

/// Strikes until ended.
pub(crate) async fn strike(stage: Arc<Stage>, lots: Arc<Lots>, mut nodes: Vec<TaskId>) {
    let mut starts = vec![0; nodes.len()];
    loop {
        stage.baton.pause(lots.length(QUIET_MS)).await;
        let (kind, number) = lots.draw(|chance| {
            let number = usize::try_from(chance.below(nodes.len() as u64)).unwrap_or(0);
            (chance.below(100), number)
        });
        match kind {
            0..55 => {
                stage.baton.say(&format!("node {number} crashes"));
                stage.baton.crash(nodes[number]);
                stage.baton.pause(lots.length(AWAY_MS)).await;
                starts[number] += 1;
                nodes[number] = node::start(&stage, number, starts[number]);
            }
            55..75 => {
                stage.baton.say(&format!("node {number} stops for a while"));
                stage.baton.stall(nodes[number], lots.length(STOPPED_MS));
            }
            75..88 => {
                let places = stage.cast().places();
                let place = lots.draw(|chance| chance.pick(&places).clone());
                if let Ok(collection) = stage.world().collection_mut(&place) {
                    collection.kill_tokens();
                }
                stage.baton.say(&format!("{place} forgets its tokens"));
            }
            _ => {
                let accounts = &stage.cast().accounts;
                let (account, number) =
                    lots.draw(|chance| (chance.pick(accounts).clone(), chance.below(1_000_000)));
                if let Some(remote) = stage.world().accounts.get_mut(&account.user) {
                    remote.password = format!("new password {number}");
                }
                stage
                    .baton
                    .say(&format!("{} has a new password", account.user));
            }
        }
    }
}
