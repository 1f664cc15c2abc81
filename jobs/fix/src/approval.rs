//! A person's consent to the fix of one issue.

use chrono::Utc;
use datafusion::prelude::{col, lit};
use pacbot_lake::Lake;
use pacbot_schemas::{FixEvent, FixMode};
use serde::Deserialize;

use crate::events::{Author, EventRow, FixLakeError, append, rows};
use crate::machine::Step;
use crate::survey::Surveyed;

/// Notes that a person agrees to the fix of an issue; yields why it makes no difference, if it does not.
///
/// # Errors
///
/// [`FixLakeError`] if it cannot be noted.
pub async fn approve(lake: &Lake, one: &Surveyed, author: &Author) -> Result<Option<String>, FixLakeError> {
    use crate::machine::Why;
    let may_matter = one.policy.rules.mode == FixMode::Approve || one.step == Step::Nothing(Why::Undone);
    if !may_matter {
        return Ok(Some(format!("the mode of `{}` is {}", one.policy.policy_id, one.policy.rules.mode)));
    }
    if let Step::Nothing(why) = &one.step
        && *why != Why::Undone
    {
        return Ok(Some(why.to_string()));
    }
    let row = EventRow::new(FixEvent::Approved, &one.target, one.policy.version(), author, Utc::now());
    append(lake, |_| std::future::ready(Ok(vec![row.clone()]))).await?;
    Ok(None)
}

/// The ids of issues that begin with `begin`, of any state, at most two.
///
/// # Errors
///
/// [`FixLakeError`]
pub async fn issues_that_begin(lake: &Lake, begin: &str) -> Result<Vec<String>, FixLakeError> {
    #[derive(Deserialize)]
    struct Row {
        issue_id: String,
    }
    let (ctx, _) = lake.own_session(&["issues"], Utc::now()).await?;
    let begins = datafusion::functions::string::expr_fn::starts_with(col("issue_id"), lit(begin));
    let frame = ctx.table("issues").await?.filter(begins)?.select_columns(&["issue_id"])?.limit(0, Some(2))?;
    Ok(rows::<Row>("issues", frame).await?.into_iter().map(|row| row.issue_id).collect())
}
