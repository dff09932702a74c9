//! Sessions and OAuth states: found while they are good, taken once, swept when they are not.

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::{TenantId, UserId};
use kalends_store::members::Role;
use kalends_store::oauth_states::{self, OauthState, StateHash};
use kalends_store::sessions::{self, NewSession, SessionHash, Sight};
use kalends_store::sweep::{Swept, sweep};
use kalends_store::{Store, StoreError, users};
use secrecy::{ExposeSecret as _, SecretString};

use crate::fixture::{World, at, id, platform, user};
use crate::harness::contract;
use crate::secrets::vault;

const HASH: SessionHash = SessionHash([7; 32]);

fn session(user: UserId, hash: SessionHash, minute: i64) -> NewSession {
    NewSession {
        hash,
        user,
        created_at: at(minute),
        expires_at: at(minute + 60),
        address: Some("192.0.2.1".to_owned()),
        agent: Some("Firefox".to_owned()),
    }
}

async fn begin(store: &Store, new: NewSession) -> Result<(), StoreError> {
    platform(store, async |tx| sessions::create(tx, new).await).await
}

async fn good(store: &Store, minute: i64) -> bool {
    let found = sessions::find(store, &HASH, at(minute)).await.unwrap();
    found.is_some()
}

fn state(hash: u8, user: UserId, tenant: Option<TenantId>) -> OauthState {
    OauthState {
        hash: StateHash([hash; 32]),
        provider: "google".to_owned(),
        purpose: "calendar".to_owned(),
        user: Some(user),
        tenant,
        role: tenant.map(|_| Role::Staff),
        browser: true,
        verifier: SecretString::from("a verifier"),
        return_url: Some("https://app.example.com/".to_owned()),
        created_at: at(0),
        expires_at: at(10),
    }
}

