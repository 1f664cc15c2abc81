//! What is asked right before every single change: the switch, the issue, the claim.

use async_trait::async_trait;
use chrono::Utc;
use datafusion::prelude::{col, lit};
use pacbot_lake::{Groups, Lake};
use pacbot_schemas::IssueState;
use serde::Deserialize;

use crate::events::{FixLakeError, Reading, rows, seen_issues, stopped};
use crate::live::Guard;
use crate::machine::{Past, unresolved};

/// Lets a run change the asset of an issue that it has claimed.
pub(crate) struct ClaimGuard {
    pub(crate) lake: Lake,
    /// The asset groups that are files.
    pub(crate) groups: Groups,
    pub(crate) issue_id: String,
    pub(crate) run_id: String,
    /// Whether this is an undo: its issue may be closed, and a person may want it while fixes are stopped.
    pub(crate) undo: Option<Undo>,
}

/// What an undo may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Undo {
    pub(crate) while_stopped: bool,
}

impl ClaimGuard {
    async fn why_not(&self) -> Result<Option<String>, FixLakeError> {
        let may_be_stopped = self.undo.is_some_and(|undo| undo.while_stopped);
        if let Some(row) = stopped(&self.lake).await?.filter(|_| !may_be_stopped) {
            return Ok(Some(format!("{} stopped all fixes: {}", row.actor, row.reason)));
        }
        let reading = Reading::now(&self.lake, Utc::now()).await?;
        let events = reading.events_of(&self.issue_id).await?;
        let history: Vec<Past> = events.iter().map(Past::of).collect();
        if unresolved(&history).is_none_or(|claim| claim.run_id != self.run_id) {
            return Ok(Some("the claim was lost to another run".to_owned()));
        }
        if self.undo.is_some() {
            return Ok(None);
        }
        #[derive(Deserialize)]
        struct Row {
            state: IssueState,
        }
        let ctx = seen_issues(&self.lake, &self.groups, Utc::now()).await?;
        let frame = ctx.table("issues").await?.filter(col("issue_id").eq(lit(&self.issue_id)))?;
        let state = rows::<Row>("issues", frame.select_columns(&["state"])?).await?.first().map(|row| row.state);
        Ok(match state {
            Some(IssueState::Open) => None,
            Some(state) => Some(format!("the issue is {state}")),
            None => Some("the issue is gone".to_owned()),
        })
    }
}

#[async_trait]
impl Guard for ClaimGuard {
    async fn check(&self) -> Result<(), String> {
        match self.why_not().await {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(why),
            // Who cannot read the switch does not change anything.
            Err(error) => Err(format!("the switch cannot be read: {error}")),
        }
    }
}
