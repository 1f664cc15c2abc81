//! Sizes and times that scheduler, executors and clients agree on.

use std::time::Duration;

/// Plans and results in one message, in bytes. A plan on all assets names each type's files and columns.
pub(crate) const MESSAGE: u32 = 128 << 20;

/// Seconds that an executor tries to reach its scheduler, which may start at the same time.
pub(crate) const CONNECT: u16 = 30;

/// Seconds between two signs of life of an executor.
pub(crate) const HEARTBEAT: u64 = 3;

/// Seconds of silence after which an executor's work is given to others. A sign of life can be late on a busy machine.
pub(crate) const SILENCE: u64 = 20;

/// Seconds that work waits for an executor when there is none.
pub(crate) const ABANDONED: u64 = 60;

/// Seconds that results of a query are kept; the client takes them at once.
pub(crate) const RESULTS: u64 = 600;

/// Seconds after which an executor deletes what nobody told it to delete.
pub(crate) const LEFT_OVER: u64 = 86_400;

/// Seconds between two looks for what is to be deleted.
pub(crate) const SWEEP: u64 = 600;

/// How often a query is sent whose rows were lost with an executor or did not come in time.
pub(crate) const ATTEMPTS: usize = 4;

/// Time before a query is sent again, in which the scheduler may notice that an executor is lost.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// How often a stage may start over whose input was lost: never, see [`executors`](crate::executors).
pub(crate) const STAGE_FAILURES: usize = 1;

/// Time between the first two looks at whether a query has ended; the next are each twice as far apart, up to
/// [`LONGEST_PAUSE`].
pub(crate) const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// The longest time between two looks at whether a query has ended.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(200);
