//! The page of one run: what each stage, scope and policy came to and how long it took, worst first.

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use serde::{Deserialize, Serialize};

use crate::layout::{Align, columns, counted};
use crate::report::{ReportError, TextOptions, rows, rows_with};

/// Of those that are as they should be, so many are told: the slowest.
const SLOWEST: usize = 10;

/// A scope's `rank` from which on it is as it should be; see the view `run_scopes`.
const WHOLE: u64 = 8;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunPage {
    /// Its id.
    pub run_id: String,
    /// Its stages, in their order.
    pub stages: Vec<StageOfRun>,
    /// Asset types in scopes: worst first, then slowest.
    pub scopes: Vec<ScopeOfRun>,
    /// Policies: failed ones first, then those that could judge least, then slowest.
    pub policies: Vec<PolicyOfRun>,
}

/// A row of the view `run_stages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageOfRun {
    /// The stage.
    pub stage: String,
    /// How far it came.
    pub status: String,
    /// What `now()` is in it.
    pub run_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// How long it took.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Scopes asked.
    #[serde(default)]
    pub scopes: u64,
    /// What was not answered or judged.
    #[serde(default)]
    pub problems: u64,
    /// Assets, violations or events.
    #[serde(default)]
    pub rows: u64,
    /// What it was limited to.
    #[serde(default)]
    pub selection: Option<String>,
}

/// A row of the view `run_scopes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeOfRun {
    /// The account.
    pub account_id: String,
    /// What people call it.
    #[serde(default)]
    pub account_name: String,
    /// The region, or `global`.
    pub region: String,
    /// The asset type.
    pub asset_type: String,
    /// The worst of its requests' statuses.
    pub status: String,
    /// How bad that is: 1 is the worst.
    pub rank: u64,
    /// The request of that status.
    pub request: String,
    /// Its error.
    #[serde(default)]
    pub error: Option<String>,
    /// What to grant.
    #[serde(default)]
    pub missing_permissions: Option<String>,
    /// Requests that were not answered whole.
    pub unanswered_requests: u64,
    /// Assets.
    #[serde(default)]
    pub rows: u64,
    /// HTTP calls.
    #[serde(default)]
    pub calls: u64,
    /// The time of its requests together.
    #[serde(default)]
    pub seconds: f64,
}

/// A row of the view `run_policies`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyOfRun {
    /// The policy.
    pub policy_id: String,
    /// Its severity.
    pub severity: String,
    /// How it ended.
    pub status: String,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Assets in scope.
    #[serde(default)]
    pub assets: u64,
    /// Violations.
    #[serde(default)]
    pub violations: u64,
    /// Assets that could not be judged.
    #[serde(default)]
    pub unknown: u64,
    /// Requests that were not answered and kept it from judging, be it assets that nobody knows of.
    #[serde(default)]
    pub unanswered_requests: u64,
    /// How long it took.
    #[serde(default)]
    pub seconds: f64,
}

#[derive(Deserialize)]
struct Newest {
    run_id: String,
}

impl RunPage {
    /// Reads the page of `run`, or of the newest run, from the session of a [`crate::Look`].
    ///
    /// # Errors
    ///
    /// [`ReportError::UnknownRun`], [`ReportError::NothingEvaluated`] for a lake without runs.
    pub async fn read(ctx: &SessionContext, run: Option<&str>) -> Result<Self, ReportError> {
        let run_id = match run {
            Some(run) => run.to_owned(),
            None => {
                let newest = "select run_id from run_stages order by run_at desc, started_at desc limit 1";
                let newest: Option<Newest> = rows(ctx, "run_stages", newest).await?.pop();
                newest.ok_or(ReportError::NothingEvaluated)?.run_id
            }
        };
        let id = || vec![("run_id", ScalarValue::Utf8(Some(run_id.clone())))];
        let stages = "select * from run_stages where run_id = $run_id order by started_at, stage";
        let stages: Vec<StageOfRun> = rows_with(ctx, "run_stages", stages, id()).await?;
        if stages.is_empty() {
            return Err(ReportError::UnknownRun(run_id));
        }
        let scopes = "
            select * from run_scopes where run_id = $run_id
            order by rank, unanswered_requests desc, seconds desc, account_id, asset_type, region";
        let policies = "
            select * from run_policies where run_id = $run_id
            order by status = 'succeeded', unknown desc, coalesce(unanswered_requests, 0) desc, seconds desc, policy_id";
        Ok(Self {
            scopes: rows_with(ctx, "run_scopes", scopes, id()).await?,
            policies: rows_with(ctx, "run_policies", policies, id()).await?,
            run_id,
            stages,
        })
    }

