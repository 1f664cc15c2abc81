//! The files of `issues` with the states that are new: what is written again where some issues changed.
//!
//! Promises: rows stay in the order of their accounts; of the new states, no more are in memory at a time than a query may keep.
//! Of each, 16 bytes are: an issue may have moved to an account whose rows are in another file.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{DataFrame, col};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use pacbot_lake::{AccountFiles, FilesInOrder, Lake, LakeError, folded_issues};

use super::differing::slices;
use super::merge::{Gone, ORDER, merged, number_of};
use super::{DiffError, ascending};

/// How many events an account and policy have.
pub(super) type Count = (String, String, u64);

/// Rows that are written side by side.
pub(super) type Streams = Vec<BoxStream<'static, Result<RecordBatch, LakeError>>>;

/// Some files, and the new states that belong there.
struct Part {
    files: FilesInOrder,
    /// One that is in order, or several that are not.
    new: Vec<DataFrame>,
}

/// What `issues` knows of the times of the issues that have events after `folded`, of which `newest` is what these fold to.
pub(super) async fn known(ctx: &SessionContext, newest: DataFrame, folded: i64) -> Result<DataFrame, DataFusionError> {
    name(ctx, "newest", newest)?;
    let folded = ScalarValue::Int64(Some(folded));
    ctx.sql(include_str!("known.sql")).await?.with_param_values(vec![("folded", folded)])
}

/// The state of these issues.
pub(super) async fn renewed(
    ctx: &SessionContext,
    newest: DataFrame,
    known: DataFrame,
) -> Result<DataFrame, DataFusionError> {
    name(ctx, "newest", newest)?;
    name(ctx, "known", known)?;
    ctx.sql(include_str!("renewed.sql")).await
}

/// Names a step. Plans that were made before have what the name stood for.
fn name(ctx: &SessionContext, name: &str, step: DataFrame) -> Result<(), DataFusionError> {
    ctx.deregister_table(name)?;
    ctx.register_table(name, step.into_view()).map(drop)
}

/// All rows of `files`, which `issues` of `ctx` holds, with what the events after `folded` make of them. `new` counts these; of
/// `most` states the rows are in order.
pub(super) async fn renewed_files(
    lake: &Lake,
    (ctx, files): (&SessionContext, &AccountFiles),
    (folded, new): (i64, &[Count]),
    most: u64,
    at: DateTime<Utc>,
) -> Result<Streams, DiffError> {
    let newest = folded_issues(ctx, folded).await?;
    let mut gone = Gone::default();
    let mut ids = newest.clone().select_columns(&["issue_id"])?.execute_stream().await?;
    while let Some(batch) = ids.try_next().await? {
        gone.extend(batch.column(0).as_string::<i32>().iter().flatten().map(number_of));
    }
    let gone = Arc::new(gone);

    let cores = ctx.state().config().target_partitions();
    let most = (most / cores as u64).max(1);
    let count: u64 = new.iter().map(|(_, _, rows)| rows).sum();
    let rounds = usize::try_from(count.div_ceil(most * cores as u64)).unwrap_or(usize::MAX).max(1);
    let files = files.parts(cores.saturating_mul(rounds));
    // Read once, where there are few of them.
    let known_all = if rounds == 1 { Some(known(ctx, newest.clone(), folded).await?.cache().await?) } else { None };
    let renewed = async |newest: DataFrame| {
        let known = match &known_all {
            Some(known) => known.clone(),
            None => known(ctx, newest.clone(), folded).await?,
        };
        renewed(ctx, newest, known).await
    };
    let mut parts = Vec::new();
    for (place, of_part) in files.iter().enumerate() {
        let range =
            Range { first: (place > 0).then(|| of_part.first()), end: files.get(place + 1).map(FilesInOrder::first) };
        let mut states = newest.clone();
        if let Some(filter) = range.filter() {
            states = states.filter(filter)?;
        }
        let count: u64 = new.iter().filter(|count| range.holds(count)).map(|(_, _, rows)| rows).sum();
        let mut new = Vec::new();
        if count <= most {
            new.push(renewed(states).await?.sort(ascending(ORDER))?);
        } else {
            for (first, end) in slices(count.div_ceil(most)) {
                let within = col("issue_id").gt_eq(lit(first)).and(col("issue_id").lt(lit(end)));
                new.push(renewed(states.clone().filter(within)?).await?);
            }
        }
        parts.push(Part { files: of_part.clone(), new });
    }

    let mut streams = Vec::new();
    while !parts.is_empty() {
        let side = parts.drain(..rounds.min(parts.len())).collect::<Vec<_>>();
        let (lake, gone) = (lake.clone(), gone.clone());
        let rows = stream::iter(side).then(move |part| {
            let (lake, gone) = (lake.clone(), gone.clone());
            async move { part.rows(&lake, gone, at).await }
        });
        streams.push(rows.try_flatten().boxed());
    }
    Ok(streams)
}

impl Part {
    /// Rows that stay, with the new ones among them if these are in order, or after them.
    async fn rows(
        mut self,
        lake: &Lake,
        gone: Arc<Gone>,
        at: DateTime<Utc>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let in_order = if self.new.len() == 1 { self.new.pop() } else { None };
        let in_order: Vec<RecordBatch> = match in_order {
            Some(new) => states(new).await?.try_collect().await?,
            None => Vec::new(),
        };
        let in_order = concat_batches(&lake.schema_of("issues")?, &in_order).map_err(LakeError::rows("issues"))?;
        let rows = merged(self.files.rows(lake, at)?, in_order, gone);
        let rest = stream::iter(self.new).then(states);
        Ok(rows.chain(rest.try_flatten()).boxed())
    }
}

async fn states(rows: DataFrame) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
    let rows = rows.execute_stream().await.map_err(LakeError::query("issues"))?;
    Ok(rows.map_err(LakeError::query("issues")).boxed())
}

/// Whether a row's account and policy are not below the first, and below the second; all are where there is neither. Rows without
/// an account come last.
pub(super) fn between(first: Option<(&str, &str)>, end: Option<(&str, &str)>) -> Option<Expr> {
    let from = |(account, policy): (&str, &str)| {
        let later = col("account_id").gt(lit(account));
        later.or(col("account_id").eq(lit(account)).and(col("policy_id").gt_eq(lit(policy))))
    };
    match (first.map(from), end.map(from)) {
        (None, None) => None,
        (None, Some(end)) => Some(end.is_false()),
        (Some(first), Some(end)) => Some(first.and(end.is_false())),
        (Some(first), None) => Some(first.or(col("account_id").is_null())),
    }
}

/// The states between an account and policy, and others. Those without an account come last.
struct Range<'a> {
    first: Option<(&'a str, &'a str)>,
    end: Option<(&'a str, &'a str)>,
}

impl Range<'_> {
    fn filter(&self) -> Option<Expr> {
        between(self.first, self.end)
    }

    fn holds(&self, (account, policy, _): &Count) -> bool {
        // Who has no account has an empty one here.
        let from = |first: (&str, &str)| account.is_empty() || (account.as_str(), policy.as_str()) >= first;
        self.first.is_none_or(from) && !self.end.is_some_and(from)
    }
}
