//! A cluster as an engine of evaluations.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::extension::SessionConfigExt;
use ballista_core::optimizer::with_ballista_optimizer_rules;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use pacbot_evaluate::Engine;

use crate::limits::MESSAGE;
use crate::planner::ClusterPlanner;

/// A Ballista cluster, as whoever has queries for it sees it.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) scheduler: String,
    pub(crate) deadline: Duration,
    parts: NonZeroUsize,
}

impl Cluster {
    /// The cluster of the scheduler at the address `scheduler`, for example `http://127.0.0.1:50050`. Queries are split
    /// into up to `parts` parts, which executors run side by side. One that has not ended after `deadline` is cancelled and
    /// sent again.
    #[must_use]
    pub fn new(scheduler: &str, parts: NonZeroUsize, deadline: Duration) -> Self {
        Self { scheduler: scheduler.trim_end_matches('/').to_owned(), deadline, parts }
    }
}

impl Engine for Cluster {
    fn session(&self, ctx: &SessionContext) -> SessionContext {
        let state = ctx.state();
        let config = config(state.config().clone()).with_target_partitions(self.parts.get());
        let rules = with_ballista_optimizer_rules(state.optimizers());
        let planner = ClusterPlanner { cluster: self.clone() };
        let state = SessionStateBuilder::new_from_existing(state)
            .with_config(config)
            .with_optimizer_rules(rules)
            .with_query_planner(Arc::new(planner))
            .build();
        SessionContext::new_with_state(state)
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// Settings that a plan must be made with to be run in parts: among others no filters that one operator fills while another
/// reads them, and joins that can spill.
fn config(config: SessionConfig) -> SessionConfig {
    let config = config.upgrade_for_ballista().with_ballista_grpc_client_max_message_size(MESSAGE as usize);
    // The session has its tables.
    config.with_create_default_catalog_and_schema(false)
}
