//! Grants that are taken back, as stories: whoever dies, stands still or cannot reach anybody, it is done once it can be.

use kalends_calendar::ids::{ConnectionId, TenantId, UserId};
use kalends_calendar::seams::Clock as _;
use kalends_store::audit::Filter;
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::grants::{self, NewTokens};
use kalends_store::mailbox::{self, AuthServer, NewMailbox};
use kalends_store::members::Role;
use kalends_store::tenants::{self, NewTenant};
use kalends_store::{PLATFORM, Store, secrets};

use super::*;
use crate::seams::TimedIds;
use crate::stage::{Front, Outside, Stage, Wire};

const ANN: &str = "ann@example.com";

/// A business, its API, and Google.
struct Town {
    stage: Stage,
    front: Front,
    outside: Arc<Outside>,
    owner: UserId,
}

impl Town {
    async fn new() -> Self {
        let stage = Stage::set().await;
        let outside = Outside::new(&stage.clock, &[ANN]);
        let front = Front::open(&stage, &outside).await;
        let owner = stage.person("olivia@demo.example", Role::Owner).await;
        Self {
            stage,
            front,
            outside,
            owner,
        }
    }

    /// What takes grants back on this node.
    fn revoker(&self) -> Revoker {
        Revoker {
            accounts: Arc::clone(&self.front.accounts),
            ids: Arc::new(TimedIds),
        }
    }

    /// What does so on another.
    async fn another(&self) -> Revoker {
        let store = self.stage.another_node().await;
        Revoker {
            accounts: Arc::new(self.outside.accounts(&self.stage, store)),
            ids: Arc::new(TimedIds),
        }
    }

