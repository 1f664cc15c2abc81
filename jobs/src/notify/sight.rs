//! The lake as one audience sees it: now, and as it was when they were told before.
//!
//! Both are looks of the dashboards through a lens, so a number of last week or of a group is the report's number.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use pacbot_dashboards::{Lens, Look, Scores};
use pacbot_lake::RunRow;
use pacbot_schemas::Stage;

use super::query::rows;
use super::selection::Audience;
use super::{Notifier, NotifyError};

const SCORES: &str =
    "select honest_score.*, (select compliance_percent from classic_score) as classic_percent from honest_score";

/// A look that goes from audience to audience.
pub(crate) struct Sight<'a> {
    notifier: &'a Notifier<'a>,
    look: &'a Look,
    lens: Lens,
    evaluations: Vec<Arc<RunRow>>,
    past: BTreeMap<DateTime<Utc>, Option<Look>>,
}

impl<'a> Sight<'a> {
    /// Sees what `look` does, which no lens limits.
    pub(crate) async fn new(notifier: &'a Notifier<'a>, look: &'a Look) -> Result<Self, NotifyError> {
        let runs = notifier.lake.runs().await?;
        let is_one = |row: &Arc<RunRow>| row.stage == Stage::Evaluate && row.is_finished();
        let evaluations = runs.into_iter().filter(is_one).collect();
        Ok(Self { notifier, look, lens: Lens::default(), evaluations, past: BTreeMap::new() })
    }

    /// The look itself, for what no lens limits.
    pub(crate) fn look(&self) -> &'a Look {
        self.look
    }

    /// The session; what it shows is what the newest audience may see.
    pub(crate) fn ctx(&self) -> &'a SessionContext {
        &self.look.ctx
    }

    /// Sees what an audience may see from here on.
    pub(crate) async fn turn_to(&mut self, audience: &Audience) -> Result<(), NotifyError> {
        let lens = Lens { groups: audience.groups.clone(), domain: None };
        if lens != self.lens {
            self.look.limit(&lens).await?;
            self.lens = lens;
        }
        Ok(())
    }

    /// The audience's scores; `None` where there is nothing to judge.
    pub(crate) async fn scores(&self) -> Result<Option<Scores>, NotifyError> {
        scores(self.ctx()).await
    }

    /// The audience's scores as they were at an earlier run; `None` when nothing had been evaluated then, or when what was
    /// judged is not kept any more.
    pub(crate) async fn earlier_scores(&mut self, at: DateTime<Utc>) -> Result<Option<Scores>, NotifyError> {
        if !self.past.contains_key(&at) {
            let run = self.evaluations.iter().rev().find(|row| row.run_at <= at);
            let look = match run {
                Some(run) => Look::at_run(&self.notifier.lake, self.notifier.groups.clone(), run).await,
                None => return Ok(None),
            };
            let look = look.inspect_err(|error| tracing::warn!(%at, error = error as &dyn std::error::Error, "an earlier state cannot be read any more; messages show no change of scores"));
            self.past.insert(at, look.ok());
        }
        let Some(Some(look)) = self.past.get(&at) else { return Ok(None) };
        look.limit(&self.lens).await?;
        scores(&look.ctx).await
    }
}

async fn scores(ctx: &SessionContext) -> Result<Option<Scores>, NotifyError> {
    let scores: Option<Scores> = rows(ctx, "honest_score", SCORES, Vec::new()).await?.pop();
    Ok(scores.filter(|scores| scores.pairs > 0))
}
