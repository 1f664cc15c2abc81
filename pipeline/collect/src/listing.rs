//! The items of `list`: of the scope, or of each item of a parent request.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use pacbot_cloud::{Aws, CallError};
use pacbot_schemas::{Request, Scope};

use crate::coverage::Tally;
use crate::decode::Items;
use crate::pager::Pager;
use crate::reader::AssetReader;
use crate::source::Source;
use crate::values::Values;

/// Listings of parents' items that are read at the same time.
const PARENTS_AT_ONCE: usize = 16;

/// Some items and what it took to get them. After an error nothing follows.
pub(crate) type Listed = (Result<Items, CallError>, Tally);

/// What the requests of one asset type are asked through in one scope.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) source: &'a dyn Source,
    /// Whose clock is waited by.
    pub(crate) aws: &'a Aws,
    pub(crate) reader: &'a Arc<AssetReader>,
    pub(crate) scope: &'a Scope,
}

impl<'a> Asking<'a> {
    pub(crate) fn pager(self, request: &'a Request, values: Values<'a>) -> Pager<'a> {
        Pager::new(self, request, values)
    }

    /// The pages of a listing of the scope.
    pub(crate) fn of_scope(self, request: &'a Request) -> BoxStream<'a, Listed> {
        let pager = self.pager(request, Values::of(self.scope));
        let pages = stream::unfold((Some(pager), true), move |(pager, is_first)| async move {
            let mut pager = pager?;
            let page = pager.next().await;
            let tally = std::mem::take(&mut pager.tally);
            match page {
                Ok(Some(page)) => Some(((Ok(page.items), tally), (Some(pager), false))),
                Ok(None) => None,
                Err(error) if is_first && means_nothing(request, &error) => {
                    Some(((Ok(Items::default()), tally), (None, false)))
                }
                Err(error) => Some(((Err(error), tally), (None, false))),
            }
        });
        pages.boxed()
    }

    /// The listings of `request` for each of the parents' items, in their order.
    pub(crate) fn of_parents(self, request: &'a Request, parent: &'a str, parents: &'a Items) -> BoxStream<'a, Listed> {
        let listings = stream::iter(0..parents.len()).map(move |index| async move {
            let item = parents.get(index);
            let mut pager = self.pager(request, Values { parent: Some((parent, item)), ..Values::of(self.scope) });
            let pages = match pager.rest().await {
                Err(error) if means_nothing(request, &error) => Ok(Vec::new()),
                pages => pages,
            };
            let items = pages.map(|pages| {
                let mut items = Items::default();
                pages.iter().flat_map(|page| page.items.iter()).for_each(|child| items.push_with(child, parent, item));
                items
            });
            (items, pager.tally)
        });
        listings.buffered(PARENTS_AT_ONCE).boxed()
    }
}

/// Whether an error of `list` says that there is nothing to list.
fn means_nothing(request: &Request, error: &CallError) -> bool {
    let Some(code) = &error.code else { return false };
    request.absent.iter().chain(&request.gone).any(|meant| meant.fits(code, &error.message))
}
