//! The canary: whatever one tenant asks for by the ids of another, it gets what it would get for ids that never were.

use jiff::Timestamp;
use kalends_calendar::ids::{EventId, RemoteCalendarId, RemoteId, RunId, Uid};
use kalends_calendar::merge::{Conflict, Field, Winner};
use kalends_calendar::plan::{Fingerprint, LeftOutside, Reason, Step};
use kalends_calendar::provider::{Access, RemoteCalendar};
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::Direction;
use kalends_store::audit::{self, Filter, Verdict};
use kalends_store::conflicts::{self, Which};
use kalends_store::departures::Forecast;
use kalends_store::events::{self, Window};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::intents::{self, Sending};
use kalends_store::links::DueReason;
use kalends_store::members::{self, Role};
use kalends_store::plans::{self, Quota};
use kalends_store::remote_writes::{self, WriteOp};
use kalends_store::runs::{self, NewRun};
use kalends_store::vault::{MasterKey, MasterKeys, Purpose, Vault};
use kalends_store::{
    calendars, connections, debts, departures, held, leases, links, mirrors, outside,
    remote_calendars, secrets, skips,
};

use crate::fixture::{World, at, claim, edit, entry, event, id};
use crate::harness::contract;

contract! {
    async fn no_tenant_sees_another(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let vault = Vault::new(MasterKeys::new("key", MasterKey::generate().unwrap().0));
        let link = a.link(Direction::TwoWay).await;
        let lease = a.lease(link, 0).await;
        let canary = a.take_in(&lease, "canary").await;
        let conflict = Conflict {
            field: Field::Title,
            base: "canary".into(),
            local: "canary".into(),
            remote: "canary".into(),
            winner: Winner::Undecided,
        };
        a.apply(&lease, vec![
            Step::Push { event: canary, reason: Reason::Merged },
            Step::RecordConflict { event: canary, conflict },
            Step::HoldDeletion { event: canary },
            Step::Skip { remote_id: RemoteId("/bad".to_owned()), version: None, error: "canary".to_owned() },
            Step::LeaveOutside(LeftOutside { remote_id: RemoteId("/old".to_owned()), version: None, fingerprint: Fingerprint(String::new()), uid: Uid("canary@example.com".to_owned()) }),
        ])
        .await;
        let run = RunId(id());
        let mut tx = a.begin().await;
        let stamp = intents::due(&mut tx, link, at(9), 1).await.unwrap()[0].stamp;
        runs::start(&mut tx, NewRun { id: run, link, reason: DueReason::New, holder: String::new(), cursor: None, started_at: at(0) }).await.unwrap();
        secrets::put(&mut tx, &vault, a.connection, Purpose::Password, &"canary".into(), at(0)).await.unwrap();
        let remote = RemoteCalendar { id: RemoteCalendarId("/cal/".to_owned()), name: "canary".to_owned(), color: None, access: Access::ReadWrite };
        remote_calendars::upsert(&mut tx, a.connection, &[remote], at(0)).await.unwrap();
        audit::append(&mut tx, entry("canary", 0)).await.unwrap();
        let conflict = conflicts::list(&mut tx, Which::Open, 1).await.unwrap()[0].id;
        tx.commit().await.unwrap();
        let owner = a.member("canary", Role::Owner).await;
        b.set_sync(None).await;
        let sending = Sending { event: canary, stamp, revision: Revision(1), name: None, op: WriteOp::Create, remote_id: None, fields: vec![], reason: Reason::Merged, run, at: at(1) };
        intents::mark_sent(&db.store, &lease, &sending).await.unwrap();

        let mut tx = b.read().await;
        let tx = &mut tx;
        assert_eq!(events::get(tx, canary).await.unwrap(), None);
        assert_eq!(events::get_many(tx, &[canary]).await.unwrap(), []);
        let uid = Uid("canary@example.com".to_owned());
        assert_eq!(events::find_by_uid(tx, a.calendar, &[uid]).await.unwrap(), []);
        assert_eq!(events::find_anywhere(tx, &[canary]).await.unwrap(), []);
        for calendar in [None, Some(a.calendar)] {
            let page = events::list_range(tx, calendar, Window::default(), None, 9).await.unwrap();
            assert_eq!(page.events, []);
        }
        assert_eq!(events::unmirrored(tx, link, a.calendar, None, None).await.unwrap(), []);
        assert_ne!(events::stretch_end(tx, None, 1).await.unwrap(), Some(canary));
        assert_eq!(events::history(tx, canary).await.unwrap(), []);
        assert_eq!(events::histories(tx, &[canary]).await.unwrap(), []);
        assert_eq!(events::version(tx, canary, Revision(1)).await.unwrap(), None);
        assert_eq!(events::changes_since(tx, 0, 9).await.unwrap(), []);
        assert_eq!(calendars::get(tx, a.calendar).await.unwrap(), None);
        assert_eq!(calendars::by_name(tx, "Main").await.unwrap().unwrap().id, b.calendar);
        assert_eq!(calendars::list(tx).await.unwrap().len(), 1);
        assert_eq!(connections::get(tx, a.connection).await.unwrap(), None);
        assert_eq!(connections::list(tx).await.unwrap().len(), 1);
        assert_eq!(remote_calendars::list(tx, a.connection).await.unwrap(), []);
        let remote = RemoteCalendarId("/cal/".to_owned());
        assert_eq!(remote_calendars::get(tx, a.connection, &remote).await.unwrap(), None);
        assert!(secrets::get(tx, &vault, a.connection, Purpose::Password).await.unwrap().is_none());
        assert_eq!(links::get(tx, link).await.unwrap(), None);
        assert_eq!(links::list(tx).await.unwrap(), []);
        let here = [RemoteId("/cal/canary.ics".to_owned()), RemoteId("/bad".to_owned())];
        assert_eq!(mirrors::by_remote_ids(tx, link, &here).await.unwrap(), []);
        assert_eq!(mirrors::versions(tx, link, &here).await.unwrap(), []);
        assert_eq!(mirrors::by_events(tx, link, &[canary]).await.unwrap(), []);
        assert_eq!(mirrors::unseen(tx, link, 9, None, None).await.unwrap(), []);
        assert_eq!(mirrors::stretch_end(tx, link, None, 1).await.unwrap(), None);
        assert_eq!(mirrors::count(tx, link).await.unwrap(), 0);
        assert_eq!(skips::get(tx, link, &here).await.unwrap(), []);
        assert_eq!(skips::list(tx, link).await.unwrap(), []);
        assert_eq!(outside::count(tx, link).await.unwrap(), 0);
        let uid = Uid("canary@example.com".to_owned());
        assert_eq!(outside::of_uid(tx, link, &uid).await.unwrap(), []);
        assert_eq!(outside::unseen(tx, link, 9, None, 9).await.unwrap(), []);
        assert_eq!(departures::get(tx, a.connection).await.unwrap(), None);
        assert_eq!(departures::forecast(tx, a.connection).await.unwrap(), Forecast { links: 0, events: 0, written: 0 });
        assert_eq!(departures::owed(tx, a.connection).await.unwrap(), 0);
        assert!(!departures::is_kept(tx, link, canary, &here[0]).await.unwrap());
        assert_eq!(intents::due(tx, link, Timestamp::MAX, 9).await.unwrap(), []);
        assert_eq!(intents::next_due(tx, link).await.unwrap(), None);
        assert_eq!(intents::count(tx, link).await.unwrap(), 0);
        assert_eq!(intents::failed(tx, link).await.unwrap(), []);
        assert_eq!(debts::owed_among(tx, link, &[canary]).await.unwrap(), []);
        assert_eq!(debts::sent(tx, link, 9).await.unwrap(), []);
        assert_eq!(conflicts::list(tx, Which::All, 9).await.unwrap(), []);
        assert_eq!(conflicts::get(tx, conflict).await.unwrap(), None);
        assert_eq!(conflicts::open_fields(tx, link, &[canary]).await.unwrap(), []);
        assert_eq!(held::list(tx, link).await.unwrap(), []);
        assert_eq!(runs::get(tx, run).await.unwrap(), None);
        assert_eq!(runs::list(tx, link, 9).await.unwrap(), []);
        assert_eq!(remote_writes::list(tx, canary, 9).await.unwrap(), []);
        assert_eq!(remote_writes::count_since(tx, link, canary, at(0)).await.unwrap(), 0);
        assert_eq!(audit::list(tx, &Filter::default(), None, 9).await.unwrap(), []);
        let used = plans::usage(tx).await.unwrap();
        assert_eq!([used[&Quota::Links].used, used[&Quota::Connections].used, used[&Quota::Calendars].used], [0, 1, 1]);
        assert_eq!(members::list(tx).await.unwrap(), []);
        assert_eq!(members::role(tx, owner).await.unwrap(), None);
        assert!(!features::has(tx, CALENDAR_SYNC).await.unwrap());
        assert!(features::effective(tx).await.unwrap().iter().all(|feature| !feature.enabled));
        assert_eq!(members::people(&db.store, b.tenant).await.unwrap(), []);
        let log = audit::verify(&db.store, b.tenant).await.unwrap();
        assert_eq!(log, Verdict::Whole { entries: 0, hash: [0; 32], unchained: 0, outside: 0 });
    }

    async fn no_tenant_changes_another(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let link = a.link(Direction::TwoWay).await;
        let lease = a.lease(link, 0).await;
        let canary = a.take_in(&lease, "canary").await;
        let owner = a.member("owner", Role::Owner).await;
        let mut tx = b.begin().await;
        assert!(events::update(&mut tx, canary, Revision(1), &event("b"), &edit("b", 2)).await.is_err());
        assert!(events::delete(&mut tx, canary, Revision(1), &edit("b", 2)).await.is_err());
        assert!(links::delete(&mut tx, link, at(2)).await.is_err());
        assert!(connections::delete(&mut tx, a.connection, at(9)).await.is_err());
        assert_eq!(departures::finish(&mut tx, a.connection, at(2)).await.unwrap(), None);
        assert!(held::confirm(&mut tx, link, at(2)).await.is_err());
        assert!(members::remove(&mut tx, owner).await.is_err());
        members::put(&mut tx, owner, Role::Customer, at(2)).await.unwrap();
        links::make_due(&mut tx, link, at(2), DueReason::User).await.unwrap();
        links::make_all_due(&mut tx, at(2), DueReason::User).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = b.begin().await;
        let event_id = EventId(id());
        assert!(events::create(&mut tx, a.calendar, event_id, &event("b"), &edit("b", 2)).await.is_err());
        drop(tx);
        let mut tx = b.begin().await;
        assert!(departures::begin(&mut tx, a.connection, at(2)).await.is_err());
        drop(tx);
        assert_eq!(leases::claim_link(&db.store, b.tenant, link, &claim("b", 20)).await.unwrap(), None);
        let mut forged = lease.clone();
        forged.tenant = b.tenant;
        assert!(leases::renew(&db.store, &mut forged, at(30)).await.is_err());
        assert_eq!(a.look(link).await.due_at, None);
        let mut tx = a.read().await;
        assert_eq!(events::history(&mut tx, canary).await.unwrap().len(), 1);
        assert_eq!(members::role(&mut tx, owner).await.unwrap(), Some(Role::Owner));
    }
}
