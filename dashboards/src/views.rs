//! The views, one file each; the head of a file says what its rows and columns are.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::{JoinType, ScalarValue};
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::lit;
use datafusion::prelude::{DataFrame, SessionContext, col};
use pacbot_schemas::{Category, IssueState, Severity};

use crate::domain::{Domain, usual_weight};
use crate::lazy_views::Shown;
use crate::report::ReportError;

/// Name and text of each view, in an order in which each reads only those before it.
pub const VIEWS: &[(&str, &str)] = &[
    ("evaluations", include_str!("../views/evaluations.sql")),
    ("newest_policy_runs", include_str!("../views/newest_policy_runs.sql")),
    ("result_parts", include_str!("../views/result_parts.sql")),
    ("result_accounts", include_str!("../views/result_accounts.sql")),
    ("newest_violations", include_str!("../views/newest_violations.sql")),
    ("violation_cells", include_str!("../views/violation_cells.sql")),
    ("grouped_assets", include_str!("../views/grouped_assets.sql")),
    ("grouped_cells", include_str!("../views/grouped_cells.sql")),
    ("limited_cells", include_str!("../views/limited_cells.sql")),
    ("grouped_counts", include_str!("../views/grouped_counts.sql")),
    ("whole_counts", include_str!("../views/whole_counts.sql")),
    ("counts", COUNTS),
    ("issue_cells", include_str!("../views/issue_cells.sql")),
    ("keyed_assets", include_str!("../views/keyed_assets.sql")),
    ("grouped_issue_counts", include_str!("../views/grouped_issue_counts.sql")),
    ("whole_issue_counts", include_str!("../views/whole_issue_counts.sql")),
    ("viewed_issue_counts", VIEWED_ISSUE_COUNTS),
    ("policy_status", include_str!("../views/policy_status.sql")),
    ("viewed_cells", include_str!("../views/viewed_cells.sql")),
    ("severity_status", include_str!("../views/severity_status.sql")),
    ("recent_collections", include_str!("../views/recent_collections.sql")),
    ("answers", include_str!("../views/answers.sql")),
    ("known_accounts", include_str!("../views/known_accounts.sql")),
    ("viewed_accounts", include_str!("../views/viewed_accounts.sql")),
    ("viewed_policies", VIEWED_POLICIES),
    ("unjudged", include_str!("../views/unjudged.sql")),
    ("owned_assets", include_str!("../views/owned_assets.sql")),
    ("account_status", include_str!("../views/account_status.sql")),
    ("issue_changes", include_str!("../views/issue_changes.sql")),
    ("newest_diff", include_str!("../views/newest_diff.sql")),
    ("run_events", include_str!("../views/run_events.sql")),
    ("run_changes", include_str!("../views/run_changes.sql")),
    ("category_score", include_str!("../views/category_score.sql")),
    ("classic_score", include_str!("../views/classic_score.sql")),
    ("honest_score", include_str!("../views/honest_score.sql")),
    ("run_stages", include_str!("../views/run_stages.sql")),
    ("run_scopes", include_str!("../views/run_scopes.sql")),
    ("run_policies", include_str!("../views/run_policies.sql")),
    ("issue_counts", include_str!("../views/issue_counts.sql")),
    ("job_history", include_str!("../views/job_history.sql")),
    ("job_status", include_str!("../views/job_status.sql")),
    ("messages", include_str!("../views/messages.sql")),
    ("fixes_planned", include_str!("../views/fixes_planned.sql")),
];

/// The numbers of assets of the group that is looked at. Those of everything are the evaluation's own.
const COUNTS: &str = "select * from whole_counts";

/// The numbers of issues of the group that is looked at.
const VIEWED_ISSUE_COUNTS: &str = "select * from whole_issue_counts";

/// The policies that are looked at. Those of everything do not have to be counted for it.
const VIEWED_POLICIES: &str = "select policy_id from newest_policy_runs";

/// Those that have assets in the group that is looked at.
const COUNTED_POLICIES: &str = "select distinct policy_id from policy_status";

