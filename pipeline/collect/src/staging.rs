//! Assets that wait to be landed: in memory while there is room, else in files.
//!
//! All scopes of a run share one [`StagingRoom`], so that memory is bounded whatever their number. A scope
//! that does not fit goes to an Arrow IPC file of its own, which is deleted with its [`StagedAssets`].

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use tempfile::{NamedTempFile, TempPath};
use xxhash_rust::xxh3::xxh3_128;

/// Why staged assets cannot be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// The file cannot be made or opened.
    #[error("failed to open a staging file in `{folder}`")]
    Open {
        /// Where.
        folder: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file cannot be written or read.
    #[error("failed to write or read a staging file in `{folder}`")]
    Batch {
        /// Where.
        folder: PathBuf,
        /// The cause.
        source: ArrowError,
    },
}

/// How much memory the staged assets of a run may take, and where they go beyond it. Clones share it.
#[derive(Debug, Clone)]
pub struct StagingRoom {
    folder: Arc<PathBuf>,
    limit_bytes: usize,
    used_bytes: Arc<AtomicUsize>,
}

impl StagingRoom {
    /// Room for `limit_bytes` in memory; `folder` must exist when more is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, limit_bytes: usize) -> Self {
        Self { folder: Arc::new(folder.into()), limit_bytes, used_bytes: Arc::new(AtomicUsize::new(0)) }
    }

    /// Memory that staged assets take now.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::Relaxed)
    }

    fn reserve(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit_bytes);
        self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn open_error(&self, source: std::io::Error) -> StagingError {
        StagingError::Open { folder: (*self.folder).clone(), source }
    }

    fn batch_error(&self, source: ArrowError) -> StagingError {
        StagingError::Batch { folder: (*self.folder).clone(), source }
    }

    fn release(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Batches of one scope while it is read.
pub(crate) struct Staging {
    room: StagingRoom,
    schema: SchemaRef,
    memory: Vec<RecordBatch>,
    reserved_bytes: usize,
    file: Option<(StreamWriter<BufWriter<File>>, TempPath)>,
    batches: usize,
    rows: u64,
    /// Where each asset stands, by a hash of its id: 128 bits, since a collision would drop an asset.
    places: HashMap<u128, (usize, usize)>,
    /// Rows of each batch that a later row of the same id replaces.
    replaced: BTreeMap<usize, Vec<usize>>,
    pub(crate) duplicates: u64,
}

impl Staging {
    pub(crate) fn new(room: StagingRoom, schema: SchemaRef) -> Self {
        Self {
            room,
            schema,
            memory: Vec::new(),
            reserved_bytes: 0,
            file: None,
            batches: 0,
            rows: 0,
            places: HashMap::new(),
            replaced: BTreeMap::new(),
            duplicates: 0,
        }
    }

    /// Adds a batch, whose first column is `asset_id`.
    ///
    /// # Errors
    ///
    /// [`StagingError`] if it must go to a file and cannot.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), StagingError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.note_ids(&batch);
        self.batches += 1;
        if self.file.is_none() {
            let bytes = batch.get_array_memory_size();
            if self.room.reserve(bytes) {
                self.reserved_bytes += bytes;
                self.memory.push(batch);
                return Ok(());
            }
            self.spill()?;
        }
        match &mut self.file {
            Some((writer, _)) => writer.write(&batch).map_err(|source| self.room.batch_error(source)),
            None => Ok(()),
        }
    }

    fn note_ids(&mut self, batch: &RecordBatch) {
        let ids = batch.column(0).as_string::<i32>();
        for (row, id) in ids.iter().enumerate() {
            self.rows += 1;
            let place = (self.batches, row);
            if let Some((batch, row)) = self.places.insert(xxh3_128(id.unwrap_or_default().as_bytes()), place) {
                self.replaced.entry(batch).or_default().push(row);
                self.duplicates += 1;
            }
        }
    }

    /// Moves what is in memory to a file.
    fn spill(&mut self) -> Result<(), StagingError> {
        let room = &self.room;
        let file = NamedTempFile::new_in(&*room.folder).map_err(|source| room.open_error(source))?;
        let (file, path) = file.into_parts();
        let writer = StreamWriter::try_new_buffered(file, &self.schema);
        let mut writer = writer.map_err(|source| room.batch_error(source))?;
        for batch in self.memory.drain(..) {
            writer.write(&batch).map_err(|source| room.batch_error(source))?;
        }
        self.file = Some((writer, path));
        self.room.release(std::mem::take(&mut self.reserved_bytes));
        Ok(())
    }

    /// What was added.
    ///
    /// # Errors
    ///
    /// [`StagingError`] if the file cannot be completed.
    pub(crate) fn finish(mut self) -> Result<StagedAssets, StagingError> {
        let mut path = None;
        if let Some((mut writer, file)) = self.file.take() {
            writer.finish().map_err(|source| self.room.batch_error(source))?;
            path = Some(file);
        }
        Ok(StagedAssets {
            schema: self.schema.clone(),
            memory: std::mem::take(&mut self.memory),
            file: path,
            rows: self.rows - self.duplicates,
            replaced: std::mem::take(&mut self.replaced),
            reserved_bytes: std::mem::take(&mut self.reserved_bytes),
            room: self.room.clone(),
        })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.room.release(self.reserved_bytes);
    }
}

/// The assets of one scope, each once. Dropping them frees their memory or file.
#[derive(Debug)]
pub struct StagedAssets {
    schema: SchemaRef,
    memory: Vec<RecordBatch>,
    file: Option<TempPath>,
    rows: u64,
    replaced: BTreeMap<usize, Vec<usize>>,
    reserved_bytes: usize,
    room: StagingRoom,
}

