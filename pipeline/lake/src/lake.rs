//! The lake: one Delta table per asset type and per table of our own, under one root.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use pacbot_schemas::{AssetTypes, LakeTableDef, lake_tables};
use tracing::debug;

use crate::error::LakeError;
use crate::known_rows::KnownRows;
use crate::runs::RunRow;
use crate::settings::LakeSettings;
use crate::storage::{self, LogRoot};
use crate::table::Table;

/// All tables, and the definitions that they follow. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    pub(crate) settings: Arc<LakeSettings>,
    /// Rooted at the lake.
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) log_root: LogRoot,
    pub(crate) types: Arc<AssetTypes>,
    pub(crate) own: Arc<BTreeMap<String, LakeTableDef>>,
    /// The newest version of each table that was seen: whoever asks again reads what came since.
    newest: Arc<Mutex<HashMap<String, Table>>>,
    /// The version of each table that was asked for last: a walk's sessions read the same ones, and a version never changes.
    pinned: Arc<Mutex<HashMap<String, Table>>>,
    /// The rows of `runs`, which everything looks up.
    pub(crate) known_rows: KnownRows<RunRow>,
    /// The asset tables that were changed through this lake.
    pub(crate) landed: Arc<Mutex<BTreeSet<String>>>,
}

impl Lake {
    /// Opens the lake that `settings` name; an empty or missing folder is an empty lake.
    ///
    /// # Errors
    ///
    /// [`LakeError::Location`] when the location makes no sense, [`LakeError::Store`] when it does not answer.
    pub async fn open(settings: LakeSettings, types: Arc<AssetTypes>) -> Result<Self, LakeError> {
        let (store, log_root) = storage::open(&settings)?;
        let own = lake_tables().map_err(|errors| LakeError::Location {
            location: settings.location.clone(),
            reason: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })?;
        let own = own.into_iter().map(|def| (def.table.clone(), def)).collect();
        let settings = Arc::new(settings);
        let lake = Self {
            settings,
            store,
            log_root,
            types,
            own: Arc::new(own),
            newest: Arc::default(),
            pinned: Arc::default(),
            known_rows: KnownRows::default(),
            landed: Arc::default(),
        };
        lake.tables().await?;
        debug!(location = %lake.settings.location, "opened the lake");
        Ok(lake)
    }