/// `answers` where one collection is all that counts: it has a row for each request of a scope.
const ANSWERS_OF_ONE: &str = "
    select
        account_id, account_name, region, asset_type, request, status, error_code, error, missing_permission, collected_at,
        answered_at
    from recent_coverage";

/// `viewed_accounts` where everything is looked at.
const ALL_ACCOUNTS: &str = "select account_id from known_accounts";

/// `known_accounts` where one collection is all that counts.
const ACCOUNTS_OF_ONE: &str = "select account_id, account_name from collected_accounts";

/// `owned_assets` where everything is looked at, and the newest evaluation counted, or one of the same collection.
const COUNTED_ASSETS: &str = "select account_id, assets from account_assets";

/// Whether that holds. An earlier version of PacBot noted nothing, and who looks at the past does not see what was noted then.
const IS_COUNTED: &str = "
    select count(*)
    from (select sum(assets) as assets, max(run_at) as run_at from account_assets) as counted
    join (select run_at, assets from evaluations order by run_at desc, started_at desc limit 1) as newest
        on counted.assets = newest.assets and counted.run_at <= newest.run_at";

/// `viewed_cells` where everything is looked at: issues are counted once.
const ALL_CELLS: &str = "
    select account_id, severity, state, sum(issues) as issues
    from issue_cells
    group by account_id, severity, state";

/// Whose numbers the views hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// Everything, as the group `*`.
    Whole,
    /// One group.
    One(String),
    /// Everything, and each visible group.
    Every,
}

/// A view, planned over a session that has the tables and the views that it reads.
pub(crate) async fn plan(
    ctx: &SessionContext,
    name: &str,
    sql: &str,
    Shown { grouping, domains }: &Shown,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let is_everything = *grouping == Grouping::Whole && domains.iter().all(Option::is_none);
    let frame = ctx.sql(sql).await?;
    let frame = match name {
        "counts" => grouped(ctx, frame, "grouped_counts", grouping).await?,
        "viewed_issue_counts" => grouped(ctx, frame, "grouped_issue_counts", grouping).await?,
        "answers" if number(ctx, COLLECTIONS).await? <= 1 => ctx.sql(ANSWERS_OF_ONE).await?,
        "known_accounts" if number(ctx, COLLECTIONS).await? <= 1 => ctx.sql(ACCOUNTS_OF_ONE).await?,
        "viewed_policies" if *grouping != Grouping::Whole => ctx.sql(COUNTED_POLICIES).await?,
        // No asset has to be read to look at everything.
        "viewed_accounts" if *grouping == Grouping::Whole => ctx.sql(ALL_ACCOUNTS).await?,
        "owned_assets" if *grouping == Grouping::Whole && number(ctx, IS_COUNTED).await? > 0 => {
            ctx.sql(COUNTED_ASSETS).await?
        }
        "viewed_cells" if is_everything => ctx.sql(ALL_CELLS).await?.cache().await?,
        // Where no policy is limited, the planner leaves out what is read for it.
        "limited_cells" if number(ctx, LIMITED).await? == 0 => frame.limit(0, Some(0))?,
        // The views below read these many times over, and a view is planned wherever it is read. They are small: a row a
        // policy, a row a policy and group, or what assets of a group, type and scope have in common.
        "newest_policy_runs"
        | "policy_status"
        | "grouped_cells"
        | "issue_cells"
        | "keyed_assets"
        | "recent_collections"
        | "grouped_issue_counts"
        | "viewed_cells" => frame.cache().await?,
        _ => frame,
    };
    Ok(frame.into_view())
}

/// Policies that are limited to groups.
const LIMITED: &str = "select count(*) from newest_policy_runs where array_length(groups) > 0";

/// Collections that count.
const COLLECTIONS: &str = "select collections from recent_collections";

/// The one number that a query yields.
async fn number(ctx: &SessionContext, sql: &str) -> Result<i64, DataFusionError> {
    let rows = ctx.sql(sql).await?.collect().await?;
    let missing = || DataFusionError::Internal("a count has no row".to_owned());
    Ok(rows.first().ok_or_else(missing)?.column(0).as_primitive::<Int64Type>().value(0))
}

