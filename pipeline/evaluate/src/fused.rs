//! Judges all row policies of one table in one scan of it.
//!
//! The scan yields, beside the columns that reasons and evidence are made of, one boolean per policy: whether the row is
//! judged and violates. What policies have in common, for example the look-up of a tag, is computed once. Rows are taken
//! out per policy and only then get their reasons, so the scan costs about the same however many policies share it.
//!
//! An error in one policy's expressions fails the scan: the caller then judges each policy by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::members::members_read;
use crate::of_accounts::is_of;
use crate::planned::over_tables_of;
use crate::row_policy::{RowPolicy, column};

/// Rows that are given their reasons together.
const ROWS_AT_ONCE: usize = 8192;

/// Batches that wait for whoever keeps them.
const WAITING: usize = 8;

/// Columns that every violation tells.
const TOLD: [&str; 3] = ["asset_id", "account_id", "collected_in"];

/// A row policy on one table: its expressions are over that table's columns.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) row: RowPolicy,
    /// Whether an asset cannot be judged; none if all can.
    pub(crate) hidden: Option<Expr>,
}

/// What one scan found of one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) assets: u64,
    pub(crate) hidden: u64,
    pub(crate) violating: u64,
}

/// Which rows of a table the scan yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// All; they are counted on the way.
    All,
    /// Those that violate some policy; another query counts. The files are read twice, where they lie.
    Violating,
}

/// Judges `members` on `table`, or on what it has of `accounts`; `keep` gets the violating rows of each: what the policy
/// returns, with `__asset_type` and `__collected_in`.
pub(crate) async fn judge(
    ctx: &SessionContext,
    table: &str,
    accounts: Option<&BTreeSet<String>>,
    members: &[Member],
    fetched: Fetched,
    mut keep: impl FnMut(usize, &RecordBatch) -> Result<(), DataFusionError>,
) -> Result<Vec<Counted>, DataFusionError> {
    let scan = Scan::plan(ctx, table, accounts, members).await?;
    let frame = match fetched {
        Fetched::All => scan.frame.clone(),
        Fetched::Violating => scan.violating(members.len())?,
    };
    let streams = frame.execute_stream_partitioned().await?;
    let (sender, mut found) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    let mut split = None;
    for mut stream in streams {
        // The plan's own schema: that of the frame does not know what is never null.
        let splits: &Arc<Vec<Split>> = match &split {
            Some(split) => split,
            None => split.insert(Arc::new(scan.splits(ctx, table, members, &stream.schema())?)),
        };
        let (splits, sender) = (splits.clone(), sender.clone());
        tasks.spawn(async move {
            let mut parts: Vec<Part> = splits.iter().map(Part::new).collect();
            let mut is_over = false;
            while !is_over {
                let batch = stream.next().await.transpose()?;
                is_over = batch.is_none();
                for (place, (part, split)) in parts.iter_mut().zip(splits.iter()).enumerate() {
                    let ready = match &batch {
                        Some(batch) => part.take(split, batch)?,
                        None => part.rest(split)?,
                    };
                    for rows in ready {
                        if sender.send((place, rows)).await.is_err() {
                            return Ok(Vec::new());
                        }
                    }
                }
            }
            Ok::<_, DataFusionError>(parts.into_iter().map(|part| part.counted).collect())
        });
    }
    drop(sender);
    while let Some((place, rows)) = found.recv().await {
        keep(place, &rows)?;
    }
    let mut counted = vec![Counted::default(); members.len()];
    while let Some(ended) = tasks.join_next().await {
        let parts: Vec<Counted> = ended.map_err(|error| DataFusionError::External(Box::new(error)))??;
        for (sum, part) in counted.iter_mut().zip(parts) {
            sum.assets += part.assets;
            sum.hidden += part.hidden;
            sum.violating += part.violating;
        }
    }
    if fetched == Fetched::Violating {
        scan.count(&mut counted).await?;
    }
    Ok(counted)
}

/// The scan that policies share.
struct Scan {
    frame: DataFrame,
    /// The table's columns come first, in this order.
    columns: Vec<String>,
    /// Of each policy, the place of the column that says whether a row cannot be judged.
    hidden: Vec<Option<usize>>,
    /// The table, and what these columns are made of.
    table: DataFrame,
    kinds: Vec<Expr>,
    /// The place of the first policy's column.
    first: usize,
}

impl Scan {
    /// The rows that violate one of so many policies.
    fn violating(&self, members: usize) -> Result<DataFrame, DataFusionError> {
        let any = (0..members).map(|place| column(&format!("__policy_{place}"))).reduce(Expr::or);
        self.frame.clone().filter(any.unwrap_or_else(|| lit(false)))
    }

    /// Counts the rows, and those that cannot be judged.
    async fn count(&self, counted: &mut [Counted]) -> Result<(), DataFusionError> {
        let mut counts = vec![count(lit(1_i64))];
        for (place, hidden) in self.kinds.iter().enumerate() {
            counts.push(count(when(hidden.clone(), lit(1_i64)).end()?).alias(format!("hidden_{place}")));
        }
        let counts = self.table.clone().aggregate(vec![], counts)?.collect().await?;
        let number = |place: usize| {
            let column = counts.first().and_then(|batch| batch.columns().get(place));
            column.map_or(0, |column| column.as_primitive::<Int64Type>().value(0)).unsigned_abs()
        };
        for (sum, hidden) in counted.iter_mut().zip(&self.hidden) {
            sum.assets = number(0);
            sum.hidden = hidden.map_or(0, |place| number(1 + place - self.columns.len()));
        }
        Ok(())
    }

