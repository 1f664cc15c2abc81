//! `pacbot runs`: which runs there were, and what one of them could not read.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use datafusion::prelude::{col, lit};
use pacbot_lake::{Lake, LakeError};

use super::{asset_types, sql};
use crate::config::Config;
use crate::output::{Format, print};

/// The runs
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  pacbot runs list\n  pacbot runs show 20250301T060000Z-0a1b2c")]
pub(crate) enum Runs {
    /// List the runs and their stages, newest first
    List {
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one run: its stages, the versions that it left or read, and what it could not read
    Show {
        /// Its id
        id: String,
    },
}

pub(crate) async fn run(command: &Runs, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    match command {
        Runs::List { format } => {
            let ctx = sql::look(config, &lake).await?.ctx;
            let mut columns =
                vec!["run_id", "stage", "status", "run_at", "finished_at", "scopes", "problems", "rows", "selection"];
            if *format != Format::Table {
                columns.extend(["started_at", "host", "process", "pacbot_version"]);
            }
            let runs = ctx.table("runs").await?.sort(vec![
                col("run_at").sort(false, false),
                col("run_id").sort(false, false),
                col("started_at").sort(true, false),
            ])?;
            print(runs.select_columns(&columns)?, *format, out).await?;
        }
        Runs::Show { id } => show(config, &lake, id, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(config: &Config, lake: &Lake, id: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let mut stages = lake.runs().await?;
    stages.retain(|row| row.run_id.as_str() == id);
    if stages.is_empty() {
        return Err(LakeError::UnknownRun(id.to_owned()).into());
    }
    for row in &stages {
        let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let end = row.finished_at.map_or("not yet".to_owned(), time);
        writeln!(out, "{:<9} {:<9} began {}, ended {end}", row.stage, row.status, time(row.started_at))?;
        writeln!(
            out,
            "          {} rows, {} problems, by pacbot {} on {}",
            row.rows, row.problems, row.pacbot_version, row.host
        )?;
    }
    if let Some(row) = stages.iter().find(|row| !row.snapshot.is_empty()) {
        let pins = row.snapshot.iter().map(|pin| format!("{} {}", pin.table, pin.version));
        writeln!(out, "\nversions: {}\n", pins.collect::<Vec<_>>().join(", "))?;
    }
    let ctx = sql::look(config, lake).await?.ctx;
    let whole = vec![lit("complete"), lit("skipped"), lit("withdrawn")];
    let gaps = ctx.table("coverage").await?.filter(col("run_id").eq(lit(id)))?;
    let gaps = gaps.filter(col("status").in_list(whole, true).or(col("cell_errors").gt(lit(0))))?;
    let columns = ["account_id", "region", "asset_type", "request", "status", "cell_errors", "error"];
    print(gaps.select_columns(&columns)?, Format::Table, out).await
}
