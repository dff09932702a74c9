//! The audit log: what was done and what is told of it are one, and nothing in it is changed without a trace.

use jiff::Timestamp;
use kalends_calendar::ids::TenantId;
use kalends_store::audit::{self, Entry, Fault, Filter, Kept, Verdict};
use kalends_store::plans::{self, Plan};
use kalends_store::sweep::sweep;
use kalends_store::tenants;
use kalends_store::{PLATFORM, Store, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{World, at, entry, plan, platform};
use crate::harness::contract;

async fn tell(store: &Store, tenant: TenantId, entries: Vec<Entry>) -> Result<(), StoreError> {
    let mut tx = store.begin(tenant).await?;
    for entry in entries {
        audit::append(&mut tx, entry).await?;
    }
    tx.commit().await
}

async fn five(world: &World) -> Vec<Entry> {
    let entries: Vec<Entry> = (1..=5)
        .map(|n| Entry {
            object: format!("link {n}"),
            ..entry("link.create", n)
        })
        .collect();
    tell(&world.store, world.tenant, entries.clone())
        .await
        .unwrap();
    entries
}

async fn listed(world: &World, filter: &Filter) -> Vec<Kept> {
    let mut tx = world.read().await;
    audit::list(&mut tx, filter, None, 99).await.unwrap()
}

/// What is found when the platform's log is asked too.
async fn known(store: &Store, tenant: TenantId) -> Verdict {
    let all = audit::verify_all(store).await.unwrap();
    assert_eq!(all[0].0, PLATFORM);
    let found = all.into_iter().find(|(id, _)| *id == tenant);
    found.map(|(_, verdict)| verdict).unwrap()
}

/// How many entries there are, if the chain is whole.
async fn whole(store: &Store, tenant: TenantId) -> i64 {
    match audit::verify(store, tenant).await.unwrap() {
        Verdict::Whole { entries, .. } => entries,
        broken @ Verdict::Broken { .. } => panic!("{broken:?}"),
    }
}

async fn broken(store: &Store, tenant: TenantId) -> (i64, Fault) {
    match audit::verify(store, tenant).await.unwrap() {
        Verdict::Broken { seq, fault } => (seq, fault),
        whole @ Verdict::Whole { .. } => panic!("{whole:?}"),
    }
}

contract! {
    async fn the_log_reads_backwards_page_by_page(db) {
        let world = World::new(&db.store, "a").await;
        let entries = (0..5).map(|n| Entry {
            // Two at the same moment are told apart by their ids.
            detail: json!({ "n": n }),
            ..entry("link.create", n / 2)
        });
        tell(&db.store, world.tenant, entries.collect()).await.unwrap();
        let mut read = Vec::new();
        let mut before: Option<(Timestamp, Uuid)> = None;
        let mut tx = world.read().await;
        loop {
            let page = audit::list(&mut tx, &Filter::default(), before, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.entry.at, last.entry.id));
            read.extend(page.iter().map(|kept| (kept.seq.unwrap(), kept.entry.detail["n"].as_i64().unwrap())));
        }
        assert_eq!(read, [(5, 4), (4, 3), (3, 2), (2, 1), (1, 0)]);
    }

    async fn the_log_is_filtered_by_who_what_which_and_when(db) {
        let world = World::new(&db.store, "a").await;
        let other = World::new(&db.store, "b").await;
        let kinds = [("ann", "link.create", "link 1"), ("bob", "link.create", "link 2"), ("ann", "link.delete", "link 1")];
        let entries: Vec<Entry> = (1..).zip(kinds).map(|(n, (actor, action, object))| Entry {
            actor: actor.to_owned(),
            object: object.to_owned(),
            address: Some("192.0.2.1".to_owned()),
            cause: Some("request 7".to_owned()),
            ..entry(action, n)
        }).collect();
        tell(&db.store, world.tenant, entries.clone()).await.unwrap();
        tell(&db.store, other.tenant, vec![entry("link.create", 9)]).await.unwrap();
        platform(&db.store, async |tx| audit::append(tx, entry("plan.put", 8)).await).await.unwrap();

        let some = |text: &str| Some(text.to_owned());
        for (filter, seqs) in [
            (Filter::default(), vec![3, 2, 1]),
            (Filter { actor: some("ann"), ..Filter::default() }, vec![3, 1]),
            (Filter { action: some("link.create"), ..Filter::default() }, vec![2, 1]),
            (Filter { object: some("link 2"), ..Filter::default() }, vec![2]),
            (Filter { from: Some(at(2)), ..Filter::default() }, vec![3, 2]),
            (Filter { to: Some(at(2)), ..Filter::default() }, vec![1]),
            (Filter { actor: some("ann"), action: some("link.create"), from: Some(at(0)), to: Some(at(9)), object: some("link 1"), without_writes: true }, vec![1]),
            (Filter { actor: some("eve"), ..Filter::default() }, vec![]),
        ] {
            let found = listed(&world, &filter).await;
            assert_eq!(found.iter().filter_map(|kept| kept.seq).collect::<Vec<_>>(), seqs, "{filter:?}");
        }
        let found = listed(&world, &Filter::default()).await;
        assert_eq!(found[0].entry, entries[2]);

        let mut all = Vec::new();
        let mut before = None;
        loop {
            let page = audit::list_all(&db.store, &Filter::default(), before, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.entry.at, last.entry.id));
            all.extend(page.iter().map(|kept| kept.tenant));
        }
        assert_eq!(all, [other.tenant, PLATFORM, world.tenant, world.tenant, world.tenant]);
        let filter = Filter { action: some("link.create"), to: Some(at(2)), ..Filter::default() };
        assert_eq!(audit::list_all(&db.store, &filter, None, 9).await.unwrap().len(), 1);
        let mut tx = db.store.platform_read().await.unwrap();
        let own = audit::list(&mut tx, &Filter::default(), None, 9).await.unwrap();
        assert_eq!((own.len(), own[0].entry.action.as_str(), own[0].seq), (1, "plan.put", Some(1)));
    }

    async fn what_is_done_and_what_is_told_are_one(db) {
        let world = World::new(&db.store, "a").await;
        // A tenant is changed in three ways, with an entry for itself and one for the platform.
        let change = async |rename: &str, plan: &str, keep: bool| -> Result<(), StoreError> {
            let mut tx = db.store.administer(world.tenant).await?;
            tenants::rename(&mut tx, rename).await?;
            tenants::set_plan(&mut tx, Some(plan)).await?;
            audit::append(&mut tx, entry("tenant.change", 1)).await?;
            audit::append_to_platform(&mut tx, entry("tenant.change", 1)).await?;
            if keep { tx.commit().await } else { Ok(()) }
        };
        platform(&db.store, async |tx| {
            plans::put(tx, Plan { name: "Pro".to_owned(), ..plan("pro", &[]) }, at(0)).await?;
            audit::append(tx, entry("plan.put", 0)).await
        }).await.unwrap();
        change("lost", "gold", true).await.unwrap_err();
        change("lost", "pro", false).await.unwrap();
        let kept = tenants::by_id(&db.store, world.tenant).await.unwrap().unwrap();
        assert_eq!((kept.name.as_str(), kept.plan), ("Tenant a", None));
        assert_eq!((whole(&db.store, world.tenant).await, whole(&db.store, PLATFORM).await), (0, 1));
        change("New", "pro", true).await.unwrap();
        let kept = tenants::by_id(&db.store, world.tenant).await.unwrap().unwrap();
        assert_eq!((kept.name.as_str(), kept.plan.as_deref()), ("New", Some("pro")));
        assert_eq!((whole(&db.store, world.tenant).await, whole(&db.store, PLATFORM).await), (1, 2));

        let mut tx = world.begin().await;
        for error in [
            audit::append_to_platform(&mut tx, entry("forged", 1)).await.unwrap_err(),
            tenants::set_plan(&mut tx, None).await.unwrap_err(),
            plans::put(&mut tx, plan("pro", &[]), at(1)).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::PlatformOnly), "{error}");
        }
        drop(tx);
        let mut tx = world.read().await;
        let error = audit::append(&mut tx, entry("forged", 1)).await.unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly), "{error}");
        drop(tx);
        // The id of an entry is its own; nothing is kept of what would be told under another's.
        let twice = entry("link.create", 1);
        let error = tell(&db.store, world.tenant, vec![twice.clone(), twice]).await.unwrap_err();
        assert!(matches!(error, StoreError::Taken(_)), "{error}");
        assert_eq!(whole(&db.store, world.tenant).await, 1);
    }

    async fn what_databases_keep_differently_is_chained_all_the_same(db) {
        let world = World::new(&db.store, "a").await;
        let details = [
            json!({ "long name": 1, "b": { "z": [true, null], "aa": -7 }, "a": "ä\0\u{1f600}" }),
            json!([1.0, 1e16, 0.1, 1e300, -0.0, u64::MAX, i64::MIN]),
            json!("text"),
            json!(null),
        ];
        let entries: Vec<Entry> = details.into_iter().map(|detail| Entry {
            detail,
            actor: "a\0n".to_owned(),
            at: at(1) + jiff::SignedDuration::from_nanos(1_234),
            cause: Some("\0".to_owned()),
            ..entry("odd", 1)
        }).collect();
        for entry in entries {
            tell(&db.store, world.tenant, vec![entry]).await.unwrap();
        }
        assert_eq!(whole(&db.store, world.tenant).await, 4);
        let found = listed(&world, &Filter::default()).await;
        assert_eq!(found[3].entry.detail["b"], json!({ "z": [true, null], "aa": -7 }));
        assert_eq!(found[2].entry.detail, json!(["1.0", "1e+16", "0.1", "1e+300", "-0.0", u64::MAX, i64::MIN]));
    }

    async fn two_at_once_make_one_chain(db) {
        let world = World::new(&db.store, "a").await;
        let other = World::new(&db.store, "b").await;
        let mut tasks = Vec::new();
        for n in 0..12 {
            let store = db.store.clone();
            let tenant = if n % 3 == 0 { other.tenant } else { world.tenant };
            tasks.push(tokio::spawn(async move {
                let mut tx = store.administer(tenant).await?;
                // The order in which they are told is not the one in which chains are locked.
                audit::append(&mut tx, entry("one", n)).await?;
                audit::append_to_platform(&mut tx, entry("two", n)).await?;
                tenants::rename(&mut tx, &format!("by {n}")).await?;
                audit::append(&mut tx, entry("three", n)).await?;
                tx.commit().await
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let counts = [whole(&db.store, world.tenant).await, whole(&db.store, other.tenant).await, whole(&db.store, PLATFORM).await];
        assert_eq!(counts, [16, 8, 12]);
    }

    async fn a_chain_of_several_pages_is_whole(db) {
        let world = World::new(&db.store, "a").await;
        let many = (0..1_100).map(|n| entry("many", n)).collect();
        tell(&db.store, world.tenant, many).await.unwrap();
        five(&world).await;
        assert_eq!(whole(&db.store, world.tenant).await, 1_105);
        db.tamper("UPDATE audit SET action = 'few' WHERE seq = 1050").await;
        assert_eq!(broken(&db.store, world.tenant).await, (1_050, Fault::Changed));
    }

    async fn an_entry_that_was_changed_is_found(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        for (change, back) in [
            ("actor = 'eve'", "actor = 'ann'"),
            ("object = 'link 9'", "object = 'link 3'"),
            ("detail = '{\"x\": 1}'", "detail = '{}'"),
            ("address = '192.0.2.9'", "address = NULL"),
            ("cause = 'none'", "cause = NULL"),
        ] {
            db.tamper(&format!("UPDATE audit SET {change} WHERE seq = 3")).await;
            assert_eq!(broken(&db.store, world.tenant).await, (3, Fault::Changed), "{change}");
            db.tamper(&format!("UPDATE audit SET {back} WHERE seq = 3")).await;
            assert_eq!(whole(&db.store, world.tenant).await, 5);
        }
        // Two that change places are both wrong; the first is told.
        for (from, to) in [(2, 99), (4, 2), (99, 4)] {
            db.tamper(&format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
        }
        assert_eq!(broken(&db.store, world.tenant).await, (2, Fault::Changed));
    }

    async fn an_entry_that_was_deleted_is_found(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        // Also when it is said to be from before the chain.
        db.tamper("UPDATE audit SET seq = NULL, hash = NULL WHERE seq = 4").await;
        assert_eq!(broken(&db.store, world.tenant).await, (4, Fault::Missing));
        db.tamper("DELETE FROM audit WHERE seq = 2").await;
        assert_eq!(broken(&db.store, world.tenant).await, (2, Fault::Missing));
        db.tamper("DELETE FROM audit WHERE seq = 1").await;
        assert_eq!(broken(&db.store, world.tenant).await, (1, Fault::Missing));
    }

    async fn a_tail_that_was_cut_off_is_found(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        db.tamper("DELETE FROM audit WHERE seq >= 4").await;
        assert_eq!(broken(&db.store, world.tenant).await, (4, Fault::Cut));
        // What is told afterwards does not cover it up.
        tell(&db.store, world.tenant, vec![entry("later", 9)]).await.unwrap();
        assert_eq!(broken(&db.store, world.tenant).await, (4, Fault::Missing));
        db.tamper("DELETE FROM audit").await;
        assert_eq!(broken(&db.store, world.tenant).await, (1, Fault::Cut));
    }

    async fn an_end_that_does_not_fit_is_found(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        db.tamper("UPDATE audit_heads SET seq = 3").await;
        assert_eq!(broken(&db.store, world.tenant).await, (4, Fault::Head));
        db.tamper("UPDATE audit_heads SET seq = 5, hash = (SELECT hash FROM audit WHERE seq = 4)").await;
        assert_eq!(broken(&db.store, world.tenant).await, (5, Fault::Head));
        db.tamper("DELETE FROM audit_heads").await;
        assert_eq!(broken(&db.store, world.tenant).await, (1, Fault::Head));
    }

    async fn what_was_there_before_the_chain_stays_and_is_counted(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        platform(&db.store, async |tx| audit::append(tx, entry("plan.put", 1)).await).await.unwrap();
        db.store.migrate_down(5).await.unwrap();
        db.store.migrate_up().await.unwrap();
        let kept = listed(&world, &Filter::default()).await;
        let objects: Vec<_> = kept.iter().map(|kept| (kept.seq, kept.entry.object.as_str())).collect();
        assert_eq!(objects, [(None, "link 5"), (None, "link 4"), (None, "link 3"), (None, "link 2"), (None, "link 1")]);
        assert_eq!(whole(&db.store, PLATFORM).await, 0);
        tell(&db.store, world.tenant, vec![entry("later", 9)]).await.unwrap();
        let hash = match audit::verify(&db.store, world.tenant).await.unwrap() {
            Verdict::Whole { entries: 1, hash, unchained: 5, outside: 0 } => hash,
            other => panic!("{other:?}"),
        };
        assert_ne!(hash, [0; 32]);
        db.tamper("DELETE FROM audit WHERE object = 'link 3'").await;
        assert_eq!(broken(&db.store, world.tenant).await, (0, Fault::Unchained));
    }

    async fn a_log_that_is_gone_with_its_end_is_missed(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        assert_eq!(sweep(&db.store, at(10)).await.unwrap().anchored, 1);
        assert_eq!(sweep(&db.store, at(11)).await.unwrap().anchored, 0, "once a day");
        assert_eq!(audit::anchor(&db.store, at(12)).await.unwrap(), 0, "it did not move");
        assert!(matches!(known(&db.store, world.tenant).await, Verdict::Whole { entries: 5, .. }));
        db.tamper("DELETE FROM audit WHERE action = 'link.create' AND seq > 3").await;
        db.tamper("UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit WHERE action = 'link.create' AND seq = 3) WHERE seq = 5").await;
        assert_eq!(whole(&db.store, world.tenant).await, 3, "by itself it looks whole");
        assert_eq!(known(&db.store, world.tenant).await, Verdict::Broken { seq: 4, fault: Fault::Cut });
        db.tamper("DELETE FROM audit WHERE action = 'link.create'").await;
        db.tamper("DELETE FROM audit_heads WHERE seq = 3").await;
        db.tamper("DELETE FROM tenants").await;
        assert_eq!(known(&db.store, world.tenant).await, Verdict::Broken { seq: 1, fault: Fault::Cut });
    }

    async fn a_log_that_is_written_anew_is_found_even_if_it_is_vouched_for_again(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        audit::anchor(&db.store, at(10)).await.unwrap();
        db.tamper("DELETE FROM audit WHERE action = 'link.create'").await;
        db.tamper("DELETE FROM audit_heads WHERE seq = 5").await;
        tell(&db.store, world.tenant, (1..=5).map(|n| entry("link.forge", n)).collect()).await.unwrap();
        assert_eq!(whole(&db.store, world.tenant).await, 5);
        let found = Verdict::Broken { seq: 5, fault: Fault::Anchor };
        assert_eq!(known(&db.store, world.tenant).await, found);
        assert_eq!(audit::anchor(&db.store, at(20)).await.unwrap(), 1);
        assert_eq!(known(&db.store, world.tenant).await, found);
    }

    async fn an_entry_that_is_said_to_be_from_before_the_chain_is_found(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        audit::anchor(&db.store, at(10)).await.unwrap();
        db.tamper(
            "INSERT INTO audit (tenant_id, id, at, actor, action, object, detail)
             SELECT tenant_id, tenant_id, at, 'eve', 'link.create', 'link 0', '{}' FROM audit WHERE actor <> 'kalends' AND seq = 1",
        )
        .await;
        db.tamper("UPDATE audit_heads SET unchained = 1 WHERE seq = 5").await;
        match known(&db.store, world.tenant).await {
            Verdict::Whole { entries: 5, unchained: 0, outside: 1, .. } => {}
            other => panic!("{other:?}"),
        }
    }

    async fn what_an_older_node_writes_during_an_upgrade_is_told_as_that(db) {
        let world = World::new(&db.store, "a").await;
        five(&world).await;
        db.tamper(
            "INSERT INTO audit (tenant_id, id, at, actor, action, object, detail)
             SELECT tenant_id, tenant_id, at, 'old', 'link.create', 'link 6', '{}' FROM audit WHERE seq = 1",
        )
        .await;
        tell(&db.store, world.tenant, vec![entry("later", 9)]).await.unwrap();
        match audit::verify(&db.store, world.tenant).await.unwrap() {
            Verdict::Whole { entries: 6, unchained: 0, outside: 1, .. } => {}
            other => panic!("{other:?}"),
        }
        // It hides nothing that was done to the chain.
        db.tamper("DELETE FROM audit WHERE seq = 4").await;
        assert_eq!(broken(&db.store, world.tenant).await, (4, Fault::Missing));
    }
}
