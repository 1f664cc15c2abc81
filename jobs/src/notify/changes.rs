//! Transitions of issues that messages name: chosen among all by their ids, then read with names for people.
//!
//! A first run has as many transitions as there are issues, and names come from all assets; so few are chosen first.

use std::collections::HashMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;
use datafusion::prelude::{SessionContext, col};
use pacbot_lake::from_batches;
use serde::Deserialize;

use super::NotifyError;
use super::event::IssueChange;
use super::query::rows;

/// One that is named.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// The kind that it was chosen for.
    pub(crate) kind: String,
    /// How many there are of the kind.
    pub(crate) of_kind: u64,
    /// The number of its diff.
    pub(crate) sequence: i64,
    pub(crate) change: IssueChange,
}

#[derive(Deserialize)]
struct Chosen {
    kind: String,
    issue_id: String,
    sequence: i64,
    of_kind: u64,
}

#[derive(Deserialize)]
struct Row {
    sequence: i64,
    #[serde(flatten)]
    change: IssueChange,
}

/// Those that `sql` chooses (`kind, issue_id, sequence, of_kind`), in its order.
pub(crate) async fn named(
    ctx: &SessionContext,
    sql: &str,
    values: Vec<(&str, ScalarValue)>,
) -> Result<Vec<Named>, NotifyError> {
    let chosen: Vec<Chosen> = rows(ctx, "issue_events", sql, values).await?;
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |source| NotifyError::Query { what: "issue_changes", source: Box::new(source) };
    let ids = chosen.iter().map(|chosen| lit(chosen.issue_id.as_str())).collect();
    let frame = ctx.table("issue_changes").await.and_then(|all| all.filter(col("issue_id").in_list(ids, false)));
    let batches = frame.map_err(failed)?.collect().await.map_err(failed)?;
    let found: Vec<Row> = from_batches("issue_changes", &batches)?;
    let mut found: HashMap<(String, i64), IssueChange> =
        found.into_iter().map(|row| ((row.change.issue_id.clone(), row.sequence), row.change)).collect();
    let named = chosen.into_iter().filter_map(|Chosen { kind, issue_id, sequence, of_kind }| {
        let change = found.remove(&(issue_id, sequence))?;
        Some(Named { kind, of_kind, sequence, change })
    });
    Ok(named.collect())
}
