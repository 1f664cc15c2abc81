//! Which policies share a scan, and all of them judged, a few at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::error::DataFusionError;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use pacbot_schemas::PolicyId;
use tokio::task::JoinError;
use tracing::warn;

use crate::catalog::Checked;
use crate::judging::{Due, Held, Judge, Judged};
use crate::of_accounts::AccountIds;

/// What is judged at once.
enum Ended {
    /// Policies on one table.
    Together(Vec<Arc<Due>>, Result<Vec<Judged>, DataFusionError>),
    /// One policy.
    Alone(Box<Judged>),
}

/// A policy of which no table is left to scan.
enum Done {
    /// It is judged.
    Judged(Box<Judged>),
    /// It is judged for some accounts; how many assets there are in all is not known yet.
    Uncounted(Box<Judged>, Arc<Due>),
    /// A scan failed: it is judged by itself.
    Failed(Arc<Due>),
}

/// A policy whose tables are being scanned.
struct Shared {
    judged: Judged,
    tables_left: usize,
    has_failed: bool,
}

/// Judges every policy; yields each when nothing of it is left to judge.
pub(crate) fn judge_all<'a>(
    judge: &'a Arc<Judge>,
    enabled: &[Arc<Checked>],
) -> BoxStream<'a, Result<Judged, DataFusionError>> {
    let (mut done, mut alone) = (Vec::new(), Vec::new());
    // The policies that share a scan, by table, and by the accounts that are to be judged again.
    let mut scans: BTreeMap<(String, Option<AccountIds>), Vec<Arc<Due>>> = BTreeMap::new();
    let mut shared: HashMap<PolicyId, Shared> = HashMap::new();
    for checked in enabled {
        let due = judge.due(checked.clone());
        if !is_shared(checked) {
            // Whether its result still holds turns out on the way.
            alone.push(due);
        } else {
            let judged = match judge.held(checked, &due.run) {
                Held::All(found) => {
                    done.push(found);
                    continue;
                }
                Held::Others(found) => found,
                Held::Nothing => Judged::nothing(&due),
            };
            let accounts = judged.again.as_ref().map(|again| again.accounts.clone());
            let mut tables_left = 0;
            for table in judge.tables(checked) {
                scans.entry((table.clone(), accounts.clone())).or_default().push(due.clone());
                tables_left += 1;
            }
            if tables_left == 0 {
                done.push(judged);
            } else {
                shared.insert(judged.run.policy_id.clone(), Shared { judged, tables_left, has_failed: false });
            }
        }
    }

    let together = scans.into_iter().map(|((table, accounts), policies)| {
        let judge = judge.clone();
        async move {
            let ended = judge.table(table, accounts, policies.clone()).await?;
            Ok(Ended::Together(policies, ended))
        }
        .boxed()
    });
    let alone = alone.into_iter().map(|due| {
        let judge = judge.clone();
        async move { Ok(Ended::Alone(Box::new(judge.policy(due).await?))) }.boxed()
    });
    let work: Vec<_> = together.chain(alone).collect();
    let ended = stream::iter(work)
        // Planning a query takes a core, reading small tables next to nothing.
        .buffer_unordered(cores())
        .map_err(|error: JoinError| DataFusionError::External(Box::new(error)));
    let judged = ended.and_then(move |ended| {
        let done = match ended {
            Ended::Alone(judged) => vec![Done::Judged(judged)],
            Ended::Together(policies, Ok(parts)) => {
                let parts = policies.iter().zip(parts);
                parts.filter_map(|(due, part)| finished(&mut shared, due, Some(part))).collect()
            }
            Ended::Together(policies, Err(error)) => {
                warn!(%error, "a scan failed; its policies are judged one by one");
                policies.iter().filter_map(|due| finished(&mut shared, due, None)).collect()
            }
        };
        async move { Ok(stream::iter(done).map(Ok::<_, DataFusionError>)) }
    });
    let judged = judged.try_flatten().and_then(move |done| {
        let judge = judge.clone();
        async move {
            let due = match done {
                Done::Judged(judged) => return Ok(*judged),
                Done::Uncounted(mut judged, due) => match judge.counted(&due, &mut judged).await {
                    Ok(()) => return Ok(*judged),
                    Err(_) => due,
                },
                Done::Failed(due) => due,
            };
            judge.policy(due).await.map_err(|error| DataFusionError::External(Box::new(error)))
        }
    });
    stream::iter(done.into_iter().map(Ok)).chain(judged).boxed()
}

/// Adds a table's part to a policy; yields the policy once all its tables were scanned, or itself if one of them failed.
fn finished(shared: &mut HashMap<PolicyId, Shared>, due: &Arc<Due>, part: Option<Judged>) -> Option<Done> {
    let entry = shared.get_mut(&due.run.policy_id)?;
    entry.tables_left -= 1;
    match part {
        Some(part) => entry.judged.add(part),
        None => entry.has_failed = true,
    }
    if entry.tables_left > 0 {
        return None;
    }
    let entry = shared.remove(&due.run.policy_id)?;
    let judged = Box::new(entry.judged);
    Some(match judged.again {
        _ if entry.has_failed => Done::Failed(due.clone()),
        Some(_) => Done::Uncounted(judged, due.clone()),
        None => Done::Judged(judged),
    })
}

/// Policies that are limited to groups, or differ by group, join the groups' members.
fn is_shared(checked: &Checked) -> bool {
    checked.row.is_some() && checked.scoping.names().is_empty()
}

/// How much is done at the same time.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8)
}
