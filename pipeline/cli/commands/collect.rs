//! `pacbot collect`: the first stage alone.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use pacbot_lake::Lake;
use pacbot_schemas::Stage;

use super::asset_types;
use crate::config::Config;
use crate::source::{Source, SourceArgs};
use crate::walk::{CollectOptions, EvaluateOptions, Walk};

/// Read the asset types from the cloud and land them in the lake
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot collect\n  pacbot collect --type aws_s3_bucket\n  pacbot collect --record answers && pacbot collect --lake other --replay answers"
)]
pub(crate) struct Collect {
    #[command(flatten)]
    options: CollectOptions,
    #[command(flatten)]
    source: SourceArgs,
    /// Begin a new run even if an interrupted one could be continued
    #[arg(long)]
    fresh: bool,
}

pub(crate) async fn run(command: Collect, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let types = asset_types()?;
    let lake = Lake::open(config.lake.clone(), types.clone()).await.context("failed to open the lake")?;
    let walk = Walk {
        config,
        types,
        stages: vec![Stage::Collect],
        source: Some(Source::open(&command.source, &config.aws)?),
        collect: command.options,
        evaluate: EvaluateOptions::default(),
        snapshot: None,
        fresh: command.fresh,
        within: None,
    };
    let walked = walk.run(lake).await?;
    walked.print(out)?;
    Ok(walked.code())
}
