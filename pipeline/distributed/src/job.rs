//! A query at a scheduler: a job of Ballista.

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, GetJobStatusParams, PartitionLocation, execute_query_result, job_status,
};
use ballista_core::utils::{GrpcClientConfig, create_grpc_client_endpoint};
use ballista_core::version::insert_version_header;
use tokio::runtime::Handle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tracing::warn;

use crate::limits::{LONGEST_PAUSE, SHORTEST_PAUSE, STAGE_FAILURES};
use crate::query_error::QueryError;

type Client = SchedulerGrpcClient<Channel>;

/// A query that a scheduler has taken. Dropped before it ended, it is cancelled in the background.
pub(crate) struct Job {
    scheduler: String,
    client: Client,
    id: String,
    has_ended: bool,
}

impl Job {
    /// Sends a query.
    ///
    /// # Errors
    ///
    /// [`QueryError::Unreachable`], or [`QueryError::Refused`] if the scheduler cannot read it or has no executors
    pub(crate) async fn send(
        scheduler: &str,
        query: ExecuteQueryParams,
        config: &GrpcClientConfig,
    ) -> Result<Self, QueryError> {
        let unreachable = |reason: String| QueryError::Unreachable { scheduler: scheduler.to_owned(), reason };
        let endpoint = create_grpc_client_endpoint(scheduler.to_owned(), Some(config));
        let endpoint = endpoint.map_err(|error| unreachable(error.to_string()))?;
        let channel = endpoint.connect().await.map_err(|error| unreachable(error.to_string()))?;
        let mut client = SchedulerGrpcClient::new(channel)
            .max_encoding_message_size(config.max_message_size)
            .max_decoding_message_size(config.max_message_size);
        let mut request = Request::new(query);
        insert_version_header(request.metadata_mut());
        let answer = client.execute_query(request).await.map_err(|status| told(scheduler, &status))?.into_inner();
        match answer.result {
            Some(execute_query_result::Result::Success(taken)) => {
                Ok(Self { scheduler: scheduler.to_owned(), client, id: taken.job_id, has_ended: false })
            }
            refused => Err(QueryError::Refused { scheduler: scheduler.to_owned(), reason: format!("{refused:?}") }),
        }
    }

    /// Waits for its end, and yields where its rows are.
    ///
    /// It is asked for again and again: who waits for news on a connection does not notice that its other end is gone.
    ///
    /// # Errors
    ///
    /// [`QueryError::Failed`], [`QueryError::Lost`] if that was an executor's loss, [`QueryError::Unreachable`]
    pub(crate) async fn ended(&mut self) -> Result<Vec<PartitionLocation>, QueryError> {
        let (mut pause, mut was_known) = (SHORTEST_PAUSE, false);
        loop {
            let asked = self.client.get_job_status(GetJobStatusParams { job_id: self.id.clone() }).await;
            let answer = asked.map_err(|status| told(&self.scheduler, &status))?.into_inner();
            match answer.status.and_then(|status| status.status) {
                Some(job_status::Status::Successful(job)) => {
                    self.has_ended = true;
                    return Ok(job.partition_location);
                }
                Some(job_status::Status::Failed(job)) => {
                    self.has_ended = true;
                    return Err(self.failed(job.error));
                }
                Some(job_status::Status::Queued(_) | job_status::Status::Running(_)) => was_known = true,
                None if was_known => {
                    self.has_ended = true;
                    return Err(self.lost("the scheduler was started again".to_owned()));
                }
                // It is on its way through the scheduler.
                None => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Has the scheduler end it.
    pub(crate) async fn cancel(mut self) {
        self.has_ended = true;
        cancel(&mut self.client, &self.id).await;
    }

    /// A query ended here is told from one that failed by Ballista's words alone.
    fn failed(&self, reason: String) -> QueryError {
        if reason == CANCELLED || reason.contains(&format!("has failed {STAGE_FAILURES} times")) {
            return self.lost(reason);
        }
        QueryError::Failed { scheduler: self.scheduler.clone(), reason }
    }

    fn lost(&self, reason: String) -> QueryError {
        QueryError::Lost { scheduler: self.scheduler.clone(), reason }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // Without a runtime the process is about to end.
        if let Ok(runtime) = Handle::try_current() {
            let (mut client, id) = (self.client.clone(), std::mem::take(&mut self.id));
            runtime.spawn(async move { cancel(&mut client, &id).await });
        }
    }
}

/// What Ballista calls a query that was ended from outside; see [`Executors`](crate::executors::Executors).
const CANCELLED: &str = "Cancelled";

async fn cancel(client: &mut Client, id: &str) {
    if let Err(status) = client.cancel_job(CancelJobParams { job_id: id.to_owned() }).await {
        warn!(job.id = id, error = status.message(), "a query may still run: the scheduler does not cancel it");
    }
}

/// What a scheduler answers that takes no query, or the way to it.
fn told(scheduler: &str, status: &Status) -> QueryError {
    let (scheduler, reason) = (scheduler.to_owned(), status.message().to_owned());
    match status.code() {
        Code::Internal | Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange | Code::Unimplemented => {
            QueryError::Refused { scheduler, reason }
        }
        _ => QueryError::Unreachable { scheduler, reason },
    }
}
