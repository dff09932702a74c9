//! Channels: who is to have one, whose turn it is, and what becomes of one of which nobody heard.

use std::ops::Not as _;

use jiff::Timestamp;
use kalends_calendar::ids::{ChannelId, Cursor, LinkId, RunId};
use kalends_calendar::rules::Direction;
use kalends_store::channels::{
    self, Asking, Channel, ChannelState, KeyHash, NewChannel, Opened, Said, TokenHash, Wakes,
};
use kalends_store::connections::{self, ConnectionState, ProviderKind};
use kalends_store::leases::{self, Outcome, RunResult};
use kalends_store::links::{self, DueReason, LinkState};
use kalends_store::{Batch, CursorMove, Store, apply, departures};

use crate::fixture::{World, at, id};
use crate::harness::contract;

/// The fixture's accounts are at a CalDAV server; the store does not mind who has channels.
const ALL: &[ProviderKind] = &[ProviderKind::Google, ProviderKind::Caldav];

/// A link whose first listing is finished, and which is not due.
async fn live_link(world: &World) -> LinkId {
    let link = world.link(Direction::TwoWay).await;
    let lease = world.lease(link, 0).await;
    let mut batch = Batch::new(RunId(id()), at(0));
    batch.generation = Some(1);
    batch.cursor = CursorMove::Set(Cursor("1".to_owned()));
    batch.complete = true;
    apply(&world.store, &lease, batch).await.unwrap();
    let outcome = Outcome {
        at: at(0),
        next_due_at: Some(at(600)),
        next_reason: DueReason::Schedule,
        result: RunResult::Success,
        reconnect: None,
    };
    leases::release(&world.store, &lease, outcome)
        .await
        .unwrap();
    link
}

async fn propose(world: &World, link: LinkId, minute: i64) -> ChannelId {
    let channel = ChannelId(id());
    let mut tx = world.begin().await;
    let new = NewChannel {
        id: channel,
        link,
        failures: 0,
        last_error: None,
        due_at: at(minute),
        created_at: at(minute),
    };
    assert!(channels::propose(&mut tx, new).await.unwrap());
    tx.commit().await.unwrap();
    channel
}

fn asking(channel: &Channel, key: u8, minute: i64) -> Asking {
    Asking {
        id: channel.id,
        fence: channel.fence,
        key: KeyHash([key; 32]),
        token: TokenHash([key + 100; 32]),
        at: at(minute),
        until: at(minute + 1_000),
    }
}

fn said(minute: i64) -> Said {
    Said {
        provider_id: "resource".to_owned(),
        expires_at: at(minute + 100),
        renew_at: at(minute + 50),
        at: at(minute),
    }
}

async fn claim(store: &Store, minute: i64) -> Option<Channel> {
    let claimed = channels::claim(store, at(minute), at(minute + 3))
        .await
        .unwrap();
    claimed.map(|claimed| claimed.channel)
}

async fn ask(world: &World, asking: &Asking) -> bool {
    let mut tx = world.begin().await;
    let asked = channels::ask(&mut tx, asking).await.unwrap();
    tx.commit().await.unwrap();
    asked
}

async fn opened(world: &World, channel: ChannelId, minute: i64) -> Opened {
    let mut tx = world.begin().await;
    let opened = channels::opened(&mut tx, channel, &said(minute))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    opened
}

/// A link with an open channel.
async fn open(world: &World, link: LinkId, key: u8, minute: i64) -> Channel {
    propose(world, link, minute).await;
    let channel = claim(&world.store, minute).await.unwrap();
    assert!(ask(world, &asking(&channel, key, minute)).await);
    opened(world, channel.id, minute).await;
    look(world, link)
        .await
        .into_iter()
        .find(|one| one.id == channel.id)
        .unwrap()
}

async fn look(world: &World, link: LinkId) -> Vec<Channel> {
    let mut tx = world.read().await;
    channels::of_link(&mut tx, link).await.unwrap()
}

