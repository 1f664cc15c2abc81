//! A session that shows less of the lake than another: as it was at an earlier time, or only a group's assets. The
//! views over it are the same, so a number of last week or of a group is the same number as the report's.

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};
use pacbot_dashboards::register_views;

/// The state of issues is what the events fold to, as the diff has it.
const FOLD: &str = include_str!("../diff/fold.sql");

const TABLES: &[(&str, &str)] = &[
    ("runs", "select * from runs where run_at <= $until_at"),
    ("coverage", "select * from coverage where collected_at <= $until_at"),
    ("issue_events", "select * from issue_events where at <= $until_at"),
    ("policy_runs", "select * from policy_runs where evaluated_at <= $until_at"),
    ("deliveries", "select * from deliveries"),
    ("assets", "select * from assets"),
];

const GROUP_TABLES: &[(&str, &str)] = &[
    ("runs", "select * from runs"),
    ("policy_runs", "select * from policy_runs"),
    ("deliveries", "select * from deliveries"),
    ("coverage", "select * from coverage where account_id in (select account_id from members_assets)"),
    ("assets", "select * from members_assets"),
    ("issue_events", include_str!("digest/group_events.sql")),
    ("issues", include_str!("digest/group_issues.sql")),
];

/// A session over the lake as it was when the run of `until_at` had ended, with the views. `ctx` holds the lake's tables.
pub(crate) async fn as_of(ctx: &SessionContext, until_at: DateTime<Utc>) -> Result<SessionContext, DataFusionError> {
    let until_at = ScalarValue::TimestampMicrosecond(Some(until_at.timestamp_micros()), Some("UTC".into()));
    let seen = blank(ctx);
    for (name, sql) in TABLES {
        let frame = ctx.sql(sql).await?;
        let needs_time = sql.contains("$until_at");
        let frame = if needs_time { frame.with_param_values(vec![("until_at", until_at.clone())])? } else { frame };
        register(&seen, name, frame)?;
    }
    register(&seen, "issues", seen.sql(FOLD).await?)?;
    register_views(&seen).await?;
    Ok(seen)
}

/// A session over the assets of some groups and their issues, with the views. `ctx` holds the lake's tables and the
/// view `group_members`. What `policy_runs` counts is about all assets: the scores of a group are not to be read here.
pub(crate) async fn of_groups(ctx: &SessionContext, groups: &[String]) -> Result<SessionContext, DataFusionError> {
    let seen = blank(ctx);
    let listed = || {
        let values: Vec<ScalarValue> = groups.iter().map(|group| ScalarValue::from(group.as_str())).collect();
        ScalarValue::List(ScalarValue::new_list_nullable(&values, &arrow::datatypes::DataType::Utf8))
    };
    let members = ctx.sql(include_str!("digest/members_assets.sql")).await?;
    register(ctx, "members_assets", members.with_param_values(vec![("groups", listed())])?)?;
    for (name, sql) in GROUP_TABLES {
        let frame = ctx.sql(sql).await?;
        let frame = if sql.contains("$groups") { frame.with_param_values(vec![("groups", listed())])? } else { frame };
        register(&seen, name, frame)?;
    }
    ctx.deregister_table("members_assets")?;
    register_views(&seen).await?;
    Ok(seen)
}

/// An empty session that reads the same store with the same memory.
fn blank(ctx: &SessionContext) -> SessionContext {
    let seen = SessionContext::new_with_config_rt(ctx.copied_config(), ctx.runtime_env());
    for function in ctx.state().scalar_functions().values() {
        seen.register_udf(function.as_ref().clone());
    }
    seen
}

fn register(ctx: &SessionContext, name: &str, frame: DataFrame) -> Result<(), DataFusionError> {
    ctx.register_table(name, frame.into_view()).map(drop)
}

/// Whether the session has a table or view of that name.
pub(crate) fn has(ctx: &SessionContext, name: &str) -> Result<bool, DataFusionError> {
    ctx.table_exist(name)
}
