//! Many asset types in many scopes, some at the same time, type by type.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt};
use pacbot_schemas::{Account, AssetType, Region, Scope, ScopeKind};
use tracing::{Instrument, Span, field, info_span};

use crate::collector::{Collector, RunContext, ScopeResult};

/// What a run collects.
#[derive(Clone, Default)]
pub struct Plan {
    /// Collectors with their scopes, in the order in which they begin.
    pub work: Vec<(Arc<dyn Collector>, Vec<Scope>)>,
}

/// One asset type, read in all its scopes.
#[derive(Debug)]
pub struct TypeResult {
    /// The asset type.
    pub asset_type: AssetType,
    /// Its scopes, in the plan's order.
    pub scopes: Vec<ScopeResult>,
}

/// Is told how far a collection has come.
pub trait Progress: Send + Sync {
    /// A collector begins with a scope.
    fn started(&self, asset_type: &AssetType, scope: &Scope) {
        let _ = (asset_type, scope);
    }

    /// A collector is done with a scope, well or not.
    fn finished(&self, result: &ScopeResult) {
        let _ = result;
    }
}

/// Tells nobody.
impl Progress for () {}

impl Plan {
    /// Every collector in all regions of the accounts, or once per account where its type is global.
    #[must_use]
    pub fn new(collectors: Vec<Box<dyn Collector>>, accounts: &[(Arc<Account>, Vec<Region>)]) -> Self {
        let scopes = |kind| -> Vec<Scope> {
            let regions = |regions: &[Region]| match kind {
                ScopeKind::Global => vec![Region::global()],
                ScopeKind::Region => regions.to_vec(),
            };
            let of_account = |(account, all): &(Arc<Account>, Vec<Region>)| {
                let account = account.clone();
                regions(all)
                    .into_iter()
                    .map(move |region| Scope { account: account.clone(), region })
                    .collect::<Vec<_>>()
            };
            accounts.iter().flat_map(of_account).collect()
        };
        let work = collectors.into_iter().map(|collector| {
            let scopes = scopes(collector.scope_kind());
            (Arc::from(collector), scopes)
        });
        Self { work: work.collect() }
    }

    /// The number of scopes of all types.
    #[must_use]
    pub fn scopes(&self) -> usize {
        self.work.iter().map(|(_, scopes)| scopes.len()).sum()
    }
}

/// Collects what `plan` holds, with at most `at_once` scopes in flight.
///
/// An asset type comes out as soon as its last scope is done, so that it can be landed as a whole. Types begin
/// one after the other: only the few that are under way take memory or files. A type without scopes does not
/// come out: nobody was asked. Dropping the stream stops the collection.
pub fn collect_all(
    plan: Plan,
    run: Arc<RunContext>,
    at_once: usize,
    progress: Arc<dyn Progress>,
) -> impl Stream<Item = TypeResult> + Send + 'static {
    let mut pending: HashMap<usize, Vec<Option<ScopeResult>>> = HashMap::new();
    let mut left: Vec<usize> = plan.work.iter().map(|(_, scopes)| scopes.len()).collect();
    let counts = left.clone();
    let jobs = plan.work.into_iter().enumerate().flat_map(|(index, (collector, scopes))| {
        scopes.into_iter().enumerate().map(move |(place, scope)| (index, place, collector.clone(), scope))
    });
    let parent = Span::current();
    let scopes = stream::iter(jobs).map(move |(index, place, collector, scope)| {
        let (run, progress) = (run.clone(), progress.clone());
        // Streams are polled by whoever lands the types: the span that asks is the one here.
        let span = info_span!(
            parent: &parent, "scope", asset_type = %collector.asset_type(), account = %scope.account.id,
            region = %scope.region, rows = field::Empty
        );
        let asking = async move {
            progress.started(collector.asset_type(), &scope);
            let result = collector.collect(&scope, &run).await;
            Span::current().record("rows", result.assets.rows());
            progress.finished(&result);
            (index, place, result)
        };
        asking.instrument(span)
    });
    let done = scopes.buffer_unordered(at_once.max(1));
    done.filter_map(move |(index, place, result)| {
        let asset_type = result.asset_type.clone();
        let of_type = pending.entry(index).or_insert_with(|| (0..counts[index]).map(|_| None).collect());
        of_type[place] = Some(result);
        left[index] -= 1;
        let finished = (left[index] == 0).then(|| pending.remove(&index)).flatten();
        std::future::ready(
            finished.map(|scopes| TypeResult { asset_type, scopes: scopes.into_iter().flatten().collect() }),
        )
    })
}

#[cfg(test)]
mod tests;