contract! {
    async fn a_session_is_found_by_its_hash_while_it_is_good(db) {
        let ann = user(&db.store, "ann").await;
        assert!(!good(&db.store, 1).await);
        begin(&db.store, session(ann, HASH, 0)).await.unwrap();
        let (found, owner) = sessions::find(&db.store, &HASH, at(1)).await.unwrap().unwrap();
        assert_eq!((found.hash, found.user, owner.id), (HASH, ann, ann));
        assert_eq!((found.created_at, found.last_seen_at, found.expires_at), (at(0), at(0), at(60)));
        assert_eq!((found.address.as_deref(), found.agent.as_deref()), (Some("192.0.2.1"), Some("Firefox")));
        assert!(good(&db.store, 59).await);
        assert!(!good(&db.store, 60).await);
        platform(&db.store, async |tx| users::set_disabled(tx, ann, Some(at(2))).await).await.unwrap();
        assert!(!good(&db.store, 3).await);
        platform(&db.store, async |tx| users::set_disabled(tx, ann, None).await).await.unwrap();
        assert!(good(&db.store, 3).await);
        let error = begin(&db.store, session(ann, HASH, 0)).await.unwrap_err();
        assert_eq!(error.to_string(), "a row of sessions exists already");
        let error = begin(&db.store, session(UserId(id()), SessionHash([8; 32]), 0)).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
    }

    async fn a_session_lasts_longer_each_time_it_is_seen(db) {
        let ann = user(&db.store, "ann").await;
        begin(&db.store, session(ann, HASH, 0)).await.unwrap();
        let second = |seconds| at(0) + SignedDuration::from_secs(seconds);
        for (now, kept) in [(59, 0), (60, 60), (30, 60), (119, 60), (120, 120)] {
            let (found, _) = sessions::find(&db.store, &HASH, second(now)).await.unwrap().unwrap();
            let sight = Sight { at: second(now), expires_at: second(now + 3600) };
            sessions::touch(&db.store, &found, sight).await.unwrap();
            let listed = sessions::list(&db.store, ann).await.unwrap();
            let expected: (Timestamp, Timestamp) = (second(kept), second(kept + 3600));
            assert_eq!((listed[0].last_seen_at, listed[0].expires_at), expected, "after {now} s");
        }
        // One that has ended does not come back by being seen.
        let (found, _) = sessions::find(&db.store, &HASH, at(3)).await.unwrap().unwrap();
        platform(&db.store, async |tx| sessions::end(tx, &HASH).await).await.unwrap();
        let sight = Sight { at: at(9), expires_at: at(99) };
        sessions::touch(&db.store, &found, sight).await.unwrap();
        assert!(!good(&db.store, 9).await);
    }

    async fn sessions_are_listed_and_ended_by_user(db) {
        let world = World::new(&db.store, "a").await;
        let ann = user(&db.store, "ann").await;
        let bob = user(&db.store, "bob").await;
        for (n, owner) in [(1, ann), (2, bob), (3, ann), (4, ann)] {
            begin(&db.store, session(owner, SessionHash([n; 32]), n.into())).await.unwrap();
        }
        let of = async |user| -> Vec<u8> {
            let listed = sessions::list(&db.store, user).await.unwrap();
            listed.iter().map(|session| session.hash.0[0]).collect()
        };
        assert_eq!(of(ann).await, [4, 3, 1]);
        for _ in 0..2 {
            platform(&db.store, async |tx| sessions::end(tx, &SessionHash([3; 32])).await).await.unwrap();
        }
        assert_eq!(of(ann).await, [4, 1]);
        let mut tx = world.begin().await;
        for error in [
            sessions::create(&mut tx, session(ann, HASH, 0)).await.unwrap_err(),
            sessions::end(&mut tx, &SessionHash([4; 32])).await.unwrap_err(),
            sessions::end_all(&mut tx, ann).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::PlatformOnly), "{error}");
        }
        drop(tx);
        let ended = platform(&db.store, async |tx| sessions::end_all(tx, ann).await).await.unwrap();
        assert_eq!((ended, of(ann).await, of(bob).await), (2, vec![], vec![2]));
    }

    async fn an_oauth_state_is_taken_once(db) {
        let world = World::new(&db.store, "a").await;
        let ann = user(&db.store, "ann").await;
        let new = state(1, ann, Some(world.tenant));
        oauth_states::create(&db.store, &vault(), new.clone()).await.unwrap();
        let error = oauth_states::create(&db.store, &vault(), new.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), "a row of oauth_states exists already");
        let error = oauth_states::create(&db.store, &vault(), state(2, UserId(id()), None)).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        assert!(oauth_states::take(&db.store, &vault(), &StateHash([2; 32]), at(1)).await.unwrap().is_none());
        let take = |store: Store| async move {
            oauth_states::take(&store, &vault(), &StateHash([1; 32]), at(9)).await.unwrap()
        };
        let (one, two) = tokio::join!(tokio::spawn(take(db.store.clone())), tokio::spawn(take(db.store.clone())));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_some() != two.is_some(), "{one:?} {two:?}");
        let taken = one.or(two).unwrap();
        assert_eq!(taken.verifier.expose_secret(), "a verifier");
        assert_eq!((taken.user, taken.tenant, taken.browser), (Some(ann), Some(world.tenant), true));
        assert_eq!(taken.role, Some(Role::Staff));
        assert_eq!((taken.provider, taken.purpose, taken.return_url), (new.provider, new.purpose, new.return_url));
        // One that comes too late is gone all the same.
        oauth_states::create(&db.store, &vault(), state(3, ann, None)).await.unwrap();
        assert!(oauth_states::take(&db.store, &vault(), &StateHash([3; 32]), at(10)).await.unwrap().is_none());
        assert!(oauth_states::take(&db.store, &vault(), &StateHash([3; 32]), at(1)).await.unwrap().is_none());
    }

    async fn what_has_expired_is_swept(db) {
        let ann = user(&db.store, "ann").await;
        begin(&db.store, session(ann, HASH, 0)).await.unwrap();
        begin(&db.store, session(ann, SessionHash([8; 32]), 1)).await.unwrap();
        oauth_states::create(&db.store, &vault(), state(1, ann, None)).await.unwrap();
        assert_eq!(sweep(&db.store, at(9)).await.unwrap(), Swept::default());
        assert_eq!(sweep(&db.store, at(10)).await.unwrap(), Swept { oauth_states: 1, ..Swept::default() });
        assert_eq!(sweep(&db.store, at(60)).await.unwrap(), Swept { sessions: 1, ..Swept::default() });
        let left = sessions::list(&db.store, ann).await.unwrap();
        assert_eq!((left.len(), left[0].hash), (1, SessionHash([8; 32])));
    }
}