    /// Where it is, as configured.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.settings.location
    }

    /// The asset types whose tables it knows.
    #[must_use]
    pub fn types(&self) -> &AssetTypes {
        &self.types
    }

    /// Makes sure that files can be written and deleted, and that the store keeps one writer from another's commit.
    ///
    /// # Errors
    ///
    /// [`LakeError::Store`] with what the store says.
    pub async fn check_writable(&self) -> Result<(), LakeError> {
        let probe = object_store::path::Path::from(format!("_probe-{:016x}", rand::random::<u64>()));
        let create = || async {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            self.store.put_opts(&probe, PutPayload::from_static(b"pacbot"), options).await
        };
        create().await.map_err(|source| self.store_error("write", source))?;
        let again = create().await;
        self.store.delete(&probe).await.map_err(|source| self.store_error("delete from", source))?;
        match again {
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(()),
            Err(source) => Err(self.store_error("write", source)),
            Ok(_) => {
                let source = object_store::Error::NotSupported {
                    source: "it has no conditional puts, so writers overwrite each other".into(),
                };
                Err(self.store_error("write", source))
            }
        }
    }

    /// The names of the tables that exist.
    ///
    /// # Errors
    ///
    /// [`LakeError::Store`] when the store does not answer.
    pub async fn tables(&self) -> Result<Vec<String>, LakeError> {
        let listing = self.store.list_with_delimiter(None).await.map_err(|source| self.store_error("read", source))?;
        let mut names: Vec<String> =
            listing.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.retain(|name| self.own.contains_key(name) || self.types.get(name).is_some());
        Ok(names)
    }

    pub(crate) async fn has_log(&self, name: &str) -> Result<bool, LakeError> {
        let log = object_store::path::Path::from_iter([name, "_delta_log"]);
        let first = self.store.list(Some(&log)).try_next().await;
        Ok(first.map_err(|source| self.store_error("read", source))?.is_some())
    }

    /// The newest version of a table; `None` when it was never written.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when its log cannot be read.
    pub async fn table(&self, name: &str) -> Result<Option<Table>, LakeError> {
        let newest = || self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newest().get(name).cloned();
        let followed = match known {
            // What came since is all that is read of its log.
            Some(table) => table.followed().await.ok(),
            None => None,
        };
        // Entries that were to be read next may have been cleaned up.
        let table = if followed.is_some() { followed } else { Table::load(self, name, None).await? };
        if let Some(table) = &table {
            newest().insert(name.to_owned(), table.clone());
        }
        Ok(table)
    }

    /// A table as of a version.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when that version cannot be read (any more).
    pub async fn table_at(&self, name: &str, version: u64) -> Result<Option<Table>, LakeError> {
        let pinned = || self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pinned().get(name).filter(|table| table.version() == version).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let table = Table::load(self, name, Some(version)).await?;
        if let Some(table) = &table {
            pinned().insert(name.to_owned(), table.clone());
        }
        Ok(table)
    }

    /// The schema that a table is defined to have.
    ///
    /// # Errors
    ///
    /// [`LakeError::UnknownTable`]
    pub fn schema_of(&self, name: &str) -> Result<arrow::datatypes::SchemaRef, LakeError> {
        let own = self.own.get(name).map(|def| def.schema.clone());
        own.or_else(|| self.types.get(name).filter(|def| def.asset_type.as_str() == name).map(|def| def.schema()))
            .ok_or_else(|| LakeError::UnknownTable(name.to_owned()))
    }

    /// How many objects and bytes each table takes, versions that are kept included.
    ///
    /// # Errors
    ///
    /// [`LakeError::Store`]
    pub async fn sizes(&self) -> Result<BTreeMap<String, (u64, u64)>, LakeError> {
        let mut sizes = BTreeMap::new();
        let mut objects = self.store.list(None);
        while let Some(object) = objects.try_next().await.map_err(|source| self.store_error("read", source))? {
            if let Some(table) = object.location.parts().next() {
                let size: &mut (u64, u64) = sizes.entry(table.as_ref().to_owned()).or_default();
                size.0 += 1;
                size.1 += object.size;
            }
        }
        Ok(sizes)
    }

    pub(crate) fn store_error(&self, action: &'static str, source: object_store::Error) -> LakeError {
        LakeError::Store { location: self.settings.location.clone(), action, source }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use futures::stream;
    use serde_json::json;

    use crate::run_rows::to_batch;
    use crate::testing::lake_in;

    #[tokio::test]
    async fn who_asks_again_sees_what_others_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let (reader, writer) = (lake_in(folder.path()).await, lake_in(folder.path()).await);
        assert!(reader.table("issues").await.unwrap().is_none());
        for place in 0..12 {
            let version = writer.table("issues").await.unwrap().map(|table| table.version());
            let row =
                to_batch("issues", writer.schema_of("issues").unwrap(), &[json!({"issue_id": place.to_string()})]);
            let written = writer.commit_on("issues", version, stream::iter([row]), false, Utc::now()).await.unwrap();
            let seen = reader.table("issues").await.unwrap().unwrap();
            assert_eq!(Some(seen.version()), written);
            assert_eq!(seen.files().unwrap().len(), place + 1);
        }
        // Somebody else made the log of versions that nobody needs any more smaller.
        writer.optimize("issues", Utc::now()).await.unwrap();
        let table = writer.table("issues").await.unwrap().unwrap();
        deltalake_core::protocol::checkpoints::create_checkpoint(&table.delta, None).await.unwrap();
        let log = folder.path().join("issues/_delta_log");
        for version in 0..table.version() {
            std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
        }
        let seen = reader.table("issues").await.unwrap().unwrap();
        assert_eq!((seen.version(), seen.files().unwrap().len()), (table.version(), 1));
    }
}
