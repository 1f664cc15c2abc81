//! The scheduler: takes plans, splits them into parts and gives these to executors.

use std::net::SocketAddr;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion::common::DataFusionError;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use pacbot_lake::Lake;
use tokio::net::TcpListener;

use crate::codec::LakeCodec;
use crate::error::DistributedError;
use crate::executors::{Executors, Scheduler};
use crate::limits::{ABANDONED, HEARTBEAT, MESSAGE, RESULTS, SILENCE, STAGE_FAILURES};
use crate::runtime::runtime;

/// Where a scheduler listens.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// Where executors and clients reach it; port 0 is a free one.
    pub bind: SocketAddr,
    /// The host name that executors are told; that of `bind` if none is given.
    pub advertised: Option<String>,
}

/// Runs a scheduler for plans over `lake` until it is stopped from outside; `listening` hears where it is reached.
///
/// It keeps nothing: queries that were running when it is stopped fail.
///
/// # Errors
///
/// [`DistributedError::Listen`] when the address cannot be had, [`DistributedError::Ballista`]
pub async fn serve_scheduler(
    lake: &Lake,
    settings: &SchedulerSettings,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), DistributedError> {
    let listen = |source| DistributedError::Listen { address: settings.bind, source };
    let listener = TcpListener::bind(settings.bind).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let advertised = settings.advertised.clone().unwrap_or_else(|| address.ip().to_string());
    let executors = Arc::new(Executors::new(Arc::new(InMemoryClusterState::default())));
    let (lake, known) = (lake.clone(), executors.clone());
    let session = move |config: SessionConfig| -> datafusion::common::Result<SessionState> {
        if known.are_gone() {
            return Err(DataFusionError::Execution(
                "there are no executors; start some with `pacbot executor`".to_owned(),
            ));
        }
        // It reads no file, but what reads them in a plan asks for the store.
        let runtime = runtime(&lake, None)?;
        Ok(SessionStateBuilder::new_with_default_features().with_config(config).with_runtime_env(runtime).build())
    };
    let config = SchedulerConfig {
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        external_host: advertised,
        override_session_builder: Some(Arc::new(session)),
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        override_physical_codec: Some(Arc::new(LakeCodec::default())),
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        stage_max_failures: STAGE_FAILURES,
        executor_timeout_seconds: SILENCE,
        expire_dead_executor_interval_seconds: HEARTBEAT,
        no_executors_grace_period_seconds: ABANDONED,
        finished_job_data_clean_up_interval_seconds: RESULTS,
        finished_job_state_clean_up_interval_seconds: RESULTS,
        ..SchedulerConfig::default()
    };
    let jobs = BallistaCluster::new_from_config(&config).await?.job_state();
    let cluster = BallistaCluster::new(executors.clone(), jobs);
    let scheduler: Scheduler = create_scheduler(cluster, Arc::new(config)).await?;
    executors.serve(scheduler.clone());
    listening(address);
    tokio::select! {
        served = start_grpc_service_with_listener(listener, scheduler) => Ok(served?),
        () = executors.end_what_waits() => Ok(()),
    }
}
