//! Invitations: accepted once, in time, and as a whole.

use std::collections::BTreeMap;

use kalends_calendar::ids::{InvitationId, TenantId, UserId};
use kalends_store::audit::{self, Filter};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::invitations::{self, Acceptance, InvitationHash, NewInvitation};
use kalends_store::members::{self, Role};
use kalends_store::tenants;
use kalends_store::users::{self, NewUser, PasswordHash};
use kalends_store::{InvitationError, Store, StoreError};

use crate::fixture::{World, at, entry, id, new_user, plan, platform, put_plan, user};
use crate::harness::contract;

const HASH: InvitationHash = InvitationHash([7; 32]);

fn invitation(hash: InvitationHash, slug: &str) -> NewInvitation {
    NewInvitation {
        id: InvitationId(id()),
        hash,
        email: "Ann@Example.com".to_owned(),
        tenant_name: "Ann's".to_owned(),
        slug: slug.to_owned(),
        plan: None,
        features: BTreeMap::from([(CALENDAR_SYNC.to_owned(), true)]),
        invited_by: None,
        created_at: at(0),
        expires_at: at(60),
    }
}

async fn invite(store: &Store, new: NewInvitation) -> Result<(), StoreError> {
    platform(store, async |tx| invitations::create(tx, new).await).await
}

/// An acceptance by somebody who chose a password, and would be more than they are.
fn acceptance(minute: i64) -> Acceptance {
    Acceptance {
        tenant: TenantId(id()),
        user: NewUser {
            password_hash: Some(PasswordHash("chosen".to_owned())),
            platform_admin: true,
            ..new_user("whoever")
        },
        known: None,
        entry: Some(entry("invitation.accept", minute)),
        now: at(minute),
    }
}

async fn accept(store: &Store, minute: i64) -> Result<(TenantId, UserId), InvitationError> {
    invitations::accept(store, &HASH, acceptance(minute)).await
}

