//! One test, two databases: a SQLite file of its own, and a PostgreSQL database of its own made from a template.
//!
//! The cluster is that of `KALENDS_TEST_POSTGRES` (a superuser's address), or one that `scripts/pg-test-cluster` starts for
//! this process. The store itself connects as a role without privileges, so that row-level security counts.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use kalends_store::Store;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::sync::Mutex;

const ROLE: &str = "kalends_test";
const PASSWORD: &str = "kalends_test";

/// A database for one test.
pub(crate) struct TestDb {
    pub(crate) store: Store,
    /// Under this address it can be opened again.
    pub(crate) address: String,
    folder: Option<TempDir>,
}

impl TestDb {
    /// A new SQLite file with the whole schema.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("kalends.db").display());
        let store = Store::open(&address).await.unwrap();
        store.migrate_up().await.unwrap();
        Self {
            store,
            address,
            folder: Some(folder),
        }
    }

    /// A new PostgreSQL database with the whole schema; none, with a word about it, where there is no PostgreSQL.
    pub(crate) async fn postgres() -> Option<Self> {
        static TEMPLATE: Mutex<Option<String>> = Mutex::const_new(None);
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let admin = cluster()?;
        // One at a time: a template must not be in use while it is copied.
        let mut template = TEMPLATE.lock().await;
        let source = match &*template {
            Some(name) => name.clone(),
            None => template.insert(make_template(admin).await).clone(),
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kalends_{}_{number}", std::process::id());
        run(
            admin,
            &format!("CREATE DATABASE {name} TEMPLATE {source} OWNER {ROLE}"),
        )
        .await;
        let address = address_of(admin, &name);
        let store = Store::open(&address).await.unwrap();
        Some(Self {
            store,
            address,
            folder: None,
        })
    }

    /// A connection past the store, as the same role.
    pub(crate) async fn raw_postgres(&self) -> PgConnection {
        PgConnection::connect(&self.address).await.unwrap()
    }

    /// Does what nobody can do through the store: to the tables themselves, as somebody whom no wall stops.
    pub(crate) async fn tamper(&self, sql: &str) {
        if self.folder.is_some() {
            let mut raw = SqliteConnection::connect(&self.address).await.unwrap();
            let sql = AssertSqlSafe(sql.to_owned());
            sqlx::raw_sql(sql).execute(&mut raw).await.unwrap();
            raw.close().await.unwrap();
        } else {
            let admin = cluster().unwrap();
            let (server, _) = admin.rsplit_once('/').unwrap();
            let (_, name) = self.address.rsplit_once('/').unwrap();
            run(&format!("{server}/{name}"), sql).await;
        }
    }

    /// Ends the test: nothing may be left open.
    pub(crate) async fn finish(self) {
        self.store.close().await;
        if self.folder.is_none() {
            let name = self.address.rsplit('/').next().unwrap();
            run(cluster().unwrap(), &format!("DROP DATABASE {name}")).await;
        }
    }
}

/// A test of the contract: written once, run on both databases.
macro_rules! contract {
    ($($(#[$doc:meta])* async fn $name:ident($db:ident) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn story($db: &crate::harness::TestDb) $body

            #[tokio::test]
            async fn sqlite() {
                let db = crate::harness::TestDb::sqlite().await;
                story(&db).await;
                db.finish().await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(db) = crate::harness::TestDb::postgres().await else { return };
                story(&db).await;
                db.finish().await;
            }
        }
    )+};
}
pub(crate) use contract;

/// A superuser's address of a cluster.
fn cluster() -> Option<&'static str> {
    static ADDRESS: OnceLock<Option<String>> = OnceLock::new();
    let address = ADDRESS.get_or_init(|| {
        std::env::var("KALENDS_TEST_POSTGRES")
            .ok()
            .filter(|address| !address.is_empty())
            .or_else(start_cluster)
    });
    if address.is_none() {
        assert!(
            std::env::var("KALENDS_REQUIRE_POSTGRES").as_deref() != Ok("1"),
            "KALENDS_REQUIRE_POSTGRES=1, and there is no PostgreSQL"
        );
        println!("skipped: no PostgreSQL here");
    }
    address.as_deref()
}

/// Starts a cluster that ends with this process: its script waits for the end of a pipe that we never close ourselves.
fn start_cluster() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/pg-test-cluster");
    let found = Command::new(&script).arg("--find").output().ok()?;
    if !found.status.success() {
        return None;
    }
    let mut child = Command::new(&script)
        .args([
            "bash",
            "-c",
            "echo \"$KALENDS_TEST_POSTGRES\"; cat >/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    std::mem::forget(child.stdin.take());
    let mut address = String::new();
    BufReader::new(child.stdout.take()?)
        .read_line(&mut address)
        .ok()?;
    let address = address.trim().to_owned();
    (!address.is_empty()).then_some(address)
}

async fn make_template(admin: &str) -> String {
    let name = format!("kalends_template_{}", std::process::id());
    run(
        admin,
        &format!(
            "DO $$ BEGIN
                CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{PASSWORD}';
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        ),
    )
    .await;
    run(admin, &format!("DROP DATABASE IF EXISTS {name}")).await;
    run(admin, &format!("CREATE DATABASE {name} OWNER {ROLE}")).await;
    let store = Store::open(&address_of(admin, &name)).await.unwrap();
    store.migrate_up().await.unwrap();
    store.close().await;
    name
}

/// The address of a database for the role without privileges.
fn address_of(admin: &str, name: &str) -> String {
    let (_, rest) = admin.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split('/').next().unwrap();
    format!("postgres://{ROLE}:{PASSWORD}@{host}/{name}")
}

async fn run(admin: &str, sql: &str) {
    let mut connection = PgConnection::connect(admin).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}
