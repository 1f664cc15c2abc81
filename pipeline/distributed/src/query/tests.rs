use std::num::NonZeroUsize;
use std::time::Duration;

use arrow::datatypes::Schema;
use ballista_core::serde::protobuf::{FailedJob, RunningJob, SuccessfulJob, job_status};
use datafusion::physical_plan::empty::EmptyExec;

use super::*;
use crate::stub_scheduler::{Heard, StubScheduler};

/// What comes of a query whose answers take no longer than `deadline`.
async fn asked(scheduler: &str, deadline: Duration) -> Result<u64, QueryError> {
    let cluster = Cluster::new(scheduler, NonZeroUsize::MIN, deadline);
    let plan: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
    let query = Query::new(&cluster, &plan, "session", &SessionConfig::new_with_ballista())?;
    query.rows().await.map(|rows| rows.rows())
}

const AN_HOUR: Duration = Duration::from_secs(3600);

fn running() -> job_status::Status {
    job_status::Status::Running(RunningJob::default())
}

fn failed(error: &str) -> job_status::Status {
    job_status::Status::Failed(FailedJob { error: error.to_owned(), ..FailedJob::default() })
}

#[tokio::test]
async fn a_query_that_does_not_end_is_cancelled_and_sent_again() {
    let scheduler = StubScheduler::start(|_| running()).await;
    let error = asked(&scheduler.address, Duration::from_millis(50)).await.unwrap_err();
    let message = format!(
        "the scheduler at `{}` did not end the query within 50ms, so it was cancelled; it was sent 4 times; \
         see the logs of the scheduler and its executors, and `deadline` in `[evaluate]`",
        scheduler.address
    );
    assert_eq!(error.to_string(), message);
    let Heard { sent, cancelled, .. } = scheduler.heard.borrow().clone();
    assert_eq!((sent, cancelled), (4, ["1", "2", "3", "4"].map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn a_query_that_ends_late_once_yields_its_rows() {
    let ended = |n| if n == 1 { running() } else { job_status::Status::Successful(SuccessfulJob::default()) };
    let scheduler = StubScheduler::start(ended).await;
    assert_eq!(asked(&scheduler.address, Duration::from_millis(50)).await.unwrap(), 0);
    assert_eq!(scheduler.heard.borrow().cancelled, ["1"]);
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_cancelled() {
    let mut scheduler = StubScheduler::start(|_| running()).await;
    tokio::select! {
        _ = asked(&scheduler.address, AN_HOUR) => panic!("it does not end"),
        heard = scheduler.heard.wait_for(|heard| heard.asked > 0) => drop(heard.unwrap()),
    }
    let heard =
        tokio::time::timeout(Duration::from_secs(10), scheduler.heard.wait_for(|heard| !heard.cancelled.is_empty()));
    assert_eq!(heard.await.unwrap().unwrap().cancelled, ["1"]);
}

#[tokio::test]
async fn a_query_that_was_ended_with_an_executor_is_sent_again() {
    let says = |n| match n {
        1 => failed("Cancelled"),
        2 => failed(
            "Job failed due to stage 2 failed: Stage 2 has failed 1 times, most recent failure reason: \"gone\"\n",
        ),
        _ => job_status::Status::Successful(SuccessfulJob::default()),
    };
    let scheduler = StubScheduler::start(says).await;
    assert_eq!(asked(&scheduler.address, AN_HOUR).await.unwrap(), 0);
    assert_eq!(scheduler.heard.borrow().sent, 3);
}

#[tokio::test]
async fn a_query_that_fails_is_not_sent_again() {
    let scheduler = StubScheduler::start(|_| failed("Job failed due to stage 1 failed: Divide by zero")).await;
    let error = asked(&scheduler.address, AN_HOUR).await.unwrap_err();
    assert!(matches!(error, QueryError::Failed { reason, .. } if reason.ends_with("Divide by zero")));
    assert_eq!(scheduler.heard.borrow().sent, 1);
}

#[tokio::test]
async fn a_scheduler_that_is_not_there_is_told() {
    let error = asked("http://127.0.0.1:1", AN_HOUR).await.unwrap_err();
    assert!(error.to_string().starts_with("the scheduler at `http://127.0.0.1:1` does not answer: "), "{error}");
}
