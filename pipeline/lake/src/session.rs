//! Read-only SQL sessions over pinned versions.
//!
//! Every table is DataFusion's own Parquet scan over the files of one version, so the same plan runs in
//! process and elsewhere. A table of a session is at one version: the one that is pinned, or the newest when it was first
//! read.

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
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::FutureExt;
use url::Url;

use crate::all_assets::{ASSETS, assets_schema, with_text_views};
use crate::all_files::AllFiles;
use crate::asset_table::{AssetTable, ScopeTimes};
use crate::error::LakeError;
use crate::history;
use crate::lake::Lake;
use crate::lake_files::LakeFiles;
use crate::lazy_table::LazyTable;
use crate::pinned::Pinned;
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
    /// Whether the assets' texts are views ([`with_text_views`]).
    pub text_views: bool,
}

impl SessionOptions {
    /// The newest version of everything, histories included.
    #[must_use]
    pub fn newest(run_at: DateTime<Utc>) -> Self {
        Self { versions: Versions::default(), run_at, only_pinned: false, history: true, text_views: false }
    }

    /// A collection: asset tables at these versions and no others, without histories.
    #[must_use]
    pub fn pinned(versions: Versions, run_at: DateTime<Utc>) -> Self {
        Self { versions, run_at, only_pinned: true, history: false, text_views: false }
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
        self.serve_to(&ctx.runtime_env())?;
        Ok(ctx)
    }

    /// Lets whatever runs in `runtime` read the lake's files, under the address that sessions' plans name.
    ///
    /// # Errors
    ///
    /// [`LakeError::Location`] never, as long as that address is one.
    pub fn serve_to(&self, runtime: &RuntimeEnv) -> Result<(), LakeError> {
        let root = Url::parse(ROOT)
            .map_err(|error| LakeError::Location { location: ROOT.to_owned(), reason: error.to_string() })?;
        runtime.register_object_store(&root, Arc::new(SessionStore(self.store.clone())));
        Ok(())
    }

    /// A session over the lake. A table's log is read when a plan first reads the table; the table stays at that version.
    ///
    /// # Errors
    ///
    /// [`LakeError::Store`] when the store does not answer. A log that cannot be read fails whoever reads the table.
    pub async fn session(&self, options: SessionOptions) -> Result<SessionContext, LakeError> {
        let ctx = self.bare(options.run_at)?;
        let existing = self.tables().await?;
        let exists = |name: &str, only_pinned: bool| {
            options.versions.0.contains_key(name) || (!only_pinned && existing.iter().any(|table| table == name))
        };
        let pinned = |name: &str| Arc::new(Pinned::new(self, name, options.versions.0.get(name).copied()));
        for (name, def) in self.own.iter() {
            let table = match exists(name, false) {
                true => files_of(pinned(name), name, &def.schema),
                false => Arc::new(EmptyTable::new(def.schema.clone())),
            };
            register(&ctx, name, table)?;
        }
        let coverage = ctx.table_provider("coverage").await.map_err(LakeError::query("coverage"))?;
        let times = Arc::new(ScopeTimes::of(self, coverage, options.run_at));
        let mut landed = Vec::new();
        let shown = |schema: SchemaRef| if options.text_views { with_text_views(&schema) } else { schema };
        for def in self.types.iter() {
            let (asset_type, name, schema) = (&def.asset_type, def.asset_type.as_str(), shown(def.schema()));
            let pinned = exists(name, options.only_pinned).then(|| pinned(name));
            let assets: Arc<dyn TableProvider> = match &pinned {
                Some(pinned) => {
                    let files = files_of(pinned.clone(), name, &schema);
                    landed.push((asset_type.clone(), pinned.clone()));
                    Arc::new(AssetTable::new(asset_type, files, times.clone()))
                }
                // Nothing has an age where there is nothing.
                None => Arc::new(EmptyTable::new(schema.clone())),
            };
            register(&ctx, name, assets)?;
            if options.history {
                let past: Arc<dyn TableProvider> = match pinned {
                    Some(pinned) => history_of(self, pinned, name, &schema, options.run_at),
                    None => Arc::new(EmptyTable::new(history::schema(&schema))),
                };
                register(&ctx, &format!("{asset_type}_history"), past)?;
            }
        }
        register(&ctx, ASSETS, Arc::new(AllFiles::new(shown(assets_schema()), landed, times)))?;
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
}

/// The files of a table.
fn files_of(pinned: Arc<Pinned>, name: &str, schema: &SchemaRef) -> Arc<dyn TableProvider> {
    let known = schema.clone();
    let load = move || {
        let (pinned, schema) = (pinned.clone(), known.clone());
        async move { provider(pinned.table().await?, &schema) }.boxed()
    };
    Arc::new(LazyTable::new(name, schema.clone(), Box::new(load)))
}

/// Every state of its rows.
fn history_of(
    lake: &Lake,
    pinned: Arc<Pinned>,
    name: &str,
    schema: &SchemaRef,
    run_at: DateTime<Utc>,
) -> Arc<dyn TableProvider> {
    let (lake, known) = (lake.clone(), schema.clone());
    let load = move || {
        let (lake, pinned, schema) = (lake.clone(), pinned.clone(), known.clone());
        async move {
            match pinned.table().await? {
                Some(table) => history::provider_of(&lake.bare(run_at)?, table, &schema).await,
                None => Ok(Arc::new(EmptyTable::new(history::schema(&schema))) as _),
            }
        }
        .boxed()
    };
    Arc::new(LazyTable::new(name, history::schema(schema), Box::new(load)))
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
    Ok(Arc::new(LakeFiles::new(root(name)?, name, files, schema.clone())))
}

/// Where the files of a session's tables are; `name` is for the error.
pub(crate) fn root(name: &str) -> Result<ObjectStoreUrl, LakeError> {
    ObjectStoreUrl::parse(ROOT).map_err(LakeError::query(name))
}
