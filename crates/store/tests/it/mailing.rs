//! The mailbox of the platform, the mails it owes, and what people were not told of yet.

use kalends_calendar::ids::UserId;
use kalends_calendar::plan::Step;
use kalends_calendar::rules::Direction;
use kalends_store::connections::{self, ConnectionState};
use kalends_store::grants::{NewTokens, Turn};
use kalends_store::mailbox::{self, AuthServer, NewMailbox};
use kalends_store::mails::{self, Counts, MailKind, NewMail};
use kalends_store::vault::{MasterKey, MasterKeys, Vault};
use kalends_store::{Store, StoreError, notices, secrets as sealed};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::fixture::{World, at, id, platform, user};
use crate::harness::contract;
use crate::secrets::vault;

fn new_mailbox(email: &str, connected_by: UserId) -> NewMailbox {
    NewMailbox {
        provider: AuthServer::Google,
        subject: "2001".to_owned(),
        email: email.to_owned(),
        access: SecretString::from("access"),
        access_expires_at: at(60),
        refresh: SecretString::from("refresh"),
        connected_by,
    }
}

fn mail(recipient: &str) -> NewMail {
    NewMail {
        id: id(),
        tenant: None,
        kind: MailKind::Invitation,
        recipient: recipient.to_owned(),
        title: "You are invited".to_owned(),
        body: SecretString::from("https://kalends.example.com/invitations/kai_secret/"),
    }
}

/// A mail to Ann that is due at once, and one to Bob a minute later.
async fn two_mails(store: &Store, vault: &Vault) -> (Uuid, Uuid) {
    let (first, second) = (mail("ann@example.com"), mail("bob@example.com"));
    let ids = (first.id, second.id);
    platform(store, async |tx| {
        mails::enqueue(tx, vault, first, at(0)).await?;
        mails::enqueue(tx, vault, second, at(1)).await
    })
    .await
    .unwrap();
    ids
}

