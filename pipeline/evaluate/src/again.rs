//! Policies that were judged again for some accounts: what that leaves of the result before.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use pacbot_lake::Lake;
use pacbot_schemas::{PolicyId, RunId};
use serde::Serialize;

use crate::evaluation::EvaluateError;
use crate::judging::Judged;
use crate::reuse::Before;

/// An account that a run judged again; a row of the table `judged_accounts`.
#[derive(Debug, Serialize)]
pub(crate) struct JudgedAccount {
    run_id: RunId,
    policy_id: PolicyId,
    account_id: String,
}

/// Completes the numbers of policies that were judged again for some accounts, which so far are those of these accounts
/// alone, by what the run `before` found in the others. Yields the accounts.
pub(crate) async fn judged_again(
    lake: &Lake,
    before: Option<&Before>,
    judged: &mut [Judged],
    run_at: DateTime<Utc>,
) -> Result<Vec<JudgedAccount>, EvaluateError> {
    let mut rows = Vec::new();
    for Judged { run, again, .. } in judged.iter() {
        rows.extend(again.iter().flat_map(|again| again.accounts.iter()).map(|account_id| JudgedAccount {
            run_id: run.run_id.clone(),
            policy_id: run.policy_id.clone(),
            account_id: account_id.clone(),
        }));
    }
    let Some(before) = before.filter(|_| !rows.is_empty()) else { return Ok(rows) };
    let found = found_before(lake, before, &rows, run_at).await?;
    for Judged { run, again, .. } in judged.iter_mut() {
        if let Some(again) = again {
            let (violations, violating) = found.get(run.policy_id.as_str()).copied().unwrap_or_default();
            run.violations += again.violations.saturating_sub(violations);
            run.violating += again.violating.saturating_sub(violating);
        }
    }
    Ok(rows)
}

/// What the run `before` found in the accounts of `rows`: violations and violating assets, by policy.
async fn found_before(
    lake: &Lake,
    before: &Before,
    rows: &[JudgedAccount],
    run_at: DateTime<Utc>,
) -> Result<BTreeMap<String, (u64, u64)>, EvaluateError> {
    let (ctx, _) = lake.own_session(&["policy_runs", "judged_accounts", "violations"], run_at).await?;
    ctx.register_table("again", Arc::new(table(rows)?))?;
    let run_id = ScalarValue::Utf8(Some(before.run_id.to_string()));
    let found = ctx.sql(include_str!("again/found_before.sql")).await?.with_param_values(vec![("before", run_id)])?;
    let mut numbers = BTreeMap::new();
    // One row per policy.
    for batch in found.collect().await? {
        let number =
            |place: usize, row: usize| batch.column(place).as_primitive::<Int64Type>().value(row).unsigned_abs();
        for (row, policy) in batch.column(0).as_string::<i32>().iter().enumerate() {
            numbers.insert(policy.unwrap_or_default().to_owned(), (number(1, row), number(2, row)));
        }
    }
    Ok(numbers)
}

fn table(rows: &[JudgedAccount]) -> Result<MemTable, DataFusionError> {
    let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("policy_id", text(rows.iter().map(|row| row.policy_id.as_str()).collect())),
        ("account_id", text(rows.iter().map(|row| row.account_id.as_str()).collect())),
    ])?;
    MemTable::try_new(batch.schema(), vec![vec![batch]])
}
