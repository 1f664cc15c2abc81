//! A policy's plan, made once, over the tables of any session.
//!
//! A policy is planned when it is loaded, since that tells whether it is right and what it reads. Its plan names the same
//! tables in every session, so an evaluation puts the session's tables in and does not plan again; the optimiser goes on
//! where it was left.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};

use crate::members::{Members, OfMembers};
use crate::of_accounts::{AccountIds, OfAccounts};

/// `plan` over the tables of `ctx`, which have the same columns; of `accounts` alone, if they are given, and without values
/// of other members than `members`.
pub(crate) async fn over_tables_of(
    ctx: &SessionContext,
    plan: &LogicalPlan,
    accounts: Option<&AccountIds>,
    members: Option<&Members>,
) -> Result<DataFrame, DataFusionError> {
    let mut names = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            names.insert(scan.table_name.table().to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut tables: HashMap<String, Arc<dyn TableSource>> = HashMap::new();
    for name in names {
        let mut table = ctx.table_provider(name.as_str()).await?;
        if let Some(members) = members {
            table = Arc::new(OfMembers { table, members: members.clone() });
        }
        if let Some(accounts) = accounts {
            table = Arc::new(OfAccounts { table, accounts: accounts.clone() });
        }
        tables.insert(name, provider_as_source(table));
    }
    let bound = plan.clone().transform_down_with_subqueries(|node| match node {
        LogicalPlan::TableScan(mut scan) => {
            if let Some(table) = tables.get(scan.table_name.table()) {
                scan.source = table.clone();
            }
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        node => Ok(Transformed::no(node)),
    })?;
    Ok(DataFrame::new(ctx.state(), bound.data))
}

/// Runs a plan whose types are right already, and which was optimised once.
pub(crate) async fn run_optimised(frame: DataFrame) -> Result<SendableRecordBatchStream, DataFusionError> {
    let (state, plan) = frame.into_parts();
    let plan = state.optimizer().optimize(plan, &state, |_, _| {})?;
    let physical: Arc<dyn ExecutionPlan> = state.query_planner().create_physical_plan(&plan, &state).await?;
    execute_stream(physical, state.task_ctx())
}
