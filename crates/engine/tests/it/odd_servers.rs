//! Servers that break, meddle, normalise and keep what was deleted, each as a short story.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use jiff::SignedDuration;
use kalends_calendar::event::Event;
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::{ConflictPolicy, Direction};
use kalends_engine::worker::run_until;
use kalends_engine::{Outcome, Silent};
use kalends_store::intents::{self, IntentState};
use kalends_store::links;

use crate::trouble::{Trouble, set_sync};
use crate::world::{Remote, World, meeting};

#[tokio::test]
async fn an_item_that_the_server_cannot_give_out_stalls_nothing() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    for n in 0..4 {
        remote.put(
            &format!("/{n}.ics"),
            meeting(&n.to_string(), &format!("Event {n}")),
        );
    }
    remote.corrupt.lock().unwrap().push("/1.ics".into());
    world.add("ours", "Ours").await;
    for _ in 0..2 {
        assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    }
    assert_eq!(
        world.titles().await,
        ["Event 0", "Event 2", "Event 3", "Ours"]
    );
    assert_eq!(remote.titles().len(), 5, "ours went out");
    // Nor when its own write has an unknown outcome.
    world.rename("Event 2", "Ours, too").await;
    *remote.trouble.lock().unwrap() = Some(Trouble::LostAfterEffect);
    world.sync(link).await;
    remote.corrupt.lock().unwrap().push("/2.ics".into());
    for n in [0, 3] {
        let changed = meeting(&n.to_string(), &format!("Event {n}, later"));
        remote.put(&format!("/{n}.ics"), changed);
    }
    world.wait(7200);
    world.add("more", "More").await;
    assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    assert!(remote.titles().contains(&"More".to_owned()));
    remote.corrupt.lock().unwrap().clear();
    world.wait(7200);
    world.sync(link).await;
    assert!(world.titles().await.contains(&"Event 1".to_owned()));
}

#[tokio::test]
async fn an_edit_between_a_write_and_the_look_at_it_is_put_back_where_the_link_only_pushes() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world
        .link_as(
            &remote,
            world.calendar,
            Direction::Push,
            ConflictPolicy::Local,
        )
        .await;
    world.add("a", "Ours").await;
    world.sync(link).await;
    world.rename("Ours", "Ours again").await;
    remote
        .between
        .lock()
        .unwrap()
        .push(|event| event.master.details.title = "Theirs, at once".into());
    world.sync(link).await;
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Ours again"]);
    assert_eq!(world.titles().await, ["Ours again"]);
}

#[tokio::test]
async fn what_a_provider_makes_of_every_write_is_not_written_again_and_again() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world
        .link_as(
            &remote,
            world.calendar,
            Direction::Push,
            ConflictPolicy::Local,
        )
        .await;
    let shout = |event: &mut Event| {
        let title = &mut event.master.details.title;
        *title = title.to_uppercase();
    };
    remote
        .between
        .lock()
        .unwrap()
        .extend([shout as fn(&mut Event); 9]);
    world.add("a", "Ours").await;
    for _ in 0..4 {
        world.sync(link).await;
    }
    assert_eq!(remote.titles(), ["OURS"]);
    assert_eq!(remote.writes(), ["create Ours", "update Ours"]);
}

#[tokio::test]
async fn a_uid_that_is_taken_elsewhere_gets_another() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    remote.put("/a.ics", meeting("same", "First"));
    world.sync(link).await;
    world.add("same", "Second").await;
    assert_eq!(world.sync(link).await.counts.pushed, 1);
    assert_eq!(remote.titles(), ["First", "Second"]);
    world.sync(link).await;
    assert_eq!(world.titles().await, ["First", "Second"]);
}

#[tokio::test]
async fn an_event_comes_back_as_often_as_it_is_restored_though_the_bin_keeps_its_uids() {
    let world = World::new().await;
    let remote = Remote::new();
    *remote.bin.lock().unwrap() = Some(Vec::new());
    let link = world.link(&remote).await;
    let id = world.add("same", "Standup").await;
    world.sync(link).await;
    for _ in 0..3 {
        world.delete("Standup").await;
        world.sync(link).await;
        assert!(remote.titles().is_empty());
        world.restore(id, Revision(1)).await;
        for _ in 0..3 {
            let report = world.sync(link).await;
            assert!(report.skipped.is_empty(), "{:?}", report.skipped);
            world.wait(1);
        }
        assert_eq!(remote.titles(), ["Standup"]);
    }
}

#[tokio::test]
async fn something_that_undoes_every_write_is_stopped() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world
        .link_as(
            &remote,
            world.calendar,
            Direction::Push,
            ConflictPolicy::Local,
        )
        .await;
    world.add("a", "Ours").await;
    world.sync(link).await;
    let id = remote.ids()[0].clone();
    let mut pushed = 0;
    for _ in 0..40 {
        remote.put(&id, meeting("a", "Another tool's"));
        pushed += world.sync(link).await.counts.pushed;
    }
    assert_eq!(pushed, 19, "with the creation, twenty in the hour");
    world.wait(3_700);
    world.sync(link).await;
    assert_eq!(remote.titles(), ["Ours"]);
}

