//! `now()` and its kin as the run's time, so that an old snapshot is judged as of then.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// Functions without arguments that return the run's time or date.
pub(crate) fn run_time_functions(run_at: DateTime<Utc>) -> Vec<ScalarUDF> {
    let timestamp = ScalarValue::TimestampMicrosecond(Some(run_at.timestamp_micros()), Some("UTC".into()));
    let days = run_at.timestamp().div_euclid(86_400);
    let date = ScalarValue::Date32(i32::try_from(days).ok());
    let constant = |name: &str, data_type: DataType, value: ScalarValue| {
        create_udf(
            name,
            vec![],
            data_type,
            Volatility::Immutable,
            Arc::new(move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(value.clone()))),
        )
    };
    let timestamp_type = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    ["now", "current_timestamp"]
        .map(|name| constant(name, timestamp_type.clone(), timestamp.clone()))
        .into_iter()
        .chain(["current_date", "today"].map(|name| constant(name, DataType::Date32, date.clone())))
        .collect()
}
