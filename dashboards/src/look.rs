//! A look at the lake: a session with the tables, people's groups and exceptions, and the views over all of it.
//!
//! A look is at the newest state or at that of an earlier evaluation, at everything or through a [`Lens`]: one asset group,
//! one domain, or both. All numbers come from the same views, whichever it is.

use chrono::{DateTime, Utc};
use datafusion::common::{JoinType, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::lit;
use datafusion::prelude::{DataFrame, SessionContext, col};
use pacbot_lake::{
    ExceptionError, Exceptions, FOLD_ISSUES, GroupError, Groups, Lake, LakeError, RunRow, SessionOptions,
};

use crate::domain::Domain;
use crate::views::{Grouping, register_domains, register_views};

/// Tables that a lens narrows; what they were is kept as `whole_NAME`.
const NARROWED: [&str; 3] = ["assets", "issues", "issue_events"];

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

/// What a look is limited to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lens {
    /// An asset group.
    pub group: Option<String>,
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
        let options = SessionOptions { versions: run.versions(), run_at: at, only_pinned: true, history: false };
        let ctx = lake.session(options).await?;
        for (table, time) in [("runs", "run_at"), ("issue_events", "at")] {
            let past = ctx.table(table).await?.filter(col(time).lt_eq(datafusion::prelude::now()))?;
            ctx.deregister_table(table)?;
            ctx.register_table(table, past.into_view())?;
        }
        let folded = ctx.sql(FOLD_ISSUES).await?;
        ctx.deregister_table("issues")?;
        ctx.register_table("issues", folded.into_view())?;
        Self::over(lake, ctx, files, at).await
    }

    async fn over(lake: &Lake, ctx: SessionContext, files: Groups, at: DateTime<Utc>) -> Result<Self, LookError> {
        let groups = files.with_saved(lake, &ctx, at).await?;
        groups.register(&ctx).await?;
        let exceptions = Exceptions::read(lake, at).await?;
        exceptions.register(&ctx, &groups).await?;
        for name in NARROWED {
            let whole = ctx.table_provider(name).await?;
            ctx.register_table(format!("whole_{name}"), whole)?;
        }
        let look = Self { ctx, groups, exceptions };
        look.limit(&Lens::default()).await?;
        Ok(look)
    }

    /// Limits the tables `assets`, `issues` and `issue_events` and all views to what the lens shows.
    ///
    /// # Errors
    ///
    /// [`LookError::Group`] when there is no such group.
    pub async fn limit(&self, lens: &Lens) -> Result<(), LookError> {
        let ctx = &self.ctx;
        register_domains(ctx, &[lens.domain.as_ref()]).await?;
        for name in NARROWED {
            let mut frame = ctx.table(format!("whole_{name}")).await?;
            if let Some(group) = &lens.group {
                self.groups.find(group)?;
                frame = of_group(ctx, frame, group).await?;
            }
            if lens.domain.is_some() && name != "assets" {
                let viewed = ctx.table("viewed_domains").await?.select(vec![col("policy_id").alias("viewed")])?;
                frame = frame.join(viewed, JoinType::LeftSemi, &["policy_id"], &["viewed"], None)?;
            }
            ctx.deregister_table(name)?;
            ctx.register_table(name, frame.into_view())?;
        }
        Ok(register_views(ctx, lens.group.as_deref().map_or(Grouping::Whole, Grouping::One)).await?)
    }

    /// Has the views `policy_status`, `category_score`, `classic_score` and `honest_score` hold everything (`*`) and each
    /// visible group, all policies (`*`) and each of `domains`. For a look that no lens has limited.
    pub(crate) async fn by_group(&self, domains: &[Domain]) -> Result<(), LookError> {
        let domains: Vec<Option<&Domain>> = std::iter::once(None).chain(domains.iter().map(Some)).collect();
        register_domains(&self.ctx, &domains).await?;
        Ok(register_views(&self.ctx, Grouping::Every).await?)
    }
}

async fn of_group(ctx: &SessionContext, frame: DataFrame, group: &str) -> Result<DataFrame, DataFusionError> {
    if let Some(account) = group.strip_prefix("account:") {
        return frame.filter(col("account_id").eq(lit(account)));
    }
    let members = ctx.sql(IN_GROUP).await?.with_param_values(vec![("group", ScalarValue::from(group))])?;
    frame.join(members, JoinType::LeftSemi, &["asset_type", "asset_id"], &["of_type", "of_id"], None)
}
