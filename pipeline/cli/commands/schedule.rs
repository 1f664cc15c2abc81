//! `pacbot schedule`: runs the jobs of the configuration when they are due.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use pacbot_dashboards::counted;
use pacbot_jobs::{Ended, Holder, Mode, SCHEDULER, Scheduler};
use pacbot_lake::Lake;
use pacbot_schemas::{JobName, JobState};
use tokio::signal::unix::{SignalKind, signal};

use super::asset_types;
use crate::config::Config;
use crate::execution::{host, is_alive};
use crate::job_process::Jobs;
use crate::telemetry::Scrapes;

/// Run the jobs of pacbot.toml when they are due; of several schedulers on one lake, one leads
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot schedule\n  pacbot schedule --once     # from cron, every minute\n\nExit codes: 0 all went well, 2 a job did not (--once), 64 usage."
)]
pub(crate) struct Schedule {
    /// Run what is due now, and end
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(
    command: &Schedule,
    config: &Config,
    scrapes: &Scrapes,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    if config.jobs.is_empty() {
        bail!("there are no jobs; `[[jobs]]` in pacbot.toml names them, and `pacbot init` writes examples");
    }
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let mode = if command.once { Mode::Once } else { Mode::Forever };
    if let (Mode::Forever, Some(address)) = (mode, config.metrics.listen) {
        scrapes.serve(address).await?;
    }
    let scheduler = Scheduler {
        lake,
        jobs: config.jobs.clone(),
        settings: config.schedule,
        me: Holder::new(&host()),
        own_name: JobName::new(SCHEDULER)?,
        launcher: Arc::new(Jobs::new(config, scrapes.clone(), false).context("failed to find this executable")?),
        is_alive,
    };
    let ended = scheduler.run(mode, stopped()?).await.context("failed to schedule")?;
    if command.once {
        told(&ended, out)?;
    }
    let is_well = |state| matches!(state, JobState::Succeeded | JobState::Violations | JobState::Skipped);
    let is_all_well = !command.once || ended.runs.iter().all(|run| is_well(run.state));
    Ok(ExitCode::from(if is_all_well { 0 } else { super::super::EXIT_NOT_KNOWN }))
}

fn told(ended: &Ended, out: &mut impl Write) -> std::io::Result<()> {
    if let Some(leader) = &ended.leader {
        return writeln!(out, "{} leads until {}", leader.holder, leader.expires_at.format("%Y-%m-%d %H:%M:%S UTC"));
    }
    for run in &ended.runs {
        writeln!(out, "{}: {}", run.job, run.state.as_str().replace('_', " "))?;
    }
    writeln!(out, "{} ended", counted(ended.runs.len() as u64, "run", "runs"))
}

/// Yields when the process is asked to end.
pub(crate) fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let failed = "failed to listen to signals";
    let (mut term, mut interrupt) =
        (signal(SignalKind::terminate()).context(failed)?, signal(SignalKind::interrupt()).context(failed)?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
