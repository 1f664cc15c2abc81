//! Plans queries for a cluster.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use crate::cluster::Cluster;
use crate::cluster_exec::ClusterExec;

/// Plans as the engine does, and has the cluster run what reads files.
#[derive(Debug)]
pub(crate) struct ClusterPlanner {
    pub(crate) cluster: Cluster,
}

#[async_trait]
impl QueryPlanner for ClusterPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        // It may have been optimised for one process, where parts of a plan share what they find.
        let plan = session.optimize(plan)?;
        let physical = DefaultPhysicalPlanner::default().create_physical_plan(&plan, session).await?;
        // What the log tells is known here.
        if !reads_files(&physical)? {
            return Ok(physical);
        }
        Ok(Arc::new(ClusterExec::new(self.cluster.clone(), session.session_id(), with_tables(physical)?)))
    }
}

/// The plan with a table in memory for each leaf that makes its rows itself.
///
/// Ballista 55 does so for the branches of a union that a task does not run. A table has metrics, such a leaf has none; and
/// a task that tells of fewer metrics than others of its stage has its rows forgotten
/// (`ExecutionGraph::update_task_status` returns early where `update_task_metrics` fails).
fn with_tables(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let replaced = plan.transform_up(|node| {
        let rows = if node.is::<EmptyExec>() {
            Vec::new()
        } else if node.is::<PlaceholderRowExec>() && node.schema().fields().is_empty() {
            let one = RecordBatchOptions::new().with_row_count(Some(1));
            vec![RecordBatch::try_new_with_options(node.schema(), Vec::new(), &one)?]
        } else {
            return Ok(Transformed::no(node));
        };
        let parts = vec![rows; node.properties().output_partitioning().partition_count()];
        Ok(Transformed::yes(MemorySourceConfig::try_new_exec(&parts, node.schema(), None)? as Arc<dyn ExecutionPlan>))
    });
    Ok(replaced?.data)
}

fn reads_files(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        let source = node.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
        Ok(source.is_some_and(|source| source.downcast_ref::<FileScanConfig>().is_some()))
    })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use datafusion::physical_plan::union::UnionExec;

    use super::*;

    #[test]
    fn leaves_that_make_rows_become_tables() {
        let schema = Arc::new(Schema::empty());
        let empty: Arc<dyn ExecutionPlan> = Arc::new(EmptyExec::new(schema.clone()));
        let union = UnionExec::try_new(vec![empty, Arc::new(PlaceholderRowExec::new(schema))]).unwrap();
        let replaced = with_tables(union).unwrap();
        assert!(replaced.children().into_iter().all(|branch| branch.is::<DataSourceExec>()));
        assert_eq!(replaced.properties().output_partitioning().partition_count(), 2);
    }
}
