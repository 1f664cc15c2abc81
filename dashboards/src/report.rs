//! The report: what one look at the lake says, for people and as JSON.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::lit;
use datafusion::prelude::{SessionContext, col};
use futures::FutureExt;
use pacbot_lake::{LakeError, from_batches, spawned};
use serde::Deserialize;
use serde::de::DeserializeOwned;

mod parts;
mod text;

pub use parts::*;
pub use text::{CAUSES, TextOptions};

/// Changes of one cause that a report usually tells one by one; of the others, the number is.
pub const CHANGES_TOLD: u64 = 100;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is nothing to report about.
    #[error("nothing was evaluated yet; `pacbot run` does")]
    NothingEvaluated,
    /// There is no such run.
    #[error("the lake holds no run `{0}`; `pacbot runs list` lists them")]
    UnknownRun(String),
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
    /// Reads the report from the session of a [`crate::Look`], with the first `changes` changes of
    /// each cause.
    ///
    /// # Errors
    ///
    /// [`ReportError::NothingEvaluated`] for a lake without a finished evaluation.
    pub async fn read(ctx: &SessionContext, changes: u64) -> Result<Self, ReportError> {
        let run = "
            with newest as (select run_id, run_at from evaluations order by run_at desc, started_at desc limit 1),
            previous as (
                select max(runs.run_at) as previous_at
                from runs
                join newest on runs.run_at < newest.run_at
                where runs.stage = 'evaluate' and runs.status in ('complete', 'partial')
            )
            select newest.run_id, newest.run_at, previous.previous_at
            from newest
            cross join previous";
        let scores = "select honest_score.*, (select compliance_percent from classic_score) as classic_percent from honest_score";
        let severities = "select * from severity_status order by severity_rank";
        let policies = "select * from policy_status order by severity_rank, violating desc, unknown desc, policy_id";
        let accounts =
            "select * from account_status order by open_critical desc, open_high desc, open_issues desc, account_id";
        let counts = "select cause, count(*) as issues from run_events group by cause order by cause";
        let unjudged = "select * from unjudged order by policies desc, account_id, asset_type, request, region";
        let (mut run, assets, mut scores, severities, policies, accounts, (changes, changed), unjudged) = futures::try_join!(
            rows::<RunPart>(ctx, "evaluations", run).boxed(),
            assets(ctx).boxed(),
            rows(ctx, "honest_score", scores).boxed(),
            rows(ctx, "severity_status", severities).boxed(),
            rows(ctx, "policy_status", policies).boxed(),
            rows(ctx, "account_status", accounts).boxed(),
            async {
                let counts: Vec<ChangeCount> = rows(ctx, "run_events", counts).await?;
                let changed = changed(ctx, &counts, changes).await?;
                Ok((counts, changed))
            }
            .boxed(),
            rows(ctx, "unjudged", unjudged).boxed(),
        )?;
        let run = RunPart { assets, ..run.pop().ok_or(ReportError::NothingEvaluated)? };
        let scores = scores.pop().unwrap_or_default();
        Ok(Self { run, scores, severities, policies, accounts, changed, changes, unjudged })
    }

    /// The number of changes for a cause.
    #[must_use]
    pub fn changes_for(&self, cause: &str) -> u64 {
        self.changes.iter().find(|change| change.cause == cause).map_or(0, |change| change.issues)
    }
}

/// What the newest evaluation noted.
#[derive(Deserialize)]
struct Assets {
    #[serde(default)]
    assets: Option<u64>,
}

/// The assets in the lake, or in the group that is looked at. Counting them reads the log of each type's table, so what the
/// evaluation counted is taken where that is the same.
async fn assets(ctx: &SessionContext) -> Result<u64, ReportError> {
    let noted = "
        select evaluations.assets
        from evaluations
        join lens on lens.group_id = '*'
        order by evaluations.run_at desc, evaluations.started_at desc
        limit 1";
    let noted: Vec<Assets> = rows(ctx, "evaluations", noted).await?;
    if let Some(assets) = noted.first().and_then(|noted| noted.assets) {
        return Ok(assets);
    }
    let counted: Vec<Assets> = rows(ctx, "assets", "select count(*) as assets from assets").await?;
    Ok(counted.first().and_then(|counted| counted.assets).unwrap_or_default())
}

/// One of the changes that a report tells.
#[derive(Deserialize)]
struct Chosen {
    issue_id: String,
    asset_type: String,
}

/// The first `most` changes of each cause, the worst first.
async fn changed(ctx: &SessionContext, causes: &[ChangeCount], most: u64) -> Result<Vec<Change>, ReportError> {
    let first = "
        select issue_id, asset_type from run_events where cause = $cause
        order by severity_rank, policy_id, asset_id, key limit $most";
    let (mut named, mut types) = (Vec::new(), BTreeSet::new());
    for ChangeCount { cause, .. } in causes {
        // Chosen before they get names: a first run has as many changes as there are issues.
        let values = vec![("cause", ScalarValue::from(cause.as_str())), ("most", ScalarValue::UInt64(Some(most)))];
        let chosen: Vec<Chosen> = rows_with(ctx, "run_events", first, values).await?;
        for Chosen { issue_id, asset_type } in chosen {
            named.push(lit(issue_id));
            types.insert(asset_type);
        }
    }
    if named.is_empty() {
        return Ok(Vec::new());
    }
    // The names of assets are looked up in the tables of their types alone.
    let types = types.into_iter().map(lit).collect();
    let is_one = col("issue_id").in_list(named, false).and(col("asset_type").in_list(types, false));
    let failed = |source| ReportError::View { view: "run_changes", source: Box::new(source) };
    let order = ["cause", "severity_rank", "policy_id", "asset_id", "key"].map(|name| col(name).sort(true, false));
    let frame = ctx.table("run_changes").await.and_then(|all| all.filter(is_one));
    let batches = frame.and_then(|frame| frame.sort(order.into())).map_err(failed)?.collect().await.map_err(failed)?;
    Ok(from_batches("run_changes", &batches)?)
}

pub(crate) async fn rows<T: DeserializeOwned>(
    ctx: &SessionContext,
    view: &'static str,
    sql: &str,
) -> Result<Vec<T>, ReportError> {
    rows_with(ctx, view, sql, Vec::new()).await
}

pub(crate) async fn rows_with<T: DeserializeOwned>(
    ctx: &SessionContext,
    view: &'static str,
    sql: &str,
    values: Vec<(&str, ScalarValue)>,
) -> Result<Vec<T>, ReportError> {
    let failed = |source| ReportError::View { view, source: Box::new(source) };
    Ok(from_batches(view, &collected(ctx, sql, values).await.map_err(failed)?)?)
}

/// What a query yields, as a task of its own: planning takes one core, reading the others.
pub(crate) async fn collected(
    ctx: &SessionContext,
    sql: &str,
    values: Vec<(&str, ScalarValue)>,
) -> Result<Vec<RecordBatch>, DataFusionError> {
    let (ctx, sql) = (ctx.clone(), sql.to_owned());
    let values: Vec<(String, ScalarValue)> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    spawned(async move { ctx.sql(&sql).await?.with_param_values(values)?.collect().await }).await?
}

#[cfg(test)]
mod tests;
