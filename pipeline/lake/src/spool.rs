//! Batches that wait to be written: in memory while they are few, on disk beyond.

use std::io::{Seek, SeekFrom};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use futures::stream::{self, BoxStream, StreamExt};
use tempfile::SpooledTempFile;

use crate::error::LakeError;

/// Beyond this many bytes, a spool is a file in the system's temporary folder.
const BYTES_IN_MEMORY: usize = 512 << 10;

/// Batches of one table, pushed one by one and then read once.
pub struct Spool {
    table: String,
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
        Ok(Self { table: table.to_owned(), writer, rows: 0 })
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
