use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{FailedTask, FetchPartitionError, ShuffleWritePartition, TaskStatus, job_status};
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::planner::DefaultDistributedPlanner;
use ballista_scheduler::scheduler_process::create_scheduler;
use ballista_scheduler::state::execution_graph::{ExecutionGraph, StaticExecutionGraph, TaskDescription};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;

/// A plan of two stages, with two parts each.
fn plan() -> Arc<dyn ExecutionPlan> {
    let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let schema = batch.schema();
    let rows = MemorySourceConfig::try_new_exec(&[vec![batch.clone()], vec![batch]], schema.clone(), None).unwrap();
    let by = Partitioning::Hash(vec![col("n", &schema).unwrap()], 2);
    Arc::new(RepartitionExec::try_new(rows, by).unwrap())
}

/// An executor with two cores that nobody reaches.
fn executor(id: &str) -> (ExecutorMetadata, ExecutorData) {
    let metadata = ExecutorMetadata {
        id: id.to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 1,
        grpc_port: 1,
        specification: ExecutorSpecification::default().with_vcores(2),
        os_info: ExecutorOperatingSystemSpecification::default(),
    };
    (metadata, ExecutorData { executor_id: id.to_owned(), total_vcores: 2, available_vcores: 2 })
}

/// A scheduler that nobody reaches either, and its executors.
async fn scheduler() -> (Scheduler, Arc<Executors>) {
    let executors = Arc::new(Executors::new(Arc::new(InMemoryClusterState::default())));
    let config = SchedulerConfig {
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        ..SchedulerConfig::default()
    };
    let jobs = BallistaCluster::new_from_config(&config).await.unwrap().job_state();
    let cluster = BallistaCluster::new(executors.clone(), jobs);
    let scheduler: Scheduler = create_scheduler(cluster, Arc::new(config)).await.unwrap();
    executors.serve(scheduler.clone());
    (scheduler, executors)
}

/// Why a query fails that is given to a scheduler.
async fn failed(scheduler: &Scheduler) -> String {
    let ctx = Arc::new(SessionContext::new_with_config(SessionConfig::new_with_ballista()));
    let job = scheduler.submit_physical_plan("", ctx, plan(), None).await.unwrap();
    let failed = async {
        loop {
            let status = scheduler.state.task_manager.get_job_status(&job).await.unwrap();
            if let Some(job_status::Status::Failed(failed)) = status.and_then(|status| status.status) {
                return failed.error;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), failed).await.unwrap()
}

#[tokio::test]
async fn a_query_is_ended_with_an_executor_that_has_a_part_of_it() {
    let (scheduler, executors) = scheduler().await;
    let (metadata, data) = executor("lost");
    executors.register_executor(metadata, data).await.unwrap();
    assert_eq!(failed(&scheduler).await, "Cancelled");
    assert!(executors.executor_heartbeats().is_empty());
}

#[tokio::test]
async fn a_query_that_waits_for_executors_that_are_gone_is_ended() {
    let (scheduler, executors) = scheduler().await;
    assert!(!executors.are_gone());
    *executors.lost_at.lock().unwrap() -= Duration::from_secs(ABANDONED);
    assert!(executors.are_gone());
    tokio::select! {
        failed = failed(&scheduler) => assert_eq!(failed, "Cancelled"),
        () = executors.end_what_waits() => panic!("it goes on for ever"),
    }
}

/// Gives all parts that are ready to two executors, one core each.
async fn given(cluster: &InMemoryClusterState, job: &JobInfoCache) -> Vec<BoundTask> {
    let jobs = HashMap::from([(JobId::new("job"), job.clone())]);
    cluster.bind_schedulable_tasks(TaskDistributionPolicy::RoundRobin, Arc::new(jobs), None).await.unwrap()
}

fn status(task: &TaskDescription, status: task_status::Status) -> TaskStatus {
    TaskStatus {
        task_id: task.key.task_id as u32,
        job_id: task.key.job_id.to_string(),
        stage_id: task.key.stage_id as u32,
        stage_attempt_num: task.stage_attempt_num as u32,
        status: Some(status),
        ..TaskStatus::default()
    }
}

fn successful((executor, task): &BoundTask) -> TaskStatus {
    let count = if task.key.stage_id == 1 { 2 } else { 1 };
    let first = if task.key.stage_id == 1 { 0 } else { task.global_input_partition_ids[0] as u64 };
    let part = |partition_id| ShuffleWritePartition { partition_id, num_rows: 1, ..ShuffleWritePartition::default() };
    let partitions = (first..first + count).map(part).collect();
    let ended = SuccessfulTask { executor_id: executor.clone(), partitions, ..SuccessfulTask::default() };
    status(task, task_status::Status::Successful(ended))
}

fn not_fetched((_, task): &BoundTask, from: &str) -> TaskStatus {
    let lost = FetchPartitionError { executor_id: from.to_owned(), map_stage_id: 1, map_partition_id: 0 };
    let failed_reason = Some(FailedReason::FetchPartitionError(lost));
    status(task, task_status::Status::Failed(FailedTask { failed_reason, ..FailedTask::default() }))
}

/// Why Ballista is not left to mend a query. When this fails, it has learnt to, and the module may be of no use any more.
#[tokio::test]
async fn ballista_tells_of_rows_twice_and_forgets_cores() {
    let config = SessionConfig::new_with_ballista().set_str("ballista.scheduler.max_partitions_per_task", "1");
    let cluster = InMemoryClusterState::default();
    for id in ["kept", "lost"] {
        let (metadata, data) = executor(id);
        cluster.register_executor(metadata, data).await.unwrap();
    }
    let mut planner = DefaultDistributedPlanner::new();
    let job = JobId::new("job");
    let mut graph =
        StaticExecutionGraph::new("", &job, "", "", plan(), 0, Arc::new(config), &mut planner, None).unwrap();
    graph.revive();
    let job = JobInfoCache::new(Box::new(graph));
    let told = async |executor: &str, status: TaskStatus| {
        let mut graph = job.execution_graph.write().await;
        graph.update_task_status(&self::executor(executor).0, vec![status], 4, 4).unwrap();
    };
    for task in given(&cluster, &job).await {
        told(&task.0, successful(&task)).await;
    }
    cluster.unbind_tasks(vec![("kept".to_owned(), 1), ("lost".to_owned(), 1)]).await.unwrap();
    let second = given(&cluster, &job).await;
    told(&second[0].0, successful(&second[0])).await;
    let cores =
        async |task: &BoundTask| job.execution_graph.read().await.task_vcores(task.1.key.stage_id, task.1.key.task_id);
    assert_eq!(cores(&second[0]).await, Some(1));
    told(&second[1].0, not_fetched(&second[1], "lost")).await;
    assert_eq!(cores(&second[0]).await, None, "whoever ends such a task now gives back nothing");

    while !job.execution_graph.read().await.is_successful() {
        let tasks = given(&cluster, &job).await;
        assert!(!tasks.is_empty());
        for task in tasks {
            told("kept", successful(&("kept".to_owned(), task.1.clone()))).await;
            cluster.unbind_tasks(vec![(task.0, 1)]).await.unwrap();
        }
    }
    let places = job.execution_graph.read().await.output_locations();
    let of_first = places.iter().filter(|place| place.partition_id.partition_id == 0).count();
    assert_eq!((places.len(), of_first), (3, 2));
}