#[tokio::test]
async fn a_server_is_left_alone_though_the_run_that_heard_it_was_taken_over() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    let slow = world.claim(link).await;
    world.wait(7200);
    let other = world.claim(link).await;
    let until = world.now() + SignedDuration::from_hours(1);
    *remote.left_alone_until.lock().unwrap() = Some(until);
    assert_eq!(world.run(slow).await.outcome, Outcome::TakenOver);
    remote.put("/1.ics", meeting("1", "Not fetched yet"));
    assert!(matches!(
        world.run(other).await.outcome,
        Outcome::Failed { retry_at, .. } if retry_at >= until
    ));
    assert!(world.titles().await.is_empty(), "nothing was asked for");
}

#[tokio::test]
async fn a_run_stops_where_the_tenant_loses_the_feature_and_the_next_goes_on() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    world.add("a", "Ours").await;
    *remote.trouble.lock().unwrap() = Some(Trouble::LostAfterEffect);
    world.sync(link).await;
    world.wait(3_600);
    remote.put("/1.ics", meeting("1", "Theirs"));
    world.add("b", "Ours, too").await;
    remote.writes();
    let leased = world.claim(link).await;
    set_sync(&world.engine.store, world.tenant, false).await;
    assert_eq!(world.run(leased).await.outcome, Outcome::TakenOver);
    assert_eq!(remote.writes(), Vec::<String>::new());
    assert_eq!(world.titles().await, ["Ours", "Ours, too"]);
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let kept = links::get(&mut tx, link).await.unwrap().unwrap();
    assert_eq!((kept.due_at, kept.holder), (Some(world.now()), None));
    assert_eq!(intents::count(&mut tx, link).await.unwrap(), 2);
    drop(tx);
    set_sync(&world.engine.store, world.tenant, true).await;
    assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    assert_eq!(
        remote.writes(),
        ["create Ours, too"],
        "what had landed is not sent again"
    );
    let both = ["Ours", "Ours, too", "Theirs"];
    assert_eq!(
        (world.titles().await, remote.titles()),
        (
            both.map(String::from).to_vec(),
            both.map(String::from).to_vec()
        )
    );
}

#[tokio::test]
async fn what_a_provider_made_of_a_write_is_kept_though_the_feature_was_lost_while_it_was_sent() {
    let world = World::new().await;
    let remote = Remote::new();
    let link = world.link(&remote).await;
    world.add("a", "Ours").await;
    world.sync(link).await;
    world.rename("Ours", "Ours again").await;
    world.add("b", "Not sent any more").await;
    remote.writes();
    remote
        .between
        .lock()
        .unwrap()
        .push(|event| event.master.details.title = "OURS AGAIN".into());
    let (store, tenant) = (world.engine.store.clone(), world.tenant);
    *remote.trouble.lock().unwrap() = Some(Trouble::FeatureLost(store.clone(), tenant));
    let leased = world.claim(link).await;
    assert_eq!(world.run(leased).await.outcome, Outcome::TakenOver);
    assert_eq!(remote.writes(), ["update Ours again"]);
    // What was sent is settled, as the provider has it; what was not waits.
    assert_eq!(world.titles().await, ["Not sent any more", "OURS AGAIN"]);
    let mut tx = store.read(tenant).await.unwrap();
    let left = intents::due(&mut tx, link, jiff::Timestamp::MAX, 9)
        .await
        .unwrap();
    let states: Vec<IntentState> = left.iter().map(|intent| intent.state).collect();
    assert_eq!(states, [IntentState::Due]);
    drop(tx);
    set_sync(&store, tenant, true).await;
    assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    assert_eq!(remote.writes(), ["create Not sent any more"]);
    assert_eq!(remote.titles(), ["Not sent any more", "OURS AGAIN"]);
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
async fn a_run_that_is_stopped_gives_its_link_back_wherever_it_stands() {
    let mut stopped = 0;
    for polls in (0..400).step_by(20) {
        let world = World::new().await;
        let remote = Remote::new();
        let link = world.link(&remote).await;
        for n in 0..8 {
            remote.put(&format!("/{n}.ics"), meeting(&n.to_string(), "Theirs"));
        }
        world.add("ours", "Ours").await;
        let leased = world.claim(link).await;
        let ended = run_until(&world.engine, leased, &Silent, After(polls)).await;
        if ended.unwrap().is_none() {
            stopped += 1;
            let mut tx = world.engine.store.read(world.tenant).await.unwrap();
            let link = links::get(&mut tx, link).await.unwrap().unwrap();
            assert_eq!(link.lease_until, None, "after {polls} looks");
        }
    }
    assert!(stopped > 0, "no run was stopped");
}
