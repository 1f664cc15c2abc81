//! What the events of issues fold to.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};

/// How many sequences there are after one.
const SEQUENCES: &str =
    "select count(*) from (select distinct sequence from issue_events where sequence > $after limit 2)";

/// The state of each issue by its events after the sequence `after`, 0 for all: the columns of `issues`. Reads
/// `issue_events` of `ctx`.
///
/// # Errors
///
/// Whatever planning says, or reading the events.
pub async fn folded_issues(ctx: &SessionContext, after: i64) -> Result<DataFrame, DataFusionError> {
    let after = vec![("after", ScalarValue::Int64(Some(after)))];
    let sequences = ctx.sql(SEQUENCES).await?.with_param_values(after.clone())?.collect().await?;
    let sequences = sequences.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0));
    // One comparison changes an issue once, so its events are the states.
    let fold = if sequences < 2 { include_str!("fold_one.sql") } else { include_str!("fold_issues.sql") };
    ctx.sql(fold).await?.with_param_values(after)
}