    /// Ann's account at Google, connected for a business.
    async fn connects(&self, tenant: TenantId) -> ConnectionId {
        let id = ConnectionId(TimedIds.next());
        let now = self.stage.clock.now();
        let new = NewConnection {
            id,
            provider: ProviderKind::Google,
            name: ANN.to_owned(),
            url: "http://sandbox.example/google/calendar/v3/".to_owned(),
            user: ANN.to_owned(),
            me: Vec::new(),
            settings: Value::Null,
            owner: None,
            subject: Some("1001".to_owned()),
            created_at: now,
        };
        let tokens = NewTokens {
            refresh: Some(self.outside.grants(ANN).into()),
            ..self.stage.tokens(SignedDuration::from_hours(1))
        };
        let mut tx = self.stage.store.begin(tenant).await.unwrap();
        connections::insert(&mut tx, new).await.unwrap();
        let vault = self.stage.keys.vault();
        grants::keep(&mut tx, &vault, id, &tokens, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Ann's account, which becomes the platform's mailbox.
    async fn becomes_mailbox(&self) {
        let tokens = self.stage.tokens(SignedDuration::from_hours(1));
        let new = NewMailbox {
            provider: AuthServer::Google,
            subject: "1001".to_owned(),
            email: ANN.to_owned(),
            access: tokens.access,
            access_expires_at: tokens.access_expires_at,
            refresh: self.outside.grants(ANN).into(),
            connected_by: self.owner,
        };
        let mut tx = self.stage.store.platform().await.unwrap();
        let vault = self.stage.keys.vault();
        let now = self.stage.clock.now();
        mailbox::connect(&mut tx, &vault, new, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn mailbox_goes(&self) {
        let mut tx = self.stage.store.platform().await.unwrap();
        let now = self.stage.clock.now();
        assert!(mailbox::disconnect(&mut tx, now).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// The account goes, as far as Kalends is concerned.
    async fn disconnects(&self, tenant: TenantId, id: ConnectionId) {
        let mut tx = self.stage.store.begin(tenant).await.unwrap();
        let now = self.stage.clock.now();
        connections::delete(&mut tx, id, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What the log of somebody says of grants that were taken back.
    async fn told(&self, tenant: TenantId) -> Vec<Value> {
        let store = &self.stage.store;
        let mut tx = if tenant == PLATFORM {
            store.platform_read().await.unwrap()
        } else {
            store.read(tenant).await.unwrap()
        };
        let all = audit::list(&mut tx, &Filter::default(), None, 100)
            .await
            .unwrap();
        all.into_iter()
            .map(|kept| kept.entry)
            .filter(|entry| entry.action.ends_with(".revoke"))
            .map(|entry| entry.detail)
            .collect()
    }

    /// Whether anything is owed still, or lies there in clear.
    async fn nothing_remains(&self) {
        let later = self.stage.clock.now() + SignedDuration::from_hours(24 * 365);
        let left = revocations::claim(&self.stage.store, later, later)
            .await
            .unwrap();
        assert_eq!(left, None);
    }
}

async fn another_business(store: &Store, at: jiff::Timestamp) -> TenantId {
    let id = TenantId(TimedIds.next());
    let new = NewTenant {
        id,
        slug: "rival".to_owned(),
        name: "Rival".to_owned(),
        created_at: at,
    };
    tenants::create(store, new).await.unwrap();
    id
}

#[tokio::test]
async fn who_disconnects_does_not_wait_and_the_grant_is_taken_back_all_the_same() {
    let town = Town::new().await;
    let id = town.connects(town.stage.tenant).await;
    let token = Front::token(&town.stage, town.owner, None).await;
    // Google is away, and nobody notices.
    town.outside.becomes(Wire::Cut);
    let body = json!({ "credential_id": id });
    let path = "/api/calendar/disconnect/";
    let told = town
        .front
        .asks("DELETE", path, Some(&token), Some(body))
        .await;
    assert!(told.status.is_success(), "{}", told.text);
    assert_eq!(town.outside.alive(ANN), 1);
    let revoker = town.revoker();
    revoker.round(&Ending::default()).await.unwrap();
    assert_eq!(town.told(town.stage.tenant).await, [Value::Null; 0]);
    // It comes back; the next try is after 30 s.
    town.outside.becomes(Wire::Whole);
    revoker.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 1);
    town.stage.clock.moves(SignedDuration::from_secs(30));
    revoker.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 0);
    let told = town.told(town.stage.tenant).await;
    assert_eq!(told, [json!({ "revoked": true })]);
    revoker.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.asked("/revoke"), 1);
    town.nothing_remains().await;
}

#[tokio::test]
async fn a_process_that_dies_before_or_while_it_asks_leaves_it_to_the_next() {
    let town = Town::new().await;
    let id = town.connects(town.stage.tenant).await;
    town.disconnects(town.stage.tenant, id).await;
    // It dies after the disconnect; the next one dies while Google takes its time.
    town.outside.becomes(Wire::Silent);
    let dying = town.another().await;
    let round =
        tokio::time::timeout(Duration::from_millis(300), dying.round(&Ending::default())).await;
    assert!(round.is_err(), "it waits for an answer");
    drop(dying);
    town.outside.becomes(Wire::Whole);
    assert_eq!(town.outside.asked("/revoke"), 1);
    // As long as it might be alive nobody else asks.
    let next = town.another().await;
    next.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.asked("/revoke"), 1);
    town.stage.clock.moves(CLAIM);
    next.round(&Ending::default()).await.unwrap();
    // It was dead by then, which Google says, and that is fine.
    assert_eq!(town.outside.asked("/revoke"), 2);
    assert_eq!(town.outside.alive(ANN), 0);
    assert_eq!(town.told(town.stage.tenant).await.len(), 1);
    town.nothing_remains().await;
}

#[tokio::test]
async fn a_process_that_dies_before_it_asks_leaves_a_grant_that_lives_to_the_next() {
    let town = Town::new().await;
    let id = town.connects(town.stage.tenant).await;
    town.disconnects(town.stage.tenant, id).await;
    let now = town.stage.clock.now();
    let claimed = revocations::claim(&town.stage.store, now, later(now, CLAIM)).await;
    assert!(claimed.unwrap().is_some(), "and is heard of no more");
    let next = town.another().await;
    next.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 1);
    town.stage.clock.moves(CLAIM);
    next.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 0);
    town.nothing_remains().await;
}

#[tokio::test]
async fn a_grant_that_several_businesses_share_ends_with_the_last_of_them() {
    let town = Town::new().await;
    let rival = another_business(&town.stage.store, town.stage.clock.now()).await;
    let here = town.connects(town.stage.tenant).await;
    let there = town.connects(rival).await;
    let revoker = town.revoker();
    town.disconnects(town.stage.tenant, here).await;
    revoker.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 2);
    assert_eq!(
        town.told(town.stage.tenant).await,
        [Value::Null; 0],
        "nobody hears of others"
    );
    town.nothing_remains().await;
    town.disconnects(rival, there).await;
    revoker.round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 0);
    assert_eq!(town.told(rival).await, [json!({ "revoked": true })]);
    town.nothing_remains().await;
}

