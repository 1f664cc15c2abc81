//! `pacbot jobs`: what is run when, how it ended, and a run by hand.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use datafusion::prelude::{SessionContext, col, lit};
use pacbot_dashboards::{Align, columns};
use pacbot_jobs::{Holder, Job, Journal, current, next_start, run_by_hand};
use pacbot_lake::{Lake, from_batches};
use pacbot_schemas::{JobState, nearest};
use serde::{Deserialize, Serialize};

use super::{asset_types, schedule::stopped, sql};
use crate::config::Config;
use crate::execution::host;
use crate::job_process::Jobs as Launcher;
use crate::output::{Format, print};
use crate::telemetry::Scrapes;
use crate::terminal;

/// The jobs: what `pacbot schedule` runs
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  pacbot jobs list\n  pacbot jobs run daily\n  pacbot jobs history daily --format json"
)]
pub(crate) enum Jobs {
    /// List the jobs: when they run next, and how they ended last
    List {
        /// As JSON, one object a line
        #[arg(long)]
        json: bool,
    },
    /// Run one job now; exits as its command does
    Run {
        /// Its name
        name: String,
    },
    /// List the runs, newest first
    History {
        /// Of this job only
        name: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

pub(crate) async fn run(
    command: &Jobs,
    config: &Config,
    scrapes: &Scrapes,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    match command {
        Jobs::List { json } => list(&lake, config, *json, out).await?,
        Jobs::Run { name } => return by_hand(&lake, config, scrapes, name).await,
        Jobs::History { name, limit, format } => {
            let ctx = sql::look(config, &lake).await?.ctx;
            history(&ctx, name.as_deref(), *limit, *format, out).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is told of a job.
#[derive(Debug, Serialize)]
struct Listed {
    job: String,
    cron: String,
    zone: String,
    enabled: bool,
    next_at: Option<DateTime<Utc>>,
    last_at: Option<DateTime<Utc>>,
    state: Option<String>,
    seconds: Option<f64>,
    error: Option<String>,
}

/// A row of the view `job_status`.
#[derive(Debug, Deserialize)]
struct Status {
    job: String,
    state: String,
    #[serde(default)]
    started_at: Option<DateTime<Utc>>,
    #[serde(default)]
    seconds: Option<f64>,
    #[serde(default)]
    error: Option<String>,
}

async fn list(lake: &Lake, config: &Config, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let now = Utc::now();
    let book = Journal::new(lake.clone()).read(now).await?;
    let ctx = sql::look(config, lake).await?.ctx;
    let statuses: Vec<Status> = from_batches("job_status", &ctx.table("job_status").await?.collect().await?)?;
    let listed = config.jobs.iter().map(|job| {
        let status = statuses.iter().find(|status| status.job == job.name().as_str());
        Listed {
            job: job.name().to_string(),
            cron: job.cron.as_str().to_owned(),
            zone: job.zone.to_string(),
            enabled: job.enabled,
            next_at: next_start(job, &book, now),
            last_at: status.and_then(|status| status.started_at),
            state: status.map(|status| status.state.clone()),
            seconds: status.and_then(|status| status.seconds),
            error: status.and_then(|status| status.error.clone()),
        }
    });
    let listed: Vec<Listed> = listed.collect();
    if json {
        for job in &listed {
            writeln!(out, "{}", serde_json::to_string(job)?)?;
        }
        return Ok(());
    }
    let time =
        |at: Option<DateTime<Utc>>| at.map_or("never".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string());
    let head = ["job", "cron", "zone", "next (UTC)", "last (UTC)", "outcome"].map(str::to_owned).to_vec();
    let rows = listed.iter().map(|job| {
        let next = if job.enabled { time(job.next_at) } else { "disabled".to_owned() };
        let outcome = job.state.as_deref().unwrap_or_default().replace('_', " ");
        let took = job.seconds.map(|seconds| format!(", {seconds:.1} s")).unwrap_or_default();
        vec![job.job.clone(), job.cron.clone(), job.zone.clone(), next, time(job.last_at), format!("{outcome}{took}")]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    for line in columns(&rows, &[Align::Left; 6], 0, &[0, 5], terminal::width()) {
        writeln!(out, "{line}")?;
    }
    match current(lake, now).await? {
        Some(lease) if lease.expires_at > now => writeln!(out, "\n{} leads (term {})", lease.holder, lease.term)?,
        _ => writeln!(out, "\nno scheduler runs; `pacbot schedule` starts one")?,
    }
    Ok(())
}

async fn by_hand(lake: &Lake, config: &Config, scrapes: &Scrapes, name: &str) -> anyhow::Result<ExitCode> {
    let job = find(config, name)?;
    let launcher = Launcher::new(config, scrapes.clone(), true).context("failed to find this executable")?;
    let me = Holder::new(&host());
    let run = run_by_hand(lake, job, &me, config.schedule.grace, &launcher, stopped()?).await;
    let run = run.context("failed to run the job")?;
    let is_well = matches!(run.state, JobState::Succeeded);
    let code = run.exit_code.and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(if is_well { 0 } else { crate::EXIT_NOT_KNOWN })))
}

fn find<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a Job> {
    let found = config.jobs.iter().find(|job| job.name().as_str() == name);
    found.ok_or_else(|| {
        let near = nearest(name, config.jobs.iter().map(|job| job.name().as_str()));
        let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        anyhow!("the configuration has no job `{name}`{help}")
    })
}

async fn history(
    ctx: &SessionContext,
    name: Option<&str>,
    limit: usize,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut runs = ctx.table("job_history").await?;
    if let Some(name) = name {
        runs = runs.filter(col("job").eq(lit(name)))?;
    }
    let mut shown =
        vec!["job", "scheduled_for", "attempt", "trigger", "state", "started_at", "seconds", "exit_code", "error"];
    if format != Format::Table {
        shown.extend(["finished_at", "command", "host", "process", "holder", "term"]);
    }
    let order =
        vec![col("scheduled_for").sort(false, false), col("job").sort(true, false), col("attempt").sort(false, false)];
    print(runs.sort(order)?.limit(0, Some(limit))?.select_columns(&shown)?, format, out).await
}
