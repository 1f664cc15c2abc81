//! Small queries whose rows become values.

use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use pacbot_lake::from_batches;
use serde::de::DeserializeOwned;

use super::NotifyError;

/// The rows of a query that yields few. `what` names what was read, for the error.
pub(crate) async fn rows<T: DeserializeOwned>(
    ctx: &SessionContext,
    what: &'static str,
    sql: &str,
    values: Vec<(&str, ScalarValue)>,
) -> Result<Vec<T>, NotifyError> {
    let failed = |source| NotifyError::Query { what, source: Box::new(source) };
    let frame = ctx.sql(sql).await.map_err(failed)?;
    let frame = if values.is_empty() { frame } else { frame.with_param_values(values).map_err(failed)? };
    Ok(from_batches(what, &frame.collect().await.map_err(failed)?)?)
}

/// A number as a parameter.
pub(crate) fn number(value: i64) -> ScalarValue {
    ScalarValue::Int64(Some(value))
}

/// A text as a parameter.
pub(crate) fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}
