//! `pacbot report`: the newest evaluation, for people or as JSON.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use pacbot_dashboards::{CHANGES_TOLD, Framework, Report, RunPage, TextOptions};
use pacbot_lake::Lake;

use super::{asset_types, sql};
use crate::config::Config;
use crate::lens::LensArgs;
use crate::terminal;

/// What is violated, what changed since the last run, and what could not be judged
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot report\n  pacbot report --all\n  pacbot report --framework cis-aws-3.0\n  pacbot report --group account:111122223333\n  pacbot report --run latest\n  pacbot report --format json | jq .scores"
)]
pub(crate) struct ReportArgs {
    /// Policies without violations too, and all changes
    #[arg(long)]
    all: bool,

    /// How a framework's items stand: cis-aws-3.0, pacbot
    #[arg(long, value_name = "ID")]
    framework: Option<String>,

    #[command(flatten)]
    lens: LensArgs,
    /// One run instead: what each scope, stage and policy took and came to; `latest` or an id
    #[arg(long, value_name = "ID", conflicts_with_all = ["framework", "group", "domain"])]
    run: Option<String>,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For people
    Text,
    /// One object
    Json,
}

pub(crate) async fn run(command: &ReportArgs, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let framework = command.framework.as_deref().map(framework).transpose()?;
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let options = TextOptions { width: terminal::width(), all: command.all };
    if let Some(run) = &command.run {
        let run = Some(run.as_str()).filter(|run| *run != "latest");
        let page = RunPage::read(&sql::look(config, &lake).await?.ctx, run).await?;
        match command.format {
            ReportFormat::Text => write!(out, "{}", page.to_text(options))?,
            ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&page)?)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let changes = if command.all { u64::MAX } else { CHANGES_TOLD };
    let report = {
        let look = sql::look(config, &lake).await?;
        command.lens.limit(&look, config).await?;
        Report::read(&look.ctx, changes).await?
    };
    if let Some(framework) = framework {
        let score = framework.score(&report);
        match command.format {
            ReportFormat::Text => write!(out, "{}", score.to_text(options))?,
            ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&score)?)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    match command.format {
        ReportFormat::Text => {
            write!(out, "{}", report.to_text(options))?;
        }
        ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn framework(id: &str) -> anyhow::Result<Framework> {
    let mut frameworks = Framework::embedded()?;
    if let Some(place) = frameworks.iter().position(|framework| framework.id == id) {
        return Ok(frameworks.swap_remove(place));
    }
    let known: Vec<&str> = frameworks.iter().map(|framework| framework.id.as_str()).collect();
    bail!("`{id}` is no framework; there are {}", known.join(", "))
}
