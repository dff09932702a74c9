//! The chain of an audit log: each entry carries a hash over itself and the hash of the entry before it, so that an entry
//! cannot be changed, taken out or put in without a trace.
//!
//! Whoever can write the database past Kalends can also write the whole chain anew. Against that helps only to keep the hash
//! of the last entry elsewhere, which is why [`Verdict::Whole`] tells it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kalends_calendar::ids::TenantId;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::anchor::End;
use super::{Entry, read};
use crate::bind::{Bind, binds, json};
use crate::error::StoreError;
use crate::multi::Multi;
use crate::row::Row;
use crate::store::Store;
use crate::tx::Tx;

/// What every hash begins with. Another encoding would need another one.
const ENCODING: &[u8] = b"kalends audit 1";
/// Before the first entry.
const NOTHING: Hash = [0; 32];
/// How many entries are verified at once: some hundred KB.
const PAGE: i64 = 500;

pub(crate) type Hash = [u8; 32];

/// What is wrong with a log, if anything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is as it was written, and none is missing.
    Whole {
        /// How many there are in the chain.
        entries: i64,
        /// The hash of the last one; zeros if there is none.
        hash: [u8; 32],
        /// How many there are from before the chain, of which only the number is known.
        unchained: i64,
        /// How many have no place in the chain though it had begun. They took nothing from the chain, and nothing vouches
        /// for them: a node of a version without chains wrote them during an upgrade, or somebody past Kalends.
        outside: i64,
    },
    /// Something was done to it.
    Broken {
        /// The first place in the chain that is not right.
        seq: i64,
        /// What is wrong there.
        fault: Fault,
    },
}

/// What is wrong at a place of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The entry is not as it was written, or the one before it is not.
    Changed,
    /// The entry is missing, and later ones are there.
    Missing,
    /// The entry is missing, and so are all later ones.
    Cut,
    /// What is kept of the chain's end does not fit the last entry, or is missing.
    Head,
    /// Entries from before the chain are missing.
    Unchained,
    /// The entry is not the one that the platform's log vouches for: the chain was written anew.
    Anchor,
}

/// Writes entries at the ends of their chains. It is the last thing that a transaction does: from here to its end nobody else
/// writes to these chains, so that they have neither gaps nor forks. Who writes to several locks them in the order of the
/// tenants' ids, and takes no other lock afterwards.
pub(crate) async fn append(tx: &mut Tx, log: Vec<(TenantId, Entry)>) -> Result<(), StoreError> {
    let mut logs: BTreeMap<TenantId, Vec<Entry>> = BTreeMap::new();
    for (tenant, entry) in log {
        logs.entry(tenant).or_default().push(entry);
    }
    for (tenant, entries) in logs {
        append_to(tx, tenant, entries).await?;
    }
    Ok(())
}

async fn append_to(tx: &mut Tx, tenant: TenantId, entries: Vec<Entry>) -> Result<(), StoreError> {
    static TEXT: LazyLock<Multi> = LazyLock::new(|| {
        Multi::new(
            "INSERT INTO audit (tenant_id, seq, hash, id, at, actor, action, object, detail,
                address, cause) VALUES ",
            1,
            "($1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "",
        )
    });
    let head = tx
        .only_row(
            "INSERT INTO audit_heads (tenant_id, seq, hash, unchained) VALUES ($1, 0, $2, 0)
             ON CONFLICT (tenant_id) DO UPDATE SET seq = audit_heads.seq
             RETURNING seq, hash",
            binds![tenant, NOTHING.to_vec()],
        )
        .await?;
    let mut seq: i64 = head.get("seq")?;
    let mut hash = head.hash("hash")?;
    let mut items = Vec::with_capacity(entries.len() * 10);
    for entry in entries {
        seq += 1;
        hash = link(&hash, tenant, seq, &entry);
        items.extend(binds![
            seq,
            hash.to_vec(),
            entry.id,
            entry.at,
            entry.actor,
            entry.action,
            entry.object,
            json(&entry.detail)?,
            entry.address,
            entry.cause,
        ]);
    }
    tx.execute_many(&TEXT, &[Bind::from(tenant)], items).await?;
    tx.execute(
        "UPDATE audit_heads SET seq = $2, hash = $3 WHERE tenant_id = $1",
        binds![tenant, seq, hash.to_vec()],
    )
    .await?;
    Ok(())
}

