//! Tenants, connections, remote calendars, calendars, runs and the audit log: what goes in comes out.

use kalends_calendar::event::Address;
use kalends_calendar::ids::{CalendarId, ConnectionId, Cursor, RemoteCalendarId, RunId, TenantId};
use kalends_calendar::provider::{Access, RemoteCalendar};
use kalends_calendar::rules::Direction;
use kalends_calendar::time::ZoneId;
use kalends_store::StoreError;
use kalends_store::calendars::{self, Calendar};
use kalends_store::connections::{self, ConnectionState};
use kalends_store::links::DueReason;
use kalends_store::remote_calendars;
use kalends_store::runs::{self, NewRun, RunEnd, RunState};
use kalends_store::tenants::{self, NewTenant};

use crate::fixture::{World, at, id};
use crate::harness::contract;

contract! {
    async fn tenants_are_found_by_slug_and_listed(db) {
        let b = World::new(&db.store, "b").await;
        let a = World::new(&db.store, "a").await;
        let found = tenants::by_slug(&db.store, "b").await.unwrap().unwrap();
        assert_eq!((found.id, found.created_at), (b.tenant, at(0)));
        assert_eq!(tenants::by_slug(&db.store, "c").await.unwrap(), None);
        let all = tenants::list(&db.store).await.unwrap();
        let ids: Vec<_> = all.iter().map(|tenant| tenant.id).collect();
        assert_eq!(ids, [a.tenant, b.tenant]);
        let again = NewTenant {
            id: TenantId(id()),
            slug: "a".to_owned(),
            name: String::new(),
            created_at: at(1),
        };
        let error = tenants::create(&db.store, again).await.unwrap_err();
        assert_eq!(error.to_string(), "a row of tenants exists already");
    }

    async fn tenants_are_read_page_by_page_and_renamed(db) {
        for slug in ["b", "a", "c"] {
            World::new(&db.store, slug).await;
        }
        let first = tenants::page(&db.store, None, 2).await.unwrap();
        let rest = tenants::page(&db.store, Some(&first[1].slug), 2).await.unwrap();
        let slugs: Vec<_> = first.iter().chain(&rest).map(|tenant| tenant.slug.as_str()).collect();
        assert_eq!(slugs, ["a", "b", "c"]);
        assert_eq!(tenants::page(&db.store, Some("c"), 2).await.unwrap(), []);
        let a = first[0].id;
        let mut tx = db.store.administer(a).await.unwrap();
        tenants::rename(&mut tx, "Ärzte & Söhne").await.unwrap();
        tx.commit().await.unwrap();
        let found = tenants::by_id(&db.store, a).await.unwrap().unwrap();
        assert_eq!((found.slug.as_str(), found.name.as_str(), found.plan), ("a", "Ärzte & Söhne", None));
        let nobody = TenantId(id());
        assert_eq!(tenants::by_id(&db.store, nobody).await.unwrap(), None);
        let mut tx = db.store.administer(nobody).await.unwrap();
        let error = tenants::rename(&mut tx, "x").await.unwrap_err();
        assert_eq!(error.to_string(), "no such tenant");
    }

    async fn a_connection_keeps_its_state_and_the_providers_word(db) {
        let world = World::new(&db.store, "a").await;
        let mut tx = world.begin().await;
        connections::set_state(
            &mut tx,
            world.connection,
            ConnectionState::ReconnectNeeded,
            Some("the password is wrong".to_owned()),
        )
        .await
        .unwrap();
        connections::set_retry_at(&mut tx, world.connection, Some(at(5))).await.unwrap();
        let me = vec![Address::new("mailto:Ann@example.org")];
        connections::set_me(&mut tx, world.connection, &me).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = world.read().await;
        let kept = connections::get(&mut tx, world.connection).await.unwrap().unwrap();
        assert_eq!(kept.state, ConnectionState::ReconnectNeeded);
        assert_eq!(kept.problem.as_deref(), Some("the password is wrong"));
        assert_eq!(kept.retry_at, Some(at(5)));
        assert_eq!(kept.me, me);
        assert_eq!(kept.settings, serde_json::json!({ "home": "/ann/" }));
        assert_eq!(connections::list(&mut tx).await.unwrap(), [kept]);
        drop(tx);

        let mut tx = world.begin().await;
        let other = world.new_connection(ConnectionId(id()), "Radicale");
        let taken = connections::insert(&mut tx, other).await.unwrap_err();
        assert!(matches!(taken, StoreError::Taken(_)), "{taken}");
    }

    async fn a_connection_in_use_is_not_deleted(db) {
        let world = World::new(&db.store, "a").await;
        world.link(Direction::TwoWay).await;
        let mut tx = world.begin().await;
        let error = connections::delete(&mut tx, world.connection, at(9)).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        drop(tx);
        let unused = ConnectionId(id());
        let mut tx = world.begin().await;
        connections::insert(&mut tx, world.new_connection(unused, "Other")).await.unwrap();
        connections::delete(&mut tx, unused, at(9)).await.unwrap();
        let error = connections::delete(&mut tx, unused, at(9)).await.unwrap_err();
        assert_eq!(error.to_string(), "no such connection");
    }

    async fn discovery_is_kept_and_refreshed(db) {
        let world = World::new(&db.store, "a").await;
        let calendar = |name: &str, access| RemoteCalendar {
            id: RemoteCalendarId(format!("/cal/{}/", name.to_lowercase())),
            name: name.to_owned(),
            color: None,
            access,
        };
        let first = [calendar("Work", Access::ReadWrite), calendar("Home", Access::ReadOnly)];
        let mut tx = world.begin().await;
        remote_calendars::upsert(&mut tx, world.connection, &first, at(0)).await.unwrap();
        let mut work = calendar("Work", Access::ReadOnly);
        work.color = Some("#ff0000".to_owned());
        remote_calendars::upsert(&mut tx, world.connection, &[work.clone()], at(1)).await.unwrap();
        let listed = remote_calendars::list(&mut tx, world.connection).await.unwrap();
        assert_eq!(listed, [first[1].clone(), work.clone()]);
        let got = remote_calendars::get(&mut tx, world.connection, &work.id).await.unwrap();
        assert_eq!(got, Some(work));
    }

    async fn calendars_are_found_by_id_and_name(db) {
        let world = World::new(&db.store, "a").await;
        let mut tx = world.begin().await;
        let new = Calendar {
            id: CalendarId(id()),
            name: "Ärzte 📅".to_owned(),
            color: None,
            time_zone: ZoneId("Asia/Tokyo".to_owned()),
            created_at: at(3),
        };
        calendars::insert(&mut tx, new.clone()).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.read().await;
        assert_eq!(calendars::get(&mut tx, new.id).await.unwrap(), Some(new.clone()));
        assert_eq!(calendars::by_name(&mut tx, "Ärzte 📅").await.unwrap(), Some(new));
        assert_eq!(calendars::by_name(&mut tx, "nowhere").await.unwrap(), None);
        assert_eq!(calendars::list(&mut tx).await.unwrap().len(), 2);
    }

    async fn runs_are_on_record_from_start_to_end(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let mut tx = world.begin().await;
        let mut runs_made = Vec::new();
        for minute in 0..3 {
            let new = NewRun {
                id: RunId(id()),
                link,
                reason: DueReason::Schedule,
                holder: "node".to_owned(),
                cursor: Some(Cursor("token".to_owned())),
                started_at: at(minute),
            };
            runs_made.push(new.id);
            runs::start(&mut tx, new).await.unwrap();
        }
        let end = |error: Option<&str>| RunEnd {
            at: at(9),
            counts: serde_json::json!({ "created": 2 }),
            error: error.map(str::to_owned),
        };
        runs::finish(&mut tx, runs_made[0], end(None)).await.unwrap();
        runs::finish(&mut tx, runs_made[1], end(Some("no route"))).await.unwrap();
        let missing = runs::finish(&mut tx, RunId(id()), end(None)).await.unwrap_err();
        assert!(matches!(missing, StoreError::NotFound("run")));
        let latest = runs::list(&mut tx, link, 2).await.unwrap();
        let states: Vec<_> = latest.iter().map(|run| (run.id, run.state)).collect();
        assert_eq!(
            states,
            [(runs_made[2], RunState::Running), (runs_made[1], RunState::Failed)]
        );
        assert!(latest[0].counts.is_null());
        let first = runs::get(&mut tx, runs_made[0]).await.unwrap().unwrap();
        assert_eq!((first.state, first.finished_at), (RunState::Done, Some(at(9))));
        assert_eq!(first.counts["created"], 2);
        assert_eq!(first.cursor, Some(Cursor("token".to_owned())));
    }

    async fn a_transaction_for_reading_does_not_write(db) {
        let world = World::new(&db.store, "a").await;
        let mut tx = world.read().await;
        let error = connections::set_retry_at(&mut tx, world.connection, None).await.unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly));
    }

    async fn a_dropped_transaction_leaves_nothing(db) {
        let world = World::new(&db.store, "a").await;
        let mut tx = world.begin().await;
        connections::insert(&mut tx, world.new_connection(ConnectionId(id()), "Lost")).await.unwrap();
        drop(tx);
        let mut tx = world.begin().await;
        assert_eq!(connections::list(&mut tx).await.unwrap().len(), 1);
    }
}
