//! How often somebody may knock. Counted in memory, per process: a limit is a brake, not a promise.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::fault::{Kind, Refusal, Result};

/// After so many knocks the names of those who stopped knocking are forgotten.
const SWEEP_EVERY: u32 = 4096;

/// So many knocks at once, and one more each so often, for each name.
pub struct Limit {
    knocks: DefaultKeyedRateLimiter<String>,
    count: AtomicU32,
}

impl Limit {
    /// `burst` at once, then one every `every`. A burst of nothing is one.
    pub fn new(burst: u32, every: Duration) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let every = every.max(Duration::from_nanos(1));
        let quota = Quota::with_period(every).unwrap_or_else(|| Quota::per_minute(burst)).allow_burst(burst);
        Limit { knocks: RateLimiter::keyed(quota), count: AtomicU32::new(0) }
    }

    /// Counts a knock.
    ///
    /// # Errors
    /// Too many; the refusal says to wait.
    pub fn knock(&self, name: impl Into<String>) -> Result<()> {
        if self.count.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.knocks.retain_recent();
        }
        self.knocks.check_key(&name.into()).map_err(|_| {
            Refusal::new(
                Kind::TooMany,
                "too-many",
                "Bạn thử quá nhiều lần. Xin chờ một phút rồi thử lại.",
                "Too many attempts. Please wait a minute and try again.",
            )
            .into()
        })
    }
}

/// Every limit of one process.
pub struct Limits {
    /// Sign-in, by login and address: guessing one person's password.
    pub sign_in_login: Limit,
    /// Sign-in, by login over all addresses: guessing one person's password from many places.
    pub sign_in_name: Limit,
    /// Sign-in, by address: guessing everybody's.
    pub sign_in_address: Limit,
    /// The parent's page, by token and address.
    pub parent_page: Limit,
    /// The public check of a receipt, by address.
    pub check: Limit,
    /// The API, by key.
    pub api: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Limits {
            sign_in_login: Limit::new(5, seconds(30)),
            sign_in_name: Limit::new(100, seconds(30)),
            sign_in_address: Limit::new(30, seconds(2)),
            parent_page: Limit::new(60, seconds(1)),
            check: Limit::new(30, seconds(2)),
            api: Limit::new(600, Duration::from_millis(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_that_knocks_too_often_does_not_shut_out_another() {
        let limit = Limit::new(2, Duration::from_hours(1));
        assert!(limit.knock("an").is_ok());
        assert!(limit.knock("an").is_ok());
        let refused = limit.knock("an").expect_err("a third knock");
        assert_eq!(refused.refusal().map(|refusal| refusal.kind), Some(Kind::TooMany));
        assert!(limit.knock("bình").is_ok());
    }
}
