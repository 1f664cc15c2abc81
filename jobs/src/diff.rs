//! Turns the difference between an evaluation and the issues into events, and folds the events into issues.
//!
//! Promises: an issue closes only because its asset was judged clean, is gone from a scope that was answered whole, or
//! because a person withdrew its policy or scope. All events of a diff are one commit on the version that it read; who
//! was overtaken compares again. Doing it twice changes nothing more. A kill between the events and the issues leaves
//! issues that the next diff brings up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::{DataFrame, col, lit};
use futures::{Stream, StreamExt};
use pacbot_lake::{Lake, LakeError, RunRow, SessionOptions, folded_issues};
use pacbot_schemas::{RunId, RunStatus, Stage};
use tracing::info;

/// Writers that overtake each other retry this often.
const ATTEMPTS: u32 = 20;

/// So many issues are sorted as they are written; more of them would not fit in memory while they are merged.
const MOST_SORTED: u64 = 1_000_000;

/// Why issues could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// The lake could not be read or written.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// A query failed.
    #[error("failed to compare violations with issues")]
    Query(#[from] DataFusionError),
    /// Other writers were faster every time.
    #[error("other writers were faster {ATTEMPTS} times; nothing was changed")]
    Contention,
}

/// What a diff changed: how many issues, by cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diffed {
    /// Events by cause, as in `issue_events`.
    pub causes: BTreeMap<String, u64>,
    /// Issues that are open now.
    pub open: u64,
}

impl Diffed {
    /// All events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.causes.values().sum()
    }
}

impl fmt::Display for Diffed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} open", self.open)?;
        for (cause, count) in &self.causes {
            write!(f, ", {count} {}", cause.replace('_', " "))?;
        }
        Ok(())
    }
}

/// Compares what the evaluation `run_id` found in `snapshot` with the issues, and records what changed.
///
/// `is_full` says that all enabled policies were evaluated: one without a result is then retired. Otherwise policies
/// without a result keep their issues.
///
/// # Errors
///
/// [`DiffError::Contention`] when others were always faster; [`DiffError::Lake`] and [`DiffError::Query`] when reading or
/// writing failed. Either all events were written or none.
pub async fn diff(lake: &Lake, run_id: &RunId, snapshot: &RunRow, is_full: bool) -> Result<Diffed, DiffError> {
    append_events(lake, run_id, snapshot, is_full, false).await?;
    fold(lake, snapshot).await?;
    summary(lake, run_id, snapshot).await
}

/// Appends the events. All policies are compared if `is_fresh`, otherwise those whose result is another than last time.
pub(crate) async fn append_events(
    lake: &Lake,
    run_id: &RunId,
    snapshot: &RunRow,
    is_full: bool,
    is_fresh: bool,
) -> Result<(), DiffError> {
    let since = lake.collected_since(snapshot.run_at).await?;
    for _ in 0..ATTEMPTS {
        let version = lake.table("issue_events").await?.map(|table| table.version());
        let settled = if is_fresh { None } else { compared_last(lake, run_id).await? };
        let ctx = session(lake, snapshot, version).await?;
        let folded = number(&ctx, FOLDED).await?;
        ctx.register_table("before", state(&ctx, folded).await?.into_view())?;
        ctx.register_table("pins", Arc::new(pins(snapshot)?))?;
        let sequence = number(&ctx, "select coalesce(max(sequence), 0) + 1 from issue_events").await?;
        let time = |at: Option<DateTime<Utc>>| {
            ScalarValue::TimestampMicrosecond(Some(at.map_or(0, |at| at.timestamp_micros())), Some("UTC".into()))
        };
        let text = |text: String| ScalarValue::Utf8(Some(text));
        let values = vec![
            ("run_id", text(run_id.to_string())),
            ("settled", settled.map_or(ScalarValue::Utf8(None), |run_id| text(run_id.to_string()))),
            ("sequence", ScalarValue::Int64(Some(sequence))),
            ("at", time(Some(snapshot.run_at))),
            ("since", time(since)),
            ("is_full", ScalarValue::Boolean(Some(is_full))),
        ];
        if sequence == 1 {
            keep_sides(&ctx);
        }
        // What is read several times is kept: the policies, and ids of what differs.
        let others: &[Step] = if sequence == 1 { &FIRST } else { &COMPARED };
        for (name, sql, is_kept) in FOUND.iter().chain(others).copied() {
            let step = ctx.sql(sql).await?.with_param_values(values.clone())?;
            let step = if is_kept { step.cache().await? } else { step };
            ctx.register_table(name, step.into_view())?;
            if name == DIFFERING && number(&ctx, "select count(*) from differing").await? == 0 {
                info!(run = %run_id, "no issue differs");
                return Ok(());
            }
        }
        let mut events = ctx.sql(include_str!("diff/events.sql")).await?.with_param_values(values)?;
        // There are too many of them at first to be sorted.
        if sequence > 1 {
            events = events.sort(ascending(["policy_id", "asset_id", "key"]))?;
        }
        let events = rows(lake, "issue_events", events).await?;
        if let Some(version) = lake.commit_on("issue_events", version, events, false, snapshot.run_at).await? {
            info!(run = %run_id, version, sequence, "compared with the issues");
            return Ok(());
        }
    }
    Err(DiffError::Contention)
}

