//! The rows of a small table, by the files that they are in. A file never changes, so each is read once.
//!
//! For tables that are asked for again and again while few files come and go. Knows no more than the files of the version
//! that it was last asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::de::DeserializeOwned;

use crate::error::LakeError;
use crate::lake::Lake;
use crate::run_rows::from_batches;
use crate::session_store::SessionStore;
use crate::spawned::spawned;
use crate::table::Table;

/// Files that are read at the same time.
const FILES_AT_ONCE: usize = 16;

/// Rows by file. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct KnownRows<T>(Arc<Mutex<HashMap<String, Vec<Arc<T>>>>>);

impl<T> Default for KnownRows<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> KnownRows<T> {
    /// All rows of `table`, in no order.
    pub(crate) async fn of(&self, lake: &Lake, table: &Table) -> Result<Vec<Arc<T>>, LakeError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let files = table.files()?.into_iter().map(|file| {
            let rows = known.get(&file.path).cloned();
            async move {
                let rows = match rows {
                    Some(rows) => rows,
                    None => {
                        let (lake, name, path) = (lake.clone(), table.name().to_owned(), file.path.clone());
                        let read = spawned(async move { read(&lake, &name, &path).await });
                        read.await.map_err(LakeError::query(table.name()))??
                    }
                };
                Ok::<_, LakeError>((file.path, rows))
            }
        });
        let files: Vec<_> = files.collect();
        let files: HashMap<String, Vec<Arc<T>>> =
            stream::iter(files).buffer_unordered(FILES_AT_ONCE).try_collect().await?;
        let rows = files.values().flatten().cloned().collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = files;
        Ok(rows)
    }
}

/// The rows of one file; columns that it has not are left out of them.
async fn read<T: DeserializeOwned>(lake: &Lake, table: &str, file: &str) -> Result<Vec<Arc<T>>, LakeError> {
    let store = SessionStore(lake.store.clone());
    let found = async { store.get(&Path::from_iter([table, file])).await?.bytes().await };
    let file = found.await.map_err(|source| lake.store_error("read", source))?;
    let failed = LakeError::query(table);
    let rows = ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let batches = rows.map_err(|error| failed(error.into()))?.collect::<Result<Vec<_>, _>>();
    let rows: Vec<T> = from_batches(table, &batches.map_err(|error| failed(error.into()))?)?;
    Ok(rows.into_iter().map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use pacbot_schemas::RunId;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::lake_in;

    #[tokio::test]
    async fn a_file_is_read_once_and_one_that_is_gone_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake_in(folder.path()).await;
        let run_id = RunId::new("run").unwrap();
        let known = KnownRows::<Value>::default();
        let rows = async |known: &KnownRows<Value>| {
            let mut rows = known.of(&lake, &lake.table("issues").await.unwrap().unwrap()).await?;
            rows.sort_by_key(ToString::to_string);
            Ok::<_, LakeError>(rows.into_iter().map(Arc::unwrap_or_clone).collect::<Vec<_>>())
        };
        let write = async |part: &str, rows: &[Value]| {
            lake.replace_run_values("issues", &run_id, part, rows, Utc::now()).await.unwrap();
        };
        let of = |id: u64| json!({ "issue_id": id.to_string() });
        write("a", &[of(1), of(2)]).await;
        write("b", &[of(3)]).await;
        assert_eq!(rows(&known).await.unwrap(), [of(1), of(2), of(3)]);
        let files = std::fs::read_dir(folder.path().join("issues")).unwrap();
        for path in files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            std::fs::remove_file(path).unwrap();
        }
        write("b", &[of(4)]).await;
        assert_eq!(rows(&known).await.unwrap(), [of(1), of(2), of(4)]);
        let lost = rows(&KnownRows::default()).await.unwrap_err();
        assert!(format!("{:#?}", lost).contains("LostFile"), "{lost:?}");
        let table = lake.table("issues").await.unwrap().unwrap();
        assert_eq!(known.0.lock().unwrap().len(), table.files().unwrap().len());
    }
}
