//! Events: edits with revisions, histories, the change feed, and finding.

use kalends_calendar::event::{Event, RecurrenceId};
use kalends_calendar::ids::{CalendarId, EventId, Uid};
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::Direction;
use kalends_calendar::time::{Length, Start};
use kalends_store::events::{self, Window};
use kalends_store::{EditError, StoreError};

use crate::fixture::{World, at, edit, event, event_at, id};
use crate::harness::contract;

async fn add(world: &World, body: &Event) -> EventId {
    let event = EventId(id());
    let mut tx = world.begin().await;
    events::create(&mut tx, world.calendar, event, body, &edit("added", 1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    event
}

async fn titles(world: &World, from: &str, to: &str) -> Vec<String> {
    let mut tx = world.read().await;
    let window = Window {
        from: Some(from.parse().unwrap()),
        to: Some(to.parse().unwrap()),
    };
    let page = events::list_range(&mut tx, Some(world.calendar), window, None, 100)
        .await
        .unwrap();
    page.events
        .into_iter()
        .map(|event| event.body.unwrap().master.details.title)
        .collect()
}

contract! {
    async fn an_event_goes_through_its_life_and_keeps_every_version(db) {
        let world = World::new(&db.store, "a").await;
        let first = event("Tea");
        let event_id = add(&world, &first).await;
        let mut second = first.clone();
        "Coffee ☕ \u{0}".clone_into(&mut second.master.details.title);
        let mut tx = world.begin().await;
        let revision = events::update(&mut tx, event_id, Revision(1), &second, &edit("edited", 2)).await.unwrap();
        assert_eq!(revision, Revision(2));
        let revision = events::delete(&mut tx, event_id, Revision(2), &edit("deleted", 3)).await.unwrap();
        assert_eq!(revision, Revision(3));
        tx.commit().await.unwrap();

        let mut tx = world.begin().await;
        let gone = events::get(&mut tx, event_id).await.unwrap().unwrap();
        assert_eq!((gone.revision, gone.deleted, gone.body), (Revision(3), true, None));
        let old = events::version(&mut tx, event_id, Revision(1)).await.unwrap().unwrap();
        assert_eq!(old.body.as_ref(), Some(&first));
        events::update(&mut tx, event_id, Revision(3), &first, &edit("restored version 1", 4)).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = world.read().await;
        let back = events::get(&mut tx, event_id).await.unwrap().unwrap();
        assert_eq!((back.revision, back.deleted, back.updated_at), (Revision(4), false, at(4)));
        assert_eq!(back.body, Some(first));
        let history = events::history(&mut tx, event_id).await.unwrap();
        let told: Vec<_> = history
            .iter()
            .map(|version| (version.revision.0, version.deleted, version.cause.reason.as_str(), version.at))
            .collect();
        assert_eq!(told, [
            (1, false, "added", at(1)),
            (2, false, "edited", at(2)),
            (3, true, "deleted", at(3)),
            (4, false, "restored version 1", at(4)),
        ]);
        // A NUL is kept by neither database, alike.
        for after in 0..=2 {
            let rest = events::history_after(&mut tx, event_id, Revision(after), 1).await.unwrap();
            let expected: Vec<_> = history.iter().skip(usize::try_from(after).unwrap()).take(1).cloned().collect();
            assert_eq!(rest, expected, "after {after}");
        }
        let kept = history[1].body.as_ref().unwrap();
        assert_eq!(kept.master.details.title, "Coffee ☕ \u{fffd}");
    }

    async fn a_stale_revision_changes_nothing(db) {
        let world = World::new(&db.store, "a").await;
        let event_id = add(&world, &event("Tea")).await;
        let mut tx = world.begin().await;
        events::update(&mut tx, event_id, Revision(1), &event("Milk"), &edit("edited", 2)).await.unwrap();
        for from in [0, 1, 3] {
            let late = events::update(&mut tx, event_id, Revision(from), &event("Late"), &edit("edited", 3)).await;
            assert!(matches!(late, Err(EditError::Stale(id)) if id == event_id));
            let late = events::delete(&mut tx, event_id, Revision(from), &edit("deleted", 3)).await;
            assert!(matches!(late, Err(EditError::Stale(id)) if id == event_id));
        }
        let nowhere = events::delete(&mut tx, EventId(id()), Revision(1), &edit("deleted", 3)).await;
        assert!(matches!(nowhere, Err(EditError::Store(StoreError::NotFound("event")))));
        tx.commit().await.unwrap();
        let mut tx = world.read().await;
        assert_eq!(events::history(&mut tx, event_id).await.unwrap().len(), 2);
    }

    async fn an_event_is_made_once(db) {
        let world = World::new(&db.store, "a").await;
        let event_id = add(&world, &event("Tea")).await;
        let mut tx = world.begin().await;
        let again = events::create(&mut tx, world.calendar, event_id, &event("Tea"), &edit("added", 1)).await;
        assert!(matches!(again, Err(StoreError::Taken(_))));
        let mut tx = {
            drop(tx);
            world.begin().await
        };
        let nowhere = events::create(&mut tx, CalendarId(id()), EventId(id()), &event("Tea"), &edit("added", 1)).await;
        assert!(matches!(nowhere, Err(StoreError::NotFound("calendar"))));
    }

    async fn the_change_feed_rises_and_pages(db) {
        let world = World::new(&db.store, "a").await;
        let one = add(&world, &event("One")).await;
        let two = add(&world, &event("Two")).await;
        let mut tx = world.begin().await;
        events::delete(&mut tx, one, Revision(1), &edit("deleted", 2)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.read().await;
        let mut seq = 0;
        let mut told = Vec::new();
        loop {
            let page = events::changes_since(&mut tx, seq, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.iter().all(|change| change.seq > seq));
            seq = last.seq;
            told.extend(page.into_iter().map(|change| (change.event, change.deleted)));
        }
        assert_eq!(told, [(one, false), (two, false), (one, true)]);
    }

    async fn events_are_found_by_uid_and_by_mark(db) {
        let world = World::new(&db.store, "a").await;
        let tea = add(&world, &event("Tea")).await;
        let mut long = event("Long");
        long.uid = Uid("ü".repeat(4000));
        let long_id = add(&world, &long).await;
        let mut like_long = event("LikeLong");
        like_long.uid = Uid(format!("{}!", "ü".repeat(4000)));
        add(&world, &like_long).await;
        let mut tx = world.begin().await;
        events::delete(&mut tx, tea, Revision(1), &edit("deleted", 2)).await.unwrap();
        let uids = [Uid("Tea@example.com".to_owned()), long.uid, Uid("none".to_owned())];
        let mut found = events::find_by_uid(&mut tx, world.calendar, &uids).await.unwrap();
        found.sort_by_key(|head| head.id);
        let told: Vec<_> = found.iter().map(|head| (head.id, head.deleted)).collect();
        assert_eq!(told, [(tea, true), (long_id, false)]);
        let marks = [long_id, EventId(id())];
        let found = events::find_anywhere(&mut tx, &marks).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id, found[0].calendar), (long_id, world.calendar));
        assert_eq!(events::find_anywhere(&mut tx, &[]).await.unwrap(), []);
    }

    async fn many_events_are_read_at_once(db) {
        let world = World::new(&db.store, "a").await;
        let mut ids = Vec::new();
        let mut tx = world.begin().await;
        for n in 0..300 {
            let event_id = EventId(id());
            events::create(&mut tx, world.calendar, event_id, &event(&format!("E{n}")), &edit("added", 1)).await.unwrap();
            ids.push(event_id);
        }
        for count in [0, 1, 2, 5, 17, 64, 128, 129, 300] {
            let read = events::get_many(&mut tx, &ids[..count]).await.unwrap();
            assert_eq!(read.len(), count);
        }
    }

    async fn a_window_is_half_open_and_series_are_listed_by_their_whole_span(db) {
        let world = World::new(&db.store, "a").await;
        add(&world, &event_at("early", "2026-01-05T08:00:00", 3600)).await;
        add(&world, &event_at("touching", "2026-01-05T09:00:00", 3600)).await;
        add(&world, &event_at("inside", "2026-01-05T10:00:00", 3600)).await;
        add(&world, &event_at("instant", "2026-01-05T10:00:00", 0)).await;
        add(&world, &event_at("after", "2026-01-05T11:00:00", 3600)).await;
        let deleted = add(&world, &event_at("deleted", "2026-01-05T10:00:00", 3600)).await;
        let mut series = event_at("series", "2020-01-05T10:00:00", 3600);
        series.recurrence_rules = vec![
            serde_json::from_value(serde_json::json!({ "frequency": "daily" })).unwrap(),
        ];
        add(&world, &series).await;
        let mut all_day = event_at("all day", "2026-01-05T00:00:00", 0);
        all_day.master.start = Start::AllDay("2026-01-05".parse().unwrap());
        all_day.master.duration = Length::days(1);
        add(&world, &all_day).await;
        let mut moved = event_at("moved", "2025-06-01T10:00:00", 3600);
        let mut replaced = moved.master.clone();
        replaced.start = replaced.start.at("2026-01-05T10:30:00".parse().unwrap());
        moved.recurrence_overrides.insert(
            RecurrenceId("2025-06-01T10:00:00".parse().unwrap()),
            kalends_calendar::event::Override::Replaced(Box::new(replaced)),
        );
        add(&world, &moved).await;
        let mut tx = world.begin().await;
        events::delete(&mut tx, deleted, Revision(1), &edit("deleted", 2)).await.unwrap();
        tx.commit().await.unwrap();
        let mut found = titles(&world, "2026-01-05T10:00:00+01:00", "2026-01-05T11:00:00+01:00").await;
        found.sort();
        assert_eq!(found, ["all day", "inside", "instant", "moved", "series"]);
        let found = titles(&world, "2019-01-05T10:00:00+01:00", "2019-01-05T11:00:00+01:00").await;
        assert!(found.is_empty(), "{found:?}");
        // The day of Berlin, not of UTC.
        let found = titles(&world, "2026-01-04T22:50:00Z", "2026-01-04T23:00:00Z").await;
        assert_eq!(found, ["series", "moved"]);
    }

    async fn a_list_pages_by_key_without_gap_or_repetition(db) {
        let world = World::new(&db.store, "a").await;
        let mut tx = world.begin().await;
        for n in 0..10 {
            // Pairs start at the same moment.
            let local = format!("2026-01-0{}T10:00:00", 1 + n / 2);
            let body = event_at(&format!("{n}"), &local, 3600);
            events::create(&mut tx, world.calendar, EventId(id()), &body, &edit("added", 1)).await.unwrap();
        }
        let mut read = Vec::new();
        let mut after = None;
        loop {
            let page = events::list_range(&mut tx, None, Window::default(), after, 3).await.unwrap();
            read.extend(page.events.into_iter().map(|event| event.body.unwrap().master.details.title));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }

    async fn unmirrored_events_are_what_a_new_link_owes(db) {
        let world = World::new(&db.store, "a").await;
        let ours = add(&world, &event("ours")).await;
        let more = add(&world, &event("more")).await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        world.take_in(&lease, "theirs").await;
        // What is owed already is not owed anew: it may be waiting, or refused.
        add(&world, &event("made since")).await;
        let mut tx = world.read().await;
        assert_eq!(events::unmirrored(&mut tx, link, world.calendar, None, None).await.unwrap(), [ours, more]);
        assert_eq!(events::unmirrored(&mut tx, link, world.calendar, Some(ours), None).await.unwrap(), [more]);
        assert_eq!(events::unmirrored(&mut tx, link, world.calendar, None, Some(ours)).await.unwrap(), [ours]);
        let end = events::stretch_end(&mut tx, None, 1).await.unwrap();
        assert!(end.is_some_and(|end| end <= ours));
        assert_eq!(events::stretch_end(&mut tx, None, 9).await.unwrap(), None);
    }

    async fn times_far_off_are_kept(db) {
        let world = World::new(&db.store, "a").await;
        let event_id = add(&world, &event_at("creation", "-009000-01-05T08:00:00", 3600)).await;
        add(&world, &event_at("doom", "9999-12-01T08:00:00", 3600)).await;
        let mut tx = world.read().await;
        let page = events::list_range(&mut tx, None, Window::default(), None, 10).await.unwrap();
        assert_eq!(page.events.len(), 2);
        assert_eq!(page.events[0].id, event_id);
    }
}
