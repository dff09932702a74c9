//! How often one may ask.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use kalends_calendar::ids::{ChannelId, TenantId, UserId};
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
/// How often a provider may call on one channel, a minute: many signals make one run anyway.
const CALLS_A_MINUTE: NonZeroU32 = NonZeroU32::new(120).expect("not zero");
/// How many streams one user may listen to at once: a few windows on a few devices.
const STREAMS_OF_USER_MAX: usize = 10;
/// How many may be listened to in one tenant on this node: each looks at the database every second.
const STREAMS_OF_TENANT_MAX: usize = 100;
/// After so many seconds it may be tried again: streams end when windows are closed.
const STREAMS_RETRY_SECONDS: u64 = 30;
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
    calls: Keyed<ChannelId>,
    streams: Arc<Mutex<Streams>>,
}

/// How many streams are open, of whom and where.
#[derive(Default)]
struct Streams {
    users: HashMap<UserId, usize>,
    tenants: HashMap<TenantId, usize>,
}

/// An open stream; it counts until dropped.
pub(crate) struct OpenStream {
    streams: Arc<Mutex<Streams>>,
    user: UserId,
    tenant: TenantId,
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
            calls: RateLimiter::keyed(Quota::per_minute(CALLS_A_MINUTE)),
            streams: Arc::default(),
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

    /// Counts a stream that is opened, unless there are too many.
    pub(crate) fn stream(&self, user: UserId, tenant: TenantId) -> Result<OpenStream, ApiError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |count: Option<&usize>| count.copied().unwrap_or(0);
        if open(streams.users.get(&user)) >= STREAMS_OF_USER_MAX
            || open(streams.tenants.get(&tenant)) >= STREAMS_OF_TENANT_MAX
        {
            let error = format!(
                "Too many streams are open: {STREAMS_OF_USER_MAX} of one user and {STREAMS_OF_TENANT_MAX} of one tenant \
                 are allowed."
            );
            return Err(ApiError::too_many(STREAMS_RETRY_SECONDS)
                .with_code("too_many_streams")
                .with_error(error));
        }
        *streams.users.entry(user).or_default() += 1;
        *streams.tenants.entry(tenant).or_default() += 1;
        Ok(OpenStream {
            streams: Arc::clone(&self.streams),
            user,
            tenant,
        })
    }

    /// Counts a call of a provider.
    pub(super) fn call(&self, channel: ChannelId) -> Result<(), ApiError> {
        count(&self.calls, &channel)
    }

    /// Counts the connecting of an account.
    pub(crate) fn connect(&self, user: UserId) -> Result<(), ApiError> {
        count(&self.connects, &user)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let Streams { users, tenants } = &mut *streams;
        closed(users, self.user);
        closed(tenants, self.tenant);
    }
}

fn closed<K: Hash + Eq>(open: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut entry) = open.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_limited_by_user_and_by_tenant_and_count_while_they_are_open() {
        let limits = Limits::new(NonZeroU32::MIN);
        let user = |n: usize| UserId(uuid::Uuid::from_u128(n as u128));
        let here = TenantId(uuid::Uuid::from_u128(1));
        let there = TenantId(uuid::Uuid::from_u128(2));
        let mut open: Vec<OpenStream> = (0..STREAMS_OF_USER_MAX)
            .map(|_| limits.stream(user(1), here).unwrap())
            .collect();
        assert!(limits.stream(user(1), there).is_err());
        open.pop();
        open.push(limits.stream(user(1), there).unwrap());
        open.extend(
            (0..=STREAMS_OF_TENANT_MAX - STREAMS_OF_USER_MAX)
                .map(|n| limits.stream(user(2 + n), here).unwrap()),
        );
        assert!(limits.stream(user(9_999), here).is_err());
        assert!(limits.stream(user(9_999), there).is_ok());
        drop(open);
        let streams = limits.streams.lock().unwrap();
        assert!(streams.users.is_empty() && streams.tenants.is_empty());
    }
}
