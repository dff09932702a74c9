//! Accounts that were disconnected, and what becomes of what Kalends wrote there, as short stories.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use kalends_calendar::ids::{ConnectionId, EventId, LinkId, Uid};
use kalends_calendar::plan::Reason;
use kalends_calendar::provider::Mark;
use kalends_engine::worker::run_until;
use kalends_engine::{Outcome, Silent, claim};
use kalends_store::audit::{self, Filter};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::remote_writes::{self, WriteOp, WriteOutcome};
use kalends_store::{connections, departures, intents, links};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::trouble::Trouble;
use crate::world::{Remote, World, meeting};

/// An account with one event of its own, two that Kalends wrote there, and a link.
async fn account(world: &World, remote: &Arc<Remote>) -> LinkId {
    let link = world.link(remote).await;
    remote.put("/theirs.ics", meeting("theirs", "Theirs"));
    world.add("one", "One").await;
    world.add("two", "Two").await;
    world.sync(link).await;
    assert_eq!(remote.writes().len(), 2);
    link
}

async fn connection_of(world: &World, link: LinkId) -> ConnectionId {
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    links::get(&mut tx, link).await.unwrap().unwrap().connection
}

/// The account is disconnected; how many removals are owed.
async fn disconnect(world: &World, connection: ConnectionId) -> i64 {
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    let owed = departures::begin(&mut tx, connection, world.now())
        .await
        .unwrap();
    assert_eq!(connections::list(&mut tx).await.unwrap(), []);
    assert_eq!(connections::get(&mut tx, connection).await.unwrap(), None);
    assert_eq!(links::list(&mut tx).await.unwrap(), []);
    tx.commit().await.unwrap();
    owed
}

async fn is_leaving(world: &World, connection: ConnectionId) -> bool {
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    departures::get(&mut tx, connection)
        .await
        .unwrap()
        .is_some()
}

/// What the audit log tells of ends: how many were removed, how many stayed, and why it was over.
async fn told(world: &World) -> Vec<Value> {
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let filter = Filter {
        action: Some("connection.cleared".into()),
        ..Filter::default()
    };
    let kept = audit::list(&mut tx, &filter, None, 9).await.unwrap();
    kept.into_iter()
        .map(|kept| {
            let detail = kept.entry.detail;
            json!([detail["removed"], detail["stayed"], detail["why"]])
        })
        .collect()
}

fn ids(remote: &Arc<Remote>) -> Vec<String> {
    let mut ids = remote.ids();
    ids.retain(|id| id != "/theirs.ics");
    ids
}

async fn set_sync(world: &World, enabled: bool) {
    let mut tx = world.engine.store.administer(world.tenant).await.unwrap();
    features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(enabled))], world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_kalends_wrote_is_removed_and_nothing_else() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    assert_eq!(disconnect(&world, connection).await, 2);
    let late = world.add("late", "Made since").await;
    let report = world.sync(link).await;
    assert_eq!(
        (report.outcome, report.counts.pushed),
        (Outcome::Succeeded, 2)
    );
    assert_eq!(remote.titles(), ["Theirs"]);
    assert_eq!(remote.writes(), ["delete", "delete"]);
    assert_eq!(world.titles().await, ["Made since", "One", "Theirs", "Two"]);
    assert!(!is_leaving(&world, connection).await);
    assert_eq!(told(&world).await, [json!([2, 0, "done"])]);
    assert_eq!(
        claim(&world.engine, world.tenant, link).await.unwrap(),
        None
    );
    let ours = world.ours().await;
    let (one, _) = ours.iter().find(|(_, title)| title == "One").unwrap();
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    assert_eq!(remote_writes::list(&mut tx, late, 9).await.unwrap(), []);
    let writes = remote_writes::list(&mut tx, *one, 9).await.unwrap();
    let last = (writes[0].op, writes[0].outcome, writes[0].reason);
    let removal = (WriteOp::Delete, WriteOutcome::Done, Reason::Leaving);
    assert_eq!(last, removal);
}

