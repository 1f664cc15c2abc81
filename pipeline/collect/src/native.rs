//! Collectors for APIs that are more than requests: they make calls on an official SDK and answer JSON in
//! the shape that the asset type file declares. All else is the engine's.

use pacbot_cloud::Aws;
use pacbot_schemas::Scope;

use crate::source::Source;

mod s3;

/// The native source of the asset type with this table, for one scope.
pub(crate) fn source(table: &str, aws: &Aws, scope: &Scope) -> Option<Box<dyn Source>> {
    match table {
        "aws_s3_bucket" => Some(Box::new(s3::S3Source::new(aws, scope))),
        _ => None,
    }
}
