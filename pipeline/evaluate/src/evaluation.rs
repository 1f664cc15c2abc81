//! One evaluation: every enabled policy over one snapshot, its violations and counts into the lake.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::stream::BoxStream;
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use pacbot_lake::{GroupError, Groups, Lake, LakeError, RunRow, SessionOptions, Spool, spawned};
use pacbot_schemas::{Category, PolicyId, PolicyStatus, RunId, Severity};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::account_assets::count_assets;
use crate::again::judged_again;
use crate::catalog::Checked;
use crate::coverage::{Answers, BlindScope, Gap, OutsideRegion, UnreadRequest};
use crate::engine::Engine;
use crate::findings::Findings;
use crate::judging::{Judge, Judged};
use crate::reuse::{Before, hold_same};
use crate::sharing::{cores, judge_all};

/// Fewer violations are not worth a file of their own.
const ROWS_OF_A_FILE: u64 = 100_000;

/// How one policy ended; a row of the table `policy_runs`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PolicyRun {
    /// The run.
    pub run_id: RunId,
    /// The policy.
    pub policy_id: PolicyId,
    /// Whether it succeeded.
    pub status: PolicyStatus,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Its category.
    pub category: Category,
    /// What it judges.
    pub asset_type: String,
    /// Hash of text and parameters.
    pub policy_hash: String,
    /// The parameters' values.
    pub parameters: String,
    /// The run's time.
    pub evaluated_at: DateTime<Utc>,
    /// Assets in scope.
    pub assets: u64,
    /// Assets with a violation.
    pub violating: u64,
    /// The asset groups that it is limited to; none for all assets.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Assets that could not be judged.
    pub unknown: u64,
    /// Violations.
    pub violations: u64,
    /// What was not answered.
    #[serde(default)]
    pub unknown_scopes: Vec<Gap>,
    /// Scopes in which nothing could be judged.
    #[serde(default)]
    pub blind_scopes: Vec<BlindScope>,
    /// Regions that are not in scope, since a joined type is not collected there.
    #[serde(default)]
    pub outside: Vec<OutsideRegion>,
    /// Requests whose failure hides one asset.
    #[serde(default)]
    pub unread: Vec<UnreadRequest>,
    /// How long it took; of policies that shared a scan, each one's share.
    pub millis: u64,
    /// Hash of the violations; none if they were not found all at once.
    #[serde(default)]
    pub result_hash: Option<String>,
    /// The runs whose rows of `violations` are the result, oldest first; none if an earlier version of PacBot wrote the row.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// A run that judged a policy, for all accounts (number 0) or for those that `judged_accounts` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The run.
    pub run_id: RunId,
    /// Its place among the runs that a result is made of: what a later one found of an account counts.
    pub number: u64,
}

/// The result of an evaluation; the lake holds it too.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// One per policy.
    pub policies: Vec<PolicyRun>,
    /// The assets in the lake.
    pub assets: u64,
}

impl Evaluation {
    /// Policies that failed or could not judge everything.
    #[must_use]
    pub fn problems(&self) -> u64 {
        self.policies.iter().filter(|run| run.status == PolicyStatus::Failed || !run.unknown_scopes.is_empty()).count()
            as u64
    }

    /// All violations.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.policies.iter().map(|run| run.violations).sum()
    }
}

/// Why an evaluation as a whole failed.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The lake could not be read or written.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// The asset groups cannot be used.
    #[error("the asset groups cannot be used")]
    Groups(#[from] GroupError),
    /// A query of our own failed.
    #[error("failed to prepare the evaluation")]
    Prepare(#[from] DataFusionError),
}

/// What is evaluated, as what, and by what.
pub struct Task<'a> {
    /// The collection that is judged.
    pub snapshot: &'a RunRow,
    /// The run whose rows the result is.
    pub run_id: &'a RunId,
    /// The evaluation before: results of it that still hold are not made again.
    pub before: Option<&'a RunRow>,
    /// Runs the policies.
    pub engine: &'a dyn Engine,
}