#[tokio::test]
async fn a_grant_that_the_mailbox_and_a_business_share_is_taken_back_by_neither_alone() {
    for mailbox_first in [true, false] {
        let town = Town::new().await;
        let id = town.connects(town.stage.tenant).await;
        town.becomes_mailbox().await;
        let revoker = town.revoker();
        let (first, last) = if mailbox_first {
            (PLATFORM, town.stage.tenant)
        } else {
            (town.stage.tenant, PLATFORM)
        };
        for (whose, alive) in [(first, 2), (last, 0)] {
            if whose == PLATFORM {
                town.mailbox_goes().await;
            } else {
                town.disconnects(whose, id).await;
            }
            revoker.round(&Ending::default()).await.unwrap();
            assert_eq!(
                town.outside.alive(ANN),
                alive,
                "mailbox first: {mailbox_first}"
            );
        }
        assert_eq!(town.told(first).await, [Value::Null; 0]);
        assert_eq!(town.told(last).await, [json!({ "revoked": true })]);
        town.nothing_remains().await;
    }
}

#[tokio::test]
async fn who_connects_again_before_it_is_taken_back_keeps_the_grant() {
    let town = Town::new().await;
    let id = town.connects(town.stage.tenant).await;
    town.outside.becomes(Wire::Cut);
    town.disconnects(town.stage.tenant, id).await;
    town.revoker().round(&Ending::default()).await.unwrap();
    town.outside.becomes(Wire::Whole);
    let again = town.connects(town.stage.tenant).await;
    town.stage.clock.moves(SignedDuration::from_hours(1));
    town.revoker().round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.asked("/revoke"), 0);
    assert_eq!(town.outside.alive(ANN), 2);
    town.disconnects(town.stage.tenant, again).await;
    town.revoker().round(&Ending::default()).await.unwrap();
    assert_eq!(town.outside.alive(ANN), 0);
    town.nothing_remains().await;
}

#[tokio::test]
async fn what_cannot_be_taken_back_for_a_week_or_ever_is_given_up_and_nothing_remains() {
    // Google is away for a week.
    let town = Town::new().await;
    let id = town.connects(town.stage.tenant).await;
    town.disconnects(town.stage.tenant, id).await;
    town.outside.becomes(Wire::Cut);
    let revoker = town.revoker();
    for _ in 0..7 * 24 {
        revoker.round(&Ending::default()).await.unwrap();
        assert_eq!(town.told(town.stage.tenant).await, [Value::Null; 0]);
        town.stage.clock.moves(SignedDuration::from_hours(1));
    }
    town.stage.clock.moves(SignedDuration::from_hours(4));
    revoker.round(&Ending::default()).await.unwrap();
    let [told] = &town.told(town.stage.tenant).await[..] else {
        panic!("it is told once")
    };
    assert_eq!(told["revoked"], false);
    assert!(
        told["problem"]
            .as_str()
            .unwrap()
            .contains("cannot be reached"),
        "{told}"
    );
    town.nothing_remains().await;
    // Its business's key was erased, and with it what it sealed.
    let id = town.connects(town.stage.tenant).await;
    town.disconnects(town.stage.tenant, id).await;
    let mut tx = town.stage.begin().await;
    secrets::erase(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    town.nothing_remains().await;
}
