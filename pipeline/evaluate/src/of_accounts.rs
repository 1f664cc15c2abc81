//! A table as some accounts see it: their rows alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, lit};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use crate::local::ACCOUNT;
use crate::row_policy::column;

/// Ids of accounts.
pub(crate) type AccountIds = Arc<BTreeSet<String>>;

/// Whether a row is of one of `accounts`.
pub(crate) fn is_of(accounts: &BTreeSet<String>) -> Expr {
    column(ACCOUNT).in_list(accounts.iter().map(|account| lit(account.as_str())).collect(), false)
}

/// The rows of a table that are of some accounts.
#[derive(Debug)]
pub(crate) struct OfAccounts {
    pub(crate) table: Arc<dyn TableProvider>,
    pub(crate) accounts: AccountIds,
}

#[async_trait]
impl TableProvider for OfAccounts {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let asked = projection.cloned().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let (mut columns, account) = (asked.clone(), schema.index_of(ACCOUNT)?);
        if !columns.contains(&account) {
            columns.push(account);
        }
        let plan = self.table.scan(state, Some(&columns), filters, None).await?;
        let known = DFSchema::try_from(plan.schema().as_ref().clone())?;
        // The optimizer lets the scan do it.
        let own = state.create_physical_expr(is_of(&self.accounts), &known)?;
        let plan: Arc<dyn ExecutionPlan> = Arc::new(FilterExec::try_new(own, plan)?);
        if columns.len() == asked.len() {
            return Ok(plan);
        }
        let known = plan.schema();
        let kept = known.fields().iter().take(asked.len()).enumerate();
        let kept: Vec<(Arc<dyn PhysicalExpr>, String)> = kept
            .map(|(place, field)| (Arc::new(Column::new(field.name(), place)) as _, field.name().clone()))
            .collect();
        Ok(Arc::new(ProjectionExec::try_new(kept, plan)?))
    }
}