contract! {
    async fn the_platform_has_one_mailbox_at_most(db) {
        let ann = user(&db.store, "ann").await;
        let vault = vault();
        let mut tx = db.store.platform().await.unwrap();
        assert_eq!(mailbox::get(&mut tx).await.unwrap(), None);
        assert!(mailbox::grant(&mut tx, &vault).await.unwrap().is_none());
        for email in ["first@example.com", "notices@example.com"] {
            mailbox::connect(&mut tx, &vault, new_mailbox(email, ann), at(0)).await.unwrap();
        }
        let known = mailbox::get(&mut tx).await.unwrap().unwrap();
        assert_eq!((known.email.as_str(), known.state, known.connected_by), ("notices@example.com", ConnectionState::Ok, Some(ann)));
        assert!(mailbox::take_turn(&mut tx, Turn { now: at(1), holder: "one", until: at(2) }).await.unwrap());
        assert!(!mailbox::take_turn(&mut tx, Turn { now: at(1), holder: "two", until: at(2) }).await.unwrap());
        let new = NewTokens { access: SecretString::from("newer"), access_expires_at: at(120), refresh: None };
        assert!(!mailbox::keep_refreshed(&mut tx, &vault, "two", &new, at(1)).await.unwrap(), "it is not its turn");
        assert!(mailbox::keep_refreshed(&mut tx, &vault, "one", &new, at(1)).await.unwrap());
        assert!(!mailbox::end_turn(&mut tx, "one").await.unwrap());
        assert!(mailbox::take_turn(&mut tx, Turn { now: at(1), holder: "two", until: at(2) }).await.unwrap());
        let grant = mailbox::grant(&mut tx, &vault).await.unwrap().unwrap();
        assert_eq!((grant.access.expose_secret(), grant.refresh.expose_secret()), ("newer", "refresh"));
        assert!(!mailbox::needs_reconnect(&mut tx, "one", "revoked".to_owned()).await.unwrap(), "it is not its turn");
        assert_eq!(mailbox::get(&mut tx).await.unwrap().unwrap().state, ConnectionState::Ok);
        assert!(mailbox::needs_reconnect(&mut tx, "two", "revoked".to_owned()).await.unwrap());
        let known = mailbox::get(&mut tx).await.unwrap().unwrap();
        assert_eq!((known.state, known.problem.as_deref()), (ConnectionState::ReconnectNeeded, Some("revoked")));
        // A flight that began before another mailbox came is of no more consequence.
        assert!(mailbox::take_turn(&mut tx, Turn { now: at(1), holder: "three", until: at(2) }).await.unwrap());
        mailbox::connect(&mut tx, &vault, new_mailbox("other@example.com", ann), at(1)).await.unwrap();
        assert!(!mailbox::keep_refreshed(&mut tx, &vault, "three", &new, at(1)).await.unwrap());
        assert!(!mailbox::needs_reconnect(&mut tx, "three", "revoked".to_owned()).await.unwrap());
        let grant = mailbox::grant(&mut tx, &vault).await.unwrap().unwrap();
        assert_eq!(grant.access.expose_secret(), "access");
        assert_eq!(mailbox::get(&mut tx).await.unwrap().unwrap().state, ConnectionState::Ok);
        assert!(mailbox::disconnect(&mut tx, at(3)).await.unwrap());
        assert!(!mailbox::disconnect(&mut tx, at(3)).await.unwrap());
        tx.commit().await.unwrap();
        let world = World::new(&db.store, "a").await;
        let mut tx = world.begin().await;
        let refused = mailbox::get(&mut tx).await;
        assert!(matches!(refused, Err(StoreError::PlatformOnly)), "{refused:?}");
    }

    async fn the_platforms_key_is_wrapped_anew_like_a_tenants(db) {
        let vault = vault();
        platform(&db.store, async |tx| mails::enqueue(tx, &vault, mail("ann@example.com"), at(0)).await).await.unwrap();
        let second = MasterKey::parse(&"02".repeat(32)).unwrap();
        let first = MasterKey::parse(&"01".repeat(32)).unwrap();
        let newer = Vault::new(MasterKeys::new("2027", second).with_older("2026", first));
        let rotated = platform(&db.store, async |tx| sealed::rotate(tx, &newer, at(1)).await).await.unwrap();
        let again = platform(&db.store, async |tx| sealed::rotate(tx, &newer, at(1)).await).await.unwrap();
        assert_eq!((rotated, again), (true, false));
        let claimed = mails::claim(&db.store, &newer, at(1), at(2)).await.unwrap().unwrap();
        assert!(claimed.body.expose_secret().contains("kai_secret"));
    }

    async fn a_mail_is_claimed_by_one_and_forgotten_when_it_is_sent(db) {
        let vault = vault();
        let (one, two) = two_mails(&db.store, &vault).await;
        let claim = async |minute: i64| {
            let claimed = mails::claim(&db.store, &vault, at(minute), at(minute + 5)).await.unwrap();
            claimed.map(|mail| (mail.id, mail.attempts))
        };
        assert_eq!(claim(0).await, Some((one, 0)));
        assert_eq!(claim(0).await, None, "the second is not due yet");
        assert_eq!(claim(1).await, Some((two, 0)));
        assert_eq!(claim(2).await, None);
        mails::sent(&db.store, one, at(5)).await.unwrap();
        mails::unsent(&db.store, two, "the server is down".to_owned(), Some(at(20))).await.unwrap();
        assert_eq!(claim(19).await, None);
        assert_eq!(claim(20).await, Some((two, 1)));
        let count = async |since: i64| mails::count(&db.store, at(since)).await.unwrap();
        assert_eq!(count(0).await, Counts { waiting: 1, ..Counts::default() });
        mails::unsent(&db.store, two, "no such address".to_owned(), None).await.unwrap();
        assert_eq!(claim(90).await, None);
        assert_eq!(count(0).await, Counts { failed: 1, ..Counts::default() });
        assert_eq!(count(2).await, Counts::default());
    }

    async fn what_may_have_been_sent_is_not_sent_again(db) {
        let vault = vault();
        let (one, two) = two_mails(&db.store, &vault).await;
        let claim = async |minute: i64| {
            let claimed = mails::claim(&db.store, &vault, at(minute), at(minute + 5)).await.unwrap();
            claimed.map(|mail| mail.id)
        };
        let lost = async |minute: i64| {
            let lost = platform(&db.store, async |tx| mails::lost(tx, at(minute)).await).await.unwrap();
            lost.into_iter().map(|mail| (mail.id, mail.recipient)).collect::<Vec<_>>()
        };
        assert_eq!(claim(1).await, Some(one));
        assert_eq!(claim(1).await, Some(two));
        platform(&db.store, async |tx| mails::unknown(tx, one, "no answer came".to_owned()).await).await.unwrap();
        // The other's node dies: nobody takes it over.
        assert_eq!(lost(5).await, []);
        assert_eq!(claim(99).await, None);
        assert_eq!(lost(6).await, [(two, "bob@example.com".to_owned())]);
        assert_eq!(lost(99).await, []);
        // It was only slow, and knows better: but what was given up stays so.
        mails::unsent(&db.store, two, "busy".to_owned(), Some(at(7))).await.unwrap();
        assert_eq!(claim(99).await, None);
        let counts = mails::count(&db.store, at(0)).await.unwrap();
        assert_eq!(counts, Counts { unknown: 2, ..Counts::default() });
    }

    async fn people_are_told_once_of_a_dead_account_and_again_when_it_dies_again(db) {
        let world = World::new(&db.store, "a").await;
        let dead = async || notices::dead_accounts(&db.store, 10).await.unwrap();
        assert_eq!(dead().await, []);
        let set = async |state: ConnectionState| {
            let mut tx = world.begin().await;
            let problem = (state == ConnectionState::ReconnectNeeded).then(|| "revoked".to_owned());
            connections::set_state(&mut tx, world.connection, state, problem).await.unwrap();
            tx.commit().await.unwrap();
        };
        let tell = async || {
            let mut tx = world.begin().await;
            let first = notices::told_of_account(&mut tx, world.connection, at(1)).await.unwrap();
            let second = notices::told_of_account(&mut tx, world.connection, at(1)).await.unwrap();
            tx.commit().await.unwrap();
            (first, second)
        };
        assert_eq!(tell().await, (false, false), "it lives");
        for _ in 0..2 {
            set(ConnectionState::ReconnectNeeded).await;
            let found = dead().await;
            assert_eq!((found.len(), found[0].tenant, found[0].problem.as_deref()), (1, world.tenant, Some("revoked")));
            assert_eq!(tell().await, (true, false));
            set(ConnectionState::ReconnectNeeded).await;
            assert_eq!(dead().await, []);
            set(ConnectionState::Ok).await;
            assert_eq!(dead().await, []);
        }
    }

    async fn people_are_told_of_what_is_held_and_of_what_is_held_later(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let lease = world.lease(link, 0).await;
        let one = world.take_in(&lease, "one").await;
        let held = async || {
            let found = notices::holding(&db.store, 10).await.unwrap();
            found.iter().map(|one| (one.link, one.deletions)).collect::<Vec<_>>()
        };
        assert_eq!(held().await, []);
        world.apply(&lease, vec![Step::HoldDeletion { event: one }]).await;
        assert_eq!(held().await, [(link, 1)]);
        let mut tx = world.begin().await;
        assert!(notices::told_of_held(&mut tx, link, at(2)).await.unwrap());
        assert!(!notices::told_of_held(&mut tx, link, at(2)).await.unwrap(), "somebody else told them");
        tx.commit().await.unwrap();
        assert_eq!(held().await, []);
    }
}
