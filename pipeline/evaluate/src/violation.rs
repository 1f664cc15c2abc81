//! The rows of the table `violations`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::DataFusionError;
use pacbot_schemas::PolicyId;

use crate::evaluation::PolicyRun;

/// A policy's batch in the shape of the table `violations`.
pub(crate) fn violations(
    batch: &RecordBatch,
    run: &PolicyRun,
    schema: &SchemaRef,
) -> Result<RecordBatch, DataFusionError> {
    let rows = batch.num_rows();
    let same = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))) as ArrayRef;
    let column = |name: &str| -> Result<ArrayRef, DataFusionError> {
        let found = batch
            .column_by_name(name)
            .ok_or_else(|| DataFusionError::Plan(format!("the policy returns no column `{name}`")))?;
        Ok(arrow::compute::cast(found, &DataType::Utf8)?)
    };
    let keys = match batch.column_by_name("key") {
        Some(_) => column("key")?,
        None => same(""),
    };
    let assets = column("asset_id")?;
    let ids = (0..rows)
        .map(|row| issue_id(&run.policy_id, assets.as_string::<i32>().value(row), keys.as_string::<i32>().value(row)));
    let ids = Arc::new(StringArray::from_iter_values(ids));
    let at = TimestampMicrosecondArray::from_value(run.evaluated_at.timestamp_micros(), rows).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        same(run.run_id.as_str()),
        same(run.policy_id.as_str()),
        ids,
        same(run.severity.as_str()),
        column("__asset_type")?,
        assets,
        column("account_id")?,
        column("region")?,
        column("__collected_in")?,
        keys,
        column("reason")?,
        evidence(batch)?,
        Arc::new(at),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// The columns after the usual ones, as one JSON object a row.
fn evidence(batch: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
    let usual = |name: &str| name.starts_with("__") || name == "key" || crate::catalog::COLUMNS.contains(&name);
    let extra: Vec<usize> = batch
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| !usual(field.name()))
        .map(|(index, _)| index)
        .collect();
    if extra.is_empty() {
        return Ok(Arc::new(StringArray::new_null(batch.num_rows())));
    }
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(&batch.project(&extra)?)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(|error| DataFusionError::External(Box::new(error)))?;
    Ok(Arc::new(text.lines().map(Some).collect::<StringArray>()))
}

/// The stable id of an issue: the same for the same policy, asset and key, for ever.
#[must_use]
pub fn issue_id(policy: &PolicyId, asset: &str, key: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(format!("{policy}\0{asset}\0{key}").as_bytes()))
}
