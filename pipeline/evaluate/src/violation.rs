//! The rows of the table `violations`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray};
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
    let same = |text: &str| Arc::new(StringArray::new_repeated(text, rows)) as ArrayRef;
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
    let ids = Arc::new(issue_ids(&run.policy_id, assets.as_string(), keys.as_string()));
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
    let usual = |name: &str| {
        name.starts_with("__") || ["key", "collected_in"].contains(&name) || crate::catalog::COLUMNS.contains(&name)
    };
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

/// [`issue_id`] of many rows: there are millions, and formatting each of them is what takes the time.
fn issue_ids(policy: &PolicyId, assets: &StringArray, keys: &StringArray) -> StringArray {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut named = format!("{policy}\0").into_bytes();
    let (start, mut hex) = (named.len(), String::with_capacity(32));
    let mut ids = StringBuilder::with_capacity(assets.len(), assets.len() * 32);
    for row in 0..assets.len() {
        named.truncate(start);
        named.extend_from_slice(assets.value(row).as_bytes());
        named.push(0);
        named.extend_from_slice(keys.value(row).as_bytes());
        let hash = xxhash_rust::xxh3::xxh3_128(&named).to_be_bytes();
        let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]);
        hex.clear();
        hex.extend(digits.map(char::from));
        ids.append_value(&hex);
    }
    ids.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ids_are_as_one() {
        let policy = PolicyId::new("aws-s3-bucket-not-public").unwrap();
        let (assets, keys) = (StringArray::from(vec!["a", "", "a"]), StringArray::from(vec!["", "k", "k"]));
        let ids = issue_ids(&policy, &assets, &keys);
        let one: Vec<String> = (0..3).map(|row| issue_id(&policy, assets.value(row), keys.value(row))).collect();
        assert_eq!(ids.iter().flatten().collect::<Vec<_>>(), one);
    }
}
