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
use crate::judging::{Judge, Judged};

/// What is judged at once.
enum Ended {
    /// Policies on one table.
    Together(Vec<Arc<Checked>>, Result<Vec<Judged>, DataFusionError>),
    /// One policy.
    Alone(Box<Judged>),
}

/// The policies that share a scan, by table.
type Tables = BTreeMap<String, Vec<Arc<Checked>>>;

/// A policy whose tables are being scanned.
struct Shared {
    checked: Arc<Checked>,
    judged: Judged,
    tables_left: usize,
    has_failed: bool,
}

/// Judges every policy; yields each when nothing of it is left to judge.
pub(crate) fn judge_all<'a>(
    judge: &'a Arc<Judge>,
    enabled: &'a [Arc<Checked>],
) -> BoxStream<'a, Result<Judged, DataFusionError>> {
    let mut done = Vec::new();
    let mut due = Vec::new();
    for checked in enabled {
        // Whether the result of the others still holds turns out on the way.
        let pending = is_shared(checked).then(|| judge.pending(checked));
        match pending {
            Some(pending) => match judge.found_before(checked, &pending.run) {
                Some(found) => done.push(found),
                None if judge.tables(checked).next().is_none() => done.push(pending),
                None => due.push(checked.clone()),
            },
            None => due.push(checked.clone()),
        }
    }
    let (tables, alone) = shared(judge, &due);
    let mut shared: HashMap<PolicyId, Shared> = HashMap::new();
    for checked in tables.values().flatten() {
        let entry = shared.entry(checked.policy.id.clone()).or_insert_with(|| Shared {
            checked: checked.clone(),
            judged: judge.pending(checked),
            tables_left: 0,
            has_failed: false,
        });
        entry.tables_left += 1;
    }

    let together = tables.into_iter().map(|(table, policies)| {
        let judge = judge.clone();
        async move {
            let ended = judge.table(table, policies.clone()).await?;
            Ok(Ended::Together(policies, ended))
        }
        .boxed()
    });
    let alone = alone.into_iter().map(|checked| {
        let judge = judge.clone();
        async move { Ok(Ended::Alone(Box::new(judge.policy(checked).await?))) }.boxed()
    });
    let work: Vec<_> = together.chain(alone).collect();
    let ended = stream::iter(work)
        .buffer_unordered(at_once())
        .map_err(|error: JoinError| DataFusionError::External(Box::new(error)));
    let judged = ended.and_then(move |ended| {
        let done = match ended {
            Ended::Alone(judged) => vec![Ok(*judged)],
            Ended::Together(policies, Ok(parts)) => {
                let parts = policies.iter().zip(parts);
                parts.filter_map(|(checked, part)| finished(&mut shared, checked, Some(part))).collect()
            }
            Ended::Together(policies, Err(error)) => {
                warn!(%error, "a scan failed; its policies are judged one by one");
                policies.iter().filter_map(|checked| finished(&mut shared, checked, None)).collect()
            }
        };
        async move { Ok(stream::iter(done).map(Ok::<_, DataFusionError>)) }
    });
    let judged = judged.try_flatten().and_then(move |done| {
        let judge = judge.clone();
        async move {
            match done {
                Ok(judged) => Ok(judged),
                Err(checked) => judge.policy(checked).await.map_err(|error| DataFusionError::External(Box::new(error))),
            }
        }
    });
    stream::iter(done.into_iter().map(Ok)).chain(judged).boxed()
}

/// Adds a table's part to a policy; yields the policy once all its tables were scanned, or itself if one of them failed.
fn finished(
    shared: &mut HashMap<PolicyId, Shared>,
    checked: &Arc<Checked>,
    part: Option<Judged>,
) -> Option<Result<Judged, Arc<Checked>>> {
    let entry = shared.get_mut(&checked.policy.id)?;
    entry.tables_left -= 1;
    match part {
        Some(part) => entry.judged.add(part),
        None => entry.has_failed = true,
    }
    if entry.tables_left > 0 {
        return None;
    }
    let entry = shared.remove(&checked.policy.id)?;
    Some(if entry.has_failed { Err(entry.checked) } else { Ok(entry.judged) })
}

/// The policies that share scans, by table, and those that are judged alone.
fn shared(judge: &Judge, enabled: &[Arc<Checked>]) -> (Tables, Vec<Arc<Checked>>) {
    let (mut tables, mut alone) = (Tables::new(), Vec::new());
    for checked in enabled {
        if !is_shared(checked) {
            alone.push(checked.clone());
            continue;
        }
        for table in judge.tables(checked) {
            tables.entry(table.clone()).or_default().push(checked.clone());
        }
    }
    (tables, alone)
}

/// Policies that are limited to groups, or differ by group, join the groups' members.
fn is_shared(checked: &Checked) -> bool {
    checked.row.is_some() && checked.scoping.names().is_empty()
}

/// Scans and policies that are judged at the same time: planning a query takes a core, reading small tables next to nothing.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8)
}
