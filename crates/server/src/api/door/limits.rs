//! How often one may ask.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use kalends_calendar::ids::UserId;
use tokio::sync::Semaphore;

use crate::api::error::ApiError;

/// Wrong passwords and unknown tokens from one address, a minute.
const FAILURES_A_MINUTE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Attempts to sign in from one address, as whomever, right or wrong, a minute.
const ATTEMPTS_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// How many passwords are hashed at once: each takes a core and 19 MiB.
const HASHING_MAX: usize = 4;
/// Attempts to sign in as one user from one address, a minute.
const SIGN_INS_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// How often one user may begin to connect an account, a minute.
const CONNECTS_A_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// After so many keys those that are full again are forgotten.
const KEYS_KEPT_MAX: usize = 100_000;

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

/// The limits of this node.
pub(crate) struct Limits {
    requests: Keyed<UserId>,
    failures: Keyed<IpAddr>,
    attempts: Keyed<IpAddr>,
    sign_ins: Keyed<(String, Option<IpAddr>)>,
    hashing: Arc<Semaphore>,
    connects: Keyed<UserId>,
}

impl Limits {
    pub(super) fn new(requests_a_minute: NonZeroU32) -> Self {
        Self {
            requests: RateLimiter::keyed(Quota::per_minute(requests_a_minute)),
            failures: RateLimiter::keyed(Quota::per_minute(FAILURES_A_MINUTE)),
            sign_ins: RateLimiter::keyed(Quota::per_minute(SIGN_INS_A_MINUTE)),
            attempts: RateLimiter::keyed(Quota::per_minute(ATTEMPTS_A_MINUTE)),
            hashing: Arc::new(Semaphore::new(HASHING_MAX)),
            connects: RateLimiter::keyed(Quota::per_minute(CONNECTS_A_MINUTE)),
        }
    }

    /// Counts a request of somebody who is known.
    pub(super) fn request(&self, user: UserId) -> Result<(), ApiError> {
        count(&self.requests, &user)
    }

    /// Counts wrong credentials.
    pub(crate) fn failure(&self, from: Option<IpAddr>) -> Result<(), ApiError> {
        from.map_or(Ok(()), |from| count(&self.failures, &from))
    }

    /// Counts an attempt to come in with something that may be guessed, before anything is done for it.
    pub(super) fn visit(&self, from: Option<IpAddr>) -> Result<(), ApiError> {
        from.map_or(Ok(()), |from| count(&self.attempts, &from))
    }

    /// Counts an attempt to sign in, before anything is done for it. Of one address and for one person it is limited, so that
    /// nobody can lock somebody else out.
    pub(crate) fn sign_in(&self, email: &str, from: Option<IpAddr>) -> Result<(), ApiError> {
        if let Some(from) = from {
            count(&self.attempts, &from)?;
        }
        count(&self.sign_ins, &(email.to_lowercase(), from))
    }

    /// Does something that keeps a core busy and takes memory, such as hashing a password, with few others at a time. Its turn
    /// ends with the work, not with the request: whoever hangs up makes room for nobody.
    pub(crate) async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.hashing).acquire_owned().await;
        let turn = turn.map_err(ApiError::internal)?;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        worked.await.map_err(ApiError::internal)
    }

    /// Counts the connecting of an account.
    pub(crate) fn connect(&self, user: UserId) -> Result<(), ApiError> {
        count(&self.connects, &user)
    }
}

fn count<K: Hash + Eq + Clone>(keyed: &Keyed<K>, key: &K) -> Result<(), ApiError> {
    if keyed.len() > KEYS_KEPT_MAX {
        keyed.retain_recent();
    }
    keyed.check_key(key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        ApiError::too_many(wait.as_secs().saturating_add(1))
    })
}