async fn states(world: &World, link: LinkId) -> Vec<(ChannelState, Timestamp)> {
    look(world, link)
        .await
        .iter()
        .map(|one| (one.state, one.due_at))
        .collect()
}

async fn is_open(world: &World, link: LinkId, minute: i64) -> bool {
    let mut tx = world.read().await;
    channels::is_open(&mut tx, link, at(minute)).await.unwrap()
}

async fn wanting(store: &Store) -> Vec<LinkId> {
    let found = channels::wanting(store, ALL, 9).await.unwrap();
    found.iter().map(|one| one.link).collect()
}

contract! {
    async fn who_is_worked_on_and_has_none_is_to_have_one(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let fresh = a.link(Direction::TwoWay).await;
        assert_eq!(wanting(&db.store).await, [], "its first listing is not finished: {fresh}");
        let one = live_link(&a).await;
        let two = live_link(&b).await;
        assert_eq!(wanting(&db.store).await, [one, two]);
        assert_eq!(channels::wanting(&db.store, &[ProviderKind::Google], 9).await.unwrap(), []);
        assert_eq!(channels::wanting(&db.store, &[], 9).await.unwrap(), []);
        assert_eq!(channels::wanting(&db.store, ALL, 1).await.unwrap().len(), 1);
        b.set_sync(Some(false)).await;
        assert_eq!(wanting(&db.store).await, [one]);
        b.set_sync(Some(true)).await;
        let mut tx = b.begin().await;
        let problem = Some("dead".to_owned());
        connections::set_state(&mut tx, b.connection, ConnectionState::ReconnectNeeded, problem).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(wanting(&db.store).await, [one]);
        propose(&a, one, 1).await;
        assert_eq!(wanting(&db.store).await, []);
        // Of two who find the same one makes it.
        let mut tx = a.begin().await;
        let new = NewChannel {
            id: ChannelId(id()), link: one, failures: 0, last_error: None, due_at: at(1), created_at: at(1),
        };
        assert!(!channels::propose(&mut tx, new.clone()).await.unwrap());
        assert!(!channels::propose(&mut tx, NewChannel { link: LinkId(id()), ..new }).await.unwrap());
    }

    async fn one_at_a_time_tends_a_channel_and_it_is_asked_for_once(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        propose(&a, link, 1).await;
        assert_eq!(claim(&db.store, 0).await, None);
        let first = claim(&db.store, 1).await.unwrap();
        assert_eq!((first.link, first.provider, first.state), (link, ProviderKind::Caldav, ChannelState::Opening));
        assert_eq!(claim(&db.store, 2).await, None, "somebody tends it");
        let second = claim(&db.store, 4).await.expect("whoever tended it has died");
        assert!(second.fence > first.fence);
        assert!(!ask(&a, &asking(&first, 1, 4)).await, "too late");
        a.set_sync(Some(false)).await;
        assert!(!ask(&a, &asking(&second, 2, 4)).await, "not without the feature");
        a.set_sync(Some(true)).await;
        assert!(ask(&a, &asking(&second, 2, 4)).await);
        assert!(!ask(&a, &asking(&second, 3, 4)).await, "asked already");
        let known = look(&a, link).await.remove(0);
        assert_eq!((known.asked_at, known.expires_at), (Some(at(4)), Some(at(1_004))));
        assert!(!is_open(&a, link, 5).await);
    }

    async fn one_that_is_open_takes_the_place_of_the_one_before(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        let old = open(&a, link, 1, 1).await;
        assert_eq!((old.state, old.due_at, old.expires_at), (ChannelState::Open, at(51), Some(at(101))));
        let due = a.look(link).await;
        assert_eq!((due.due_at, due.due_reason), (Some(at(1)), DueReason::Schedule), "nobody told what changed before");
        assert!(!is_open(&a, link, 2).await, "it was never heard of");
        let mut tx = a.begin().await;
        channels::heard(&mut tx, old.id, 1, None, Wakes::Nobody, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(is_open(&a, link, 100).await);
        assert!(!is_open(&a, link, 101).await);
        // The next one is asked for while the first is there.
        propose(&a, link, 51).await;
        let next = look(&a, link).await.remove(0);
        let claimed = channels::claim(&db.store, at(51), at(54)).await.unwrap().unwrap();
        let claimed = if claimed.channel.id == next.id { claimed } else {
            channels::claim(&db.store, at(51), at(54)).await.unwrap().unwrap()
        };
        assert_eq!(claimed.tenant, a.tenant);
        assert!(ask(&a, &asking(&claimed.channel, 2, 51)).await);
        assert_eq!(states(&a, link).await, [(ChannelState::Opening, at(51)), (ChannelState::Open, at(51))]);
        assert_eq!(opened(&a, next.id, 52).await, Opened::InPlace);
        assert_eq!(states(&a, link).await, [(ChannelState::Open, at(102)), (ChannelState::Closing, at(52))]);
        let mut tx = a.begin().await;
        channels::remove(&mut tx, old.id, at(53)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(a.look(link).await.due_at, Some(at(1)), "one is open: nobody hurries");
        assert_eq!(states(&a, link).await, [(ChannelState::Open, at(102))]);
    }

    async fn a_refusal_is_tried_again_under_another_name(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        propose(&a, link, 1).await;
        let claimed = claim(&db.store, 1).await.unwrap();
        ask(&a, &asking(&claimed, 1, 1)).await;
        let again = ChannelId(id());
        let mut tx = a.begin().await;
        channels::refused(&mut tx, &claimed, again, "not https".to_owned(), at(20)).await.unwrap();
        tx.commit().await.unwrap();
        let known = look(&a, link).await.remove(0);
        assert_eq!((known.id, known.asked_at, known.failures), (again, None, 1));
        assert_eq!(known.last_error.as_deref(), Some("not https"));
        assert!(channels::by_key(&db.store, &KeyHash([1; 32])).await.unwrap().is_none());
        assert_eq!(claim(&db.store, 19).await, None);
        let claimed = claim(&db.store, 20).await.unwrap();
        assert!(ask(&a, &asking(&claimed, 2, 20)).await);
    }

    async fn one_of_which_nobody_heard_is_left_to_run_out_or_closed_when_it_calls(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        propose(&a, link, 1).await;
        let claimed = claim(&db.store, 1).await.unwrap();
        ask(&a, &asking(&claimed, 1, 1)).await;
        let mut tx = a.begin().await;
        channels::lost(&mut tx, &claimed).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(states(&a, link).await, [(ChannelState::Closing, at(1_001))]);
        assert_eq!(wanting(&db.store).await, [link], "another one may be opened");
        let called = channels::by_key(&db.store, &KeyHash([1; 32])).await.unwrap().unwrap();
        assert_eq!((called.tenant, called.token, called.may_sync), (a.tenant, TokenHash([101; 32]), true));
        let mut tx = a.begin().await;
        let told = Some("resource".to_owned());
        channels::heard(&mut tx, claimed.id, 1, told, Wakes::Link, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        let known = look(&a, link).await.remove(0);
        assert_eq!((known.due_at, known.provider_id.as_deref()), (at(9), Some("resource")));
        assert_eq!((a.look(link).await.due_at, a.look(link).await.due_reason), (Some(at(9)), DueReason::Signal));
        // The answer comes after all.
        assert_eq!(opened(&a, claimed.id, 10).await, Opened::Unwanted);
        let mut tx = a.begin().await;
        channels::remove(&mut tx, claimed.id, at(11)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(opened(&a, claimed.id, 12).await, Opened::Unknown);
    }

    async fn many_calls_make_one_due_time_and_rest_wakes_nobody(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        let channel = open(&a, link, 1, 1).await;
        let lease = a.lease(link, 2).await;
        for minute in [3, 4, 5] {
            let mut tx = a.begin().await;
            channels::heard(&mut tx, channel.id, 2, Some("other".to_owned()), Wakes::Link, at(minute)).await.unwrap();
            tx.commit().await.unwrap();
        }
        let known = look(&a, link).await.remove(0);
        assert_eq!((known.signals, known.last_signal_at), (6, Some(at(5))));
        assert_eq!(known.provider_id.as_deref(), Some("resource"), "what is known stays");
        assert_eq!(a.look(link).await.due_at, Some(at(3)), "it came during a run: due again after");
        drop(lease);
        let mut tx = a.begin().await;
        links::set_state(&mut tx, link, LinkState::Paused, at(6)).await.unwrap();
        tx.commit().await.unwrap();
        let before = a.look(link).await.due_reason;
        let mut tx = a.begin().await;
        channels::heard(&mut tx, channel.id, 1, None, Wakes::Link, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((a.look(link).await.due_reason, a.look(link).await.due_at), (before, Some(at(3))));
        let mut tx = a.begin().await;
        links::set_state(&mut tx, link, LinkState::Active, at(6)).await.unwrap();
        channels::heard(&mut tx, channel.id, 1, None, Wakes::Nobody, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(a.look(link).await.due_at, Some(at(3)));
    }

    async fn what_nobody_wants_any_more_is_closed(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let kept = live_link(&b).await;
        open(&b, kept, 9, 1).await;
        let link = live_link(&a).await;
        let channel = open(&a, link, 1, 1).await;
        assert_eq!(channels::close_unwanted(&db.store, ALL, at(2)).await.unwrap(), 0);
        let wanted = async |reached| {
            let mut tx = a.read().await;
            channels::is_wanted(&mut tx, channel.id, reached).await.unwrap()
        };
        assert!(wanted(ALL).await && wanted(&[]).await.not());
        a.set_sync(Some(false)).await;
        assert!(wanted(ALL).await.not());
        assert_eq!(channels::close_unwanted(&db.store, ALL, at(2)).await.unwrap(), 1);
        assert_eq!(states(&a, link).await, [(ChannelState::Closing, at(2))]);
        let called = channels::by_key(&db.store, &KeyHash([1; 32])).await.unwrap().unwrap();
        assert!(!called.may_sync);
        a.set_sync(Some(true)).await;
        // One that was never asked for is forgotten.
        propose(&a, link, 3).await;
        let mut tx = a.begin().await;
        links::set_state(&mut tx, link, LinkState::Paused, at(3)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(channels::close_unwanted(&db.store, ALL, at(3)).await.unwrap(), 1);
        assert_eq!(states(&a, link).await, [(ChannelState::Closing, at(2))]);
        // Where the hooks are turned off, all go.
        assert_eq!(channels::close_unwanted(&db.store, &[], at(4)).await.unwrap(), 1);
        assert_eq!(states(&b, kept).await, [(ChannelState::Closing, at(4))]);
    }

    async fn a_channel_outlives_its_link_and_goes_with_its_account(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        let channel = open(&a, link, 1, 1).await;
        let mut tx = a.begin().await;
        links::delete(&mut tx, link, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(states(&a, link).await, [(ChannelState::Closing, at(2))]);
        let mut tx = a.begin().await;
        let told = channels::of_connection(&mut tx, a.connection).await.unwrap();
        assert_eq!(told.iter().map(|one| one.id).collect::<Vec<_>>(), [channel.id]);
        connections::delete(&mut tx, a.connection, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&a, link).await, []);
        assert!(channels::by_key(&db.store, &KeyHash([1; 32])).await.unwrap().is_none());
    }

    async fn who_leaves_has_its_channels_closed(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        let channel = open(&a, link, 1, 1).await;
        let mut tx = a.begin().await;
        departures::begin(&mut tx, a.connection, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(channels::close_unwanted(&db.store, ALL, at(3)).await.unwrap(), 1);
        let due = a.begin().await;
        drop(due);
        let mut tx = a.begin().await;
        channels::heard(&mut tx, channel.id, 1, None, Wakes::Link, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let claimed = claim(&db.store, 3).await.unwrap();
        assert_eq!((claimed.id, claimed.state), (channel.id, ChannelState::Closing));
    }

    async fn looking_after_one_fails_comes_later_and_succeeds(db) {
        let a = World::new(&db.store, "a").await;
        let link = live_link(&a).await;
        let open = open(&a, link, 1, 1).await;
        let claimed = claim(&db.store, 51).await.unwrap();
        assert_eq!(claimed.id, open.id);
        let mut tx = a.begin().await;
        channels::later(&mut tx, &open, Some("too late".to_owned()), at(99)).await.unwrap();
        channels::later(&mut tx, &claimed, Some("503".to_owned()), at(60)).await.unwrap();
        tx.commit().await.unwrap();
        let known = look(&a, link).await.remove(0);
        assert_eq!((known.failures, known.due_at, known.last_error.as_deref()), (1, at(60), Some("503")));
        let mut tx = a.begin().await;
        channels::make_due(&mut tx, open.id, at(55)).await.unwrap();
        channels::make_due(&mut tx, open.id, at(58)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look(&a, link).await[0].due_at, at(55));
        let claimed = claim(&db.store, 55).await.unwrap();
        let mut tx = a.begin().await;
        channels::renewed(&mut tx, &claimed, &said(56)).await.unwrap();
        tx.commit().await.unwrap();
        let known = look(&a, link).await.remove(0);
        assert_eq!((known.failures, known.last_error, known.due_at, known.expires_at), (0, None, at(106), Some(at(156))));
        // The last open one goes: nobody tells the link of changes any more.
        let before = a.look(link).await.due_at;
        let lease = a.lease(link, 57).await;
        assert!(before.is_some() && a.look(link).await.due_at.is_none());
        let mut tx = a.begin().await;
        channels::remove(&mut tx, open.id, at(58)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(a.look(link).await.due_at, Some(at(58)));
        drop(lease);
    }

    async fn no_tenant_reaches_anothers_channel(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let link = live_link(&a).await;
        let channel = open(&a, link, 1, 1).await;
        let before = look(&a, link).await;
        let mut tx = b.begin().await;
        assert_eq!(channels::of_link(&mut tx, link).await.unwrap(), []);
        assert_eq!(channels::of_connection(&mut tx, a.connection).await.unwrap(), []);
        assert!(!channels::is_open(&mut tx, link, at(2)).await.unwrap());
        assert!(!channels::is_wanted(&mut tx, channel.id, ALL).await.unwrap());
        assert_eq!(channels::opened(&mut tx, channel.id, &said(9)).await.unwrap(), Opened::Unknown);
        assert!(!channels::ask(&mut tx, &asking(&channel, 2, 9)).await.unwrap());
        channels::heard(&mut tx, channel.id, 1, None, Wakes::Link, at(9)).await.unwrap();
        channels::refused(&mut tx, &channel, ChannelId(id()), "no".to_owned(), at(9)).await.unwrap();
        channels::lost(&mut tx, &channel).await.unwrap();
        channels::renewed(&mut tx, &channel, &said(9)).await.unwrap();
        channels::later(&mut tx, &channel, None, at(9)).await.unwrap();
        channels::make_due(&mut tx, channel.id, at(2)).await.unwrap();
        channels::remove(&mut tx, channel.id, at(9)).await.unwrap();
        let new = NewChannel {
            id: ChannelId(id()), link, failures: 0, last_error: None, due_at: at(1), created_at: at(1),
        };
        assert!(!channels::propose(&mut tx, new).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(look(&a, link).await, before);
    }
}