#[tokio::test]
async fn an_edit_made_there_in_between_wins_and_a_new_version_of_the_same_does_not() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    disconnect(&world, connection).await;
    let [touched, edited] = &ids(&remote)[..] else {
        panic!("two were written")
    };
    remote.put(touched, remote.event(touched));
    let mut event = remote.event(edited);
    event.master.details.title = "Edited there".into();
    remote.put(edited, event);
    let report = world.sync(link).await;
    assert_eq!(remote.titles(), ["Edited there", "Theirs"]);
    assert_eq!(report.skipped.len(), 1);
    assert!(report.skipped[0].error.contains("changed there"));
    assert_eq!(told(&world).await, [json!([1, 1, "done"])]);
    assert_eq!(world.titles().await.len(), 3, "nothing came in any more");
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_found_out_before_it_is_repeated() {
    for trouble in [Trouble::LostAfterEffect, Trouble::LostBeforeSend] {
        let world = World::new().await;
        let remote = Remote::new();
        let link = account(&world, &remote).await;
        let connection = connection_of(&world, link).await;
        disconnect(&world, connection).await;
        *remote.trouble.lock().unwrap() = Some(trouble.clone());
        world.sync(link).await;
        assert!(is_leaving(&world, connection).await);
        world.wait(7_200);
        world.sync(link).await;
        assert_eq!(remote.titles(), ["Theirs"], "{trouble:?}");
        assert_eq!(remote.writes(), ["delete", "delete"], "{trouble:?}");
        assert_eq!(told(&world).await, [json!([2, 0, "done"])]);
    }
}

#[tokio::test]
async fn a_creation_of_which_nobody_knows_is_removed_where_it_arrived() {
    for (trouble, removed) in [(Trouble::LostAfterEffect, 1), (Trouble::LostBeforeSend, 0)] {
        for unwell in [false, true] {
            let world = World::new().await;
            let remote = Remote::new();
            let link = world.link(&remote).await;
            world.sync(link).await;
            world.add("one", "One").await;
            *remote.trouble.lock().unwrap() = Some(trouble.clone());
            world.sync(link).await;
            let connection = connection_of(&world, link).await;
            assert_eq!(disconnect(&world, connection).await, 1);
            if unwell {
                *remote.trouble.lock().unwrap() = Some(Trouble::Unwell);
                world.sync(link).await;
                world.wait(7_200);
            }
            if is_leaving(&world, connection).await {
                world.sync(link).await;
            }
            assert_eq!(remote.titles(), Vec::<String>::new(), "{trouble:?}");
            assert_eq!(told(&world).await, [json!([removed, 0, "done"])]);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_removed_within_a_week_stays() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    disconnect(&world, connection).await;
    for day in 0..7 {
        *remote.trouble.lock().unwrap() = Some(Trouble::Unwell);
        world.sync(link).await;
        // One of the two got through on the first day.
        assert_eq!(ids(&remote).len(), 1);
        assert!(is_leaving(&world, connection).await, "day {day}");
        world.wait(24 * 3_600);
    }
    *remote.trouble.lock().unwrap() = Some(Trouble::Unwell);
    world.sync(link).await;
    assert!(!is_leaving(&world, connection).await);
    assert_eq!(ids(&remote).len(), 1);
    assert_eq!(told(&world).await, [json!([1, 1, "time_up"])]);
}

#[tokio::test]
async fn a_dead_grant_ends_it_at_once() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    disconnect(&world, connection).await;
    *remote.trouble.lock().unwrap() = Some(Trouble::GrantDead);
    assert!(matches!(
        world.sync(link).await.outcome,
        Outcome::NeedsReconnect { .. }
    ));
    assert!(!is_leaving(&world, connection).await);
    assert_eq!(told(&world).await, [json!([0, 2, "grant_dead"])]);
    assert_eq!(remote.titles(), ["One", "Theirs", "Two"]);
}

#[tokio::test]
async fn what_is_refused_stays() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    disconnect(&world, connection).await;
    *remote.trouble.lock().unwrap() = Some(Trouble::Refused);
    world.sync(link).await;
    assert_eq!(told(&world).await, [json!([1, 1, "done"])]);
}

