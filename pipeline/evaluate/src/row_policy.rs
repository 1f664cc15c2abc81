//! Policies that look at one row of one table at a time: a predicate, and what is said of a row that violates it.
//!
//! Such a policy can share a scan with all others of its table (see [`crate::fused`]); what it yields is the same as when it
//! is planned by itself. It is found in the optimised plan, not in the text: steps named by `with` are no hindrance.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, lit};
use datafusion::prelude::SessionContext;
use pacbot_lake::RUN_TIME_FUNCTIONS;

/// A policy as expressions over the columns of one table, which are not qualified.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowPolicy {
    /// The table, or `assets`.
    pub(crate) table: String,
    /// Whether a row violates; unknown is no.
    pub(crate) predicate: Option<Expr>,
    /// What the policy returns: names and values.
    pub(crate) outputs: Vec<(String, Expr)>,
}

impl RowPolicy {
    /// The policy whose optimised plan this is, if it looks at one row at a time and names the row's asset by its own id.
    pub(crate) fn of(plan: &LogicalPlan) -> Option<Self> {
        let Rows { table, predicate, columns } = rows(plan)?;
        let names = plan.schema().fields().iter().map(|field| field.name().clone());
        let outputs: Vec<(String, Expr)> = names.zip(columns).collect();
        let is_own = |name: &str| {
            outputs
                .iter()
                .any(|(output, value)| output == name && matches!(value, Expr::Column(column) if column.name == name))
        };
        (is_own("asset_id") && is_own("account_id")).then_some(Self { table, predicate, outputs })
    }

    /// The same over the columns of `table`, which is the policy's or, for a policy on `assets`, any asset table; the run's
    /// time is that of `ctx`.
    pub(crate) fn on(&self, ctx: &SessionContext, table: &str) -> Result<Self, DataFusionError> {
        let functions = ctx.state().scalar_functions().clone();
        let is_view = self.table == "assets";
        let bound = |expr: &Expr| -> Result<Expr, DataFusionError> {
            let bound = expr.clone().transform(|expr| match expr {
                Expr::ScalarFunction(mut call) if is_run_time(&call.func) => {
                    let known = functions.get(call.func.name()).cloned();
                    call.func = known.ok_or_else(|| {
                        DataFusionError::Plan(format!("the session has no function `{}`", call.func.name()))
                    })?;
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                Expr::Column(column) if is_view && column.name == "asset_type" => Ok(Transformed::yes(lit(table))),
                other => Ok(Transformed::no(other)),
            })?;
            Ok(bound.data)
        };
        let outputs = self.outputs.iter().map(|(name, value)| Ok((name.clone(), bound(value)?)));
        Ok(Self {
            table: table.to_owned(),
            predicate: self.predicate.as_ref().map(bound).transpose()?,
            outputs: outputs.collect::<Result<_, DataFusionError>>()?,
        })
    }
}

/// A column by its name, whatever that holds.
pub(crate) fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Whether a function stands for the run's time.
pub(crate) fn is_run_time(function: &Arc<ScalarUDF>) -> bool {
    RUN_TIME_FUNCTIONS.contains(&function.name())
}

/// The rows of a part of a plan: each column as an expression over the table's.
struct Rows {
    table: String,
    predicate: Option<Expr>,
    columns: Vec<Expr>,
}

fn rows(plan: &LogicalPlan) -> Option<Rows> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
            let columns = scan.projected_schema.fields().iter().map(|field| column(field.name())).collect();
            let predicate = conjunction(scan.filters.iter().cloned().map(unnormalize_col));
            let is_plain = predicate.as_ref().is_none_or(needs_the_row_only);
            is_plain.then(|| Rows { table: scan.table_name.table().to_owned(), predicate, columns })
        }
        LogicalPlan::SubqueryAlias(alias) => rows(&alias.input),
        LogicalPlan::Projection(projection) => {
            let input = rows(&projection.input)?;
            let columns = projection.expr.iter().map(|expr| over(expr, &projection.input, &input.columns));
            Some(Rows { columns: columns.collect::<Option<_>>()?, ..input })
        }
        LogicalPlan::Filter(filter) => {
            let input = rows(&filter.input)?;
            let own = over(&filter.predicate, &filter.input, &input.columns)?;
            let predicate = match input.predicate {
                Some(before) => before.and(own),
                None => own,
            };
            Some(Rows { predicate: Some(predicate), ..input })
        }
        // A list in no order is the same list.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => rows(&sort.input),
        _ => None,
    }
}

/// `expr` with each column of `input` as what it is made of; `None` where it needs more than the row.
fn over(expr: &Expr, input: &LogicalPlan, columns: &[Expr]) -> Option<Expr> {
    if !needs_the_row_only(expr) {
        return None;
    }
    let schema = input.schema();
    let inlined = expr.clone().transform(|expr| match &expr {
        Expr::Column(column) => Ok(Transformed::yes(columns[schema.index_of_column(column)?].clone())),
        _ => Ok(Transformed::no(expr)),
    });
    Some(inlined.ok()?.data.unalias_nested().data)
}

fn needs_the_row_only(expr: &Expr) -> bool {
    let needs_more = expr.exists(|expr| {
        Ok(match expr {
            Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::ScalarSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::Unnest(_) => true,
            Expr::ScalarFunction(call) => expr.is_volatile_node() && !is_run_time(&call.func),
            _ => false,
        })
    });
    matches!(needs_more, Ok(false))
}
