//! A remote store whose small objects are read whole, and once.
//!
//! What a lake consists of is written once and never changed, and most of it is small: the log entries, and the files of most
//! tables. A scan asks such a file for its footer and then for each run of columns, and every policy scans it again; over a
//! network, requests are what that takes. So whoever asks for a part of a small file gets it from all of it, which is kept,
//! the most recently used ones up to [`BUDGET`]. Objects that may change are always asked for.
//!
//! A file that was read and then deleted is still read. Whoever reads it has a version that names it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use lru::LruCache;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The most bytes of an object that is kept.
const SMALL: u64 = 1 << 20;

/// Bytes that are kept in all.
const BUDGET: usize = 64 << 20;

/// What is known of an object.
#[derive(Debug, Clone)]
enum Known {
    /// All of it.
    Kept(Bytes, ObjectMeta),
    /// That it is not small.
    Large,
}

#[derive(Debug)]
struct Memory {
    objects: LruCache<Path, Known>,
    bytes: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct SmallObjects {
    store: Arc<dyn ObjectStore>,
    memory: Mutex<Memory>,
}

impl SmallObjects {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, memory: Mutex::new(Memory { objects: LruCache::unbounded(), bytes: 0 }) }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, location: &Path) -> Option<Known> {
        self.memory().objects.get(location).cloned()
    }

    /// All of an object of which a part is wanted that a small one could have; `None` when it is not small.
    async fn whole(&self, location: &Path) -> Result<Option<(Bytes, ObjectMeta)>> {
        match self.known(location) {
            Some(Known::Kept(bytes, meta)) => return Ok(Some((bytes, meta))),
            Some(Known::Large) => return Ok(None),
            None => {}
        }
        let range = Some(GetRange::Bounded(0..SMALL));
        let found = self.store.get_opts(location, GetOptions { range, ..GetOptions::default() }).await?;
        if self.is_large(location, &found) { Ok(None) } else { self.kept(location, found).await.map(Some) }
    }

    /// Whether an answer is of an object that is not small, which is remembered.
    fn is_large(&self, location: &Path, found: &GetResult) -> bool {
        let is_large = found.meta.size > SMALL;
        if is_large {
            self.memory().objects.put(location.clone(), Known::Large);
        }
        is_large
    }

    /// Keeps all of a small object.
    async fn kept(&self, location: &Path, found: GetResult) -> Result<(Bytes, ObjectMeta)> {
        let meta = found.meta.clone();
        let bytes = found.bytes().await?;
        self.memory().keep(location, &bytes, &meta);
        Ok((bytes, meta))
    }
}

impl Memory {
    fn keep(&mut self, location: &Path, bytes: &Bytes, meta: &ObjectMeta) {
        self.bytes += bytes.len();
        let known = Known::Kept(bytes.clone(), meta.clone());
        if let Some(Known::Kept(before, _)) = self.objects.put(location.clone(), known) {
            self.bytes -= before.len();
        }
        while self.bytes > BUDGET {
            match self.objects.pop_lru() {
                Some((_, Known::Kept(oldest, _))) => self.bytes -= oldest.len(),
                Some((_, Known::Large)) => {}
                None => return,
            }
        }
    }
}

/// Whether an object is never written again: a commit of a log, or a data file or checkpoint.
fn is_final(location: &Path) -> bool {
    let name = location.filename().unwrap_or_default();
    let is_commit = name.strip_suffix(".json").is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()));
    is_commit || name.ends_with(".parquet")
}

/// Whether the answer is the object's bytes, whatever state it is in.
fn is_plain(options: &GetOptions) -> bool {
    !options.head
        && options.version.is_none()
        && options.if_match.is_none()
        && options.if_none_match.is_none()
        && options.if_modified_since.is_none()
        && options.if_unmodified_since.is_none()
}

fn answer(bytes: Bytes, meta: ObjectMeta, range: Range<u64>) -> GetResult {
    let part = bytes.slice(range.start as usize..range.end as usize);
    let payload = GetResultPayload::Stream(stream::iter([Ok(part)]).boxed());
    GetResult { payload, meta, range, attributes: Attributes::default() }
}

impl fmt::Display for SmallObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for SmallObjects {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !is_final(location) || !is_plain(&options) {
            return self.store.get_opts(location, options).await;
        }
        let whole = match (&options.range, self.known(location)) {
            (_, Some(Known::Kept(bytes, meta))) => Some((bytes, meta)),
            (Some(GetRange::Bounded(range)), None) if range.end <= SMALL => self.whole(location).await?,
            (None, None) => {
                let found = self.store.get_opts(location, options).await?;
                if self.is_large(location, &found) {
                    return Ok(found);
                }
                let (bytes, meta) = self.kept(location, found).await?;
                let range = 0..meta.size;
                return Ok(answer(bytes, meta, range));
            }
            _ => None,
        };
        let range = options.range.clone();
        let part = whole.and_then(|(bytes, meta)| {
            let range = range.map_or(Ok(0..meta.size), |range| range.as_range(meta.size)).ok()?;
            Some(answer(bytes, meta, range))
        });
        match part {
            Some(part) => Ok(part),
            // Large, or a range that it has not: the store says so.
            None => self.store.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let end = ranges.iter().map(|range| range.end).max().unwrap_or_default();
        if is_final(location)
            && end <= SMALL
            && let Some((bytes, _)) = self.whole(location).await?
            && end <= bytes.len() as u64
        {
            return Ok(ranges.iter().map(|range| bytes.slice(range.start as usize..range.end as usize)).collect());
        }
        self.store.get_ranges(location, ranges).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests;
