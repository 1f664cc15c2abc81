//! `pacbot exceptions`: violations that are allowed for a while.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{Days, NaiveDate, Utc};
use clap::{Args, Subcommand};
use datafusion::prelude::{col, lit};
use pacbot_dashboards::Look;
use pacbot_lake::{
    ExceptionChange, ExceptionDraft, ExceptionRow, ExceptionScope, Lake, Period, covered_issues, from_batches,
};
use pacbot_schemas::{PolicyId, Severity, fits};
use serde::Deserialize;

use super::{asset_types, exception_preview, sql};
use crate::config::Config;
use crate::output::{Format, print};
use crate::person::PersonArgs;

/// The exceptions: violations that people allowed for a while
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  pacbot exceptions preview --policy 'aws-s3-*' --where \"tags['Public'] = 'yes'\"\n  pacbot exceptions request --issue 3f2a9c01 --until 2027-03-31 --reason 'moves in spring' --ticket OPS-7\n  pacbot exceptions grant x0123456789 --as ann\n  pacbot exceptions renew x0123456789 --until 2027-06-30\n  pacbot exceptions list --expiring 14\n  pacbot exceptions revoke x0123456789 --reason 'moved'"
)]
pub(crate) enum Exceptions {
    /// List exceptions
    List(List),
    /// Show one exception, what it covers and what happened to it
    Show {
        /// Its id, or how the id begins
        id: String,
    },
    /// Ask for an exception, which somebody else may grant
    Request(New),
    /// Grant an exception: one that was requested, by id, or a new one
    Grant {
        /// The id of a requested one
        id: Option<String>,
        #[command(flatten)]
        new: New,
    },
    /// Refuse a requested exception
    Refuse(Ended),
    /// Give a granted exception another end
    Renew {
        /// Its id, or how the id begins
        id: String,
        /// Its new last day
        #[arg(long, value_name = "DATE")]
        until: NaiveDate,
        /// Why, if not for the old reason
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        person: PersonArgs,
    },
    /// Take a granted exception back
    Revoke(Ended),
    /// Show what an exception would cover, today and over the last 90 days, and what would show again without it
    Preview {
        /// The id of one that there is
        id: Option<String>,
        #[command(flatten)]
        scope: ScopeArgs,
    },
}

/// Which exceptions are listed.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those in this state: active, future, requested, expired, revoked or refused
    #[arg(long)]
    state: Option<String>,
    /// Only active ones that end within so many days
    #[arg(long, value_name = "DAYS")]
    expiring: Option<u64>,
    /// Only active ones that cover no issue
    #[arg(long)]
    unused: bool,
    /// Only active ones that cover all assets of a policy, or most of its issues
    #[arg(long)]
    broad: bool,
    /// How they are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What an exception covers.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ScopeArgs {
    /// This issue, by id or how the id begins; can be given again
    #[arg(long = "issue", value_name = "ID")]
    issues: Vec<String>,
    /// Issues of this policy, of the future too; `*` stands for any text; can be given again
    #[arg(long = "policy", value_name = "ID")]
    policies: Vec<String>,
    /// Only assets of this group
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// Only assets for which this SQL expression holds
    #[arg(long = "where", value_name = "SQL")]
    text: Option<String>,
    /// The table whose columns `--where` reads [default: assets]
    #[arg(long, value_name = "TABLE", requires = "text")]
    on: Option<String>,
}

/// A new exception.
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Its first day [default: today]
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Its last day
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// The time zone of the days
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// Where it was discussed
    #[arg(long)]
    ticket: Option<String>,
    /// Who wants it [default: whoever says so]
    #[arg(long, value_name = "NAME")]
    requester: Option<String>,
    #[command(flatten)]
    person: PersonArgs,
}

/// An end that a person makes.
#[derive(Debug, Args)]
pub(crate) struct Ended {
    /// Its id, or how the id begins
    id: String,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    person: PersonArgs,
}

