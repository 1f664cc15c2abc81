//! Read-only SQL sessions over pinned versions.
//!
//! Every table is DataFusion's own Parquet scan over the files of one version, so the same plan runs in
//! process and elsewhere. A session never sees what is landed after it was made.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt};
use pacbot_schemas::AssetType;
use url::Url;

use crate::all_assets::{ASSETS, AllAssets, OfType};
use crate::asset_table::{AssetTable, ScopeTimes};
use crate::error::LakeError;
use crate::history;
use crate::lake::Lake;
use crate::lake_files::LakeFiles;
use crate::run_time::run_time_functions;
use crate::session_store::SessionStore;
use crate::table::{DataFile, Table};

/// The address under which sessions know the lake's root.
pub(crate) const ROOT: &str = "pacbot://lake";

/// Which version of each table a session reads; tables that are not named are read at their newest version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions(pub BTreeMap<String, u64>);

/// What a session shows.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Pinned versions.
    pub versions: Versions,
    /// What `now()` is.
    pub run_at: DateTime<Utc>,
    /// Whether asset tables that `versions` does not name are empty, instead of their newest version.
    pub only_pinned: bool,
    /// Whether `<table>_history` is there too.
    pub history: bool,
}

impl SessionOptions {
    /// The newest version of everything, histories included.
    #[must_use]
    pub fn newest(run_at: DateTime<Utc>) -> Self {
        Self { versions: Versions::default(), run_at, only_pinned: false, history: true }
    }
}

/// An empty session with our limits and functions, but no table.
///
/// # Errors
///
/// [`LakeError::Query`] when the runtime cannot be made.
pub fn bare_session(memory: usize, run_at: DateTime<Utc>) -> Result<SessionContext, LakeError> {
    let config = SessionConfig::new()
        .with_information_schema(true)
        // Text as Utf8, as the tables' schemas say.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        .set_bool("datafusion.execution.parquet.pushdown_filters", true);
    // Whoever comes first gets it. A pool that is fair gives each of the hundreds of aggregates of a report next to nothing.
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(memory))).build_arc();
    let ctx = SessionContext::new_with_config_rt(config, runtime.map_err(LakeError::query("session"))?);
    for function in run_time_functions(run_at) {
        ctx.register_udf(function);
    }
    Ok(ctx)
}

/// A session like another one, whose only tables are those of `tables`.
///
/// # Errors
///
/// Whatever the catalogue says.
pub fn session_over(ctx: &SessionContext, tables: Arc<dyn SchemaProvider>) -> Result<SessionContext, DataFusionError> {
    let state = ctx.state();
    let names = &state.config_options().catalog;
    let (catalog, catalogs) = (MemoryCatalogProvider::new(), MemoryCatalogProviderList::new());
    catalog.register_schema(&names.default_schema, tables)?;
    catalogs.register_catalog(names.default_catalog.clone(), Arc::new(catalog));
    let state = SessionStateBuilder::new_from_existing(state.clone()).with_catalog_list(Arc::new(catalogs)).build();
    Ok(SessionContext::new_with_state(state))
}

/// Runs one statement that can only read.
///
/// # Errors
///
/// Whatever planning says; a statement that would write or change a setting is refused.
pub async fn read_only(ctx: &SessionContext, sql: &str) -> Result<DataFrame, DataFusionError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    ctx.sql_with_options(sql, options).await
}

impl Lake {
    /// A session that knows the lake's store, but no table.
    pub(crate) fn bare(&self, run_at: DateTime<Utc>) -> Result<SessionContext, LakeError> {
        let ctx = bare_session(self.settings.memory, run_at)?;
        let root = Url::parse(ROOT)
            .map_err(|error| LakeError::Location { location: ROOT.to_owned(), reason: error.to_string() })?;
        ctx.register_object_store(&root, Arc::new(SessionStore(self.store.clone())));
        Ok(ctx)
    }

