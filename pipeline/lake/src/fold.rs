//! What the events of issues fold to.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};

/// How many comparisons left events after one, two at most.
const COMPARISONS: &str =
    "select count(*) from (select distinct sequence from issue_events where sequence > $after limit 2)";

/// The last event of each issue with the times of its first and its newest opening.
const LAST_OF_SEVERAL: &str = "
    select *
    from (
        select
            issue_events.*,
            row_number() over (partition by issue_id order by sequence desc) as age,
            min(at) over (partition by issue_id) as first_opened_at,
            max(case when cause in ('opened', 'reopened') then at end) over (partition by issue_id) as opened_at
        from issue_events
        where sequence > $after
    )
    where age = 1";

/// The same where no issue has more than one.
const LAST_OF_ONE: &str = "
    select *, at as first_opened_at, case when cause in ('opened', 'reopened') then at end as opened_at
    from issue_events
    where sequence > $after";

/// The state of each issue by its events after the sequence `after`, 0 for all: the columns of `issues`. Reads
/// `issue_events` of `ctx`.
///
/// # Errors
///
/// Whatever planning says, or reading the events.
pub async fn folded_issues(ctx: &SessionContext, after: i64) -> Result<DataFrame, DataFusionError> {
    let after = vec![("after", ScalarValue::Int64(Some(after)))];
    let comparisons = ctx.sql(COMPARISONS).await?.with_param_values(after.clone())?.collect().await?;
    let comparisons = comparisons.first().map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0));
    // One comparison changes an issue once at most.
    let last = if comparisons < 2 { LAST_OF_ONE } else { LAST_OF_SEVERAL };
    let last = ctx.sql(last).await?.with_param_values(after)?;
    ctx.register_table("last_events", last.into_view())?;
    let folded = ctx.sql(include_str!("fold_issues.sql")).await;
    // The plan has it by now.
    ctx.deregister_table("last_events")?;
    folded
}
