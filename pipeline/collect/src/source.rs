//! Who makes the requests of an asset type: the generic engine, or a native collector on an SDK.
//!
//! A source makes one call and yields the bytes of one page. Paging, decoding, coverage and what error
//! codes mean are the same for all.

use bytes::Bytes;
use futures::future::BoxFuture;
use pacbot_cloud::{Aws, CallError};
use pacbot_schemas::Request;

use crate::api_request::api_request;
use crate::paging::Position;
use crate::values::Values;

/// One page that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) request: &'a Request,
    pub(crate) values: Values<'a>,
    pub(crate) position: &'a Position,
}

/// One page, in the request's protocol; a native source answers JSON.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) body: Bytes,
    /// HTTP calls, with retries.
    pub(crate) calls: u64,
}

/// Makes requests in one scope.
pub(crate) trait Source: Send + Sync {
    /// Asks for one page.
    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Page, CallError>>;
}

/// Calls APIs as the asset type file says.
#[derive(Debug)]
pub(crate) struct ApiSource {
    pub(crate) aws: Aws,
}

impl Source for ApiSource {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Page, CallError>> {
        Box::pin(async move {
            let call = api_request(ask.request, &ask.values, ask.position)?;
            let answer = self.aws.call(ask.values.scope, call).await?;
            Ok(Page { body: answer.body, calls: u64::from(answer.attempts) })
        })
    }
}
