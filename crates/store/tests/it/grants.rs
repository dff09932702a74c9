//! Accounts that were connected by OAuth: known by what stays, refreshed by one at a time.

use kalends_calendar::ids::ConnectionId;
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::grants::{self, NewTokens, Turn};
use kalends_store::{StoreError, Tx};
use secrecy::{ExposeSecret as _, SecretString};

use crate::fixture::{World, at, id};
use crate::harness::contract;
use crate::secrets::vault;

async fn connect(world: &World, subject: &str, name: &str) -> Result<ConnectionId, StoreError> {
    let connection = ConnectionId(id());
    let mut tx = world.begin().await;
    let new = NewConnection {
        provider: ProviderKind::Google,
        subject: Some(subject.to_owned()),
        ..world.new_connection(connection, name)
    };
    connections::insert(&mut tx, new).await?;
    tx.commit().await?;
    Ok(connection)
}

fn turn(holder: &str, minute: i64) -> Turn<'_> {
    Turn {
        now: at(minute),
        holder,
        until: at(minute + 1),
    }
}

fn tokens(access: &str, refresh: Option<&str>, minute: i64) -> NewTokens {
    NewTokens {
        access: SecretString::from(access),
        access_expires_at: at(minute),
        refresh: refresh.map(SecretString::from),
    }
}

/// Access token, refresh token, and when the access ends.
async fn read(tx: &mut Tx, connection: ConnectionId) -> Option<(String, String, jiff::Timestamp)> {
    let grant = grants::get(tx, &vault(), connection).await.unwrap()?;
    Some((
        grant.access.expose_secret().to_owned(),
        grant.refresh.expose_secret().to_owned(),
        grant.access_expires_at,
    ))
}

contract! {
    async fn an_account_is_known_by_what_stays_of_it(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let first = connect(&a, "1001", "Ann").await.unwrap();
        connect(&b, "1001", "Ann").await.unwrap();
        let error = connect(&a, "1001", "Ann again").await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)), "{error}");
        connect(&a, "1002", "Bob").await.unwrap();
        let mut tx = a.read().await;
        let found = connections::by_subject(&mut tx, ProviderKind::Google, "1001").await.unwrap();
        assert_eq!(found.map(|one| one.id), Some(first));
        for (provider, subject) in [(ProviderKind::Microsoft, "1001"), (ProviderKind::Google, "1003")] {
            assert_eq!(connections::by_subject(&mut tx, provider, subject).await.unwrap(), None);
        }
    }

    async fn tokens_are_kept_and_a_refresh_token_that_does_not_change_stays(db) {
        let world = World::new(&db.store, "a").await;
        let connection = connect(&world, "1001", "Ann").await.unwrap();
        let mut tx = world.begin().await;
        assert_eq!(read(&mut tx, connection).await, None);
        grants::keep(&mut tx, &vault(), connection, &tokens("first", Some("long"), 60), at(0)).await.unwrap();
        assert_eq!(read(&mut tx, connection).await, Some(("first".to_owned(), "long".to_owned(), at(60))));
        grants::keep(&mut tx, &vault(), connection, &tokens("second", None, 120), at(60)).await.unwrap();
        assert_eq!(read(&mut tx, connection).await, Some(("second".to_owned(), "long".to_owned(), at(120))));
        grants::keep(&mut tx, &vault(), connection, &tokens("third", Some("longer"), 180), at(120)).await.unwrap();
        assert_eq!(read(&mut tx, connection).await, Some(("third".to_owned(), "longer".to_owned(), at(180))));
        connections::delete(&mut tx, connection, at(9)).await.unwrap();
        let late = grants::keep(&mut tx, &vault(), connection, &tokens("late", None, 240), at(180)).await;
        assert!(matches!(late, Err(StoreError::NotFound("connection"))), "{late:?}");
    }

    async fn whoever_lost_the_turn_changes_nothing(db) {
        let world = World::new(&db.store, "a").await;
        let connection = connect(&world, "1001", "Ann").await.unwrap();
        let begin = || world.begin();
        let flight = async |holder: &str, minute: i64| {
            let mut tx = begin().await;
            assert!(grants::take_turn(&mut tx, connection, turn(holder, minute)).await.unwrap());
            tx.commit().await.unwrap();
        };
        let lands = async |holder: &str, access: &str| {
            let mut tx = begin().await;
            let new = tokens(access, Some("rotated"), 200);
            let kept = grants::keep_refreshed(&mut tx, &vault(), (connection, holder), &new, at(9)).await.unwrap();
            tx.commit().await.unwrap();
            kept
        };
        let there = async || {
            let mut tx = world.read().await;
            let (access, refresh, _) = read(&mut tx, connection).await.unwrap();
            (access, refresh)
        };
        let consents = async |access: &str, refresh: &str| {
            let mut tx = begin().await;
            let new = tokens(access, Some(refresh), 100);
            grants::keep(&mut tx, &vault(), connection, &new, at(5)).await.unwrap();
            tx.commit().await.unwrap();
        };
        consents("first", "long").await;
        // Somebody consents again while a flight is under way.
        flight("one", 0).await;
        consents("again", "longer").await;
        assert!(!lands("one", "late").await);
        assert_eq!(there().await, ("again".to_owned(), "longer".to_owned()));
        // A flight that took too long, and another that took over.
        flight("two", 1).await;
        flight("three", 2).await;
        assert!(!lands("two", "slow").await);
        assert!(lands("three", "quick").await);
        assert_eq!(there().await, ("quick".to_owned(), "rotated".to_owned()));
        assert!(!lands("three", "twice").await, "its turn ended with its landing");
        let mut tx = begin().await;
        assert!(!grants::end_turn(&mut tx, connection, "three").await.unwrap());
        connections::delete(&mut tx, connection, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!lands("three", "gone").await);
    }

    async fn one_refreshes_at_a_time_and_a_dead_one_holds_up_nobody_for_long(db) {
        let world = World::new(&db.store, "a").await;
        let connection = connect(&world, "1001", "Ann").await.unwrap();
        let take = async |holder: &str, minute: i64| {
            let mut tx = world.begin().await;
            let taken = grants::take_turn(&mut tx, connection, turn(holder, minute)).await.unwrap();
            tx.commit().await.unwrap();
            taken
        };
        assert!(take("one", 0).await);
        assert!(!take("two", 0).await);
        assert!(take("two", 1).await, "the turn of the first ran out");
        let end = async |holder: &str| {
            let mut tx = world.begin().await;
            grants::end_turn(&mut tx, connection, holder).await.unwrap();
            tx.commit().await.unwrap();
        };
        end("one").await;
        assert!(!take("three", 1).await, "the first one's turn was not its own to end any more");
        end("two").await;
        assert!(take("three", 1).await);
    }
}
