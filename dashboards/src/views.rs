//! The views, one file each; the head of a file says what its rows and columns are.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use pacbot_schemas::Severity;

/// Name and text of each view, in an order in which each reads only those before it.
pub const VIEWS: &[(&str, &str)] = &[
    ("evaluations", include_str!("../views/evaluations.sql")),
    ("policy_status", include_str!("../views/policy_status.sql")),
    ("severity_status", include_str!("../views/severity_status.sql")),
    ("answers", include_str!("../views/answers.sql")),
    ("unjudged", include_str!("../views/unjudged.sql")),
    ("account_status", include_str!("../views/account_status.sql")),
    ("issue_changes", include_str!("../views/issue_changes.sql")),
    ("run_changes", include_str!("../views/run_changes.sql")),
    ("category_score", include_str!("../views/category_score.sql")),
    ("classic_score", include_str!("../views/classic_score.sql")),
    ("honest_score", include_str!("../views/honest_score.sql")),
    ("messages", include_str!("../views/messages.sql")),
];

/// Adds the views to a session of the lake, which holds its tables and the view `assets`.
///
/// # Errors
///
/// Whatever planning says, for example of a session without those tables.
pub async fn register_views(ctx: &SessionContext) -> Result<(), DataFusionError> {
    for (name, sql) in VIEWS {
        ctx.register_table(*name, ctx.sql(sql).await?.into_view())?;
    }
    Ok(())
}

/// The number of open issues of that severity or above. `ctx` holds the views.
///
/// # Errors
///
/// Whatever the engine says.
pub async fn open_issues(ctx: &SessionContext, at_least: Severity) -> Result<u64, DataFusionError> {
    let rank = Severity::ALL.iter().filter(|severity| **severity >= at_least).count();
    let rank = ScalarValue::Int64(i64::try_from(rank).ok());
    let sum = "select coalesce(sum(open_issues), 0) from severity_status where severity_rank <= $rank";
    let rows = ctx.sql(sum).await?.with_param_values(vec![("rank", rank)])?.collect().await?;
    Ok(rows.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs()))
}