/// The small side of each join stands on the left, and is what is kept in memory. The planner would turn some round: it takes
/// violations and issues for few, and what they are joined with for more.
fn keep_sides(ctx: &SessionContext) {
    ctx.state_ref().write().config_mut().options_mut().optimizer.join_reordering = false;
}

/// The step that tells which issues may change; without any, there is no event.
const DIFFERING: &str = "differing";

/// Name and text of a step, and whether its rows are kept in memory.
type Step = (&'static str, &'static str, bool);

/// What was found.
const FOUND: [Step; 4] = [
    ("parts", include_str!("diff/parts.sql"), true),
    ("judged", include_str!("diff/judged.sql"), true),
    ("again", include_str!("diff/again.sql"), true),
    ("found", include_str!("diff/found.sql"), false),
];

/// What events are made from, where there are issues.
const COMPARED: [Step; 3] = [
    (DIFFERING, include_str!("diff/differing.sql"), true),
    ("missing", include_str!("diff/missing.sql"), true),
    ("opening", include_str!("diff/opening.sql"), false),
];

/// And where there are none.
const FIRST: [Step; 2] = [
    ("missing", include_str!("diff/none_missing.sql"), false),
    ("opening", include_str!("diff/all_opening.sql"), false),
];

/// The run that was compared last, if the issues are still as that left them: nobody else is comparing, nor was stopped
/// while at it.
async fn compared_last(lake: &Lake, run_id: &RunId) -> Result<Option<RunId>, DiffError> {
    let mut others = lake.runs().await?;
    others.retain(|row| row.stage == Stage::Diff && &row.run_id != run_id);
    if others.iter().any(|row| row.status == RunStatus::Running) {
        return Ok(None);
    }
    let last = others.into_iter().max_by_key(|row| row.started_at);
    Ok(last.filter(RunRow::is_finished).map(|row| row.run_id))
}

/// The newest event that `issues` has.
const FOLDED: &str = "select coalesce(max(sequence), 0) from issues";

/// The state of each issue, where the events up to `folded` are in `issues`.
async fn state(ctx: &SessionContext, folded: i64) -> Result<DataFrame, DataFusionError> {
    let newest = folded_issues(ctx, folded).await?;
    if folded == 0 {
        // No issue is known, so this is all, however much it is.
        let issues = ctx.table("issues").await?;
        let columns: Vec<&str> = issues.schema().fields().iter().map(|field| field.name().as_str()).collect();
        return newest.select_columns(&columns);
    }
    ctx.register_table("newest", newest.into_view())?;
    ctx.sql(include_str!("diff/state.sql")).await
}

