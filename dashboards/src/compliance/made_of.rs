//! What the numbers of a day are made of.

use datafusion::error::DataFusionError;
use futures::future::try_join_all;
use pacbot_lake::{ExceptionState, Lake, RunRow, from_batches};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::{ComplianceError, TABLE};
use crate::domain::Domain;
use crate::framework::Framework;
use crate::look::Look;
use crate::report::collected;

/// What was found of each policy, but for which run did and how long it took.
const FOUND: &str = "
    select * except (run_id, evaluated_at, millis, parts, result_hash, age)
    from newest_policy_runs
    order by policy_id";

/// The last thing that became of an issue.
const LAST_EVENT: &str = "select coalesce(max(sequence), 0) as sequence from issue_events";

/// A hash of everything that the numbers are made of: where it is the same, they are. Violations are not read, since any
/// that is new or gone is an event of its issue.
pub(super) async fn made_of(
    lake: &Lake,
    look: &Look,
    domains: &[Domain],
    frameworks: &[Framework],
    run: &RunRow,
) -> Result<String, ComplianceError> {
    let day = run.run_at.date_naive();
    let counted = |source: DataFusionError| ComplianceError::Count { day, source: Box::new(source) };
    // What was not answered is part of what was found.
    let assets: Vec<_> = run.snapshot.iter().filter(|pin| pin.table != "coverage").collect();
    let mut told = vec![env!("CARGO_PKG_VERSION").to_owned(), format!("{assets:?}")];
    let read = try_join_all([FOUND, LAST_EVENT].map(|sql| collected(&look.ctx, sql, Vec::new())));
    for batches in read.await.map_err(counted)? {
        told.push(Value::Array(from_batches(TABLE, &batches)?).to_string());
    }
    let members = lake.table("asset_group_members").await?;
    told.push(format!("{:?}", members.map(|members| members.version())));
    told.push(format!("{:?} {domains:?} {frameworks:?}", look.groups));
    let in_force = look.exceptions.iter().filter(|exception| exception.state(run.run_at) == ExceptionState::Active);
    told.push(format!("{:?}", in_force.collect::<Vec<_>>()));
    Ok(format!("{:032x}", xxh3_128(told.join("\0").as_bytes())))
}
