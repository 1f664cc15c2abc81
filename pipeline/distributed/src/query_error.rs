//! Why a query yields no rows.

use std::time::Duration;

use arrow::error::ArrowError;

/// Why a query yields no rows. Reasons are texts of Ballista, and stand in the message: it is all that a row of `policy_runs`
/// keeps.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// Nobody answers at the scheduler's address.
    #[error("the scheduler at `{scheduler}` does not answer: {reason}")]
    Unreachable { scheduler: String, reason: String },
    /// It cannot read the query, or has no executors.
    #[error("the scheduler at `{scheduler}` does not take the query: {reason}")]
    Refused { scheduler: String, reason: String },
    /// An operator of it failed; it would again.
    #[error("the query failed on an executor of the scheduler at `{scheduler}`: {reason}")]
    Failed { scheduler: String, reason: String },
    /// Rows were lost with an executor, or all with the scheduler.
    #[error("an executor of the scheduler at `{scheduler}` was lost with a part of the query: {reason}")]
    Lost { scheduler: String, reason: String },
    /// It took too long.
    #[error("the scheduler at `{scheduler}` did not end the query within {}, so it was cancelled", humantime::format_duration(*.deadline))]
    Late { scheduler: String, deadline: Duration },
    /// Each time something that may be otherwise the next time.
    #[error(
        "{last}; it was sent {attempts} times; see the logs of the scheduler and its executors, and `deadline` in `[evaluate]`"
    )]
    GivenUp { attempts: usize, last: Box<QueryError> },
    /// The plan cannot be written down.
    #[error("the plan cannot be sent to the scheduler at `{scheduler}`: {reason}")]
    Plan { scheduler: String, reason: String },
    /// The rows found no place here.
    #[error("failed to keep the rows of a query")]
    Keep(#[from] ArrowError),
}

impl QueryError {
    /// Whether the same query may end otherwise when it is sent again.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. } | Self::Late { .. })
    }
}
