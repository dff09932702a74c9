//! Bad luck: crashes, machines that stop for a while, passwords that change, servers that forget.

use std::sync::Arc;

use kalends_sandbox::Place;

use crate::baton::TaskId;
use crate::seams::Lots;
use crate::stage::{Account, Stage};
use crate::{face, node};

/// How long things go well, in milliseconds.
const QUIET_MS: std::ops::Range<i64> = 20_000..240_000;

/// How long a crashed node stays away, in milliseconds.
const AWAY_MS: std::ops::Range<i64> = 500..120_000;

/// How long a machine stops: shorter and longer than a lease lasts, in milliseconds.
const STOPPED_MS: std::ops::Range<i64> = 20_000..200_000;

/// A server forgets what its sync tokens stood for.
fn forget_tokens(stage: &Stage, place: &Place) {
    let mut world = stage.world();
    if let Ok(collection) = world.collection_mut(place) {
        collection.kill_tokens();
    } else if let Some(calendar) = world.google.calendars.get_mut(&place.collection) {
        calendar.kill_tokens();
    } else {
        // Whose it is else is a mailbox.
        let _ = world.microsoft.bump_generation(&face::email(&place.user));
    }
}

/// What opened an account opens it no more: for good, or until it is refreshed.
fn shut_out(stage: &Stage, account: &Account, number: u64) {
    let user = &account.user;
    let now = stage.baton.now();
    let mut world = stage.world();
    if let Some(remote) = world.accounts.get_mut(user) {
        remote.password = format!("new password {number}");
    }
    let mut what = "has a new password";
    if let Some(oauth) = account.face.oauth(&mut world) {
        if number.is_multiple_of(2) {
            oauth.revoke_grant(&face::holder(user));
            what = "takes the consent back";
        } else {
            oauth.expire_access(&face::email(user), now);
            what = "needs a new token";
        }
    }
    drop(world);
    stage.baton.say(&format!("{user} {what}"));
}

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
                forget_tokens(&stage, &place);
                stage.baton.say(&format!("{place} forgets its tokens"));
            }
            _ => {
                let accounts = &stage.cast().accounts;
                let (account, number) =
                    lots.draw(|chance| (chance.pick(accounts).clone(), chance.below(1_000_000)));
                shut_out(&stage, &account, number);
            }
        }
    }
}
