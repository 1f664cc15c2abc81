//! One asset type in one scope, from the first page to staged assets and coverage.
//!
//! Items are worked off in chunks, so that memory does not grow with their number: decode `list`, ask the
//! follow-ups, decode those, stage. If `list` fails anywhere, nothing of the scope is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter;
use arrow::error::ArrowError;
use futures::StreamExt;
use futures::stream::BoxStream;
use pacbot_cloud::{CallError, CallErrorKind};
use pacbot_schemas::{Per, Request};
use tracing::debug;

use crate::assemble::{Assembled, Parts, has_key, named};
use crate::collector::{RunContext, ScopeResult};
use crate::coverage::{Coverage, Tally, failure};
use crate::decode::{Columns, Items};
use crate::follow_up::{Gate, ScopeAnswer};
use crate::listing::{Asking, Listed};
use crate::reader::blocking;
use crate::staging::{StagedAssets, Staging};

/// Items that are worked off together: enough for columns, few enough that their follow-ups fit in memory.
const CHUNK_ITEMS: usize = 1024;
/// The size of items' texts from which on they are worked off.
const CHUNK_BYTES: usize = 8 << 20;

/// Levels of items that are parents of each other; more is a circle.
const DEEPEST: usize = 64;

pub(crate) struct ScopeRun<'a> {
    asking: Asking<'a>,
    run: &'a RunContext,
    tallies: BTreeMap<String, Tally>,
    /// Of requests per asset, by their order in the file.
    gates: BTreeMap<&'a str, Gate>,
    /// Of requests per scope; asked when there is the first asset.
    scope_answers: Option<Vec<(&'a str, ScopeAnswer)>>,
    /// Away while a batch is written.
    staging: Option<Staging>,
}

impl<'a> ScopeRun<'a> {
    pub(crate) fn new(asking: Asking<'a>, run: &'a RunContext) -> Self {
        let def = &asking.reader.def;
        let per_item = def.requests.values().filter(|request| request.per == Per::Item);
        Self {
            asking,
            run,
            tallies: BTreeMap::new(),
            gates: per_item.map(|request| (request.name.as_str(), Gate::default())).collect(),
            scope_answers: None,
            staging: Some(Staging::new(run.staging.clone(), def.schema())),
        }
    }

    /// Reads the scope. What fails is in the coverage.
    pub(crate) async fn collect(mut self) -> ScopeResult {
        let staged = match self.read().await {
            Ok(()) => self.finish().await,
            Err(error) => Err(error),
        };
        let assets = staged.unwrap_or_else(|error| {
            self.fail_all(&error);
            StagedAssets::empty(self.run.staging.clone(), self.asking.reader.def.schema())
        });
        let (scope, asset_type) = (self.asking.scope.clone(), self.asking.reader.def.asset_type.clone());
        let coverage = self.coverage();
        debug!(
            account = %scope.account.id, region = %scope.region, %asset_type, rows = assets.rows(),
            incomplete = coverage.iter().filter(|coverage| coverage.error.is_some()).count(),
            "collected {asset_type} of {scope}"
        );
        ScopeResult { scope, asset_type, coverage, assets: Arc::new(assets) }
    }

    fn tally(&mut self, request: &str) -> &mut Tally {
        self.tallies.entry(request.to_owned()).or_default()
    }

    async fn read(&mut self) -> Result<(), CallError> {
        let asking = self.asking;
        let list = asking.reader.def.list();
        let Per::Parent(parent) = &list.per else { return self.read_pages(asking.of_scope(list)).await.map(drop) };
        let mut level = self.parents(parent).await?;
        for _ in 0..DEEPEST {
            level = self.read_pages(asking.of_parents(list, parent, &level)).await?;
            if level.is_empty() {
                return Ok(());
            }
        }
        let error = internal(format!("the items are nested more than {DEEPEST} levels deep"));
        self.tally("list").fail(&error);
        Err(error)
    }

