//! The table `assets` of a session over the lake: one scan of the files of all asset types.
//!
//! A scan for each type would be a plan as large as the number of types, and preparing it would take longer than reading
//! most of them. All types have the common columns, so their files are read as one table; a file's type is a value that it
//! comes with. It shows the same as [`mod@crate::all_assets`] over the types' own tables.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, project_schema};
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::col;
use futures::{StreamExt, TryStreamExt, stream};
use pacbot_schemas::AssetType;

use crate::all_assets::{filter_kinds, of_types};
use crate::asset_table::{ScopeTimes, scan_with_age};
use crate::error::LakeError;
use crate::lake_files::LakeFiles;
use crate::pinned::Pinned;
use crate::session::root;
use crate::spawned::spawned;
use crate::table::Table;

/// Tables whose logs are read at the same time.
const LOGS_AT_ONCE: usize = 16;

/// The assets of all types.
#[derive(Debug)]
pub(crate) struct AllFiles {
    schema: SchemaRef,
    types: Vec<(AssetType, Arc<Pinned>)>,
    times: Arc<ScopeTimes>,
}

impl AllFiles {
    /// Over the tables of these types, with the columns `schema`.
    pub(crate) fn new(schema: SchemaRef, types: Vec<(AssetType, Arc<Pinned>)>, times: Arc<ScopeTimes>) -> Self {
        Self { schema, types, times }
    }

    /// The files of the types that filters on the type alone do not rule out.
    async fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<LakeFiles>> {
        let failed = |error: LakeError| DataFusionError::External(Box::new(error));
        let names: Vec<&str> = self.types.iter().map(|(asset_type, _)| asset_type.as_str()).collect();
        let asked = of_types(state, &names, filters)?;
        let asked: Vec<&(AssetType, Arc<Pinned>)> =
            self.types.iter().zip(asked).filter(|(_, asked)| *asked).map(|(of_type, _)| of_type).collect();
        let read = asked.into_iter().map(|(asset_type, pinned)| {
            let pinned = pinned.clone();
            async move {
                // A log is small: reading it is work for a core, and there is more than one.
                let files = spawned(async move { pinned.table().await?.map(Table::files).transpose() });
                Ok::<_, DataFusionError>((asset_type, files.await?.map_err(failed)?.unwrap_or_default()))
            }
        });
        let read: Vec<_> = read.collect();
        let types: Vec<_> = stream::iter(read).buffered(LOGS_AT_ONCE).try_collect().await?;
        if types.iter().all(|(_, files)| files.is_empty()) {
            return Ok(None);
        }
        let common = self.schema.fields().iter().filter(|field| field.name() != "asset_type").cloned();
        let common = Arc::new(Schema::new(common.collect::<Vec<_>>()));
        Ok(Some(LakeFiles::of_types(root("assets").map_err(failed)?, &types, common)))
    }
}

#[async_trait]
impl TableProvider for AllFiles {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filter_kinds(filters))
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked = project_schema(&self.schema, projection)?;
        let Some(files) = self.files(state, filters).await? else { return Ok(Arc::new(EmptyExec::new(asked))) };
        let filters: Vec<Expr> = filters.iter().cloned().map(unnormalize_col).collect();
        if asked.index_of("collected_at").is_ok() {
            return scan_with_age(&files, col("asset_type"), &self.times, state, &asked, &filters).await;
        }
        let of_files = files.schema();
        let columns = asked.fields().iter().map(|field| of_files.index_of(field.name()));
        files.scan(state, Some(&columns.collect::<Result<Vec<usize>, _>>()?), &filters, limit).await
    }
}
