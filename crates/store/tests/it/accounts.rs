//! Users, the tenants they act in, and the tokens that act for them.

use jiff::Timestamp;
use kalends_calendar::ids::{TenantId, TokenId, UserId};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::members::{self, Member, Role};
use kalends_store::sweep::{Swept, sweep};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::tokens::{self, NewToken, TokenHash};
use kalends_store::users::{self, NewUser, PasswordHash};
use kalends_store::{Store, StoreError};

use crate::fixture::{World, at, id, new_user, platform, user};
use crate::harness::contract;

const HASH: TokenHash = TokenHash([7; 32]);

fn new_token(user: UserId, hash: TokenHash, expires_at: Option<Timestamp>) -> NewToken {
    NewToken {
        id: TokenId(id()),
        hash,
        prefix: "kal_7f3a".to_owned(),
        name: "the booking app".to_owned(),
        user,
        tenant: None,
        role: None,
        created_at: at(0),
        expires_at,
        embedded: false,
        made_with: None,
    }
}

/// Whether the token of [`HASH`] is good.
async fn good(store: &Store, minute: i64) -> bool {
    let found = tokens::find(store, &HASH, at(minute)).await.unwrap();
    found.is_some()
}

contract! {
    async fn users_are_found_by_address_in_whatever_case(db) {
        let new = NewUser { email: "Ann.Ärzt@Example.COM".to_owned(), ..new_user("ann") };
        platform(&db.store, async |tx| users::create(tx, new.clone()).await).await.unwrap();
        let ann = users::by_email(&db.store, "aNN.ärzt@example.com").await.unwrap().unwrap();
        assert_eq!(ann.email, "ann.ärzt@example.com");
        assert_eq!((ann.id, ann.name.as_str(), ann.platform_admin), (new.id, "ann", false));
        assert_eq!((ann.password_hash.clone(), ann.created_at, ann.disabled_at), (None, at(0), None));
        assert_eq!(users::get(&db.store, new.id).await.unwrap(), Some(ann));
        assert_eq!(users::get(&db.store, UserId(id())).await.unwrap(), None);
        assert_eq!(users::by_email(&db.store, "bob@example.com").await.unwrap(), None);
        let bob = user(&db.store, "bob").await;
        let mut known = users::get_many(&db.store, &[bob, UserId(id()), new.id]).await.unwrap();
        known.sort_by_key(|user| user.id);
        assert_eq!(known.iter().map(|user| user.id).collect::<Vec<_>>(), [new.id, bob]);
        assert_eq!(users::get_many(&db.store, &[]).await.unwrap(), []);
        let again = NewUser { email: "ANN.ärzt@example.com".to_owned(), ..new_user("other") };
        let error = platform(&db.store, async |tx| users::create(tx, again).await).await.unwrap_err();
        assert_eq!(error.to_string(), "a row of users exists already");
    }

    async fn users_get_passwords_are_kept_out_and_made_admins(db) {
        let ann = user(&db.store, "ann").await;
        let hash = PasswordHash("$argon2id$v=19$secret".to_owned());
        platform(&db.store, async |tx| users::set_password_hash(tx, ann, Some(hash.clone())).await).await.unwrap();
        platform(&db.store, async |tx| users::set_platform_admin(tx, ann, true).await).await.unwrap();
        platform(&db.store, async |tx| users::set_disabled(tx, ann, Some(at(3))).await).await.unwrap();
        platform(&db.store, async |tx| users::set_disabled(tx, ann, Some(at(4))).await).await.unwrap();
        let kept = users::get(&db.store, ann).await.unwrap().unwrap();
        assert_eq!((kept.password_hash.clone(), kept.platform_admin, kept.disabled_at), (Some(hash), true, Some(at(3))));
        assert!(!format!("{kept:?}").contains("argon2id"));
        platform(&db.store, async |tx| users::set_password_hash(tx, ann, None).await).await.unwrap();
        platform(&db.store, async |tx| users::set_platform_admin(tx, ann, false).await).await.unwrap();
        platform(&db.store, async |tx| users::set_disabled(tx, ann, None).await).await.unwrap();
        let kept = users::get(&db.store, ann).await.unwrap().unwrap();
        assert_eq!((kept.password_hash, kept.platform_admin, kept.disabled_at), (None, false, None));
        let nobody = UserId(id());
        for error in [
            platform(&db.store, async |tx| users::set_password_hash(tx, nobody, None).await).await.unwrap_err(),
            platform(&db.store, async |tx| users::set_platform_admin(tx, nobody, true).await).await.unwrap_err(),
            platform(&db.store, async |tx| users::set_disabled(tx, nobody, None).await).await.unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "no such user");
        }
    }

    async fn members_have_roles_in_each_of_their_tenants(db) {
        assert!(Role::Owner > Role::Manager && Role::Manager > Role::Staff && Role::Staff > Role::Customer);
        let b = World::new(&db.store, "b").await;
        let a = World::new(&db.store, "a").await;
        let ann = a.member("ann", Role::Owner).await;
        let bob = a.member("bob", Role::Customer).await;
        let mut tx = b.begin().await;
        members::put(&mut tx, ann, Role::Staff, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = a.begin().await;
        members::put(&mut tx, bob, Role::Manager, at(2)).await.unwrap();
        assert_eq!(members::role(&mut tx, bob).await.unwrap(), Some(Role::Manager));
        let member = |user, role| Member { user, role, created_at: at(0) };
        let all = members::list(&mut tx).await.unwrap();
        assert_eq!(all, [member(ann, Role::Owner), member(bob, Role::Manager)]);
        members::remove(&mut tx, bob).await.unwrap();
        let error = members::remove(&mut tx, bob).await.unwrap_err();
        assert_eq!(error.to_string(), "no such member");
        assert_eq!(members::role(&mut tx, bob).await.unwrap(), None);
        tx.commit().await.unwrap();
        let mut tx = a.begin().await;
        let error = members::put(&mut tx, UserId(id()), Role::Staff, at(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");
        drop(tx);
        let tenants = members::tenants_of(&db.store, ann).await.unwrap();
        let roles: Vec<_> = tenants.iter().map(|one| (one.tenant.slug.as_str(), one.tenant.id, one.role)).collect();
        assert_eq!(roles, [("a", a.tenant, Role::Owner), ("b", b.tenant, Role::Staff)]);
        assert_eq!(members::tenants_of(&db.store, bob).await.unwrap(), []);
    }

    async fn members_are_listed_with_who_they_are(db) {
        let a = World::new(&db.store, "a").await;
        let b = World::new(&db.store, "b").await;
        let ann = a.member("ann", Role::Owner).await;
        let bob = a.member("bob", Role::Staff).await;
        let mut tx = b.begin().await;
        members::put(&mut tx, bob, Role::Owner, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let people = members::people(&db.store, a.tenant).await.unwrap();
        let mut tx = a.read().await;
        let listed = members::list(&mut tx).await.unwrap();
        assert_eq!(people.iter().map(|(member, _)| member.clone()).collect::<Vec<_>>(), listed);
        drop(tx);
        let known = [ann, bob].map(|id| users::get(&db.store, id));
        for ((_, user), known) in people.iter().zip(known) {
            assert_eq!(Some(user.clone()), known.await.unwrap());
        }
        let of_b = members::people(&db.store, b.tenant).await.unwrap();
        assert_eq!(of_b.len(), 1);
        assert_eq!((of_b[0].0.role, of_b[0].1.id, of_b[0].0.created_at), (Role::Owner, bob, at(1)));
        assert_eq!(members::people(&db.store, TenantId(id())).await.unwrap(), []);
    }

    async fn the_last_owner_stays(db) {
        let world = World::new(&db.store, "a").await;
        let ann = world.member("ann", Role::Owner).await;
        let bob = world.member("bob", Role::Manager).await;
        let mut tx = world.begin().await;
        for error in [
            members::remove(&mut tx, ann).await.unwrap_err(),
            members::put(&mut tx, ann, Role::Manager, at(1)).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::LastOwner), "{error}");
        }
        members::put(&mut tx, ann, Role::Owner, at(1)).await.unwrap();
        members::put(&mut tx, bob, Role::Owner, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        // Each sends the other away at the same moment.
        let leave = |user| {
            let store = db.store.clone();
            let tenant = world.tenant;
            async move {
                let mut tx = store.begin(tenant).await?;
                members::remove(&mut tx, user).await?;
                tx.commit().await
            }
        };
        let (one, two) = tokio::join!(tokio::spawn(leave(ann)), tokio::spawn(leave(bob)));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let error = one.and(two).unwrap_err();
        assert!(matches!(error, StoreError::LastOwner), "{error}");
        let mut tx = world.read().await;
        assert_eq!(members::list(&mut tx).await.unwrap().len(), 1);
    }

    async fn a_tenant_begins_with_its_owner_and_features_or_not_at_all(db) {
        let begin = |email: &'static str| async move {
            let new = NewTenant {
                id: TenantId(id()),
                slug: email.to_owned(),
                name: "Invited".to_owned(),
                created_at: at(0),
            };
            let owner = NewUser { email: email.to_owned(), ..new_user("ann") };
            let (tenant, user) = (new.id, owner.id);
            let mut tx = db.store.administer(tenant).await?;
            tenants::insert(&mut tx, new).await?;
            features::set_overrides(&mut tx, &[(CALENDAR_SYNC, Some(true))], at(0)).await?;
            users::create(&mut tx, owner).await?;
            members::put(&mut tx, user, Role::Owner, at(0)).await?;
            tx.commit().await?;
            Ok::<_, StoreError>((tenant, user))
        };
        let (tenant, owner) = begin("ann@example.com").await.unwrap();
        let mut tx = db.store.read(tenant).await.unwrap();
        assert!(features::has(&mut tx, CALENDAR_SYNC).await.unwrap());
        assert_eq!(members::role(&mut tx, owner).await.unwrap(), Some(Role::Owner));
        drop(tx);
        let error = begin("Ann@example.com").await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)), "{error}");
        assert_eq!(tenants::list(&db.store).await.unwrap().len(), 1);
        let mut tx = db.store.begin(tenant).await.unwrap();
        let error = users::create(&mut tx, new_user("eve")).await.unwrap_err();
        assert!(matches!(error, StoreError::PlatformOnly), "{error}");
    }

    async fn a_token_is_found_by_its_hash_while_it_is_good(db) {
        let world = World::new(&db.store, "a").await;
        let ann = world.member("ann", Role::Owner).await;
        assert!(!good(&db.store, 1).await);
        let mut new = new_token(ann, HASH, Some(at(10)));
        (new.tenant, new.role) = (Some(world.tenant), Some(Role::Staff));
        platform(&db.store, async |tx| tokens::create(tx, new.clone()).await).await.unwrap();
        let (token, owner) = tokens::find(&db.store, &HASH, at(1)).await.unwrap().unwrap();
        assert_eq!((token.id, token.prefix.as_str(), token.name.as_str()), (new.id, "kal_7f3a", "the booking app"));
        assert_eq!((token.user, token.tenant, token.role), (ann, Some(world.tenant), Some(Role::Staff)));
        assert_eq!((token.created_at, token.expires_at), (at(0), Some(at(10))));
        assert_eq!(Some(owner), users::get(&db.store, ann).await.unwrap());
        assert_eq!(tokens::find(&db.store, &TokenHash([8; 32]), at(1)).await.unwrap(), None);
        let error = platform(&db.store, async |tx| tokens::create(tx, new_token(ann, HASH, None)).await).await.unwrap_err();
        assert_eq!(error.to_string(), "a row of tokens exists already");
        let error = platform(&db.store, async |tx| tokens::create(tx, new_token(UserId(id()), TokenHash([9; 32]), None)).await).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference(_)), "{error}");

        assert!(good(&db.store, 9).await);
        assert!(!good(&db.store, 10).await);
        platform(&db.store, async |tx| users::set_disabled(tx, ann, Some(at(2))).await).await.unwrap();
        assert!(!good(&db.store, 3).await);
        platform(&db.store, async |tx| users::set_disabled(tx, ann, None).await).await.unwrap();
        assert!(good(&db.store, 3).await);
        platform(&db.store, async |tx| tokens::revoke(tx, token.id, at(4)).await).await.unwrap();
        platform(&db.store, async |tx| tokens::revoke(tx, token.id, at(5)).await).await.unwrap();
        assert!(!good(&db.store, 3).await);
        let kept = tokens::get(&db.store, token.id).await.unwrap().unwrap();
        assert_eq!(kept.revoked_at, Some(at(4)));
        let nothing = TokenId(id());
        let error = platform(&db.store, async |tx| tokens::revoke(tx, nothing, at(4)).await).await.unwrap_err();
        assert_eq!(error.to_string(), "no such token");
        assert_eq!(tokens::get(&db.store, nothing).await.unwrap(), None);
    }

    async fn tokens_of_embedded_screens_are_in_no_list_end_with_their_maker_and_are_swept(db) {
        let ann = user(&db.store, "ann").await;
        let maker = new_token(ann, TokenHash([1; 32]), None);
        let embedded = NewToken { embedded: true, made_with: Some(maker.id), ..new_token(ann, HASH, Some(at(10))) };
        for new in [maker.clone(), embedded.clone()] {
            platform(&db.store, async |tx| tokens::create(tx, new).await).await.unwrap();
        }
        let listed = tokens::list(&db.store, ann).await.unwrap();
        assert_eq!(listed.iter().map(|token| token.id).collect::<Vec<_>>(), [maker.id]);
        let found = tokens::get(&db.store, embedded.id).await.unwrap().unwrap();
        assert_eq!((found.embedded, found.made_with), (true, Some(maker.id)));
        assert!(good(&db.store, 1).await);
        platform(&db.store, async |tx| tokens::revoke(tx, maker.id, at(2)).await).await.unwrap();
        assert!(!good(&db.store, 3).await);

        assert_eq!(sweep(&db.store, at(9)).await.unwrap(), Swept::default());
        assert_eq!(sweep(&db.store, at(10)).await.unwrap(), Swept { tokens: 1, ..Swept::default() });
        assert!(tokens::get(&db.store, maker.id).await.unwrap().is_some());
    }

    async fn the_use_of_a_token_is_kept_to_the_minute(db) {
        let ann = user(&db.store, "ann").await;
        platform(&db.store, async |tx| tokens::create(tx, new_token(ann, HASH, None)).await).await.unwrap();
        let mut last = None;
        let second = |seconds| at(1) + jiff::SignedDuration::from_secs(seconds);
        for (now, kept) in [(0, 0), (1, 0), (59, 0), (60, 60), (30, 60), (119, 60), (120, 120)] {
            let (token, _) = tokens::find(&db.store, &HASH, second(now)).await.unwrap().unwrap();
            assert_eq!(token.last_used_at, last);
            tokens::touch(&db.store, &token, second(now)).await.unwrap();
            last = Some(second(kept));
            let kept = tokens::get(&db.store, token.id).await.unwrap().unwrap();
            assert_eq!(kept.last_used_at, last, "after {now} s");
        }
    }

    async fn tokens_are_listed_by_user(db) {
        let ann = user(&db.store, "ann").await;
        let bob = user(&db.store, "bob").await;
        let mut made = Vec::new();
        for (n, owner) in [(1, ann), (2, bob), (3, ann)] {
            let mut new = new_token(owner, TokenHash([n; 32]), None);
            new.created_at = at(n.into());
            made.push(new.id);
            platform(&db.store, async |tx| tokens::create(tx, new).await).await.unwrap();
        }
        platform(&db.store, async |tx| tokens::revoke(tx, made[0], at(9)).await).await.unwrap();
        let listed = tokens::list(&db.store, ann).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|token| token.id).collect();
        assert_eq!(ids, [made[2], made[0]]);
    }
}
