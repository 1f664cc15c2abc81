//! Where the queries of an evaluation run.

use datafusion::prelude::SessionContext;

/// Runs queries, here or elsewhere.
pub trait Engine: Send + Sync {
    /// A session over the tables of `ctx` whose queries this engine runs. They yield the same rows wherever that is, in
    /// any order.
    fn session(&self, ctx: &SessionContext) -> SessionContext;

    /// Whether rows come from elsewhere, so that it is worth another look at the files to fetch only those that count.
    fn is_remote(&self) -> bool;
}

/// Runs queries in this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Engine for InProcess {
    fn session(&self, ctx: &SessionContext) -> SessionContext {
        ctx.clone()
    }

    fn is_remote(&self) -> bool {
        false
    }
}