    /// A session over the lake.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when a log cannot be read.
    pub async fn session(&self, options: SessionOptions) -> Result<SessionContext, LakeError> {
        let ctx = self.bare(options.run_at)?;
        let existing = self.tables().await?;

        for (name, def) in self.own.iter() {
            let table = self.pinned(&existing, name, &options, false).await?;
            register(&ctx, name, provider(table.as_ref(), &def.schema)?)?;
        }
        let times = Arc::new(ScopeTimes::read(&ctx, &options).await?);
        // Collected before: rustc cannot see that a closure in the stream leaves the future `Send`.
        let names: Vec<AssetType> = self.types.iter().map(|def| def.asset_type.clone()).collect();
        let loaded: Vec<(AssetType, Option<Table>)> = futures::stream::iter(names)
            .map(|asset_type| {
                let (existing, options) = (&existing, &options);
                async move {
                    Ok::<_, LakeError>((
                        asset_type.clone(),
                        self.pinned(existing, asset_type.as_str(), options, options.only_pinned).await?,
                    ))
                }
            })
            .buffered(16)
            .try_collect()
            .await?;
        let mut landed = Vec::new();
        for (asset_type, table) in &loaded {
            let schema = self.schema_of(asset_type.as_str())?;
            let files = provider(table.as_ref(), &schema)?;
            // Nothing has an age where there is nothing.
            let assets = if table.is_some() {
                let assets: Arc<dyn TableProvider> = Arc::new(AssetTable::new(asset_type, files, times.clone()));
                landed.push(OfType { asset_type: asset_type.clone(), assets: assets.clone() });
                assets
            } else {
                files
            };
            register(&ctx, asset_type.as_str(), assets)?;
            if options.history {
                let past: Arc<dyn TableProvider> = match table {
                    Some(table) => history::provider_of(&ctx, table, &schema).await?,
                    None => Arc::new(EmptyTable::new(history::empty_schema(&schema))),
                };
                register(&ctx, &format!("{asset_type}_history"), past)?;
            }
        }
        register(&ctx, ASSETS, Arc::new(AllAssets::new(landed)))?;
        Ok(ctx)
    }

    /// A session over a few tables of our own, and the version of each that it reads; one that was never written is
    /// empty and has no version. Unlike [`Lake::session`] it reads no other table's log.
    ///
    /// # Errors
    ///
    /// [`LakeError::Table`] when a log cannot be read, [`LakeError::UnknownTable`]
    pub async fn own_session(
        &self,
        tables: &[&str],
        run_at: DateTime<Utc>,
    ) -> Result<(SessionContext, Versions), LakeError> {
        let ctx = self.bare(run_at)?;
        let mut versions = Versions::default();
        for name in tables {
            let table = self.table(name).await?;
            register(&ctx, name, provider(table.as_ref(), &self.schema_of(name)?)?)?;
            versions.0.extend(table.map(|table| ((*name).to_owned(), table.version())));
        }
        Ok((ctx, versions))
    }

    async fn pinned(
        &self,
        existing: &[String],
        name: &str,
        options: &SessionOptions,
        only_pinned: bool,
    ) -> Result<Option<Table>, LakeError> {
        match options.versions.0.get(name) {
            Some(version) => self.table_at(name, *version).await,
            None if only_pinned || !existing.iter().any(|table| table == name) => Ok(None),
            None => self.table(name).await,
        }
    }
}

pub(crate) fn register(ctx: &SessionContext, name: &str, table: Arc<dyn TableProvider>) -> Result<(), LakeError> {
    ctx.register_table(name, table).map(drop).map_err(LakeError::query(name))
}

/// The scan over a version's files, in the shape that the definition has now.
pub(crate) fn provider(table: Option<&Table>, schema: &SchemaRef) -> Result<Arc<dyn TableProvider>, LakeError> {
    let Some(table) = table else { return Ok(Arc::new(EmptyTable::new(schema.clone()))) };
    files_provider(table.name(), &table.files()?, schema)
}

pub(crate) fn files_provider(
    name: &str,
    files: &[DataFile],
    schema: &SchemaRef,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    if files.is_empty() {
        return Ok(Arc::new(EmptyTable::new(schema.clone())));
    }
    let store = ObjectStoreUrl::parse(ROOT).map_err(LakeError::query(name))?;
    Ok(Arc::new(LakeFiles::new(store, name, files, schema.clone())))
}
