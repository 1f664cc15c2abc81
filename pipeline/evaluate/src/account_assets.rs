//! The number of assets of each account, counted once a collection: whoever reports it would read the log of every type's
//! table.

use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use futures::stream;
use pacbot_lake::{Lake, from_batches, to_batch};
use pacbot_schemas::RunId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::evaluation::EvaluateError;

const TABLE: &str = "account_assets";

/// All its rows are made again together.
const NEWEST: &str = "newest";

const COUNT: &str = "select account_id, count(*) as assets from assets group by account_id order by account_id";

#[derive(Debug, Deserialize)]
struct Counted {
    #[serde(default)]
    account_id: Option<String>,
    assets: u64,
}

#[derive(Debug, Deserialize)]
struct Newest {
    #[serde(default)]
    run_at: Option<DateTime<Utc>>,
}

/// Counts the assets that `ctx` shows and notes how many each account has, unless what is noted is of a later time than
/// `run_at`. Yields how many there are in all.
pub(crate) async fn count_assets(
    lake: &Lake,
    ctx: &SessionContext,
    run_id: &RunId,
    run_at: DateTime<Utc>,
) -> Result<u64, EvaluateError> {
    let counted: Vec<Counted> = from_batches("assets", &ctx.sql(COUNT).await?.collect().await?)?;
    let (own, _) = lake.own_session(&[TABLE], run_at).await?;
    let newest = own.sql("select max(run_at) as run_at from account_assets").await?.collect().await?;
    let newest: Vec<Newest> = from_batches(TABLE, &newest)?;
    if newest.first().and_then(|newest| newest.run_at).is_none_or(|newest| newest <= run_at) {
        let row = |Counted { account_id, assets }: &Counted| json!({ "run_id": run_id, "run_at": run_at, "account_id": account_id, "assets": assets });
        let rows: Vec<Value> = counted.iter().map(row).collect();
        let batch = to_batch(TABLE, lake.schema_of(TABLE)?, &rows)?;
        lake.replace_made_rows(TABLE, NEWEST, run_id.as_str(), stream::iter([Ok(batch)]), run_at).await?;
    }
    Ok(counted.iter().map(|counted| counted.assets).sum())
}
