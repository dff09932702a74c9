//! Answers to writes that come with a key: kept for a day, for whoever asked, and for nobody else.

use kalends_calendar::ids::{TenantId, UserId};
use kalends_store::answers::{self, Answer, Asked, Ending, Known, Place, RequestHash};
use kalends_store::members::Role;
use kalends_store::sweep::{Swept, sweep};
use kalends_store::{PLATFORM, Store, StoreError};

use crate::fixture::{World, at, id, user};
use crate::harness::contract;

const PAY: RequestHash = RequestHash([1; 32]);
const OTHER: RequestHash = RequestHash([2; 32]);
/// A day, in minutes.
const DAY: i64 = 24 * 60;

fn place(tenant: TenantId, user: UserId, key: &str) -> Place {
    Place {
        tenant,
        user,
        key: key.to_owned(),
    }
}

fn asked(request: RequestHash, minute: i64) -> Asked {
    Asked {
        request,
        role: Some(Role::Manager),
        at: at(minute),
    }
}

async fn begin(store: &Store, place: &Place, request: RequestHash, minute: i64) -> Known {
    answers::begin(store, place, &asked(request, minute))
        .await
        .unwrap()
}

fn made() -> Answer {
    Answer {
        status: 201,
        kind: Some("application/json".to_owned()),
        tag: Some("\"1\"".to_owned()),
        body: b"{\"made\":\"\\u0000\"}\0".to_vec(),
    }
}

contract! {
    async fn what_was_answered_is_answered_again_for_a_day(db) {
        let world = World::new(&db.store, "a").await;
        let ann = user(&db.store, "ann").await;
        for tenant in [world.tenant, PLATFORM] {
            let place = place(tenant, ann, "order 7");
            assert_eq!(begin(&db.store, &place, PAY, 0).await, Known::New);
            assert_eq!(begin(&db.store, &place, PAY, 1).await, Known::Running { since: at(0) });
            assert_eq!(begin(&db.store, &place, OTHER, 1).await, Known::Another);
            // What is no end of this request changes nothing.
            answers::finish(&db.store, &place, OTHER, Ending::Withheld(500)).await.unwrap();
            answers::forget(&db.store, &place, OTHER).await.unwrap();
            answers::finish(&db.store, &place, PAY, Ending::Answered(made())).await.unwrap();
            answers::finish(&db.store, &place, PAY, Ending::Withheld(500)).await.unwrap();
            answers::forget(&db.store, &place, PAY).await.unwrap();
            let again = Known::Answered { answer: made(), role: Some(Role::Manager) };
            assert_eq!(begin(&db.store, &place, PAY, DAY - 1).await, again);
            assert_eq!(begin(&db.store, &place, OTHER, DAY - 1).await, Known::Another);
            assert_eq!(begin(&db.store, &place, OTHER, DAY).await, Known::New);
        }
    }

    async fn a_secret_is_not_kept_and_what_failed_may_be_sent_again(db) {
        let world = World::new(&db.store, "a").await;
        let ann = user(&db.store, "ann").await;
        let place = place(world.tenant, ann, "k");
        assert_eq!(begin(&db.store, &place, PAY, 0).await, Known::New);
        answers::forget(&db.store, &place, PAY).await.unwrap();
        assert_eq!(begin(&db.store, &place, PAY, 1).await, Known::New);
        answers::finish(&db.store, &place, PAY, Ending::Withheld(201)).await.unwrap();
        assert_eq!(begin(&db.store, &place, PAY, 2).await, Known::Withheld { role: Some(Role::Manager) });
        assert_eq!(sweep(&db.store, at(DAY)).await.unwrap(), Swept::default());
        assert_eq!(sweep(&db.store, at(DAY + 1)).await.unwrap(), Swept { answers: 1, ..Swept::default() });
    }

    async fn a_key_is_that_of_one_user_in_one_tenant(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let ann = user(&db.store, "ann").await;
        let bob = user(&db.store, "bob").await;
        for (tenant, user) in [(a.tenant, ann), (b.tenant, ann), (a.tenant, bob), (PLATFORM, ann)] {
            assert_eq!(begin(&db.store, &place(tenant, user, "k"), PAY, 0).await, Known::New);
        }
        let nobody = answers::begin(&db.store, &place(a.tenant, UserId(id()), "k"), &asked(PAY, 0)).await;
        assert!(matches!(nobody, Err(StoreError::Reference(_))), "{nobody:?}");
        let long = answers::begin(&db.store, &place(a.tenant, ann, &"k".repeat(256)), &asked(PAY, 0)).await;
        assert!(long.is_err());
    }

    async fn of_two_that_come_at_once_one_is_carried_out(db) {
        let world = World::new(&db.store, "a").await;
        let ann = user(&db.store, "ann").await;
        let place = place(world.tenant, ann, "k");
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (store, place) = (db.store.clone(), place.clone());
                tokio::spawn(async move { begin(&store, &place, PAY, 0).await })
            })
            .collect();
        let mut new = 0;
        for task in tasks {
            match task.await.unwrap() {
                Known::New => new += 1,
                Known::Running { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(new, 1);
    }
}
