//! What an exception covers: shown before it is granted, and afterwards.

use std::io::Write;

use chrono::{DateTime, Days, Utc};
use datafusion::common::{JoinType, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count_distinct;
use datafusion::prelude::{DataFrame, col, lit};
use pacbot_dashboards::{Align, Look, columns, counted};
use pacbot_lake::{Exception, ExceptionScope, covered_issues, from_batches};
use serde::Deserialize;

use crate::terminal;

/// How far a preview looks back.
const PAST: Days = Days::new(90);

/// Issues that are named; the others are counted.
const NAMED: usize = 20;

#[derive(Deserialize)]
struct Covered {
    issue_id: String,
    severity: String,
    policy_id: String,
    account_id: String,
    asset_id: String,
}

/// What a scope covers today, what it would have covered over the last 90 days, and what is exempt only because of it.
pub(crate) async fn preview(look: &Look, scope: &ExceptionScope, out: &mut impl Write) -> anyhow::Result<()> {
    let covered = covered_issues(&look.ctx, scope, &look.groups).await?;
    let open = covered.clone().filter(col("state").eq(lit("open")))?;
    tell(out, "open issues that it covers", open.clone()).await?;
    let since = Utc::now().checked_sub_days(PAST).unwrap_or_else(Utc::now).timestamp_micros();
    let since = lit(ScalarValue::TimestampMicrosecond(Some(since), Some("UTC".into())));
    let past = covered.filter(col("opened_at").gt_eq(since))?;
    let per_policy = past.aggregate(vec![col("policy_id")], vec![count_distinct(col("issue_id")).alias("issues")])?;
    #[derive(Deserialize)]
    struct Past {
        policy_id: String,
        issues: u64,
    }
    let per_policy = per_policy.sort(vec![col("issues").sort(false, false), col("policy_id").sort(true, false)])?;
    let per_policy: Vec<Past> = from_batches("issues", &per_policy.collect().await?)?;
    let all: u64 = per_policy.iter().map(|past| past.issues).sum();
    writeln!(out, "\nopened in the last 90 days: {}", counted(all, "issue", "issues"))?;
    for past in per_policy.iter().take(NAMED) {
        writeln!(out, "{:>8}  {}", past.issues, past.policy_id)?;
    }
    // Those that another exception covers stay exempt.
    let exempt = look.ctx.table("exempt_issues").await?.select(vec![col("issue_id").alias("exempt_id")])?;
    let shown = open.join(exempt, JoinType::LeftAnti, &["issue_id"], &["exempt_id"], None)?;
    let shown = shown.count().await? as u64;
    writeln!(out, "\nshown as open now, and exempt with it: {}", counted(shown, "issue", "issues"))?;
    Ok(())
}

/// An exception with what it covers, and what would show again without it.
pub(crate) async fn show(look: &Look, exception: &Exception, out: &mut impl Write) -> anyhow::Result<()> {
    let row = &exception.row;
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    writeln!(out, "exception {}", row.exception_id)?;
    writeln!(out, "state     {}", exception.state(Utc::now()).as_str())?;
    let period = &row.period;
    writeln!(out, "holds     {} to {}, both days included ({})", period.from_date, period.until_date, period.zone)?;
    writeln!(out, "wanted by {}, {}", row.requester, time(exception.first_at))?;
    if let Some(approver) = &row.approver {
        writeln!(out, "granted   by {approver}")?;
    }
    writeln!(out, "reason    {}", row.reason)?;
    if let Some(ticket) = &row.ticket {
        writeln!(out, "ticket    {ticket}")?;
    }
    let scope = &row.scope;
    for policy in &scope.policies {
        writeln!(out, "policy    {policy}")?;
    }
    if let Some(group) = &scope.group_id {
        writeln!(out, "group     {group}")?;
    }
    if let Some(predicate) = scope.predicate() {
        writeln!(out, "assets    {} where {}", predicate.on, predicate.text)?;
    }
    writeln!(out)?;
    let exempt = look.ctx.table("exempt_issues").await?.filter(col("exception_id").eq(lit(&row.exception_id)))?;
    let exempt = exempt.select(vec![col("issue_id").alias("exempt_id")])?;
    let issues = look.ctx.table("issues").await?.filter(col("state").eq(lit("exempt")))?;
    let issues = issues.join(exempt, JoinType::LeftSemi, &["issue_id"], &["exempt_id"], None)?;
    tell(out, "issues that it exempts", issues).await
}

async fn tell(out: &mut impl Write, what: &str, issues: DataFrame) -> anyhow::Result<()> {
    let count = issues.clone().count().await?;
    writeln!(out, "{what}: {count}")?;
    let first = issues.sort(vec![col("policy_id").sort(true, false), col("asset_id").sort(true, false)])?;
    let first = first.limit(0, Some(NAMED))?;
    let names = ["issue_id", "severity", "policy_id", "account_id", "asset_id"];
    let first: Vec<Covered> = from_batches("issues", &first.select_columns(&names)?.collect().await?)?;
    let cells = first.iter().map(|issue| {
        let id = issue.issue_id.chars().take(8).collect();
        vec![id, issue.severity.clone(), issue.policy_id.clone(), issue.account_id.clone(), issue.asset_id.clone()]
    });
    for line in columns(&cells.collect::<Vec<_>>(), &[Align::Left; 5], 2, &[2, 4], terminal::width()) {
        writeln!(out, "{line}")?;
    }
    if count > NAMED {
        writeln!(out, "  and {} more", count - NAMED)?;
    }
    Ok(())
}
