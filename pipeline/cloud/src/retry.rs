//! Which failures are worth another attempt, and after how long.

use std::time::{Duration, SystemTime};

use backon::ExponentialBuilder;
use chrono::DateTime;
use http::HeaderMap;

use crate::error::{CallError, CallErrorKind};
use crate::settings::LimitSettings;

/// No wait of ours is longer.
const MAX_BACKOFF: Duration = Duration::from_secs(20);
/// A server that asks for more patience than this gets no further request.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// One failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: CallError,
    /// What the server asked for.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) next: Next,
}

/// What may follow a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another attempt, if the error's kind is worth one.
    Wait,
    /// Another attempt now: it has a new reason to succeed (renewed credentials).
    AtOnce,
    /// Nothing: what failed (a call for credentials) has had attempts of its own.
    Never,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self { error, retry_after: None, next: Next::Wait }
    }
}

/// How often and how patiently.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    max_attempts: u32,
    max_throttled_attempts: u32,
    base: Duration,
    waits: bool,
}

impl Patience {
    /// As configured; without waiting (`waits` false) for a replay.
    pub(crate) fn new(settings: &LimitSettings, waits: bool) -> Self {
        let max_attempts = settings.max_attempts.get();
        Self {
            max_attempts,
            max_throttled_attempts: settings.max_throttled_attempts.get().max(max_attempts),
            base: settings.backoff,
            waits,
        }
    }

    /// The upper bounds of the waits; [`Self::wait`] draws from them.
    pub(crate) fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_factor(2.0)
            .with_min_delay(self.base)
            .with_max_delay(MAX_BACKOFF)
            .without_max_times()
    }

    /// Whether to send again after `attempts` attempts.
    pub(crate) fn goes_on(&self, failure: &Failure, attempts: u32) -> bool {
        match failure.next {
            Next::Wait => {}
            Next::AtOnce => return true,
            Next::Never => return false,
        }
        let allowed = match failure.error.kind {
            CallErrorKind::Throttled => self.max_throttled_attempts,
            CallErrorKind::Server | CallErrorKind::Timeout | CallErrorKind::Transport | CallErrorKind::Truncated => {
                self.max_attempts
            }
            // The page of a load balancer whose API is down; any other page stays what it is.
            CallErrorKind::NotAnApi if failure.error.status.is_some_and(|status| status >= 500) => self.max_attempts,
            _ => return false,
        };
        attempts < allowed
    }

    /// How long to wait, given the bound of the backoff. `None` ends the attempts.
    ///
    /// Full jitter: calls that failed together must not come back together.
    pub(crate) fn wait(&self, failure: &Failure, bound: Option<Duration>) -> Option<Duration> {
        let bound = bound?;
        if failure.next == Next::AtOnce || !self.waits {
            return Some(Duration::ZERO);
        }
        match failure.retry_after {
            Some(asked) if asked > MAX_RETRY_AFTER => None,
            Some(asked) => Some(asked),
            None => Some(bound.min(MAX_BACKOFF).mul_f64(rand::random())),
        }
    }
}

/// Reads `Retry-After`, which holds seconds or an HTTP date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = SystemTime::from(DateTime::parse_from_rfc2822(text).ok()?);
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::RETRY_AFTER, value.parse().unwrap())])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_470);
        assert_eq!(retry_after(&header("7"), now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&header("Wed, 21 Oct 2015 07:28:00 GMT"), now), Some(Duration::from_secs(10)));
        assert_eq!(retry_after(&header("Wed, 21 Oct 2015 07:00:00 GMT"), now), Some(Duration::ZERO));
        assert_eq!(retry_after(&header("soon"), now), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn waits_stay_below_the_bound_and_twenty_seconds() {
        let patience = Patience::new(&LimitSettings::default(), true);
        let failure = Failure::from(CallError::new(CallErrorKind::Server, "x"));
        for _ in 0..100 {
            assert!(patience.wait(&failure, Some(Duration::from_secs(1))) <= Some(Duration::from_secs(1)));
            assert!(patience.wait(&failure, Some(Duration::from_secs(99))) <= Some(MAX_BACKOFF));
        }
    }

    #[test]
    fn a_server_that_asks_for_an_hour_is_left_alone() {
        let patience = Patience::new(&LimitSettings::default(), true);
        let mut failure = Failure::from(CallError::new(CallErrorKind::Throttled, "x"));
        failure.retry_after = Some(Duration::from_secs(3600));
        assert_eq!(patience.wait(&failure, Some(Duration::from_secs(1))), None);
        failure.retry_after = Some(Duration::from_secs(60));
        assert_eq!(patience.wait(&failure, Some(Duration::from_secs(1))), Some(Duration::from_secs(60)));
    }
}
