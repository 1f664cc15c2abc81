//! Compliance over time: the numbers of one evaluation for every group and domain, as rows of `compliance_daily`.
//!
//! The rows are made from the same views as everything else, over the state that the evaluation judged. So they can be made
//! for any past evaluation whose versions are kept, and for groups that did not exist then.

mod made_of;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::prelude::col;
use futures::StreamExt;
use pacbot_lake::{Groups, Lake, LakeError, RunRow};
use pacbot_schemas::{RunStatus, Stage};

use self::made_of::made_of;
use crate::domain::Domain;
use crate::framework::Framework;
use crate::look::{Look, LookError};
use crate::views::{text, values};

/// The table.
const TABLE: &str = "compliance_daily";

/// Policies, categories, frameworks and the whole, as the views count them.
const NUMBERS: &str = include_str!("compliance/numbers.sql");

/// Why compliance could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum ComplianceError {
    /// The lake could not be looked at.
    #[error("failed to look at the lake as of {day}")]
    Look {
        /// The day.
        day: NaiveDate,
        /// The cause.
        source: LookError,
    },
    /// The numbers could not be read.
    #[error("failed to count compliance as of {day}")]
    Count {
        /// The day.
        day: NaiveDate,
        /// The cause.
        source: Box<DataFusionError>,
    },
    /// The rows could not be written.
    #[error("failed to write `{TABLE}`")]
    Lake(#[from] LakeError),
}

/// The last full evaluation of each day, oldest first.
#[must_use]
pub fn last_of_each_day(runs: &[Arc<RunRow>]) -> BTreeMap<NaiveDate, Arc<RunRow>> {
    let counts = |row: &&Arc<RunRow>| {
        row.stage == Stage::Evaluate
            && row.selection.is_none()
            && matches!(row.status, RunStatus::Complete | RunStatus::Partial)
    };
    let mut days: BTreeMap<NaiveDate, Arc<RunRow>> = BTreeMap::new();
    for row in runs.iter().filter(counts) {
        let day = row.run_at.date_naive();
        if days.get(&day).is_none_or(|last| (last.run_at, last.started_at) <= (row.run_at, row.started_at)) {
            days.insert(day, row.clone());
        }
    }
    days
}

/// Records compliance as of `run`, the last evaluation of its day, for all visible groups, domains and frameworks. It
/// replaces what was recorded for the day, unless that is made of the same. Yields the number of rows.
///
/// # Errors
///
/// [`ComplianceError`]; nothing is written then.
pub async fn record_compliance(
    lake: &Lake,
    files: Groups,
    domains: &[Domain],
    frameworks: &[Framework],
    run: &RunRow,
) -> Result<u64, ComplianceError> {
    let day = run.run_at.date_naive();
    let looked = |source| ComplianceError::Look { day, source };
    let look = Look::at_run(lake, files, run).await.map_err(looked)?;
    look.by_group(domains).map_err(looked)?;
    let made_of = made_of(lake, &look, domains, frameworks, run).await?;
    if let Some(rows) = lake.rows_made_of(TABLE, &day.to_string(), &made_of).await? {
        return Ok(rows);
    }
    let counted = |source| ComplianceError::Count { day, source: Box::new(source) };
    register_items(&look, frameworks).map_err(counted)?;
    // A row for each group and policy: with thousands of accounts, more than should be in memory at once.
    let schema = lake.schema_of(TABLE)?;
    let numbers = look.ctx.sql(NUMBERS).await.and_then(|numbers| numbers.select(columns(&schema, run, day)));
    let rows = numbers.map_err(counted)?.execute_stream().await.map_err(counted)?;
    let mut written = 0;
    let rows = rows.map(|batch| {
        let batch = batch.map_err(LakeError::query(TABLE))?;
        written += batch.num_rows() as u64;
        Ok(batch)
    });
    // Rows belong to their day: another evaluation of it replaces them.
    lake.replace_made_rows(TABLE, &day.to_string(), &made_of, rows, run.run_at).await?;
    Ok(written)
}

/// The table's columns: the numbers, and whose they are.
fn columns(schema: &SchemaRef, run: &RunRow, day: NaiveDate) -> Vec<Expr> {
    let value = |field: &FieldRef| {
        let value = match field.name().as_str() {
            "run_id" => lit(run.run_id.as_str()),
            "day" => lit(day.to_string()),
            name => col(name),
        };
        cast(value, field.data_type().clone()).alias(field.name())
    };
    schema.fields().iter().map(value).collect()
}

/// Adds `framework_items`: a row for each item and policy.
fn register_items(look: &Look, frameworks: &[Framework]) -> Result<(), DataFusionError> {
    let items = || {
        frameworks.iter().flat_map(|framework| {
            let items = framework.item.iter();
            items.flat_map(move |item| item.policies.iter().map(move |policy| (framework, item, policy)))
        })
    };
    let columns = vec![
        ("framework_id", text(&mut items().map(|(framework, _, _)| framework.id.as_str()))),
        ("item_id", text(&mut items().map(|(_, item, _)| item.id.get_ref().as_str()))),
        ("policy_id", text(&mut items().map(|(_, _, policy)| policy.as_str()))),
    ];
    look.ctx.register_table("framework_items", values(columns)?).map(drop)
}
