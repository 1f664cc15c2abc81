//! Collectors: what reads one asset type, whatever API it is behind.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use pacbot_cloud::{Aws, CallError, CallErrorKind};
use pacbot_schemas::{AssetType, AssetTypeDef, Protocol, Scope, ScopeKind};

use crate::coverage::{Coverage, Tally, failure};
use crate::listing::Asking;
use crate::native;
use crate::reader::AssetReader;
use crate::scope_run::ScopeRun;
use crate::source::{ApiSource, Ask, Page, Source};
use crate::staging::{StagedAssets, StagingRoom};
use crate::wanted::Wanted;

/// What all collectors of one run share.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The accounts, and calls to them.
    pub aws: Aws,
    /// The run's time, which every row bears.
    pub run_at: DateTime<Utc>,
    /// Which optional requests are made.
    pub wanted: Wanted,
    /// Where assets wait to be landed.
    pub staging: StagingRoom,
    /// Requests per asset that one scope has in flight at most; the limits of [`Aws`] apply as well.
    pub follow_ups_at_once: usize,
}

impl RunContext {
    /// A run that wants everything, with 16 requests per asset in flight.
    #[must_use]
    pub fn new(aws: Aws, run_at: DateTime<Utc>, staging: StagingRoom) -> Self {
        Self { aws, run_at, wanted: Wanted::default(), staging, follow_ups_at_once: 16 }
    }
}

/// One asset type of one scope, read.
#[derive(Debug)]
pub struct ScopeResult {
    /// The scope.
    pub scope: Scope,
    /// The asset type.
    pub asset_type: AssetType,
    /// One row for each request of the asset type, in the order of its file.
    pub coverage: Vec<Coverage>,
    /// The assets in the asset type's schema; none if `list` was not answered whole.
    pub assets: Arc<StagedAssets>,
}

/// Reads one asset type from a cloud API.
pub trait Collector: Send + Sync {
    /// The asset type, which is also the name of its table.
    fn asset_type(&self) -> &AssetType;

    /// Whether it is read once per region or once per account.
    fn scope_kind(&self) -> ScopeKind;

    /// Reads every asset of `scope`.
    ///
    /// Never fails as a whole: what was not answered is in the coverage. If the request `list` is not
    /// [`CoverageStatus::Complete`](pacbot_schemas::CoverageStatus), there are no assets and nothing is known
    /// of the scope, since an asset missing from a landed snapshot closes its issues. An asset whose
    /// follow-ups failed is there, with null in their columns and their names in `unread`.
    fn collect<'a>(&'a self, scope: &'a Scope, run: &'a RunContext) -> BoxFuture<'a, ScopeResult>;
}

/// The collectors of asset types. This is the one place that knows them all: a type whose file says
/// `protocol = "native"` is looked up by its table's name, all others are read as their file says.
#[must_use]
pub fn collectors<'a>(defs: impl IntoIterator<Item = &'a Arc<AssetTypeDef>>) -> Vec<Box<dyn Collector>> {
    let collector = |def: &Arc<AssetTypeDef>| {
        Box::new(FileCollector { reader: Arc::new(AssetReader::new(def.clone())) }) as Box<dyn Collector>
    };
    defs.into_iter().map(collector).collect()
}

/// Reads what an asset type file describes.
#[derive(Debug)]
struct FileCollector {
    reader: Arc<AssetReader>,
}

impl Collector for FileCollector {
    fn asset_type(&self) -> &AssetType {
        &self.reader.def.asset_type
    }

    fn scope_kind(&self) -> ScopeKind {
        self.reader.def.scope
    }

    fn collect<'a>(&'a self, scope: &'a Scope, run: &'a RunContext) -> BoxFuture<'a, ScopeResult> {
        Box::pin(async move {
            let source = ScopeSource {
                api: ApiSource { aws: run.aws.clone() },
                native: native::source(self.reader.def.asset_type.as_str(), &run.aws, scope),
            };
            ScopeRun::new(Asking { source: &source, aws: &run.aws, reader: &self.reader, scope }, run).collect().await
        })
    }
}

/// Native requests go to the native collector, all others to the engine.
struct ScopeSource {
    api: ApiSource,
    native: Option<Box<dyn Source>>,
}

impl Source for ScopeSource {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Page, CallError>> {
        match &self.native {
            _ if ask.request.protocol != Protocol::Native => self.api.ask(ask),
            Some(native) => native.ask(ask),
            None => Box::pin(async move {
                let message =
                    format!("request `{}` is native, but no native collector has this type", ask.request.name);
                Err(failure(CallErrorKind::Request, message))
            }),
        }
    }
}

impl ScopeResult {
    /// A scope that could not be asked at all, with one reason for every request.
    #[must_use]
    pub fn unreached(def: &AssetTypeDef, scope: Scope, error: &CallError, staging: &StagingRoom) -> Self {
        let rows = def.requests.values().map(|request| {
            let mut tally = Tally::default();
            tally.fail(error);
            tally.coverage(&scope, &def.asset_type, request)
        });
        Self {
            coverage: rows.collect(),
            asset_type: def.asset_type.clone(),
            assets: Arc::new(StagedAssets::empty(staging.clone(), def.schema())),
            scope,
        }
    }
}

#[cfg(test)]
mod tests;
