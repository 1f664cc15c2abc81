//! Keeps calls below what the APIs allow: a rate per account, region and service, and a bound on all.
//!
//! The rate gives way when an API throttles and comes back by and by, so that other users of the account's
//! quota are not starved by a collection. A bucket is a few hundred bytes and is dropped when idle.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use pacbot_schemas::{AccountId, Region};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::debug;

use crate::clock::SharedClock;
use crate::measure;
use crate::settings::LimitSettings;
use crate::transport::CallLabel;

/// A rate never sinks below this, in requests a second.
const FLOOR: f64 = 0.5;
/// So many answers that are not throttled raise the rate by a tenth of the configured one.
const RAISE_AFTER: u32 = 20;
/// Requests that are in flight together are throttled together; they count as one.
const CUT_PAUSE: Duration = Duration::from_secs(1);
/// A bucket that was not used for so long is full again and its rate worth another try.
const IDLE: Duration = Duration::from_secs(300);

type Key = (AccountId, Region, String);

/// All limits of one [`crate::Aws`].
#[derive(Debug)]
pub(crate) struct Limiter {
    in_flight: Semaphore,
    pace: Option<Pace>,
    clock: SharedClock,
}

#[derive(Debug)]
struct Pace {
    per_second: f64,
    burst: NonZeroU32,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<Key, Arc<Bucket>>,
    sweep_at: usize,
}

impl Limiter {
    /// Limits as configured; a replay (`paced` false) only bounds the requests in flight.
    pub(crate) fn new(settings: &LimitSettings, clock: SharedClock, paced: bool) -> Self {
        let per_second = f64::from(settings.requests_per_second.get());
        let pace = paced.then(|| Pace { per_second, burst: settings.burst, buckets: Mutex::default() });
        Self { in_flight: Semaphore::new(settings.concurrency.get()), pace, clock }
    }

    /// Waits until the request may be sent; it is in flight as long as the permit lives.
    pub(crate) async fn admit(&self, label: &CallLabel) -> Option<SemaphorePermit<'_>> {
        if let Some(pace) = &self.pace {
            pace.bucket(label, &self.clock).admit(&self.clock).await;
        }
        // The semaphore is never closed, so this is always a permit.
        self.in_flight.acquire().await.ok()
    }

    /// Notes an answer: `throttled` slows the label's bucket down, any other speeds it up again.
    pub(crate) fn note(&self, label: &CallLabel, throttled: bool) {
        if throttled {
            measure::throttled(label);
        }
        if let Some(pace) = &self.pace {
            let bucket = pace.bucket(label, &self.clock);
            if throttled {
                bucket.slow_down(&self.clock, pace, label);
            } else {
                bucket.speed_up(&self.clock, pace);
            }
        }
    }
}

impl Pace {
    fn bucket(&self, label: &CallLabel, clock: &SharedClock) -> Arc<Bucket> {
        let now = clock.steady();
        let key = (label.account.clone(), label.region.clone(), label.service.clone());
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.by_key.get(&key) {
            return bucket.clone();
        }
        if buckets.by_key.len() >= buckets.sweep_at {
            buckets.by_key.retain(|_, bucket| Arc::strong_count(bucket) > 1 || bucket.is_recent(now));
            buckets.sweep_at = (buckets.by_key.len() * 2).max(64);
        }
        let bucket = Arc::new(Bucket::new(self, clock));
        buckets.by_key.insert(key, bucket.clone());
        bucket
    }
}

/// The rate of one account, region and service.
#[derive(Debug)]
struct Bucket {
    /// Whoever waits holds the turn, so requests pass in the order in which they came.
    turn: Semaphore,
    state: Mutex<BucketState>,
}

#[derive(Debug)]
struct BucketState {
    tokens: RateLimiter<NotKeyed, InMemoryState, SharedClock, NoOpMiddleware<Duration>>,
    per_second: f64,
    unthrottled: u32,
    cut_at: Option<Duration>,
    used_at: Duration,
}

impl Bucket {
    fn new(pace: &Pace, clock: &SharedClock) -> Self {
        let state = BucketState {
            tokens: RateLimiter::direct_with_clock(quota(pace.per_second, pace.burst), clock.clone()),
            per_second: pace.per_second,
            unthrottled: 0,
            cut_at: None,
            used_at: clock.steady(),
        };
        Self { turn: Semaphore::new(1), state: Mutex::new(state) }
    }

    async fn admit(&self, clock: &SharedClock) {
        let _turn = self.turn.acquire().await;
        while let Some(wait) = self.take(clock) {
            clock.sleep(wait).await;
        }
    }

    /// Takes a token, or says how long until the next.
    fn take(&self, clock: &SharedClock) -> Option<Duration> {
        let now = clock.steady();
        let mut state = self.lock();
        state.used_at = now;
        state.tokens.check().err().map(|not_until| not_until.wait_time_from(now).max(Duration::from_micros(1)))
    }

    fn slow_down(&self, clock: &SharedClock, pace: &Pace, label: &CallLabel) {
        let now = clock.steady();
        let mut state = self.lock();
        if state.cut_at.is_some_and(|at| now.saturating_sub(at) < CUT_PAUSE) {
            return;
        }
        state.cut_at = Some(now);
        let halved = (state.per_second / 2.0).max(FLOOR);
        state.set_rate(halved, pace, clock);
        debug!(
            account = %label.account, region = %label.region, service = label.service,
            per_second = state.per_second, "slowed down"
        );
    }

    fn speed_up(&self, clock: &SharedClock, pace: &Pace) {
        let mut state = self.lock();
        if state.per_second >= pace.per_second {
            return;
        }
        state.unthrottled += 1;
        if state.unthrottled >= RAISE_AFTER {
            let raised = (state.per_second + pace.per_second / 10.0).min(pace.per_second);
            state.set_rate(raised, pace, clock);
        }
    }

    fn is_recent(&self, now: Duration) -> bool {
        now.saturating_sub(self.lock().used_at) < IDLE
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BucketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BucketState {
    /// Changes the rate. The new bucket is empty, since the API has just said that its own is, and below
    /// the configured rate it allows no bursts.
    fn set_rate(&mut self, per_second: f64, pace: &Pace, clock: &SharedClock) {
        let burst = if per_second < pace.per_second { NonZeroU32::MIN } else { pace.burst };
        self.unthrottled = 0;
        self.per_second = per_second;
        self.tokens = RateLimiter::direct_with_clock(quota(per_second, burst), clock.clone());
        // The whole burst of a new bucket: this cannot be refused.
        let _emptied = self.tokens.check_n(burst);
    }
}

fn quota(per_second: f64, burst: NonZeroU32) -> Quota {
    let period = Duration::from_secs_f64(1.0 / per_second);
    Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst)
}

#[cfg(test)]
mod tests;
