//! The clock that calls live by: wall time for signatures and expiry, steady time for limits, and waiting.
//!
//! It is an argument ([`crate::Ambient`]) so that a test of twenty seconds of backoff takes none.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;

/// Tells the time and waits.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock's time.
    fn now(&self) -> SystemTime;

    /// Time since some fixed start; never goes back.
    fn steady(&self) -> Duration;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The real clock; waits on tokio's timer.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn steady(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

/// The clock as the SDK crates and the `governor` crate want it.
#[derive(Debug, Clone)]
pub(crate) struct SharedClock(pub(crate) Arc<dyn Clock>);

impl std::ops::Deref for SharedClock {
    type Target = dyn Clock;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl TimeSource for SharedClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

impl AsyncSleep for SharedClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.sleep(duration)
    }
}

impl governor::clock::Clock for SharedClock {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.steady()
    }
}
