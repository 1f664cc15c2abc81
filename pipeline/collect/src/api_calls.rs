//! What an asset type asks of an account, for least-privilege roles and for people who want to know.

use pacbot_schemas::AssetTypeDef;

/// One kind of call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiCall {
    /// The service's signing name.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The permission that it takes.
    pub permission: String,
    /// The request's name in the asset type file.
    pub request: String,
    /// Whether it is made only when a column that it feeds is read.
    pub optional: bool,
}

/// The calls that reading `def` takes, in the order of its file.
#[must_use]
pub fn api_calls(def: &AssetTypeDef) -> Vec<ApiCall> {
    let call = |request: &pacbot_schemas::Request| ApiCall {
        service: request.service.clone(),
        operation: request.operation.clone(),
        permission: request.permission.clone(),
        request: request.name.clone(),
        optional: request.optional,
    };
    def.requests.values().map(call).collect()
}
