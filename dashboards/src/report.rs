//! The report: what one look at the lake says, for people and as JSON.

use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use pacbot_lake::{LakeError, from_batches};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

mod text;

pub use text::TextOptions;

/// Changes of one cause that are told one by one; of the others, the number is.
const CHANGES_TOLD: usize = 100;

/// What one look at the lake says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The newest evaluation.
    pub run: RunPart,
    /// The scores.
    pub scores: Scores,
    /// By severity, worst first.
    pub severities: Vec<SeverityPart>,
    /// By policy: worst severity first, then most violating assets.
    pub policies: Vec<PolicyPart>,
    /// By account.
    pub accounts: Vec<AccountPart>,
    /// What the newest diff changed: numbers by cause.
    pub changes: Vec<ChangeCount>,
    /// The first changes of each cause.
    pub changed: Vec<Change>,
    /// What could not be judged.
    pub unjudged: Vec<Unjudged>,
}

/// The run that the report is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPart {
    /// Its id.
    pub run_id: String,
    /// Its time.
    pub run_at: DateTime<Utc>,
    /// The time of the run before it.
    #[serde(default)]
    pub previous_at: Option<DateTime<Utc>>,
    /// Assets in the lake.
    pub assets: u64,
}

/// How good it is, in percent. Null where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Scores {
    /// Share of what was judged that passes, weighted by severity.
    #[serde(default)]
    pub passing_percent: Option<f64>,
    /// Share of the pairs of policy and asset that could be judged.
    #[serde(default)]
    pub judged_percent: Option<f64>,
    /// Pairs of policy and asset.
    #[serde(default)]
    pub pairs: u64,
    /// Those that pass.
    #[serde(default)]
    pub passing: u64,
    /// Those that violate.
    #[serde(default)]
    pub violating: u64,
    /// Those that are exempt.
    #[serde(default)]
    pub exempt: u64,
    /// Those that could not be judged.
    #[serde(default)]
    pub unknown: u64,
    /// PacBot's own score, in which unknown and exempt count as passed.
    #[serde(default)]
    pub classic_percent: Option<i64>,
}

/// A row of `severity_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeverityPart {
    /// The severity.
    pub severity: String,
    /// Policies of it.
    pub policies: u64,
    /// Those with violations.
    pub violated_policies: u64,
    /// Open issues.
    pub open_issues: u64,
    /// Issues that could not be judged.
    pub unknown_issues: u64,
}

/// A row of `policy_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyPart {
    /// The policy.
    pub policy_id: String,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: String,
    /// Its category.
    pub category: String,
    /// succeeded or failed.
    pub status: String,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Assets in scope.
    pub assets: u64,
    /// Those that violate.
    pub violating: u64,
    /// Those that are exempt.
    pub exempt: u64,
    /// Those that could not be judged.
    pub unknown: u64,
    /// Those that pass.
    pub passing: u64,
    /// Open issues.
    pub open_issues: u64,
    /// PacBot's compliance.
    pub compliance_percent: i64,
}

/// A row of `account_status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountPart {
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: String,
    /// Its assets.
    pub assets: u64,
    /// Its open issues.
    pub open_issues: u64,
    /// Those that are critical.
    pub open_critical: u64,
    /// Those that are high.
    pub open_high: u64,
    /// Those that are medium.
    pub open_medium: u64,
    /// Those that are low.
    pub open_low: u64,
    /// Issues that could not be judged.
    pub unknown_issues: u64,
    /// Requests without a whole answer.
    pub unanswered_requests: u64,
}

/// How many issues changed for one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeCount {
    /// The cause, as in `issue_events`.
    pub cause: String,
    /// How many.
    pub issues: u64,
}

/// A row of `run_changes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Why it changed.
    pub cause: String,
    /// Its state now.
    pub to_state: String,
    /// Its severity.
    pub severity: String,
    /// The policy.
    pub policy_id: String,
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The region.
    pub region: String,
    /// The asset.
    pub asset_id: String,
    /// What people call it.
    #[serde(default)]
    pub asset_name: Option<String>,
    /// What is or was wrong.
    #[serde(default)]
    pub reason: Option<String>,
    /// The issue.
    pub issue_id: String,
}

