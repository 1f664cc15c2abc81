//! The lake's store as sessions see it: readable only, and without silent gaps.
//!
//! The engine takes a file that is not there for an empty folder. A version names its files, so one that is missing is
//! lost: its rows must not be taken for gone.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A file that a version names and that is not there.
#[derive(Debug, thiserror::Error)]
#[error("the file `{0}` is missing although a version of its table holds it")]
struct LostFile(Path);

#[derive(Debug)]
pub(crate) struct SessionStore(pub(crate) Arc<dyn ObjectStore>);

impl fmt::Display for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (read only)", self.0)
    }
}

fn told(error: Error, location: &Path) -> Error {
    match error {
        Error::NotFound { .. } => Error::Generic { store: "lake", source: Box::new(LostFile(location.clone())) },
        error => error,
    }
}

fn refused() -> Error {
    Error::NotSupported { source: "sessions only read".into() }
}

#[async_trait]
impl ObjectStore for SessionStore {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(refused())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(refused())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut found = self.0.get_opts(location, options).await.map_err(|error| told(error, location))?;
        // A store below a prefix answers with the whole path, and the engine drops a file that is not where it asked.
        found.meta.location = location.clone();
        Ok(found)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await.map_err(|error| told(error, location))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| Err(refused())).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use object_store::prefix::PrefixStore;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::*;

    #[tokio::test]
    async fn a_file_is_where_it_was_asked_for() {
        let below = PrefixStore::new(InMemory::new(), "prefix");
        let file = Path::from("runs/part.parquet");
        below.put(&file, PutPayload::from_static(b"rows")).await.unwrap();
        let store = SessionStore(Arc::new(below));
        assert_eq!(store.head(&file).await.unwrap().location, file);
    }

    #[tokio::test]
    async fn nothing_is_written_and_nothing_missing_is_empty() {
        let store = SessionStore(Arc::new(InMemory::new()));
        let file = Path::from("runs/part.parquet");
        assert!(matches!(store.put(&file, PutPayload::new()).await, Err(Error::NotSupported { .. })));
        assert!(matches!(store.delete(&file).await, Err(Error::NotSupported { .. })));
        assert!(matches!(store.head(&file).await, Err(Error::Generic { .. })), "not found would be an empty folder");
    }
}
