//! Tells people what became of fixes. Whatever ended lately is handed over at every run, since a notice is delivered once
//! however often it is handed over: so nothing is lost when a run is killed before it could tell.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use datafusion::prelude::{col, lit};
use pacbot_jobs::notify::{Notice, NoticeKind, Outcome as Told};
use pacbot_schemas::FixEvent;
use serde_json::Value;

use crate::events::{EVENTS, EventRow, FixLakeError, Plan, Reading, in_order, rows, seen};
use crate::keepers::{Keeper, keepers};
use crate::runner::Runner;

/// What ended earlier was told by then.
const LATELY: Duration = Duration::days(2);

impl Runner<'_> {
    /// Tells of fixes that were verified, failed or were undone lately. Yields what could not be told, in a line each; it is
    /// told by the next run.
    ///
    /// # Errors
    ///
    /// [`FixLakeError`]
    pub async fn tell_results(&self, now: DateTime<Utc>) -> Result<Vec<String>, FixLakeError> {
        let Some(warner) = self.warner else { return Ok(Vec::new()) };
        let reading = Reading::now(self.lake, now).await?;
        let ends = [FixEvent::Claimed, FixEvent::Verified, FixEvent::Failed, FixEvent::Undone, FixEvent::UndoFailed];
        let ends = ends.map(|event| lit(event.as_str())).to_vec();
        let frame = reading.ctx.table(EVENTS).await?.filter(col("event").in_list(ends, false))?;
        let events: Vec<EventRow> = rows(EVENTS, frame.sort(in_order())?).await?;
        let mut plans = BTreeMap::<(String, u64), Plan>::new();
        for row in events.iter().filter(|row| row.event == FixEvent::Claimed) {
            let plan = row.plan.as_ref().and_then(|text| serde_json::from_str(text).ok());
            plans.extend(plan.map(|plan| ((row.issue_id.clone(), row.occurrence), plan)));
        }
        let recent: Vec<&EventRow> =
            events.iter().filter(|row| row.event != FixEvent::Claimed && now - row.at < LATELY).collect();
        if recent.is_empty() {
            return Ok(Vec::new());
        }
        let (ctx, groups) = seen(self.lake, self.groups, now).await?;
        let assets = recent.iter().map(|row| row.asset_id.as_str());
        let keepers = keepers(&groups, &ctx, assets).await?;
        let notices: Vec<Notice> = recent
            .iter()
            .map(|row| self.result(row, plans.get(&(row.issue_id.clone(), row.occurrence)), keepers.get(&row.asset_id)))
            .collect();
        let told = warner.tell(&notices).await?;
        let failed = notices.iter().zip(told).filter_map(|(notice, told)| match told {
            Told::Failed(why) => Some(format!("{}: {why}", notice.subject())),
            Told::Delivered | Told::NobodyToTell => None,
        });
        Ok(failed.collect())
    }

    fn result(&self, row: &EventRow, plan: Option<&Plan>, keeper: Option<&Keeper>) -> Notice {
        let policy = self.policies.iter().find(|policy| policy.policy_id == row.policy_id);
        let about = policy.map(|policy| policy.fix.about());
        let undo = format!("To have it back as it was: `pacbot fix undo {}`.", row.issue_id);
        let error = row.error.clone().unwrap_or_default();
        let (kind, what, objection) = match row.event {
            FixEvent::Verified => (NoticeKind::FixDone, about.map(|about| about.does.clone()), Some(undo)),
            FixEvent::Undone => (NoticeKind::FixUndone, about.map(|about| about.undoes.clone()), None),
            FixEvent::UndoFailed => {
                (NoticeKind::FixFailed, Some(format!("The fix could not be undone: {error}")), None)
            }
            _ => (NoticeKind::FixFailed, Some(error), row.made.is_some().then_some(undo)),
        };
        let name = plan.and_then(|plan| plan.target.asset.get("name")).and_then(Value::as_str);
        let owners = keeper.into_iter().flat_map(|keeper| &keeper.owners);
        let owners = owners.chain(plan.into_iter().flat_map(|plan| &plan.owners));
        Notice {
            kind,
            recipients: self.recipients.iter().chain(owners).cloned().collect(),
            issue_id: row.issue_id.clone(),
            occurrence: row.occurrence,
            severity: policy.map_or(pacbot_schemas::Severity::Low, |policy| policy.severity),
            policy_id: row.policy_id.to_string(),
            policy_title: policy.map_or_else(|| row.policy_id.to_string(), |policy| policy.title.clone()),
            asset_type: row.asset_type.to_string(),
            asset_id: row.asset_id.clone(),
            asset_name: name.map(str::to_owned),
            account_id: row.account_id.to_string(),
            account_name: None,
            region: row.region.to_string(),
            fix: row.fix.to_string(),
            what: what.unwrap_or_else(|| row.fix.to_string()),
            at: row.at,
            number: 0,
            of: 0,
            objection,
            run_id: row.run_id.clone(),
            run_at: row.at,
        }
    }
}
