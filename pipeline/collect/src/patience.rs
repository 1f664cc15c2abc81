//! Requests whose answer takes a while to be made: asked again until it is there, or for so long.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures::future::BoxFuture;
use pacbot_cloud::{Aws, CallError, CallErrorKind};
use pacbot_schemas::{Path, Request};

use crate::coverage::failure;
use crate::reader::ReadPage;

/// So often is a request made at most.
const ATTEMPTS: usize = 24;
/// The first wait; each is twice the one before, up to the longest. Together, three and a half minutes.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why there is no page.
enum NoPage {
    NotYet(CallError),
    Failed(CallError),
}

/// Asks for a page of `request` until it is what the request waits for. Waits by the clock of `aws`.
///
/// # Errors
///
/// [`CallError`] if it cannot be had, or is still not there after all attempts.
pub(crate) async fn until_ready<'a, A, P>(aws: &'a Aws, request: &'a Request, ask: A) -> Result<ReadPage, CallError>
where
    A: Fn() -> P + Send + Sync + 'a,
    P: Future<Output = Result<ReadPage, CallError>> + Send + 'a,
{
    let waits = ExponentialBuilder::default()
        .with_factor(2.0)
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(ATTEMPTS - 1);
    // Owned, as what sleeps must be.
    let clock = aws.clone();
    let attempt = || async { judge(request, ask().await) };
    let page = attempt
        .retry(waits)
        .sleep(move |wait| {
            let clock = clock.clone();
            async move { clock.wait(wait).await }
        })
        .when(|failure| matches!(failure, NoPage::NotYet(_)));
    // Boxed: rustc cannot see through `Retry` that this function's future is `Send`.
    let page: BoxFuture<'_, Result<ReadPage, NoPage>> = Box::pin(page);
    page.await.map_err(|failure| match failure {
        NoPage::NotYet(error) | NoPage::Failed(error) => error,
    })
}

fn judge(request: &Request, page: Result<ReadPage, CallError>) -> Result<ReadPage, NoPage> {
    match page {
        Ok(page) => match &page.unready {
            Some(unready) => Err(NoPage::NotYet(failure(CallErrorKind::Timeout, unready))),
            None => Ok(page),
        },
        Err(error) => {
            let is_early = |code: &String| request.not_yet.iter().any(|meant| meant.fits(code, &error.message));
            Err(if error.code.as_ref().is_some_and(is_early) { NoPage::NotYet(error) } else { NoPage::Failed(error) })
        }
    }
}

/// What an answer still says that is not what `request` waits for.
pub(crate) fn unready(request: &Request, text_at: impl Fn(&Path) -> Option<String>) -> Option<String> {
    request.until.iter().find_map(|(path, values)| {
        let value = text_at(path).unwrap_or_default();
        (!values.contains(&value)).then(|| format!("`{path}` is still `{value}` and not {}", values.join(" or ")))
    })
}