contract! {
    async fn accepting_makes_the_tenant_with_all_it_was_promised(db) {
        let admin = user(&db.store, "admin").await;
        put_plan(&db.store, plan("pro", &[("can_use_webhooks", true)]), 0).await.unwrap();
        let mut new = invitation(HASH, "ann");
        (new.plan, new.invited_by) = (Some("pro".to_owned()), Some(admin));
        invite(&db.store, new.clone()).await.unwrap();
        let found = invitations::find(&db.store, &HASH).await.unwrap().unwrap();
        assert_eq!((found.id, found.email.as_str(), found.slug.as_str()), (new.id, "ann@example.com", "ann"));
        assert_eq!((found.tenant_name, found.plan, found.features), (new.tenant_name, new.plan, new.features));
        assert_eq!((found.invited_by, found.created_at, found.expires_at), (Some(admin), at(0), at(60)));
        assert_eq!((found.accepted_at, found.tenant, found.revoked_at), (None, None, None));

        let (tenant, owner) = accept(&db.store, 5).await.unwrap();
        let made = tenants::by_slug(&db.store, "ann").await.unwrap().unwrap();
        assert_eq!((made.id, made.name.as_str(), made.plan.as_deref(), made.created_at), (tenant, "Ann's", Some("pro"), at(5)));
        let ann = users::get(&db.store, owner).await.unwrap().unwrap();
        assert_eq!((ann.email.as_str(), ann.platform_admin), ("ann@example.com", false));
        assert_eq!(ann.password_hash, Some(PasswordHash("chosen".to_owned())));
        let mut tx = db.store.read(tenant).await.unwrap();
        assert_eq!(members::role(&mut tx, owner).await.unwrap(), Some(Role::Owner));
        assert!(features::has(&mut tx, CALENDAR_SYNC).await.unwrap());
        assert!(features::has(&mut tx, "can_use_webhooks").await.unwrap());
        let log = audit::list(&mut tx, &Filter::default(), None, 9).await.unwrap();
        assert_eq!((log.len(), log[0].entry.action.as_str()), (1, "invitation.accept"));
        drop(tx);
        let found = invitations::find(&db.store, &HASH).await.unwrap().unwrap();
        assert_eq!((found.accepted_at, found.tenant), (Some(at(5)), Some(tenant)));
        let again = accept(&db.store, 6).await;
        assert!(matches!(again, Err(InvitationError::Used)), "{again:?}");
    }

    async fn who_is_here_already_becomes_the_owner_as_they_are(db) {
        let ann = user(&db.store, "ann").await;
        let before = users::get(&db.store, ann).await.unwrap();
        invite(&db.store, invitation(HASH, "ann")).await.unwrap();
        // Whoever was taken for nobody has not proved to be her.
        let unproved = accept(&db.store, 5).await;
        assert!(matches!(unproved, Err(InvitationError::Meanwhile)), "{unproved:?}");
        let proved = Acceptance { known: Some(ann), ..acceptance(5) };
        let (tenant, owner) = invitations::accept(&db.store, &HASH, proved).await.unwrap();
        assert_eq!(owner, ann);
        assert_eq!(users::get(&db.store, ann).await.unwrap(), before);
        let mut tx = db.store.read(tenant).await.unwrap();
        assert_eq!(members::role(&mut tx, ann).await.unwrap(), Some(Role::Owner));
    }

    async fn of_two_who_accept_at_once_one_is_too_late(db) {
        invite(&db.store, invitation(HASH, "ann")).await.unwrap();
        let go = |store: Store| async move { accept(&store, 5).await };
        let (one, two) = tokio::join!(tokio::spawn(go(db.store.clone())), tokio::spawn(go(db.store.clone())));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let late = one.and(two);
        assert!(matches!(late, Err(InvitationError::Used)), "{late:?}");
        assert_eq!(tenants::list(&db.store).await.unwrap().len(), 1);
    }

    async fn what_cannot_be_accepted_says_why_and_leaves_nothing(db) {
        let late = accept(&db.store, 5).await;
        assert!(matches!(late, Err(InvitationError::Unknown)), "{late:?}");
        let new = invitation(HASH, "a");
        let made = new.id;
        invite(&db.store, new).await.unwrap();
        let late = accept(&db.store, 60).await;
        assert!(matches!(late, Err(InvitationError::Expired)), "{late:?}");
        World::new(&db.store, "a").await;
        let taken = accept(&db.store, 5).await;
        assert!(matches!(taken, Err(InvitationError::SlugTaken)), "{taken:?}");
        assert_eq!(users::by_email(&db.store, "ann@example.com").await.unwrap(), None);
        let found = invitations::find(&db.store, &HASH).await.unwrap().unwrap();
        assert_eq!((found.accepted_at, found.tenant), (None, None));
        for minute in [6, 7] {
            platform(&db.store, async |tx| invitations::revoke(tx, made, at(minute)).await).await.unwrap();
        }
        let revoked = accept(&db.store, 8).await;
        assert!(matches!(revoked, Err(InvitationError::Revoked)), "{revoked:?}");
        let found = invitations::find(&db.store, &HASH).await.unwrap().unwrap();
        assert_eq!(found.revoked_at, Some(at(6)));
        assert_eq!(tenants::list(&db.store).await.unwrap().len(), 1);
    }

    async fn an_invitation_that_was_accepted_is_not_taken_back(db) {
        let new = invitation(HASH, "ann");
        let made = new.id;
        invite(&db.store, new).await.unwrap();
        accept(&db.store, 5).await.unwrap();
        for id in [made, InvitationId(id())] {
            let error = platform(&db.store, async |tx| invitations::revoke(tx, id, at(6)).await).await.unwrap_err();
            assert_eq!(error.to_string(), "no such open invitation");
        }
    }

    async fn an_invitation_promises_only_what_there_is(db) {
        let mut nothing = invitation(HASH, "ann");
        nothing.features.insert("can_fly".to_owned(), true);
        let mut no_plan = invitation(HASH, "ann");
        no_plan.plan = Some("gold".to_owned());
        let mut nobody = invitation(HASH, "ann");
        nobody.invited_by = Some(UserId(id()));
        for new in [nothing, no_plan, nobody] {
            let error = invite(&db.store, new).await.unwrap_err();
            assert!(matches!(error, StoreError::Reference(_)), "{error}");
        }
        let world = World::new(&db.store, "a").await;
        let mut tx = world.begin().await;
        for error in [
            invitations::create(&mut tx, invitation(HASH, "b")).await.unwrap_err(),
            invitations::revoke(&mut tx, InvitationId(id()), at(1)).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::PlatformOnly), "{error}");
        }
    }

    async fn invitations_are_listed_page_by_page(db) {
        let mut made = Vec::new();
        for n in 1..=5 {
            let mut new = invitation(InvitationHash([n; 32]), &format!("t{n}"));
            // Two at the same moment are told apart by their ids.
            new.created_at = at((n / 2).into());
            made.push(new.id);
            invite(&db.store, new).await.unwrap();
        }
        made.reverse();
        let mut read = Vec::new();
        let mut before = None;
        loop {
            let page = invitations::list(&db.store, before, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.created_at, last.id));
            read.extend(page.iter().map(|invitation| invitation.id));
        }
        assert_eq!(read, made);
    }
}