pub(crate) async fn run(command: &Exceptions, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lake = Lake::open(config.lake.clone(), asset_types()?).await.context("failed to open the lake")?;
    let look = sql::look(config, &lake).await?;
    let desk = Desk { config, lake: &lake, look: &look };
    let row = match command {
        Exceptions::List(list) => {
            list.print(&look, out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Exceptions::Show { id } => {
            exception_preview::show(&look, look.exceptions.find(id)?, out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Exceptions::Preview { id, scope } => {
            let scope = match id {
                Some(id) => look.exceptions.find(id)?.row.scope.clone(),
                None => desk.scope(scope).await?,
            };
            exception_preview::preview(&look, &scope, out).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Exceptions::Request(new) => desk.add(new, None).await?,
        Exceptions::Grant { id: Some(id), new } => {
            let severities = desk.severities(&look.exceptions.find(id)?.row.scope).await?;
            desk.change(id, ExceptionChange::Grant { severities }, &new.person).await?
        }
        Exceptions::Grant { id: None, new } => desk.add(new, Some(&new.person.name()?)).await?,
        Exceptions::Refuse(ended) => {
            desk.change(&ended.id, ExceptionChange::Refuse { reason: ended.reason.clone() }, &ended.person).await?
        }
        Exceptions::Revoke(ended) => {
            desk.change(&ended.id, ExceptionChange::Revoke { reason: ended.reason.clone() }, &ended.person).await?
        }
        Exceptions::Renew { id, until, reason, person } => {
            let row = &look.exceptions.find(id)?.row;
            let period = Period::new(Utc::now().date_naive(), *until, &row.period.zone, Utc::now())?;
            let severities = desk.severities(&row.scope).await?;
            desk.change(id, ExceptionChange::Renew { period, severities, reason: reason.clone() }, person).await?
        }
    };
    tell(&row, &lake, config, out).await
}

/// What was written, and what it covers now.
async fn tell(row: &ExceptionRow, lake: &Lake, config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let look = sql::look(config, lake).await?;
    let exception = look.exceptions.find(&row.exception_id)?;
    let covered = covered_issues(&look.ctx, &row.scope, &look.groups).await?.filter(col("state").eq(lit("open")))?;
    writeln!(
        out,
        "exception {} is {}, from {} to {} ({}); {} now",
        row.exception_id,
        exception.state(Utc::now()).as_str(),
        row.period.from_date,
        row.period.until_date,
        row.period.zone,
        pacbot_dashboards::counted(covered.count().await? as u64, "open issue is covered", "open issues are covered"),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// What commands that write need.
struct Desk<'a> {
    config: &'a Config,
    lake: &'a Lake,
    look: &'a Look,
}

impl Desk<'_> {
    /// What the arguments say, with whole issue ids, checked.
    async fn scope(&self, arguments: &ScopeArgs) -> anyhow::Result<ExceptionScope> {
        let mut issue_ids = Vec::new();
        for begin in &arguments.issues {
            issue_ids.push(self.issue_id(begin).await?);
        }
        let scope = ExceptionScope {
            issue_ids,
            policies: arguments.policies.clone(),
            group_id: arguments.group.clone(),
            on: arguments.on.clone(),
            text: arguments.text.clone(),
        };
        scope.check(self.lake, &self.look.groups).await?;
        let types = asset_types()?;
        let catalog = self.config.catalog(&types).await?;
        let is_known = |pattern: &&String| !catalog.iter().any(|checked| fits(pattern, checked.policy.id.as_str()));
        if let Some(unknown) = scope.policies.iter().find(is_known) {
            let near = pacbot_schemas::nearest(unknown, catalog.iter().map(|checked| checked.policy.id.as_str()));
            bail!(
                "no policy is called `{unknown}`{}",
                near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
            );
        }
        Ok(scope)
    }

    async fn issue_id(&self, begin: &str) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Found {
            issue_id: String,
        }
        let begins = datafusion::functions::string::expr_fn::starts_with(col("issue_id"), lit(begin));
        let found = self.look.ctx.table("issues").await?.filter(begins)?.limit(0, Some(2))?;
        let mut found: Vec<Found> = from_batches("issues", &found.select_columns(&["issue_id"])?.collect().await?)?;
        match (found.pop(), found.pop()) {
            (Some(found), None) => Ok(found.issue_id),
            (None, _) => bail!("no issue's id begins with `{begin}`; `pacbot issues list` lists them"),
            _ => bail!("several issues' ids begin with `{begin}`; give more of it"),
        }
    }

    /// Of all that the scope covers or may cover.
    async fn severities(&self, scope: &ExceptionScope) -> anyhow::Result<Vec<Severity>> {
        #[derive(Deserialize)]
        struct Found {
            severity: Severity,
        }
        let types = asset_types()?;
        let catalog = self.config.catalog(&types).await?;
        let named = |id: &PolicyId| scope.names_policy(id);
        let mut severities: BTreeSet<Severity> =
            catalog.iter().filter(|checked| named(&checked.policy.id)).map(|checked| checked.policy.severity).collect();
        if !scope.issue_ids.is_empty() {
            let issues = covered_issues(&self.look.ctx, scope, &self.look.groups).await?;
            let found: Vec<Found> = from_batches("issues", &issues.select_columns(&["severity"])?.collect().await?)?;
            severities.extend(found.into_iter().map(|found| found.severity));
        }
        Ok(severities.into_iter().collect())
    }

    async fn add(&self, new: &New, approver: Option<&str>) -> anyhow::Result<ExceptionRow> {
        let now = Utc::now();
        let (Some(until), Some(reason)) = (new.until, new.reason.clone()) else {
            bail!("an exception needs its last day (--until) and a reason (--reason)");
        };
        let draft = ExceptionDraft {
            requester: match &new.requester {
                Some(requester) => requester.clone(),
                None => new.person.name()?,
            },
            reason,
            ticket: new.ticket.clone(),
            scope: self.scope(&new.scope).await?,
            period: Period::new(new.from.unwrap_or(now.date_naive()), until, &new.zone, now)?,
        };
        let severities = self.severities(&draft.scope).await?;
        Ok(self.lake.new_exception(draft, approver, &severities, &self.config.exceptions, now).await?)
    }

    async fn change(&self, id: &str, change: ExceptionChange, person: &PersonArgs) -> anyhow::Result<ExceptionRow> {
        Ok(self.lake.change_exception(id, change, &person.name()?, &self.config.exceptions, Utc::now()).await?)
    }
}

impl List {
    async fn print(&self, look: &Look, out: &mut impl Write) -> anyhow::Result<()> {
        let mut frame = look.ctx.table("exceptions_status").await?;
        if let Some(state) = &self.state {
            frame = frame.filter(col("state").eq(lit(state)))?;
        }
        if let Some(days) = self.expiring {
            let limit = Utc::now().checked_add_days(Days::new(days)).unwrap_or_else(Utc::now).timestamp_micros();
            let limit = datafusion::common::ScalarValue::TimestampMicrosecond(Some(limit), Some("UTC".into()));
            frame = frame.filter(col("state").eq(lit("active")).and(col("until_at").lt_eq(lit(limit))))?;
        }
        for (asked, column) in [(self.unused, "unused"), (self.broad, "broad")] {
            if asked {
                frame = frame.filter(col(column))?;
            }
        }
        let frame = frame.sort(vec![col("until_at").sort(true, false), col("exception_id").sort(true, false)])?;
        let columns: &[&str] = match self.format {
            Format::Table => &[
                "exception_id",
                "state",
                "until_date",
                "requester",
                "approver",
                "issues",
                "exempts",
                "accounts",
                "unused",
                "broad",
                "reason",
            ],
            _ => &[
                "exception_id",
                "state",
                "requester",
                "approver",
                "reason",
                "ticket",
                "issue_ids",
                "policies",
                "group_id",
                "on",
                "where",
                "from_date",
                "until_date",
                "zone",
                "issues",
                "exempts",
                "accounts",
                "unused",
                "broad",
            ],
        };
        print(frame.select_columns(columns)?, self.format, out).await
    }
}
