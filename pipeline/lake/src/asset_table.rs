//! Asset tables as people see them: with the age of the answer.
//!
//! A scope whose answer has not changed keeps its files, so the time in the files is when a row was first
//! seen *as it is*. `collected_at` is when its scope was last answered whole, which the coverage tells.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue, Statistics, project_schema};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use datafusion::prelude::{col, lit};
use pacbot_schemas::AssetType;
use tokio::sync::OnceCell;

use crate::answered_at::{AnsweredAt, Answers, Times};
use crate::error::LakeError;
use crate::lake::Lake;
use crate::session::register;

/// When each scope of each asset type was last answered whole; read once, when somebody asks for an age.
pub(crate) struct ScopeTimes {
    lake: Lake,
    coverage: Arc<dyn TableProvider>,
    run_at: DateTime<Utc>,
    times: OnceCell<Arc<Times>>,
}

/// The last complete answer of each scope, among the runs up to the session's time.
const LAST_ANSWERS: &str = "
    select asset_type, account_id, region, max(answered_at) as answered_at
    from recent_coverage
    where request = 'list' and answered_at is not null
    group by asset_type, account_id, region";

impl ScopeTimes {
    /// As the table `coverage` tells, up to the time `run_at`.
    pub(crate) fn of(lake: &Lake, coverage: Arc<dyn TableProvider>, run_at: DateTime<Utc>) -> Self {
        Self { lake: lake.clone(), coverage, run_at, times: OnceCell::new() }
    }

    async fn get(&self) -> Result<Arc<Times>, DataFusionError> {
        let times = self.times.get_or_try_init(|| async { Ok::<_, LakeError>(Arc::new(self.read().await?)) }).await;
        times.cloned().map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn read(&self) -> Result<Times, LakeError> {
        let failed = LakeError::query("coverage");
        let ctx = self.lake.bare(self.run_at)?;
        register(&ctx, "coverage", self.coverage.clone())?;
        let recent = self.lake.recent_coverage(&ctx, self.run_at).await.map_err(&failed)?;
        register(&ctx, "recent_coverage", recent.into_view())?;
        // One row per scope and type: small by construction.
        let batches = ctx.sql(LAST_ANSWERS).await.map_err(&failed)?.collect().await.map_err(&failed)?;
        let mut times: HashMap<String, Answers> = HashMap::new();
        for batch in &batches {
            let text = |index: usize| batch.column(index).as_string::<i32>();
            let at = batch.column(3).as_primitive::<TimestampMicrosecondType>();
            for row in 0..batch.num_rows() {
                let scope = (text(1).value(row).to_owned(), text(2).value(row).to_owned());
                times.entry(text(0).value(row).to_owned()).or_default().insert(scope, at.value(row));
            }
        }
        Ok(Times(times.into_iter().map(|(asset_type, answers)| (asset_type, Arc::new(answers))).collect()))
    }
}

impl fmt::Debug for ScopeTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeTimes").field("run_at", &self.run_at).finish_non_exhaustive()
    }
}

/// A table of assets whose `collected_at` is its scope's last whole answer; a plan that does not read the column does not
/// compute it.
///
/// For the planner it is a table, not a view: a view of all its columns would be planned again with every query.
#[derive(Debug)]
pub(crate) struct AssetTable {
    asset_type: AssetType,
    files: Arc<dyn TableProvider>,
    times: Arc<ScopeTimes>,
}

impl AssetTable {
    pub(crate) fn new(asset_type: &AssetType, files: Arc<dyn TableProvider>, times: Arc<ScopeTimes>) -> Self {
        Self { asset_type: asset_type.clone(), files, times }
    }
}

#[async_trait]
impl TableProvider for AssetTable {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        self.files.statistics()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let of_files = self.files.schema();
        let asked = project_schema(&of_files, projection)?;
        if asked.index_of("collected_at").is_err() {
            return self.files.scan(state, projection, filters, limit).await;
        }
        scan_with_age(self.files.as_ref(), lit(self.asset_type.as_str()), &self.times, state, &asked, filters).await
    }
}

/// `plan` with the columns of `schema`, of which `name` is `value` and the others are the plan's own.
pub(crate) fn with_value(
    plan: Arc<dyn ExecutionPlan>,
    schema: &SchemaRef,
    name: &str,
    value: &Arc<dyn PhysicalExpr>,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let columns = schema.fields().iter().map(|field| {
        let column: Arc<dyn PhysicalExpr> = match field.name() {
            given if given == name => value.clone(),
            own => Arc::new(Column::new(own, plan.schema().index_of(own)?)),
        };
        Ok((column, field.name().clone()))
    });
    let columns = columns.collect::<Result<Vec<_>, DataFusionError>>()?;
    Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
}

/// `asked` columns of a scan over `files`, of which `collected_at` is when the row's scope was last answered whole; the
/// asset's type is that of each row where `asset_type` is a column.
pub(crate) async fn scan_with_age(
    files: &dyn TableProvider,
    asset_type: Expr,
    times: &ScopeTimes,
    state: &dyn Session,
    asked: &SchemaRef,
    filters: &[Expr],
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let of_files = files.schema();
    let mut columns =
        asked.fields().iter().map(|field| of_files.index_of(field.name())).collect::<Result<Vec<usize>, _>>()?;
    for name in
        ["account_id", "collected_in"].into_iter().chain(asset_type.column_refs().iter().map(|column| column.name()))
    {
        let column = of_files.index_of(name)?;
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    // A filter on the age is none on what is in the files; whoever asks filters again.
    let filters = filters.iter().filter(|filter| filter.column_refs().iter().all(|read| read.name != "collected_at"));
    let filters: Vec<Expr> = filters.cloned().collect();
    let plan = files.scan(state, Some(&columns), &filters, None).await?;
    let known = DFSchema::try_from(plan.schema().as_ref().clone())?;
    let all = times.get().await?;
    let times = match &asset_type {
        // Whoever runs the plan elsewhere is sent the times, so those of one type are enough where there is one.
        Expr::Literal(ScalarValue::Utf8(Some(name)), _) => Arc::new(all.of_type(name)),
        _ => all,
    };
    let age = AnsweredAt::function("collected_at", times);
    let age = age.call(vec![asset_type, col("account_id"), col("collected_in"), col("collected_at")]);
    let age = state.create_physical_expr(age, &known)?;
    with_value(plan, asked, "collected_at", &age)
}
