//! What lies outside the bounds of a link's first import: remembered, found by UID, and never forgotten for going unnamed.

use jiff::civil::date;
use kalends_calendar::ids::{EventId, LinkId, RemoteCalendarId, RemoteId, RunId, Uid, Version};
use kalends_calendar::plan::{Fingerprint, ImportBounds, LeftOutside, Step};
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_store::links::{self, NewLink};
use kalends_store::{Batch, apply, outside, skips};

use crate::fixture::{World, at, id, taken_in};
use crate::harness::contract;

fn remote(name: &str) -> RemoteId {
    RemoteId(format!("/cal/{name}.ics"))
}

fn left(name: &str, version: Option<&str>) -> Step {
    Step::LeaveOutside(LeftOutside {
        remote_id: remote(name),
        version: version.map(|version| Version(version.to_owned())),
        fingerprint: Fingerprint(format!("print of {name}")),
        uid: Uid(format!("{name}@example.com")),
    })
}

contract! {
    async fn a_link_keeps_the_days_that_bound_it(db) {
        let world = World::new(&db.store, "a").await;
        for (first_day, last_day) in [
            (None, None),
            (Some(date(2026, 1, 31)), None),
            (Some(date(2026, 1, 1)), Some(date(2026, 12, 31))),
        ] {
            let link = LinkId(id());
            let bounds = ImportBounds { first_day, last_day };
            let new = NewLink {
                id: link,
                calendar: world.calendar,
                connection: world.connection,
                remote_calendar: RemoteCalendarId(format!("/cal/{link}/")),
                direction: Direction::TwoWay,
                detail: Detail::Full,
                conflict_policy: ConflictPolicy::Newest,
                bounds,
                created_at: at(0),
            };
            let mut tx = world.begin().await;
            links::insert(&mut tx, new).await.unwrap();
            tx.commit().await.unwrap();
            let kept = world.look(link).await;
            assert_eq!((kept.bounds, kept.leaving), (bounds, false));
        }
    }

    async fn what_lies_outside_is_no_error_and_is_found_again(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let other = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let bad = Step::Skip { remote_id: remote("bad"), version: None, error: "line 7".to_owned() };
        let applied = world
            .apply(&lease, vec![left("old", Some("1")), bad, left("older", None), left("old", Some("2"))])
            .await;
        assert_eq!((applied.outside, applied.skipped), (3, 1));
        let mut tx = world.read().await;
        let told = skips::list(&mut tx, link).await.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].remote_id.clone(), told[0].outside.clone()), (remote("bad"), None));
        assert_eq!(outside::count(&mut tx, link).await.unwrap(), 2);
        let known = skips::get(&mut tx, link, &[remote("old"), remote("none")]).await.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].version, Some(Version("2".to_owned())));
        assert_eq!(known[0].outside, Some(Fingerprint("print of old".to_owned())));
        let uid = Uid("older@example.com".to_owned());
        assert_eq!(outside::of_uid(&mut tx, link, &uid).await.unwrap(), [remote("older")]);
        assert_eq!(outside::of_uid(&mut tx, other, &uid).await.unwrap(), []);
        assert_eq!(outside::count(&mut tx, other).await.unwrap(), 0);
        let bad = Uid("bad@example.com".to_owned());
        assert_eq!(outside::of_uid(&mut tx, link, &bad).await.unwrap(), []);
    }

    async fn a_uid_of_any_length_is_found(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let long = "ü".repeat(4_000);
        world.apply(&lease, vec![left(&long, None)]).await;
        let mut tx = world.read().await;
        let uid = Uid(format!("{long}@example.com"));
        assert_eq!(outside::of_uid(&mut tx, link, &uid).await.unwrap(), [remote(&long)]);
    }

    async fn only_what_is_taken_in_refused_or_gone_lies_outside_no_more(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let mut batch = Batch::new(RunId(id()), at(1));
        batch.generation = Some(1);
        batch.complete = true;
        batch.steps = ["named", "unnamed", "taken", "gone", "broken"].map(|name| left(name, Some("1"))).into();
        apply(&db.store, &lease, batch).await.unwrap();
        let mut batch = Batch::new(RunId(id()), at(2));
        batch.generation = Some(2);
        batch.complete = true;
        batch.seen = vec![remote("named")];
        batch.gone = vec![remote("gone")];
        batch.steps = taken_in(EventId(id()), "taken");
        batch.steps.push(Step::Skip { remote_id: remote("broken"), version: None, error: "line 7".to_owned() });
        apply(&db.store, &lease, batch).await.unwrap();
        let mut tx = world.read().await;
        assert_eq!(outside::count(&mut tx, link).await.unwrap(), 2);
        assert_eq!(outside::unseen(&mut tx, link, 2, None, 9).await.unwrap(), [remote("unnamed")]);
        let both = [remote("named"), remote("unnamed")];
        assert_eq!(outside::unseen(&mut tx, link, 3, None, 9).await.unwrap(), both);
        assert_eq!(outside::unseen(&mut tx, link, 3, None, 1).await.unwrap(), both[..1]);
        assert_eq!(outside::unseen(&mut tx, link, 3, Some(&both[0]), 9).await.unwrap(), both[1..]);
        assert_eq!(skips::list(&mut tx, link).await.unwrap().len(), 1);
        drop(tx);
        world.apply(&lease, vec![left("broken", Some("2"))]).await;
        let mut tx = world.read().await;
        assert_eq!(skips::list(&mut tx, link).await.unwrap(), []);
        assert_eq!(outside::count(&mut tx, link).await.unwrap(), 3);
    }
}