    /// The items of the parent of `list`; those of its own parent are asked first, if it has one.
    async fn parents(&mut self, parent: &str) -> Result<Items, CallError> {
        let asking = self.asking;
        let missing = || internal(format!("there is no request `{parent}`"));
        let request = asking.reader.def.requests.get(parent).ok_or_else(missing)?;
        let (items, tally) = match &request.per {
            Per::Parent(first) => {
                let missing = || internal(format!("there is no request `{first}`"));
                let first_request = asking.reader.def.requests.get(first).ok_or_else(missing)?;
                let (items, tally) = all(asking.of_scope(first_request)).await;
                self.tally(first).add(tally);
                let items = items.inspect_err(|error| {
                    self.tally(parent).fail_for(first, error);
                    self.tally("list").fail_for(first, error);
                })?;
                all(asking.of_parents(request, first, &items)).await
            }
            Per::Scope | Per::Item => all(asking.of_scope(request)).await,
        };
        self.tally(parent).add(tally);
        items.inspect_err(|error| self.tally("list").fail_for(parent, error))
    }

    /// Works off pages of assets. Yields the items, where they are parents of further ones.
    async fn read_pages(&mut self, mut pages: BoxStream<'_, Listed>) -> Result<Items, CallError> {
        let is_nested = self.asking.reader.def.list().nested;
        let (mut chunk, mut parents) = (Items::default(), Items::default());
        while let Some((items, tally)) = pages.next().await {
            self.tally("list").add(tally);
            let items = items.inspect_err(|error| self.tally("list").fail(error))?;
            if is_nested {
                parents.append(&items);
            }
            for item in items.iter() {
                chunk.push(item);
                if chunk.len() >= CHUNK_ITEMS || chunk.bytes() >= CHUNK_BYTES {
                    self.work_off(std::mem::take(&mut chunk)).await?;
                }
            }
        }
        if !chunk.is_empty() {
            self.work_off(chunk).await?;
        }
        Ok(parents)
    }

    /// Decodes a chunk, asks its follow-ups and stages its assets.
    async fn work_off(&mut self, items: Items) -> Result<(), CallError> {
        let asking = self.asking;
        let reader = asking.reader.clone();
        let (items, listed, broken) = blocking(move || {
            let columns = reader.decoder("list").map(|decoder| decoder.columns(&items)).unwrap_or_default();
            let is_sound = (0..items.len()).map(|row| has_key(&reader, &columns.arrays, row)).collect();
            with_keys(items, columns, is_sound)
        })
        .await?
        .map_err(internal)?;
        let rows = items.len();
        let tally = self.tally("list");
        tally.cell_errors += listed.misfits;
        tally.broken_items += broken;
        if rows == 0 {
            return Ok(());
        }
        self.ask_scope().await;
        let columns = named(asking.reader, listed.arrays.clone());
        let mut follow_ups = Vec::new();
        for (name, answer) in self.scope_answers.iter().flatten() {
            follow_ups.push(((*name).to_owned(), answer.of_rows(&columns, rows)));
        }
        let wanted = self.gates.iter().filter_map(|(name, gate)| {
            let request = asking.reader.def.requests.get(*name)?;
            self.run.wanted.includes(&asking.reader.def, request).then_some((request, gate))
        });
        let wanted: Vec<(&Request, &Gate)> = wanted.collect();
        let answers = asking.each(&wanted, &columns, rows, self.run.follow_ups_at_once).await;
        for (name, answer, tally) in answers {
            self.tally(&name).add(tally);
            follow_ups.push((name, answer));
        }
        let order = |name: &str| asking.reader.def.requests.get_index_of(name);
        follow_ups.sort_by_key(|(name, _)| order(name));

        let parts = Parts { items: Arc::new(items), listed: listed.arrays, follow_ups };
        let (reader, scope, run_at) = (asking.reader.clone(), asking.scope.clone(), self.run.run_at);
        let Some(mut staging) = self.staging.take() else { return Err(internal("the staging area is gone")) };
        let (staging, assembled) = blocking(move || {
            let assembled = parts.assemble(&reader, &scope, run_at).map_err(internal);
            let staged = assembled.and_then(|Assembled { batch, tallies }| {
                staging.push(batch).map_err(|error| internal(chain(&error)))?;
                Ok(tallies)
            });
            (staging, staged)
        })
        .await?;
        self.staging = Some(staging);
        for (name, tally) in assembled? {
            self.tally(&name).add(tally);
        }
        Ok(())
    }

