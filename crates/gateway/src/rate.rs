//! How often: per key or session, and per client address for failed authentication.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::config::RateConfig;
use crate::error::Error;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Buckets that are full again are forgotten when there are more than this.
const MANY: usize = 10_000;
/// Failures, or deliveries, between two looks at how many buckets there are.
const SWEEP_EVERY: usize = 1024;
/// Client addresses that are refused at a time; beyond it the oldest refusals are forgotten early.
const MAX_REFUSED: usize = 100_000;

/// The limits. Measured with the machine's monotonic clock: a wall clock that is set back must not close the door.
pub(crate) struct Rates {
    requests: DefaultKeyedRateLimiter<u128, StateInformationMiddleware>,
    per_second: u32,
    burst: u32,
    policy: HeaderValue,
    failures: DefaultKeyedRateLimiter<u128>,
    /// Deliveries to webhooks, which have no key: by path and by client address.
    deliveries: DefaultKeyedRateLimiter<u128>,
    paths: RandomState,
    delivered: AtomicUsize,
    refused: Mutex<HashMap<u128, Instant>>,
    /// The size of `refused`, to look at without its lock: it is usually zero.
    refusing: AtomicUsize,
    failed: AtomicUsize,
    clock: DefaultClock,
}

/// What is left of a bucket, for the headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left(u32);

impl Left {
    /// The bucket is empty.
    pub(crate) const NONE: Self = Self(0);
}

