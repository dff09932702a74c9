//! A first import that is bound to some days, as short stories.

use std::sync::Arc;

use jiff::civil::date;
use kalends_calendar::event::Event;
use kalends_calendar::ids::{EventId, LinkId, Uid};
use kalends_calendar::plan::ImportBounds;
use kalends_calendar::provider::Mark;
use kalends_calendar::recurrence::{Frequency, Rule};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_calendar::time::{Start, ZoneId};
use kalends_engine::{Outcome, Silent, dry_run};
use kalends_store::links::{self, LinkSettings, NewLink};
use kalends_store::remote_writes::{self, WriteOp};
use kalends_store::{outside, skips};
use uuid::Uuid;

use crate::trouble::Listing;
use crate::world::{Remote, World, meeting};

/// An event in a year, otherwise as [`meeting`].
fn meeting_in(year: i16, uid: &str, title: &str) -> Event {
    let mut event = meeting(uid, title);
    event.master.start = Start::Zoned {
        local: date(year, 12, 1).at(9, 0, 0, 0),
        zone: ZoneId("Europe/Berlin".into()),
    };
    event
}

/// The same link made anew, bound to December 2026.
async fn bind(world: &World, link: LinkId) -> LinkId {
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    let old = links::get(&mut tx, link).await.unwrap().unwrap();
    links::delete(&mut tx, link, world.now()).await.unwrap();
    let id = LinkId(world.engine.ids.next());
    let new = NewLink {
        id,
        calendar: old.calendar,
        connection: old.connection,
        remote_calendar: old.remote_calendar,
        direction: old.direction,
        detail: old.detail,
        conflict_policy: old.conflict_policy,
        bounds: ImportBounds {
            first_day: Some(date(2026, 12, 1)),
            last_day: Some(date(2026, 12, 31)),
        },
        created_at: world.now(),
    };
    links::insert(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn bound_link(world: &World, remote: &Arc<Remote>) -> LinkId {
    let link = world.link(remote).await;
    bind(world, link).await
}

async fn outside_count(world: &World, link: LinkId) -> i64 {
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    outside::count(&mut tx, link).await.unwrap()
}

/// Now, then after the server has forgotten its changes, and at the daily look at everything.
async fn sync_in_every_way(world: &World, remote: &Arc<Remote>, link: LinkId) {
    world.sync(link).await;
    *remote.forgotten.lock().unwrap() = usize::MAX;
    assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
    *remote.forgotten.lock().unwrap() = 0;
    world.wait(25 * 3_600);
    assert_eq!(world.sync(link).await.outcome, Outcome::Succeeded);
}

#[tokio::test]
async fn only_what_touches_the_days_is_imported_and_later_changes_are() {
    let world = World::new().await;
    let remote = Remote::new();
    remote.put("/old.ics", meeting_in(2020, "old", "Long ago"));
    remote.put("/now.ics", meeting("now", "Within"));
    remote.put("/late.ics", meeting_in(2031, "late", "Far ahead"));
    let mut weekly = meeting_in(2020, "weekly", "Weekly since long ago");
    weekly.recurrence_rules = vec![Rule::every(Frequency::Weekly)];
    remote.put("/weekly.ics", weekly);
    let link = bound_link(&world, &remote).await;
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let stored = links::get(&mut tx, link).await.unwrap().unwrap();
    drop(tx);
    let planned = dry_run(&world.engine, world.tenant, stored, &Silent).await;
    assert_eq!(planned.unwrap().plan.len(), 2);

    let report = world.sync(link).await;
    assert_eq!((report.counts.created, report.counts.outside), (2, 2));
    assert_eq!((report.counts.skipped, report.skipped.len()), (0, 0));
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    assert_eq!(skips::list(&mut tx, link).await.unwrap(), []);
    drop(tx);
    sync_in_every_way(&world, &remote, link).await;
    assert_eq!(world.titles().await, ["Weekly since long ago", "Within"]);

    remote.put("/old.ics", meeting_in(2020, "old", "Long ago, told anew"));
    world.sync(link).await;
    remote.put("/new.ics", meeting_in(2032, "new", "Made since"));
    *remote.forgotten.lock().unwrap() = usize::MAX;
    world.sync(link).await;
    assert_eq!(
        world.titles().await,
        [
            "Long ago, told anew",
            "Made since",
            "Weekly since long ago",
            "Within"
        ]
    );
    assert_eq!(outside_count(&world, link).await, 1);
    assert_eq!(remote.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn an_event_of_ours_that_stands_outside_already_is_not_doubled() {
    let world = World::new().await;
    let remote = Remote::new();
    remote.put("/old.ics", meeting_in(2020, "same", "Long ago"));
    let link = bound_link(&world, &remote).await;
    world.sync(link).await;
    let id = world.add("same", "Long ago").await;
    world.sync(link).await;
    world.sync(link).await;
    assert_eq!(remote.ids(), ["/old.ics"]);
    assert_eq!(world.mirrors(link).await, 1);
    assert_eq!(outside_count(&world, link).await, 0);
    let mut tx = world.engine.store.read(world.tenant).await.unwrap();
    let writes = remote_writes::list(&mut tx, id, 9).await.unwrap();
    assert!(
        writes.iter().all(|write| write.op != WriteOp::Create),
        "a server that allows two of one UID was never asked to make a second"
    );
}

#[tokio::test]
async fn what_a_broken_server_does_not_show_for_a_while_is_no_news_afterwards() {
    let world = World::new().await;
    let remote = Remote::new();
    for n in 0..20 {
        let old = meeting_in(2020, &n.to_string(), "Long ago");
        remote.put(&format!("/{n}.ics"), old);
    }
    remote.put("/now.ics", meeting("now", "Within"));
    let link = bound_link(&world, &remote).await;
    world.sync(link).await;
    for listing in [Listing::Empty, Listing::Fails, Listing::Honest] {
        *remote.listing.lock().unwrap() = listing;
        world.wait(25 * 3_600);
        world.sync(link).await;
    }
    assert_eq!(world.titles().await, ["Within"]);
    assert_eq!(outside_count(&world, link).await, 20);
    // What is really gone is forgotten, and comes in if it ever comes back.
    remote.remove("/7.ics");
    world.sync(link).await;
    assert_eq!(outside_count(&world, link).await, 19);
    remote.put("/7.ics", meeting_in(2020, "7", "Made again"));
    world.sync(link).await;
    assert_eq!(world.titles().await, ["Made again", "Within"]);
    remote.remove("/8.ics");
    world.wait(25 * 3_600);
    world.sync(link).await;
    assert_eq!(outside_count(&world, link).await, 18);
    // The deletions of what is mirrored count for themselves.
    remote.remove("/now.ics");
    world.sync(link).await;
    assert_eq!(world.titles().await, ["Made again"]);
}

#[tokio::test]
async fn what_could_not_be_read_at_first_is_bound_too() {
    let world = World::new().await;
    let remote = Remote::new();
    remote.put("/old.ics", meeting_in(2020, "old", "Long ago"));
    remote.put("/now.ics", meeting("now", "Within"));
    *remote.corrupt.lock().unwrap() = vec!["/old.ics".into(), "/now.ics".into()];
    let link = bound_link(&world, &remote).await;
    world.sync(link).await;
    remote.corrupt.lock().unwrap().clear();
    world.wait(7_200);
    world.sync(link).await;
    assert_eq!(world.titles().await, ["Within"]);
    assert_eq!(outside_count(&world, link).await, 1);
}

#[tokio::test]
async fn unlinking_and_linking_again_finds_what_is_here_and_leaves_out_the_rest() {
    let world = World::new().await;
    let remote = Remote::new();
    remote.put("/old.ics", meeting_in(2020, "old", "Long ago"));
    remote.put(
        "/gone.ics",
        meeting_in(2021, "gone", "Deleted here meanwhile"),
    );
    let all = world.link(&remote).await;
    world.sync(all).await;
    let bound = bind(&world, all).await;
    world.delete("Deleted here meanwhile").await;
    remote.put("/older.ics", meeting_in(2019, "older", "Longer ago"));
    sync_in_every_way(&world, &remote, bound).await;
    assert_eq!(world.titles().await, ["Long ago"]);
    assert_eq!(world.mirrors(bound).await, 1);
    assert_eq!(remote.ids().len(), 3, "nothing was deleted there");
    assert_eq!(remote.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_database_finds_its_own_events_outside_the_days_too() {
    let world = World::new().await;
    let remote = Remote::new();
    let mark = Mark {
        event: EventId(Uuid::from_u128(77)),
        uid: Uid::from("ours"),
    };
    remote.put_marked("/ours.ics", meeting_in(2020, "ours", "Ours"), Some(mark));
    remote.put("/old.ics", meeting_in(2020, "old", "Theirs"));
    let link = bound_link(&world, &remote).await;
    sync_in_every_way(&world, &remote, link).await;
    assert_eq!(world.titles().await, ["Ours"]);
    assert_eq!(remote.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_link_that_begins_to_receive_is_bound_as_it_was_made() {
    let world = World::new().await;
    let remote = Remote::new();
    remote.put("/old.ics", meeting_in(2020, "old", "Long ago"));
    remote.put("/now.ics", meeting("now", "Within"));
    let link = world
        .link_as(
            &remote,
            world.calendar,
            Direction::Push,
            ConflictPolicy::Remote,
        )
        .await;
    let link = bind(&world, link).await;
    world.sync(link).await;
    assert_eq!(world.titles().await, Vec::<String>::new());
    let mut tx = world.engine.store.begin(world.tenant).await.unwrap();
    let both = LinkSettings {
        direction: Direction::TwoWay,
        detail: Detail::Full,
        conflict_policy: ConflictPolicy::Remote,
    };
    links::update_settings(&mut tx, link, both, world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.sync(link).await;
    assert_eq!(world.titles().await, ["Within"]);
}