    /// Asks the follow-ups of the scope, unless that was done.
    async fn ask_scope(&mut self) {
        if self.scope_answers.is_some() {
            return;
        }
        let asking = self.asking;
        let def = &asking.reader.def;
        let mut answers = Vec::new();
        for request in def.requests.values() {
            let is_parent = def.is_ancestor(&request.name);
            if request.per != Per::Scope
                || request.name == "list"
                || is_parent
                || !self.run.wanted.includes(def, request)
            {
                continue;
            }
            let (answer, tally) = asking.once(request).await;
            self.tally(&request.name).add(tally);
            answers.push((request.name.as_str(), answer));
        }
        self.scope_answers = Some(answers);
    }

    async fn finish(&mut self) -> Result<StagedAssets, CallError> {
        let Some(staging) = self.staging.take() else { return Err(internal("the staging area is gone")) };
        let duplicates = staging.duplicates;
        let tally = self.tally("list");
        tally.duplicates = duplicates;
        tally.rows = tally.rows.saturating_sub(duplicates);
        blocking(move || staging.finish()).await?.map_err(|error| internal(chain(&error)))
    }

    /// Without its list, nothing is known of a scope, whatever was asked until then.
    fn fail_all(&mut self, error: &CallError) {
        self.staging = None;
        let def = self.asking.reader.def.clone();
        // An account that lets nobody in says so for every request.
        let is_account = error.kind == CallErrorKind::Credentials;
        for request in def.requests.keys() {
            let is_list = request == "list";
            let is_parent = def.is_ancestor(request);
            let tally = self.tally(request);
            if !is_parent {
                tally.rows = 0;
            }
            if is_list || is_account {
                if tally.failure().is_none() {
                    tally.fail(error);
                }
            } else if !is_parent {
                tally.fail_for("list", error);
            }
        }
    }

    fn coverage(&mut self) -> Vec<Coverage> {
        let (scope, def) = (self.asking.scope, &self.asking.reader.def);
        let rows = def.requests.values().map(|request| {
            let mut tally = self.tallies.remove(&request.name).unwrap_or_default();
            tally.is_skipped |= !self.run.wanted.includes(def, request);
            tally.coverage(scope, &def.asset_type, request)
        });
        rows.collect()
    }
}

/// All items of some pages, and what it took to get them.
async fn all(mut pages: BoxStream<'_, Listed>) -> (Result<Items, CallError>, Tally) {
    let (mut items, mut tally) = (Items::default(), Tally::default());
    while let Some((page, spent)) = pages.next().await {
        tally.add(spent);
        match page {
            Ok(page) => items.append(&page),
            Err(error) => {
                tally.fail(&error);
                return (Err(error), tally);
            }
        }
    }
    tally.rows = items.len() as u64;
    (Ok(items), tally)
}

/// Leaves out items without a key; yields how many there were.
fn with_keys(items: Items, columns: Columns, is_sound: Vec<bool>) -> Result<(Items, Columns, u64), ArrowError> {
    let broken = is_sound.iter().filter(|sound| !**sound).count();
    if broken == 0 {
        return Ok((items, columns, 0));
    }
    let sound_items = items.iter().zip(&is_sound).filter(|(_, sound)| **sound).map(|(item, _)| item).collect();
    let is_sound = BooleanArray::from(is_sound);
    let arrays = columns.arrays.iter().map(|(index, array)| Ok((*index, filter(array, &is_sound)?)));
    let arrays = arrays.collect::<Result<_, ArrowError>>()?;
    Ok((sound_items, Columns { arrays, ..columns }, broken as u64))
}

fn internal(message: impl ToString) -> CallError {
    failure(CallErrorKind::Request, message)
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests;