/// The accounts of the events that are not in `issues`.
async fn accounts_since(ctx: &SessionContext, folded: i64) -> Result<BTreeSet<String>, DataFusionError> {
    let events = ctx.table("issue_events").await?.filter(col("sequence").gt(lit(folded)))?;
    let mut accounts = BTreeSet::new();
    for batch in events.select_columns(&["account_id"])?.distinct()?.collect().await? {
        accounts.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(accounts)
}

/// Brings the table `issues` to what `issue_events` folds to, unless a later fold is there. Issues of accounts without new
/// events stay in their files.
async fn fold(lake: &Lake, snapshot: &RunRow) -> Result<(), DiffError> {
    for _ in 0..ATTEMPTS {
        let (ctx, versions) = lake.own_session(&["issues", "issue_events"], snapshot.run_at).await?;
        keep_sides(&ctx);
        let folded = number(&ctx, FOLDED).await?;
        let newest = number(&ctx, "select coalesce(max(sequence), 0) from issue_events").await?;
        if folded >= newest {
            return Ok(());
        }
        let accounts = accounts_since(&ctx, folded).await?;
        let version = versions.0.get("issues").copied();
        let Some(files) = lake.files_of_accounts("issues", version, &accounts).await? else { continue };
        ctx.deregister_table("issues")?;
        ctx.register_table("issues", files.rows(lake)?)?;
        let new = ctx.table("issue_events").await?.filter(col("sequence").gt(lit(folded)))?.count().await?;
        let mut issues = state(&ctx, folded).await?;
        if files.row_count() + new as u64 <= MOST_SORTED {
            issues = issues.sort(ascending(["account_id", "policy_id", "issue_id"]))?;
        }
        let issues = rows(lake, "issues", issues).await?;
        if lake.replace_files(files, issues, snapshot.run_at).await?.is_some() {
            return Ok(());
        }
    }
    Err(DiffError::Contention)
}

/// What the run changed, whether just now or before it was killed.
async fn summary(lake: &Lake, run_id: &RunId, snapshot: &RunRow) -> Result<Diffed, DiffError> {
    let (ctx, _) = lake.own_session(&["issues", "issue_events"], snapshot.run_at).await?;
    let causes = ctx
        .sql("select cause, count(*) from issue_events where run_id = $run_id group by cause")
        .await?
        .with_param_values(vec![("run_id", ScalarValue::Utf8(Some(run_id.to_string())))])?;
    let mut diffed = Diffed::default();
    // One row per cause.
    for batch in causes.collect().await? {
        let (names, counts) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            diffed.causes.insert(names.value(row).to_owned(), counts.value(row).unsigned_abs());
        }
    }
    diffed.open = number(&ctx, "select count(*) from issues where state = 'open'").await?.unsigned_abs();
    Ok(diffed)
}

fn ascending<const N: usize>(columns: [&str; N]) -> Vec<SortExpr> {
    columns.map(|column| col(column).sort(true, false)).to_vec()
}

fn options(snapshot: &RunRow, events: Option<u64>) -> SessionOptions {
    let mut versions = snapshot.versions();
    versions.0.extend(events.map(|version| ("issue_events".to_owned(), version)));
    SessionOptions { versions, run_at: snapshot.run_at, only_pinned: true, history: false }
}

async fn session(lake: &Lake, snapshot: &RunRow, events: Option<u64>) -> Result<SessionContext, DiffError> {
    Ok(lake.session(options(snapshot, events)).await?)
}

/// The rows in the table's own schema.
async fn rows(
    lake: &Lake,
    table: &'static str,
    frame: DataFrame,
) -> Result<impl Stream<Item = Result<RecordBatch, LakeError>> + Send + use<>, DiffError> {
    let schema = lake.schema_of(table)?;
    let batches = frame.execute_stream().await?;
    Ok(batches.map(move |batch| {
        let batch = batch.map_err(LakeError::query(table))?;
        RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(LakeError::rows(table))
    }))
}

fn pins(snapshot: &RunRow) -> Result<MemTable, DataFusionError> {
    let names = StringArray::from_iter_values(snapshot.snapshot.iter().map(|pin| pin.table.as_str()));
    let versions = snapshot.snapshot.iter().map(|pin| i64::try_from(pin.version).unwrap_or(i64::MAX));
    let columns: [(&str, ArrayRef); 2] =
        [("asset_type", Arc::new(names)), ("table_version", Arc::new(Int64Array::from_iter_values(versions)))];
    let batch = RecordBatch::try_from_iter(columns)?;
    MemTable::try_new(batch.schema(), vec![vec![batch]])
}

async fn number(ctx: &SessionContext, sql: &str) -> Result<i64, DataFusionError> {
    let batches = ctx.sql(sql).await?.collect().await?;
    Ok(batches.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0)))
}

#[cfg(test)]
mod tests;