    /// The page as lines of text.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let parts = [self.head(options), self.by_scope(options), self.by_policy(options)];
        let parts: Vec<String> =
            parts.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")).collect();
        parts.join("\n\n") + "\n"
    }

    fn head(&self, options: TextOptions) -> Vec<String> {
        let run_at = self.stages.first().map(|stage| stage.run_at.format("%Y-%m-%d %H:%M UTC").to_string());
        let selection = self.stages.iter().find_map(|stage| stage.selection.as_ref());
        let limited = selection.map(|selection| format!(", limited to {selection}")).unwrap_or_default();
        let mut lines = vec![format!("Run {} of {}{limited}", self.run_id, run_at.unwrap_or_default()), String::new()];
        let rows = self.stages.iter().map(|stage| {
            let took = stage.seconds.map_or("not ended".to_owned(), seconds);
            vec![stage.stage.clone(), stage.status.clone(), took, stage.rows.to_string(), stage.problems.to_string()]
        });
        let head = ["stage", "status", "seconds", "rows", "problems"];
        lines.extend(table(&head, rows, &[Align::Left, Align::Left], &[0], options));
        lines
    }

    fn by_scope(&self, options: TextOptions) -> Vec<String> {
        let bad = self.scopes.iter().filter(|scope| scope.rank < WHOLE).count();
        let told = told(bad, self.scopes.len(), options);
        let rows = self.scopes.iter().take(told).map(|scope| {
            let account = if scope.account_name.is_empty() { &scope.account_id } else { &scope.account_name };
            vec![
                account.clone(),
                scope.region.clone(),
                scope.asset_type.clone(),
                scope.status.clone(),
                seconds(scope.seconds),
                scope.rows.to_string(),
                scope.calls.to_string(),
            ]
        });
        if self.scopes.is_empty() {
            return Vec::new();
        }
        let head = ["account", "region", "asset type", "status", "seconds", "rows", "calls"];
        let mut lines = table(&head, rows, &[Align::Left; 4], &[0, 2], options);
        // Below the row that it explains.
        for (place, scope) in self.scopes.iter().enumerate().take(told).rev() {
            let why = match (&scope.missing_permissions, &scope.error) {
                (Some(permissions), _) => format!("    grant {permissions}"),
                (None, Some(error)) => format!("    {}: {error}", scope.request),
                (None, None) => continue,
            };
            lines.insert(place + 2, why);
        }
        lines.extend(more(self.scopes.len() - told, "scope", "scopes"));
        lines
    }

    fn by_policy(&self, options: TextOptions) -> Vec<String> {
        let is_bad =
            |policy: &&PolicyOfRun| policy.status != "succeeded" || policy.unknown + policy.unanswered_requests > 0;
        let told = told(self.policies.iter().filter(is_bad).count(), self.policies.len(), options);
        let rows = self.policies.iter().take(told).map(|policy| {
            vec![
                policy.policy_id.clone(),
                policy.status.clone(),
                seconds(policy.seconds),
                policy.violations.to_string(),
                policy.unknown.to_string(),
                policy.unanswered_requests.to_string(),
            ]
        });
        if self.policies.is_empty() {
            return Vec::new();
        }
        let head = ["policy", "status", "seconds", "violations", "unknown", "unanswered"];
        let mut lines = table(&head, rows, &[Align::Left; 2], &[0], options);
        for (place, policy) in self.policies.iter().enumerate().take(told).rev() {
            if let Some(error) = &policy.error {
                lines.insert(place + 2, format!("    {error}"));
            }
        }
        lines.extend(more(self.policies.len() - told, "policy", "policies"));
        lines
    }
}

/// How many of `all` are told, of which the first `bad` are not as they should be.
fn told(bad: usize, all: usize, options: TextOptions) -> usize {
    if options.all { all } else { (bad + SLOWEST).min(all) }
}

fn more(count: usize, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| {
        format!("and {} more, faster and as they should be (--all shows them)", counted(count as u64, one, many))
    })
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1}")
}

/// A head and rows; columns beyond `left` are numbers.
fn table(
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    left: &[Align],
    elastic: &[usize],
    options: TextOptions,
) -> Vec<String> {
    let aligns: Vec<Align> = left.iter().copied().chain(std::iter::repeat(Align::Right)).take(head.len()).collect();
    let head = head.iter().map(|name| (*name).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    columns(&rows, &aligns, 0, elastic, options.width)
}