#[tokio::test]
async fn without_the_feature_it_waits_and_goes_on_with_it() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    disconnect(&world, connection).await;
    let leased = world.claim(link).await;
    set_sync(&world, false).await;
    assert_eq!(world.run(leased).await.outcome, Outcome::TakenOver);
    assert!(claim(&world.engine, world.tenant, link).await.is_err());
    assert_eq!(remote.titles(), ["One", "Theirs", "Two"]);
    assert!(is_leaving(&world, connection).await);
    set_sync(&world, true).await;
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Theirs"]);
    assert_eq!(told(&world).await, [json!([2, 0, "done"])]);
}

/// Done after it was asked so often.
struct After(u32);

impl Future for After {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.0.checked_sub(1) {
            Some(left) => self.0 = left,
            None => return Poll::Ready(()),
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_leaves_nothing_undone() {
    let mut cut = 0;
    for polls in (0..240).step_by(8) {
        let world = World::new().await;
        let remote = Remote::new();
        let link = account(&world, &remote).await;
        let connection = connection_of(&world, link).await;
        disconnect(&world, connection).await;
        let leased = world.claim(link).await;
        let ended = run_until(&world.engine, leased, &Silent, After(polls)).await;
        if ended.unwrap().is_none() {
            cut += 1;
        }
        world.wait(7_200);
        if is_leaving(&world, connection).await {
            world.sync(link).await;
        }
        assert_eq!(remote.titles(), ["Theirs"], "after {polls} looks");
        assert_eq!(remote.writes(), ["delete", "delete"]);
        assert_eq!(told(&world).await, [json!([2, 0, "done"])]);
    }
    assert!(cut > 3, "only {cut} runs were cut off");
}

#[tokio::test]
async fn the_same_calendar_linked_again_keeps_what_is_there() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    disconnect(&world, connection).await;
    let underway = world.claim(link).await;
    let again = world.link(&remote).await;
    assert_eq!(world.run(underway).await.outcome, Outcome::TakenOver);
    world.sync(again).await;
    world.sync(link).await;
    assert_eq!(told(&world).await, [json!([0, 2, "done"])]);
    world.sync(again).await;
    assert_eq!(remote.titles(), ["One", "Theirs", "Two"]);
    assert_eq!(world.titles().await, ["One", "Theirs", "Two"]);
    assert_eq!(remote.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_copy_that_another_link_keeps_in_step_stays() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let other = world.link(&remote).await;
    world.sync(other).await;
    let connection = connection_of(&world, link).await;
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    let owed = departures::begin(&mut tx, connection, world.now()).await;
    assert_eq!(owed.unwrap(), 2);
    tx.commit().await.unwrap();
    world.sync(link).await;
    world.sync(other).await;
    assert_eq!(told(&world).await, [json!([0, 2, "done"])]);
    assert_eq!(remote.titles(), ["One", "Theirs", "Two"]);
    assert_eq!(world.titles().await, ["One", "Theirs", "Two"]);
}

#[tokio::test]
async fn a_copy_that_somebody_elses_kalends_wrote_is_not_ours_to_remove() {
    let world = World::new().await;
    let remote = Remote::new();
    let mark = Mark {
        event: EventId(Uuid::from_u128(77)),
        uid: Uid::from("foreign"),
    };
    remote.put_marked("/foreign.ics", meeting("foreign", "Foreign"), Some(mark));
    let link = world.link(&remote).await;
    world.sync(link).await;
    world.rename("Foreign", "Renamed by us").await;
    world.sync(link).await;
    let connection = connection_of(&world, link).await;
    assert_eq!(disconnect(&world, connection).await, 0);
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Renamed by us"]);
    assert_eq!(told(&world).await, [json!([0, 0, "done"])]);
}

#[tokio::test]
async fn an_update_of_which_nobody_knows_is_no_edit_of_theirs() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = account(&world, &remote).await;
    let connection = connection_of(&world, link).await;
    // An update on its way, of which nobody knows whether it arrived.
    world.rename("One", "One, later").await;
    *remote.trouble.lock().unwrap() = Some(Trouble::LostAfterEffect);
    world.sync(link).await;
    remote.writes();
    assert_eq!(disconnect(&world, connection).await, 2);
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    assert_eq!(intents::count(&mut tx, link).await.unwrap(), 2);
    drop(tx);
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Theirs"]);
    assert_eq!(told(&world).await, [json!([2, 0, "done"])]);
}
