//! A plan on its way to a scheduler, and its rows on their way back.

use std::sync::Arc;

use backon::{ConstantBuilder, Retryable};
use ballista_core::client::BallistaClient;
use ballista_core::extension::{SessionConfigExt, SessionConfigHelperExt};
use ballista_core::serde::protobuf::execute_query_params::Query as Sent;
use ballista_core::serde::protobuf::{ExecuteQueryParams, PartitionLocation};
use ballista_core::utils::GrpcClientConfig;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::TryStreamExt;
use pacbot_lake::Spool;
use tracing::warn;

use crate::cluster::Cluster;
use crate::codec::LakeCodec;
use crate::job::Job;
use crate::limits::{AGAIN, ATTEMPTS};
use crate::query_error::QueryError;

/// A query, as it is sent.
pub(crate) struct Query<'a> {
    cluster: &'a Cluster,
    plan: &'a Arc<dyn ExecutionPlan>,
    sent: ExecuteQueryParams,
    grpc: GrpcClientConfig,
}

impl<'a> Query<'a> {
    /// The query that asks `cluster` for the rows of `plan`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Plan`] if an operator of it cannot be written down
    pub(crate) fn new(
        cluster: &'a Cluster,
        plan: &'a Arc<dyn ExecutionPlan>,
        session: &str,
        config: &SessionConfig,
    ) -> Result<Self, QueryError> {
        let mut bytes = Vec::new();
        PhysicalPlanNode::try_from_physical_plan(plan.clone(), &LakeCodec::default())
            .and_then(|plan| plan.try_encode(&mut bytes))
            .map_err(|error| QueryError::Plan {
                scheduler: cluster.scheduler.clone(),
                reason: error.strip_backtrace(),
            })?;
        let sent = ExecuteQueryParams {
            query: Some(Sent::PhysicalPlan(bytes)),
            settings: config.to_key_value_pairs(),
            session_id: session.to_owned(),
            operation_id: String::new(),
        };
        Ok(Self { cluster, plan, sent, grpc: GrpcClientConfig::from(&config.ballista_config()) })
    }

    /// All rows. It is sent again when they are lost with an executor or do not come in time. One that fails is not: it would
    /// fail again.
    ///
    /// # Errors
    ///
    /// [`QueryError::GivenUp`] after some attempts, or why another attempt would be in vain
    pub(crate) async fn rows(&self) -> Result<Spool, QueryError> {
        let attempts = (|| self.attempt()).retry(ConstantBuilder::new().with_delay(AGAIN).with_max_times(ATTEMPTS - 1));
        let attempts = attempts.when(QueryError::is_passing).notify(|error, _| warn!(%error, "a query is sent again"));
        attempts.await.map_err(|last| {
            if last.is_passing() { QueryError::GivenUp { attempts: ATTEMPTS, last: Box::new(last) } } else { last }
        })
    }

    async fn attempt(&self) -> Result<Spool, QueryError> {
        let mut job = Job::send(&self.cluster.scheduler, self.sent.clone(), &self.grpc).await?;
        let deadline = self.cluster.deadline;
        let rows = async { self.fetched(job.ended().await?).await };
        match tokio::time::timeout(deadline, rows).await {
            Ok(rows) => rows,
            Err(_) => {
                job.cancel().await;
                Err(QueryError::Late { scheduler: self.cluster.scheduler.clone(), deadline })
            }
        }
    }

    /// The rows at these places. They wait in a spool until all of them are here: executors hold a query's results, so whoever
    /// has handed on some of them when one is lost could not ask again.
    async fn fetched(&self, places: Vec<PartitionLocation>) -> Result<Spool, QueryError> {
        let lost = |reason: String| QueryError::Lost { scheduler: self.cluster.scheduler.clone(), reason };
        let mut spool = Spool::new("a query", &self.plan.schema())?;
        for place in places {
            let layout = place.layout();
            let (Some(executor), Some(part)) = (place.executor_meta, place.partition_id) else {
                return Err(lost("the scheduler does not say where rows are".to_owned()));
            };
            let mut client = BallistaClient::try_new(
                &executor.host,
                executor.port as u16,
                self.grpc.max_message_size,
                self.grpc.use_tls,
                None,
                self.grpc.io_retries_times,
                self.grpc.io_retry_wait_time_ms,
                0,
                0,
            )
            .await
            .map_err(|error| lost(error.to_string()))?;
            let rows = client.fetch_partition(&executor.id, &part.into(), place.file_id, layout, true).await;
            let mut rows = rows.map_err(|error| lost(error.to_string()))?;
            while let Some(batch) = rows.try_next().await.map_err(|error| lost(error.strip_backtrace()))? {
                spool.push(&batch)?;
            }
        }
        Ok(spool)
    }
}

#[cfg(test)]
mod tests;
