//! A table of a session: DataFusion's own Parquet scan over files that are known.
//!
//! The log tells which files a version has, how large they are and how many rows they hold, so planning asks the store for
//! nothing: no listing, no footers. (A listing table asks for each file's size whenever a query is planned, and reads its
//! footer for statistics.) A file that is missing shows when it is read.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use pacbot_schemas::AssetType;

use crate::table::{DataFile, SEQUENCE};

/// Files that are read as one schema.
#[derive(Debug)]
pub(crate) struct LakeFiles {
    schema: TableSchema,
    store: ObjectStoreUrl,
    files: Vec<PartitionedFile>,
    statistics: Statistics,
}

impl LakeFiles {
    /// `files` of the table `name` in `store`; columns that a file has not are null.
    pub(crate) fn new(store: ObjectStoreUrl, name: &str, files: &[DataFile], schema: SchemaRef) -> Self {
        let sequence = schema.index_of(SEQUENCE).ok();
        let last = files.iter().map(|file| file.last_sequence).collect::<Option<Vec<i64>>>();
        let files = files.iter().map(|file| (partitioned(name, file), file.rows));
        let mut table = Self::of(store, TableSchema::from(schema), files.collect());
        // Everything that appends or folds events asks for the last one.
        if let (Some(place), Some(last)) = (sequence, last.and_then(|last| last.into_iter().max())) {
            table.statistics.column_statistics[place].max_value = Precision::Exact(ScalarValue::from(last));
        }
        table
    }

    /// The files of several asset types, read as the columns `schema`, which all of them have, and `asset_type`, which is last.
    pub(crate) fn of_types(store: ObjectStoreUrl, types: &[(&AssetType, Vec<DataFile>)], schema: SchemaRef) -> Self {
        let asset_type = Arc::new(Field::new("asset_type", DataType::Utf8, true));
        let files = types.iter().flat_map(|(asset_type, files)| {
            let name = asset_type.as_str();
            files.iter().map(move |file| {
                (partitioned(name, file).with_partition_values(vec![ScalarValue::from(name)]), file.rows)
            })
        });
        let schema = TableSchema::builder(schema).with_table_partition_cols(vec![asset_type]).build();
        Self::of(store, schema, files.collect())
    }

    fn of(store: ObjectStoreUrl, schema: TableSchema, files: Vec<(PartitionedFile, Option<u64>)>) -> Self {
        let rows =
            files.iter().map(|(_, rows)| rows.and_then(|rows| usize::try_from(rows).ok())).sum::<Option<usize>>();
        let size = files.iter().map(|(file, _)| usize::try_from(file.object_meta.size).unwrap_or_default()).sum();
        let statistics = Statistics::new_unknown(schema.table_schema())
            .with_num_rows(rows.map_or(Precision::Absent, Precision::Exact))
            .with_total_byte_size(Precision::Inexact(size));
        Self { schema, store, files: files.into_iter().map(|(file, _)| file).collect(), statistics }
    }
}

fn partitioned(name: &str, file: &DataFile) -> PartitionedFile {
    PartitionedFile::new(format!("{name}/{}", file.path), file.size)
}

#[async_trait]
impl TableProvider for LakeFiles {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The scan leaves out row groups; which rows it can filter by itself turns out when the plan is optimised.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics.clone())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let format = ParquetFormat::default();
        let source = format.file_source(self.schema.clone());
        let groups = FileGroup::new(self.files.clone()).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_statistics(self.statistics.clone())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, config).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use pacbot_schemas::RunId;
    use serde_json::json;

    use crate::testing::lake_in;

    #[tokio::test]
    async fn the_log_tells_how_many_there_are_and_which_is_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake_in(folder.path()).await;
        let run_id = RunId::new("run").unwrap();
        let write = async |part: &str, rows: &[serde_json::Value]| {
            lake.replace_run_values("issues", &run_id, part, rows, Utc::now()).await.unwrap();
        };
        let told = async || {
            let (ctx, _) = lake.own_session(&["issues"], Utc::now()).await.unwrap();
            let rows = ctx.sql("select count(*) as all, max(sequence) as last from issues").await.unwrap().collect();
            let rows: Vec<serde_json::Value> = crate::from_batches("issues", &rows.await?).unwrap();
            Ok::<_, datafusion::error::DataFusionError>((rows[0]["all"].clone(), rows[0]["last"].clone()))
        };
        write("a", &[json!({"issue_id": "1", "sequence": 7}), json!({"issue_id": "2", "sequence": 3})]).await;
        write("b", &[json!({"issue_id": "3", "sequence": 5})]).await;
        assert_eq!(told().await.unwrap(), (json!(3), json!(7)));
        // One whose rows have none: the files are read.
        write("c", &[json!({"issue_id": "4"})]).await;
        assert_eq!(told().await.unwrap(), (json!(4), json!(7)));
        write("c", &[json!({"issue_id": "4", "sequence": 8})]).await;
        for entry in std::fs::read_dir(folder.path().join("issues")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::remove_file(path).unwrap();
            }
        }
        assert_eq!(told().await.unwrap(), (json!(4), json!(8)), "no file is read");
    }
}