impl StagedAssets {
    /// No assets, of a type with this schema.
    pub(crate) fn empty(room: StagingRoom, schema: SchemaRef) -> Self {
        Self { schema, memory: Vec::new(), file: None, rows: 0, replaced: BTreeMap::new(), reserved_bytes: 0, room }
    }

    /// The asset type's schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The number of assets.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether they are in a file.
    #[must_use]
    pub fn is_spilled(&self) -> bool {
        self.file.is_some()
    }

    /// The assets, from the beginning each time. Blocks on the disk where they are in a file.
    ///
    /// An `Err` means that the rest is lost; nothing follows it.
    pub fn batches(self: &Arc<Self>) -> impl Iterator<Item = Result<RecordBatch, StagingError>> + Send + use<> {
        let (memory, file, assets) = (self.clone(), self.clone(), self.clone());
        let in_memory = (0..self.memory.len()).filter_map(move |index| memory.memory.get(index).cloned().map(Ok));
        let in_file = std::iter::once_with(move || file.in_file()).flatten();
        in_memory.chain(in_file).enumerate().map(move |(index, batch)| match assets.replaced.get(&index) {
            Some(rows) => without(&batch?, rows).map_err(|source| assets.room.batch_error(source)),
            None => batch,
        })
    }

    fn in_file(&self) -> Box<dyn Iterator<Item = Result<RecordBatch, StagingError>> + Send> {
        let Some(path) = &self.file else { return Box::new(std::iter::empty()) };
        let room = self.room.clone();
        let reader = File::open(path).map_err(|source| room.open_error(source)).and_then(|file| {
            StreamReader::try_new(BufReader::new(file), None).map_err(|source| room.batch_error(source))
        });
        match reader {
            Ok(reader) => Box::new(reader.map(move |batch| batch.map_err(|source| room.batch_error(source)))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }
}

impl Drop for StagedAssets {
    fn drop(&mut self) {
        self.room.release(self.reserved_bytes);
    }
}

fn without(batch: &RecordBatch, rows: &[usize]) -> Result<RecordBatch, ArrowError> {
    let mut is_kept = vec![true; batch.num_rows()];
    for row in rows {
        if let Some(kept) = is_kept.get_mut(*row) {
            *kept = false;
        }
    }
    filter_record_batch(batch, &BooleanArray::from(is_kept))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, StringArray};

    use super::*;

    fn batch(rows: &[(&str, &str)]) -> RecordBatch {
        let column = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
        let (ids, values) = rows.iter().copied().unzip();
        RecordBatch::try_from_iter([("asset_id", column(ids)), ("value", column(values))]).unwrap()
    }

    fn staged(room: &StagingRoom, batches: &[RecordBatch]) -> (Arc<StagedAssets>, u64) {
        let mut staging = Staging::new(room.clone(), batches[0].schema());
        batches.iter().for_each(|batch| staging.push(batch.clone()).unwrap());
        let duplicates = staging.duplicates;
        (Arc::new(staging.finish().unwrap()), duplicates)
    }

    fn read(assets: &Arc<StagedAssets>) -> Vec<(String, String)> {
        let batches: Vec<RecordBatch> = assets.batches().collect::<Result<_, _>>().unwrap();
        let column = |batch: &RecordBatch, at: usize| batch.column(at).as_string::<i32>().clone();
        let rows = batches.iter().flat_map(|batch| {
            let (ids, values) = (column(batch, 0), column(batch, 1));
            (0..batch.num_rows())
                .map(|row| (ids.value(row).to_owned(), values.value(row).to_owned()))
                .collect::<Vec<_>>()
        });
        rows.collect()
    }

    #[test]
    fn the_last_of_duplicates_stays_in_memory_and_in_files() {
        let folder = tempfile::tempdir().unwrap();
        let batches = [batch(&[("a", "1"), ("b", "1"), ("a", "2")]), batch(&[("b", "2"), ("c", "1")])];
        for limit_bytes in [usize::MAX, 0, batches[0].get_array_memory_size()] {
            let room = StagingRoom::new(folder.path(), limit_bytes);
            let (assets, duplicates) = staged(&room, &batches);
            assert_eq!(assets.is_spilled(), limit_bytes != usize::MAX);
            let expected = [("a", "2"), ("b", "2"), ("c", "1")].map(|(id, value)| (id.to_owned(), value.to_owned()));
            assert_eq!(read(&assets), expected);
            assert_eq!(read(&assets), expected, "a second time");
            assert_eq!((assets.rows(), duplicates), (3, 2));
        }
    }

    #[test]
    fn memory_and_files_are_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let one = batch(&[("a", "1")]);
        let room = StagingRoom::new(folder.path(), one.get_array_memory_size());
        let (first, _) = staged(&room, std::slice::from_ref(&one));
        assert_eq!(room.used_bytes(), one.get_array_memory_size());
        let (second, _) = staged(&room, std::slice::from_ref(&one));
        assert!(!first.is_spilled() && second.is_spilled());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        drop((first, second));
        assert_eq!(room.used_bytes(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(!staged(&room, &[one]).0.is_spilled());
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let one = batch(&[("a", "1")]);
        let mut staging = Staging::new(StagingRoom::new("/nowhere/at/all", 0), one.schema());
        assert!(matches!(staging.push(one), Err(StagingError::Open { .. })));
    }
}