/// Reads a tenant's whole log ([`PLATFORM`](crate::PLATFORM): the platform's own), as it is at one moment, and says where it
/// is first broken, by itself: [`verify_all`](super::verify_all) also asks what the platform's log knows of it.
pub async fn verify(store: &Store, tenant: TenantId) -> Result<Verdict, StoreError> {
    walk(store, tenant, &[], |_| ()).await
}

/// The same, held against where the chain once ended, in the order of time; `seen` is shown every entry that is right.
pub(crate) async fn walk(
    store: &Store,
    tenant: TenantId,
    anchors: &[End],
    mut seen: impl FnMut(&Entry),
) -> Result<Verdict, StoreError> {
    let mut tx = store.read(tenant).await?;
    let head = head(&mut tx).await?;
    let mut walk = Walk {
        tenant,
        seq: 0,
        hash: NOTHING,
        // What was said first is what could be forged least.
        anchors: anchors
            .iter()
            .rev()
            .map(|end| (end.seq, end.hash))
            .collect(),
    };
    loop {
        let binds = binds![tenant, walk.seq, PAGE];
        let rows = tx
            .rows(
                "SELECT * FROM audit WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                binds,
            )
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let seq = walk.seq + 1;
            match walk.step(row) {
                Ok(entry) => seen(&entry),
                Err(fault) => return Ok(Verdict::Broken { seq, fault }),
            }
        }
    }
    let found = unchained(&mut tx).await?;
    let unchained = anchors.first().map_or(head.unchained, |end| end.unchained);
    Ok(walk.end(&Head { unchained, ..head }, found))
}

/// What is kept of the end of a chain.
struct Head {
    seq: i64,
    hash: Hash,
    unchained: i64,
}

async fn head(tx: &mut Tx) -> Result<Head, StoreError> {
    let binds = binds![tx.tenant];
    let row = tx
        .row("SELECT * FROM audit_heads WHERE tenant_id = $1", binds)
        .await?;
    Ok(match row {
        None => Head {
            seq: 0,
            hash: NOTHING,
            unchained: 0,
        },
        Some(row) => Head {
            seq: row.get("seq")?,
            hash: row.hash("hash")?,
            unchained: row.get("unchained")?,
        },
    })
}

async fn unchained(tx: &mut Tx) -> Result<i64, StoreError> {
    let binds = binds![tx.tenant];
    tx.only_row(
        "SELECT count(*) AS n FROM audit WHERE tenant_id = $1 AND seq IS NULL",
        binds,
    )
    .await?
    .get("n")
}

/// How far a chain was found to be right.
struct Walk {
    tenant: TenantId,
    seq: i64,
    hash: Hash,
    /// What the hash of an entry is known to have been.
    anchors: BTreeMap<i64, Hash>,
}

impl Walk {
    fn step(&mut self, row: &Row) -> Result<Entry, Fault> {
        let seq = row.get("seq").map_err(|_| Fault::Changed)?;
        if seq != self.seq + 1 {
            return Err(Fault::Missing);
        }
        // What cannot be read is not what was written either.
        let kept = read(row).map_err(|_| Fault::Changed)?;
        let hash = row.hash("hash").map_err(|_| Fault::Changed)?;
        if link(&self.hash, self.tenant, seq, &kept.entry) != hash {
            return Err(Fault::Changed);
        }
        if self.anchors.get(&seq).is_some_and(|known| *known != hash) {
            return Err(Fault::Anchor);
        }
        (self.seq, self.hash) = (seq, hash);
        Ok(kept.entry)
    }

    fn end(self, head: &Head, unchained: i64) -> Verdict {
        let broken = |seq, fault| Verdict::Broken { seq, fault };
        let anchored = self.anchors.keys().next_back().copied().unwrap_or(0);
        if self.seq < head.seq.max(anchored) {
            return broken(self.seq + 1, Fault::Cut);
        }
        if self.seq > head.seq {
            return broken(head.seq + 1, Fault::Head);
        }
        if self.hash != head.hash {
            return broken(head.seq, Fault::Head);
        }
        if unchained < head.unchained {
            return broken(0, Fault::Unchained);
        }
        Verdict::Whole {
            entries: self.seq,
            hash: self.hash,
            unchained: head.unchained,
            outside: unchained - head.unchained,
        }
    }
}

