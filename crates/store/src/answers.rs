//! Answers to writes that were sent with a key: whoever sends one again gets its answer again, and nothing is done twice.
//!
//! An answer is kept by tenant (or [`PLATFORM`], for what is asked in none), user and key, for a day. It is in clear: what
//! holds a secret is [withheld](Ending::Withheld), so that only the fact that it was answered is kept.

use jiff::{SignedDuration, Timestamp};
use kalends_calendar::ids::{TenantId, UserId};

use crate::bind::binds;
use crate::error::StoreError;
use crate::members::Role;
use crate::row::Row;
use crate::store::{PLATFORM, Store};
use crate::tx::Tx;
use crate::words::Word as _;

/// How long an answer is kept: as long as clients keep trying after a bad night.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Where an answer is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In which tenant it was asked; [`PLATFORM`] for in none.
    pub tenant: TenantId,
    /// By whom.
    pub user: UserId,
    /// Under which key, of 1 to 255 characters.
    pub key: String,
}

/// The SHA-256 of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHash(pub [u8; 32]);

/// A request that comes with a key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was asked.
    pub request: RequestHash,
    /// As what its user stands in the tenant; none in no tenant, or as no member.
    pub role: Option<Role>,
    /// Now.
    pub at: Timestamp,
}

/// What is known of a request when it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is to be carried out, and its end to be told with [`finish`] or [`forget`].
    New,
    /// It goes on since then, or was cut off.
    Running {
        /// When it came in.
        since: Timestamp,
    },
    /// It was answered.
    Answered {
        /// With this.
        answer: Answer,
        /// As what its user stood in the tenant.
        role: Option<Role>,
    },
    /// It was answered with a secret, which was not kept.
    Withheld {
        /// As what its user stood in the tenant.
        role: Option<Role>,
    },
    /// Another request came with this key.
    Another,
}

/// An answer, as far as it is told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The type of its content.
    pub kind: Option<String>,
    /// Its entity tag.
    pub tag: Option<String>,
    /// Its content.
    pub body: Vec<u8>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer that may be kept.
    Answered(Answer),
    /// With an answer of this status that holds a secret.
    Withheld(u16),
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerState {
    Running,
    Answered,
    Withheld,
}

/// Begins a request, or says what is known of it. Of two that come at once one is [`Known::New`]. A key is free again when
/// what was kept under it has expired. [`StoreError::Reference`] if there is no such user.
pub async fn begin(store: &Store, place: &Place, asked: &Asked) -> Result<Known, StoreError> {
    let mut tx = begin_at(store, place).await?;
    let binds = binds![place.tenant, place.user, &*place.key, asked.at];
    tx.execute(
        "DELETE FROM answers
         WHERE tenant_id = $1 AND user_id = $2 AND key = $3 AND expires_at <= $4",
        binds,
    )
    .await?;
    let binds = binds![
        place.tenant,
        place.user,
        &*place.key,
        asked.request.0.to_vec(),
        asked.role.map(|role| role.word().to_owned()),
        AnswerState::Running,
        Vec::new(),
        asked.at,
        asked.at.checked_add(KEPT_FOR).unwrap_or(Timestamp::MAX),
    ];
    let made = tx
        .execute(
            "INSERT INTO answers (tenant_id, user_id, key, request, role, state, body,
                created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (tenant_id, user_id, key) DO NOTHING",
            binds,
        )
        .await?;
    let known = if made > 0 {
        Known::New
    } else {
        let binds = binds![place.tenant, place.user, &*place.key];
        let row = tx
            .only_row(
                "SELECT * FROM answers WHERE tenant_id = $1 AND user_id = $2 AND key = $3",
                binds,
            )
            .await?;
        read(&row, asked.request)?
    };
    tx.commit().await?;
    Ok(known)
}

/// Keeps how a request ended. Nothing happens if it is not running.
pub async fn finish(
    store: &Store,
    place: &Place,
    request: RequestHash,
    ending: Ending,
) -> Result<(), StoreError> {
    let (state, answer) = match ending {
        Ending::Answered(answer) => (AnswerState::Answered, answer),
        Ending::Withheld(status) => {
            let nothing = Answer {
                status,
                kind: None,
                tag: None,
                body: Vec::new(),
            };
            (AnswerState::Withheld, nothing)
        }
    };
    let mut tx = begin_at(store, place).await?;
    let binds = binds![
        place.tenant,
        place.user,
        &*place.key,
        request.0.to_vec(),
        state,
        i64::from(answer.status),
        answer.kind,
        answer.tag,
        answer.body,
    ];
    tx.execute(
        "UPDATE answers SET state = $5, status = $6, kind = $7, tag = $8, body = $9
         WHERE tenant_id = $1 AND user_id = $2 AND key = $3 AND request = $4
            AND state = 'running'",
        binds,
    )
    .await?;
    tx.commit().await
}

/// Forgets a request that was not carried out: it may be sent again. Nothing happens if it is not running.
pub async fn forget(store: &Store, place: &Place, request: RequestHash) -> Result<(), StoreError> {
    let mut tx = begin_at(store, place).await?;
    let binds = binds![place.tenant, place.user, &*place.key, request.0.to_vec()];
    tx.execute(
        "DELETE FROM answers WHERE tenant_id = $1 AND user_id = $2 AND key = $3 AND request = $4
            AND state = 'running'",
        binds,
    )
    .await?;
    tx.commit().await
}

async fn begin_at(store: &Store, place: &Place) -> Result<Tx, StoreError> {
    if place.tenant == PLATFORM {
        store.platform().await
    } else {
        store.begin(place.tenant).await
    }
}

fn read(row: &Row, request: RequestHash) -> Result<Known, StoreError> {
    if row.hash("request")? != request.0 {
        return Ok(Known::Another);
    }
    let role = row.opt("role")?;
    Ok(match row.get::<AnswerState>("state")? {
        AnswerState::Running => Known::Running {
            since: row.get("created_at")?,
        },
        AnswerState::Withheld => Known::Withheld { role },
        AnswerState::Answered => {
            let status: i64 = row.get("status")?;
            let strange =
                |_| crate::row::corrupt("status", &status.to_string(), "no status of HTTP");
            Known::Answered {
                answer: Answer {
                    status: u16::try_from(status).map_err(strange)?,
                    kind: row.opt("kind")?,
                    tag: row.opt("tag")?,
                    body: row.get("body")?,
                },
                role,
            }
        }
    })
}
