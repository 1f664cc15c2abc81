//! `pacbot evaluate`: the policies over a collection, and what that does to the issues.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use pacbot_lake::Lake;
use pacbot_schemas::{RunId, Stage};

use super::asset_types;
use crate::config::Config;
use crate::walk::{CollectOptions, EvaluateOptions, Walk};

/// Judge a collection by the policies, and open and close issues
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot evaluate\n  pacbot evaluate --policy aws-s3-bucket-not-public\n  pacbot evaluate --snapshot 20250301T060000Z-0a1b2c    # as of then; issues stay as they are"
)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    options: EvaluateOptions,
    /// The collection to judge [default: the newest]
    #[arg(long, value_name = "RUN")]
    snapshot: Option<RunId>,
    /// Begin a new run even if an interrupted one could be continued, and judge again what has not changed
    #[arg(long)]
    fresh: bool,
}

pub(crate) async fn run(command: Evaluate, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let types = asset_types()?;
    let lake = Lake::open(config.lake.clone(), types.clone()).await.context("failed to open the lake")?;
    let walk = Walk {
        config,
        types,
        stages: vec![Stage::Evaluate, Stage::Diff],
        source: None,
        collect: CollectOptions::default(),
        evaluate: command.options,
        snapshot: command.snapshot,
        fresh: command.fresh,
        within: None,
    };
    let walked = walk.run(lake).await?;
    walked.print(out)?;
    Ok(walked.code())
}
