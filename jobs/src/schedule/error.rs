//! Why jobs could not be scheduled.

use datafusion::error::DataFusionError;
use pacbot_lake::LakeError;

/// Why jobs could not be scheduled.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The lake could not be read or written.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// The journal could not be read.
    #[error("failed to read `job_runs`")]
    Query(#[from] DataFusionError),
    /// Other writers were faster every time.
    #[error("other writers of `{table}` were faster {attempts} times")]
    Contention {
        /// The table.
        table: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
}
