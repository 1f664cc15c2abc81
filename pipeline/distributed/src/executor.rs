//! An executor: runs parts of plans, and keeps what they yield until it is fetched.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use pacbot_lake::Lake;

use crate::codec::LakeCodec;
use crate::error::DistributedError;
use crate::limits::{CONNECT, HEARTBEAT, LEFT_OVER, MESSAGE, SWEEP};
use crate::runtime::runtime;

/// Where an executor listens, and how much of its machine it takes.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// The scheduler's host name.
    pub scheduler_host: String,
    /// The scheduler's port.
    pub scheduler_port: u16,
    /// The address that it listens on.
    pub bind: IpAddr,
    /// The host name that others are told; that of `bind` if none is given.
    pub advertised: Option<String>,
    /// Where results are fetched; 0 is a free port.
    pub port: u16,
    /// Where the scheduler gives it work; 0 is a free port.
    pub grpc_port: u16,
    /// Memory that queries, sorts and joins may take, in bytes; each part of a plan gets its share, and spills beyond it.
    pub memory: u64,
    /// How many parts of plans run at the same time.
    pub tasks: NonZeroUsize,
    /// Where spilled and shuffled rows lie, in a folder of the executor's own.
    pub work_dir: PathBuf,
}

/// Runs an executor for plans over `lake` until it receives SIGTERM or SIGINT: then it finishes what it runs and ends.
///
/// It ends too when its scheduler is gone, so that whoever watches it starts it again.
///
/// # Errors
///
/// [`DistributedError::Listen`], [`DistributedError::Folder`], [`DistributedError::NoScheduler`] when it cannot start,
/// [`DistributedError::Ballista`] when it cannot go on
pub async fn serve_executor(lake: &Lake, settings: &ExecutorSettings) -> Result<(), DistributedError> {
    let folder = own_folder(&settings.work_dir)?;
    let (shuffled, spilled) = (folder.path().join("shuffled"), folder.path().join("spilled"));
    for part in [&shuffled, &spilled] {
        std::fs::create_dir(part).map_err(|source| DistributedError::Folder { folder: part.clone(), source })?;
    }
    // Others are told of the ports before Ballista listens on them.
    let (flight, grpc) = (listener(settings.bind, settings.port)?, listener(settings.bind, settings.grpc_port)?);
    let (port, grpc_port) = (flight.1, grpc.1);
    drop((flight, grpc));
    let session = SessionStateBuilder::new_with_default_features().build();
    let lake = lake.clone();
    let config = ExecutorProcessConfig {
        bind_host: in_address(settings.bind),
        external_host: Some(settings.advertised.clone().unwrap_or_else(|| in_address(settings.bind))),
        port,
        grpc_port,
        scheduler_host: settings.scheduler_host.clone(),
        scheduler_port: settings.scheduler_port,
        scheduler_connect_timeout_seconds: CONNECT,
        vcores: settings.tasks.get(),
        work_dir: Some(shuffled.display().to_string()),
        memory_pool_size: Some(settings.memory),
        job_data_ttl_seconds: LEFT_OVER,
        job_data_clean_up_interval_seconds: SWEEP,
        grpc_max_decoding_message_size: MESSAGE,
        grpc_max_encoding_message_size: MESSAGE,
        executor_heartbeat_interval_seconds: HEARTBEAT,
        override_runtime_producer: Some(Arc::new(move |_: &SessionConfig| runtime(&lake, Some(spilled.as_path())))),
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        override_physical_codec: Some(Arc::new(LakeCodec::default())),
        // All that a session knows by name; Ballista's own list lacks functions of lists and maps.
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&session))),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.map_err(|error| match error {
        source @ (BallistaError::GrpcConnectionError(_) | BallistaError::General(_)) => DistributedError::NoScheduler {
            scheduler: format!("{}:{}", settings.scheduler_host, settings.scheduler_port),
            source,
        },
        error => error.into(),
    })
}

/// Ballista deletes whatever it finds in its folder, so it gets one in which nothing else lies.
fn own_folder(folder: &Path) -> Result<tempfile::TempDir, DistributedError> {
    let failed = |source| DistributedError::Folder { folder: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    tempfile::Builder::new().prefix("pacbot-executor-").tempdir_in(folder).map_err(failed)
}

/// A listener and its port, which is a free one where none is named.
fn listener(host: IpAddr, port: u16) -> Result<(TcpListener, u16), DistributedError> {
    let address = SocketAddr::new(host, port);
    let failed = |source| DistributedError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

/// An address as it stands before a colon and a port.
fn in_address(host: IpAddr) -> String {
    match host {
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => format!("[{host}]"),
    }
}
