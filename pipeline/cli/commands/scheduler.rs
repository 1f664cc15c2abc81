//! `pacbot scheduler`: gives the parts of an evaluation's queries to executors.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use crate::config::Config;

/// Give the queries of evaluations to executors, on a network that only they can reach
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot scheduler\n  pacbot scheduler --bind 10.0.0.5:50050\n\nExecutors join it with `pacbot executor`; `engine = \"ballista\"` in `[evaluate]` has evaluations use it."
)]
pub(crate) struct Scheduler {
    /// Where executors and evaluations reach it; port 0 is a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:50050")]
    bind: SocketAddr,
    /// The host name that executors are told [default: the address of --bind]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
}

#[cfg(feature = "ballista")]
pub(crate) async fn run(command: &Scheduler, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    use anyhow::Context;
    use pacbot_distributed::{SchedulerSettings, serve_scheduler};
    use pacbot_lake::Lake;

    let lake = Lake::open(config.lake.clone(), super::asset_types()?).await.context("failed to open the lake")?;
    let settings = SchedulerSettings { bind: command.bind, advertised: command.advertise.clone() };
    let stopped = super::schedule::stopped()?;
    let mut told = Ok(());
    let serving = serve_scheduler(&lake, &settings, |address| {
        told = writeln!(out, "listening on {address}").and_then(|()| out.flush());
    });
    tokio::select! {
        served = serving => served.context("the scheduler ended")?,
        () = stopped => {}
    }
    told?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "ballista"))]
pub(crate) async fn run(command: &Scheduler, _: &Config, _: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Scheduler { bind: _, advertise: _ } = command;
    Err(crate::engine::not_built_in("`pacbot scheduler`"))
}