/// A row of `unjudged`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unjudged {
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: String,
    /// The scope's region.
    pub region: String,
    /// The asset type.
    pub asset_type: String,
    /// The request.
    pub request: String,
    /// Why there is no whole answer.
    pub status: String,
    /// The API's words.
    #[serde(default)]
    pub error: Option<String>,
    /// What to grant.
    #[serde(default)]
    pub missing_permission: Option<String>,
    /// When it was last answered whole.
    #[serde(default)]
    pub answered_at: Option<DateTime<Utc>>,
    /// Policies that it keeps from judging something.
    pub policies: u64,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is nothing to report about.
    #[error("nothing was evaluated yet; `pacbot run` does")]
    NothingEvaluated,
    /// A view could not be read.
    #[error("failed to read the view `{view}`")]
    View {
        /// The view.
        view: &'static str,
        /// The cause.
        source: Box<DataFusionError>,
    },
    /// A row of a view is not what we expect.
    #[error("the lake's rows are not what they should be")]
    Rows(#[from] LakeError),
}

impl Report {
    /// Reads the report from a session with the views ([`crate::register_views`]).
    ///
    /// # Errors
    ///
    /// [`ReportError::NothingEvaluated`] for a lake without a finished evaluation.
    pub async fn read(ctx: &SessionContext) -> Result<Self, ReportError> {
        let run = "
            with newest as (select run_id, run_at from evaluations order by run_at desc, started_at desc limit 1),
            previous as (
                select max(runs.run_at) as previous_at
                from runs
                join newest on runs.run_at < newest.run_at
                where runs.stage = 'evaluate' and runs.status in ('complete', 'partial')
            )
            select newest.run_id, newest.run_at, previous.previous_at, (select count(*) from assets) as assets
            from newest
            cross join previous";
        let run = rows(ctx, "evaluations", run).await?.pop().ok_or(ReportError::NothingEvaluated)?;
        let scores = "select honest_score.*, (select compliance_percent from classic_score) as classic_percent from honest_score";
        let changed = format!(
            "select * from (select run_changes.*, row_number() over (partition by cause order by severity_rank, policy_id, asset_id, key) as place from run_changes) where place <= {CHANGES_TOLD} order by cause, place"
        );
        Ok(Self {
            run,
            scores: rows(ctx, "honest_score", scores).await?.pop().unwrap_or_default(),
            severities: rows(ctx, "severity_status", "select * from severity_status order by severity_rank").await?,
            policies: rows(
                ctx,
                "policy_status",
                "select * from policy_status order by severity_rank, violating desc, unknown desc, policy_id",
            )
            .await?,
            accounts: rows(ctx, "account_status", "select * from account_status order by open_critical desc, open_high desc, open_issues desc, account_id").await?,
            changes: rows(ctx, "run_changes", "select cause, count(*) as issues from run_changes group by cause order by cause").await?,
            changed: rows(ctx, "run_changes", &changed).await?,
            unjudged: rows(
                ctx,
                "unjudged",
                "select * from unjudged order by policies desc, account_id, asset_type, request, region",
            )
            .await?,
        })
    }

    /// The number of changes for a cause.
    #[must_use]
    pub fn changes_for(&self, cause: &str) -> u64 {
        self.changes.iter().find(|change| change.cause == cause).map_or(0, |change| change.issues)
    }
}

async fn rows<T: DeserializeOwned>(ctx: &SessionContext, view: &'static str, sql: &str) -> Result<Vec<T>, ReportError> {
    let failed = |source| ReportError::View { view, source: Box::new(source) };
    let batches = ctx.sql(sql).await.map_err(failed)?.collect().await.map_err(failed)?;
    Ok(from_batches(view, &batches)?)
}

#[cfg(test)]
mod tests;
