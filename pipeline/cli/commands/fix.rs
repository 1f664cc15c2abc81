//! `pacbot fix`: what would be fixed and why not, consent, the fixing itself, undoing it, and the switch that stops it.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use pacbot_dashboards::{Align, columns};
use pacbot_fix::{Author, Control, Outcome, Surveyed, UndoOptions, approve, issues_that_begin, turn};
use pacbot_lake::Lake;
use serde::Serialize;

use super::{asset_types, sql};
use crate::config::Config;
use crate::fixing::{Fixing, step_text};
use crate::output::{Format, print};
use crate::person::PersonArgs;
use crate::terminal;

/// Repair violations: announced, verified, undone if need be
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  pacbot fix plan                       # what comes next for each issue, and why not more\n  pacbot fix apply                      # rehearse, warn, and fix what is due\n  pacbot fix approve 3f2a\n  pacbot fix undo 3f2a\n  pacbot fix stop --reason \"incident 42\"\n  pacbot fix resume\n\nNothing is fixed until `[fix]` in pacbot.toml says so; see docs/fixes.md.\n\nExit codes: 0 done, 2 something failed or could not be collected, 64 usage and configuration."
)]
pub(crate) enum FixCommand {
    /// Show what comes next for each issue of a policy that has a fix; changes nothing
    Plan(Plan),
    /// Agree to the fix of issues
    #[command(after_help = "Examples:\n  pacbot fix approve 3f2a 77b1\n  pacbot fix approve 3f2a --as alice")]
    Approve {
        /// Their ids, or how the ids begin
        #[arg(required = true, value_name = "ISSUE")]
        issues: Vec<String>,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// Take the next step for each issue: rehearse, warn, fix and verify
    Apply(Apply),
    /// Put the asset of an issue back into the state that its fix found
    Undo(Undo),
    /// Show what happened, newest last
    Log(Log),
    /// Stop all fixes at once, everywhere; asked for again right before every single change
    #[command(after_help = "Example:\n  pacbot fix stop --reason \"incident 42\"")]
    Stop {
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// Let fixes go on
    Resume {
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// List the fixes, or show one
    #[command(after_help = "Examples:\n  pacbot fix list\n  pacbot fix list aws-s3-block-public-access")]
    List {
        /// A fix
        id: Option<String>,
    },
}

/// What is planned.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot fix plan\n  pacbot fix plan --policy aws-s3-bucket-not-public --format json"
)]
pub(crate) struct Plan {
    /// Of this policy only
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is applied.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pacbot fix apply\n  pacbot fix apply --dry-run        # what would be changed now, read from the live API\n\nRun it as often as `pacbot run`: each time it takes the steps that are due."
)]
pub(crate) struct Apply {
    /// Of this policy only
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Read the live API and show what would be changed; note and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is undone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pacbot fix undo 3f2a\n  pacbot fix undo 3f2a --while-stopped")]
pub(crate) struct Undo {
    /// Its id, or how the id begins
    issue: String,
    /// Even if somebody changed the asset since it was fixed
    #[arg(long)]
    over_changes: bool,
    /// Even while fixes are stopped
    #[arg(long)]
    while_stopped: bool,
    #[command(flatten)]
    person: PersonArgs,
}

/// What is shown of the past.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pacbot fix log\n  pacbot fix log 3f2a --format json")]
pub(crate) struct Log {
    /// Of this issue only: its id, or how the id begins
    issue: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Who does it, in a command of its own.
fn author(person: &PersonArgs) -> anyhow::Result<Author> {
    let run_id = crate::execution::new_run_id(chrono::Utc::now())?.to_string();
    Ok(Author { run_id, actor: person.name()? })
}

pub(crate) async fn run(command: &FixCommand, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let types = asset_types()?;
    if let FixCommand::List { id } = command {
        return list(config, id.as_deref(), out);
    }
    let lake = Lake::open(config.lake.clone(), types).await.context("failed to open the lake")?;
    match command {
        FixCommand::Plan(command) => plan(command, config, lake, out).await,
        FixCommand::Approve { issues, person } => agree(issues, &author(person)?, config, lake, out).await,
        FixCommand::Apply(command) => apply(command, config, lake, out).await,
        FixCommand::Undo(command) => undo(command, config, lake, out).await,
        FixCommand::Log(command) => log(command, config, &lake, out).await,
        FixCommand::Stop { reason, person } => {
            turn(&lake, Control::Stop, &author(person)?, reason).await?;
            writeln!(out, "fixes are stopped; `pacbot fix resume` lets them go on")?;
            Ok(ExitCode::SUCCESS)
        }
        FixCommand::Resume { reason, person } => {
            turn(&lake, Control::Resume, &author(person)?, reason).await?;
            writeln!(out, "fixes go on")?;
            Ok(ExitCode::SUCCESS)
        }
        FixCommand::List { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// A line of a plan.
#[derive(Serialize)]
struct PlanLine<'a> {
    issue_id: &'a str,
    policy_id: &'a str,
    fix: &'a str,
    asset_id: &'a str,
    account_id: &'a str,
    region: &'a str,
    next: String,
}

async fn plan(command: &Plan, config: &Config, lake: Lake, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let fixing = Fixing::read(config, lake, command.policy.as_deref()).await?;
    let surveyed = fixing.survey().await?;
    let lines = surveyed.iter().map(|one| PlanLine {
        issue_id: &one.target.issue_id,
        policy_id: one.target.policy_id.as_str(),
        fix: one.policy.fix.about().id.as_str(),
        asset_id: &one.target.asset_id,
        account_id: one.target.account_id.as_str(),
        region: one.target.region.as_str(),
        next: step_text(&one.step),
    });
    if command.format == Format::Json {
        for line in lines {
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if command.format != Format::Table {
        bail!("a plan is printed as a table or as json");
    }
    if let Some(row) = pacbot_fix::stopped(&fixing.lake).await? {
        writeln!(
            out,
            "fixes are stopped by {} since {}: {}\n",
            row.actor,
            row.at.format("%Y-%m-%d %H:%M UTC"),
            row.reason
        )?;
    }
    let head = ["issue", "fix", "account", "asset", "next"].map(str::to_owned).to_vec();
    let short = |id: &str| id.chars().take(8).collect::<String>();
    let cells = lines.map(|line| {
        let texts = [line.fix, line.account_id, line.asset_id].map(str::to_owned);
        let mut row = vec![short(line.issue_id)];
        row.extend(texts);
        row.push(line.next);
        row
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(cells).collect();
    if rows.len() == 1 {
        writeln!(out, "no issue of a policy that has a fix is open")?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in columns(&rows, &[Align::Left; 5], 0, &[3], terminal::width()) {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn agree(
    issues: &[String],
    author: &Author,
    config: &Config,
    lake: Lake,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let fixing = Fixing::read(config, lake, None).await?;
    let surveyed = fixing.survey().await?;
    let found: Vec<&Surveyed> = issues.iter().map(|begin| only(&surveyed, begin)).collect::<anyhow::Result<_>>()?;
    for one in found {
        let asset = &one.target.asset_id;
        match approve(&fixing.lake, one, author).await? {
            None => writeln!(out, "approved: {asset} by {}", one.policy.fix.about().id)?,
            Some(why) => bail!("{asset} needs no approval: {why}"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn only<'a>(surveyed: &'a [Surveyed], begin: &str) -> anyhow::Result<&'a Surveyed> {
    let mut found = surveyed.iter().filter(|one| one.target.issue_id.starts_with(begin));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => bail!("several issues' ids begin with `{begin}`; give more of it"),
        _ => bail!("no issue that has a fix begins with `{begin}`; `pacbot fix plan` lists them"),
    }
}

async fn apply(command: &Apply, config: &Config, lake: Lake, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut fixing = Fixing::read(config, lake, command.policy.as_deref()).await?;
    let report = fixing.apply(command.dry_run).await?;
    let mut failed = report.is_partial;
    for (what, outcome) in &report.outcomes {
        let line = match outcome {
            Outcome::Rehearsed(changes) if changes.is_empty() => "rehearsed".to_owned(),
            Outcome::Rehearsed(changes) => format!("rehearsed; would be changed:\n  {}", changes.join("\n  ")),
            Outcome::Warned(number, of) => format!("warned, {number} of {of}"),
            Outcome::NotNeeded => "is as it should be by now".to_owned(),
            Outcome::Skipped(why) => format!("left alone: {why}"),
            Outcome::Verified(changes) if changes.is_empty() => "fixed by an earlier run, and verified now".to_owned(),
            Outcome::Verified(changes) => format!("fixed and verified:\n  {}", changes.join("\n  ")),
            Outcome::Failed(why) => {
                failed = true;
                format!("FAILED: {why}")
            }
            Outcome::Undone => "undone by an earlier run".to_owned(),
        };
        writeln!(out, "{what}: {line}")?;
    }
    writeln!(out, "{}", report.summary())?;
    for untold in &report.untold {
        writeln!(out, "not told, and tried again by the next run: {untold}")?;
    }
    failed |= !report.untold.is_empty();
    Ok(ExitCode::from(if failed { 2 } else { 0 }))
}

async fn undo(command: &Undo, config: &Config, lake: Lake, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let found = issues_that_begin(&lake, &command.issue).await?;
    let [issue] = found.as_slice() else {
        bail!("{} issues' ids begin with `{}`", if found.is_empty() { "no" } else { "several" }, command.issue);
    };
    let mut fixing = Fixing::read(config, lake, None).await?;
    let options = UndoOptions { over_changes: command.over_changes, while_stopped: command.while_stopped };
    let (outcome, closing) = fixing.undo(issue, &author(&command.person)?, options).await?;
    match outcome {
        Outcome::Undone => {
            writeln!(out, "undone: the asset is as it was before the fix")?;
            writeln!(out, "{closing}")?;
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Failed(why) => {
            writeln!(out, "FAILED: {why}")?;
            Ok(ExitCode::from(2))
        }
        Outcome::Skipped(why) => {
            writeln!(out, "nothing was undone: {why}")?;
            Ok(ExitCode::from(2))
        }
        other => bail!("an undo ended as {other:?}"),
    }
}

async fn log(command: &Log, config: &Config, lake: &Lake, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    use datafusion::prelude::{col, lit};
    let ctx = sql::look(config, lake).await?.ctx;
    let mut frame = ctx.table("fix_events").await?;
    if let Some(begin) = &command.issue {
        let begins = datafusion::functions::string::expr_fn::starts_with(col("issue_id"), lit(begin));
        frame = frame.filter(begins)?;
    }
    let frame = frame.sort(vec![col("sequence").sort(true, false)])?;
    let frame = match command.format {
        Format::Table => {
            frame.select_columns(&["at", "event", "actor", "fix", "asset_id", "issue_id", "detail", "error"])?
        }
        _ => frame,
    };
    print(frame, command.format, out).await?;
    Ok(ExitCode::SUCCESS)
}

fn list(config: &Config, id: Option<&str>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let fixes = config.fixes(&*asset_types()?)?;
    let Some(id) = id else {
        let cells = fixes.iter().map(|fix| vec![fix.about().id.to_string(), fix.about().title.clone()]);
        let rows: Vec<Vec<String>> = cells.collect();
        for line in columns(&rows, &[Align::Left; 2], 0, &[1], terminal::width()) {
            writeln!(out, "{line}")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(fix) = fixes.get(id) else { bail!("`{id}` is no fix; `pacbot fix list` lists them") };
    let about = fix.about();
    writeln!(out, "{}\n\n{}\n\nUndo: {}\n", about.title, about.does, about.undoes)?;
    for (name, parameter) in &about.parameters {
        let default = parameter.default.as_ref().map_or("needed".to_owned(), |value| format!("default {value}"));
        writeln!(out, "Parameter {name} ({default}): {}", parameter.doc)?;
    }
    writeln!(out, "Needs:\n  {}", about.permissions.join("\n  "))?;
    Ok(ExitCode::SUCCESS)
}
