//! Turns the difference between an evaluation and the issues into events, and folds the events into issues.
//!
//! Promises: an issue closes only because its asset was judged clean, is gone from a scope that was answered whole, or
//! because a person withdrew its policy or scope. All events of a diff are one commit on the version that it read; who
//! was overtaken compares again. Doing it twice changes nothing more. A kill between the events and the issues leaves
//! issues that the next diff brings up to date.

mod differing;
mod fold;
mod merge;
mod renew;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::logical_expr::SortExpr;
use datafusion::prelude::{DataFrame, col};
use futures::{StreamExt, TryStreamExt};
use pacbot_lake::{Lake, LakeError, RunRow, SessionOptions};
use pacbot_schemas::{RunId, RunStatus, Stage};
use tracing::{debug, info};

use self::differing::differing;
use self::fold::{FOLDED, LAST, fold, state};

/// Writers that overtake each other retry this often.
const ATTEMPTS: u32 = 20;

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
    let open = match append_events(lake, run_id, snapshot, is_full, false).await? {
        Events::Folded { open } => Some(open),
        Events::New => {
            fold(lake, snapshot).await?;
            None
        }
    };
    summary(lake, run_id, snapshot, open).await
}

/// What a comparison leaves behind.
pub(crate) enum Events {
    /// Nothing that `issues` has not, and so many of these are open.
    Folded {
        /// The number of open issues.
        open: u64,
    },
    /// Events that `issues` has not.
    New,
}

/// Appends the events. All policies are compared if `is_fresh`, otherwise those whose result is another than last time.
pub(crate) async fn append_events(
    lake: &Lake,
    run_id: &RunId,
    snapshot: &RunRow,
    is_full: bool,
    is_fresh: bool,
) -> Result<Events, DiffError> {
    let since = lake.collected_since(snapshot.run_at).await?;
    for _ in 0..ATTEMPTS {
        let version = lake.table("issue_events").await?.map(|table| table.version());
        let compared = if is_fresh { None } else { compared_last(lake, run_id).await? };
        let settled = compared.as_ref().map(|row| row.run_id.clone());
        let ctx = session(lake, snapshot, version).await?;
        let (folded, last) = futures::try_join!(number(&ctx, FOLDED), number(&ctx, LAST))?;
        let before = if folded < last { state(&ctx, folded).await? } else { ctx.table("issues").await? };
        ctx.register_table("before", before.into_view())?;
        ctx.register_table("pins", Arc::new(pins(snapshot)?))?;
        let sequence = last + 1;
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
        keep_sides(&ctx);
        prepare(&ctx, &FOUND, &values).await?;
        if sequence == 1 {
            prepare(&ctx, &FIRST, &values).await?;
        } else {
            // Policies that the last comparison did not look at may have lost their result before it.
            let compared = compared.filter(|row| row.selection.is_none() && folded == last);
            if let Some(open) = compared.and_then(|row| row.open_issues) {
                let unsettled = ctx.sql(include_str!("diff/unsettled.sql")).await?.with_param_values(values.clone())?;
                if first_number(unsettled).await? == 0 {
                    info!(run = %run_id, "nothing is to be compared");
                    return Ok(Events::Folded { open });
                }
            }
            prepare(&ctx, &COMPARED, &values).await?;
            let Some(ids) = differing(&ctx).await? else {
                info!(run = %run_id, "no issue differs");
                if folded < last {
                    return Ok(Events::New);
                }
                return Ok(Events::Folded { open: number(&ctx, OPEN).await?.unsigned_abs() });
            };
            ctx.register_table("differing", Arc::new(ids))?;
            prepare(&ctx, &DIFFERING, &values).await?;
        }
        let mut events = ctx.sql(include_str!("diff/events.sql")).await?.with_param_values(values)?;
        // There are too many of them at first to be sorted.
        let streams = if sequence > 1 {
            events = events.sort(ascending(["policy_id", "asset_id", "key"]))?;
            vec![events.execute_stream().await?]
        } else {
            events.execute_stream_partitioned().await?
        };
        let events = streams.into_iter().map(|rows| rows.map_err(LakeError::query("issue_events")).boxed()).collect();
        if let Some(version) = lake.append_on("issue_events", version, events, snapshot.run_at).await? {
            info!(run = %run_id, version, sequence, "compared with the issues");
            return Ok(Events::New);
        }
    }
    Err(DiffError::Contention)
}

/// The most accounts that a scan is told to look for by name: it then leaves out the pages of others.
const NAMED_ACCOUNTS: usize = 4096;

/// The small side of each join stands on the left, and is what is kept in memory. The planner would turn some round: it takes
/// violations and issues for few, and what they are joined with for more.
fn keep_sides(ctx: &SessionContext) {
    let state = ctx.state_ref();
    let mut state = state.write();
    let options = &mut state.config_mut().options_mut().optimizer;
    options.join_reordering = false;
    options.hash_join_inlist_pushdown_max_distinct_values = NAMED_ACCOUNTS;
}

