//! Departures: gone for the tenant at once, and kept for as long as removals are owed.

use kalends_calendar::ids::{ConnectionId, EventId, LinkId, RemoteCalendarId, RemoteId, RunId};
use kalends_calendar::merge::{Conflict, Field, Winner};
use kalends_calendar::plan::{ImportBounds, Mirror, Origin, Reason, Step};
use kalends_calendar::revision::Revision;
use kalends_calendar::rules::{ConflictPolicy, Detail, Direction};
use kalends_store::conflicts::{self, Which};
use kalends_store::departures::{self, Forecast, Left};
use kalends_store::intents::{self, Intent, IntentState, MirrorMove, Sending, Settlement};
use kalends_store::leases;
use kalends_store::links::{self, LinkState, NewLink};
use kalends_store::plans::{self, Quota};
use kalends_store::remote_writes::{self, WriteOp};
use kalends_store::vault::{MasterKey, MasterKeys, Purpose, Vault};
use kalends_store::{
    ApplyError, Batch, Lease, StoreError, apply, connections, events, mirrors, secrets,
};

use crate::fixture::{World, at, claim, edit, event, id, mirror};
use crate::harness::contract;

async fn owed(world: &World, link: LinkId) -> Vec<Intent> {
    let mut tx = world.read().await;
    intents::due(&mut tx, link, at(10_000), 99).await.unwrap()
}

async fn send(world: &World, lease: &Lease, intent: &Intent, op: WriteOp) {
    let sending = Sending {
        event: intent.event,
        stamp: intent.stamp,
        revision: Revision(1),
        name: (op == WriteOp::Create).then(|| "derived".to_owned()),
        op,
        remote_id: None,
        fields: vec![],
        reason: intent.reason,
        run: RunId(id()),
        at: at(2),
    };
    intents::mark_sent(&world.store, lease, &sending)
        .await
        .unwrap();
}

async fn settle(world: &World, lease: &Lease, intent: &Intent, settlement: Settlement) {
    intents::settle(
        &world.store,
        lease,
        intent.event,
        intent.stamp,
        settlement,
        at(3),
    )
    .await
    .unwrap();
}

