//! `pacbot lake`: the tables and their upkeep.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use chrono::Utc;
use clap::Subcommand;
use pacbot_lake::Lake;

use super::asset_types;
use crate::config::Config;

/// The lake's tables and their upkeep
#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// List the tables with their version, files and bytes
    Tables,
    /// Write small files into few sorted ones
    Optimize,
    /// Delete files that no kept version needs
    Vacuum {
        /// Only say how many
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(command: &LakeCommand, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let sizes = lake.sizes().await?;
    for name in lake.tables().await? {
        match command {
            LakeCommand::Tables => {
                let (objects, bytes) = sizes.get(&name).copied().unwrap_or_default();
                let version = lake.table(&name).await?.map_or(0, |table| table.version());
                writeln!(out, "{name:<36} version {version:<6} {objects:>6} objects {bytes:>12} bytes")?;
            }
            LakeCommand::Optimize => {
                let optimized = lake.optimize(&name, Utc::now()).await?;
                writeln!(out, "{name:<36} {} files, {} before", optimized.after, optimized.before)?;
            }
            LakeCommand::Vacuum { dry_run } => {
                let deleted = lake.vacuum(&name, lake.retention_of(&name), *dry_run).await?;
                writeln!(out, "{name:<36} {deleted} files {}", if *dry_run { "would go" } else { "deleted" })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