/// Name and text of a step, and whether its rows are kept in memory.
type Step = (&'static str, &'static str, bool);

/// What was found.
const FOUND: [Step; 4] = [
    ("parts", include_str!("diff/parts.sql"), true),
    ("judged", include_str!("diff/judged.sql"), true),
    ("again", include_str!("diff/again.sql"), true),
    ("found", include_str!("diff/found.sql"), false),
];

/// What it is compared with.
const COMPARED: [Step; 2] =
    [("policies", include_str!("diff/policies.sql"), true), ("compared", include_str!("diff/compared.sql"), false)];

/// Of the policies.
const OPEN: &str = "select coalesce(sum(open), 0) from policies";

/// What events are made from, where issues differ.
const DIFFERING: [Step; 3] = [
    ("missing", include_str!("diff/missing.sql"), true),
    ("asset", include_str!("diff/asset.sql"), true),
    ("opening", include_str!("diff/opening.sql"), false),
];

/// And where there are none.
const FIRST: [Step; 3] = [
    ("missing", include_str!("diff/none_missing.sql"), false),
    ("asset", include_str!("diff/asset.sql"), false),
    ("opening", include_str!("diff/all_opening.sql"), false),
];

/// Names the steps. What is read several times is kept: the policies, and ids of what differs.
async fn prepare(
    ctx: &SessionContext,
    steps: &[Step],
    values: &[(&'static str, ScalarValue)],
) -> Result<(), DataFusionError> {
    for (name, sql, is_kept) in steps {
        let step = ctx.sql(sql).await?.with_param_values(values.to_vec())?;
        let step = if *is_kept { step.cache().await? } else { step };
        ctx.register_table(*name, step.into_view())?;
        debug!(step = name, "prepared `{name}`");
    }
    Ok(())
}

/// The run that was compared last, if the issues are still as that left them: nobody else is comparing, nor was stopped
/// while at it.
async fn compared_last(lake: &Lake, run_id: &RunId) -> Result<Option<Arc<RunRow>>, DiffError> {
    let mut others = lake.runs().await?;
    others.retain(|row| row.stage == Stage::Diff && &row.run_id != run_id);
    if others.iter().any(|row| row.status == RunStatus::Running) {
        return Ok(None);
    }
    let last = others.into_iter().max_by_key(|row| row.started_at);
    Ok(last.filter(|row| row.is_finished()))
}

/// What the run changed, whether just now or before it was killed. `open` is the number of open issues, if it is known.
async fn summary(lake: &Lake, run_id: &RunId, snapshot: &RunRow, open: Option<u64>) -> Result<Diffed, DiffError> {
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
    diffed.open = match open {
        Some(open) => open,
        None => number(&ctx, "select count(*) from issues where state = 'open'").await?.unsigned_abs(),
    };
    Ok(diffed)
}

fn ascending<const N: usize>(columns: [&str; N]) -> Vec<SortExpr> {
    columns.map(|column| col(column).sort(true, false)).to_vec()
}

fn options(snapshot: &RunRow, events: Option<u64>) -> SessionOptions {
    let mut versions = snapshot.versions();
    versions.0.extend(events.map(|version| ("issue_events".to_owned(), version)));
    SessionOptions::pinned(versions, snapshot.run_at)
}

async fn session(lake: &Lake, snapshot: &RunRow, events: Option<u64>) -> Result<SessionContext, DiffError> {
    Ok(lake.session(options(snapshot, events)).await?)
}

fn pins(snapshot: &RunRow) -> Result<MemTable, DataFusionError> {
    let names = StringArray::from_iter_values(snapshot.snapshot.iter().map(|pin| pin.table.as_str()));
    let versions = snapshot.snapshot.iter().map(|pin| i64::try_from(pin.version).unwrap_or(i64::MAX));
    let columns: [(&str, ArrayRef); 2] =
        [("asset_type", Arc::new(names)), ("table_version", Arc::new(Int64Array::from_iter_values(versions)))];
    let batch = RecordBatch::try_from_iter(columns)?;
    MemTable::try_new(batch.schema(), vec![vec![batch]])
}

/// How many of what takes so many bytes fit in what the session's queries may keep; one at least.
fn held_at_once(ctx: &SessionContext, bytes: u64) -> u64 {
    match ctx.runtime_env().memory_pool.memory_limit() {
        MemoryLimit::Finite(limit) => (limit as u64 / bytes).max(1),
        MemoryLimit::Infinite | MemoryLimit::Unknown => u64::MAX,
    }
}

async fn number(ctx: &SessionContext, sql: &str) -> Result<i64, DataFusionError> {
    first_number(ctx.sql(sql).await?).await
}

async fn first_number(rows: DataFrame) -> Result<i64, DataFusionError> {
    let batches = rows.collect().await?;
    Ok(batches.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0)))
}

#[cfg(test)]
mod tests;
