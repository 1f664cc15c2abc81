//! What the events of issues fold to.

use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};

/// The state of each issue by its events after the sequence `after`, 0 for all: the columns of `issues`. Reads
/// `issue_events` of `ctx`.
///
/// # Errors
///
/// Whatever planning says.
pub async fn folded_issues(ctx: &SessionContext, after: i64) -> Result<DataFrame, DataFusionError> {
    let after = ScalarValue::Int64(Some(after));
    ctx.sql(include_str!("fold_issues.sql")).await?.with_param_values(vec![("after", after)])
}
