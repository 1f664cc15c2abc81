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
        self.0.get_opts(location, options).await.map_err(|error| told(error, location))
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
