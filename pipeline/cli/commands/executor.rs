//! `pacbot executor`: runs parts of an evaluation's queries.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::Config;

/// Run parts of the queries of evaluations, as a scheduler says
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot executor\n  pacbot executor --scheduler 10.0.0.5:50050 --bind 10.0.0.6 --memory \"8 GiB\" --work-dir /mnt/scratch\n\nIt reads the lake of the configuration, and ends when its scheduler is gone."
)]
pub(crate) struct Executor {
    /// The scheduler
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050", value_parser = host_and_port)]
    scheduler: (String, u16),
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The host name that others are told [default: the address of --bind]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Where results are fetched; 0 is a free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where the scheduler gives it work; 0 is a free port
    #[arg(long, default_value_t = 0)]
    grpc_port: u16,
    /// Memory that queries, sorts and joins may take; beyond it they spill to disk
    #[arg(long, value_name = "SIZE", default_value = "1 GiB", value_parser = size)]
    memory: usize,
    /// How many parts run at the same time [default: the number of cores]
    #[arg(long, value_name = "N")]
    tasks: Option<NonZeroUsize>,
    /// Where rows wait that do not fit in memory or are fetched later [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let wrong = || format!("`{text}` is no address; write for example 10.0.0.5:50050");
    let (host, port) = text.trim_start_matches("http://").rsplit_once(':').ok_or_else(wrong)?;
    Ok((host.to_owned(), port.trim_end_matches('/').parse().map_err(|_| wrong())?))
}

fn size(text: &str) -> Result<usize, String> {
    let read = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
    pacbot_lake::bytes(read).map_err(|error| error.to_string())
}

#[cfg(feature = "ballista")]
pub(crate) async fn run(command: Executor, config: &Config) -> anyhow::Result<ExitCode> {
    use anyhow::Context;
    use pacbot_distributed::{ExecutorSettings, serve_executor};
    use pacbot_lake::Lake;

    let lake = Lake::open(config.lake.clone(), super::asset_types()?).await.context("failed to open the lake")?;
    let (scheduler_host, scheduler_port) = command.scheduler;
    let settings = ExecutorSettings {
        scheduler_host,
        scheduler_port,
        bind: command.bind,
        advertised: command.advertise,
        port: command.port,
        grpc_port: command.grpc_port,
        memory: command.memory as u64,
        tasks: match command.tasks {
            Some(tasks) => tasks,
            None => std::thread::available_parallelism().context("failed to count the cores")?,
        },
        work_dir: command.work_dir.unwrap_or_else(std::env::temp_dir),
    };
    serve_executor(&lake, &settings).await.context("the executor ended")?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "ballista"))]
pub(crate) async fn run(command: Executor, _: &Config) -> anyhow::Result<ExitCode> {
    let Executor { scheduler: _, bind: _, advertise: _, port: _, grpc_port: _, memory: _, tasks: _, work_dir: _ } =
        command;
    Err(crate::engine::not_built_in("`pacbot executor`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_sizes_are_as_people_write_them() {
        assert_eq!(host_and_port("http://lake-1:50050/"), Ok(("lake-1".to_owned(), 50_050)));
        assert!(host_and_port("lake-1").is_err());
        assert_eq!(size("8 GiB"), Ok(8 << 30));
        assert!(size("much").is_err());
    }
}