impl Rates {
    pub(crate) fn new(config: &RateConfig) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let burst = at_least_one(config.burst);
        let requests = Quota::per_second(at_least_one(config.requests_per_second)).allow_burst(burst);
        let failures =
            Quota::per_minute(at_least_one(config.failures_per_minute)).allow_burst(at_least_one(config.failure_burst));
        let deliveries = Quota::per_second(at_least_one(config.deliveries_per_second))
            .allow_burst(at_least_one(config.delivery_burst));
        let window = burst.get().div_ceil(config.requests_per_second.max(1));
        let policy = HeaderValue::try_from(format!("\"default\";q={burst};w={window}"));
        Self {
            requests: RateLimiter::keyed(requests).with_middleware(),
            per_second: config.requests_per_second.max(1),
            burst: burst.get(),
            policy: policy.unwrap_or(HeaderValue::from_static("\"default\"")),
            failures: RateLimiter::keyed(failures),
            deliveries: RateLimiter::keyed(deliveries),
            paths: RandomState::new(),
            delivered: AtomicUsize::new(0),
            refused: Mutex::default(),
            refusing: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of a key or session.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(crate) fn take(&self, actor: u128) -> Result<Left, Error> {
        match self.requests.check_key(&actor) {
            Ok(state) => Ok(Left(state.remaining_burst_capacity())),
            Err(not_until) => Err(Error::RateLimited(not_until.wait_time_from(self.clock.now()))),
        }
    }

    /// Counts a delivery to a webhook, of its path and of its client.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(crate) fn deliver(&self, path: &str, client: u128) -> Result<(), Error> {
        if self.delivered.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) && self.deliveries.len() > MANY {
            self.deliveries.retain_recent();
        }
        // paths are the sender's choice: they share a bounded number of buckets, apart from those of addresses, and
        // nobody can tell which
        let path = u128::MAX - u128::from(self.paths.hash_one(path) >> 48);
        // the client first: what is refused for it must not use up what others may deliver
        for bucket in [client, path] {
            if let Err(not_until) = self.deliveries.check_key(&bucket) {
                return Err(Error::RateLimited(not_until.wait_time_from(self.clock.now())));
            }
        }
        Ok(())
    }

    /// `RateLimit` and `RateLimit-Policy` of the IETF draft: what is left now, and in how many seconds all is.
    pub(crate) fn describe(&self, left: Left, headers: &mut HeaderMap) {
        let seconds = (self.burst - left.0.min(self.burst)).div_ceil(self.per_second);
        let value = format!("\"default\";r={};t={seconds}", left.0);
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(RATE_LIMIT, value);
        }
        headers.insert(RATE_LIMIT_POLICY, self.policy.clone());
    }

    /// Whether a client failed so often that it is not even looked at.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(crate) fn admit(&self, client: u128) -> Result<(), Error> {
        if self.refusing.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        match refused.get(&client) {
            Some(until) if *until > now => Err(Error::RateLimited(*until - now)),
            Some(_) => {
                refused.remove(&client);
                self.refusing.store(refused.len(), Ordering::Relaxed);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Counts a failed authentication.
    ///
    /// # Errors
    /// `rate_limited`, in place of the refusal itself.
    pub(crate) fn failed(&self, client: u128) -> Result<(), Error> {
        if self.failed.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            self.sweep();
        }
        let Err(not_until) = self.failures.check_key(&client) else { return Ok(()) };
        let now = self.clock.now();
        let wait = not_until.wait_time_from(now).max(Duration::from_secs(1));
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_REFUSED {
            refused.retain(|_, until| *until > now);
            if refused.len() >= MAX_REFUSED {
                refused.clear();
            }
        }
        refused.insert(client, now + wait);
        self.refusing.store(refused.len(), Ordering::Relaxed);
        Err(Error::RateLimited(wait))
    }

    /// Forgets what need not be remembered. Cheap when there is little.
    pub(crate) fn sweep(&self) {
        if self.requests.len() > MANY {
            self.requests.retain_recent();
        }
        if self.failures.len() > MANY {
            self.failures.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(burst: u32) -> Rates {
        // so slow that nothing comes back while a test runs
        Rates::new(&RateConfig {
            requests_per_second: 1,
            burst,
            failures_per_minute: 1,
            failure_burst: 2,
            ..RateConfig::default()
        })
    }

    #[test]
    fn a_bucket_empties_and_says_so() {
        let rates = rates(3);
        let mut headers = HeaderMap::new();
        let left = rates.take(1).unwrap();
        rates.describe(left, &mut headers);
        assert_eq!(headers["ratelimit-policy"], r#""default";q=3;w=3"#);
        assert_eq!(headers["ratelimit"], r#""default";r=2;t=1"#);
        rates.take(1).unwrap();
        rates.take(1).unwrap();
        assert!(matches!(rates.take(1), Err(Error::RateLimited(wait)) if wait <= Duration::from_secs(1)));
        assert!(rates.take(2).is_ok(), "another's bucket");
    }

    #[test]
    fn deliveries_have_buckets_of_their_own() {
        let rates = Rates::new(&RateConfig { deliveries_per_second: 1, delivery_burst: 2, ..RateConfig::default() });
        assert!(rates.deliver("/v1/hooks/a", 1).is_ok() && rates.deliver("/v1/hooks/a", 2).is_ok());
        assert!(rates.deliver("/v1/hooks/a", 3).is_err(), "of the path");
        assert!(rates.deliver("/v1/hooks/b", 1).is_ok());
        assert!(rates.deliver("/v1/hooks/c", 1).is_err(), "of the client");
        assert!(rates.take(1).is_ok());
    }

    #[test]
    fn a_client_that_is_refused_uses_up_nothing_of_others() {
        let rates = Rates::new(&RateConfig { deliveries_per_second: 1, delivery_burst: 2, ..RateConfig::default() });
        assert!(rates.deliver("/v1/hooks/b", 1).is_ok() && rates.deliver("/v1/hooks/c", 1).is_ok());
        for _ in 0..10 {
            assert!(rates.deliver("/v1/hooks/a", 1).is_err());
        }
        assert!(rates.deliver("/v1/hooks/a", 2).is_ok() && rates.deliver("/v1/hooks/a", 3).is_ok());
    }

    #[test]
    fn failures_close_the_door_for_one_client() {
        let rates = rates(3);
        assert!(rates.admit(1).is_ok());
        assert!(rates.failed(1).is_ok() && rates.failed(1).is_ok());
        assert!(rates.failed(1).is_err());
        assert!(matches!(rates.admit(1), Err(Error::RateLimited(wait)) if wait > Duration::from_secs(30)));
        assert!(rates.admit(2).is_ok());
    }
}