/// An event made here and written through a link, under this name.
async fn written(world: &World, lease: &Lease, name: &str) -> EventId {
    let made = EventId(id());
    let mut tx = world.begin().await;
    events::create(
        &mut tx,
        world.calendar,
        made,
        &event(name),
        &edit("added", 1),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let intents = owed(world, lease.link).await;
    let intent = intents
        .into_iter()
        .find(|intent| intent.event == made)
        .unwrap();
    send(world, lease, &intent, WriteOp::Create).await;
    let copy = Mirror {
        origin: Origin::Kalends,
        ..mirror(made, name, "1")
    };
    settle(
        world,
        lease,
        &intent,
        Settlement::Done(MirrorMove::Set(copy)),
    )
    .await;
    made
}

async fn begin(world: &World) -> i64 {
    let mut tx = world.begin().await;
    let owed = departures::begin(&mut tx, world.connection, at(5))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    owed
}

async fn finish(world: &World) -> Option<Left> {
    let mut tx = world.begin().await;
    let left = departures::finish(&mut tx, world.connection, at(9))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    left
}

fn new_link(world: &World, connection: ConnectionId, remote: RemoteCalendarId) -> NewLink {
    NewLink {
        id: LinkId(id()),
        calendar: world.calendar,
        connection,
        remote_calendar: remote,
        direction: Direction::TwoWay,
        detail: Detail::Full,
        conflict_policy: ConflictPolicy::Newest,
        bounds: ImportBounds::default(),
        created_at: at(6),
    }
}

contract! {
    async fn what_a_departure_would_come_to_is_counted_before(db) {
        let world = World::new(&db.store, "a").await;
        World::new(&db.store, "b").await.link(Direction::TwoWay).await;
        let lease = world.lease(world.link(Direction::TwoWay).await, 0).await;
        world.take_in(&lease, "theirs").await;
        written(&world, &lease, "ours").await;
        let mut tx = world.read().await;
        let told = departures::forecast(&mut tx, world.connection).await.unwrap();
        assert_eq!(told, Forecast { links: 1, events: 2, written: 1 });
        drop(tx);
        assert_eq!(begin(&world).await, told.written);
    }

    async fn for_its_tenant_the_account_is_gone_at_once(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let ours = written(&world, &lease, "ours").await;
        let conflict = Conflict {
            field: Field::Title,
            base: "1".into(),
            local: "2".into(),
            remote: "3".into(),
            winner: Winner::Undecided,
        };
        world.apply(&lease, vec![Step::RecordConflict { event: ours, conflict }]).await;
        let mut tx = world.begin().await;
        links::set_state(&mut tx, link, LinkState::Paused, at(4)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(begin(&world).await, 1);
        let mut tx = world.begin().await;
        assert_eq!(connections::list(&mut tx).await.unwrap(), []);
        assert_eq!(connections::get(&mut tx, world.connection).await.unwrap(), None);
        assert_eq!(links::list(&mut tx).await.unwrap(), []);
        assert_eq!(links::get(&mut tx, link).await.unwrap(), None);
        assert_eq!(conflicts::list(&mut tx, Which::Open, 9).await.unwrap(), []);
        let used = plans::usage(&mut tx).await.unwrap();
        assert_eq!((used[&Quota::Connections].used, used[&Quota::Links].used), (0, 0));
        let departure = departures::get(&mut tx, world.connection).await.unwrap().unwrap();
        assert_eq!((departure.connection.name.as_str(), departure.since), ("Radicale", at(5)));
        let again = departures::begin(&mut tx, world.connection, at(6)).await;
        assert!(matches!(again, Err(StoreError::NotFound("connection"))));
        // The name is free, and what is edited meanwhile is not owed.
        let twin = world.new_connection(ConnectionId(id()), "Radicale");
        connections::insert(&mut tx, twin).await.unwrap();
        let now = events::get(&mut tx, ours).await.unwrap().unwrap();
        events::update(&mut tx, ours, now.revision, &event("edited"), &edit("edited", 6)).await.unwrap();
        tx.commit().await.unwrap();
        let owed = owed(&world, link).await;
        assert_eq!((owed.len(), owed[0].reason), (1, Reason::Leaving));
        // The run that was under way is too late, and the paused link is worked on.
        let late = apply(&db.store, &lease, Batch::new(RunId(id()), at(6))).await;
        assert!(matches!(late, Err(ApplyError::Fenced)));
        let due = leases::claim_due(&db.store, &claim("node", 6), 9).await.unwrap();
        assert_eq!((due.len(), due[0].link.id, due[0].link.leaving), (1, link, true));
    }

    async fn only_what_kalends_wrote_is_owed(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let ours = written(&world, &lease, "ours").await;
        let theirs = world.take_in(&lease, "theirs").await;
        // A copy with a mark that this link did not write, as in a calendar that two tenants share.
        let foreign = world.take_in(&lease, "foreign").await;
        let copy = Mirror { origin: Origin::Kalends, ..mirror(foreign, "foreign", "1") };
        world.apply(&lease, vec![Step::SetMirror(copy)]).await;
        // What was owed is owed no more, but for a creation that may have arrived.
        world.apply(&lease, vec![ours, theirs, foreign].into_iter().map(|event| Step::Push { event, reason: Reason::Merged }).collect()).await;
        for intent in owed(&world, link).await {
            if intent.event != ours {
                send(&world, &lease, &intent, WriteOp::Update).await;
            }
        }
        let unsure = EventId(id());
        let mut tx = world.begin().await;
        events::create(&mut tx, world.calendar, unsure, &event("unsure"), &edit("added", 1)).await.unwrap();
        events::create(&mut tx, world.calendar, EventId(id()), &event("unsent"), &edit("added", 1)).await.unwrap();
        tx.commit().await.unwrap();
        let intent = owed(&world, link).await.into_iter().find(|intent| intent.event == unsure).unwrap();
        send(&world, &lease, &intent, WriteOp::Create).await;

        assert_eq!(begin(&world).await, 2);
        let mut owed = owed(&world, link).await;
        owed.sort_by_key(|intent| intent.event);
        let told: Vec<_> = owed.iter().map(|intent| (intent.event, intent.state, intent.reason)).collect();
        assert_eq!(told, [(ours, IntentState::Due, Reason::Leaving), (unsure, IntentState::Sent, Reason::Leaving)]);
        assert_eq!(owed[1].name.as_deref(), Some("derived"));
    }

    async fn it_ends_with_the_secrets_and_tells_what_became_of_all(db) {
        let world = World::new(&db.store, "a").await;
        let vault = Vault::new(MasterKeys::new("key", MasterKey::generate().unwrap().0));
        let (link, other) = (world.link(Direction::TwoWay).await, world.link(Direction::Pull).await);
        let lease = world.lease(link, 0).await;
        let one = written(&world, &lease, "one").await;
        for name in ["two", "three"] {
            written(&world, &lease, name).await;
        }
        let mut tx = world.begin().await;
        secrets::put(&mut tx, &vault, world.connection, Purpose::Password, &"sesame".into(), at(0)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(begin(&world).await, 3);
        let lease = world.lease(link, 6).await;
        let intents = owed(&world, link).await;
        // The first is lost once, and removed at the second try; the next one is refused; of the last nobody knows.
        for _ in 0..2 {
            send(&world, &lease, &intents[0], WriteOp::Delete).await;
        }
        settle(&world, &lease, &intents[0], Settlement::Done(MirrorMove::Drop)).await;
        send(&world, &lease, &intents[1], WriteOp::Delete).await;
        settle(&world, &lease, &intents[1], Settlement::Failed { error: "no".to_owned() }).await;
        send(&world, &lease, &intents[2], WriteOp::Delete).await;
        let mut tx = world.read().await;
        assert_eq!(departures::owed(&mut tx, world.connection).await.unwrap(), 1);
        drop(tx);
        let left = Left { name: "Radicale".to_owned(), links: 2, removed: 1, stayed: 2 };
        assert_eq!(finish(&world).await, Some(left));
        assert_eq!(finish(&world).await, None);
        let mut tx = world.read().await;
        assert_eq!(departures::get(&mut tx, world.connection).await.unwrap(), None);
        assert!(secrets::get(&mut tx, &vault, world.connection, Purpose::Password).await.unwrap().is_none());
        assert_eq!(mirrors::count(&mut tx, link).await.unwrap(), 0);
        assert!(!events::get(&mut tx, one).await.unwrap().unwrap().deleted);
        drop(tx);
        for link in [link, other] {
            assert_eq!(world.try_lease(link, 30).await, None);
        }
    }

    async fn a_copy_is_kept_where_another_link_mirrors_it(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let ours = written(&world, &lease, "ours").await;
        let mut tx = world.begin().await;
        let shared = ConnectionId(id());
        connections::insert(&mut tx, world.new_connection(shared, "Shared")).await.unwrap();
        let new = new_link(&world, shared, RemoteCalendarId("/cal/shared/".to_owned()));
        let other = new.id;
        links::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        begin(&world).await;
        let here = RemoteId("/cal/ours.ics".to_owned());
        let kept = async || {
            let mut tx = world.read().await;
            departures::is_kept(&mut tx, link, ours, &here).await.unwrap()
        };
        assert!(!kept().await);
        let lease = world.lease(other, 6).await;
        world.apply(&lease, vec![Step::SetMirror(mirror(ours, "elsewhere", "1"))]).await;
        assert!(!kept().await);
        world.apply(&lease, vec![Step::SetMirror(mirror(ours, "ours", "1"))]).await;
        assert!(kept().await);
    }

    async fn the_same_account_linked_to_the_same_calendar_again_ends_the_removals(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        written(&world, &lease, "ours").await;
        let remote = world.look(link).await.remote_calendar;
        begin(&world).await;
        let mut underway = world.lease(link, 6).await;
        let mut tx = world.begin().await;
        let again = ConnectionId(id());
        connections::insert(&mut tx, world.new_connection(again, "Again")).await.unwrap();
        links::insert(&mut tx, new_link(&world, again, RemoteCalendarId("/cal/another/".to_owned()))).await.unwrap();
        assert_eq!(departures::owed(&mut tx, world.connection).await.unwrap(), 1);
        links::insert(&mut tx, new_link(&world, again, remote)).await.unwrap();
        assert_eq!(departures::owed(&mut tx, world.connection).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert!(leases::renew(&db.store, &mut underway, at(30)).await.is_err());
        let left = finish(&world).await.unwrap();
        assert_eq!((left.removed, left.stayed), (0, 1));
    }

    async fn on_the_way_back_what_is_leaving_is_gone(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let ours = written(&world, &lease, "ours").await;
        let outside = kalends_calendar::plan::LeftOutside {
            remote_id: RemoteId("/cal/old.ics".to_owned()),
            version: None,
            fingerprint: kalends_calendar::plan::Fingerprint("print".to_owned()),
            uid: "old".into(),
        };
        let stays = World::new(&db.store, "b").await;
        let staying = stays.link(Direction::TwoWay).await;
        let lease = stays.lease(staying, 0).await;
        stays.apply(&lease, vec![Step::LeaveOutside(outside)]).await;
        begin(&world).await;
        let lease = world.lease(link, 6).await;
        let intent = owed(&world, link).await.remove(0);
        send(&world, &lease, &intent, WriteOp::Delete).await;
        let down = db.store.migrate_down(7).await.unwrap();
        assert!(down.iter().any(|one| one.version == 11));
        db.store.migrate_up().await.unwrap();
        let mut tx = world.read().await;
        assert_eq!(departures::get(&mut tx, world.connection).await.unwrap(), None);
        assert_eq!(connections::list(&mut tx).await.unwrap(), []);
        let writes = remote_writes::list(&mut tx, ours, 9).await.unwrap();
        assert_eq!((writes.len(), writes[0].reason), (2, Reason::DeletedHere));
        drop(tx);
        let mut tx = stays.read().await;
        assert_eq!(kalends_store::outside::count(&mut tx, staying).await.unwrap(), 0);
        assert_eq!(links::list(&mut tx).await.unwrap().len(), 1);
    }
}
