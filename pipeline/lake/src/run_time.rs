//! `now()` and its kin as the run's time, so that an old snapshot is judged as of then.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};
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
    RUN_TIME_FUNCTIONS.map(|name| RunTime::function(name, run_at)).into()
}

/// A function that returns a run's time, or its date.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RunTime {
    name: String,
    pub(crate) run_at: DateTime<Utc>,
    signature: Signature,
}

impl RunTime {
    pub(crate) fn function(name: &str, run_at: DateTime<Utc>) -> ScalarUDF {
        ScalarUDF::from(Self { name: name.to_owned(), run_at, signature: Signature::nullary(Volatility::Immutable) })
    }
}

impl ScalarUDFImpl for RunTime {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(returned(&self.name))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        Ok(ColumnarValue::Scalar(match returned(&self.name) {
            DataType::Date32 => {
                let days = self.run_at.timestamp().div_euclid(86_400);
                ScalarValue::Date32(i32::try_from(days).ok())
            }
            _ => ScalarValue::TimestampMicrosecond(Some(self.run_at.timestamp_micros()), Some("UTC".into())),
        }))
    }
}

fn returned(name: &str) -> DataType {
    if matches!(name, "current_date" | "today") { DataType::Date32 } else { timestamp() }
}