/// The hash of an entry at a place of a chain. Every part is of a fixed length or says how long it is, so that no two
/// entries are encoded alike.
fn link(before: &Hash, tenant: TenantId, seq: i64, entry: &Entry) -> Hash {
    let mut to = Sha256::new();
    to.update(ENCODING);
    to.update(before);
    to.update(tenant.0.as_bytes());
    to.update(seq.to_be_bytes());
    to.update(entry.id.as_bytes());
    to.update(entry.at.as_microsecond().to_be_bytes());
    text(&mut to, &entry.actor);
    text(&mut to, &entry.action);
    text(&mut to, &entry.object);
    value(&mut to, &entry.detail);
    optional(&mut to, entry.address.as_deref());
    optional(&mut to, entry.cause.as_deref());
    to.finalize().into()
}

fn length(to: &mut Sha256, length: usize) {
    to.update((length as u64).to_be_bytes());
}

fn text(to: &mut Sha256, text: &str) {
    length(to, text.len());
    to.update(text);
}

fn optional(to: &mut Sha256, value: Option<&str>) {
    match value {
        None => to.update([0]),
        Some(value) => {
            to.update([1]);
            text(to, value);
        }
    }
}

/// JSON by its meaning: members by name, because PostgreSQL orders them by length.
fn value(to: &mut Sha256, json: &Value) {
    match json {
        Value::Null => to.update(b"n"),
        Value::Bool(false) => to.update(b"f"),
        Value::Bool(true) => to.update(b"t"),
        Value::Number(number) => {
            to.update(b"d");
            text(to, &number.to_string());
        }
        Value::String(string) => {
            to.update(b"s");
            text(to, string);
        }
        Value::Array(items) => {
            to.update(b"a");
            length(to, items.len());
            for item in items {
                value(to, item);
            }
        }
        Value::Object(members) => {
            to.update(b"o");
            length(to, members.len());
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            for (name, member) in sorted {
                text(to, name);
                value(to, member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::audit::as_kept;

    fn entry(detail: Value) -> Entry {
        Entry {
            id: Uuid::from_u128(1),
            at: "2026-03-02T08:00:00.123456Z".parse().unwrap(),
            actor: "ann".to_owned(),
            action: "link.create".to_owned(),
            object: "link 1".to_owned(),
            detail,
            address: Some("192.0.2.1".to_owned()),
            cause: None,
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        let detail = json!({ "b": [1, -2, "x"], "a": null, "aa": { "on": true, "off": false } });
        let hash = link(&NOTHING, TenantId(Uuid::from_u128(7)), 1, &entry(detail));
        let (front, back) = hash.split_at(16);
        let hex = [front, back].map(|half| Uuid::from_slice(half).unwrap().simple().to_string());
        assert_eq!(
            hex.concat(),
            "1ce72271d7f4ed26f641147cbd8dfffd86a2ba4498d93fa9a09011648d8f760b"
        );
    }

    #[test]
    fn what_one_database_would_keep_differently_is_kept_alike() {
        let kept = as_kept(entry(
            json!({ "n\0": [1e16, 0.5, 3, u64::MAX], "t": "a\0" }),
        ));
        let alike = json!({ "n\u{fffd}": ["1e+16", "0.5", 3, u64::MAX], "t": "a\u{fffd}" });
        assert_eq!(kept.detail, alike);
    }

    #[test]
    fn entries_that_look_alike_are_not_encoded_alike() {
        let tenant = TenantId(Uuid::from_u128(7));
        let one = entry(json!({}));
        let mut others = vec![
            entry(json!([])),
            entry(json!("")),
            Entry {
                actor: "an".to_owned(),
                action: "nlink.create".to_owned(),
                ..one.clone()
            },
            Entry {
                address: None,
                cause: Some("192.0.2.1".to_owned()),
                ..one.clone()
            },
        ];
        others.push(one);
        let mut hashes: Vec<Hash> = others
            .iter()
            .map(|entry| link(&NOTHING, tenant, 1, entry))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len());
    }
}
