//! Batches that wait to be written: in memory while they are few, on disk beyond.

use std::fmt;
use std::io::{Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream::{self, BoxStream, StreamExt};
use tempfile::SpooledTempFile;

use crate::error::LakeError;

/// Beyond this many bytes, a spool is a file in the system's temporary folder.
const BYTES_IN_MEMORY: usize = 512 << 10;

/// Batches of one table, pushed one by one and then read once.
pub struct Spool {
    table: String,
    schema: SchemaRef,
    writer: StreamWriter<SpooledTempFile>,
    rows: u64,
}

impl Spool {
    /// An empty spool for rows of `table`.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when the schema cannot be written.
    pub fn new(table: &str, schema: &Schema) -> Result<Self, ArrowError> {
        let writer = StreamWriter::try_new(tempfile::spooled_tempfile(BYTES_IN_MEMORY), schema)?;
        Ok(Self { table: table.to_owned(), schema: Arc::new(schema.clone()), writer, rows: 0 })
    }

    /// Keeps a batch.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when the temporary folder is full.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch)
    }

    /// How many rows it holds.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The batches, in the order in which they came.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<RecordBatch, LakeError>> {
        let failed = LakeError::rows(&self.table);
        match reader(self.writer) {
            Ok(batches) => stream::iter(batches.map(move |batch| batch.map_err(&failed))).boxed(),
            Err(error) => stream::iter([Err(failed(error))]).boxed(),
        }
    }
}

impl Spool {
    /// The batches as a table that can be read once.
    pub(crate) fn into_table(self) -> Result<Arc<dyn TableProvider>, LakeError> {
        let (table, schema) = (self.table.clone(), self.schema.clone());
        let once = Once { schema: schema.clone(), rows: Mutex::new(Some(self.into_stream())) };
        let table = StreamingTable::try_new(schema, vec![Arc::new(once)]).map_err(LakeError::query(&table))?;
        Ok(Arc::new(table))
    }
}

/// Rows that are there once.
struct Once {
    schema: SchemaRef,
    rows: Mutex<Option<BoxStream<'static, Result<RecordBatch, LakeError>>>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take();
        let again = || DataFusionError::Internal("a spool is read a second time".to_owned());
        let rows = match rows {
            Some(rows) => rows.map(|batch| batch.map_err(|error| DataFusionError::External(Box::new(error)))).boxed(),
            None => stream::iter([Err(again())]).boxed(),
        };
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows))
    }
}

fn reader(writer: StreamWriter<SpooledTempFile>) -> Result<StreamReader<SpooledTempFile>, ArrowError> {
    let mut file = writer.into_inner()?;
    file.seek(SeekFrom::Start(0))?;
    StreamReader::try_new(file, None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_in_memory_comes_back_in_order() {
        let batch = |from: i64| {
            let column = Arc::new(Int64Array::from_iter_values(from..from + 100_000)) as _;
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let mut spool = Spool::new("numbers", &batch(0).schema()).unwrap();
        let pushed: Vec<RecordBatch> = (0..10).map(|n| batch(n * 100_000)).collect();
        pushed.iter().for_each(|batch| spool.push(batch).unwrap());
        let read: Vec<RecordBatch> = spool.into_stream().try_collect().await.unwrap();
        assert_eq!(read, pushed, "8 MB went through a file");
    }
}
