//! S3 stub
use futures::future::BoxFuture;
use pacbot_cloud::{Aws, CallError};
use pacbot_schemas::Scope;
use crate::source::{Ask, Page, Source};
pub(crate) struct S3Source;
impl S3Source { pub(crate) fn new(_: &Aws, _: &Scope) -> Self { Self } }
impl Source for S3Source {
    fn ask<'a>(&'a self, _: Ask<'a>) -> BoxFuture<'a, Result<Page, CallError>> { Box::pin(async { Err(crate::coverage::failure(pacbot_cloud::CallErrorKind::Request, "x")) }) }
}
