//! `pacbot demo`: three days of a shop's estate, replayed through the same collectors as a real one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use datafusion::prelude::SessionContext;
use include_dir::{Dir, include_dir};
use pacbot_cloud::Replay;
use pacbot_dashboards::{CHANGES_TOLD, Report, TextOptions};
use pacbot_lake::{Lake, LakeSettings, from_batches};
use pacbot_schemas::Stage;
use serde::Deserialize;

use super::{asset_types, sql};
use crate::config::Config;
use crate::source::Source;
use crate::terminal;
use crate::walk::{CollectOptions, EvaluateOptions, Walk, Walked};

/// What the APIs answered, made by `tests/estate/record.sh`: one folder a day.
static DAYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/pipeline/cli/demo");

/// Marks a folder as the demo's, which may be made anew.
const MARKER: &str = ".pacbot-demo";

/// Three days of a recorded estate: no account and no network are needed
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pacbot demo && pacbot --lake pacbot-demo/lake report")]
pub(crate) struct Demo {
    /// Where the lake is left; an older demo there is replaced
    #[arg(long, value_name = "DIR", default_value = "pacbot-demo")]
    folder: PathBuf,
}

pub(crate) async fn run(command: &Demo, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = prepared(&command.folder)?;
    let settings = LakeSettings { location: lake.display().to_string(), ..LakeSettings::default() };
    let config = Config { lake: settings, ..Config::default() };
    let options = TextOptions { width: terminal::width(), all: false };
    writeln!(out, "A web shop on AWS: three accounts, two regions. The answers are recorded; all else is real.\n")?;
    for (number, day) in DAYS.dirs().enumerate() {
        let walked = walk(&config, day).await?;
        let time = walked.collected.as_ref().map(|row| row.run_at.format("%Y-%m-%d %H:%M UTC").to_string());
        writeln!(out, "--- Day {}, {}", number + 1, time.unwrap_or_default())?;
        walked.print(out)?;
        writeln!(out, "{}", reported(&config).await?.0.changes_to_text(options))?;
    }
    let (report, ctx) = reported(&config).await?;
    writeln!(out, "--- pacbot report\n{}", report.to_text(options))?;

    #[derive(Deserialize)]
    struct Told {
        issue_id: String,
    }
    // One with a history: it opened, closed and opened again.
    let told = ctx.sql("select issue_id from issues order by occurrence desc, sequence desc, issue_id limit 1").await?;
    let told: Vec<Told> = from_batches("issues", &told.collect().await?)?;
    let issue = told.first().map(|told| told.issue_id.chars().take(8).collect::<String>()).unwrap_or_default();
    let lake = lake.display();
    writeln!(out, "The lake is in {lake}. Next:")?;
    writeln!(out, "  pacbot --lake {lake} issues show {issue}        # an issue with its history")?;
    writeln!(out, "  pacbot --lake {lake} issues list --state unknown    # what could not be judged on day 3")?;
    writeln!(out, "  pacbot --lake {lake} sql \"select asset_type, count(*) from assets group by 1 order by 2 desc\"")?;
    writeln!(
        out,
        "  duckdb -c \"select policy_id, count(*) from delta_scan('{lake}/issues') where state = 'open' group by 1\""
    )?;
    writeln!(out, "  pacbot init && pacbot run                       # your own account")?;
    Ok(ExitCode::SUCCESS)
}

/// The report on the lake as it is now, and the session that it was read from.
async fn reported(config: &Config) -> anyhow::Result<(Report, SessionContext)> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let ctx = sql::look(config, &lake).await?.ctx;
    Ok((Report::read(&ctx, CHANGES_TOLD).await?, ctx))
}

/// An empty folder for the lake. Nothing that is not a demo is deleted.
fn prepared(folder: &Path) -> anyhow::Result<PathBuf> {
    let failed = || format!("failed to prepare `{}`", folder.display());
    let is_used = folder.exists() && std::fs::read_dir(folder).with_context(failed)?.next().is_some();
    if is_used {
        if !folder.join(MARKER).exists() {
            bail!("`{}` exists and is no demo; name another folder with --folder", folder.display());
        }
        std::fs::remove_dir_all(folder).with_context(failed)?;
    }
    let lake = folder.join("lake");
    std::fs::create_dir_all(&lake).with_context(failed)?;
    std::fs::write(folder.join(MARKER), "").with_context(failed)?;
    Ok(lake)
}

async fn walk(config: &Config, day: &Dir<'_>) -> anyhow::Result<Walked> {
    let types = asset_types()?;
    let mut files = Vec::new();
    files_below(day, day.path(), &mut files);
    let replay = Replay::from_files(files).context("the demo's recording is broken")?;
    let walk = Walk {
        config,
        types: types.clone(),
        stages: vec![Stage::Collect, Stage::Evaluate, Stage::Diff],
        source: Some(Source::replay(replay, &config.aws)?),
        collect: CollectOptions::default(),
        evaluate: EvaluateOptions::default(),
        snapshot: None,
        fresh: false,
        within: None,
    };
    walk.run(Lake::open(config.lake.clone(), types).await?).await
}

/// Names below `root`, with contents.
fn files_below<'a>(folder: &'a Dir<'a>, root: &Path, files: &mut Vec<(String, &'a [u8])>) {
    for file in folder.files() {
        let name = file.path().strip_prefix(root).unwrap_or(file.path());
        files.push((name.to_string_lossy().into_owned(), file.contents()));
    }
    for below in folder.dirs() {
        files_below(below, root, files);
    }
}
