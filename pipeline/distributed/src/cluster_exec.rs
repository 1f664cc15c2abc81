//! A plan that a cluster runs, as a node of a plan of this process.

use std::fmt;
use std::sync::Arc;

use ballista_core::execution_plans::execute_physical_plan;
use ballista_core::extension::SessionConfigExt;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::{StreamExt, TryStreamExt, stream};
use pacbot_lake::Spool;
use tracing::warn;

use crate::codec::LakeCodec;
use crate::limits::ATTEMPTS;

/// Sends a plan to a scheduler and yields its rows, in any order, as one partition.
///
/// The rows wait in a spool until all of them are here: executors hold a query's results, so whoever has handed on some of
/// them when one is lost could not ask again.
#[derive(Debug, Clone)]
pub(crate) struct ClusterExec {
    scheduler: String,
    session: String,
    plan: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl ClusterExec {
    pub(crate) fn new(scheduler: String, session: &str, plan: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { scheduler, session: session.to_owned(), plan, properties: Arc::new(properties) }
    }

    /// All rows; asks again when some were lost with an executor. A query that fails is not sent again: the scheduler has
    /// tried each of its parts several times.
    async fn rows(self, config: SessionConfig) -> Result<Spool> {
        let (codec, ballista) = (LakeCodec::default(), config.ballista_config());
        let mut attempt = 1;
        loop {
            let rows = execute_physical_plan::<PhysicalPlanNode>(
                self.scheduler.clone(),
                &ballista,
                self.plan.clone(),
                &codec,
                self.session.clone(),
                config.clone(),
            );
            match self.spooled(rows.await?).await {
                Err(error) if attempt < ATTEMPTS => {
                    warn!(%error, attempt, "the results of a query were lost; it is sent again");
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }

    async fn spooled(&self, mut rows: SendableRecordBatchStream) -> Result<Spool> {
        let mut spool = Spool::new("a query", &self.plan.schema())?;
        while let Some(batch) = rows.try_next().await? {
            spool.push(&batch)?;
        }
        Ok(spool)
    }
}

impl DisplayAs for ClusterExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterExec: scheduler={}", self.scheduler)
    }
}

impl ExecutionPlan for ClusterExec {
    fn name(&self) -> &str {
        "ClusterExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        // What the cluster runs is no part of the plan here.
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (exec, config) = (self.clone(), context.session_config().clone());
        let rows = async move {
            let spool = exec.rows(config).await?;
            Ok::<_, DataFusionError>(spool.into_stream().map_err(|error| DataFusionError::External(Box::new(error))))
        };
        let rows = stream::once(rows).try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.plan.schema(), rows)))
    }
}