/// Evaluates `enabled` policies as `task` says, and writes violations, policy runs and who is in which group; `told` hears
/// of each policy when it is done. `files` are the groups that are files.
///
/// # Errors
///
/// [`EvaluateError::Lake`] when the snapshot cannot be read or the result not written. A policy that fails is not an
/// error: it is a row.
pub async fn evaluate(
    lake: &Lake,
    enabled: &[Arc<Checked>],
    files: Groups,
    task: Task<'_>,
    told: &(dyn Fn(&PolicyRun) + Send + Sync),
) -> Result<Evaluation, EvaluateError> {
    let Task { snapshot, run_id, before, engine } = task;
    let counted = before.filter(|row| row.snapshot == snapshot.snapshot).and_then(|row| row.assets);
    // As the policies were planned.
    let options = SessionOptions { text_views: true, ..SessionOptions::pinned(snapshot.versions(), snapshot.run_at) };
    let ctx = lake.session(options).await?;
    let groups = files.with_saved(lake, &ctx, snapshot.run_at).await?;
    for name in enabled.iter().flat_map(|checked| checked.scoping.names()) {
        groups.find(name)?;
    }
    groups.register(&ctx).await?;
    let types = lake.types();
    let landed = snapshot.snapshot.iter().map(|pin| &pin.table).filter(|table| types.get(table).is_some());
    let versions = snapshot.versions();
    let (before, answers) = prepare(lake, enabled, &task, &ctx).await?;
    let judge = Arc::new(Judge {
        before,
        counts: Mutex::default(),
        regions: Mutex::default(),
        versions,
        answers,
        landed: landed.cloned().collect(),
        ctx: engine.session(&ctx),
        is_remote: engine.is_remote(),
        lake: lake.clone(),
        schema: lake.schema_of("violations")?,
        run_id: run_id.clone(),
        at: snapshot.run_at,
    });
    let mut judged: Vec<Judged> =
        judge_all(&judge, enabled).inspect_ok(|judged| told(&judged.run)).try_collect().await?;
    judged.sort_by(|one, other| one.run.policy_id.cmp(&other.run.policy_id));
    for judged in &mut judged {
        hold_same(judge.before.as_ref(), judged);
    }
    let again = judged_again(lake, judge.before.as_ref(), &mut judged, snapshot.run_at).await?;
    let (policies, found): (Vec<_>, Vec<_>) = judged.into_iter().map(|judged| (judged.run, judged.found)).unzip();
    let spools = found.into_iter().flatten().map(Findings::into_spool).collect();
    let assets = match counted {
        Some(assets) => assets,
        None => count_assets(lake, &ctx, run_id, snapshot.run_at).await?,
    };
    let evaluation = Evaluation { policies, assets };
    lake.replace_run_streams("violations", run_id, shares(spools), snapshot.run_at).await?;
    lake.replace_run_values("judged_accounts", run_id, "", &again, snapshot.run_at).await?;
    lake.replace_run_values("policy_runs", run_id, "", &evaluation.policies, snapshot.run_at).await?;
    Ok(evaluation)
}

/// Brings the members of groups up to date, and reads the results before and the answers of the collection.
async fn prepare(
    lake: &Lake,
    enabled: &[Arc<Checked>],
    task: &Task<'_>,
    ctx: &SessionContext,
) -> Result<(Option<Before>, Answers), EvaluateError> {
    let &Task { snapshot, run_id, before, .. } = task;
    let at = snapshot.run_at;
    let members = {
        let (lake, ctx, run_id) = (lake.clone(), ctx.clone(), run_id.clone());
        spawned(async move { lake.write_group_members(&ctx, &run_id, at).await })
    };
    let before = async {
        match before {
            Some(row) => Ok::<_, EvaluateError>(Some(Before::read(lake, row, enabled, &snapshot.versions()).await?)),
            None => Ok(None),
        }
    };
    let answers = async {
        let since = lake.collected_since(at).await?;
        Ok::<_, EvaluateError>(Answers::read(ctx, enabled, lake.types(), since, at).await?)
    };
    let (members, before, answers) = futures::try_join!(members.err_into(), before, answers)?;
    members?;
    Ok((before, answers))
}

/// Streams that are written side by side, each with about as many rows; a policy's rows stay together.
fn shares(spools: Vec<Spool>) -> Vec<BoxStream<'static, Result<RecordBatch, LakeError>>> {
    let rows: u64 = spools.iter().map(Spool::rows).sum();
    let share = (rows / cores() as u64).max(ROWS_OF_A_FILE);
    let (mut shares, mut share_rows) = (vec![Vec::new()], 0);
    for spool in spools {
        if share_rows >= share {
            shares.push(Vec::new());
            share_rows = 0;
        }
        share_rows += spool.rows();
        if let Some(last) = shares.last_mut() {
            last.push(spool);
        }
    }
    shares.into_iter().map(|spools| stream::iter(spools).flat_map(Spool::into_stream).boxed()).collect()
}
