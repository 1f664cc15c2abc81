//! Work as a task of its own: whatever takes a core while its caller waits for other things too.

use std::future::Future;

use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use tracing::Instrument;

/// What `work` yields, done as a task of its own, within the span of whoever asks. It ends with whom it is for, and its
/// panics are the caller's.
///
/// # Errors
///
/// [`DataFusionError::ExecutionJoin`] where the runtime ends first.
pub async fn spawned<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, DataFusionError> {
    let done = SpawnedTask::spawn(work.in_current_span()).join_unwind().await;
    done.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))
}
