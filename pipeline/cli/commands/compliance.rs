//! `pacbot compliance`: how compliance went, day by day.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use datafusion::prelude::{col, lit};
use pacbot_dashboards::{Framework, counted, last_of_each_day, record_compliance};
use pacbot_lake::Lake;

use super::{asset_types, sql};
use crate::config::Config;
use crate::output::{Format, print};

/// Compliance over time, by group, domain, policy, category and framework
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Every full run records its day. `record` makes days again, for example for a group that is new.\n\nExamples:\n  pacbot compliance show\n  pacbot compliance show --group shop --kind policy --since 2026-10-01 --format csv\n  pacbot compliance record --since 2026-01-01"
)]
pub(crate) enum Compliance {
    /// Show recorded days
    Show(Show),
    /// Record days from history: the last evaluation of each
    Record {
        /// The first day [default: the last one that was evaluated]
        #[arg(long, value_name = "DATE")]
        since: Option<NaiveDate>,
    },
}

/// Which rows are shown.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Of this group; `account:ID` for an account
    #[arg(long, value_name = "ID", default_value = "*")]
    group: String,
    /// Of this domain
    #[arg(long, value_name = "ID", default_value = "*")]
    domain: String,
    /// overall, category, policy or framework
    #[arg(long, default_value = "overall")]
    kind: String,
    /// Of this policy, category or framework only
    #[arg(long)]
    id: Option<String>,
    /// The first day
    #[arg(long, value_name = "DATE")]
    since: Option<NaiveDate>,
    /// How they are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) async fn run(command: &Compliance, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    match command {
        Compliance::Show(show) => show.print(config, &lake, out).await?,
        Compliance::Record { since } => {
            let days = last_of_each_day(&lake.runs().await?);
            let Some((last, _)) = days.last_key_value() else { bail!("nothing was evaluated yet; `pacbot run` does") };
            let since = since.unwrap_or(*last);
            for (day, run) in days.range(since..) {
                let rows = record(config, &lake, run).await.with_context(|| format!("failed to record {day}"))?;
                writeln!(out, "{day}: {}", counted(rows, "row", "rows"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Records the day of an evaluation.
pub(crate) async fn record(config: &Config, lake: &Lake, run: &pacbot_lake::RunRow) -> anyhow::Result<u64> {
    let groups = config.groups(lake.types()).await?;
    Ok(record_compliance(lake, groups, &config.domains()?, &Framework::embedded()?, run).await?)
}

impl Show {
    async fn print(&self, config: &Config, lake: &Lake, out: &mut impl Write) -> anyhow::Result<()> {
        let look = sql::look(config, lake).await?;
        let mut frame = look.ctx.table("compliance_daily").await?;
        let wanted = [("group_id", &self.group), ("domain_id", &self.domain), ("kind", &self.kind)];
        for (column, value) in wanted.into_iter().chain(self.id.as_ref().map(|id| ("id", id))) {
            frame = frame.filter(col(column).eq(lit(value)))?;
        }
        if let Some(since) = self.since {
            frame = frame.filter(col("day").gt_eq(lit(since.to_string())))?;
        }
        let frame = frame.sort(vec![col("day").sort(true, false), col("id").sort(true, false)])?;
        let columns = [
            "day",
            "id",
            "passing_percent",
            "judged_percent",
            "classic_percent",
            "assets",
            "passing",
            "violating",
            "exempt",
            "unknown",
            "open_issues",
        ];
        print(frame.select_columns(&columns)?, self.format, out).await
    }
}
