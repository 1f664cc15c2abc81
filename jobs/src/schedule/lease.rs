//! Who leads: a row of the table `leases`, changed by commits on the version that was read.
//!
//! Clocks of machines may differ: a lease that is taken too early or too late costs a change of the leader. That nothing
//! runs twice does not depend on it, but on the term; see [`super::Journal`].

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::stream;
use pacbot_lake::{Lake, LakeError, from_batches, to_batch};
use serde::{Deserialize, Serialize};

use super::error::ScheduleError;

const TABLE: &str = "leases";
/// The lease of the schedulers.
const SCHEDULE: &str = "schedule";

const ATTEMPTS: u32 = 20;

/// A scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Unlike that of any other.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// Its process there.
    pub process: u32,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn new(host: &str) -> Self {
        let process = std::process::id();
        let id = format!("{host}/{process}/{:08x}", rand::random::<u32>());
        Self { id, host: host.to_owned(), process }
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What is leased.
    pub lease: String,
    /// Who holds it.
    pub holder: String,
    /// The holder's machine.
    pub host: String,
    /// The holder's process.
    pub process: u32,
    /// Counts the holders.
    pub term: u64,
    /// When the term began.
    pub acquired_at: DateTime<Utc>,
    /// When the holder last said that it lives.
    pub renewed_at: DateTime<Utc>,
    /// When the term ends unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

/// What the lease becomes if `me` asks for it: renewed if it is mine, even late, as long as nobody else took it; a new
/// term if it is over or there is none; `None` if another holds it.
pub(crate) fn asked(found: Option<&Lease>, me: &Holder, ttl: Duration, now: DateTime<Utc>) -> Option<Lease> {
    let expires_at = now + ttl;
    match found {
        Some(lease) if lease.holder == me.id => Some(Lease { renewed_at: now, expires_at, ..lease.clone() }),
        Some(lease) if now < lease.expires_at => None,
        _ => Some(Lease {
            lease: SCHEDULE.to_owned(),
            holder: me.id.clone(),
            host: me.host.clone(),
            process: me.process,
            term: found.map_or(1, |lease| lease.term + 1),
            acquired_at: now,
            renewed_at: now,
            expires_at,
        }),
    }
}

/// The lease as it stands, with the table's version.
async fn read(lake: &Lake, now: DateTime<Utc>) -> Result<(Option<u64>, Option<Lease>), ScheduleError> {
    let (ctx, versions) = lake.own_session(&[TABLE], now).await?;
    let version = versions.0.get(TABLE).copied();
    let rows = ctx.sql("select * from leases where lease = 'schedule'").await?.collect().await?;
    Ok((version, from_batches(TABLE, &rows)?.pop()))
}

/// The lease as it stands; `None` when nobody ever led.
///
/// # Errors
///
/// [`ScheduleError::Lake`], [`ScheduleError::Query`]
pub async fn current(lake: &Lake, now: DateTime<Utc>) -> Result<Option<Lease>, ScheduleError> {
    Ok(read(lake, now).await?.1)
}

async fn write(lake: &Lake, version: Option<u64>, lease: &Lease) -> Result<bool, ScheduleError> {
    let batch = to_batch(TABLE, lake.schema_of(TABLE)?, std::slice::from_ref(lease))?;
    let rows = stream::iter([Ok::<_, LakeError>(batch)]);
    Ok(lake.commit_on(TABLE, version, rows, true, lease.renewed_at).await?.is_some())
}

/// Takes or renews the lease; yields it as it is now, mine or another's, and as it was.
pub(crate) async fn ask(
    lake: &Lake,
    me: &Holder,
    ttl: Duration,
    now: impl Fn() -> DateTime<Utc>,
) -> Result<(Lease, Option<Lease>), ScheduleError> {
    for _ in 0..ATTEMPTS {
        let (version, found) = read(lake, now()).await?;
        match asked(found.as_ref(), me, ttl, now()) {
            Some(lease) if write(lake, version, &lease).await? => return Ok((lease, found)),
            // Overtaken; the next look says by whom.
            Some(_) => {}
            None => {
                if let Some(found) = found {
                    return Ok((found.clone(), Some(found)));
                }
            }
        }
    }
    Err(ScheduleError::Contention { table: TABLE, attempts: ATTEMPTS })
}

/// Ends the term now, so that the next leader need not wait. Whoever took it meanwhile keeps it.
pub(crate) async fn release(lake: &Lake, me: &Holder, now: DateTime<Utc>) -> Result<(), ScheduleError> {
    let (version, found) = read(lake, now).await?;
    if let Some(lease) = found.filter(|lease| lease.holder == me.id) {
        // Overtaken is as good: somebody else leads.
        write(lake, version, &Lease { renewed_at: now, expires_at: now, ..lease }).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_750_000_000 + second, 0).unwrap()
    }

    const TTL: Duration = Duration::from_secs(60);

    #[test]
    fn one_holder_a_term() {
        let [a, b] = [Holder::new("a"), Holder::new("b")];
        let first = asked(None, &a, TTL, at(0)).unwrap();
        assert_eq!((first.term, first.expires_at), (1, at(60)));
        assert_eq!(asked(Some(&first), &b, TTL, at(59)), None);
        let renewed = asked(Some(&first), &a, TTL, at(20)).unwrap();
        assert_eq!((renewed.term, renewed.acquired_at, renewed.expires_at), (1, at(0), at(80)));
        let taken = asked(Some(&renewed), &b, TTL, at(80)).unwrap();
        assert_eq!((taken.term, taken.holder.as_str()), (2, b.id.as_str()));
        assert_eq!(asked(Some(&taken), &a, TTL, at(81)), None, "who woke up late sees that its term is over");
    }

    #[test]
    fn a_lease_that_nobody_took_goes_on() {
        let a = Holder::new("a");
        let first = asked(None, &a, TTL, at(0)).unwrap();
        assert_eq!(asked(Some(&first), &a, TTL, at(4000)).unwrap().term, 1);
    }
}
