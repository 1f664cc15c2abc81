//! A table of a session whose log is read when a plan first scans it.
//!
//! A lake has a table per asset type, and most queries read a few of them; whoever asks about one table should not wait for
//! the logs of all. What was read stays: in one session a table is at one version, that of its first reader or the one that
//! the session is pinned to.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::error::LakeError;

/// Reads a table's log.
type Load = Box<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn TableProvider>, LakeError>> + Send + Sync>;

/// A table that knows its columns, and its files once somebody reads them.
pub(crate) struct LazyTable {
    name: String,
    schema: SchemaRef,
    load: Load,
    loaded: OnceCell<Arc<dyn TableProvider>>,
}

impl LazyTable {
    /// The table `name`, which `load` yields with the columns of `schema`.
    pub(crate) fn new(name: &str, schema: SchemaRef, load: Load) -> Self {
        Self { name: name.to_owned(), schema, load, loaded: OnceCell::new() }
    }
}

impl fmt::Debug for LazyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyTable").field("name", &self.name).field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for LazyTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        self.loaded.get().and_then(|table| table.statistics())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let loaded = self.loaded.get_or_try_init(|| (self.load)()).await;
        let table = loaded.map_err(|error| DataFusionError::External(Box::new(error)))?;
        // A view knows its columns without the table's name.
        let filters: Vec<Expr> = filters.iter().cloned().map(unnormalize_col).collect();
        table.scan(state, projection, &filters, limit).await
    }
}
