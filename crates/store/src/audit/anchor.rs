//! Anchors: now and then the platform's log is told where the tenants' chains end. A tenant's log that is taken away with
//! its end, cut off, or written anew no longer fits what the platform's chain says of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chain::{self, Hash, Verdict};
use super::{Entry, note};
use crate::bind::binds;
use crate::error::StoreError;
use crate::store::{PLATFORM, Scope, Store};
use crate::tx::{Tx, TxAccess};

/// The kind of the entries that hold anchors.
pub(crate) const ACTION: &str = "audit.anchor";
/// How many ends one entry names: some fifty KB.
const ENDS_MAX: usize = 500;
/// How often at most the ends are anchored when nobody asks for it: an end is some hundred bytes for good.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How much later than its time an entry may have been committed. What moved since then is anchored once more.
const COMMITTED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Where a chain ended once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) seq: i64,
    #[serde(with = "hexadecimal")]
    pub(crate) hash: Hash,
    pub(crate) unchained: i64,
}

/// What an entry says.
#[derive(Default, Serialize, Deserialize)]
struct Ends {
    ends: BTreeMap<Uuid, End>,
}

/// All that the platform's chain says of the ends of others.
#[derive(Debug, Default)]
pub(crate) struct Anchors(BTreeMap<TenantId, Vec<End>>);

impl Anchors {
    /// Takes in an entry of the platform's chain.
    pub(crate) fn read(&mut self, entry: &Entry) {
        if entry.action != ACTION {
            return;
        }
        let Ends { ends } = serde_json::from_value(entry.detail.clone()).unwrap_or_default();
        for (tenant, end) in ends {
            self.0.entry(TenantId(tenant)).or_default().push(end);
        }
    }

    fn of(&self, tenant: TenantId) -> &[End] {
        self.0.get(&tenant).map_or(&[], Vec::as_slice)
    }
}

/// Tells the platform's log where the chains end that moved since it was told last; how many. Nothing if that was less than
/// a day ago.
pub(crate) async fn anchor_daily(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    write(store, now, EVERY).await
}

/// The same, however long ago it was. The audit log is in order: [`verify_all`] has just said so.
pub async fn anchor(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    write(store, now, SignedDuration::ZERO).await
}

async fn write(store: &Store, now: Timestamp, every: SignedDuration) -> Result<u64, StoreError> {
    let mut tx = store.platform().await?;
    let last = tx
        .row(
            "SELECT at, detail FROM audit WHERE tenant_id = $1 AND action = $2
             ORDER BY at DESC, id DESC LIMIT 1",
            binds![PLATFORM, ACTION],
        )
        .await?;
    let (since, known) = match last {
        None => (Timestamp::UNIX_EPOCH, Ends::default()),
        Some(row) => {
            let at: Timestamp = row.get("at")?;
            if now.duration_since(at) < every {
                return Ok(0);
            }
            let since = at
                .checked_sub(COMMITTED_WITHIN)
                .unwrap_or(Timestamp::UNIX_EPOCH);
            (since, row.json("detail").unwrap_or_default())
        }
    };
    let moved = moved(&mut tx, since, &known).await?;
    for (n, ends) in (0..).zip(moved.chunks(ENDS_MAX)) {
        let ends = Ends {
            ends: ends.iter().copied().collect(),
        };
        let detail = serde_json::to_value(ends).unwrap_or_default();
        let entry = Entry {
            id: id(now, n),
            at: now,
            actor: "kalends".to_owned(),
            action: ACTION.to_owned(),
            object: "audit".to_owned(),
            detail,
            address: None,
            cause: None,
        };
        note(&mut tx, PLATFORM, entry)?;
    }
    tx.commit().await?;
    Ok(moved.len() as u64)
}

/// The ends of chains with entries since a time, and of logs that have none but from before their chain. An end that does not
/// fit its last entry is nothing to hold anybody to.
async fn moved(
    tx: &mut Tx,
    since: Timestamp,
    known: &Ends,
) -> Result<Vec<(Uuid, End)>, StoreError> {
    let rows = tx
        .rows(
            "SELECT h.tenant_id, h.seq, h.hash, h.unchained FROM audit_heads h
             LEFT JOIN audit a ON a.tenant_id = h.tenant_id AND a.seq = h.seq
             WHERE h.tenant_id <> $1 AND (h.seq = 0 OR (a.hash = h.hash AND a.at >= $2))
             ORDER BY h.tenant_id",
            binds![PLATFORM, since],
        )
        .await?;
    let mut moved = Vec::new();
    for row in &rows {
        let tenant = row.get::<TenantId>("tenant_id")?.0;
        let end = End {
            seq: row.get("seq")?,
            hash: row.hash("hash")?,
            unchained: row.get("unchained")?,
        };
        if known.ends.get(&tenant) != Some(&end) {
            moved.push((tenant, end));
        }
    }
    Ok(moved)
}

/// The identity of an anchor, without a source of chance.
fn id(now: Timestamp, part: u64) -> Uuid {
    Uuid::new_v5(&PLATFORM.0, format!("{ACTION} {now} {part}").as_bytes())
}

/// Reads the platform's log and those of all tenants, of those too of which nothing is left but an anchor, and says of each
/// where it is first broken. The platform's comes first.
pub async fn verify_all(store: &Store) -> Result<Vec<(TenantId, Verdict)>, StoreError> {
    let mut anchors = Anchors::default();
    let platform = chain::walk(store, PLATFORM, &[], |entry| anchors.read(entry)).await?;
    let mut verdicts = vec![(PLATFORM, platform)];
    let mut tx = store.begin_as(Scope::Platform, TxAccess::Read).await?;
    let rows = tx
        .rows(
            "SELECT id FROM tenants UNION SELECT tenant_id AS id FROM audit_heads",
            binds![],
        )
        .await?;
    drop(tx);
    let mut tenants: BTreeSet<TenantId> = anchors.0.keys().copied().collect();
    for row in &rows {
        tenants.insert(row.get("id")?);
    }
    tenants.remove(&PLATFORM);
    for tenant in tenants {
        let verdict = chain::walk(store, tenant, anchors.of(tenant), |_| ()).await?;
        verdicts.push((tenant, verdict));
    }
    Ok(verdicts)
}

/// A hash as people write it.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write as _;
        let text = hash.iter().fold(String::new(), |mut text, byte| {
            // Writing to a text never fails.
            let _ = write!(text, "{byte:02x}");
            text
        });
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(from)?;
        let mut hash = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(de::Error::custom("a hash has 64 digits"));
        }
        for (n, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).map_err(de::Error::custom)?;
        }
        Ok(hash)
    }
}
