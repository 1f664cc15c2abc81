//! `now()` and its kin as the run's time, so that an old snapshot is judged as of then.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use pacbot_schemas::timestamp;

/// The names of the functions that return the run's time or date.
pub const RUN_TIME_FUNCTIONS: [&str; 4] = ["now", "current_timestamp", "current_date", "today"];

/// Stand-ins for the functions of the run's time where no run is known: plans keep their calls, and nobody can run them.
#[must_use]
pub fn unknown_run_time() -> Vec<ScalarUDF> {
    let unknown = |name: &str| {
        let told = format!("`{name}()` has no value before a run");
        let fails = move |_: &[ColumnarValue]| Err(DataFusionError::Execution(told.clone()));
        create_udf(name, vec![], returned(name), Volatility::Volatile, Arc::new(fails))
    };
    RUN_TIME_FUNCTIONS.map(unknown).into()
}

/// Functions without arguments that return the run's time or date.
pub(crate) fn run_time_functions(run_at: DateTime<Utc>) -> Vec<ScalarUDF> {
    let moment = ScalarValue::TimestampMicrosecond(Some(run_at.timestamp_micros()), Some("UTC".into()));
    let days = run_at.timestamp().div_euclid(86_400);
    let date = ScalarValue::Date32(i32::try_from(days).ok());
    let constant = |name: &str| {
        let returned = returned(name);
        let value = if returned == DataType::Date32 { date.clone() } else { moment.clone() };
        let value = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(value.clone()));
        create_udf(name, vec![], returned, Volatility::Immutable, Arc::new(value))
    };
    RUN_TIME_FUNCTIONS.map(constant).into()
}

fn returned(name: &str) -> DataType {
    if matches!(name, "current_date" | "today") { DataType::Date32 } else { timestamp() }
}
