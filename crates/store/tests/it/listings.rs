//! Listings under way: their place is kept with what they named, and is gone when it is of no use any more.

use kalends_calendar::ids::{Cursor, LinkId, RunId};
use kalends_calendar::provider::Part;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_store::leases::Lease;
use kalends_store::links::{self, LinkSettings};
use kalends_store::listings::{self, Place};
use kalends_store::{ApplyError, Batch, CursorMove, LeaseError, apply};

use crate::fixture::{World, at, id};
use crate::harness::contract;

fn part(series: &str, id: &str, text: &str) -> Part {
    Part {
        series: series.to_owned(),
        id: id.to_owned(),
        text: text.to_owned(),
    }
}

fn place(page: &str) -> Place {
    Place {
        page: page.to_owned(),
        count: 500,
        at: at(1),
    }
}

/// A page of a listing with this number.
fn page(generation: i64, next: Option<&str>, parts: Vec<Part>) -> Batch {
    let mut batch = Batch::new(RunId(id()), at(1));
    batch.generation = Some(generation);
    batch.place = next.map(place);
    batch.parts = parts;
    batch
}

async fn parts(world: &World, link: LinkId, generation: i64, after: Option<&str>) -> Vec<String> {
    let mut tx = world.read().await;
    let parts = listings::parts(&mut tx, link, generation, after, 2)
        .await
        .unwrap();
    let name = |part: Part| format!("{}/{}={}", part.series, part.id, part.text);
    parts.into_iter().map(name).collect()
}

async fn begun(world: &World) -> (LinkId, Lease) {
    let link = world.link(Direction::TwoWay).await;
    let lease = world.lease(link, 0).await;
    (link, lease)
}

contract! {
    async fn a_place_is_kept_with_its_page_and_goes_with_the_end(db) {
        let world = World::new(&db.store, "a").await;
        let (link, lease) = begun(&world).await;
        assert_eq!(world.look(link).await.listing, None);
        apply(&db.store, &lease, page(1, Some("two"), Vec::new())).await.unwrap();
        assert_eq!(world.look(link).await.listing, Some(place("two")));
        // What says nothing of it leaves it as it is.
        apply(&db.store, &lease, page(1, None, Vec::new())).await.unwrap();
        assert_eq!(world.look(link).await.listing, Some(place("two")));
        let mut end = page(1, None, Vec::new());
        end.complete = true;
        end.cursor = CursorMove::Set(Cursor("c".to_owned()));
        apply(&db.store, &lease, end).await.unwrap();
        let link = world.look(link).await;
        assert_eq!((link.listing, link.live), (None, true));
    }

    async fn a_listing_of_another_number_takes_the_place_away(db) {
        let world = World::new(&db.store, "a").await;
        let (link, lease) = begun(&world).await;
        apply(&db.store, &lease, page(1, Some("two"), Vec::new())).await.unwrap();
        apply(&db.store, &lease, page(2, None, Vec::new())).await.unwrap();
        assert_eq!(world.look(link).await.listing, None);
        apply(&db.store, &lease, page(3, Some("two again"), Vec::new())).await.unwrap();
        assert_eq!(world.look(link).await.listing, Some(place("two again")));
        let mut clear = Batch::new(RunId(id()), at(2));
        clear.cursor = CursorMove::Clear;
        apply(&db.store, &lease, clear).await.unwrap();
        assert_eq!(world.look(link).await.listing, None);
    }

    async fn other_rules_take_the_place_away_and_another_policy_does_not(db) {
        let world = World::new(&db.store, "a").await;
        let (link, lease) = begun(&world).await;
        apply(&db.store, &lease, page(1, Some("two"), Vec::new())).await.unwrap();
        for (detail, expected) in [(Detail::Full, Some(place("two"))), (Detail::Busy, None)] {
            let mut tx = world.begin().await;
            let settings = LinkSettings {
                direction: Direction::TwoWay,
                detail,
                conflict_policy: ConflictPolicy::Ask,
            };
            links::update_settings(&mut tx, link, settings, at(2)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(world.look(link).await.listing, expected);
        }
        let late = apply(&db.store, &lease, page(1, Some("three"), Vec::new())).await;
        assert!(matches!(late, Err(ApplyError::Fenced)));
    }

    async fn parts_wait_by_series_until_they_are_put_together(db) {
        let world = World::new(&db.store, "a").await;
        let (link, lease) = begun(&world).await;
        let first = vec![part("b", "b", "1"), part("a", "a2", "1"), part("b", "b", "2")];
        apply(&db.store, &lease, page(1, Some("two"), first)).await.unwrap();
        let second = vec![part("a", "a", "1"), part("b", "b", "3"), part("c", "c", "1")];
        apply(&db.store, &lease, page(1, Some("three"), second)).await.unwrap();
        assert_eq!(parts(&world, link, 1, None).await, ["a/a=1", "a/a2=1", "b/b=3"], "two series");
        assert_eq!(parts(&world, link, 1, Some("b")).await, ["c/c=1"]);
        // Of another listing, and of another tenant's, there are none.
        assert_eq!(parts(&world, link, 2, None).await, [""; 0]);
        let other = World::new(&db.store, "b").await;
        assert_eq!(parts(&other, link, 1, None).await, [""; 0]);

        let mut done = page(1, None, Vec::new());
        done.assembled = vec!["a".to_owned(), "b".to_owned()];
        apply(&db.store, &lease, done).await.unwrap();
        assert_eq!(parts(&world, link, 1, None).await, ["c/c=1"]);
        // A listing that was never finished leaves nothing behind when the next one is.
        let mut end = page(2, None, vec![part("d", "d", "1")]);
        end.complete = true;
        apply(&db.store, &lease, end).await.unwrap();
        for generation in [1, 2] {
            assert_eq!(parts(&world, link, generation, None).await, [""; 0]);
        }
    }

    async fn a_page_under_an_old_lease_leaves_no_place(db) {
        let world = World::new(&db.store, "a").await;
        let (link, lease) = begun(&world).await;
        world.set_sync(Some(false)).await;
        let late = apply(&db.store, &lease, page(1, Some("two"), vec![part("a", "a", "1")])).await;
        assert!(matches!(late, Err(ApplyError::Fenced)), "{late:?}");
        assert_eq!(world.look(link).await.listing, None);
        let mut lease = lease;
        let late = kalends_store::leases::renew(&db.store, &mut lease, at(9)).await;
        assert!(matches!(late, Err(LeaseError::Fenced)));
    }
}
