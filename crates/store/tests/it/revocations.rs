//! Grants of accounts that are gone: owed once, tried by one at a time, and gone when it is over.

use kalends_calendar::ids::ConnectionId;
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::grants::{self, NewTokens};
use kalends_store::mailbox::{self, AuthServer, NewMailbox};
use kalends_store::revocations::{self, Owed};
use kalends_store::{PLATFORM, Store, departures, secrets as sealed};
use secrecy::{ExposeSecret as _, SecretString};

use crate::fixture::{World, at, id, user};
use crate::harness::contract;
use crate::secrets::vault;

/// An account of this subject, connected with this refresh token.
async fn connect(world: &World, subject: &str, refresh: &str) -> ConnectionId {
    let connection = ConnectionId(id());
    let mut tx = world.begin().await;
    let new = NewConnection {
        provider: ProviderKind::Google,
        subject: Some(subject.to_owned()),
        ..world.new_connection(connection, &connection.to_string())
    };
    connections::insert(&mut tx, new).await.unwrap();
    let tokens = NewTokens {
        access: SecretString::from("access"),
        access_expires_at: at(60),
        refresh: Some(SecretString::from(refresh)),
    };
    grants::keep(&mut tx, &vault(), connection, &tokens, at(0))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    connection
}

async fn disconnect(world: &World, connection: ConnectionId, minute: i64) {
    let mut tx = world.begin().await;
    connections::delete(&mut tx, connection, at(minute))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn claim(store: &Store, minute: i64) -> Option<Owed> {
    revocations::claim(store, at(minute), at(minute + 5))
        .await
        .unwrap()
}

async fn token(store: &Store, owed: &Owed) -> Option<String> {
    let mut tx = owed.read(store).await.unwrap();
    let token = owed.token(&mut tx, &vault()).await.unwrap();
    token.map(|token| token.expose_secret().to_owned())
}

async fn settle(store: &Store, owed: &Owed) -> bool {
    let mut tx = owed.begin(store).await.unwrap();
    let settled = owed.settle(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    settled
}

contract! {
    async fn what_an_account_was_granted_is_owed_back_when_it_goes(db) {
        let world = World::new(&db.store, "a").await;
        let ann = connect(&world, "1001", "long").await;
        assert!(revocations::is_used(&db.store, AuthServer::Google, "1001").await.unwrap());
        assert!(!revocations::is_used(&db.store, AuthServer::Microsoft, "1001").await.unwrap());
        assert_eq!(claim(&db.store, 0).await, None);
        disconnect(&world, ann, 1).await;
        assert!(!revocations::is_used(&db.store, AuthServer::Google, "1001").await.unwrap());
        let owed = claim(&db.store, 1).await.unwrap();
        assert_eq!((owed.tenant, owed.connection, owed.subject.as_str()), (world.tenant, Some(ann), "1001"));
        assert_eq!((owed.provider, owed.since, owed.attempts), (AuthServer::Google, at(1), 0));
        assert_eq!(token(&db.store, &owed).await.as_deref(), Some("long"));
        // Whoever has it may die: another gets it later.
        assert_eq!(claim(&db.store, 5).await, None);
        let again = claim(&db.store, 6).await.unwrap();
        assert_eq!(again.attempts, 1);
        assert_eq!(token(&db.store, &owed).await, None, "the first is too late");
        assert!(!settle(&db.store, &owed).await);
        let mut tx = again.begin(&db.store).await.unwrap();
        again.put_off(&mut tx, at(30)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db.store, 29).await, None);
        let last = claim(&db.store, 30).await.unwrap();
        assert!(settle(&db.store, &last).await);
        assert_eq!(claim(&db.store, 999).await, None);
        // An account with a password was granted nothing.
        let mut tx = world.begin().await;
        let plain = ConnectionId(id());
        connections::insert(&mut tx, world.new_connection(plain, "plain")).await.unwrap();
        tx.commit().await.unwrap();
        disconnect(&world, plain, 40).await;
        assert_eq!(claim(&db.store, 999).await, None);
    }

    async fn an_account_that_takes_its_time_to_leave_keeps_its_grant_until_it_is_gone(db) {
        let world = World::new(&db.store, "a").await;
        let ann = connect(&world, "1001", "long").await;
        let mut tx = world.begin().await;
        departures::begin(&mut tx, ann, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(revocations::is_used(&db.store, AuthServer::Google, "1001").await.unwrap());
        assert_eq!(claim(&db.store, 9).await, None);
        let mut tx = world.begin().await;
        departures::finish(&mut tx, ann, at(10)).await.unwrap();
        tx.commit().await.unwrap();
        let owed = claim(&db.store, 10).await.unwrap();
        assert_eq!((owed.since, token(&db.store, &owed).await.as_deref()), (at(10), Some("long")));
    }

    async fn what_is_owed_anew_while_it_is_tried_stays_owed(db) {
        let world = World::new(&db.store, "a").await;
        let first = connect(&world, "1001", "older").await;
        disconnect(&world, first, 1).await;
        let older = claim(&db.store, 1).await.unwrap();
        let second = connect(&world, "1001", "newer").await;
        disconnect(&world, second, 2).await;
        assert_eq!(token(&db.store, &older).await, None);
        assert!(!settle(&db.store, &older).await);
        let newer = claim(&db.store, 2).await.unwrap();
        assert_eq!((newer.connection, newer.since, newer.attempts), (Some(second), at(2), 0));
        assert_eq!(token(&db.store, &newer).await.as_deref(), Some("newer"));
        assert!(settle(&db.store, &newer).await);
        assert_eq!(claim(&db.store, 999).await, None, "it was owed once");
    }

    async fn each_tenant_owes_its_own_and_the_platform_that_of_its_mailbox(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let by = user(&db.store, "ann").await;
        disconnect(&a, connect(&a, "1001", "of a").await, 1).await;
        disconnect(&b, connect(&b, "1001", "of b").await, 2).await;
        let new = |subject: &str| NewMailbox {
            provider: AuthServer::Google,
            subject: subject.to_owned(),
            email: "notices@example.com".to_owned(),
            access: SecretString::from("access"),
            access_expires_at: at(60),
            refresh: SecretString::from(format!("of {subject}")),
            connected_by: by,
        };
        let mut tx = db.store.platform().await.unwrap();
        mailbox::connect(&mut tx, &vault(), new("1001"), at(3)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(revocations::is_used(&db.store, AuthServer::Google, "1001").await.unwrap());
        // Another takes its place, and goes too.
        let mut tx = db.store.platform().await.unwrap();
        mailbox::connect(&mut tx, &vault(), new("2001"), at(4)).await.unwrap();
        mailbox::disconnect(&mut tx, at(5)).await.unwrap();
        tx.commit().await.unwrap();
        let mut found = Vec::new();
        while let Some(owed) = claim(&db.store, 9).await {
            found.push((owed.tenant, token(&db.store, &owed).await.unwrap()));
            assert!(settle(&db.store, &owed).await);
        }
        let told = |tenant, text: &str| (tenant, text.to_owned());
        assert_eq!(found, [
            told(a.tenant, "of a"),
            told(b.tenant, "of b"),
            told(PLATFORM, "of 1001"),
            told(PLATFORM, "of 2001"),
        ]);
    }

    async fn who_erases_a_tenants_key_erases_what_it_owes(db) {
        let world = World::new(&db.store, "a").await;
        disconnect(&world, connect(&world, "1001", "long").await, 1).await;
        let mut tx = world.begin().await;
        sealed::erase(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(&db.store, 9).await, None);
    }
}
