//! Requests that tell more about listed assets: once per asset, or once per scope.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use pacbot_cloud::{CallError, CallErrorKind};
use pacbot_schemas::{ErrorMatch, Request};

use crate::assemble::{FollowUp, Outcome};
use crate::coverage::{Tally, is_denied};
use crate::decode::Items;
use crate::decode::json_text::find_text;
use crate::joined::joined;
use crate::listing::Asking;
use crate::values::{Named, Values};

/// So many refusals before any answer mean that the rest would be refused too.
const REFUSALS: u32 = 3;

/// Stops a request per asset that the account refuses altogether.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_answered: AtomicBool,
    refusals: AtomicU32,
}

impl Gate {
    fn is_shut(&self) -> bool {
        !self.is_answered.load(Ordering::Relaxed) && self.refusals.load(Ordering::Relaxed) >= REFUSALS
    }

    fn note(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Answered(_) | Outcome::Absent | Outcome::Gone => self.is_answered.store(true, Ordering::Relaxed),
            Outcome::Failed(Some(error)) if is_refused(error) => drop(self.refusals.fetch_add(1, Ordering::Relaxed)),
            Outcome::Failed(Some(_)) => self.refusals.store(0, Ordering::Relaxed),
            Outcome::Failed(None) | Outcome::Skipped => {}
        }
    }
}

/// Whether the account is refused, rather than this asset: policies of keys and buckets refuse by themselves.
fn is_refused(error: &CallError) -> bool {
    (is_denied(error) || error.kind == CallErrorKind::Credentials) && !error.message.contains("resource-based policy")
}

/// What a failed follow-up means for its asset.
fn judge(request: &Request, error: CallError) -> Outcome {
    let fits = |meant: &[ErrorMatch], code: &str| meant.iter().any(|meant| meant.fits(code, &error.message));
    match &error.code {
        Some(code) if fits(&request.absent, code) => Outcome::Absent,
        Some(code) if fits(&request.gone, code) => Outcome::Gone,
        _ => Outcome::Failed(Some(error)),
    }
}

/// One request about one asset.
struct Call<'a> {
    request: &'a Request,
    gate: &'a Gate,
    is_gone: &'a AtomicBool,
    /// The request's place among all, the asset's among the rows.
    place: (usize, usize),
    values: Values<'a>,
}

impl<'a> Asking<'a> {
    /// Asks `requests` about each of `rows` assets, so many at once. Yields them in order, with their tallies.
    pub(crate) async fn each(
        self,
        requests: &[(&'a Request, &Gate)],
        columns: &Named<'_>,
        rows: usize,
        at_once: usize,
    ) -> Vec<(String, FollowUp, Tally)> {
        let mut outcomes: Vec<(Vec<Outcome>, Tally)> = Vec::new();
        outcomes.resize_with(requests.len(), || (vec![Outcome::Skipped; rows], Tally::default()));
        let is_gone: Vec<AtomicBool> = (0..rows).map(|_| AtomicBool::new(false)).collect();
        // Asset by asset, so that what is known of one asset is of one time.
        let mut calls = Vec::with_capacity(rows * requests.len());
        for (row, is_gone) in is_gone.iter().enumerate() {
            calls.extend(requests.iter().enumerate().map(|(index, (request, gate))| Call {
                request,
                gate,
                is_gone,
                place: (index, row),
                values: Values { row: Some((columns, row)), ..Values::of(self.scope) },
            }));
        }
        let calls = stream::iter(calls).map(|call| self.one(call));
        let mut answers = calls.buffer_unordered(at_once.max(1)).boxed();
        while let Some(((index, row), outcome, tally)) = answers.next().await {
            outcomes[index].0[row] = outcome;
            outcomes[index].1.add(tally);
        }
        let named = requests.iter().map(|(request, _)| request.name.clone());
        named.zip(outcomes).map(|(name, (outcomes, tally))| (name, FollowUp::Each(outcomes), tally)).collect()
    }

    /// Boxed, as rustc cannot see that the nested futures are `Send`.
    fn one<'c>(self, call: Call<'c>) -> BoxFuture<'c, ((usize, usize), Outcome, Tally)>
    where
        'a: 'c,
    {
        Box::pin(async move {
            if call.is_gone.load(Ordering::Relaxed) {
                return (call.place, Outcome::Skipped, Tally::default());
            }
            if call.gate.is_shut() {
                return (call.place, Outcome::Failed(None), Tally::default());
            }
            let mut pager = self.pager(call.request, call.values);
            let outcome = match pager.rest().await {
                Ok(pages) => Outcome::Answered(joined(call.request, pages).into()),
                Err(error) => judge(call.request, error),
            };
            call.gate.note(&outcome);
            call.is_gone.fetch_or(matches!(outcome, Outcome::Gone), Ordering::Relaxed);
            (call.place, outcome, pager.tally)
        })
    }

    /// Asks a request of the scope.
    pub(crate) async fn once(self, request: &'a Request) -> (ScopeAnswer, Tally) {
        let mut pager = self.pager(request, Values::of(self.scope));
        let pages = pager.rest().await;
        let mut tally = std::mem::take(&mut pager.tally);
        let answer = match (pages, &request.matching) {
            (Ok(pages), Some((column, path))) => {
                let mut items = Items::default();
                pages.iter().for_each(|page| items.append(&page.items));
                let mut index = HashMap::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    if let Some(value) = find_text(item, path) {
                        index.entry(value.into_owned()).or_insert(at);
                    }
                }
                ScopeAnswer::Matched { column: column.clone(), index, items }
            }
            (Ok(pages), None) => ScopeAnswer::Same(Outcome::Answered(joined(request, pages).into())),
            (Err(error), _) => {
                let outcome = match judge(request, error) {
                    // Nothing of the scope is gone: its assets were listed.
                    Outcome::Gone => Outcome::Absent,
                    outcome => outcome,
                };
                if let Outcome::Failed(Some(error)) = &outcome {
                    tally.fail(error);
                }
                ScopeAnswer::Same(outcome)
            }
        };
        (answer, tally)
    }
}

/// What a request of the scope answered, for all chunks of assets.
#[derive(Debug)]
pub(crate) enum ScopeAnswer {
    /// The same for every asset.
    Same(Outcome),
    /// Each asset has the item whose value is that of its column. The first, if there are several.
    Matched { column: String, index: HashMap<String, usize>, items: Items },
}

impl ScopeAnswer {
    /// What it says about the assets of a chunk.
    pub(crate) fn of_rows(&self, columns: &Named<'_>, rows: usize) -> FollowUp {
        match self {
            Self::Same(outcome) => FollowUp::Same(outcome.clone()),
            Self::Matched { column, index, items } => {
                let column = columns.get(column.as_str());
                let of_row = |row: usize| {
                    let value = column.and_then(|column| crate::values::text(column, row));
                    match value.and_then(|value| index.get(&*value)) {
                        Some(at) => Outcome::Answered(items.get(*at).into()),
                        None => Outcome::Absent,
                    }
                };
                FollowUp::Each((0..rows).map(of_row).collect())
            }
        }
    }
}
