//! `pacbot run`: the whole path.

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

/// Collect, evaluate, and open and close issues
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot run\n  pacbot run --fail-on high      # exit code 1 if such issues are open\n  pacbot run --replay answers    # a recording instead of the cloud\n\nExit codes: 0 clean, 1 issues as --fail-on says, 2 something could not be collected or evaluated, 64 usage."
)]
pub(crate) struct Run {
    #[command(flatten)]
    collect: CollectOptions,
    #[command(flatten)]
    evaluate: EvaluateOptions,
    #[command(flatten)]
    source: SourceArgs,
    /// Begin a new run even if an interrupted one could be continued, and judge again what has not changed
    #[arg(long)]
    fresh: bool,
}

pub(crate) async fn run(command: Run, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let types = asset_types()?;
    let lake = Lake::open(config.lake.clone(), types.clone()).await.context("failed to open the lake")?;
    let walk = Walk {
        config,
        types,
        stages: vec![Stage::Collect, Stage::Evaluate, Stage::Diff],
        source: Some(Source::open(&command.source, &config.aws)?),
        collect: command.collect,
        evaluate: command.evaluate,
        snapshot: None,
        fresh: command.fresh,
        within: None,
    };
    let walked = walk.run(lake).await?;
    walked.print(out)?;
    Ok(walked.code())
}
