//! `pacbot issues`: what is tracked, and the history of one issue.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use datafusion::prelude::{DataFrame, SessionContext, col, lit};
use pacbot_dashboards::{Align, columns};
use pacbot_lake::{Lake, from_batches};
use pacbot_schemas::{IssueState, Severity};
use serde::Deserialize;

use super::{asset_types, sql};
use crate::config::Config;
use crate::lens::LensArgs;
use crate::output::{Format, print};
use crate::terminal;

/// The issues: violations tracked over runs
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  pacbot issues list --severity critical\n  pacbot issues list --state closed --policy aws-s3-bucket-not-public --format json\n  pacbot issues show 3f2a"
)]
pub(crate) enum Issues {
    /// List issues, worst and oldest first
    List(List),
    /// Show one issue with its history
    Show {
        /// Its id, or how the id begins
        id: String,
    },
}

/// Which issues are listed.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// open, exempt, unknown or closed
    #[arg(long, default_value = "open")]
    state: IssueState,
    /// Of this policy only
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Of this account only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Of this severity only: critical, high, medium or low
    #[arg(long)]
    severity: Option<Severity>,
    #[command(flatten)]
    lens: LensArgs,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    /// How they are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) async fn run(command: &Issues, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let look = sql::look(config, &lake).await?;
    if let Issues::List(list) = command {
        list.lens.limit(&look, config).await?;
    }
    let ctx = look.ctx;
    match command {
        Issues::List(list) if list.format == Format::Table => list.table(&ctx, out).await?,
        Issues::List(list) => print(list.frame(&ctx).await?, list.format, out).await?,
        Issues::Show { id } => show(&ctx, config, id, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl List {
    async fn frame(&self, ctx: &SessionContext) -> anyhow::Result<DataFrame> {
        let mut frame = ctx.table("issues").await?.filter(col("state").eq(lit(self.state.as_str())))?;
        let severity = self.severity.map(|severity| severity.as_str().to_owned());
        let filters = [("policy_id", &self.policy), ("account_id", &self.account), ("severity", &severity)];
        for (column, value) in filters {
            if let Some(value) = value {
                frame = frame.filter(col(column).eq(lit(value)))?;
            }
        }
        let rank = datafusion::prelude::case(col("severity"))
            .when(lit("critical"), lit(1))
            .when(lit("high"), lit(2))
            .when(lit("medium"), lit(3))
            .otherwise(lit(4))?;
        let order = vec![rank.sort(true, false), col("opened_at").sort(true, false), col("issue_id").sort(true, false)];
        let frame = frame.sort(order)?.limit(0, Some(self.limit))?;
        Ok(frame.select_columns(&[
            "issue_id",
            "state",
            "cause",
            "severity",
            "policy_id",
            "asset_type",
            "asset_id",
            "account_id",
            "region",
            "key",
            "reason",
            "evidence",
            "occurrence",
            "first_opened_at",
            "opened_at",
            "changed_at",
            "closed_at",
            "exception_id",
            "exempt_until",
        ])?)
    }

    /// One line an issue, as wide as the terminal.
    async fn table(&self, ctx: &SessionContext, out: &mut impl Write) -> anyhow::Result<()> {
        let batches = self.frame(ctx).await?.collect().await.context("failed to read the issues")?;
        let issues: Vec<Issue> = from_batches("issues", &batches)?;
        let cells = issues.iter().map(|issue| {
            let id = issue.issue_id.chars().take(8).collect();
            let asset = if issue.key.is_empty() {
                issue.asset_id.clone()
            } else {
                format!("{} [{}]", issue.asset_id, issue.key)
            };
            vec![id, issue.severity.clone(), issue.policy_id.clone(), issue.account_id.clone(), asset]
        });
        let head = ["issue", "severity", "policy", "account", "asset"].map(str::to_owned).to_vec();
        let rows: Vec<_> = std::iter::once(head).chain(cells).collect();
        for line in columns(&rows, &[Align::Left; 5], 0, &[2, 4], terminal::width()) {
            writeln!(out, "{line}")?;
        }
        if issues.len() == self.limit {
            writeln!(out, "these are the first {}; --limit shows more", self.limit)?;
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
struct Issue {
    issue_id: String,
    state: String,
    cause: String,
    policy_id: String,
    severity: String,
    asset_type: String,
    asset_id: String,
    account_id: String,
    region: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    evidence: Option<String>,
    #[serde(default)]
    exception_id: Option<String>,
    #[serde(default)]
    exempt_until: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct Event {
    at: DateTime<Utc>,
    #[serde(default)]
    from_state: Option<String>,
    to_state: String,
    cause: String,
    run_id: String,
    occurrence: u64,
    #[serde(default)]
    table_version: Option<u64>,
}

/// More than one issue never has ids that begin alike in practice; two are enough to say so.
const AMBIGUOUS: usize = 2;

async fn show(ctx: &SessionContext, config: &Config, id: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let begins = datafusion::functions::string::expr_fn::starts_with(col("issue_id"), lit(id));
    let found = ctx.table("issues").await?.filter(begins)?.limit(0, Some(AMBIGUOUS))?.collect().await?;
    let mut found: Vec<Issue> = from_batches("issues", &found)?;
    if found.len() == AMBIGUOUS {
        bail!("several issues' ids begin with `{id}`; give more of it");
    }
    let Some(issue) = found.pop() else { bail!("no issue's id begins with `{id}`; `pacbot issues list` lists them") };
    let events = ctx.table("issue_events").await?.filter(col("issue_id").eq(lit(&issue.issue_id)))?;
    let events: Vec<Event> =
        from_batches("issue_events", &events.sort(vec![col("sequence").sort(true, false)])?.collect().await?)?;

    writeln!(out, "issue     {}", issue.issue_id)?;
    writeln!(out, "state     {} ({})", issue.state, issue.cause.replace('_', " "))?;
    if let (Some(id), Some(until)) = (&issue.exception_id, issue.exempt_until) {
        writeln!(out, "exempt    by exception {id}, until {}", until.format("%Y-%m-%d %H:%M UTC"))?;
    }
    writeln!(out, "policy    {} ({})", issue.policy_id, issue.severity)?;
    let key = if issue.key.is_empty() { String::new() } else { format!(" [{}]", issue.key) };
    writeln!(out, "asset     {}{key}", issue.asset_id)?;
    writeln!(out, "          {} in account {}, {}", issue.asset_type, issue.account_id, issue.region)?;
    if let Some(reason) = &issue.reason {
        writeln!(out, "reason    {reason}")?;
    }
    if let Some(evidence) = &issue.evidence {
        writeln!(out, "evidence  {evidence}")?;
    }
    writeln!(out, "\nhistory")?;
    for event in &events {
        let from = event.from_state.as_deref().unwrap_or("none");
        let version = event.table_version.map(|version| format!(", {} version {version}", issue.asset_type));
        writeln!(
            out,
            "  {}  {from} -> {}: {} (occurrence {}, run {}{})",
            event.at.format("%Y-%m-%d %H:%M UTC"),
            event.to_state,
            event.cause.replace('_', " "),
            event.occurrence,
            event.run_id,
            version.unwrap_or_default()
        )?;
    }
    let types = asset_types()?;
    if let Some(checked) = config.catalog(&types).await?.get(&issue.policy_id) {
        writeln!(out, "\n{}", checked.policy.title)?;
        super::policies::tell_remediation(&checked.policy, out)?;
    }
    Ok(())
}
