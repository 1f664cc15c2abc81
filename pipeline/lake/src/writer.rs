//! Writes a stream of rows as Parquet files of a table, without committing them.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::error::ArrowError;
use arrow::util::display::FormatOptions;
use deltalake_core::kernel::Add;
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tokio::task::{JoinError, JoinSet};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::table::Table;

/// Columns whose values hardly ever come twice: a dictionary of them would be made in vain.
const UNIQUE: &[&str] = &["asset_id", "content_hash", "issue_id", "raw"];

/// Columns of which nobody looks for a range of values: to keep the smallest and largest of each page takes longer than to
/// compress them.
const NO_RANGE: &[&str] = &["content_hash", "evidence", "issue_id", "key", "raw", "reason"];

/// Rows that a file keeps together. A writer holds so many in memory, and a reader that looks for an account, or has cores
/// left, takes them one by one.
pub(crate) const ROWS_OF_A_GROUP: usize = 128 * 1024;

/// A value that does not fit is no null.
const STRICT: CastOptions<'_> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// Like [`write()`], for streams that are written side by side.
pub(crate) async fn write_all(
    lake: &Lake,
    table: &Table,
    streams: Vec<BoxStream<'static, Result<RecordBatch, LakeError>>>,
    tag: Option<(&'static str, String)>,
) -> Result<Vec<Add>, LakeError> {
    let mut writing = JoinSet::new();
    for rows in streams {
        let (lake, table, tag) = (lake.clone(), table.clone(), tag.clone());
        writing.spawn(async move {
            let tags: Vec<(&str, &str)> = tag.iter().map(|(name, value)| (*name, value.as_str())).collect();
            write(&lake, &table, rows, &tags).await
        });
    }
    let mut add = Vec::new();
    while let Some(written) = writing.join_next().await {
        let failed = |error: JoinError| LakeError::rows(table.name())(ArrowError::ExternalError(Box::new(error)));
        add.extend(written.map_err(failed)??);
    }
    Ok(add)
}

/// Streams `rows` into new files, which no version holds before they are committed. `tags` go with every file. Columns are
/// the table's, in its order; a value that does not fit its column's type is an error.
pub(crate) async fn write(
    lake: &Lake,
    table: &Table,
    mut rows: impl Stream<Item = Result<RecordBatch, LakeError>> + Unpin,
    tags: &[(&str, &str)],
) -> Result<Vec<Add>, LakeError> {
    let failed = LakeError::table(table.name(), "written");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROWS_OF_A_GROUP));
    for column in UNIQUE {
        properties = properties.set_column_dictionary_enabled((*column).into(), false);
    }
    for column in NO_RANGE {
        properties = properties.set_column_statistics_enabled((*column).into(), EnabledStatistics::None);
    }
    let mut writer = RecordBatchWriter::for_table(&table.delta)
        .map_err(&failed)?
        .with_writer_properties(properties.build())
        .with_target_file_size(lake.file_size_of(table.name()));
    let schema = writer.arrow_schema();
    let mut written = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        if batch.num_rows() > 0 {
            written += batch.num_rows();
            // What was read for an evaluation has its texts as views.
            let columns = batch.columns().iter().zip(schema.fields());
            let columns = columns.map(|(column, field)| cast_with_options(column, field.data_type(), &STRICT));
            let batch =
                columns.collect::<Result<_, _>>().and_then(|columns| RecordBatch::try_new(schema.clone(), columns));
            let batch = batch.map_err(LakeError::rows(table.name()))?;
            writer.write(batch).await.map_err(&failed)?;
        }
    }
    if written == 0 {
        return Ok(Vec::new());
    }
    let mut adds = writer.flush().await.map_err(&failed)?;
    let tags: HashMap<String, Option<String>> =
        tags.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect();
    if !tags.is_empty() {
        adds.iter_mut().for_each(|add| add.tags = Some(tags.clone()));
    }
    Ok(adds)
}
