//! A scheduler that takes every query, runs none, and says of them what a test wants.

use std::sync::Arc;

use ballista_core::serde::protobuf::scheduler_grpc_server::{SchedulerGrpc, SchedulerGrpcServer};
use ballista_core::serde::protobuf::{
    CancelJobParams, CancelJobResult, CleanJobDataParams, CleanJobDataResult, CreateUpdateSessionParams,
    CreateUpdateSessionResult, ExecuteQueryParams, ExecuteQueryResult, ExecuteQuerySuccessResult,
    ExecutorStoppedParams, ExecutorStoppedResult, GetJobMetricsParams, GetJobMetricsResult, GetJobStatusParams,
    GetJobStatusResult, HeartBeatParams, HeartBeatResult, JobStatus, PollWorkParams, PollWorkResult,
    RegisterExecutorParams, RegisterExecutorResult, RemoveSessionParams, RemoveSessionResult, UpdateTaskStatusParams,
    UpdateTaskStatusResult, execute_query_result, job_status,
};
use futures::stream::BoxStream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// What it says of the query that it was sent as the `n`th, from 1.
type Says = fn(n: usize) -> job_status::Status;

pub(crate) struct StubScheduler {
    pub(crate) address: String,
    pub(crate) heard: watch::Receiver<Heard>,
}

/// What it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(crate) sent: usize,
    pub(crate) asked: usize,
    pub(crate) cancelled: Vec<String>,
}

impl StubScheduler {
    pub(crate) async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (told, heard) = watch::channel(Heard::default());
        let service = SchedulerGrpcServer::new(Service { says, told: Arc::new(told) });
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)));
        Self { address, heard }
    }
}

struct Service {
    says: Says,
    told: Arc<watch::Sender<Heard>>,
}

fn never<T>() -> Answer<T> {
    Err(Status::unimplemented("no client asks for this"))
}

#[tonic::async_trait]
impl SchedulerGrpc for Service {
    type ExecuteQueryPushStream = BoxStream<'static, Result<GetJobStatusResult, Status>>;

    async fn execute_query(&self, request: Request<ExecuteQueryParams>) -> Answer<ExecuteQueryResult> {
        let session_id = request.into_inner().session_id;
        self.told.send_modify(|heard| heard.sent += 1);
        let job_id = self.told.borrow().sent.to_string();
        let taken = execute_query_result::Result::Success(ExecuteQuerySuccessResult { job_id, session_id });
        Ok(Response::new(ExecuteQueryResult { operation_id: String::new(), result: Some(taken) }))
    }

    async fn get_job_status(&self, request: Request<GetJobStatusParams>) -> Answer<GetJobStatusResult> {
        self.told.send_modify(|heard| heard.asked += 1);
        let job_id = request.into_inner().job_id;
        let status = Some((self.says)(job_id.parse().unwrap()));
        let status = Some(JobStatus { job_id, job_name: String::new(), status });
        Ok(Response::new(GetJobStatusResult { status, flight_proxy: None }))
    }

    async fn cancel_job(&self, request: Request<CancelJobParams>) -> Answer<CancelJobResult> {
        self.told.send_modify(|heard| heard.cancelled.push(request.into_inner().job_id));
        Ok(Response::new(CancelJobResult { cancelled: true }))
    }

    async fn poll_work(&self, _: Request<PollWorkParams>) -> Answer<PollWorkResult> {
        never()
    }

    async fn register_executor(&self, _: Request<RegisterExecutorParams>) -> Answer<RegisterExecutorResult> {
        never()
    }

    async fn heart_beat_from_executor(&self, _: Request<HeartBeatParams>) -> Answer<HeartBeatResult> {
        never()
    }

    async fn update_task_status(&self, _: Request<UpdateTaskStatusParams>) -> Answer<UpdateTaskStatusResult> {
        never()
    }

    async fn create_update_session(&self, _: Request<CreateUpdateSessionParams>) -> Answer<CreateUpdateSessionResult> {
        never()
    }

    async fn remove_session(&self, _: Request<RemoveSessionParams>) -> Answer<RemoveSessionResult> {
        never()
    }

    async fn execute_query_push(&self, _: Request<ExecuteQueryParams>) -> Answer<Self::ExecuteQueryPushStream> {
        never()
    }

    async fn get_job_metrics(&self, _: Request<GetJobMetricsParams>) -> Answer<GetJobMetricsResult> {
        never()
    }

    async fn executor_stopped(&self, _: Request<ExecutorStoppedParams>) -> Answer<ExecutorStoppedResult> {
        never()
    }

    async fn clean_job_data(&self, _: Request<CleanJobDataParams>) -> Answer<CleanJobDataResult> {
        never()
    }
}
