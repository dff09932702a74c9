//! Migrations up, down and up again; and the second wall of PostgreSQL.

use kalends_calendar::ids::ConnectionId;
use kalends_calendar::rules::Direction;
use kalends_store::audit;
use kalends_store::connections::{self, NewConnection, ProviderKind};
use kalends_store::features::{self, CALENDAR_SYNC};
use kalends_store::members::Role;
use kalends_store::tenants;
use sqlx::Row as _;

use crate::fixture::{World, entry, id};
use crate::harness::{TestDb, contract};

contract! {
    async fn migrations_go_up_down_and_up(db) {
        let status = db.store.migration_status().await.unwrap();
        assert!(status.iter().all(|one| one.applied));
        let names: Vec<_> = status.iter().map(|one| one.name).collect();
        let known =
            ["0001_tenants", "0002_calendars", "0003_links", "0004_statistics", "0005_accounts", "0006_api", "0007_ownership",
             "0008_idempotency", "0009_indexes", "0010_oauth", "0011_bounds",
             "0012_revocations", "0013_channels", "0014_scale", "0015_embedding", "0016_overview"];
        assert_eq!(names, known);
        assert_eq!(db.store.migrate_up().await.unwrap(), []);
        World::new(&db.store, "a").await;
        let down = db.store.migrate_down(1).await.unwrap();
        let versions: Vec<_> = down.iter().map(|one| one.version).collect();
        assert_eq!(versions, [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        db.store.migrate_up().await.unwrap();
        assert!(tenants::by_slug(&db.store, "a").await.unwrap().is_some());
        db.store.migrate_down(0).await.unwrap();
        let status = db.store.migration_status().await.unwrap();
        assert!(status.iter().all(|one| !one.applied));
        let (one, two) = tokio::join!(db.store.migrate_up(), db.store.migrate_up());
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 16);
        World::new(&db.store, "a").await;
    }

    async fn accounts_of_google_go_with_their_migration_and_others_stay(db) {
        let world = World::new(&db.store, "a").await;
        let link = world.link(Direction::TwoWay).await;
        let google = ConnectionId(id());
        let mut tx = world.begin().await;
        let new = NewConnection {
            provider: ProviderKind::Google,
            subject: Some("1001".to_owned()),
            ..world.new_connection(google, "Google")
        };
        connections::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        db.store.migrate_down(7).await.unwrap();
        db.store.migrate_up().await.unwrap();
        let mut tx = world.read().await;
        let left = connections::list(&mut tx).await.unwrap();
        assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>(), [world.connection]);
        drop(tx);
        assert_eq!(world.look(link).await.connection, world.connection);
        // The wider CHECK is there again, and still checks.
        let mut tx = world.begin().await;
        let new = NewConnection {
            provider: ProviderKind::Microsoft,
            ..world.new_connection(ConnectionId(id()), "Microsoft")
        };
        connections::insert(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn who_was_in_step_before_there_were_features_stays_so(db) {
        let world = World::new(&db.store, "a").await;
        let before = tenants::by_id(&db.store, world.tenant).await.unwrap();
        world.set_sync(None).await;
        world.member("ann", Role::Owner).await;
        let down = db.store.migrate_down(4).await.unwrap();
        assert_eq!(down.len(), 12);
        db.store.migrate_up().await.unwrap();
        assert_eq!(tenants::by_id(&db.store, world.tenant).await.unwrap(), before);
        let mut tx = world.read().await;
        assert!(features::has(&mut tx, CALENDAR_SYNC).await.unwrap());
    }
}

/// Every table of tenants is behind the wall, for the role that owns it too.
#[tokio::test]
async fn without_a_tenant_postgres_shows_nothing() {
    let Some(db) = TestDb::postgres().await else {
        return;
    };
    let a = World::new(&db.store, "a").await;
    let b = World::new(&db.store, "b").await;
    let mut raw = db.raw_postgres().await;
    let count = "SELECT count(*) FROM calendars";
    let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut raw).await.unwrap();
    assert_eq!(seen, 0);
    a.member("ann", Role::Owner).await;
    let mut tx = b.begin().await;
    audit::append(&mut tx, entry("link.create", 1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for count in [
        "SELECT count(*) FROM audit",
        "SELECT count(*) FROM channels",
        "SELECT count(*) FROM audit_heads",
        "SELECT count(*) FROM tenants",
        "SELECT count(*) FROM tenant_features",
        "SELECT count(*) FROM members",
        "SELECT count(*) FROM users",
        "SELECT count(*) FROM tokens",
        "SELECT count(*) FROM sessions",
        "SELECT count(*) FROM invitations",
        "SELECT count(*) FROM oauth_states",
        "SELECT count(*) FROM mailbox",
        "SELECT count(*) FROM mails",
        "SELECT count(*) FROM platform_keys",
        "SELECT count(*) FROM revocations",
    ] {
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut raw).await.unwrap();
        assert_eq!(seen, 0, "{count}");
    }
    let tables = sqlx::query(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS walled FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut raw)
    .await
    .unwrap();
    assert_eq!(tables.len(), 37);
    for table in tables {
        let name: String = table.get("relname");
        assert_eq!(
            table.get::<bool, _>("walled"),
            name != "schema_migrations",
            "{name}"
        );
    }
    for world in [&a, &b] {
        sqlx::query("SELECT set_config('kalends.tenant', $1, false)")
            .bind(world.tenant.to_string())
            .execute(&mut raw)
            .await
            .unwrap();
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM calendars")
            .fetch_all(&mut raw)
            .await
            .unwrap();
        assert_eq!(ids, [world.calendar.0]);
    }
    // Nor can a row be put into another tenant.
    let moved = sqlx::query("UPDATE calendars SET tenant_id = $1")
        .bind(a.tenant.0)
        .execute(&mut raw)
        .await;
    assert!(
        moved
            .unwrap_err()
            .to_string()
            .contains("row-level security")
    );
    // Nor does a tenant give itself a feature, or see who else signs in here.
    let given = sqlx::query(
        "INSERT INTO tenant_features (tenant_id, feature_code, enabled, at)
         VALUES ($1, 'can_use_webhooks', TRUE, '2026-03-02')",
    )
    .bind(b.tenant.0)
    .execute(&mut raw)
    .await;
    assert!(
        given
            .unwrap_err()
            .to_string()
            .contains("row-level security")
    );
    let taken = sqlx::query("UPDATE tenant_features SET enabled = FALSE")
        .execute(&mut raw)
        .await
        .unwrap();
    assert_eq!(taken.rows_affected(), 0);
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(seen, 0);
    // Nor does anybody change what is in the audit log, or put something into that of another.
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM audit")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    for scope in ["", "platform"] {
        sqlx::query("SELECT set_config('kalends.scope', $1, false)")
            .bind(scope)
            .execute(&mut raw)
            .await
            .unwrap();
        for change in [
            "UPDATE audit SET actor = 'eve'",
            "DELETE FROM audit",
            "DELETE FROM audit_heads",
        ] {
            let changed = sqlx::query(change).execute(&mut raw).await.unwrap();
            assert_eq!(changed.rows_affected(), 0, "{change}");
        }
        let forged = sqlx::query(
            "INSERT INTO audit (tenant_id, id, at, actor, action, object, detail)
             VALUES ($1, $1, '2026-03-02', 'eve', '', '', '{}')",
        )
        .bind(a.tenant.0)
        .execute(&mut raw)
        .await;
        assert!(
            forged
                .unwrap_err()
                .to_string()
                .contains("row-level security")
        );
    }
    drop(raw);
    db.finish().await;
}