/// What is looked at: `whole`, or the rows of a view that has all groups.
async fn grouped(
    ctx: &SessionContext,
    whole: DataFrame,
    view: &str,
    grouping: &Grouping,
) -> Result<DataFrame, DataFusionError> {
    match grouping {
        Grouping::Whole => Ok(whole),
        // As a value, so that it reaches the scans.
        Grouping::One(group) => ctx.table(view).await?.filter(col("group_id").eq(lit(group.as_str()))),
        Grouping::Every => {
            let visible = ctx.table("groups").await?.filter(col("visible"))?;
            let visible = visible.select(vec![col("group_id").alias("visible_id")])?;
            let groups =
                ctx.table(view).await?.join(visible, JoinType::LeftSemi, &["group_id"], &["visible_id"], None)?;
            whole.union(groups)
        }
    }
}

/// The policies of some domains (`domain_id`, `policy_id`); `None` is `*`, all policies.
pub(crate) async fn viewed_domains(
    ctx: &SessionContext,
    domains: &[Option<Domain>],
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let known = ctx.sql("select distinct policy_id, asset_type from policy_runs").await?.collect().await?;
    let policies: Vec<(&str, &str)> = known
        .iter()
        .flat_map(|batch| {
            let (ids, types) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            (0..batch.num_rows()).map(move |row| (ids.value(row), types.value(row)))
        })
        .collect();
    let mut viewed = BTreeSet::new();
    for domain in domains.iter().map(Option::as_ref) {
        let has = |(policy, asset_type): &&(&str, &str)| domain.is_none_or(|domain| domain.has(policy, asset_type));
        viewed.extend(policies.iter().filter(has).map(|(policy, _)| (domain_id(domain), *policy)));
    }
    let domains_of = text(&mut viewed.iter().map(|(domain, _)| *domain));
    let ids = text(&mut viewed.iter().map(|(_, policy)| *policy));
    values(vec![("domain_id", domains_of), ("policy_id", ids)])
}

fn domain_id(domain: Option<&Domain>) -> &str {
    domain.map_or("*", |domain| domain.id.as_str())
}

/// The weights of categories in some domains: `domain_id`, `category`, `category_weight`.
pub(crate) fn category_weights(domains: &[Option<Domain>]) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let mut weights = Vec::new();
    for domain in domains.iter().map(Option::as_ref) {
        weights.extend(Category::ALL.iter().map(|category| {
            let weight = domain.map_or_else(|| usual_weight(*category), |domain| domain.weight(*category));
            (domain_id(domain), category.as_str(), i64::from(weight))
        }));
    }
    let columns = vec![
        ("domain_id", text(&mut weights.iter().map(|(domain, _, _)| *domain))),
        ("category", text(&mut weights.iter().map(|(_, category, _)| *category))),
        (
            "category_weight",
            Arc::new(Int64Array::from_iter_values(weights.iter().map(|(_, _, weight)| *weight))) as ArrayRef,
        ),
    ];
    values(columns)
}

/// A column of texts.
pub(crate) fn text(values: &mut dyn Iterator<Item = &str>) -> ArrayRef {
    Arc::new(values.collect::<Vec<_>>().into_iter().map(Some).collect::<StringArray>())
}

/// A small table of values.
pub(crate) fn values(columns: Vec<(&str, ArrayRef)>) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let columns = columns.into_iter().map(|(column, values)| (column, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

/// How many issues are in a state, of a severity; a row of the view `issue_counts`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct IssueCount {
    /// The state.
    pub state: IssueState,
    /// The severity.
    pub severity: Severity,
    /// How many.
    pub issues: u64,
}

/// Every state and severity with its number of issues. `ctx` holds the views.
///
/// # Errors
///
/// Whatever the engine says.
pub async fn issue_counts(ctx: &SessionContext) -> Result<Vec<IssueCount>, ReportError> {
    crate::report::rows(ctx, "issue_counts", "select * from issue_counts").await
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
