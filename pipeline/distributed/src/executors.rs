//! The executors of a scheduler, and what becomes of queries when one is lost.
//!
//! Ballista 55 makes the rows that were lost again while a query goes on, and cannot be left to it:
//!
//! - A stage that starts over tells of all its rows again, and what it had told of before is kept (`StageOutput::add_partition`,
//!   `StaticExecutionGraph::output_locations`): rows come twice.
//! - A stage that waits for its input again has forgotten its tasks (`ExecutionStage::task_infos`), so the cores of those that
//!   end later are never given back (`TaskManager::sum_vcores_for_statuses`). When an executor has none left, it gets no more
//!   work, and all queries wait for ever.
//!
//! So a query of which a lost executor had a part is ended at the scheduler, before Ballista hears of the loss, and whoever
//! asked sends it again. A fetch of rows that fails ends it too ([`STAGE_FAILURES`](crate::limits::STAGE_FAILURES)).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::{ExecutorHeartbeat, RunningTask, SuccessfulTask, task_status};
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::scheduler_server::SchedulerServer;
use ballista_scheduler::state::execution_stage::TaskInfo;
use ballista_scheduler::state::task_manager::JobInfoCache;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tracing::{error, warn};

use crate::limits::{ABANDONED, HEARTBEAT};

pub(crate) type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// The executors that a scheduler knows.
pub(crate) struct Executors {
    known: Arc<dyn ClusterState>,
    /// Whose queries are ended; it is made of this.
    scheduler: OnceLock<Scheduler>,
    /// When the last one was lost that there was.
    lost_at: Mutex<Instant>,
}

impl Executors {
    pub(crate) fn new(known: Arc<dyn ClusterState>) -> Self {
        Self { known, scheduler: OnceLock::new(), lost_at: Mutex::new(Instant::now()) }
    }

    /// Has this end the queries of `scheduler`.
    pub(crate) fn serve(&self, scheduler: Scheduler) {
        // A second one would be a second cluster.
        drop(self.scheduler.set(scheduler));
    }

    /// Whether there has been no executor for so long that nobody should wait for one.
    pub(crate) fn are_gone(&self) -> bool {
        let lost_at = *self.lost_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.known.executor_heartbeats().is_empty() && lost_at.elapsed() >= Duration::from_secs(ABANDONED)
    }

    /// Ends, for ever, what waits when the executors are gone.
    pub(crate) async fn end_what_waits(&self) {
        let mut looks = tokio::time::interval(Duration::from_secs(HEARTBEAT));
        loop {
            looks.tick().await;
            if self.are_gone() {
                self.end_jobs(|_| true, "there are no executors").await;
            }
        }
    }

    /// Ends the queries with such tasks in one of their stages.
    async fn end_jobs(&self, is_hit: impl Fn(&[TaskInfo]) -> bool, why: &str) {
        let Some(scheduler) = self.scheduler.get() else { return };
        for (id, job) in scheduler.state.task_manager.get_running_job_cache().iter() {
            let graph = job.execution_graph.read().await;
            let tasks = graph.stages().values().map(|stage| stage.task_infos().unwrap_or_default());
            // The rows of one that has ended are fetched from executors, which tells whoever does so what is lost.
            if graph.is_successful() || !tasks.into_iter().any(&is_hit) {
                continue;
            }
            drop(graph);
            warn!(job.id = %id, why, "a query is ended, to be sent again");
            if let Err(error) = scheduler.cancel_job(id.clone()).await {
                error!(%error, job.id = %id, "failed to end a query");
            }
        }
    }
}

/// Whether rows of a task are lost with an executor.
fn is_of(task: &TaskInfo, executor: &str) -> bool {
    match &task.task_status {
        task_status::Status::Running(RunningTask { executor_id })
        | task_status::Status::Successful(SuccessfulTask { executor_id, .. }) => executor_id == executor,
        task_status::Status::Failed(_) => false,
    }
}

#[async_trait]
impl ClusterState for Executors {
    async fn init(&self) -> Result<()> {
        self.known.init().await
    }

    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        self.known.bind_schedulable_tasks(distribution, active_jobs, executors).await
    }

    async fn unbind_tasks(&self, executor_slots: Vec<ExecutorSlot>) -> Result<()> {
        self.known.unbind_tasks(executor_slots).await
    }

    async fn register_executor(&self, metadata: ExecutorMetadata, spec: ExecutorData) -> Result<()> {
        self.known.register_executor(metadata, spec).await
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.known.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.known.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.known.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.known.save_executor_heartbeat(heartbeat).await
    }

    /// Ballista calls this before it puts the loss in its queue of events, so queries are ended before it handles it. From
    /// here on the executor gets no task.
    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        self.known.remove_executor(executor_id).await?;
        *self.lost_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.end_jobs(|tasks| tasks.iter().any(|task| is_of(task, executor_id)), "an executor was lost").await;
        Ok(())
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.known.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.known.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.known.cluster_state_events().await
    }
}

#[cfg(test)]
mod tests;
