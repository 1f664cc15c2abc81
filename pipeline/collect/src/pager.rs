//! Walks through the pages of one listing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pacbot_cloud::{CallError, CallErrorKind};
use pacbot_schemas::Request;

use crate::coverage::{Tally, failure};
use crate::listing::Asking;
use crate::paging::{MAX_PAGES, PagingError, Position};
use crate::patience::until_ready;
use crate::reader::ReadPage;
use crate::source::Ask;
use crate::values::Values;

/// One listing, or one answer of a request that does not page.
pub(crate) struct Pager<'a> {
    asking: Asking<'a>,
    request: &'a Request,
    values: Values<'a>,
    position: Option<Position>,
    hash: u64,
    pages: u64,
    /// Calls, pages and time since it was last taken.
    pub(crate) tally: Tally,
}

impl<'a> Pager<'a> {
    pub(crate) fn new(asking: Asking<'a>, request: &'a Request, values: Values<'a>) -> Self {
        let position = Some(Position::first(request));
        Self { asking, request, values, position, hash: 0, pages: 0, tally: Tally::default() }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`CallError`] if it cannot be had. There is no page after that.
    pub(crate) async fn next(&mut self) -> Result<Option<ReadPage>, CallError> {
        let Some(position) = self.position.take() else { return Ok(None) };
        let began = Instant::now();
        let calls = AtomicU64::new(0);
        let page = if self.request.may_wait() {
            until_ready(self.asking.aws, self.request, || self.page(&position, &calls)).await
        } else {
            self.page(&position, &calls).await
        };
        self.tally.calls += calls.into_inner();
        self.tally.spent += began.elapsed();
        let page = page?;
        self.tally.pages += 1;
        self.pages += 1;
        // An API that ignores its page number answers the same for ever.
        let is_repeated = self.pages > 1 && page.hash == self.hash && page.next.is_some();
        if is_repeated || self.pages > MAX_PAGES {
            let error = if is_repeated { PagingError::Repeated } else { PagingError::TooManyPages };
            return Err(failure(CallErrorKind::NotAnApi, error));
        }
        self.hash = page.hash;
        self.position = page.next.clone();
        Ok(Some(page))
    }

    /// One page, and the calls that it took, also where they failed.
    async fn page(&self, position: &Position, calls: &AtomicU64) -> Result<ReadPage, CallError> {
        let ask = Ask { request: self.request, values: self.values, position };
        match self.asking.source.ask(ask).await {
            Ok(page) => {
                calls.fetch_add(page.calls, Ordering::Relaxed);
                self.asking.reader.read(self.request, page.body, position, self.values).await
            }
            Err(error) => {
                calls.fetch_add(u64::from(error.attempts), Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// All pages that are left.
    ///
    /// # Errors
    ///
    /// [`CallError`] if one cannot be had; those before it are dropped.
    pub(crate) async fn rest(&mut self) -> Result<Vec<ReadPage>, CallError> {
        let mut pages = Vec::new();
        while let Some(page) = self.next().await? {
            pages.push(page);
        }
        Ok(pages)
    }
}
