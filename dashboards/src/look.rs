//! A look at the lake: a session with the tables, people's groups and exceptions, and the views over all of it.
//!
//! A look is at the newest state or at that of an earlier evaluation, at everything or through a [`Lens`]: asset groups, one
//! domain, or both. All numbers come from the same views, whichever it is.

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::common::{JoinType, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{DataFrame, SessionContext, col};
use pacbot_lake::{
    ExceptionError, Exceptions, GroupError, Groups, Lake, LakeError, RunRow, SessionOptions, folded_issues,
};

use crate::domain::Domain;
use crate::lazy_views::{LazyViews, Shown};
use crate::views::Grouping;

/// Tables that a lens narrows; what they were is kept as `whole_NAME`.
const NARROWED: [&str; 3] = ["assets", "issues", "issue_events"];

/// Tables that get the members of a group that is made of several, and where those are found.
const GATHERED: [(&str, &str); 3] = [
    ("group_members", "whole_group_members"),
    ("named_members", "whole_group_members"),
    ("asset_group_members", "whole_asset_group_members"),
];

/// Assets that are or, before they were gone, were in a group.
const IN_GROUP: &str = "
    select asset_type as of_type, asset_id as of_id from group_members where group_id = $group
    union
    select asset_type, asset_id from asset_group_members where group_id = $group and left_at is not null";

/// Why the lake cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The lake.
    #[error("the lake failed")]
    Lake(#[from] LakeError),
    /// A group.
    #[error("the asset groups cannot be used")]
    Group(#[from] GroupError),
    /// An exception.
    #[error("the exceptions cannot be used")]
    Exception(#[from] ExceptionError),
    /// A view.
    #[error("failed to plan the views")]
    Views(#[from] DataFusionError),
}

/// The last event that `issues` has, the last that there is, and when that was.
const NEWEST_EVENT: &str = "
    select
        (select coalesce(max(sequence), 0) from issues),
        coalesce(max(sequence), 0),
        coalesce(max(at), arrow_cast(0, 'Timestamp(Microsecond, Some(\"UTC\"))'))
    from issue_events";

/// What a look is limited to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lens {
    /// Asset groups: what is in any of them. Without, everything.
    pub groups: Vec<String>,
    /// A domain.
    pub domain: Option<Domain>,
}

/// A session with everything that there is to see.
pub struct Look {
    /// The session.
    pub ctx: SessionContext,
    /// The groups as of the look's time.
    pub groups: Groups,
    /// The exceptions as of the look's time.
    pub exceptions: Exceptions,
    views: LazyViews,
}

impl Look {
    /// At the newest state. `files` are the groups that are files; `now` is the time by which exceptions hold.
    ///
    /// # Errors
    ///
    /// [`LookError`]
    pub async fn newest(lake: &Lake, files: Groups, now: DateTime<Utc>) -> Result<Self, LookError> {
        let ctx = lake.session(SessionOptions::newest(now)).await?;
        Self::over(lake, ctx, files, now).await
    }

    /// At the state that an earlier evaluation judged, with today's group files.
    ///
    /// # Errors
    ///
    /// [`LookError`]; versions may be gone after their retention.
    pub async fn at_run(lake: &Lake, files: Groups, run: &RunRow) -> Result<Self, LookError> {
        let at = run.run_at;
        let ctx = lake.session(SessionOptions::pinned(run.versions(), at)).await?;
        let is_newest = holds_now(&ctx, at).await?;
        let until = ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into()));
        for (table, time) in [("runs", "run_at"), ("issue_events", "at")] {
            let past = ctx.table(table).await?.filter(col(time).lt_eq(lit(until.clone())))?;
            ctx.deregister_table(table)?;
            ctx.register_table(table, past.into_view())?;
        }
        if !is_newest {
            let folded = folded_issues(&ctx, 0).await?;
            ctx.deregister_table("issues")?;
            ctx.register_table("issues", folded.into_view())?;
        }
        Self::over(lake, ctx, files, at).await
    }

    async fn over(lake: &Lake, ctx: SessionContext, files: Groups, at: DateTime<Utc>) -> Result<Self, LookError> {
        let (groups, exceptions) = Exceptions::apply(lake, &ctx, files, at).await?;
        for name in NARROWED.into_iter().chain(GATHERED.map(|(name, _)| name)) {
            let whole = ctx.table_provider(name).await?;
            ctx.register_table(format!("whole_{name}"), whole)?;
        }
        let views = LazyViews::install(&ctx, Shown { grouping: Grouping::Whole, domains: vec![None] })?;
        Ok(Self { ctx, groups, exceptions, views })
    }

    /// Limits the tables `assets`, `issues` and `issue_events` and all views to what the lens shows.
    ///
    /// # Errors
    ///
    /// [`LookError::Group`] when there is no such group.
    pub async fn limit(&self, lens: &Lens) -> Result<(), LookError> {
        let ctx = &self.ctx;
        let group = self.gather(&lens.groups).await?;
        let grouping = group.clone().map_or(Grouping::Whole, Grouping::One);
        self.views.show(Shown { grouping, domains: vec![lens.domain.clone()] })?;
        for name in NARROWED {
            let mut frame = ctx.table(format!("whole_{name}")).await?;
            if let Some(group) = &group {
                frame = of_group(ctx, frame, group).await?;
            }
            if lens.domain.is_some() && name != "assets" {
                let viewed = ctx.table("viewed_domains").await?.select(vec![col("policy_id").alias("viewed")])?;
                frame = frame.join(viewed, JoinType::LeftSemi, &["policy_id"], &["viewed"], None)?;
            }
            ctx.deregister_table(name)?;
            ctx.register_table(name, frame.into_view())?;
        }
        Ok(())
    }

    /// The group of what is in any of `groups`. One is itself; of several, one is made for this session.
    async fn gather(&self, groups: &[String]) -> Result<Option<String>, LookError> {
        for group in groups {
            self.groups.find(group)?;
        }
        let [_, _, ..] = groups else { return Ok(groups.first().cloned()) };
        // No group of people has such an id.
        let id = groups.join("+");
        let any: Vec<Expr> = groups.iter().map(|group| lit(group.as_str())).collect();
        for (name, source) in GATHERED {
            let whole = self.ctx.table(format!("whole_{name}")).await?;
            let source = self.ctx.table(source).await?;
            let columns = source.schema().fields().iter().map(|field| match field.name().as_str() {
                "group_id" => lit(id.as_str()).alias("group_id"),
                other => col(other),
            });
            let columns: Vec<Expr> = columns.collect();
            let gathered = source.filter(col("group_id").in_list(any.clone(), false))?.select(columns)?;
            let gathered = whole.union(gathered.distinct()?)?;
            self.ctx.deregister_table(name)?;
            self.ctx.register_table(name, gathered.into_view())?;
        }
        Ok(Some(id))
    }

    /// Has the views `policy_status`, `category_score`, `classic_score` and `honest_score` hold everything (`*`) and each
    /// visible group, all policies (`*`) and each of `domains`. For a look that no lens has limited.
    pub(crate) fn by_group(&self, domains: &[Domain]) -> Result<(), LookError> {
        let domains = std::iter::once(None).chain(domains.iter().cloned().map(Some)).collect();
        Ok(self.views.show(Shown { grouping: Grouping::Every, domains })?)
    }
}

/// Whether nothing has become of any issue since `at`, so that the table `issues` is what all events until then fold to.
async fn holds_now(ctx: &SessionContext, at: DateTime<Utc>) -> Result<bool, DataFusionError> {
    let newest = ctx.sql(NEWEST_EVENT).await?.collect().await?;
    let Some(batch) = newest.first() else { return Ok(false) };
    let sequence = |place: usize| batch.column(place).as_primitive::<Int64Type>().value(0);
    let newest_at = batch.column(2).as_primitive::<TimestampMicrosecondType>().value(0);
    Ok(sequence(0) == sequence(1) && newest_at <= at.timestamp_micros())
}

async fn of_group(ctx: &SessionContext, frame: DataFrame, group: &str) -> Result<DataFrame, DataFusionError> {
    if let Some(account) = group.strip_prefix("account:") {
        return frame.filter(col("account_id").eq(lit(account)));
    }
    let members = ctx.sql(IN_GROUP).await?.with_param_values(vec![("group", ScalarValue::from(group))])?;
    frame.join(members, JoinType::LeftSemi, &["asset_type", "asset_id"], &["of_type", "of_id"], None)
}
