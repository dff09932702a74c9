//! Conflicts: recorded, replaced, and closed by a person.

use kalends_calendar::ids::ConflictId;
use kalends_calendar::merge::{Conflict, Field, Winner};
use kalends_calendar::plan::Step;
use kalends_calendar::rules::Direction;
use kalends_store::StoreError;
use kalends_store::conflicts::{self, ConflictState, Which};
use kalends_store::links;

use crate::fixture::{World, at, id};
use crate::harness::contract;

fn conflict(field: Field, remote: &str, winner: Winner) -> Conflict {
    Conflict {
        field,
        base: serde_json::Value::Null,
        local: serde_json::json!({ "title": "ours" }),
        remote: serde_json::json!(remote),
        winner,
    }
}

contract! {
    async fn an_open_conflict_is_replaced_and_a_decided_one_stays(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let event = world.take_in(&lease, "tea").await;
        let record = |conflict| vec![Step::RecordConflict { event, conflict }];
        for conflict in [
            conflict(Field::Title, "decided", Winner::Remote),
            conflict(Field::Title, "first", Winner::Undecided),
            conflict(Field::Time, "other field", Winner::Undecided),
            conflict(Field::Title, "second", Winner::Undecided),
        ] {
            assert_eq!(world.apply(&lease, record(conflict)).await.conflicts, 1);
        }
        let mut tx = world.begin().await;
        let all = conflicts::list(&mut tx, Which::All, 10).await.unwrap();
        assert_eq!(all.len(), 3);
        let open = conflicts::list(&mut tx, Which::Open, 10).await.unwrap();
        let mut told: Vec<_> = open.iter().map(|open| open.conflict.remote.as_str().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, ["other field", "second"]);
        let decided = all.iter().find(|one| one.state == ConflictState::Decided).unwrap();
        assert_eq!(decided.conflict, conflict(Field::Title, "decided", Winner::Remote));
        assert_eq!((decided.link, decided.event), (link, event));
        let mut fields = conflicts::open_fields(&mut tx, link, &[event]).await.unwrap();
        fields.sort();
        assert_eq!(fields, [(event, Field::Time), (event, Field::Title)]);

        let second = open.iter().find(|open| open.conflict.field == Field::Title).unwrap();
        conflicts::resolve(&mut tx, second.id, "ann", at(5)).await.unwrap();
        let closed = conflicts::get(&mut tx, second.id).await.unwrap().unwrap();
        assert_eq!((closed.state, closed.resolved_at, closed.resolved_by.as_deref()), (ConflictState::Resolved, Some(at(5)), Some("ann")));
        assert_eq!(conflicts::open_fields(&mut tx, link, &[event]).await.unwrap(), [(event, Field::Time)]);
        let missing = conflicts::resolve(&mut tx, ConflictId(id()), "ann", at(5)).await;
        assert!(matches!(missing, Err(StoreError::NotFound("conflict"))));
        let mut paged = Vec::new();
        let mut before = None;
        loop {
            let page = conflicts::page(&mut tx, Which::All, before, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.at, last.id));
            paged.extend(page.into_iter().map(|one| one.id));
        }
        assert_eq!(paged, all.iter().map(|one| one.id).collect::<Vec<_>>());
        links::delete(&mut tx, link, at(6)).await.unwrap();
        assert_eq!(conflicts::list(&mut tx, Which::Open, 10).await.unwrap(), []);
        assert_eq!(conflicts::list(&mut tx, Which::All, 2).await.unwrap().len(), 2);
    }
}