    async fn plan(
        ctx: &SessionContext,
        table: &str,
        accounts: Option<&BTreeSet<String>>,
        members: &[Member],
    ) -> Result<Self, DataFusionError> {
        let columns: BTreeSet<String> = members.iter().flat_map(needed).collect();
        let columns: Vec<String> = columns.into_iter().collect();
        let mut kinds: Vec<&Expr> = Vec::new();
        let mut places = Vec::new();
        for member in members {
            places.push(member.hidden.as_ref().map(|hidden| {
                columns.len()
                    + kinds.iter().position(|kind| *kind == hidden).unwrap_or_else(|| {
                        kinds.push(hidden);
                        kinds.len() - 1
                    })
            }));
        }
        let mut selected: Vec<Expr> = columns.iter().map(|name| column(name)).collect();
        let hidden = kinds.iter().enumerate();
        selected.extend(hidden.map(|(place, kind)| (*kind).clone().is_true().alias(format!("__hidden_{place}"))));
        let first = selected.len();
        selected.extend(members.iter().enumerate().map(|(place, member)| {
            let violates = member.row.predicate.clone().unwrap_or_else(|| lit(true));
            let judged = match &member.hidden {
                Some(hidden) => hidden.clone().is_not_true().and(violates),
                None => violates,
            };
            judged.is_true().alias(format!("__policy_{place}"))
        }));
        let mut frame = ctx.table(table).await?;
        if let Some(accounts) = accounts {
            frame = frame.filter(is_of(accounts))?;
        }
        let (table, kinds) = (frame.clone(), kinds.into_iter().cloned().collect());
        let mut frame = frame.select(selected)?;
        if let Some(members) = members_read(frame.logical_plan()) {
            frame = over_tables_of(ctx, frame.logical_plan(), None, Some(&members)).await?;
        }
        Ok(Self { frame, columns, hidden: places, table, kinds, first })
    }

    fn splits(
        &self,
        ctx: &SessionContext,
        table: &str,
        members: &[Member],
        schema: &SchemaRef,
    ) -> Result<Vec<Split>, DataFusionError> {
        members
            .iter()
            .zip(&self.hidden)
            .enumerate()
            .map(|(place, (member, hidden))| {
                let needed = needed(member);
                let columns =
                    (0..self.columns.len()).filter(|at| needed.contains(&self.columns[*at])).collect::<Vec<_>>();
                let projected = Arc::new(schema.project(&columns)?);
                let known = DFSchema::try_from(projected.as_ref().clone())?;
                let outputs = member
                    .row
                    .outputs
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), ctx.create_physical_expr(value.clone(), &known)?)));
                Ok(Split {
                    table: table.to_owned(),
                    columns,
                    schema: projected,
                    hidden: *hidden,
                    violates: self.first + place,
                    outputs: outputs.collect::<Result<_, DataFusionError>>()?,
                })
            })
            .collect()
    }
}

/// The columns that a policy's violations are made of.
fn needed(member: &Member) -> BTreeSet<String> {
    let outputs = member.row.outputs.iter().flat_map(|(_, value)| value.column_refs());
    outputs.map(|column| column.name.clone()).chain(TOLD.map(str::to_owned)).collect()
}

/// How a policy's violations are taken from the scan's batches.
struct Split {
    table: String,
    columns: Vec<usize>,
    schema: SchemaRef,
    hidden: Option<usize>,
    violates: usize,
    outputs: Vec<(String, Arc<dyn PhysicalExpr>)>,
}

/// What one partition of the scan holds of a policy.
struct Part {
    rows: BatchCoalescer,
    counted: Counted,
}

impl Part {
    fn new(split: &Split) -> Self {
        Self { rows: BatchCoalescer::new(split.schema.clone(), ROWS_AT_ONCE), counted: Counted::default() }
    }

    /// Takes the violating rows; yields violations once there are enough of them.
    fn take(&mut self, split: &Split, batch: &RecordBatch) -> Result<Vec<RecordBatch>, DataFusionError> {
        let trues = |place: usize| -> &BooleanArray { batch.column(place).as_boolean() };
        self.counted.assets += batch.num_rows() as u64;
        self.counted.hidden += split.hidden.map_or(0, |place| trues(place).true_count() as u64);
        let violates = trues(split.violates);
        let violating = violates.true_count();
        if violating == 0 {
            return Ok(Vec::new());
        }
        self.counted.violating += violating as u64;
        self.rows.push_batch_with_filter(batch.project(&split.columns)?, violates)?;
        self.completed(split)
    }

    fn rest(&mut self, split: &Split) -> Result<Vec<RecordBatch>, DataFusionError> {
        self.rows.finish_buffered_batch()?;
        self.completed(split)
    }

    fn completed(&mut self, split: &Split) -> Result<Vec<RecordBatch>, DataFusionError> {
        let mut completed = Vec::new();
        while let Some(rows) = self.rows.next_completed_batch() {
            completed.push(split.told(&rows)?);
        }
        Ok(completed)
    }
}

impl Split {
    /// What the policy returns of violating rows.
    fn told(&self, rows: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
        let own = |name: &str| {
            rows.column_by_name(name).cloned().ok_or_else(|| DataFusionError::Internal(format!("no column `{name}`")))
        };
        let asset_type = StringArray::new_repeated(self.table.as_str(), rows.num_rows());
        let mut columns: Vec<(&str, ArrayRef, bool)> =
            vec![("__asset_type", Arc::new(asset_type), true), ("__collected_in", own("collected_in")?, true)];
        for (name, value) in &self.outputs {
            columns.push((name, value.evaluate(rows)?.into_array(rows.num_rows())?, true));
        }
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}

#[cfg(test)]
mod tests;
