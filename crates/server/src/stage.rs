//! What tests of this crate have in common: a database of their own, a tenant with an account, a clock that is moved.

mod front;
mod outside;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::{ConnectionId, TenantId, UserId};
use kalends_calendar::seams::{Clock, Ids};
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::grants::{self, NewTokens};
use kalends_store::members::{self, Role};
use kalends_store::tenants::{self, NewTenant};
use kalends_store::users::{self, NewUser};
use kalends_store::vault::MasterKey;
use kalends_store::{Store, Tx};
use tempfile::TempDir;

use crate::config::{Database, KeyPlace, Keys, Migrate};
use crate::keys::KeyRing;
use crate::seams::TimedIds;

pub(crate) use front::{Front, Told};
pub(crate) use outside::{Outside, Wire};

/// A clock that moves when somebody moves it, or sleeps.
pub(crate) struct Hand {
    now: Mutex<Timestamp>,
    sleeps: AtomicUsize,
}

impl Hand {
    /// How often somebody has slept.
    pub(crate) fn sleeps(&self) -> usize {
        self.sleeps.load(Ordering::Relaxed)
    }

    pub(crate) fn moves(&self, by: SignedDuration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleeps.fetch_add(1, Ordering::Relaxed);
        self.moves(duration.try_into().unwrap());
        Box::pin(tokio::task::yield_now())
    }
}

/// A database file, and one tenant in it.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) store: Store,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) clock: Arc<Hand>,
    pub(crate) tenant: TenantId,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.migrate_up().await.unwrap();
        let (_, key) = MasterKey::generate().unwrap();
        let keys = Keys {
            current: KeyPlace::Given(key),
            older: Vec::new(),
        };
        let database = Database {
            url: String::new(),
            migrate: Migrate::Auto,
            file: None,
            folder: None,
        };
        let clock = Hand {
            now: Mutex::new("2026-03-01T10:00:00Z".parse().unwrap()),
            sleeps: AtomicUsize::new(0),
        };
        let tenant = TenantId(TimedIds.next());
        let new = NewTenant {
            id: tenant,
            slug: "demo".to_owned(),
            name: "Demo Dental".to_owned(),
            created_at: clock.now(),
        };
        tenants::create(&store, new).await.unwrap();
        Self {
            folder,
            store,
            keys: Arc::new(KeyRing::read(&keys, &database).unwrap()),
            clock: Arc::new(clock),
            tenant,
        }
    }

    /// The same database, as another process has it.
    pub(crate) async fn another_node(&self) -> Store {
        open(&self.folder).await
    }

    /// Whether these bytes stand in a file of the database.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flatten().any(|file| {
            let content = std::fs::read(file.path()).unwrap();
            content.windows(bytes.len()).any(|part| part == bytes)
        })
    }

    pub(crate) async fn begin(&self) -> Tx {
        self.store.begin(self.tenant).await.unwrap()
    }

    /// Somebody who is a member.
    pub(crate) async fn person(&self, email: &str, role: Role) -> UserId {
        let id = UserId(TimedIds.next());
        let mut tx = self.store.administer(self.tenant).await.unwrap();
        let new = NewUser {
            id,
            email: email.to_owned(),
            name: String::new(),
            password_hash: None,
            platform_admin: false,
            created_at: self.clock.now(),
        };
        users::create(&mut tx, new).await.unwrap();
        members::put(&mut tx, id, role, self.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// An account at Google with the tokens `access-0`, which is good for so long, and `refresh-0`.
    pub(crate) async fn account(
        &self,
        owner: Option<UserId>,
        good_for: SignedDuration,
    ) -> ConnectionId {
        let id = ConnectionId(TimedIds.next());
        let new = NewConnection {
            id,
            provider: ProviderKind::Google,
            name: "ann@example.com".to_owned(),
            url: "https://www.googleapis.com/calendar/v3/".to_owned(),
            user: "ann@example.com".to_owned(),
            me: Vec::new(),
            settings: serde_json::Value::Null,
            owner,
            subject: Some("1001".to_owned()),
            created_at: self.clock.now(),
        };
        let mut tx = self.begin().await;
        connections::insert(&mut tx, new).await.unwrap();
        let tokens = self.tokens(good_for);
        let now = self.clock.now();
        grants::keep(&mut tx, &self.keys.vault(), id, &tokens, now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// The tokens that an account begins with.
    pub(crate) fn tokens(&self, good_for: SignedDuration) -> NewTokens {
        NewTokens {
            access: "access-0".into(),
            access_expires_at: self.clock.now().checked_add(good_for).unwrap(),
            refresh: Some("refresh-0".into()),
        }
    }
}

async fn open(folder: &TempDir) -> Store {
    let file = folder.path().join("kalends.db");
    Store::open(&format!("sqlite:{}?mode=rwc", file.display()))
        .await
        .unwrap()
}
